//! What a probe found: nothing to do, or the changes that are needed and why. Read by `mlup plan`
//! and by the step that makes the changes.

use std::fmt;

use serde::Serialize;

/// What a step found when it looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// The world is as wanted.
    Satisfied(Settled),
    /// These changes are needed.
    Needed(Vec<Change>),
}

/// What a step is once its wish is met, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether it stays up or is over.
    pub end: Settle,
    /// What was seen, in a few words, such as `6 of 6 services healthy`.
    pub detail: String,
}

impl Settled {
    /// Something that is up and stays up.
    pub fn ready(detail: impl Into<String>) -> Self {
        Self { end: Settle::Ready, detail: detail.into() }
    }

    /// Something that is done.
    pub fn succeeded(detail: impl Into<String>) -> Self {
        Self { end: Settle::Succeeded, detail: detail.into() }
    }
}

/// The two ways in which a step can be over without failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Up, and stays so.
    Ready,
    /// Done.
    Succeeded,
}

/// What became of the changes that were needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The world is another one now.
    Changed,
    /// Nothing was changed after all.
    Unchanged,
}

/// One change to the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is done.
    pub op: Op,
    /// To what: `network mlnet`, `service api`.
    pub object: String,
    /// Because of what.
    pub why: String,
}

impl Change {
    /// A change and its reason.
    pub fn new(op: Op, object: impl Into<String>, why: impl Into<String>) -> Self {
        Self { op, object: object.into(), why: why.into() }
    }
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Asks somebody for something, such as a password.
    Ask,
    /// Builds an image.
    Build,
    /// Makes something that is not there.
    Create,
    /// Brings an image of this machine onto the nodes.
    Load,
    /// Pulls an image.
    Pull,
    /// Makes something new in time that is still good.
    Renew,
    /// Replaces something.
    Recreate,
    /// Takes something away.
    Remove,
    /// Runs a command.
    Run,
    /// Starts something that is there.
    Start,
    /// Halts something and keeps it.
    Stop,
    /// Gives an image another name.
    Tag,
    /// Changes something in place.
    Update,
    /// Changes nothing, waits for it.
    Wait,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ask => "ask for",
            Self::Build => "build",
            Self::Create => "create",
            Self::Load => "load",
            Self::Pull => "pull",
            Self::Recreate => "recreate",
            Self::Remove => "remove",
            Self::Renew => "renew",
            Self::Run => "run",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Tag => "tag",
            Self::Update => "update",
            Self::Wait => "wait for",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op, self.object)
    }
}
