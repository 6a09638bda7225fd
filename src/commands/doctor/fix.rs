//! `mlup doctor --fix`: carries out what mlup may do by itself about what it found, as a run like any
//! other, waits for what that gets going, and looks again. What is a person's to decide is told and
//! left alone.

use std::convert::Infallible;
use std::future::pending;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::cluster::Registries;
use super::course::Course;
use super::decide::decide;
use super::outcome::{Ends, has_changed, outcomes};
use super::{look, print, verdict};
use crate::cli;
use crate::commands::session::{Project, Session};
use crate::commands::{lock, run};
use crate::engine::{self, Attempt, Interrupt, Run, Stepper};
use crate::error::Error;
use crate::event::{Fix, Verb};
use crate::host::runlog::RunLog;
use crate::plan::change::Settled;
use crate::plan::progress::StepEnd;
use crate::plan::repair::Repair;
use crate::plan::{Step, StepId, StepKind};
use crate::policy::{Class, Failure};
use crate::report::{Front, text};

/// Repairs at a time.
const JOBS: usize = 8;

/// How it ended.
enum End {
    /// This is what is so now, and the exit code.
    Told(Box<Answer>, u8),
    /// Before anything could be told.
    Early(u8),
}

/// Repairs, looks again, and tells both.
///
/// # Errors
/// Another run holds the lock, the run log cannot be written, or the configuration has no plan.
pub(super) fn fix(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let lock = lock::lock(session, &project, "doctor --fix")?;
    let end = project.work(mend(session, &project, Registries::of(asked)))??;
    drop(lock);
    match end {
        End::Early(code) => Ok(ExitCode::from(code)),
        End::Told(answer, code) => {
            print(session, asked, &answer)?;
            Ok(ExitCode::from(code))
        }
    }
}

async fn mend(
    session: &Session,
    project: &Arc<Project>,
    registries: Registries,
) -> Result<End, Error> {
    let mut interrupts = engine::listen()?;
    let first = tokio::select! {
        biased;
        Some(interrupt) = interrupts.recv() => return Ok(End::Early(code_of(interrupt))),
        first = look(project, registries) => first?.0,
    };
    let mut answer = decide(&first);
    let course = Course::of((&first, &mut answer), &project.config)?;
    if !course.is_empty() {
        return Box::pin(carry_out(session, project, (course, registries), interrupts)).await;
    }
    if !answer.findings.is_empty() {
        session.terminal.say("nothing of this is mlup's to repair by itself");
    }
    let code = verdict(&answer) as u8;
    Ok(End::Told(Box::new(Answer { applied: Some(Vec::new()), ..answer }), code))
}

/// The exit code of a command that a signal ended.
fn code_of(interrupt: Interrupt) -> u8 {
    match interrupt {
        Interrupt::Interrupt => 130,
        Interrupt::Terminate => 143,
    }
}

/// Runs the repairs with a run log of their own.
async fn carry_out(
    session: &Session,
    project: &Arc<Project>,
    (course, registries): (Course, Registries),
    interrupts: UnboundedReceiver<Interrupt>,
) -> Result<End, Error> {
    let plan = course.plan()?;
    let (id, config) = (run::run_id(session.invocation.pid), &project.config);
    let log = RunLog::create(&session.invocation.env, &config.name, &config.root, &id)
        .map_err(Error::failure("run log"))?;
    // Standard output is the answer's; all events are in the run log.
    let front = (session.terminal.front != Front::Json).then(|| run::front(session, &log));
    let reports = run::reports(session, &log, front)?;
    let selected = plan.clone().into();
    let wanted = run::Wanted { verb: Verb::Fix, selected, jobs: JOBS, strict: false };
    let tunnels = Some(project.host.ssh.listen());
    let run = run::assemble(project, wanted, id, (reports.all, interrupts));
    let begin = run::stepper(project, plan, Verb::Fix);
    let (looks, asked) = unbounded_channel();
    let work = Arc::new(Work { course, looks, begin, seen: Mutex::default() });
    let finish = tokio::select! {
        finish = engine::run(Run { tunnels, ..run }, stepper(&work)) => finish,
        never = look_when_asked(project, registries, asked) => match never {},
    };
    run::complain(session, &log, &reports.troubles);
    let told = work.seen().answer.take();
    Ok(match told {
        Some(answer) => End::Told(Box::new(answer), finish.exit_code),
        None => End::Early(finish.exit_code),
    })
}

/// Looks with fresh eyes whenever a step asks for it, which cannot hold a look itself.
async fn look_when_asked(
    project: &Project,
    registries: Registries,
    mut asked: UnboundedReceiver<oneshot::Sender<Answer>>,
) -> Infallible {
    while let Some(reply) = asked.recv().await {
        // The first look had a plan of the same configuration.
        let Ok((seen, _)) = look(&project.afresh(), registries).await else { continue };
        let mut answer = decide(&seen);
        if Course::of((&seen, &mut answer), &project.config).is_ok() {
            // Who asked may have been told to stop.
            let _ = reply.send(answer);
        }
    }
    pending().await
}

/// What the steps of a repair share.
struct Work {
    course: Course,
    /// Where a look is asked for.
    looks: UnboundedSender<oneshot::Sender<Answer>>,
    /// Carries out a step as a start does.
    begin: Stepper,
    seen: Mutex<Seen>,
}

/// What is known so far.
#[derive(Default)]
struct Seen {
    ends: Ends,
    answer: Option<Answer>,
}

impl Work {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn step(&self, step: Arc<Step>, attempt: Attempt) -> StepEnd {
        match &step.kind {
            StepKind::Repair(Repair::Look) => self.look_again(attempt).await,
            // What nothing was done about comes back no sooner.
            StepKind::Repair(Repair::Recovery(_))
                if !has_changed(&step.needs, &self.seen().ends) =>
            {
                settled("nothing was changed")
            }
            _ => {
                let id = step.id.clone();
                let end = (self.begin)(step, attempt).await;
                self.note(id, &end);
                end
            }
        }
    }

    fn note(&self, id: StepId, end: &StepEnd) {
        self.seen().ends.insert(id, end.clone());
    }

    /// Has somebody look, and keeps what is to be told. What is left is a failure of the run.
    async fn look_again(&self, attempt: Attempt) -> StepEnd {
        let (reply, told) = oneshot::channel();
        let _ = self.looks.send(reply);
        let told = tokio::select! {
            biased;
            () = attempt.cancel.cancelled() => return StepEnd::Cancelled,
            told = told => told,
        };
        let Ok(answer) = told else {
            let failure = Failure::new(Class::Internal, "INTERNAL", "nobody looked again");
            return StepEnd::Failed(failure);
        };
        let mut seen = self.seen();
        let applied = outcomes(&self.course, &seen.ends, &answer);
        let end = ended(&answer);
        seen.answer = Some(Answer { applied: Some(applied), ..answer });
        end
    }
}

fn stepper(work: &Arc<Work>) -> Stepper {
    let work = Arc::clone(work);
    Arc::new(move |step, attempt| {
        let work = Arc::clone(&work);
        async move { work.step(step, attempt).await }.boxed()
    })
}

fn settled(words: &str) -> StepEnd {
    StepEnd::Settled { settled: Settled::succeeded(words), changed: false }
}

/// How a look at the end ends the run.
fn ended(answer: &Answer) -> StepEnd {
    let left = answer.findings.len();
    if left == 0 {
        return settled("nothing is wrong any more");
    }
    let is = if left == 1 { "is" } else { "are" };
    let summary = format!("{} {is} left", text::count(left, "cause"));
    let failure =
        Failure::new(Class::Permanent, "CAUSES_LEFT", summary).fix(Fix::safe("mlup doctor"));
    let causes = answer.findings.iter().take(5);
    StepEnd::Failed(causes.fold(failure, |failure, row| {
        failure.because(format!("{} {}", row.rule, row.object), row.summary.clone())
    }))
}
