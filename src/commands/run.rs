//! What `start`, `stop` and `reset` share: the lock, the run log, the reports, the signals and the
//! engine's one loop, put together for one plan.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::commands::session::{self, Project, Session};
use crate::commands::{lock, service, urls};
use crate::engine::{self, Attempt, Interrupt, LastLook, Loss, Run, Stepper};
use crate::error::Error;
use crate::event::{Url, Verb};
use crate::host::clock;
use crate::host::runlog::RunLog;
use crate::host::terminal;
use crate::plan::{Plan, Selected, StepId};
use crate::report::json::Json;
use crate::report::notify::Service;
use crate::report::plain::Plain;
use crate::report::toollog::ToolLog;
use crate::report::tty::Tty;
use crate::report::{FirstError, Front, Look, Report};
use crate::steps::{self, Others, StepCtx, Teardown, cluster};

/// A plan and how to run it.
pub(super) struct Wanted {
    /// What it is called.
    pub verb: Verb,
    /// The plan and what is left out of it.
    pub selected: Selected,
    /// Steps that may run at a time.
    pub jobs: usize,
    /// Whether a degraded environment is a failure.
    pub strict: bool,
}

impl Wanted {
    /// A plan that takes away; all of it, as far as it is there.
    pub(super) fn teardown(verb: Verb, plan: Plan) -> Self {
        Self { verb, selected: plan.into(), jobs: 8, strict: false }
    }
}

/// Runs the plan to its end and shows it.
///
/// # Errors
/// Another run holds the lock, or the run log cannot be written. Nothing has been done then.
pub(super) fn run(
    session: &Session,
    project: &Arc<Project>,
    wanted: Wanted,
) -> Result<ExitCode, Error> {
    let word = match wanted.verb {
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Reset => "reset",
        Verb::Purge => "reset --purge",
        Verb::Fix => "doctor --fix",
    };
    let lock = lock::lock(session, project, word)?;
    lock::mark(session, project, wanted.verb, word)?;
    let id = run_id(session.invocation.pid);
    let config = &project.config;
    let log = RunLog::create(&session.invocation.env, &config.name, &config.root, &id)
        .map_err(Error::failure("run log"))?;
    let Reports { all: reports, troubles } = reports(session, &log, front(session, &log))?;
    let finish = project.work(async {
        let tunnels = Some(project.host.ssh.listen());
        let run = assemble(project, wanted, id, (reports, engine::listen()?));
        let run = Run { tunnels, ..run };
        let stepper = stepper(project, run.plan.plan().clone(), run.verb);
        Ok::<_, Error>(engine::run(run, stepper).await)
    })??;
    drop(lock);
    complain(session, &log, &troubles);
    Ok(ExitCode::from(finish.exit_code))
}

/// Says so where the run log could not be written to its end.
pub(super) fn complain(session: &Session, log: &RunLog, troubles: &[FirstError]) {
    if let Some(error) = troubles.iter().find_map(FirstError::take) {
        let folder = log.folder().display();
        session.terminal.say(&format!("warning: the run log {folder} is not complete: {error}"));
    }
}

/// Unique within a project: the folder of the run adds the time.
pub(super) fn run_id(pid: u32) -> String {
    format!("{pid:x}")
}

/// Who is shown a run.
pub(super) struct Reports {
    pub(super) all: Vec<Box<dyn Report>>,
    /// Tell afterwards whether the run log could be written.
    pub(super) troubles: Vec<FirstError>,
}

/// The front that was asked for.
pub(super) fn front(session: &Session, log: &RunLog) -> Box<dyn Report> {
    let terminal = session.terminal;
    let look = Look {
        detail: terminal.detail,
        style: terminal.style,
        run_log: Some(log.folder().display().to_string()),
    };
    match terminal.front {
        Front::Json => Box::new(Json::new(session::stdout())),
        Front::Plain | Front::Quiet if terminal.journal => service::journal(look),
        Front::Plain | Front::Quiet => {
            Box::new(Plain::new(session::stderr(), look, terminal.width()))
        }
        Front::Tty => Box::new(Tty::new(session::stderr(), Box::new(terminal::stderr_size), look)),
    }
}

/// A front, and the run log behind it.
pub(super) fn reports(
    session: &Session,
    log: &RunLog,
    front: impl Into<Option<Box<dyn Report>>>,
) -> Result<Reports, Error> {
    let events = Json::new(log.events()?);
    let tools = ToolLog::new(log.step_logs());
    let troubles = vec![events.first_error(), tools.first_error()];
    let mut all: Vec<Box<dyn Report>> = vec![Box::new(events), Box::new(tools)];
    if let Some(front) = front.into() {
        all.insert(0, front);
    }
    if let Some(notify) = service::notify(session, Service::Oneshot) {
        all.push(Box::new(notify));
    }
    Ok(Reports { all, troubles })
}

/// Everything that the engine's loop needs: who is shown the run, and who may end it.
pub(super) fn assemble(
    project: &Arc<Project>,
    wanted: Wanted,
    id: String,
    (reports, interrupts): (Vec<Box<dyn Report>>, UnboundedReceiver<Interrupt>),
) -> Run {
    let config = &project.config;
    let source = (wanted.verb == Verb::Start).then(|| Arc::clone(project));
    Run {
        seed: seed(&id),
        id,
        plan: wanted.selected,
        verb: wanted.verb,
        project: config.name.clone(),
        profile: config.profile.clone(),
        jobs: wanted.jobs,
        deadline: config.deadline,
        strict: wanted.strict,
        scrubber: project.scrubber.clone(),
        reports,
        interrupts,
        tunnels: None,
        force: project.force.clone(),
        urls: Arc::new(move || addresses(source.clone())),
        last_look: last_look(project),
    }
}

/// How the engine finds out at the end of a start that a node has vanished meanwhile. It is asked
/// without steps to blame: those of the run may be over.
fn last_look(project: &Arc<Project>) -> Option<LastLook> {
    project.config.cluster.as_ref()?;
    let project = Arc::clone(project);
    Some(Arc::new(move || {
        let step = StepId::single("cluster");
        let ctx = project.reading(&step);
        async move { cluster::lost(&ctx).await.map(|failure| Loss { step, failure }) }.boxed()
    }))
}

/// Where the environment answers, without passwords; nothing after a run that took it away.
fn addresses(project: Option<Arc<Project>>) -> BoxFuture<'static, Vec<Url>> {
    async move {
        match project {
            // The run is ready with or without its addresses.
            Some(project) => urls::addresses(&project).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }
    .boxed()
}

/// Differs between runs, so that two machines do not retry in step.
pub(super) fn seed(id: &str) -> u64 {
    let now = clock::rfc3339_now();
    id.bytes().chain(now.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Hands each attempt to the step's own code.
pub(super) fn stepper(project: &Arc<Project>, plan: Plan, verb: Verb) -> Stepper {
    let project = Arc::clone(project);
    Arc::new(move |step, attempt| {
        let mut dependents: BTreeSet<StepId> = plan.all_dependents(&step.id).into_iter().collect();
        dependents.insert(step.id.clone());
        let ctx = context(&project, &step.id, dependents, attempt);
        async move {
            match verb {
                Verb::Start | Verb::Fix => steps::bring_up(&step.kind, &ctx).await,
                Verb::Stop => steps::take_down(&step.kind, &ctx, Teardown::Stop).await,
                Verb::Reset => steps::take_down(&step.kind, &ctx, Teardown::Reset).await,
                Verb::Purge => steps::take_down(&step.kind, &ctx, Teardown::Purge).await,
            }
        }
        .boxed()
    })
}

fn context(
    project: &Project,
    id: &StepId,
    dependents: BTreeSet<StepId>,
    attempt: Attempt,
) -> StepCtx {
    StepCtx {
        others: Others::new(attempt.unfinished, dependents),
        rung: attempt.rung,
        deadline: attempt.deadline,
        cancel: attempt.cancel,
        progress: attempt.progress,
        ..project.reading(id)
    }
}
