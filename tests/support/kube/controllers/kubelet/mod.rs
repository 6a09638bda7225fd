//! The kubelet: what becomes of the pods that have a node. The life of a container is in `life`,
//! images are in `pull`, what a pod refers to in `mounts`, the status in `status`.

mod fate;
mod image;
mod life;
mod mounts;
mod names;
mod probes;
mod pull;
mod pull_secrets;
mod status;

use serde_json::Value;

use super::super::world::World;
use super::context::Context;
use super::events::{Event, KUBELET};
use super::objects::{is_leaving, list, text, uid};
use life::Life;

/// How long a pod whose volumes are not there waits before it looks again, in seconds.
const REMOUNT: u32 = 2;

/// A pod as its kubelet remembers it.
#[derive(Default)]
pub(crate) struct PodLife {
    address: String,
    begun: String,
    is_mounted: bool,
    inits: Vec<Life>,
    mains: Vec<Life>,
}

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    let pods = world.objects("Pod");
    context.memory.pods.retain(|own, _| pods.iter().any(|pod| uid(pod) == own));
    for pod in pods {
        let is_over = ["Succeeded", "Failed"].contains(&text(&pod, "/status/phase"));
        if text(&pod, "/spec/nodeName").is_empty() || is_over || is_leaving(&pod) {
            continue;
        }
        let mut own = match context.memory.pods.remove(uid(&pod)) {
            Some(own) => own,
            None => adopt(context, &pod),
        };
        own.go_on(world, context, &pod);
        status::write(world, &own, &pod);
        context.memory.pods.insert(uid(&pod).to_owned(), own);
    }
}

/// A pod that is seen for the first time; one that runs already goes on as it does.
fn adopt(context: &mut Context<'_>, pod: &Value) -> PodLife {
    let count = |field: &str| list(pod, field).len();
    let known = text(pod, "/status/podIP");
    let address = if known.is_empty() {
        context.memory.addresses += 1;
        let number = context.memory.addresses;
        format!("10.85.{}.{}", number / 250 % 250, number % 250 + 2)
    } else {
        known.to_owned()
    };
    let runs = text(pod, "/status/phase") == "Running" && super::objects::is_true(pod, "Ready");
    let now = context.now;
    let life = || if runs { Life::running(now) } else { Life::default() };
    let inits = if runs { Life::ended } else { Life::default };
    PodLife {
        address,
        begun: match text(pod, "/status/startTime") {
            "" => super::objects::stamp(),
            begun => begun.to_owned(),
        },
        is_mounted: runs,
        inits: std::iter::repeat_with(inits).take(count("/spec/initContainers")).collect(),
        mains: std::iter::repeat_with(life).take(count("/spec/containers")).collect(),
    }
}

impl PodLife {
    fn go_on(&mut self, world: &mut World, context: &mut Context<'_>, pod: &Value) {
        if !self.is_mounted {
            self.mount(world, context, pod);
        }
        if !self.is_mounted {
            return;
        }
        let begun = list(pod, "/spec/initContainers").iter();
        for (container, life) in begun.zip(&mut self.inits) {
            let part = format!("spec.initContainers{{{}}}", text(container, "/name"));
            life.go_on(world, context, &life::Of { pod, container, part, address: &self.address });
            let is_aside = container["restartPolicy"] == "Always";
            if !(life.has_succeeded() || is_aside && life.is_running()) {
                return;
            }
        }
        for (container, life) in list(pod, "/spec/containers").iter().zip(&mut self.mains) {
            let part = format!("spec.containers{{{}}}", text(container, "/name"));
            life.go_on(world, context, &life::Of { pod, container, part, address: &self.address });
            if life.is_pulling() {
                return;
            }
        }
    }

    /// Volumes come first: as long as one is not there, nothing is started.
    fn mount(&mut self, world: &mut World, context: &mut Context<'_>, pod: &Value) {
        let Some(words) = mounts::missing_volume(world, pod) else {
            self.is_mounted = true;
            return;
        };
        let is_told = world.objects("Event").iter().any(|event| {
            text(event, "/involvedObject/uid") == uid(pod) && event["message"] == words.as_str()
        });
        // Looked at again in time; told a few times.
        let what = format!("mount {}", uid(pod));
        let _ = context.has_been_seconds(&what, &words, REMOUNT);
        if !is_told {
            Event::warning(KUBELET, pod, "FailedMount", words).tell(world);
        }
    }
}
