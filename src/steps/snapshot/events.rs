//! Which events a diagnosis may need: of a large cluster most are about pods that are well, or gone.

use std::collections::HashSet;

use serde_json::Value;

use super::is_fine;
use crate::manifest::read;
use crate::readiness::World;

/// A pod that is well and was never started again, one that is gone, or an owner whose pods were all
/// made: events about them explain nothing.
pub(super) fn needed(world: &World) -> impl FnMut(&Value) -> bool + use<> {
    let knows_pods = world.knows("Pod");
    let pods = world.all("Pod").iter().filter(|pod| !is_calm(pod));
    let pods: HashSet<String> = pods.map(uid).collect();
    let refused = world.all("Event").iter().filter(|event| reason(event) == "FailedCreate");
    let refused: HashSet<String> = refused.map(about).collect();
    move |event| match read::text(event, "/involvedObject/kind") {
        "Pod" => !knows_pods || pods.contains(&about(event)),
        _ => reason(event) != "SuccessfulCreate" || refused.contains(&about(event)),
    }
}

fn is_calm(pod: &Value) -> bool {
    let restarted = |status: &Value| read::number(status, "/restartCount").unwrap_or_default() > 0;
    is_fine(pod) && !read::list(pod, "/status/containerStatuses").iter().any(restarted)
}

fn reason(event: &Value) -> &str {
    read::text(event, "/reason")
}

fn uid(object: &Value) -> String {
    read::text(object, "/metadata/uid").to_owned()
}

fn about(event: &Value) -> String {
    read::text(event, "/involvedObject/uid").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, uid: &str, reason: &str) -> Value {
        json!({"kind": "Event", "reason": reason, "involvedObject": {"kind": kind, "uid": uid}})
    }

    #[test]
    fn events_of_what_is_well_or_gone_are_left_out() {
        let pod = |uid: &str, ready: &str, restarts: i64| {
            json!({"kind": "Pod", "metadata": {"uid": uid, "name": uid}, "status": {
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"ready": ready == "True", "restartCount": restarts}]}})
        };
        let world = World::of([
            pod("well", "True", 0),
            pod("again", "True", 3),
            pod("ill", "False", 0),
            event("ReplicaSet", "refused", "FailedCreate"),
        ]);
        let mut needed = needed(&world);
        for (kind, uid, reason, wanted) in [
            ("Pod", "well", "BackOff", false),
            ("Pod", "again", "BackOff", true),
            ("Pod", "ill", "BackOff", true),
            ("Pod", "gone", "BackOff", false),
            ("ReplicaSet", "refused", "SuccessfulCreate", true),
            ("ReplicaSet", "other", "SuccessfulCreate", false),
            ("ReplicaSet", "other", "FailedCreate", true),
        ] {
            assert_eq!(needed(&event(kind, uid, reason)), wanted, "{kind} {uid} {reason}");
        }
    }
}
