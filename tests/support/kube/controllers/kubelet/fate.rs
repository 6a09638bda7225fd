//! What will become of a run of a container, as the test's scripts say.

use std::time::Duration;

use serde_json::Value;

use super::super::super::world::World;
use super::super::context::Context;
use super::super::extensions::has_endpoint;
use super::super::objects::{list, name, namespace, text};
use super::super::settings::{Act, Script};
use super::life::Of;

/// What will become of a run.
#[derive(Clone, Default)]
pub(super) struct Fate {
    /// When it is ready; never without.
    pub(super) ready_after: Option<Duration>,
    /// When and how it ends.
    pub(super) end: Option<(Duration, End)>,
    /// Whether the liveness probe ends it.
    pub(super) is_killed: bool,
    /// Why it cannot even be started.
    pub(super) unstartable: Option<String>,
}

/// The end of a run.
#[derive(Clone)]
pub(super) struct End {
    pub(super) code: i64,
    pub(super) reason: &'static str,
    pub(super) log: String,
}

impl Fate {
    /// A run that goes on.
    pub(super) fn lasting() -> Self {
        Self { ready_after: Some(Duration::ZERO), ..Self::default() }
    }

    fn ends(mut self, after: Duration, code: i64, log: &str) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        self.end = Some((after, End { code, reason, log: log.to_owned() }));
        self
    }
}

/// What will become of the next run.
pub(super) fn fate(world: &World, context: &Context<'_>, of: &Of<'_>, restarts: i64) -> Fate {
    let pace = context.settings.pace;
    // Without a probe a container is ready as soon as it runs.
    let is_probed =
        ["readinessProbe", "startupProbe"].iter().any(|probe| !of.container[*probe].is_null());
    let ready = if is_probed { pace.ready_after } else { Duration::ZERO };
    let runs = Fate { ready_after: Some(ready), ..Fate::default() };
    let is_brief = of.is_first() && of.container["restartPolicy"] != "Always"
        || text(of.pod, "/spec/restartPolicy") != "Always";
    let usual = if is_brief { runs.clone().ends(pace.second, 0, "") } else { runs.clone() };
    let script = context.settings.scripts.iter().find(|script| is_about(script, of));
    let crash = |log: &str, code| runs.clone().ends(pace.second, code, log);
    match script.map(|script| &script.act) {
        None => usual,
        Some(Act::EndsUntil { service, .. }) if has_endpoint(world, namespace(of.pod), service) => {
            usual
        }
        Some(Act::EndsTimes { times, .. }) if restarts + attempts(world, of) >= *times => usual,
        Some(
            Act::Ends { log, code }
            | Act::EndsUntil { log, code, .. }
            | Act::EndsTimes { log, code, .. },
        ) => crash(log, *code),
        Some(Act::OutOfMemory { log }) => {
            let mut fate = crash(log, 137);
            if let Some((_, end)) = &mut fate.end {
                end.reason = "OOMKilled";
            }
            fate
        }
        Some(Act::BuiltFor { architecture }) => {
            let node = world.find("Node", "", text(of.pod, "/spec/nodeName")).unwrap_or_default();
            if text(&node, "/status/nodeInfo/architecture") == architecture {
                return usual;
            }
            let command = text(of.container, "/command/0");
            let command = if command.is_empty() { "/bin/busybox" } else { command };
            crash(&format!("exec {command}: exec format error"), 1)
        }
        Some(Act::CommandMissing) => Fate { unstartable: Some(missing(of.container)), ..runs },
        Some(Act::NeverReady) => Fate { ready_after: None, ..runs },
        Some(Act::Killed) => {
            let never = Fate { ready_after: None, is_killed: true, ..runs };
            never.ends(pace.second * 8, 137, "")
        }
        Some(Act::Takes(long)) => runs.ends(*long, 0, ""),
        Some(Act::ReadyAfter(long)) => Fate { ready_after: Some(*long), ..usual },
    }
}

fn missing(container: &Value) -> String {
    let command = match text(container, "/command/0") {
        "" => text(container, "/args/0"),
        command => command,
    };
    format!(
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: \
         runc create failed: unable to start container process: exec: \"{command}\": executable \
         file not found in $PATH: unknown"
    )
}

/// Earlier attempts of the same job.
fn attempts(world: &World, of: &Of<'_>) -> i64 {
    let owner = text(of.pod, "/metadata/ownerReferences/0/uid");
    let pods = world.objects("Pod");
    let failed = pods.iter().filter(|pod| {
        !owner.is_empty()
            && text(pod, "/metadata/ownerReferences/0/uid") == owner
            && pod["status"]["phase"] == "Failed"
    });
    i64::try_from(failed.count()).unwrap_or_default()
}

/// Whether a script speaks of a container.
fn is_about(script: &Script, of: &Of<'_>) -> bool {
    let (within, wanted) = match script.of.split_once('/') {
        Some((within, wanted)) => (within, wanted),
        None => ("", script.of.as_str()),
    };
    let pod = name(of.pod);
    let rest = pod.strip_prefix(wanted);
    // The init containers of a workload are meant by their own names alone.
    let is_workload =
        !of.is_first() && rest.is_some_and(|rest| rest.is_empty() || is_generated(rest, of.pod));
    (within.is_empty() || within == namespace(of.pod)) && (of.own_name() == wanted || is_workload)
}

/// Whether this is what controllers add to the name of a workload.
fn is_generated(rest: &str, pod: &Value) -> bool {
    let owner = list(pod, "/metadata/ownerReferences").first();
    let most = match owner.map(|owner| text(owner, "/kind")) {
        Some("ReplicaSet") => 2,
        Some(_) => 1,
        None => return false,
    };
    rest.starts_with('-') && rest.matches('-').count() <= most
}
