//! `Jobs`: attempts until enough of them succeeded or too many failed. `CronJobs` start nothing.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::events::Event;
use super::objects::{
    condition, is_leaving, is_true, list, name, namespace, number, owned, revise, set_status,
    stamp, text, uid,
};
use super::pods::{self, Called};

const BY: &str = "job-controller";
/// How long a job waits before another attempt, in seconds.
const BACK_OFF: u32 = 10;

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    for job in world.objects("Job") {
        let is_over = ["Complete", "Failed"].iter().any(|kind| condition(&job, kind).is_some());
        if is_leaving(&job) || is_over || job["spec"]["suspend"] == true {
            continue;
        }
        let job = labelled(world, &job);
        work(world, context, &job);
    }
}

/// A job as the server completes it: its pods are told apart by its uid.
fn labelled(world: &mut World, job: &Value) -> Value {
    let mut after = job.clone();
    let (own, id) = (name(job).to_owned(), uid(job).to_owned());
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &id),
        ("batch.kubernetes.io/job-name", &own),
        ("controller-uid", &id),
        ("job-name", &own),
    ] {
        after["spec"]["template"]["metadata"]["labels"][key] = value.as_str().into();
    }
    if after["spec"]["selector"].is_null() {
        let labels = json!({ "batch.kubernetes.io/controller-uid": id });
        after["spec"]["selector"] = json!({ "matchLabels": labels });
    }
    revise(world, job, after.clone());
    after
}

/// What became of the pods of a job.
struct Attempts {
    active: Vec<Value>,
    succeeded: i64,
    failed: i64,
}

impl Attempts {
    fn of(world: &World, job: &Value) -> Self {
        let pods = owned(world, "Pod", job);
        let count = |phase: &str| {
            let those = pods.iter().filter(|pod| text(pod, "/status/phase") == phase);
            i64::try_from(those.count()).unwrap_or_default()
        };
        let (succeeded, failed) = (count("Succeeded"), count("Failed"));
        let is_over = |pod: &Value| ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
        let mut active = pods;
        active.retain(|pod| !is_over(pod) && !is_leaving(pod));
        Self { active, succeeded, failed }
    }

    /// How often containers of pods that go on were started again.
    fn restarts(&self) -> i64 {
        let all = self.active.iter().flat_map(|pod| list(pod, "/status/containerStatuses"));
        all.map(|status| number(status, "/restartCount", 0)).sum()
    }
}

fn work(world: &mut World, context: &mut Context<'_>, job: &Value) {
    let attempts = Attempts::of(world, job);
    let completions = number(job, "/spec/completions", 1);
    let limit = number(job, "/spec/backoffLimit", 6);
    if let Ok(seconds) = u32::try_from(number(job, "/spec/activeDeadlineSeconds", -1))
        && context.has_been_seconds(&format!("job {}", uid(job)), "", seconds)
    {
        return end(world, job, &attempts, Ended::TooLate);
    }
    if attempts.succeeded >= completions {
        return end(world, job, &attempts, Ended::Well);
    }
    if attempts.failed > limit || attempts.restarts() > limit {
        return end(world, job, &attempts, Ended::TooOften);
    }
    let wanted = number(job, "/spec/parallelism", 1).min(completions - attempts.succeeded);
    let running = i64::try_from(attempts.active.len()).unwrap_or(wanted);
    if running < wanted && may_try(context, job, attempts.failed) {
        for _ in running..wanted {
            let template = &job["spec"]["template"];
            let made = pods::make(world, context.settings, (job, template), Called::Anyhow, |_| {});
            if let Ok(pod) = made {
                let message = format!("Created pod: {}", name(&pod));
                Event::normal(BY, job, "SuccessfulCreate", message).tell(world);
            }
        }
    }
    let attempts = Attempts::of(world, job);
    tell(world, job, &attempts, &[]);
}

/// Each attempt after one that failed is later than the one before.
fn may_try(context: &mut Context<'_>, job: &Value, failed: i64) -> bool {
    let Ok(doublings @ 1..) = u32::try_from(failed) else { return true };
    let seconds = (BACK_OFF << (doublings - 1).min(6)).min(360);
    context.has_been_seconds(&format!("attempt {}", uid(job)), &failed.to_string(), seconds)
}

/// How a job ended.
#[derive(Clone, Copy)]
enum Ended {
    Well,
    TooOften,
    TooLate,
}

fn end(world: &mut World, job: &Value, attempts: &Attempts, how: Ended) {
    let (kinds, reason, message) = match how {
        Ended::Well => (
            ["SuccessCriteriaMet", "Complete"],
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        ),
        Ended::TooOften => (
            ["FailureTarget", "Failed"],
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ),
        Ended::TooLate => (
            ["FailureTarget", "Failed"],
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        ),
    };
    for pod in &attempts.active {
        pods::remove(world, pod);
        let message = format!("Deleted pod: {}", name(pod));
        Event::normal(BY, job, "SuccessfulDelete", message).tell(world);
    }
    let conditions = kinds.map(|kind| {
        json!({ "type": kind, "status": "True", "lastProbeTime": stamp(),
            "lastTransitionTime": stamp(), "reason": reason, "message": message })
    });
    match how {
        Ended::Well => Event::normal(BY, job, "Completed", "Job completed").tell(world),
        Ended::TooOften => Event::warning(BY, job, "BackoffLimitExceeded", message).tell(world),
        Ended::TooLate => Event::warning(BY, job, "DeadlineExceeded", message).tell(world),
    }
    let failed = attempts.failed + i64::try_from(attempts.active.len()).unwrap_or_default();
    let counted = Attempts { active: Vec::new(), succeeded: attempts.succeeded, failed };
    tell(world, job, &counted, &conditions);
}

fn tell(world: &mut World, job: &Value, attempts: &Attempts, conditions: &[Value]) {
    let ready = attempts.active.iter().filter(|pod| is_true(pod, "Ready")).count();
    let begun = match text(job, "/status/startTime") {
        "" => stamp(),
        begun => begun.to_owned(),
    };
    let mut status = json!({
        "ready": ready, "startTime": begun, "terminating": 0, "uncountedTerminatedPods": {},
    });
    let active = i64::try_from(attempts.active.len()).unwrap_or_default();
    for (field, count) in
        [("active", active), ("succeeded", attempts.succeeded), ("failed", attempts.failed)]
    {
        if count > 0 {
            status[field] = count.into();
        }
    }
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
        if conditions[0]["type"] == "SuccessCriteriaMet" {
            status["completionTime"] = stamp().into();
        }
    }
    let Some(job) = world.find("Job", namespace(job), name(job)) else { return };
    set_status(world, &job, status);
}
