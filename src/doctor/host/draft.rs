//! Building a finding piece by piece.

use crate::doctor::finding::{Confidence, Finding};
use crate::doctor::rule::by_id;
use crate::event::{self, BLANK, Evidence, Fix, Form, Safety};
use crate::readiness::Root;
use crate::readiness::cause::Whose;

/// The programs that fixes below Kubernetes run.
pub(in crate::doctor) const PROGRAMS: [&str; 14] = [
    "aws",
    "az",
    "curl",
    "df",
    "docker",
    "dockerd",
    "gcloud",
    "k3d",
    "kubectl",
    "minikube",
    "mlup",
    "ss",
    "sudo",
    "systemctl",
];

/// A fix as it was written down: a line for a shell where it begins with a program, words otherwise.
pub(in crate::doctor) fn written(text: impl Into<String>, safety: Safety) -> Fix {
    let text = text.into();
    let first = text.split(' ').next().unwrap_or_default();
    let form = if !PROGRAMS.contains(&first) {
        Form::Advice
    } else if text.contains(BLANK) {
        Form::Template
    } else {
        Form::Command
    };
    Fix::written(text, safety, Some(form))
}

/// A finding about a thing of this kind and name.
pub(super) fn draft(rule: &str, kind: &str, name: &str, summary: impl Into<String>) -> Finding {
    Finding {
        rule: by_id(rule),
        root: Root::new(kind, "", name),
        summary: summary.into(),
        evidence: Vec::new(),
        fix: None,
        confidence: Confidence::Proven,
        whose: Whose::Environment,
        affects: Vec::new(),
        pods: 0,
        needs: None,
        registry: None,
        is_by_hand: false,
    }
}

/// What a thing said of itself, as a finding of this rule.
pub(super) fn said(rule: &str, kind: &str, name: &str, said: &event::Finding) -> Finding {
    let mut finding = draft(rule, kind, name, said.summary.clone());
    finding.evidence = said.evidence.iter().take(5).cloned().collect();
    finding.fix.clone_from(&said.fix);
    finding
}

impl Finding {
    /// Adds a line of evidence.
    pub(super) fn because(mut self, source: impl Into<String>, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(source, text));
        self
    }

    /// Sets the fix.
    pub(super) fn mended_by(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(written(command, Safety::Safe));
        self
    }

    /// Sets a fix that removes something.
    pub(super) fn mended_by_removal(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(written(command, Safety::Destructive));
        self
    }

    /// Says that much speaks for it, and nothing proves it.
    pub(super) fn likely(mut self) -> Self {
        self.confidence = Confidence::Likely;
        self
    }
}
