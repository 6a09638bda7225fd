//! Readiness of jobs: ready means completed.

use serde_json::Value;

use super::Readiness;
use super::cause::{Cause, Finality};
use super::commands;
use super::workload::called;
use super::{World, pods};
use crate::event::{CommandLine, Fix};
use crate::manifest::read;
use crate::policy::Class;

/// A job: complete, failed for good, or on its way.
pub(super) fn job(object: &Value, world: &World) -> Readiness {
    if read::holds(object, "Complete") {
        return Readiness::Ready("completed".to_owned());
    }
    // `FailureTarget` comes first, while the last pods still end.
    let failed = ["Failed", "FailureTarget"].into_iter().find(|kind| read::holds(object, kind));
    if let Some(condition) = failed.and_then(|kind| read::condition(object, kind)) {
        let mut cause = failure(object, condition);
        cause.log = pods::last_failed(object, world);
        return Readiness::Failed(cause);
    }
    if read::truth(object, "/spec/suspend") {
        return Readiness::Ready("suspended".to_owned());
    }
    let count = |field| read::number(object, field).unwrap_or_default();
    let (active, failed) = (count("/status/active"), count("/status/failed"));
    let tries = if failed > 0 { format!(", {failed} attempts failed") } else { String::new() };
    Readiness::Progressing(match active {
        0 => format!("waits for its first pod{tries}"),
        active => format!("{active} pods run{tries}"),
    })
}

fn failure(object: &Value, condition: &Value) -> Cause {
    let reason = read::text(condition, "/reason");
    let name = read::name(object);
    let namespace = read::namespace(object);
    let (why, fix) = match reason {
        "DeadlineExceeded" => {
            let seconds = read::number(object, "/spec/activeDeadlineSeconds").unwrap_or_default();
            (
                format!("ran longer than its activeDeadlineSeconds of {seconds}"),
                Fix::advice(format!(
                    "raise `activeDeadlineSeconds` of job `{name}` in namespace `{namespace}`"
                )),
            )
        }
        "BackoffLimitExceeded" => {
            let attempts = read::number(object, "/status/failed").unwrap_or_default();
            (
                format!("failed {attempts} times"),
                Fix::run(
                    CommandLine::kubectl(namespace)
                        .arg("logs")
                        .arg(format!("job/{name}"))
                        .arg("--all-pods"),
                ),
            )
        }
        reason => (format!("failed ({reason})"), Fix::run(commands::describe(object))),
    };
    let summary = format!("{} {why}", called(object));
    let cause = Cause::new("JOB_FAILED", Class::Permanent, Finality::Fatal, summary)
        .because(format!("job {name}"), read::text(condition, "/message"))
        .affecting(object);
    Cause { fix: Some(fix), ..cause }
}

/// A cron job is ready when it is there: it runs later.
pub(super) fn cron_job(object: &Value) -> Readiness {
    Readiness::Ready(if read::truth(object, "/spec/suspend") {
        "suspended".to_owned()
    } else {
        format!("scheduled: {}", read::text(object, "/spec/schedule"))
    })
}
