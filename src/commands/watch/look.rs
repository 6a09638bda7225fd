//! One look of a watch: a run of the same plan as `mlup start`, with the lock for as long as it lasts,
//! which changes nothing where all is well.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::front::Shared;
use crate::cli::Watch;
use crate::commands::lock as owning;
use crate::commands::run::{self, Wanted};
use crate::commands::session::{Kept, Project, Session};
use crate::engine::machine::Finish;
use crate::engine::reconcile::{Blocker, Due, Round, Scope, Verdict};
use crate::engine::{self, Interrupt, Journal};
use crate::error::Error;
use crate::event::{Outcome, TunnelState, Verb};
use crate::host::lock::{Lane, Lock, LockError, Owner};
use crate::host::runlog::RunLog;
use crate::host::{Host, halt};
use crate::plan::pull_secret::pull_secrets;
use crate::plan::{self as planning, Plan, PlanError, Selected, Selection, StepId, StepKind};
use crate::redact::Scrubber;
use crate::report::Report;
use crate::report::calm::{Calm, Open, Told};
use crate::report::json::Json;
use crate::report::tally::Tally;
use crate::report::toollog::ToolLog;
use crate::steps::objects::Objects;
use crate::steps::registry::dues::dues;
use crate::steps::registry::memory::Memory;
use crate::steps::{Consent, Passwords, Prune, StepCtx};

/// How often a look that goes on finds out whether somebody waits for the lock.
const MAKE_WAY: Duration = Duration::from_millis(250);
/// How long the ends of pull secrets may take to read.
const DUES: Duration = Duration::from_secs(20);

/// What came of a look.
pub(super) struct Seen {
    pub(super) round: Round,
    /// The configuration that was looked with; none where it was not read.
    pub(super) project: Option<Arc<Project>>,
}

/// Everything that looks share.
pub(super) struct Looker<'a> {
    session: &'a Session,
    args: &'a Watch,
    folder: PathBuf,
    front: Shared,
    told: Told,
    memory: Arc<Memory>,
    /// Connections to other machines, tunnels among them, outlive a look.
    host: Host,
    looks: Cell<u64>,
    /// Whether everything was up once: tasks that run at every start have run.
    was_up: Cell<bool>,
    /// The last trouble with the configuration that was told.
    complained: RefCell<String>,
    /// Where the look that goes on hears of signals.
    stop: RefCell<Option<UnboundedSender<Interrupt>>>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(session: &'a Session, args: &'a Watch, folder: PathBuf, host: Host) -> Self {
        Self {
            session,
            args,
            folder,
            front: Shared::new(session),
            told: Told::default(),
            memory: Arc::default(),
            host,
            looks: Cell::default(),
            was_up: Cell::default(),
            complained: RefCell::default(),
            stop: RefCell::default(),
        }
    }

    /// The identifier of the watch, with which those of its looks begin.
    pub(super) fn id(&self) -> String {
        run::run_id(self.session.invocation.pid)
    }

    /// The events of the watch itself; they are made of names and of what looks have scrubbed.
    pub(super) fn journal(&self, id: String) -> Journal {
        let reports: Vec<Box<dyn Report>> = vec![Box::new(self.front.clone())];
        Journal::new(id, Instant::now(), Scrubber::new(&[]), reports)
    }

    /// What becomes of tunnels, whichever look wanted them.
    pub(super) fn tunnels(&self) -> UnboundedReceiver<TunnelState> {
        self.host.ssh.listen()
    }

    pub(super) fn woke(&self) {
        self.memory.woke();
        self.host.ssh.hurry();
    }

    /// Ends the connections to machines that this configuration does not name.
    pub(super) async fn forget_others(&self, project: &Project) {
        let host = project.config.cluster.as_ref().and_then(|cluster| cluster.k3s.host.as_ref());
        self.host.ssh.close_others(host, &*self.host.runner).await;
    }

    /// Hands a signal to the look that goes on.
    pub(super) fn interrupt(&self, signal: Interrupt) {
        if let Some(stop) = &*self.stop.borrow() {
            let _ = stop.send(signal);
        }
    }

    /// Ends what was kept open between looks.
    pub(super) async fn close(&self) {
        self.host.close().await;
    }

    /// Who halted the environment by hand, if somebody did.
    pub(super) fn halted(&self) -> Option<String> {
        halt::marked(&self.folder).as_ref().map(words)
    }

    /// Looks, unless the environment is halted, somebody else works on it, or nobody can tell how it
    /// is wanted.
    pub(super) async fn look(&'a self, scope: Scope) -> Seen {
        let idle = |verdict| Seen {
            round: Round { verdict, mended: Vec::new(), dues: None },
            project: None,
        };
        if let Some(by) = self.halted() {
            return idle(Verdict::Halted(by));
        }
        if let Some(next) = Lock::holder(&self.folder, Lane::Turn) {
            return idle(Verdict::Busy(words(&next)));
        }
        let owner = owning::owner(self.session, "watch");
        let lock = match Lock::acquire(&self.folder, Lane::Run, &owner) {
            Ok(lock) => lock,
            Err(LockError::Held { owner: Some(owner), .. }) => {
                return idle(Verdict::Busy(words(&owner)));
            }
            Err(LockError::Held { owner: None, .. }) => {
                return idle(Verdict::Busy("another run".to_owned()));
            }
            Err(error) => return idle(self.unusable(&Error::failure("lock")(error.failure()))),
        };
        let begun = self.project().and_then(|project| Ok((self.select(&project, scope)?, project)));
        let (selected, project) = match begun {
            Ok(begun) => begun,
            Err(error) => return idle(self.unusable(&error)),
        };
        self.complained.borrow_mut().clear();
        let mut round = match selected {
            Some(selected) => self.go_through(&project, selected, scope).await,
            None => Round { verdict: Verdict::Up, mended: Vec::new(), dues: None },
        };
        drop(lock);
        round.dues = self.dues(&project).await;
        Seen { round, project: Some(project) }
    }

    /// The configuration as it is now: who edits it and starts by hand is not worked against.
    fn project(&self) -> Result<Arc<Project>, Error> {
        let passwords = Passwords::remembered(Arc::clone(&self.memory));
        let kept = Kept { passwords, ssh: Some(self.host.ssh.clone()) };
        self.session.project_keeping(Consent::NotGiven, Prune::No, kept)
    }

    /// The steps of a look; none where there is nothing of this scope.
    fn select(&self, project: &Project, scope: Scope) -> Result<Option<Selected>, PlanError> {
        let plan = planning::start(&project.config)?;
        let mut selection = Selection::from(&self.args.steps);
        if self.was_up.get() {
            selection.skip.extend(every_time(&plan));
        }
        if scope == Scope::All {
            return plan.select(&selection).map(Some);
        }
        let chosen = plan.select(&selection)?;
        let is_secret = |id: &StepId| matches!(id.kind(), "registry" | "secret");
        let ids = plan.steps().iter().map(|step| &step.id);
        let secrets = ids.filter(|id| is_secret(id) && chosen.left_out(id).is_none());
        selection.only = secrets.map(ToString::to_string).collect();
        if selection.only.is_empty() { Ok(None) } else { plan.select(&selection).map(Some) }
    }

    /// Runs the plan, and makes way for who waits for the lock.
    async fn go_through(&self, project: &Arc<Project>, selected: Selected, scope: Scope) -> Round {
        let (stop, interrupts) = unbounded_channel();
        *self.stop.borrow_mut() = Some(stop.clone());
        let tally = Tally::default();
        let reports: Vec<Box<dyn Report>> =
            vec![Box::new(tally.clone()), Box::new(self.calm(project))];
        let jobs = usize::from(self.args.jobs);
        let wanted = Wanted { verb: Verb::Start, selected, jobs, strict: false };
        let run = run::assemble(project, wanted, self.next_id(), (reports, interrupts));
        let stepper = run::stepper(project, run.plan.plan().clone(), run.verb);
        let running = engine::run(run, stepper);
        tokio::pin!(running);
        let mut ask = interval(MAKE_WAY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next: Option<Owner> = None;
        let finish = loop {
            tokio::select! {
                finish = &mut running => break finish,
                _ = ask.tick(), if next.is_none() => {
                    next = Lock::holder(&self.folder, Lane::Turn);
                    if next.is_some() {
                        let _ = stop.send(Interrupt::Terminate);
                    }
                }
            }
        };
        *self.stop.borrow_mut() = None;
        let verdict = verdict(finish, &tally, next.as_ref());
        if verdict == Verdict::Up && scope == Scope::All {
            self.was_up.set(true);
        }
        Round { verdict, mended: tally.changed(), dues: None }
    }

    fn next_id(&self) -> String {
        self.looks.set(self.looks.get() + 1);
        format!("{}-{}", self.id(), self.looks.get())
    }

    /// The report of a look: the front, and a run log, once there is news.
    fn calm(&self, project: &Project) -> Calm {
        let (env, front) = (self.session.invocation.env.clone(), self.front.clone());
        let (name, root) = (project.config.name.clone(), project.config.root.clone());
        let id = format!("{}-{}", self.id(), self.looks.get() + 1);
        let open: Open = Box::new(move || {
            let mut reports: Vec<Box<dyn Report>> = vec![Box::new(front)];
            // The world matters more than its log, which was there at the beginning.
            if let Ok(log) = RunLog::create(&env, &name, &root, &id)
                && let Ok(events) = log.events()
            {
                reports.push(Box::new(Json::new(events)));
                reports.push(Box::new(ToolLog::new(log.step_logs())));
            }
            reports
        });
        Calm::new(self.told.clone(), open)
    }

    /// Tells once, in full, why nothing can be looked at.
    fn unusable(&self, error: &Error) -> Verdict {
        let terminal = self.session.terminal;
        let text = error.render(terminal.style, terminal.width());
        if *self.complained.borrow() != text {
            terminal.complain(error);
            self.complained.borrow_mut().clone_from(&text);
        }
        let first = text.lines().next().unwrap_or_default();
        let summary = first.strip_prefix("error: ").unwrap_or(first).to_owned();
        Verdict::Down(Blocker { step: None, code: None, summary })
    }

    /// When the pull secrets are due; nothing where the cluster cannot be asked now.
    async fn dues(&self, project: &Project) -> Option<Vec<Due>> {
        let deadline = Instant::now() + DUES;
        let mut all = Vec::new();
        for secret in pull_secrets(&project.config) {
            let step = StepId::named("registry", &secret.name);
            let ctx = StepCtx { deadline, ..project.reading(&step) };
            let look = async {
                let objects = Objects::if_there(&ctx).await.ok()??;
                dues(&secret, &self.memory, &objects).await.ok()
            };
            let found = tokio::time::timeout_at(deadline, look).await.ok()??;
            all.extend(found.iter().map(|due| Due {
                at: due.at,
                ends: due.ends,
                not_before: due.not_before,
            }));
        }
        Some(all)
    }
}

fn words(Owner { pid, command, .. }: &Owner) -> String {
    format!("`{command}` (pid {pid})")
}

/// Tasks that nothing can be asked about: they run at each start, and a look is none.
fn every_time(plan: &Plan) -> impl Iterator<Item = String> {
    let runs_every_time = |kind: &StepKind| match kind {
        StepKind::Task(task) => task.unless.is_none(),
        _ => false,
    };
    let steps = plan.steps().iter().filter(move |step| runs_every_time(&step.kind));
    steps.map(|step| step.id.to_string())
}

fn verdict(finish: Finish, tally: &Tally, next: Option<&Owner>) -> Verdict {
    if let Some(next) = next {
        return Verdict::Busy(words(next));
    }
    if finish.outcome == Outcome::Ready {
        return Verdict::Up;
    }
    Verdict::Down(tally.cause().map_or_else(
        || Blocker { step: None, code: None, summary: "the deadline passed".to_owned() },
        |cause| Blocker { step: Some(cause.step), code: Some(cause.code), summary: cause.summary },
    ))
}
