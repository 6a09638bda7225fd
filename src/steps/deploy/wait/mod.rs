//! Follows the objects of a deploy by watches until all of them are ready, or until it is sure that
//! they will not be: then the cause is told at once. What is ready, and why not, is judged in
//! `readiness/`; how long something that stands still is borne with, in `patience`.

mod follow;
mod hooks;
mod limits;
mod logs;
mod look;
mod needs;
mod optional;
mod part;
mod patience;
mod plain;
mod sources;
#[cfg(test)]
mod tests;
mod verdict;
mod words;

use serde_json::json;
use tokio::time::Instant;

use crate::config::model::Deploy;
use crate::drivers::spec::Spec;
use crate::manifest::{Object, ObjectId, Place};
use crate::plan::change::Settled;
use crate::policy::Failure;
use crate::readiness::{Remedy, World};
use crate::steps::StepCtx;
use crate::steps::deploy::sources::of_one;
use crate::steps::objects::Objects;
use follow::{Follow, Heard};
pub(super) use hooks::{Hook, lost_hook};
use limits::Limits;
use logs::Logs;
pub(in crate::steps) use logs::last_words;
pub(super) use look::{Seen, ready_already};
use optional::Optional;
pub(super) use part::is_awaited;
use part::parts;
use verdict::{Decision, Verdict};

/// Waits until these objects are ready; each names its namespace where its kind has one. What
/// `optional` names may stay unready, and is warned about.
///
/// # Errors
/// The cause that keeps an object from being ready; `STEP_TIMEOUT` with what was still awaited.
pub(super) async fn until_ready(
    deploy: &Deploy,
    wanted: &[Object],
    objects: &Objects,
) -> Result<Settled, Failure> {
    within(deploy, wanted, objects, Limits::default()).await
}

/// Waits until these objects are ready, whoever made them, now that what kept them down is gone: for
/// one more attempt of their kubelets, however long its pause is by now.
///
/// # Errors
/// As [`until_ready`].
pub(in crate::steps) async fn until_recovered(
    wanted: &[ObjectId],
    objects: &Objects,
) -> Result<Settled, Failure> {
    let named = wanted.iter().filter_map(|id| {
        let metadata = json!({ "name": id.name, "namespace": id.namespace });
        let value =
            json!({ "apiVersion": id.api_version(), "kind": id.kind, "metadata": metadata });
        Object::new(value, Place::default())
    });
    let named: Vec<Object> = named.collect();
    let mut wait = Wait::new(None, &named, objects, Limits::of_recovery()).await?;
    if wait.verdict.parts.is_empty() {
        return Ok(words::settled(&named));
    }
    wait.help = Help::Given;
    wait.follow.open(sources::own(&wait.verdict.parts));
    wait.run().await
}

async fn within(
    deploy: &Deploy,
    wanted: &[Object],
    objects: &Objects,
    limits: Limits,
) -> Result<Settled, Failure> {
    let mut wait = Wait::new(Some(deploy), wanted, objects, limits).await?;
    if wait.verdict.parts.is_empty() {
        return Ok(words::settled(wanted));
    }
    wait.follow.open(sources::own(&wait.verdict.parts));
    wait.run().await
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Depth {
    /// The objects themselves.
    Own,
    /// What they make, once they say that they are ready.
    Made,
    /// What happens to them, from now on by watches. Since when.
    Happening(Instant),
    /// Everything that may explain a trouble. Since when.
    All(Instant),
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Everything is ready that has to be.
    Settled,
    /// This object will not be ready.
    Lost(usize),
    /// The time is over.
    Overdue,
}

/// One wait.
struct Wait<'a> {
    objects: &'a Objects,
    follow: Follow<'a>,
    logs: Logs<'a>,
    verdict: Verdict,
    world: World,
    context: String,
    limits: Limits,
    depth: Depth,
    help: Help,
    said: String,
}

/// Who may still end what stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Help {
    /// Other steps of the run, as long as they are at work.
    OfOthers,
    /// It was given just now: what is seen first is from before it.
    Given,
}

/// A world without objects that knows where those of a deploy come from.
async fn world(deploy: Option<&Deploy>, ctx: &StepCtx) -> World {
    let mut world = World::default();
    if let Some(deploy) = deploy {
        *world.sources_mut() = of_one(deploy, ctx).await;
    }
    world
}

impl<'a> Wait<'a> {
    async fn new(
        deploy: Option<&Deploy>,
        wanted: &[Object],
        objects: &'a Objects,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let optional = deploy.map(|deploy| deploy.optional.as_slice()).unwrap_or_default();
        let parts = parts(wanted, &Optional::of(optional), objects).await?;
        let context = Spec::of(&objects.step().config).map(|spec| spec.context);
        Ok(Self {
            follow: Follow::new(objects, limits.outage),
            logs: Logs::new(objects),
            verdict: Verdict::new(parts, limits),
            world: world(deploy, objects.step()).await,
            context: context.unwrap_or_default(),
            objects,
            limits,
            depth: Depth::Own,
            help: Help::OfOthers,
            said: String::new(),
        })
    }

    async fn run(&mut self) -> Result<Settled, Failure> {
        match self.end().await? {
            End::Settled => Ok(self.settle()),
            End::Lost(at) => Err(self.failure(at)),
            End::Overdue => Err(words::overdue(&self.verdict, &self.world, &self.context)),
        }
    }

    /// Follows the objects until it is sure how the wait ends.
    async fn end(&mut self) -> Result<End, Failure> {
        let objects = self.objects;
        let ctx = objects.step();
        let mut others = ctx.others.clone();
        let mut heard_at = Instant::now();
        loop {
            let now = Instant::now();
            let wake = match self.decide(now) {
                Decision::Settled => return Ok(End::Settled),
                Decision::Lost(at) => return Ok(End::Lost(at)),
                Decision::Wait(wake) => wake,
            };
            if now >= ctx.deadline {
                return Ok(End::Overdue);
            }
            self.say();
            let silent = self.limits.silence.filter(|_| !self.verdict.stands_still());
            let silent = silent.map(|silence| heard_at + silence);
            if silent.is_some_and(|end| now >= end) {
                return Ok(End::Overdue);
            }
            let ends = wake.into_iter().chain(silent).fold(ctx.deadline, Instant::min);
            tokio::select! {
                biased;
                () = ctx.cancel.cancelled() => return Err(Failure::cancelled()),
                heard = self.follow.next() => {
                    self.hear(heard?).await?;
                    heard_at = Instant::now();
                }
                () = self.logs.next() => self.judge(),
                () = others.changed() => {}
                () = tokio::time::sleep_until(ends) => self.judge(),
            }
        }
    }

    fn decide(&mut self, now: Instant) -> Decision {
        if matches!(self.depth, Depth::Own | Depth::Made) && !self.follow.is_listed() {
            return Decision::Wait(None);
        }
        let others = &self.objects.step().others;
        let is_given = std::mem::replace(&mut self.help, Help::OfOthers) == Help::Given;
        let may_come = |remedy: Remedy| is_given || others.may_come(patience::helpers(remedy));
        let decision = self.verdict.decide(now, &may_come);
        match (decision, self.depth) {
            (Decision::Settled, Depth::Own) => {
                self.depth = Depth::Made;
                self.follow.open(sources::made(&self.verdict.parts));
                if self.follow.is_listed() { decision } else { Decision::Wait(None) }
            }
            (Decision::Settled, _) => decision,
            _ => self.unless_explained(decision, now),
        }
    }

    /// What is lost is not so in less than a moment: its evidence is worth that long.
    fn unless_explained(&mut self, decision: Decision, now: Instant) -> Decision {
        self.look_deeper(now);
        match (decision, self.depth) {
            (Decision::Lost(_), Depth::All(since))
                if now < since + self.limits.evidence
                    && (!self.follow.is_listed() || self.logs.is_busy()) =>
            {
                Decision::Wait(Some(since + self.limits.evidence))
            }
            (Decision::Lost(_), Depth::Happening(_)) => Decision::Wait(Some(now)),
            (Decision::Wait(wake), Depth::Happening(since)) => {
                let explain = since + self.limits.explain;
                Decision::Wait(Some(wake.map_or(explain, |wake| wake.min(explain))))
            }
            _ => decision,
        }
    }

    /// Begins to watch where something is not ready, and looks at everything that may explain it
    /// where it stands still.
    fn look_deeper(&mut self, now: Instant) {
        let parts = &self.verdict.parts;
        match self.depth {
            Depth::Own | Depth::Made => {
                self.depth = Depth::Happening(now);
                self.follow.open(sources::made(parts));
                self.follow.open(sources::happening(parts));
                self.follow.go_on();
            }
            Depth::Happening(since)
                if self.verdict.stands_still() || now >= since + self.limits.explain =>
            {
                self.depth = Depth::All(now);
                self.follow.open(sources::explaining(parts));
            }
            Depth::Happening(_) | Depth::All(_) => {}
        }
    }

    /// Takes in what was heard, and what comes along with it.
    async fn hear(&mut self, first: Heard) -> Result<(), Failure> {
        let gathered = Instant::now() + self.limits.gather;
        let mut next = Some(first);
        while let Some(heard) = next {
            match heard {
                Heard::Silent(why) => self.objects.step().waiting(why),
                heard @ Heard::News(..) => {
                    let touched = self.follow.enter(heard, &mut self.world);
                    self.verdict.touch(&touched, &self.world);
                }
            }
            next = match tokio::time::timeout_at(gathered, self.follow.next()).await {
                Ok(heard) => Some(heard?),
                Err(_) => None,
            };
        }
        self.judge();
        Ok(())
    }

    fn judge(&mut self) {
        let now = Instant::now();
        for part in &mut self.verdict.parts {
            let is_due = part.look_again.is_some_and(|due| due <= now);
            let has_log = part.cause().is_some_and(|cause| cause.log.is_some());
            if part.is_touched || is_due || has_log {
                part.judge(&self.world, &mut self.logs, self.limits.steady);
            }
        }
    }

    /// Says what is waited for, when that has changed.
    fn say(&mut self) {
        let words = words::waiting(&self.verdict);
        let is_news = self.said != words && !self.verdict.is_to_come();
        if is_news {
            self.objects.step().waiting(words.clone());
            self.said = words;
        }
    }

    fn settle(&self) -> Settled {
        let ctx = self.objects.step();
        for part in &self.verdict.parts {
            if let Some(warning) = words::left(part, &self.context) {
                ctx.say(warning);
            }
        }
        words::ready(&self.verdict)
    }

    fn failure(&self, at: usize) -> Failure {
        words::lost(&self.verdict, at, &self.world, &self.context)
    }
}
