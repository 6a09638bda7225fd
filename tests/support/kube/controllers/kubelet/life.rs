//! The life of a container: its image, its configuration, its runs, its ends, and the back-offs in
//! between, each told as the kubelet tells it.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::super::world::World;
use super::super::context::Context;
use super::super::events::{Event, KUBELET, Severity};
use super::super::objects::{digest, name, namespace, stamp, text, uid};
use super::fate::{Fate, fate};
use super::names::Image;
use super::{mounts, probes, pull};

/// How often a container says something: a few times are as good as many.
pub(super) const TOLD: u32 = 60;
/// When the kubelet looks again after what it cannot start, in seconds.
pub(super) const AGAIN: u32 = 10;

/// A container and where it is.
pub(super) struct Of<'o> {
    pub(super) pod: &'o Value,
    pub(super) container: &'o Value,
    /// Such as `spec.containers{api}`.
    pub(super) part: String,
    pub(super) address: &'o str,
}

impl Of<'_> {
    pub(super) fn own_name(&self) -> &str {
        text(self.container, "/name")
    }

    /// Whether it is started again after an end with this code.
    fn is_restarted(&self, code: i64) -> bool {
        let is_aside = self.container["restartPolicy"] == "Always";
        match text(self.pod, "/spec/restartPolicy") {
            "Always" if is_aside || !self.is_first() => true,
            "Never" => is_aside,
            _ => is_aside || code != 0,
        }
    }

    /// Whether it runs before the others.
    pub(super) fn is_first(&self) -> bool {
        self.part.starts_with("spec.init")
    }

    pub(super) fn image(&self) -> &str {
        text(self.container, "/image")
    }
}

/// How far a container is.
pub(super) enum Stage {
    /// Its image is looked for.
    Begin,
    /// The registry was asked.
    Asked,
    /// The registry refused, in these words.
    Refused(String),
    Running(Fate, Instant),
    Ended(i64),
    /// It is started again after its back-off.
    Restart,
    Done(i64),
}

/// A container as its kubelet remembers it.
pub(super) struct Life {
    pub(super) stage: Stage,
    pub(super) until: Option<Instant>,
    pub(super) refusals: u32,
    /// Whether it was this one that a registry refused an image.
    pub(super) is_asker: bool,
    pub(super) told: u32,
    pub(super) probed: u32,
    /// State and last state as the status has them.
    pub(super) shown: Option<Value>,
    pub(super) last: Value,
    ended: Option<Value>,
    pub(super) restarts: i64,
    pub(super) is_ready: bool,
    pub(super) is_started: bool,
    /// The identifier of the container, once there is one.
    pub(super) id: Option<String>,
    /// The image that it was made of, where its node tells: it stays, whatever becomes of the name.
    pub(super) image: Option<String>,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            stage: Stage::Begin,
            until: None,
            refusals: 0,
            is_asker: false,
            told: 0,
            probed: 0,
            shown: None,
            last: json!({}),
            ended: None,
            restarts: 0,
            is_ready: false,
            is_started: false,
            id: None,
            image: None,
        }
    }
}

impl Life {
    /// One that runs already, of a pod that is seen for the first time.
    pub(super) fn running(now: Instant) -> Self {
        let (is_ready, is_started) = (true, true);
        let id = Some(format!("containerd://{}", digest("running")));
        let shown = Some(json!({ "running": { "startedAt": stamp() } }));
        let stage = Stage::Running(Fate::lasting(), now);
        Self { stage, shown, is_ready, is_started, id, ..Self::default() }
    }

    /// One that ended well already.
    pub(super) fn ended() -> Self {
        let shown = json!({ "terminated": { "exitCode": 0, "reason": "Completed",
            "startedAt": stamp(), "finishedAt": stamp() } });
        Self { stage: Stage::Done(0), shown: Some(shown), ..Self::default() }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running(..))
    }

    /// Whether a registry is to answer: others of the pod wait for that.
    pub(super) fn is_pulling(&self) -> bool {
        matches!(self.stage, Stage::Asked)
    }

    /// The code with which it ended for good.
    pub(super) fn end(&self) -> Option<i64> {
        if let Stage::Done(code) = self.stage { Some(code) } else { None }
    }

    /// Whether it ended well for good.
    pub(super) fn has_succeeded(&self) -> bool {
        self.end() == Some(0)
    }

    /// Goes on as far as it can now.
    pub(super) fn go_on(&mut self, world: &mut World, context: &mut Context<'_>, of: &Of<'_>) {
        loop {
            if let Some(until) = self.until {
                if !context.is_past(until) {
                    return;
                }
                self.until = None;
            }
            match &self.stage {
                Stage::Begin => self.look_for_image(world, context, of),
                Stage::Asked => self.hear(world, context, of),
                Stage::Refused(words) => {
                    let words = words.clone();
                    self.hold_off(world, context, of, &words);
                }
                Stage::Running(fate, began) => {
                    let (fate, began) = (fate.clone(), *began);
                    if !self.run(world, context, of, (&fate, began)) {
                        return;
                    }
                }
                Stage::Ended(code) => {
                    let code = *code;
                    self.go_on_after_end(world, context, of, code);
                }
                Stage::Restart => self.restart(),
                Stage::Done(_) => return,
            }
        }
    }

    pub(super) fn wait(&mut self, context: &Context<'_>, seconds: u32, stage: Stage) {
        self.until = Some(context.after(seconds));
        self.stage = stage;
    }

    pub(super) fn shows_waiting(&mut self, reason: &str, message: Option<&str>) {
        let mut waiting = json!({ "reason": reason });
        if let Some(message) = message {
            waiting["message"] = message.into();
        }
        self.shown = Some(json!({ "waiting": waiting }));
    }

    pub(super) fn tell(
        &mut self,
        world: &mut World,
        of: &Of<'_>,
        (severity, reason): (Severity, &'static str),
        message: String,
    ) {
        self.told += 1;
        if self.told <= TOLD {
            let event = Event::normal(KUBELET, of.pod, reason, message).on(&of.part);
            Event { severity, ..event }.tell(world);
        }
    }

    pub(super) fn configure(&mut self, world: &mut World, context: &mut Context<'_>, of: &Of<'_>) {
        if let Some(words) = mounts::missing_variable(world, of.pod, of.container) {
            self.tell(world, of, (Severity::Warning, "Failed"), format!("Error: {words}"));
            self.shows_waiting("CreateContainerConfigError", Some(&words));
            return self.wait(context, AGAIN, Stage::Begin);
        }
        let seed = format!("{} {} {}", uid(of.pod), of.own_name(), self.restarts);
        self.id = Some(format!("containerd://{}", digest(&seed)));
        self.image = Image::of(of.image()).and_then(|image| pull::held(context, of.pod, &image));
        self.tell(world, of, (Severity::Normal, "Created"), "Container created".to_owned());
        let fate = fate(world, context, of, self.restarts);
        if let Some(words) = &fate.unstartable {
            self.tell(world, of, (Severity::Warning, "Failed"), format!("Error: {words}"));
            self.shows_waiting("RunContainerError", Some(words));
            let mut ended = self.terminated(128, "StartError");
            ended["message"] = words.as_str().into();
            ended["startedAt"] = "1970-01-01T00:00:00Z".into();
            self.last = json!({ "terminated": ended });
            self.ended = Some(ended);
            return self.wait(context, 1, Stage::Ended(128));
        }
        self.tell(world, of, (Severity::Normal, "Started"), "Container started".to_owned());
        if let Some(ended) = self.ended.take() {
            self.last = json!({ "terminated": ended });
        }
        self.shown = Some(json!({ "running": { "startedAt": stamp() } }));
        self.stage = Stage::Running(fate, context.now);
        self.is_started = of.container["startupProbe"].is_null();
    }

    /// Whether it ended.
    fn run(
        &mut self,
        world: &mut World,
        context: &mut Context<'_>,
        of: &Of<'_>,
        (fate, began): (&Fate, Instant),
    ) -> bool {
        if !self.is_ready {
            let is_ready = match fate.ready_after {
                Some(long) => context.is_past(began + long),
                None => false,
            };
            if is_ready {
                self.is_ready = true;
                self.is_started = true;
            } else {
                probes::fail(self, world, context, (of, fate));
            }
        }
        let Some((long, end)) = &fate.end else { return false };
        if !context.is_past(began + *long) {
            return false;
        }
        if fate.is_killed {
            let message =
                format!("Container {} failed liveness probe, will be restarted", of.own_name());
            self.tell(world, of, (Severity::Normal, "Killing"), message);
        }
        let place = (namespace(of.pod), name(of.pod), of.own_name());
        world.log(place.0, place.1, place.2, &end.log);
        world.previous_log(place.0, place.1, place.2, &end.log);
        (self.is_ready, self.is_started) = (false, false);
        let ended = self.terminated(end.code, end.reason);
        self.shown = Some(json!({ "terminated": ended }));
        self.ended = Some(ended);
        let seconds = u32::from(of.is_restarted(end.code));
        self.wait(context, seconds, Stage::Ended(end.code));
        true
    }

    fn terminated(&self, code: i64, reason: &str) -> Value {
        let begun = self.shown.as_ref().map(|shown| text(shown, "/running/startedAt").to_owned());
        let begun = begun.filter(|begun| !begun.is_empty()).unwrap_or_else(stamp);
        json!({ "containerID": self.id, "exitCode": code, "reason": reason,
            "startedAt": begun, "finishedAt": stamp() })
    }

    fn go_on_after_end(
        &mut self,
        world: &mut World,
        context: &Context<'_>,
        of: &Of<'_>,
        code: i64,
    ) {
        if !of.is_restarted(code) {
            return self.stage = Stage::Done(code);
        }
        let Ok(doublings) = u32::try_from(self.restarts - 1) else {
            // The first time it is started again at once.
            return self.stage = Stage::Restart;
        };
        let (container, pod, within) = (of.own_name(), name(of.pod), namespace(of.pod));
        let place = format!("{pod}_{within}({})", uid(of.pod));
        let message = format!("Back-off restarting failed container {container} in pod {place}");
        self.tell(world, of, (Severity::Warning, "BackOff"), message);
        let seconds = (10 << doublings.min(5)).min(300);
        let long = match (seconds / 60, seconds % 60) {
            (0, seconds) => format!("{seconds}s"),
            (minutes, seconds) => format!("{minutes}m{seconds}s"),
        };
        let words = format!("back-off {long} restarting failed container={container} pod={place}");
        self.shows_waiting("CrashLoopBackOff", Some(&words));
        if let Some(ended) = &self.ended {
            self.last = json!({ "terminated": ended });
        }
        self.wait(context, seconds, Stage::Restart);
    }

    fn restart(&mut self) {
        self.restarts += 1;
        self.stage = Stage::Begin;
    }

    /// The state as the status has it; `resting` is the reason before anything happened.
    pub(super) fn state(&self, resting: &str) -> Value {
        self.shown.clone().unwrap_or_else(|| json!({ "waiting": { "reason": resting } }))
    }
}
