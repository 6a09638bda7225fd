//! What the reconciler is told. Where it comes from, and how a look is made, is not for here.

use std::time::Duration;

use jiff::Timestamp;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The watch begins.
    Begin,
    /// Nothing but time.
    Tick,
    /// Something stirred outside.
    Stirred(News),
    /// Somebody halted the environment, such as `mlup stop`.
    Halted(String),
    /// A look that was asked for is over.
    Ended(Round),
}

/// Something that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// For people: `container demo-api-1 died`.
    pub what: String,
    /// How much it matters.
    pub weight: Weight,
    /// How much has to be looked at because of it.
    pub scope: Scope,
}

impl News {
    /// Something changed; nobody knows yet whether that matters.
    pub fn usual(what: impl Into<String>) -> Self {
        Self { what: what.into(), weight: Weight::Usual, scope: Scope::All }
    }

    /// The same of a secret.
    pub fn secret(what: impl Into<String>) -> Self {
        Self { scope: Scope::Secrets, ..Self::usual(what) }
    }

    /// Something was away and is back.
    pub fn urgent(what: impl Into<String>) -> Self {
        Self { weight: Weight::Urgent, ..Self::usual(what) }
    }
}

/// How much news matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// They wait while looks are paced.
    Usual,
    /// What failed before is likely to work now: they do not wait.
    Urgent,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole plan.
    All,
    /// Secrets, those of registries among them, and what they need.
    Secrets,
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// How the environment stands.
    pub verdict: Verdict,
    /// Steps that changed something.
    pub mended: Vec<String>,
    /// How long the passwords live; nothing where they could not be looked at.
    pub dues: Option<Vec<Due>>,
}

/// How the environment stands after a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was looked at is up.
    Up,
    /// Something is not.
    Down(Blocker),
    /// Somebody else works on it, such as `mlup start` (pid 812): nothing was done.
    Busy(String),
    /// Somebody halted it, such as `mlup stop`: nothing was done.
    Halted(String),
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The step that failed, if it was one.
    pub step: Option<String>,
    /// Its failure's code.
    pub code: Option<String>,
    /// One sentence.
    pub summary: String,
}

/// When one pull secret is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Half of its life is over then.
    pub at: Timestamp,
    /// It ends.
    pub ends: Timestamp,
    /// Before this time of the boot clock nobody may be asked.
    pub not_before: Duration,
}
