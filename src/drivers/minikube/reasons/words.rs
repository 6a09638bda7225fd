//! By the words of an error whose reason is a general one, and by exit code where there is no reason
//! at all (minikube, `pkg/minikube/reason/exitcodes.go`).

use std::ops::RangeInclusive;

use super::meanings::{
    ARGS, CERTS, CONTROL_PLANE, CORRUPT, DISK_FULL, DOCKER_DOWN, DOWNLOAD, DRIVER, HOST_UNFIT,
    LOCK, MEMORY_TOO_LARGE, Meaning, NETWORK, NO_ONSET, PORT_TAKEN, RECREATE, RUNTIME,
    START_FAILED, STATE_CORRUPT, TRANSIENT, WAIT,
};
use crate::policy::Class::{Permanent, Prerequisite, Refused};

/// What it means that all of these words, in small letters, stand on one line.
pub(super) struct Words {
    words: &'static [&'static str],
    pub(super) meaning: Meaning,
}

impl Words {
    pub(super) fn is_said(&self, text: &str) -> bool {
        let said = |line: &str| self.words.iter().all(|word| line.contains(word));
        text.lines().any(|line| said(&line.to_lowercase()))
    }
}

/// What an exit code in this range means where nothing else is known.
pub(super) struct Exit {
    pub(super) exits: RangeInclusive<i32>,
    pub(super) meaning: Meaning,
}

/// By the words of an error whose id is a general one. The first that matches wins.
pub(super) const BY_WORDS: &[Words] = &[
    Words { words: &["ensure your docker is running"], meaning: DOCKER_DOWN },
    Words { words: &["cannot connect to the docker daemon"], meaning: DOCKER_DOWN },
    Words { words: &["memory but you specified"], meaning: MEMORY_TOO_LARGE },
    Words { words: &["no space left on device"], meaning: DISK_FULL },
    Words {
        words: &["can't create with that ip", "address already in use"],
        meaning: Meaning {
            code: "ADDRESS_TAKEN",
            class: Refused,
            // A new cluster would want the same address: its holder has to go.
            onset: WAIT,
            cause: "another container has the address of the node",
            fix: "docker network inspect {profile}   # then stop the container that has it",
        },
    },
    Words {
        words: &["container addresses should have 2 values"],
        meaning: Meaning {
            code: "CLUSTER_NETWORK_EXTRA",
            class: Refused,
            onset: NO_ONSET,
            cause: "the node is on a second Docker network",
            fix: "docker network disconnect ... {profile}   # the network that does not belong to it",
        },
    },
    Words {
        words: &["network ", " not found"],
        meaning: Meaning {
            code: "CLUSTER_NETWORK_GONE",
            class: Permanent,
            onset: CORRUPT,
            cause: "the Docker network that its container was made on is gone",
            fix: RECREATE,
        },
    },
    Words { words: &["error loading existing host"], meaning: STATE_CORRUPT },
    Words { words: &["x509: certificate"], meaning: CERTS },
    Words { words: &["acquire bootstrap client lock"], meaning: LOCK },
    Words { words: &["ports are not available"], meaning: PORT_TAKEN },
];

/// By exit code.
pub(super) const BY_EXIT: &[Exit] = &[
    Exit { exits: 1..=9, meaning: START_FAILED },
    Exit { exits: 10..=19, meaning: ARGS },
    Exit {
        exits: 20..=29,
        meaning: Meaning {
            code: "CLUSTER_RESOURCES_MISSING",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "this machine lacks memory, CPUs or disk for it",
            fix: "docker info",
        },
    },
    Exit { exits: 30..=39, meaning: HOST_UNFIT },
    Exit { exits: 40..=49, meaning: DOWNLOAD },
    Exit { exits: 50..=59, meaning: DRIVER },
    Exit { exits: 60..=69, meaning: Meaning { cause: "Docker failed it", ..DRIVER } },
    Exit { exits: 70..=79, meaning: Meaning { onset: TRANSIENT, ..NETWORK } },
    Exit { exits: 80..=89, meaning: START_FAILED },
    Exit { exits: 90..=99, meaning: RUNTIME },
    Exit { exits: 100..=109, meaning: CONTROL_PLANE },
    Exit {
        exits: 110..=119,
        meaning: Meaning {
            code: "CLUSTER_ADDON_FAILED",
            class: Permanent,
            onset: NO_ONSET,
            cause: "an add-on could not be enabled",
            fix: "minikube addons list -p {profile}",
        },
    },
];
