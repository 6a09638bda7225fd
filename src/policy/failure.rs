//! `Failure`: what went wrong with a step, classified. Data only: who retries is `engine::machine`,
//! how it reads is `report/`.

use crate::event::{Diagnosis, Evidence, Finding, Fix};
use crate::policy::escalate::Onset;

/// What a failure means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// May pass by itself: retried with backoff.
    Transient,
    /// A tool, daemon, login or resource is missing. Exit 4.
    Prerequisite,
    /// What was asked for cannot be right. Exit 3.
    Config,
    /// Consent is needed, or something foreign is in the way. Exit 7.
    Refused,
    /// The step's own time is over. Exit 5.
    Timeout,
    /// Broken for good: trying again gives the same. Exit 1.
    Permanent,
    /// A bug in mlup. Exit 70.
    Internal,
}

impl Class {
    /// Whether trying the same again can help.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        self == Self::Transient
    }
}

/// One classified failure of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the run.
    pub class: Class,
    /// Stable identifier, such as `PORT_TAKEN`; listed in `docs/failures.md`.
    pub code: &'static str,
    /// One sentence without a final period: what failed and why.
    pub summary: String,
    /// At most five lines, each with its source.
    pub evidence: Vec<Evidence>,
    /// What the reader can do.
    pub fix: Option<Fix>,
    /// Where recovery begins; `None` for a failure that no rung of the ladder cures.
    pub onset: Option<Onset>,
    /// What a diagnosis adds. In a box: a failure is handed up by many functions.
    pub detail: Box<Detail>,
}

/// What a diagnosis adds to a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// The rule that found it, such as `PULL-01`.
    pub rule: Option<&'static str>,
    /// The single things that are wrong, where a look found several at once.
    pub findings: Vec<Finding>,
}

impl Failure {
    /// A failure with no evidence and no fix yet.
    pub fn new(class: Class, code: &'static str, summary: impl Into<String>) -> Self {
        Self {
            class,
            code,
            summary: summary.into(),
            evidence: Vec::new(),
            fix: None,
            onset: None,
            detail: Box::default(),
        }
    }

    /// The failure of work that was told to stop; nobody is shown it.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(Class::Transient, "CANCELLED", "stopped because the run was")
    }

    /// Whether the work was told to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.code == "CANCELLED"
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn because(mut self, source: impl Into<String>, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(source, text));
        self
    }

    /// Sets the fix.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// The failure with its commands for the cluster of this context.
    #[must_use]
    pub fn pinned(mut self, context: &str) -> Self {
        self.fix = self.fix.map(|fix| fix.pinned(context));
        for finding in &mut self.detail.findings {
            finding.fix = finding.fix.take().map(|fix| fix.pinned(context));
        }
        self
    }

    /// The failure with its command for objects of this namespace, where it names none.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.fix = self.fix.map(|fix| fix.within(namespace));
        self
    }

    /// Says that the recovery ladder may cure it, beginning there. The class is what it means once
    /// the ladder is at its end.
    #[must_use]
    pub fn curable(mut self, onset: Onset) -> Self {
        self.onset = Some(onset);
        self
    }

    /// The failure as one of several that a look found at once.
    #[must_use]
    pub fn finding(&self) -> Finding {
        Finding {
            code: self.code.to_owned(),
            rule: self.detail.rule.map(str::to_owned),
            summary: self.summary.clone(),
            evidence: self.evidence.iter().take(5).cloned().collect(),
            fix: self.fix.clone(),
        }
    }

    /// One failure for all that a look found: itself where it is alone, else one with the sentence
    /// that `summary` makes of their number.
    pub fn together(
        code: &'static str,
        mut failures: Vec<Self>,
        summary: impl Fn(usize) -> String,
    ) -> Option<Self> {
        if failures.len() < 2 {
            return failures.pop();
        }
        let first = failures.first()?.class;
        let is_one_class = failures.iter().all(|failure| failure.class == first);
        let class = if is_one_class { first } else { Class::Prerequisite };
        let mut all = Self::new(class, code, summary(failures.len()));
        all.detail.findings = failures.iter().map(Self::finding).collect();
        Some(all)
    }

    /// The event fields of this failure, `blocks` and `tried` left to who knows them.
    #[must_use]
    pub fn diagnosis(&self, step: &str) -> Diagnosis {
        Diagnosis {
            step: step.to_owned(),
            code: self.code.to_owned(),
            rule: self.detail.rule.map(str::to_owned),
            summary: self.summary.clone(),
            evidence: self.evidence.iter().take(5).cloned().collect(),
            tried: Vec::new(),
            fix: self.fix.clone(),
            blocks: Vec::new(),
            findings: self.detail.findings.clone(),
        }
    }
}
