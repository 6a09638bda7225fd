//! A machine full of containers, and a cluster on it whose driver takes the rungs of the ladder.
//! Everything that is removed is written down.

use std::collections::BTreeSet;

use super::dice::Dice;
use crate::config::model::Purge;
use crate::plan::change::Settled;
use crate::plan::progress::StepEnd;
use crate::policy::escalate::{Onset, Rung};
use crate::policy::{Class, Failure};

/// Whose a thing is, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// This project's cluster.
    Cluster,
    /// The same tool's cluster of somebody else.
    OtherCluster,
    /// This project's compose services.
    Compose,
    /// Nobody that mlup knows.
    Stranger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Folder,
    Network,
    Volume,
}

pub(super) type Object = (Owner, Kind);

const NODE: Object = (Owner::Cluster, Kind::Container);
const SERVICE: Object = (Owner::Compose, Kind::Container);
const KINDS: [Kind; 4] = [Kind::Container, Kind::Folder, Kind::Network, Kind::Volume];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Fine,
    /// A restart helps.
    Silent,
    /// A new cluster helps.
    Corrupt,
    /// A purge helps.
    Deep,
}

pub(super) struct World {
    pub objects: BTreeSet<Object>,
    pub health: Health,
    pub runs: bool,
    pub engine: bool,
    pub mutations: u32,
    /// What was removed on which rung.
    pub removed: Vec<(Object, Rung)>,
    /// Whether drivers fail by chance.
    pub calm: bool,
    pub dice: Dice,
}

impl World {
    /// Strangers and another cluster are there; this project's things perhaps.
    pub(super) fn new(mut dice: Dice) -> Self {
        let mut objects: BTreeSet<Object> = BTreeSet::new();
        for owner in [Owner::OtherCluster, Owner::Stranger] {
            objects.extend(KINDS.map(|kind| (owner, kind)));
        }
        if dice.percent(60) {
            objects.extend(KINDS.map(|kind| (Owner::Cluster, kind)));
        }
        if dice.percent(50) {
            objects.extend(KINDS.map(|kind| (Owner::Compose, kind)));
        }
        let health =
            dice.pick(&[Health::Fine, Health::Fine, Health::Silent, Health::Corrupt, Health::Deep]);
        let (runs, engine) = (objects.contains(&NODE) && dice.percent(50), dice.percent(95));
        let removed = Vec::new();
        Self { objects, health, runs, engine, mutations: 0, removed, calm: false, dice }
    }

    pub(super) fn is_up(&self) -> bool {
        self.engine && self.runs && self.objects.contains(&NODE) && self.health == Health::Fine
    }

    /// The node is gone, and nobody of mlup did it.
    pub(super) fn vanish(&mut self) {
        self.objects.remove(&NODE);
        self.runs = false;
    }

    fn remove(&mut self, object: Object, rung: Rung) {
        if self.objects.remove(&object) {
            self.mutations += 1;
            self.removed.push((object, rung));
        }
    }

    /// The first half of an attempt: what a rung takes away.
    pub(super) fn begin(&mut self, rung: Rung, purge: Purge) {
        if !self.engine {
            return;
        }
        match rung {
            Rung::Start => return,
            Rung::Restart if self.health == Health::Silent => self.health = Health::Fine,
            Rung::Restart => {}
            Rung::Recreate => {
                self.remove(NODE, rung);
                self.remove((Owner::Cluster, Kind::Volume), rung);
                self.remove((Owner::Cluster, Kind::Network), rung);
                if self.health != Health::Deep {
                    self.health = Health::Fine;
                }
            }
            Rung::Purge => {
                for kind in KINDS {
                    self.remove((Owner::Cluster, kind), rung);
                }
                if purge == Purge::All {
                    for kind in KINDS {
                        self.remove((Owner::OtherCluster, kind), rung);
                    }
                }
                self.health = Health::Fine;
            }
        }
        self.mutations += 1;
        self.runs = false;
    }

    /// The second half: the cluster comes up, or it does not. `before`: mutations when it began.
    pub(super) fn complete(&mut self, before: u32) -> StepEnd {
        if !self.engine {
            self.engine = self.calm || self.dice.percent(70);
            return failed(Class::Prerequisite, Some(Onset::Wait));
        }
        if !self.calm && self.dice.percent(25) {
            return self.fault();
        }
        if !self.objects.contains(&NODE) || !self.runs {
            self.objects.extend(KINDS.map(|kind| (Owner::Cluster, kind)));
            self.runs = true;
            self.mutations += 1;
        }
        match self.health {
            Health::Fine => {
                let settled = Settled::ready("1 node");
                StepEnd::Settled { settled, changed: self.mutations > before }
            }
            Health::Silent => failed(Class::Timeout, Some(Onset::Unresponsive)),
            Health::Corrupt => failed(Class::Permanent, Some(Onset::Corrupt)),
            Health::Deep => {
                let onset = self.dice.pick(&[Onset::Corrupt, Onset::Deep, Onset::Transient]);
                failed(Class::Permanent, Some(onset))
            }
        }
    }

    /// Anything at all goes wrong, and may leave anything at all behind.
    fn fault(&mut self) -> StepEnd {
        match self.dice.below(6) {
            0 => self.vanish(),
            1 => self.health = self.dice.pick(&[Health::Silent, Health::Corrupt, Health::Deep]),
            2 => self.engine = false,
            _ => {}
        }
        let onset = self.dice.pick(&[
            None,
            Some(Onset::Wait),
            Some(Onset::Transient),
            Some(Onset::Transient),
            Some(Onset::Unresponsive),
            Some(Onset::Corrupt),
            Some(Onset::Deep),
        ]);
        let class = self.dice.pick(&[
            Class::Transient,
            Class::Transient,
            Class::Permanent,
            Class::Timeout,
            Class::Prerequisite,
        ]);
        failed(class, onset)
    }

    /// Compose services come up; those on the cluster's network need the cluster.
    pub(super) fn compose(&mut self, needs_cluster: bool) -> StepEnd {
        let before = self.mutations;
        if needs_cluster && !self.is_up() {
            return failed(Class::Permanent, None);
        }
        if !self.calm && self.dice.percent(10) {
            return failed(
                self.dice.pick(&[Class::Transient, Class::Permanent]),
                Some(Onset::Deep),
            );
        }
        if !self.objects.contains(&SERVICE) {
            self.objects.extend(KINDS.map(|kind| (Owner::Compose, kind)));
            self.mutations += 1;
        }
        let settled = Settled::ready("3 services");
        StepEnd::Settled { settled, changed: self.mutations > before }
    }
}

fn failed(class: Class, onset: Option<Onset>) -> StepEnd {
    let failure = Failure::new(class, "FAKE_FAULT", "it went wrong");
    StepEnd::Failed(match onset {
        Some(onset) => failure.curable(onset),
        None => failure,
    })
}
