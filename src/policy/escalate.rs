//! The recovery ladder of a cluster: where it begins for a kind of trouble, and which rung comes
//! next. Pure: what a rung does is the driver's, when it is taken is the machine's.

use std::fmt;

use crate::config::model::Purge;
use crate::event::{FIRST_RUNG, Fix};

/// Purges that one run makes: the first one, and one more where it did not help.
const PURGES: u32 = 2;

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
            Self::Start => FIRST_RUNG,
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

/// How far recovery may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The cluster belongs to others too: its tool may be restarted, and nothing is deleted.
    Shared,
    /// The cluster is mlup's own, up to this.
    Own(Purge),
}

impl Reach {
    fn allows_deleting(self) -> bool {
        !matches!(self, Self::Shared | Self::Own(Purge::Never))
    }
}

/// What the next attempt is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// How strong a remedy it is.
    pub rung: Rung,
    /// Why no weaker one, in a few words.
    pub reason: String,
}

/// The way up, as far as it has been gone in one run. Never steps down.
#[derive(Clone, Debug)]
pub struct Ladder {
    reach: Reach,
    /// The remedy of the attempt that failed last.
    rung: Rung,
    /// Failures in a row that might have passed by themselves.
    transients: u32,
    purges: u32,
    /// The rung that was needed and that nobody has consented to.
    ruled_out: Option<Rung>,
}

impl Ladder {
    /// A ladder that goes as far as this. Where nothing may be deleted, [`Rung::Restart`] is the last
    /// one.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self { reach, rung: Rung::Start, transients: 0, purges: 0, ruled_out: None }
    }

    /// The remedy for the attempt after one that failed like this; `None` at the end of the ladder.
    pub fn next(&mut self, onset: Onset) -> Option<Escalation> {
        let is_transient = onset == Onset::Transient;
        self.transients = if is_transient { self.transients + 1 } else { 0 };
        let (needed, reason) = self.needed(onset);
        let rung = self.allowed(needed, onset)?;
        if rung == Rung::Purge && onset != Onset::Wait {
            self.purges += 1;
            if self.purges > PURGES {
                return None;
            }
        }
        self.rung = rung;
        Some(Escalation { rung, reason: reason.to_owned() })
    }

    /// The command that gives the consent for want of which the ladder ended.
    #[must_use]
    pub fn consent(&self) -> Option<Fix> {
        let command = match self.ruled_out? {
            Rung::Purge => "mlup reset --purge",
            Rung::Recreate | Rung::Restart | Rung::Start => "mlup start --recreate",
        };
        Some(Fix::destructive(command))
    }

    /// The weakest rung that can help, whoever has to allow it.
    fn needed(&self, onset: Onset) -> (Rung, &'static str) {
        match onset {
            Onset::Wait => (self.rung, "it waits for something outside"),
            Onset::Transient if self.transients < 2 => (self.rung, "it may pass by itself"),
            Onset::Transient => self.anew("it failed twice in a row"),
            Onset::Unresponsive if self.rung < Rung::Restart => {
                (Rung::Restart, "it does not answer")
            }
            Onset::Unresponsive => self.anew("a restart did not help"),
            Onset::Corrupt => self.anew("its state is broken"),
            Onset::Deep if self.rung < Rung::Purge => (Rung::Purge, "its leftovers are broken too"),
            Onset::Deep => self.anew(""),
        }
    }

    /// A new cluster; where this one is new already, one without what the last one left behind.
    fn anew(&self, why: &'static str) -> (Rung, &'static str) {
        match self.rung {
            Rung::Start | Rung::Restart => (Rung::Recreate, why),
            Rung::Recreate => (Rung::Purge, "a new cluster failed too"),
            Rung::Purge => (Rung::Purge, "one purge was not enough"),
        }
    }

    /// The rung itself where it may be taken. What only counts as broken because it failed again
    /// gets a restart where nothing may be deleted.
    fn allowed(&mut self, needed: Rung, onset: Onset) -> Option<Rung> {
        if self.reach.allows_deleting() || needed < Rung::Recreate {
            return Some(needed);
        }
        if onset == Onset::Transient && self.rung < Rung::Restart {
            return Some(Rung::Restart);
        }
        // What is shared is not deleted with anybody's consent.
        self.ruled_out = Some(needed).filter(|_| self.reach != Reach::Shared);
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Onset::{Corrupt, Deep, Transient, Unresponsive, Wait};
    use super::*;
    use crate::event::Safety;

    const ONSETS: [Onset; 5] = [Wait, Transient, Unresponsive, Corrupt, Deep];

    type Rungs<'a> = &'a [Option<&'static str>];

    /// The rung after each onset; `None` from the end of the ladder on.
    fn climb(purge: Purge, onsets: &[Onset]) -> Vec<Option<&'static str>> {
        let mut ladder = Ladder::new(Reach::Own(purge));
        onsets.iter().map(|onset| Some(ladder.next(*onset)?.rung.as_str())).collect()
    }

    #[test]
    fn every_transition_is_as_the_table_says() {
        let table: [(&[Onset], &[&str]); 16] = [
            (&[Wait, Wait, Wait, Wait], &["start", "start", "start", "start"]),
            (&[Transient, Transient], &["start", "recreate"]),
            (&[Transient, Wait, Transient], &["start", "start", "start"]),
            (
                &[Transient, Transient, Transient, Transient],
                &["start", "recreate", "purge", "purge"],
            ),
            (&[Transient, Unresponsive, Transient], &["start", "restart", "restart"]),
            (&[Unresponsive, Unresponsive], &["restart", "recreate"]),
            (&[Unresponsive, Unresponsive, Unresponsive], &["restart", "recreate", "purge"]),
            (&[Unresponsive, Wait, Unresponsive], &["restart", "restart", "recreate"]),
            (&[Unresponsive, Transient, Transient], &["restart", "restart", "recreate"]),
            (&[Unresponsive, Corrupt], &["restart", "recreate"]),
            (&[Corrupt, Wait, Corrupt], &["recreate", "recreate", "purge"]),
            (&[Corrupt, Transient, Transient], &["recreate", "recreate", "purge"]),
            (&[Corrupt, Unresponsive], &["recreate", "purge"]),
            (&[Corrupt, Corrupt, Corrupt], &["recreate", "purge", "purge"]),
            (&[Corrupt, Deep], &["recreate", "purge"]),
            (&[Deep, Wait, Deep], &["purge", "purge", "purge"]),
        ];
        for purge in [Purge::Profile, Purge::All] {
            for (onsets, rungs) in table {
                let wanted: Vec<_> = rungs.iter().map(|rung| Some(*rung)).collect();
                assert_eq!(climb(purge, onsets), wanted, "{onsets:?}");
            }
        }
    }

    #[test]
    fn each_kind_of_trouble_has_its_rung_after_each_rung() {
        let (start, restart) = (Some("start"), Some("restart"));
        let (recreate, purge) = (Some("recreate"), Some("purge"));
        let before: [&[Onset]; 4] = [&[], &[Unresponsive], &[Corrupt], &[Deep]];
        let after = |onset: Onset| {
            before.map(|way| *climb(Purge::Profile, &[way, &[onset]].concat()).last().unwrap())
        };
        assert_eq!(after(Wait), [start, restart, recreate, purge]);
        assert_eq!(after(Transient), [start, restart, recreate, purge]);
        assert_eq!(after(Unresponsive), [restart, recreate, purge, purge]);
        assert_eq!(after(Corrupt), [recreate, recreate, purge, purge]);
        assert_eq!(after(Deep), [purge, purge, purge, purge]);
    }

    #[test]
    fn a_second_purge_is_the_last_one() {
        assert_eq!(climb(Purge::Profile, &[Deep; 4]), [Some("purge"), Some("purge"), None, None]);
        assert_eq!(climb(Purge::All, &[Deep, Transient, Deep])[2], None);
    }

    #[test]
    fn without_consent_nothing_is_deleted_and_the_fix_says_how_to_give_it() {
        let ends: [(&[Onset], Rungs<'_>, &str); 5] = [
            (&[Corrupt], &[None], "mlup start --recreate"),
            (&[Deep], &[None], "mlup reset --purge"),
            (&[Unresponsive, Unresponsive], &[Some("restart"), None], "mlup start --recreate"),
            (&[Unresponsive, Deep], &[Some("restart"), None], "mlup reset --purge"),
            (
                &[Transient, Transient, Transient],
                &[Some("start"), Some("restart"), None],
                "mlup start --recreate",
            ),
        ];
        for (onsets, rungs, command) in ends {
            assert_eq!(climb(Purge::Never, onsets), rungs, "{onsets:?}");
            let mut ladder = Ladder::new(Reach::Own(Purge::Never));
            for onset in onsets {
                let _ = ladder.next(*onset);
            }
            let fix = ladder.consent().unwrap();
            assert_eq!((fix.command.as_str(), fix.safety), (command, Safety::Destructive));
        }
        assert_eq!(climb(Purge::Never, &[Wait; 9]), [Some("start"); 9]);
    }

    #[test]
    fn what_is_shared_is_restarted_and_never_deleted() {
        let mut ladder = Ladder::new(Reach::Shared);
        assert_eq!(ladder.next(Unresponsive).unwrap().rung, Rung::Restart);
        assert_eq!((ladder.next(Corrupt), ladder.consent()), (None, None));
    }

    #[test]
    fn a_ladder_that_ended_by_itself_asks_for_no_consent() {
        let mut ladder = Ladder::new(Reach::Own(Purge::Profile));
        while ladder.next(Deep).is_some() {}
        assert_eq!(ladder.consent(), None);
    }

    #[test]
    fn every_rung_says_why() {
        for onset in ONSETS {
            let mut ladder = Ladder::new(Reach::Own(Purge::All));
            while let Some(escalation) = ladder.next(onset).filter(|_| onset != Wait) {
                assert!(!escalation.reason.is_empty(), "{onset:?}");
                assert!(escalation.reason.len() <= 28, "{escalation:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_way_is_up_only_and_waiting_is_no_step(
            picks in proptest::collection::vec(0..ONSETS.len(), 0..12), choice in 0..3_usize,
        ) {
            let purge = [Purge::Never, Purge::Profile, Purge::All][choice];
            let (mut ladder, mut last, mut purges) = (Ladder::new(Reach::Own(purge)), Rung::Start, 0);
            for onset in picks.into_iter().map(|pick| ONSETS[pick]) {
                let Some(Escalation { rung, .. }) = ladder.next(onset) else { break };
                prop_assert!(rung >= last, "{rung} after {last}");
                prop_assert!(onset != Wait || rung == last, "waiting led from {last} to {rung}");
                prop_assert!(purge != Purge::Never || rung < Rung::Recreate);
                purges += u32::from(rung == Rung::Purge && onset != Wait);
                prop_assert!(purges <= PURGES);
                last = rung;
            }
        }
    }
}
