//! Building a finding piece by piece.

use crate::doctor::finding::{Confidence, Finding};
use crate::event::{self, Fix};
use crate::readiness::Root;

/// A finding about a thing of this kind and name.
pub(super) fn draft(rule: &str, kind: &str, name: &str, summary: impl Into<String>) -> Finding {
    Finding::new(rule, Root::new(kind, "", name), summary)
}

/// What a thing said of itself, as a finding of this rule.
pub(super) fn said(rule: &str, kind: &str, name: &str, said: &event::Finding) -> Finding {
    let mut finding = draft(rule, kind, name, said.summary.clone());
    finding.evidence = said.evidence.iter().take(5).cloned().collect();
    finding.fix.clone_from(&said.fix);
    finding
}

impl Finding {
    /// Sets the fix.
    pub(super) fn mended_by(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(Fix::safe(command));
        self
    }

    /// Sets a fix that removes something.
    pub(super) fn mended_by_removal(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(Fix::destructive(command));
        self
    }

    /// Says that much speaks for it, and nothing proves it.
    pub(super) fn likely(mut self) -> Self {
        self.confidence = Confidence::Likely;
        self
    }
}
