//! Argo CD: once its controller runs, applications are compared, synced and judged; what an
//! application of applications makes is what the test says.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::objects::{is_leaving, list, name, namespace, number, revise, stamp, text, uid};
use super::settings::Outcome;

/// The workload that looks after applications.
const CONTROLLER: &str = "argocd-application-controller";
const REVISION: &str = "8c2b1f0d9a7e6c5b4a39281706f5e4d3c2b1a098";

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    let applications = world.objects("Application");
    if applications.is_empty() || !is_running(world) {
        return;
    }
    for application in applications {
        if !is_leaving(&application) {
            look_after(world, context, &application);
        }
    }
}

fn is_running(world: &World) -> bool {
    ["StatefulSet", "Deployment"].iter().any(|kind| {
        let all = world.objects(kind);
        let mut own = all.iter().filter(|it| name(it) == CONTROLLER);
        own.any(|it| number(it, "/status/readyReplicas", 0) > 0)
    })
}

fn look_after(world: &mut World, context: &mut Context<'_>, application: &Value) {
    let outcome = context.settings.argo.outcomes.get(name(application)).cloned();
    if !list(application, "/status/conditions").is_empty() {
        return;
    }
    match (text(application, "/status/sync/status"), text(application, "/operation/sync/revision"))
    {
        ("", _) => compare(world, application, outcome.as_ref()),
        ("OutOfSync", wanted) => {
            let is_wanted =
                !wanted.is_empty() || application["spec"]["syncPolicy"]["automated"].is_object();
            let is_tried = !text(application, "/status/operationState/finishedAt").is_empty();
            if is_wanted && !is_tried && !matches!(outcome, Some(Outcome::OutOfSync)) {
                sync(world, context, (application, outcome.as_ref()));
            }
        }
        _ => {}
    }
}

/// The first look: the source is read, and nothing of it is there.
fn compare(world: &mut World, application: &Value, outcome: Option<&Outcome>) {
    let mut after = application.clone();
    let compared = json!({ "source": application["spec"]["source"], "destination": application["spec"]["destination"] });
    let status = &mut after["status"];
    if let Some(Outcome::ComparisonError(words)) = outcome {
        status["conditions"] = json!([{
            "type": "ComparisonError", "message": words, "lastTransitionTime": stamp(),
        }]);
        status["sync"] = json!({ "status": "Unknown", "comparedTo": compared });
        status["health"] = json!({ "status": "Healthy", "lastTransitionTime": stamp() });
    } else {
        status["sync"] =
            json!({ "status": "OutOfSync", "comparedTo": compared, "revision": REVISION });
        status["health"] = json!({ "status": "Missing", "lastTransitionTime": stamp() });
    }
    status["reconciledAt"] = stamp().into();
    status["sourceType"] = "Directory".into();
    status["summary"] = json!({});
    revise(world, application, after);
}

fn sync(
    world: &mut World,
    context: &mut Context<'_>,
    (application, outcome): (&Value, Option<&Outcome>),
) {
    let mut after = application.clone();
    let operation = json!({ "sync": { "revision": REVISION },
        "initiatedBy": { "automated": true }, "retry": { "limit": 5 } });
    if text(application, "/status/operationState/phase").is_empty() {
        after["status"]["operationState"] = json!({ "phase": "Running",
            "message": "waiting for completion of hook and healthy state", "operation": operation,
            "startedAt": stamp(), "syncResult": { "revision": REVISION, "source": application["spec"]["source"] } });
        revise(world, application, after);
    }
    let long = context.settings.argo.sync;
    if !context.has_been(&format!("sync {}", uid(application)), "", long) {
        return;
    }
    let Some(application) = world.find("Application", namespace(application), name(application))
    else {
        return;
    };
    let mut after = application.clone();
    after["status"]["operationState"]["finishedAt"] = stamp().into();
    let (phase, message) = match outcome {
        Some(Outcome::SyncFailed(words)) => ("Failed", words.as_str()),
        _ => ("Succeeded", "successfully synced (all tasks run)"),
    };
    after["status"]["operationState"]["phase"] = phase.into();
    after["status"]["operationState"]["message"] = message.into();
    if phase == "Succeeded" {
        after["status"]["sync"]["status"] = "Synced".into();
        after["status"]["health"] = match outcome {
            Some(Outcome::Degraded(words)) => {
                json!({ "status": "Degraded", "message": words, "lastTransitionTime": stamp() })
            }
            _ => json!({ "status": "Healthy", "lastTransitionTime": stamp() }),
        };
        for child in context.settings.argo.children.get(name(&application)).into_iter().flatten() {
            let kind = text(child, "/kind");
            if world.find(kind, namespace(child), name(child)).is_none() {
                world.store(child.clone());
            }
        }
    }
    revise(world, &application, after);
}
