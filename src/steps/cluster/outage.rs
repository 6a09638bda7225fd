//! An engine that goes away in the middle of a start is no fault of the cluster: the same again
//! when it is back. At the start of a run the step `docker` has said already that it is there.

use crate::policy::Failure;
use crate::policy::escalate::Onset;

/// Codes that mean that the Docker Engine does not answer just now.
const OUTAGE: [&str; 3] = ["DOCKER_CONNECTION_LOST", "DOCKER_TIMEOUT", "DOCKER_UNREACHABLE"];

/// The failure, waited out where it is an outage of the engine.
pub(super) fn or_wait(failure: Failure) -> Failure {
    if failure.onset.is_none() && OUTAGE.contains(&failure.code) {
        return failure.curable(Onset::Wait);
    }
    failure
}
