//! The recovery ladder of a cluster: where it begins for a kind of trouble, and which rung comes
//! next. Pure: what a rung does is the driver's, when it is taken is the machine's.

use std::fmt;

/// Where recovery begins for a failure that a cluster can be cured of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Onset {
    /// Something outside has to come back first, such as the Docker Engine: the same again.
    Wait,
    /// May pass by itself: the same again; twice in a row it counts as [`Onset::Corrupt`].
    Transient,
    /// The cluster is there and does not answer: a restart of its nodes may help.
    Unresponsive,
    /// The cluster's own state is broken: it is deleted and made again.
    Corrupt,
    /// What a delete leaves behind is broken too: it is purged.
    Deep,
}

/// One rung of the ladder, the gentlest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rung {
    /// Start what is there, make what is not.
    #[default]
    Start,
    /// Halt the nodes and start them again.
    Restart,
    /// Delete this cluster and make it again.
    Recreate,
    /// Remove all that the tool keeps of it, as far as `recover.purge` allows, and make it with
    /// `--force` where the tool has it.
    Purge,
}

impl Rung {
    /// The word that events and reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
            Self::Purge => "purge",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
