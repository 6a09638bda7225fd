//! How a container comes to its image: looked for on the node, pulled, refused, held off.

use std::time::Instant;

use super::super::super::world::World;
use super::super::context::Context;
use super::super::events::{Event, KUBELET, Severity};
use super::super::objects::{text, uid};
use super::life::{AGAIN, Life, Of, Stage, TOLD};
use super::names::Image;
use super::{pull, pull_secrets};

impl Life {
    fn warn_of_secrets(&mut self, world: &mut World, of: &Of<'_>) {
        let missing = pull_secrets::missing(world, of.pod).join(", ");
        if !missing.is_empty() && self.told <= TOLD {
            let message = format!(
                "Unable to retrieve some image pull secrets ({missing}); attempting to pull the \
                 image may not succeed."
            );
            let reason = "FailedToRetrieveImagePullSecret";
            Event::warning(KUBELET, of.pod, reason, message).tell(world);
        }
    }

    pub(super) fn look_for_image(
        &mut self,
        world: &mut World,
        context: &mut Context<'_>,
        of: &Of<'_>,
    ) {
        let raw = of.image();
        self.warn_of_secrets(world, of);
        let Some(image) = Image::of(raw) else {
            let words = format!(
                "Failed to apply default image tag \"{raw}\": couldn't parse image name \"{raw}\": \
                 invalid reference format"
            );
            return self.cannot(world, context, of, ("InspectFailed", "InvalidImageName", &words));
        };
        let policy = text(of.container, "/imagePullPolicy");
        let is_there = pull::is_on_node(world, context, of.pod, &image);
        if policy == "Never" && !is_there {
            let words =
                format!("Container image \"{raw}\" is not present with pull policy of Never");
            let reason = "ErrImageNeverPull";
            return self.cannot(world, context, of, (reason, reason, &words));
        }
        if is_there && policy != "Always" {
            let words = format!(
                "Container image \"{raw}\" already present on machine and can be accessed by the pod"
            );
            self.tell(world, of, (Severity::Normal, "Pulled"), words);
            return self.configure(world, context, of);
        }
        if let Some((until, words)) = Self::held_off(context, of).filter(|_| !self.is_asker) {
            // Another container of the pod was refused the same image a moment ago.
            self.hold_off(world, context, of, &words);
            self.until = Some(until);
            return;
        }
        self.tell(world, of, (Severity::Normal, "Pulling"), format!("Pulling image \"{raw}\""));
        self.wait(context, 1, Stage::Asked);
    }

    /// What waiting does not cure: it is tried again all the same.
    fn cannot(
        &mut self,
        world: &mut World,
        context: &Context<'_>,
        of: &Of<'_>,
        (event, reason, words): (&'static str, &'static str, &str),
    ) {
        self.tell(world, of, (Severity::Warning, event), words.to_owned());
        self.tell(world, of, (Severity::Warning, "Failed"), format!("Error: {reason}"));
        self.shows_waiting(reason, Some(words));
        self.wait(context, AGAIN, Stage::Begin);
    }

    pub(super) fn hear(&mut self, world: &mut World, context: &mut Context<'_>, of: &Of<'_>) {
        let raw = of.image();
        let Some(image) = Image::of(raw) else { return self.stage = Stage::Begin };
        if let Some(words) = pull::refusal(world, context, of.pod, &image) {
            let message = format!("Failed to pull image \"{raw}\": {words}");
            self.tell(world, of, (Severity::Warning, "Failed"), message);
            self.tell(world, of, (Severity::Warning, "Failed"), "Error: ErrImagePull".to_owned());
            self.shows_waiting("ErrImagePull", Some(&words));
            self.hold_others_off(context, of, &words);
            return self.wait(context, 1, Stage::Refused(words));
        }
        self.refusals = 0;
        let node = text(of.pod, "/spec/nodeName").to_owned();
        context.memory.pulled.insert((node, image.full));
        let message = format!(
            "Successfully pulled image \"{raw}\" in 100ms (100ms including waiting). Image size: \
             1073482 bytes."
        );
        self.tell(world, of, (Severity::Normal, "Pulled"), message);
        self.configure(world, context, of);
    }

    fn held_off(context: &Context<'_>, of: &Of<'_>) -> Option<(Instant, String)> {
        let key = (uid(of.pod).to_owned(), of.image().to_owned());
        context.memory.held_off.get(&key).filter(|(until, _)| *until > context.now).cloned()
    }

    /// The back-off is that of the image: other containers of the pod wait a little longer, so that
    /// this one asks first.
    fn hold_others_off(&mut self, context: &mut Context<'_>, of: &Of<'_>, words: &str) {
        let key = (uid(of.pod).to_owned(), of.image().to_owned());
        self.is_asker = true;
        let until = context.after(self.back_off() + 4);
        context.memory.held_off.insert(key, (until, words.to_owned()));
    }

    fn back_off(&self) -> u32 {
        (10 << self.refusals.min(5)).min(300)
    }

    /// Waits before the next pull, twice as long each time.
    pub(super) fn hold_off(
        &mut self,
        world: &mut World,
        context: &Context<'_>,
        of: &Of<'_>,
        words: &str,
    ) {
        let message = format!("Back-off pulling image \"{}\"", of.image());
        self.warn_of_secrets(world, of);
        self.tell(world, of, (Severity::Normal, "BackOff"), message.clone());
        self.tell(world, of, (Severity::Warning, "Failed"), "Error: ImagePullBackOff".to_owned());
        self.shows_waiting("ImagePullBackOff", Some(&format!("{message}: ErrImagePull: {words}")));
        let seconds = self.back_off();
        self.refusals += 1;
        self.wait(context, seconds, Stage::Begin);
    }
}
