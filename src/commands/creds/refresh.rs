//! `mlup creds refresh`: renews pull secrets one after the other, and says so to whoever started it: a
//! person, a service manager, a journal. When one is due is the step's to decide.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{print, step_of};
use crate::cli::Format;
use crate::commands::session::{Project, Session};
use crate::commands::{lock, service};
use crate::engine::{self, Interrupt};
use crate::error::{Error, Exit};
use crate::plan::progress::Progress;
use crate::plan::pull_secret::{PullSecret, pull_secrets};
use crate::plan::{StepId, millis};
use crate::policy::Failure;
use crate::report::notify::{Notify, Service};
use crate::report::{Report, text};
use crate::steps::objects::Objects;
use crate::steps::registry::refresh::{Refreshed, refresh as renew};
use crate::steps::{StepCtx, cluster};

/// Most names in one cell; JSON and YAML have all.
const MOST_NAMES: usize = 5;
/// How often a service manager may be told that it goes on.
const TICK: Duration = Duration::from_secs(1);

/// Carries out `mlup creds refresh`.
pub(super) fn refresh(
    session: &Session,
    is_forced: bool,
    format: Format,
) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let lock = lock::lock(session, &project, "creds refresh")?;
    let told = Told::new(session, &project);
    let (done, ended) = project.work(async {
        let work = Work { told: &told, project: &project, is_forced };
        Ok::<_, Error>(work.all(engine::listen()?).await)
    })??;
    drop(lock);
    told.done(&done, format)?;
    told.ended(&ended);
    match ended {
        Ended::Done | Ended::Halted(_) => Ok(Exit::Ok.into()),
        Ended::Failed(step, failure) => Err(Error::failure(step.as_str())(*failure)),
        Ended::Interrupted(Interrupt::Interrupt) => Ok(ExitCode::from(130)),
        Ended::Interrupted(Interrupt::Terminate) => Ok(ExitCode::from(143)),
    }
}

/// How a refresh ended.
enum Ended {
    Done,
    /// The first failure, and of what.
    Failed(StepId, Box<Failure>),
    /// The cluster is halted, as these words say: there is nothing to refresh.
    Halted(String),
    Interrupted(Interrupt),
}

/// Why one secret was not renewed.
enum Stop {
    Failed(Box<Failure>),
    Interrupted(Interrupt),
}

/// What a refresh listens to, and until when it may go on.
struct Ears {
    interrupts: UnboundedReceiver<Interrupt>,
    progress: UnboundedSender<(StepId, Progress)>,
    said: UnboundedReceiver<(StepId, Progress)>,
    deadline: Instant,
}

/// What is to be renewed, and who hears of it.
struct Work<'a> {
    told: &'a Told<'a>,
    project: &'a Arc<Project>,
    is_forced: bool,
}

impl Work<'_> {
    /// Renews one secret after the other. One that fails does not keep the others from theirs.
    async fn all(&self, interrupts: UnboundedReceiver<Interrupt>) -> (Vec<Refreshed>, Ended) {
        let (progress, said) = unbounded_channel();
        let deadline = Instant::now() + self.project.config.deadline;
        let mut ears = Ears { interrupts, progress, said, deadline };
        let (mut done, mut ended) = (Vec::new(), Ended::Done);
        for secret in pull_secrets(&self.project.config) {
            let step = step_of(&secret);
            self.told.status(&format!("refreshing: {step}"));
            match self.one(&secret, &mut ears).await {
                Ok(refreshed) => done.push(refreshed),
                Err(Stop::Interrupted(interrupt)) => return (done, Ended::Interrupted(interrupt)),
                Err(Stop::Failed(failure)) if matches!(ended, Ended::Done) => {
                    if let Some(halted) = cluster::halted(&self.project.reading(&step)).await {
                        return (done, Ended::Halted(halted));
                    }
                    ended = Ended::Failed(step, failure);
                }
                Err(Stop::Failed(failure)) => {
                    self.told.say(&format!("{step}: {}: {}", failure.code, failure.summary));
                }
            }
        }
        (done, ended)
    }

    async fn one(&self, secret: &PullSecret, ears: &mut Ears) -> Result<Refreshed, Stop> {
        let progress = ears.progress.clone();
        let reading = self.project.reading(&step_of(secret));
        let ctx = StepCtx { deadline: ears.deadline, progress, ..reading };
        let work = async {
            let objects = Objects::connect(&ctx).await?;
            renew(secret, self.is_forced, (&ctx.passwords, &ctx), &objects).await
        };
        tokio::pin!(work);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            tokio::select! {
                biased;
                Some(interrupt) = ears.interrupts.recv() => {
                    ctx.cancel.cancel();
                    // What is under way ends by itself, and its children with it.
                    let _ = work.await;
                    return Err(Stop::Interrupted(interrupt));
                }
                Some((_, said)) = ears.said.recv() => self.told.progress(said),
                end = &mut work => break end,
                _ = tick.tick() => self.told.tick(),
            }
        };
        while let Ok((_, said)) = ears.said.try_recv() {
            self.told.progress(said);
        }
        end.map_err(|failure| Stop::Failed(Box::new(failure)))
    }
}

/// Who hears of a refresh.
struct Told<'a> {
    session: &'a Session,
    project: &'a Project,
    manager: Option<Notify>,
    began: Instant,
}

impl<'a> Told<'a> {
    fn new(session: &'a Session, project: &'a Project) -> Self {
        let manager = service::notify(session, Service::Oneshot);
        Self { session, project, manager, began: Instant::now() }
    }

    /// A line of the conversation.
    fn say(&self, text: &str) {
        self.session.terminal.say(&self.project.scrubber.scrub(text));
    }

    /// What the service manager shows.
    fn status(&self, text: &str) {
        if let Some(manager) = &self.manager {
            manager.say(&self.project.scrubber.scrub(text), millis(self.began.elapsed()));
        }
    }

    fn tick(&self) {
        if let Some(manager) = &self.manager {
            manager.clone().tick(millis(self.began.elapsed()));
        }
    }

    /// Warnings, and nothing else of what a step says.
    fn progress(&self, progress: Progress) {
        if let Progress::Warning { code, message, hint } = progress {
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            self.say(&format!("warning: {code}: {message}{hint}"));
        }
    }

    /// What was done: a table for people, a line each for the journal, which has no columns.
    fn done(&self, done: &[Refreshed], format: Format) -> Result<(), Error> {
        if self.session.terminal.journal && format == Format::Table {
            for one in done {
                self.say(&line(one));
            }
            return Ok(());
        }
        let cells: Vec<Vec<String>> = done.iter().map(cells).collect();
        let header = ["secret", "renewed in", "retried", "left"];
        print(self.session, self.project, (format, &done), (&header, &cells))
    }

    fn ended(&self, ended: &Ended) {
        match ended {
            Ended::Done => self.status("refreshed: every pull secret is good"),
            Ended::Failed(step, failure) => {
                self.status(&format!("failed: {} {step}: {}", failure.code, failure.summary));
            }
            Ended::Halted(why) => {
                let text = format!("nothing was refreshed, because {why}; `mlup start` starts it");
                self.say(&text);
                self.status(&text);
            }
            Ended::Interrupted(_) => self.status("interrupted"),
        }
    }
}

fn cells(done: &Refreshed) -> Vec<String> {
    let list = |names: &[String]| match names {
        [] => "-".to_owned(),
        names if names.len() > MOST_NAMES => {
            let (first, rest) = names.split_at(MOST_NAMES);
            format!("{} and {} more", first.join(", "), rest.len())
        }
        names => names.join(", "),
    };
    vec![done.secret.clone(), list(&done.written), list(&done.retried), list(&done.left)]
}

fn line(done: &Refreshed) -> String {
    let secret = &done.secret;
    let retried = match done.retried.len() {
        0 => String::new(),
        count => format!(", {} pull again", text::count(count, "pod")),
    };
    match done.written.as_slice() {
        [] => format!("registry/{secret}: still good{retried}"),
        places => format!("registry/{secret}: renewed in {}{retried}", places.join(", ")),
    }
}
