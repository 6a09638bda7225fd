//! `mlup watch`: brings the environment up and keeps it up until it is told to end. What is done when
//! decides `engine/reconcile`; a look is `look`, what is heard between looks is `ears`.

mod ears;
mod front;
mod look;
mod objects;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use crate::cli::Watch;
use crate::commands::session::{self, Project, Session};
use crate::commands::{lock as owning, run};
use crate::engine::reconcile::{Action, Input, NAP, News, Reconciler, Scope};
use crate::engine::{self, Interrupt, Journal};
use crate::error::Error;
use crate::event::{EventKind, TunnelStage, TunnelState, WatchState, Watching};
use crate::host::lock::{Lane, Lock};
use crate::host::{clock, halt};
use crate::plan::{self as planning, Selection};
use ears::Ears;
use look::{Looker, Seen};

/// Carries out `mlup watch`.
pub(super) fn watch(session: &Session, args: &Watch) -> Result<ExitCode, Error> {
    let project = session.project()?;
    // A name that means no step is told before anything is done.
    planning::start(&project.config)?.select(&Selection::from(&args.steps))?;
    let folder = owning::state_folder(session, &project)?;
    let lock = Lock::acquire(&folder, Lane::Watch, &owning::owner(session, "watch"))
        .map_err(|error| Error::failure("lock")(error.failure()))?;
    // Who watches wants it up.
    halt::clear(&folder).map_err(Error::failure("lock"))?;
    let code = session::runtime()?.block_on(async {
        let interrupts = engine::listen()?;
        let looker = Looker::new(session, args, folder, project.host.clone());
        let mut keeper = Keeper::new(&looker, interrupts);
        keeper.follow(&project).await;
        let code = keeper.keep().await;
        looker.close().await;
        Ok::<_, Error>(code)
    })?;
    drop(lock);
    Ok(code)
}

/// What the loop can hear.
enum Heard {
    News(News),
    Seen(Box<Seen>),
    Signal(Interrupt),
    Time,
    Tunnel(TunnelState),
}

/// The loop of a watch.
struct Keeper<'a> {
    looker: &'a Looker<'a>,
    reconciler: Reconciler,
    journal: Journal,
    look: Option<LocalBoxFuture<'a, Seen>>,
    ears: Ears,
    news: UnboundedReceiver<News>,
    tunnels: UnboundedReceiver<TunnelState>,
    interrupts: UnboundedReceiver<Interrupt>,
    /// The signal that ends the watch, once its look is over.
    ending: Option<Interrupt>,
}

impl<'a> Keeper<'a> {
    fn new(looker: &'a Looker<'a>, interrupts: UnboundedReceiver<Interrupt>) -> Self {
        let (teller, news): (UnboundedSender<News>, _) = unbounded_channel();
        let id = looker.id();
        Self {
            reconciler: Reconciler::new(clock::moment(), run::seed(&id)),
            journal: looker.journal(id),
            looker,
            look: None,
            ears: Ears::new(teller),
            news,
            tunnels: looker.tunnels(),
            interrupts,
            ending: None,
        }
    }

    /// Watches until a signal ends it; the exit code.
    async fn keep(&mut self) -> ExitCode {
        let mut nap = self.feed(Input::Begin);
        loop {
            let heard = self.listen(nap).await;
            // Also when there is so much news that time never comes.
            self.journal.tick();
            let input = match heard {
                Heard::News(news) => Input::Stirred(news),
                Heard::Tunnel(turn) => self.tunnel_turned(turn),
                Heard::Time => self.looker.halted().map_or(Input::Tick, Input::Halted),
                Heard::Signal(signal) if self.look.is_some() => {
                    self.ending.get_or_insert(signal);
                    self.looker.interrupt(signal);
                    continue;
                }
                Heard::Signal(signal) => return self.end(signal),
                Heard::Seen(seen) => {
                    self.look = None;
                    if let Some(signal) = self.ending {
                        return self.end(signal);
                    }
                    if let Some(project) = &seen.project {
                        self.follow(project).await;
                    }
                    Input::Ended(seen.round)
                }
            };
            nap = self.feed(input);
        }
    }

    /// Listens to what this configuration has in the world, and to nothing else.
    async fn follow(&mut self, project: &Arc<Project>) {
        self.journal.hide(project.scrubber.clone());
        // Old ears would open again what is closed here.
        self.ears.forget_unless(project);
        self.looker.forget_others(project).await;
        self.ears.listen_to(project);
    }

    /// Tells of it; what it means for the environment a look finds out.
    fn tunnel_turned(&mut self, turn: TunnelState) -> Input {
        let TunnelState { destination, from, to, .. } = &turn;
        let input = match (from, to) {
            (_, TunnelStage::Down) => {
                Input::Stirred(News::usual(format!("the tunnel to {destination} broke")))
            }
            (_, TunnelStage::Over) => {
                Input::Stirred(News::usual(format!("the tunnel to {destination} is given up")))
            }
            (TunnelStage::Down, TunnelStage::Up) => {
                Input::Stirred(News::urgent(format!("the tunnel to {destination} is back")))
            }
            _ => Input::Tick,
        };
        self.journal.write(EventKind::TunnelState(turn));
        input
    }

    /// Waits for the next thing to happen. What is rare and urgent is asked first.
    async fn listen(&mut self, nap: Duration) -> Heard {
        let looking = async {
            match &mut self.look {
                Some(look) => look.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(signal) = self.interrupts.recv() => Heard::Signal(signal),
            seen = looking => Heard::Seen(Box::new(seen)),
            Some(turn) = self.tunnels.recv() => Heard::Tunnel(turn),
            Some(news) = self.news.recv() => Heard::News(news),
            () = sleep(nap) => Heard::Time,
        }
    }

    /// Does what follows from an input; how long nothing has to be done after it.
    fn feed(&mut self, input: Input) -> Duration {
        let mut nap = NAP;
        for action in self.reconciler.on(clock::moment(), input) {
            match action {
                Action::Look(scope) => self.begin(scope),
                Action::Say(state) => self.journal.write(EventKind::WatchState(state)),
                Action::Wake(after) => nap = after,
                Action::Woke => self.looker.woke(),
            }
        }
        nap
    }

    fn begin(&mut self, scope: Scope) {
        self.look = Some(Box::pin(self.looker.look(scope)));
    }

    /// The environment stays up; the watch says that nobody looks after it any more.
    fn end(&mut self, signal: Interrupt) -> ExitCode {
        let (why, code) = match signal {
            Interrupt::Interrupt => ("interrupted", 130),
            Interrupt::Terminate => ("terminated", 143),
        };
        let reason = format!("{why}; the environment stays as it is");
        self.journal.write(EventKind::WatchState(WatchState::of(Watching::Ended, reason)));
        ExitCode::from(code)
    }
}
