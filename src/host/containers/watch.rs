//! The live view of a project's containers: a snapshot, then each change as the engine reports it.
//! What the changes mean is decided elsewhere.
//!
//! An event only says which container to look at; the look is an inspection. So no order of
//! events, lost event or new kind of event can lead to a wrong picture. The engine is asked for
//! the events since shortly before the subscription: it replays what happened between subscription
//! and snapshot. After a broken stream (the daemon restarts) subscription and snapshot are made
//! anew, and a slow look at everything covers an engine that silently stopped talking.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Container, PROJECT, inspect, of_project};
use crate::host::clock::rfc3339_now;
use crate::host::docker::{Engine, classify};
use crate::policy::Failure;

/// Everything is looked at again this often, whatever the stream says.
const SAFETY: Duration = Duration::from_secs(10);
/// Events are asked for from this long before the subscription; replays cost one inspection each.
const REPLAY_SECONDS: i64 = 2;
/// Delays between attempts to reach an engine that went away.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// Events that are handled in one go, so that a burst costs one inspection a container.
const BURST: usize = 256;
/// The events after which a container has to be looked at. Those of healthcheck commands
/// (`exec_*`) are left out: they come with every probe and change nothing.
const ACTIONS: [&str; 9] =
    ["create", "destroy", "die", "health_status", "oom", "pause", "rename", "start", "unpause"];

/// One piece of news.
#[derive(Debug)]
pub enum Signal {
    /// All containers of the project; those not named are gone.
    Snapshot(Vec<Container>),
    /// One container, as it is now.
    Changed(Box<Container>),
    /// The container with this id is gone.
    Gone(String),
    /// The engine went away; a snapshot follows when it is back.
    Lost(Failure),
}

/// A running watch; ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    signals: UnboundedReceiver<Signal>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch a project. The first signal is a snapshot, or what stands in its way.
    #[must_use]
    pub fn begin(engine: &Engine, project: &str) -> Self {
        let (sender, signals) = unbounded_channel();
        let task = tokio::spawn(keep_watching(engine.clone(), project.to_owned(), sender));
        Self { signals, task }
    }

    /// The next piece of news. Cancel-safe.
    pub async fn next(&mut self) -> Option<Signal> {
        self.signals.recv().await
    }

    /// A piece of news that is there already.
    pub fn try_next(&mut self) -> Option<Signal> {
        self.signals.try_recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches until nobody listens any more.
async fn keep_watching(engine: Engine, project: String, sender: UnboundedSender<Signal>) {
    let mut delay = RECONNECT.0;
    while !sender.is_closed() {
        let connection = Connection { engine: &engine, project: &project, sender: &sender };
        if let Err(failure) = connection.watch(&mut delay).await {
            let _ = sender.send(Signal::Lost(failure));
        }
        sleep(delay).await;
        delay = (delay * 2).min(RECONNECT.1);
    }
}

/// One subscription.
struct Connection<'a> {
    engine: &'a Engine,
    project: &'a str,
    sender: &'a UnboundedSender<Signal>,
}

impl Connection<'_> {
    /// Subscribes, takes a snapshot and reports until the stream ends.
    async fn watch(&self, delay: &mut Duration) -> Result<(), Failure> {
        let events = self.subscribe().await?.ready_chunks(BURST);
        tokio::pin!(events);
        let mut safety = interval(SAFETY);
        safety.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Biased: polling the events first sends the subscription before the first snapshot.
            tokio::select! {
                biased;
                burst = events.next() => match burst {
                    Some(burst) => self.look(burst).await?,
                    None => return Ok(()),
                },
                _ = safety.tick() => self.snapshot().await?,
            }
            *delay = RECONNECT.0;
        }
    }

    async fn subscribe(
        &self,
    ) -> Result<impl Stream<Item = Result<EventMessage, bollard::errors::Error>>, Failure> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{PROJECT}={}", self.project)]),
            ("event", ACTIONS.map(str::to_owned).to_vec()),
        ]);
        let mut options = EventsOptionsBuilder::default().filters(&filters);
        if let Ok(now) = rfc3339_now().parse::<Timestamp>() {
            options = options.since(&(now.as_second() - REPLAY_SECONDS).to_string());
        }
        Ok(self.engine.client().await?.events(Some(options.build())))
    }

    async fn snapshot(&self) -> Result<(), Failure> {
        let containers = of_project(self.engine, self.project).await?;
        self.tell(Signal::Snapshot(containers));
        Ok(())
    }

    /// Inspects each container of a burst of events once.
    async fn look(
        &self,
        burst: Vec<Result<EventMessage, bollard::errors::Error>>,
    ) -> Result<(), Failure> {
        let mut ids = BTreeSet::new();
        for event in burst {
            let event = event.map_err(|e| classify(&e, "follow the engine's events"))?;
            ids.extend(event.actor.and_then(|actor| actor.id));
        }
        for id in ids {
            match inspect(self.engine, &id).await? {
                Some(container) if container.one_off => {}
                Some(container) => self.tell(Signal::Changed(Box::new(container))),
                None => self.tell(Signal::Gone(id)),
            }
        }
        Ok(())
    }

    /// Nobody listening any more is no error: the watch is over then.
    fn tell(&self, signal: Signal) {
        let _ = self.sender.send(signal);
    }
}
