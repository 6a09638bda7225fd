//! Pods whose containers are ready and that wait for somebody outside: a readiness gate that no
//! controller opens, a finalizer that nobody takes off.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::workload::called;
use super::world::World;
use crate::manifest::read;
use crate::policy::Class;

/// How long a controller may take to open a gate, in seconds.
const OPENING: i64 = 30;

/// How long a pod may take to end once its own time for that is over, in seconds.
const ENDING: i64 = 60;

/// A readiness gate that keeps a pod from counting as ready.
pub(super) fn cause(pod: &Value, world: &World) -> Option<Cause> {
    let containers = read::condition(pod, "ContainersReady")
        .filter(|ready| read::text(ready, "/status") == "True")?;
    if world.age(read::text(containers, "/lastTransitionTime")).is_some_and(|age| age < OPENING) {
        return None;
    }
    let gates = read::list(pod, "/spec/readinessGates").iter();
    let gate = gates
        .map(|gate| read::text(gate, "/conditionType"))
        .find(|gate| !gate.is_empty() && !read::holds(pod, gate))?;
    let words = read::condition(pod, "Ready").map_or("", |ready| read::text(ready, "/message"));
    Some(
        Cause::new(
            "READINESS_GATE",
            Class::Timeout,
            Finality::CurableBy(Remedy::Dependency),
            format!("{} runs and counts as unready: nobody opens its readiness gate `{gate}`", called(pod)),
        )
        .rule("PROBE-08")
        .because(format!("pod {}", read::name(pod)), words)
        .fix(format!(
            "bring up the controller that sets the condition `{gate}`, or take the gate out of `readinessGates`"
        ))
        .affecting(pod),
    )
}

/// A pod that was to end and does not: somebody holds it by a finalizer.
#[must_use]
pub fn never_ends(pod: &Value, world: &World) -> Option<Cause> {
    let until = read::text(pod, "/metadata/deletionTimestamp");
    let holders: Vec<&str> =
        read::list(pod, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    if until.is_empty() || holders.is_empty() || world.age(until).is_none_or(|age| age < ENDING) {
        return None;
    }
    Some(
        Cause::new(
            "POD_NOT_ENDING",
            Class::Refused,
            Finality::CurableBy(Remedy::Dependency),
            format!("{} is to end and does not: {} holds it", called(pod), holders.join(", ")),
        )
        .because(format!("pod {}", read::name(pod)), &format!("finalizers: {}", holders.join(", ")))
        .fix(format!(
            "start the controller that `{}` belongs to; only if nobody needs it any more, take the finalizer off by hand",
            holders.join("`, `")
        ))
        .root("Pod", read::namespace(pod), read::name(pod))
        .affecting(pod),
    )
}
