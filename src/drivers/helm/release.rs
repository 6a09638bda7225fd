//! A release as the labels of helm's own records tell of it, and what follows for a deploy.
//!
//! Charts may render differently each time (`randAlphaNum`, the time of day), so that inputs are
//! compared: their hash is a label of the release, which `helm upgrade --labels` writes on the
//! secret of the revision (helm 3.13 and later). Helm copies labels from revision to revision, also
//! where somebody upgrades or rolls back by hand; the label therefore holds the number of the
//! revision as well, and counts only on that one. `helm list`, `status` and `history` show no
//! labels, the secrets do, in one request and without a process.

use std::collections::BTreeMap;

use crate::manifest::labels::{PROJECT, label_value};

/// Label: the hash of the inputs and the number of the revision that was made of them.
pub const INPUTS: &str = "dev.mlup.inputs";

/// Characters of a hash that the label keeps; it may have 63 in all.
const HASH: usize = 40;

/// How far a revision got, in helm's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is what the cluster has.
    Deployed,
    /// Helm gave up on it.
    Failed,
    /// Another one took its place.
    Superseded,
    /// It is gone, and its record was kept.
    Uninstalled,
    /// Its removal began.
    Uninstalling,
    /// Something began and has not ended: `pending-install`, `pending-upgrade`,
    /// `pending-rollback`.
    Pending(String),
    /// A word that this version of mlup does not know.
    Unknown(String),
}

/// One revision of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number, from 1.
    pub number: u64,
    /// How far it got.
    pub status: Status,
    /// The hash of its inputs, where mlup made it.
    inputs: Option<String>,
    /// The project that made the release.
    project: Option<String>,
}

impl Revision {
    /// The revision that these labels of helm's secret tell of, if they do.
    #[must_use]
    pub fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        let number: u64 = labels.get("version")?.parse().ok()?;
        let status = match labels.get("status")?.as_str() {
            "deployed" => Status::Deployed,
            "failed" => Status::Failed,
            "superseded" => Status::Superseded,
            "uninstalled" => Status::Uninstalled,
            "uninstalling" => Status::Uninstalling,
            word if word.starts_with("pending-") => Status::Pending(word.to_owned()),
            word => Status::Unknown(word.to_owned()),
        };
        let stamp = labels.get(INPUTS).and_then(|stamp| stamp.rsplit_once('.'));
        let inputs = stamp.filter(|(_, of)| *of == number.to_string()).map(|(hash, _)| hash);
        Some(Self {
            number,
            status,
            inputs: inputs.map(str::to_owned),
            project: labels.get(PROJECT).cloned(),
        })
    }
}

/// The labels of the next revision.
#[must_use]
pub fn labels(stand: &Stand, next: u64, hash: &str, project: &str) -> Vec<(&'static str, String)> {
    let inputs = (INPUTS, format!("{}.{next}", shortened(hash)));
    // A release that somebody else made stays theirs: it is upgraded, and never removed.
    match stand {
        Stand::Absent | Stand::Interrupted(Way::Uninstall) => {
            vec![(PROJECT, label_value(project)), inputs]
        }
        _ => vec![inputs],
    }
}

fn shortened(hash: &str) -> &str {
    hash.get(..HASH).unwrap_or(hash)
}

/// How a release stands towards what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// There is none.
    Absent,
    /// It was made of these inputs.
    Current,
    /// It is there and has to be upgraded, because of this.
    Outdated(&'static str),
    /// A run of mlup died while helm worked on it.
    Interrupted(Way),
    /// Somebody else's helm works on it, or died.
    Busy(String),
}

/// The way out of a state that a dead run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Back to this revision, the last that was complete.
    Rollback(u64),
    /// It never was complete, and all of it is ours: away with it.
    Uninstall,
}

/// All revisions of one release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    revisions: Vec<Revision>,
}

impl History {
    /// Of these revisions, in any order.
    pub fn of(revisions: impl IntoIterator<Item = Revision>) -> Self {
        let mut revisions: Vec<Revision> = revisions.into_iter().collect();
        revisions.sort_by_key(|revision| revision.number);
        Self { revisions }
    }

    /// The newest revision.
    #[must_use]
    pub fn last(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// The number that the next revision gets.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.last().map_or(0, |last| last.number) + 1
    }

    /// Whether this project made the release, so that it may remove it.
    #[must_use]
    pub fn is_ours(&self, project: &str) -> bool {
        let owner = self.last().and_then(|last| last.project.as_deref());
        owner == Some(&label_value(project))
    }

    /// How the release stands towards inputs of this hash. Two runs of one project never overlap on
    /// a machine, so that what mlup began and is still pending is of a run that died.
    #[must_use]
    pub fn stand(&self, hash: &str, project: &str) -> Stand {
        let Some(last) = self.last() else { return Stand::Absent };
        let by_mlup = last.inputs.is_some();
        match &last.status {
            Status::Uninstalled => Stand::Absent,
            Status::Deployed => match last.inputs.as_deref() {
                Some(inputs) if inputs == shortened(hash) => Stand::Current,
                Some(_) => Stand::Outdated("its chart or values changed"),
                None => Stand::Outdated("it was not deployed by mlup, or changed since"),
            },
            Status::Failed => Stand::Outdated("its last upgrade failed"),
            Status::Superseded => Stand::Outdated("its last revision is not in force"),
            Status::Pending(word) => match self.complete() {
                Some(number) if by_mlup => Stand::Interrupted(Way::Rollback(number)),
                None if by_mlup && self.is_ours(project) => Stand::Interrupted(Way::Uninstall),
                _ => Stand::Busy(word.clone()),
            },
            Status::Uninstalling if self.is_ours(project) => Stand::Interrupted(Way::Uninstall),
            Status::Uninstalling => Stand::Busy("uninstalling".to_owned()),
            Status::Unknown(word) => Stand::Busy(word.clone()),
        }
    }

    /// The newest revision that was complete.
    fn complete(&self) -> Option<u64> {
        let complete =
            |revision: &&Revision| matches!(revision.status, Status::Deployed | Status::Superseded);
        self.revisions.iter().rev().find(complete).map(|revision| revision.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH_A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn revision(number: u64, status: &str, stamp: &str) -> Revision {
        let mut labels = BTreeMap::from([
            ("version".to_owned(), number.to_string()),
            ("status".to_owned(), status.to_owned()),
        ]);
        if !stamp.is_empty() {
            labels.insert(INPUTS.to_owned(), stamp.to_owned());
            labels.insert(PROJECT.to_owned(), "p".to_owned());
        }
        Revision::of(&labels).unwrap()
    }

    fn stand(revisions: &[(u64, &str, &str)]) -> Stand {
        let of = revisions.iter().map(|(number, status, stamp)| revision(*number, status, stamp));
        History::of(of).stand(HASH_A, "p")
    }

    fn stamp(number: u64) -> String {
        let labels = labels(&Stand::Current, number, HASH_A, "p");
        assert_eq!(labels.len(), 1);
        labels[0].1.clone()
    }

    #[test]
    fn a_release_is_current_while_its_last_revision_was_made_of_the_same_inputs() {
        let (one, two) = (stamp(1), stamp(2));
        assert!(one.len() <= 63, "{one}");
        assert_eq!(stand(&[]), Stand::Absent);
        assert_eq!(stand(&[(1, "deployed", &one)]), Stand::Current);
        // In the order of the API: names are sorted as text.
        assert_eq!(stand(&[(2, "deployed", &two), (1, "superseded", &one)]), Stand::Current);
        let changed = Stand::Outdated("its chart or values changed");
        assert_eq!(stand(&[(1, "deployed", "bbbb.1")]), changed);
        // By hand: helm carries the label on.
        let by_hand = Stand::Outdated("it was not deployed by mlup, or changed since");
        assert_eq!(stand(&[(1, "superseded", &one), (2, "deployed", &one)]), by_hand);
        assert_eq!(stand(&[(1, "deployed", "")]), by_hand);
        let failed = Stand::Outdated("its last upgrade failed");
        assert_eq!(stand(&[(1, "failed", &one)]), failed);
        assert_eq!(stand(&[(3, "uninstalled", &stamp(3))]), Stand::Absent);
    }

    #[test]
    fn what_a_dead_run_left_is_taken_back_and_the_work_of_others_is_not() {
        let (one, two) = (stamp(1), stamp(2));
        assert_eq!(stand(&[(1, "pending-install", &one)]), Stand::Interrupted(Way::Uninstall));
        assert_eq!(
            stand(&[(1, "deployed", &one), (2, "pending-upgrade", &two)]),
            Stand::Interrupted(Way::Rollback(1))
        );
        assert_eq!(
            stand(&[(1, "failed", &one), (2, "pending-upgrade", &two)]),
            Stand::Interrupted(Way::Uninstall)
        );
        for (number, stamp) in [(1, ""), (2, one.as_str())] {
            assert_eq!(
                stand(&[(number, "pending-upgrade", stamp)]),
                Stand::Busy("pending-upgrade".to_owned())
            );
        }
        assert_eq!(stand(&[(1, "uninstalling", &one)]), Stand::Interrupted(Way::Uninstall));
        let taken_over = Revision { project: None, ..revision(1, "pending-upgrade", &one) };
        let stand_of_taken_over = History::of([taken_over]).stand(HASH_A, "p");
        assert_eq!(stand_of_taken_over, Stand::Busy("pending-upgrade".to_owned()));
        assert_eq!(stand(&[(1, "uninstalling", "")]), Stand::Busy("uninstalling".to_owned()));
    }

    #[test]
    fn only_a_release_that_the_project_made_is_its_own() {
        let made = labels(&Stand::Absent, 1, HASH_A, "my project");
        let mut all: BTreeMap<String, String> =
            made.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(all[PROJECT], "my-project");
        all.insert("version".to_owned(), "1".to_owned());
        all.insert("status".to_owned(), "deployed".to_owned());
        let history = History::of(Revision::of(&all));
        assert!(history.is_ours("my project") && !history.is_ours("other"));
        assert_eq!((history.next(), History::default().next()), (2, 1));
        let taken_over = labels(&Stand::Outdated(""), 2, HASH_A, "my project");
        assert!(taken_over.iter().all(|(name, _)| *name != PROJECT));
    }

    #[test]
    fn other_secrets_are_no_revisions() {
        assert_eq!(Revision::of(&BTreeMap::new()), None);
        let odd = [("version", "x"), ("status", "deployed")];
        let odd = odd.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(Revision::of(&odd), None);
    }
}
