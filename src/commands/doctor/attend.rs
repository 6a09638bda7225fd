//! Work that a command does without the engine: signals end it, and what it warns about is told.

use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::commands::session::{Project, Session};
use crate::engine::Interrupt;
use crate::plan::StepId;
use crate::plan::progress::Progress;
use crate::steps::StepCtx;

/// What such work listens to, and until when it may go on.
pub(super) struct Ears {
    interrupts: UnboundedReceiver<Interrupt>,
    progress: UnboundedSender<(StepId, Progress)>,
    said: UnboundedReceiver<(StepId, Progress)>,
    deadline: Instant,
}

impl Ears {
    /// Ears for work on this project, within its deadline.
    pub(super) fn new(project: &Project, interrupts: UnboundedReceiver<Interrupt>) -> Self {
        let (progress, said) = unbounded_channel();
        let deadline = Instant::now() + project.config.deadline;
        Self { interrupts, progress, said, deadline }
    }

    /// What work under the name of this step works with.
    pub(super) fn ctx(&self, project: &Project, step: &StepId) -> StepCtx {
        let progress = self.progress.clone();
        StepCtx { deadline: self.deadline, progress, ..project.reading(step) }
    }

    /// Does the work, which was given this context.
    ///
    /// # Errors
    /// A signal ended it.
    pub(super) async fn attend<T>(
        &mut self,
        (session, project): (&Session, &Project),
        ctx: &StepCtx,
        mut work: LocalBoxFuture<'_, T>,
    ) -> Result<T, Interrupt> {
        let done = loop {
            tokio::select! {
                biased;
                Some(interrupt) = self.interrupts.recv() => {
                    ctx.cancel.cancel();
                    // What is under way ends by itself, and its children with it.
                    let _ = work.await;
                    return Err(interrupt);
                }
                Some((_, said)) = self.said.recv() => tell(session, project, said),
                done = &mut work => break done,
            }
        };
        while let Ok((_, said)) = self.said.try_recv() {
            tell(session, project, said);
        }
        Ok(done)
    }
}

/// The exit code of a command that a signal ended.
pub(super) fn exit_code(interrupt: Interrupt) -> u8 {
    match interrupt {
        Interrupt::Interrupt => 130,
        Interrupt::Terminate => 143,
    }
}

/// Warnings, and nothing else of what a step says.
fn tell(session: &Session, project: &Project, progress: Progress) {
    if let Progress::Warning { code, message, hint } = progress {
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        let text = format!("warning: {code}: {message}{hint}");
        session.terminal.say(&project.scrubber.scrub(&text));
    }
}
