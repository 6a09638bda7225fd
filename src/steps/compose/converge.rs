//! Starts containers in the order of their dependencies and waits until every service is ready:
//! one loop over the news of `host::containers::Watch`. When a service is ready is `readiness`.
//!
//! Containers are started through the engine, not by `docker compose up`, because compose 2.26
//! starts finished one-shots again, polls dependencies every 500 ms, and takes the first
//! `unhealthy` of a dependency as final. `docker compose create` attaches all networks, also with
//! engines that speak an API before 1.44, so a container that it made starts as compose would
//! start it; services with hooks are the exception and are left to compose.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::failures;
use super::ledger::Ledger;
use super::project::Project;
use super::readiness::{Fault, Situation, Verdict};
use super::tool;
use crate::host::containers::{self, Container, Signal, Status, Watch, interruption};
use crate::host::docker::Engine;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Starts under way at a time.
const STARTS: usize = 16;

/// Starts the containers with these ids as soon as their dependencies allow, and waits until
/// every service that is not optional is ready. Returns where each service stands.
///
/// # Errors
/// A service is lost, the time is over, or the run was cancelled.
pub(super) async fn converge(
    project: &Project,
    ctx: &StepCtx,
    to_start: BTreeSet<String>,
) -> Result<BTreeMap<String, Verdict>, Failure> {
    let mut watch = Watch::begin(&ctx.host.docker, &project.model.name);
    let mut wait = Wait {
        project,
        ctx,
        ledger: Ledger::new(to_start),
        starting: FuturesUnordered::new(),
        under_way: BTreeSet::new(),
        said: String::new(),
    };
    loop {
        let steady = wait.ledger.next_steady(Instant::now()).unwrap_or(ctx.deadline);
        tokio::select! {
            signal = watch.next() => match signal {
                Some(signal) => {
                    wait.take(signal)?;
                    // A burst costs one evaluation.
                    while let Some(signal) = watch.try_next() {
                        wait.take(signal)?;
                    }
                }
                None => return Err(Failure::cancelled()),
            },
            Some(started) = wait.starting.next() => wait.started(started)?,
            () = sleep_until(steady.min(ctx.deadline)) => {}
            () = ctx.cancel.cancelled() => return Err(Failure::cancelled()),
        }
        if !wait.ledger.is_known() {
            if Instant::now() >= ctx.deadline {
                return Err(wait.late(&BTreeMap::new()).await);
            }
            continue;
        }
        if let Some(verdicts) = wait.evaluate().await? {
            return Ok(verdicts);
        }
    }
}

/// What became of a start: the container's id, and how it is now.
type Started = (String, Result<Option<Container>, Failure>);

/// One wait.
struct Wait<'a> {
    project: &'a Project,
    ctx: &'a StepCtx,
    ledger: Ledger,
    starting: FuturesUnordered<BoxFuture<'a, Started>>,
    under_way: BTreeSet<String>,
    said: String,
}

impl Wait<'_> {
    /// Learns what the watch reports.
    fn take(&mut self, signal: Signal) -> Result<(), Failure> {
        let now = Instant::now();
        match signal {
            Signal::Snapshot(containers) => self.ledger.replace(containers, now),
            Signal::Changed(container) => self.ledger.learn(*container, now),
            Signal::Gone(id) => self.ledger.forget(&id),
            // An engine that answered before is restarting: its containers may come back with it.
            Signal::Lost(failure) if self.ledger.is_known() => self.say(failure.summary),
            Signal::Lost(failure) => return Err(failure),
        }
        for probe in self.ledger.take_probes() {
            self.ctx.probed(probe);
        }
        Ok(())
    }

    fn started(&mut self, (id, result): Started) -> Result<(), Failure> {
        self.under_way.remove(&id);
        if let Some(container) = result? {
            self.ledger.learn_started(container, Instant::now());
        }
        self.ledger.was_started(&id);
        Ok(())
    }

    /// Starts what can be started; says where things stand; `Some` when all is as wanted.
    async fn evaluate(&mut self) -> Result<Option<BTreeMap<String, Verdict>>, Failure> {
        let now = Instant::now();
        let containers = self.ledger.containers();
        self.ledger.give_second_chances(self.project, &containers, now);
        let history = self.ledger.history(now);
        let situation =
            Situation { project: self.project, containers: &containers, history: &history };
        let verdicts = situation.verdicts();
        if let Some((service, fault)) = self.lost(&situation, &verdicts) {
            return Err(self.failure(&containers, service, fault).await);
        }
        for container in &containers {
            let ready = self.ledger.is_to_start(&container.id)
                && situation.blocker(&container.service).is_none();
            if ready && self.under_way.len() < STARTS && self.under_way.insert(container.id.clone())
            {
                self.starting.push(self.start(container.clone()));
            }
        }
        let required = |name: &String| !self.project.optional.contains(name);
        let good = verdicts.iter().all(|(name, verdict)| verdict.is_good() || !required(name));
        if good && self.under_way.is_empty() {
            return Ok(Some(verdicts));
        }
        if now >= self.ctx.deadline {
            return Err(self.late(&verdicts).await);
        }
        self.say(summary(&verdicts, &situation));
        Ok(None)
    }

    /// The service that makes success impossible: one that is lost, unless it is optional and
    /// nothing that is required waits for it.
    fn lost<'v>(
        &self,
        situation: &Situation<'_>,
        verdicts: &'v BTreeMap<String, Verdict>,
    ) -> Option<(&'v str, &'v Fault)> {
        let needed: BTreeSet<&str> = verdicts
            .iter()
            .filter(|(name, verdict)| !verdict.is_good() && !self.project.optional.contains(*name))
            .flat_map(|(name, _)| behind(situation, name))
            .collect();
        verdicts.iter().find_map(|(name, verdict)| match verdict {
            Verdict::Failed(fault) if needed.contains(name.as_str()) => {
                Some((name.as_str(), fault))
            }
            _ => None,
        })
    }

    async fn failure(&mut self, containers: &[Container], service: &str, fault: &Fault) -> Failure {
        match containers.iter().find(|container| container.id == fault.container) {
            Some(container) => failures::lost(self.ctx, container, fault).await,
            None => Failure::new(
                Class::Permanent,
                "SERVICE_EXITED",
                format!("service `{service}` {}", fault.kind.describe()),
            ),
        }
    }

    async fn late(&mut self, verdicts: &BTreeMap<String, Verdict>) -> Failure {
        let containers = self.ledger.containers();
        let history = self.ledger.history(Instant::now());
        let situation =
            Situation { project: self.project, containers: &containers, history: &history };
        let in_the_way = |container: &&Container| {
            verdicts.get(&container.service).is_some_and(|verdict| !verdict.is_good())
                && !self.project.optional.contains(&container.service)
                && situation.blocker(&container.service).is_none()
        };
        let blockers: Vec<&Container> = containers.iter().filter(in_the_way).collect();
        failures::not_ready(self.ctx, verdicts, &blockers).await
    }

    /// Says what is waited for, when it is something new.
    fn say(&mut self, text: String) {
        if !text.is_empty() && text != self.said {
            self.ctx.waiting(text.as_str());
            self.said = text;
        }
    }
}

impl<'a> Wait<'a> {
    fn start(&self, container: Container) -> BoxFuture<'a, Started> {
        let (project, ctx) = (self.project, self.ctx);
        async move {
            let id = container.id.clone();
            (id, start(project, ctx, &container).await)
        }
        .boxed()
    }
}

/// Starts one container and looks at it.
async fn start(
    project: &Project,
    ctx: &StepCtx,
    container: &Container,
) -> Result<Option<Container>, Failure> {
    let engine: &Engine = &ctx.host.docker;
    let hooks = project.model.services.get(&container.service).is_some_and(|s| s.hooks);
    if container.status == Status::Running {
        // It only carries a mark, see `decide`.
    } else if hooks {
        let doing = format!("start service `{}`", container.service);
        tool::change(ctx, project.invocation.start(&container.service), &doing).await?;
    } else if let Err(error) = containers::start(engine.client().await?, container).await {
        return Err(failures::cannot_start(engine, container, &error).await);
    }
    // Only now: a mark that is gone before the start would be forgotten with it.
    interruption::end(engine, container).await?;
    containers::inspect(engine, &container.id).await
}

/// The service itself and the chain of services that it waits for.
fn behind<'s>(situation: &'s Situation<'_>, service: &'s str) -> Vec<&'s str> {
    let mut chain = vec![service];
    while let Some(next) = chain.last().and_then(|last| situation.blocker(last)) {
        if chain.contains(&next) {
            break;
        }
        chain.push(next);
    }
    chain
}

/// What is waited for: first the services that are in the way themselves.
fn summary(verdicts: &BTreeMap<String, Verdict>, situation: &Situation<'_>) -> String {
    const SHOWN: usize = 4;
    let mut parts = Vec::new();
    let mut behind = 0;
    for (name, verdict) in verdicts {
        match verdict {
            Verdict::Pending(why) if situation.blocker(name).is_none() => {
                parts.push(format!("{name} ({why})"));
            }
            Verdict::Pending(_) => behind += 1,
            _ => {}
        }
    }
    let more = parts.len().saturating_sub(SHOWN) + behind;
    parts.truncate(SHOWN);
    let text = parts.join(", ");
    if more > 0 && !text.is_empty() { format!("{text}, {more} more behind") } else { text }
}
