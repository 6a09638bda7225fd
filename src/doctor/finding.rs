//! A finding: one cause, what proves it, what it keeps down, and what to do. How it reads on a
//! terminal is `report/`.

use std::collections::BTreeSet;

use super::rule::{Layer, Recovery, Repair, Rule, by_id};
use crate::event::{Evidence, Fix};
use crate::readiness::Root;
pub use crate::readiness::{Confidence, Whose};

/// One cause of trouble.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// The object at fault; it need not exist.
    pub root: Root,
    /// One sentence without a final period.
    pub summary: String,
    /// What proves it, at most five lines.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub fix: Option<Fix>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who has to change something.
    pub whose: Whose,
    /// What it keeps from being ready: workloads and services, not their pods.
    pub affects: Vec<Root>,
    /// In how many pods it shows.
    pub pods: usize,
    /// What it asks for in vain: trouble there comes before it.
    pub needs: Option<Root>,
    /// The registry that an image could not be had from.
    pub registry: Option<String>,
    /// Whether only a person can repair it this time, whatever the rule says.
    pub is_by_hand: bool,
}

impl Finding {
    /// What nothing speaks for yet and nothing is known to cure.
    #[must_use]
    pub fn new(rule: &str, root: Root, summary: impl Into<String>) -> Self {
        Self {
            rule: by_id(rule),
            root,
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

    /// Adds a line of evidence.
    pub(super) fn because(mut self, source: impl Into<String>, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(source, text));
        self
    }

    /// Who may repair it.
    #[must_use]
    pub fn repair(&self) -> Repair {
        if self.is_by_hand { Repair::ByHand } else { self.rule.repair }
    }

    /// Whether it is, or keeps down, any of these objects. A node keeps down all.
    #[must_use]
    pub fn touches(&self, objects: &BTreeSet<Root>) -> bool {
        self.rule.layer == Layer::Node
            || objects.contains(&self.root)
            || self.affects.iter().any(|one| objects.contains(one))
    }

    /// The finding with its command for the cluster of this context.
    #[must_use]
    pub fn pinned(self, context: &str) -> Self {
        Self { fix: self.fix.map(|fix| fix.pinned(context)), ..self }
    }

    /// How what it keeps down comes back.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.rule.recovery
    }
}

/// `secret/shop/keys`, `node//lab-node`: how a root is written wherever it is read by programs.
#[must_use]
pub fn path(root: &Root) -> String {
    format!("{}/{}/{}", root.kind.to_ascii_lowercase(), root.namespace, root.name)
}
