//! Readiness of jobs: ready means completed.

use serde_json::Value;

use super::Readiness;
use super::cause::{Cause, Finality, Root};
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
        if is_made_up_for(object, world) {
            return Readiness::Ready("failed, and a later run completed".to_owned());
        }
        let cause = with_end(failure(object, condition), object, world);
        let mut cause = out_of_memory(cause, object, world);
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

/// The cause with how the last attempt ended.
fn with_end(cause: Cause, object: &Value, world: &World) -> Cause {
    let Some((pod, status)) = pods::last_end(object, world) else { return cause };
    let end = |field: &str| read::text(status, &format!("/state/terminated/{field}"));
    let code = read::number(status, "/state/terminated/exitCode").unwrap_or_default();
    let words = [end("reason"), end("message")].join(" ");
    let source = format!("pod {}, container {}", read::name(pod), read::text(status, "/name"));
    cause.because(source, &format!("ended with exit code {code}: {}", words.trim()))
}

/// A job whose command the runtime could not run: trying again changes nothing about that.
fn unstartable(object: &Value, world: &World) -> Option<Cause> {
    let (pod, status) = pods::last_end(object, world)?;
    let reason = read::text(status, "/state/terminated/reason");
    let container = pods::Container { pod, world, status, is_init: false };
    let words = read::text(status, "/state/terminated/message");
    let is_start = ["StartError", "ContainerCannotRun"].contains(&reason) && !words.is_empty();
    is_start.then(|| super::container::command(&container, words))
}

/// The same while the job still tries again and none of its pods runs.
pub(super) fn never_starts(object: &Value, world: &World) -> Option<Cause> {
    let is_job = read::kind(object) == "Job";
    let runs = || {
        pods::pods_of(object, world)
            .into_iter()
            .any(|pod| ["Running", "Succeeded"].contains(&read::text(pod, "/status/phase")))
    };
    let cause = unstartable(object, world).filter(|_| is_job && !runs())?;
    let pods = pods::pods_of(object, world);
    let cause = pods.into_iter().fold(cause, Cause::affecting);
    (cause.finality == Finality::Fatal).then_some(cause)
}

/// The cause with the memory that a container of the last attempt lacked.
fn out_of_memory(cause: Cause, object: &Value, world: &World) -> Cause {
    let Some(log) = pods::last_failed(object, world) else { return cause };
    let Some(pod) = world.find("Pod", &log.namespace, &log.pod) else { return cause };
    let named = |lists: [&str; 2]| {
        let mut all = lists.into_iter().flat_map(|list| read::list(pod, list));
        all.find(|one| read::text(one, "/name") == log.container)
    };
    let killed = named(["/status/initContainerStatuses", "/status/containerStatuses"])
        .is_some_and(|status| read::text(status, "/state/terminated/reason") == "OOMKilled");
    if !killed {
        return cause;
    }
    let limit = named(["/spec/initContainers", "/spec/containers"])
        .map_or("", |spec| read::text(spec, "/resources/limits/memory"));
    let of = if limit.is_empty() { String::new() } else { format!(" of {limit}") };
    let container = &log.container;
    let summary = format!(
        "{}: its container `{container}` needs more memory than its limit{of} (OOMKilled)",
        cause.summary
    );
    // What a job makes its pods from cannot be changed.
    Cause { summary, ..cause }.fix(format!(
        "raise `resources.limits.memory` of container `{container}` of job `{}` in namespace `{}`, and make the job anew",
        read::name(object),
        read::namespace(object)
    ))
}

/// Whether a later run of the same cron job completed.
fn is_made_up_for(object: &Value, world: &World) -> bool {
    let owners = read::list(object, "/metadata/ownerReferences").iter();
    let mut owners = owners.filter(|owner| read::text(owner, "/kind") == "CronJob");
    let made = read::text(object, "/metadata/creationTimestamp");
    owners.any(|owner| {
        world.owned("Job", read::text(owner, "/uid")).any(|other| {
            read::holds(other, "Complete")
                && read::text(other, "/metadata/creationTimestamp") > made
        })
    })
}

/// What is wrong with the runs of a cron job: the last one that failed, unless a later one
/// completed, and what keeps the pods of the present one.
pub(super) fn causes(object: &Value, world: &World) -> Vec<Cause> {
    let runs: Vec<&Value> = world.owned("Job", read::text(object, "/metadata/uid")).collect();
    let mut found: Vec<Cause> = Vec::new();
    let failed = runs.iter().filter(|run| matches!(job(run, world), Readiness::Failed(_)));
    if let Some(run) = failed.max_by_key(|run| made(run))
        && let Readiness::Failed(cause) = job(run, world)
    {
        found.push(rooted(cause, run));
    }
    let present = runs.iter().filter(|run| matches!(job(run, world), Readiness::Progressing(_)));
    if let Some(run) = present.max_by_key(|run| made(run)) {
        // What is wrong with the pods of a run is in the template that the cron job makes it from.
        found.extend(super::causes(run, world).into_iter().map(|cause| match &cause.root {
            Some(root) if *root == Root::of(run) => Cause { root: Some(Root::of(object)), ..cause },
            _ => cause,
        }));
    }
    super::cause::fold(found)
}

fn made(run: &Value) -> &str {
    read::text(run, "/metadata/creationTimestamp")
}

fn rooted(mut cause: Cause, run: &Value) -> Cause {
    cause.root.get_or_insert_with(|| Root::of(run));
    cause
}

/// A cron job is ready when it is there: it runs later.
pub(super) fn cron_job(object: &Value) -> Readiness {
    Readiness::Ready(if read::truth(object, "/spec/suspend") {
        "suspended".to_owned()
    } else {
        format!("scheduled: {}", read::text(object, "/spec/schedule"))
    })
}
