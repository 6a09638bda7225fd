//! The steps at work: one task each, told to stop by its token, never aborted while there is hope,
//! because an aborted task leaves its child processes behind.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::order::{Attempt, Stepper};
use crate::event::Fix;
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Step, StepId};
use crate::policy::escalate::Rung;
use crate::policy::{Class, Failure};

/// The tasks of the steps that are at work.
pub(super) struct Crew {
    stepper: Stepper,
    progress: UnboundedSender<(StepId, Progress)>,
    tasks: JoinSet<StepEnd>,
    members: HashMap<Id, (StepId, CancellationToken)>,
    unfinished: watch::Sender<BTreeSet<StepId>>,
}

impl Crew {
    pub(super) fn new(stepper: Stepper, progress: UnboundedSender<(StepId, Progress)>) -> Self {
        let (tasks, members) = (JoinSet::new(), HashMap::new());
        let unfinished = watch::Sender::default();
        Self { stepper, progress, tasks, members, unfinished }
    }

    /// Tells the steps at work which steps have not ended.
    pub(super) fn tell_unfinished(&self, steps: BTreeSet<StepId>) {
        self.unfinished.send_if_modified(|told| {
            let is_new = *told != steps;
            if is_new {
                *told = steps;
            }
            is_new
        });
    }

    pub(super) fn start(&mut self, step: Arc<Step>, rung: Rung, deadline: Instant) {
        let id = step.id.clone();
        let cancel = CancellationToken::new();
        let unfinished = self.unfinished.subscribe();
        let progress = self.progress.clone();
        let attempt = Attempt { rung, deadline, cancel: cancel.clone(), unfinished, progress };
        let stepper = Arc::clone(&self.stepper);
        let task = self.tasks.spawn(async move { stepper(step, attempt).await });
        self.members.insert(task.id(), (id, cancel));
    }

    pub(super) fn stop(&self, id: &StepId) {
        for (_, cancel) in self.members.values().filter(|(member, _)| member == id) {
            cancel.cancel();
        }
    }

    /// The next end of an attempt; `None` while nothing is at work. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<(StepId, StepEnd)> {
        loop {
            let (task, end) = match self.tasks.join_next_with_id().await? {
                Ok((task, end)) => (task, end),
                Err(error) => (error.id(), broken(error)),
            };
            // Who was given up has been reported already.
            if let Some((id, _)) = self.members.remove(&task) {
                return Some((id, end));
            }
        }
    }

    /// Gives up on all that are still at work, and names them.
    pub(super) fn give_up(&mut self) -> Vec<StepId> {
        self.tasks.abort_all();
        let mut given_up: Vec<StepId> = self.members.drain().map(|(_, (id, _))| id).collect();
        given_up.sort();
        given_up
    }
}

/// A task that did not come to an end of its own is a bug, and the run says so.
fn broken(error: JoinError) -> StepEnd {
    let what = match error.try_into_panic() {
        Ok(payload) => panic_text(payload.as_ref()),
        Err(error) => error.to_string(),
    };
    StepEnd::Failed(
        Failure::new(Class::Internal, "INTERNAL", "mlup itself failed in this step: this is a bug")
            .because("panic", what)
            .fix(Fix::safe("run it again with `-v`, and report it with the run log")),
    )
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
