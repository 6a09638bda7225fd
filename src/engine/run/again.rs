//! The last look: a cluster can vanish after its step was ready, while later steps run. Then the
//! plan is gone through again, a few times, and each step does what is missing.

use std::time::Duration;

use tokio::time::timeout;

use crate::engine::machine::{Finish, Machine};
use crate::engine::order::{LastLook, Loss};
use crate::engine::run::cycle::Engine;
use crate::event::{EventKind, Fix, Outcome, Recovery};
use crate::policy::escalate::Rung;
use crate::policy::{Class, Failure};

/// How often a run goes through its plan again.
const REPEATS: u32 = 2;
/// How long a look may take: what has no answer by then counts as there.
const LOOK: Duration = Duration::from_secs(15);
/// The exit code of a bug in mlup, which nothing else hides.
const BUG: u8 = 70;
/// The code of the warning, and of the failure once the repeats are used up.
const CODE: &str = "CLUSTER_LOST";

/// How the run ended, over all rounds.
pub(super) struct End {
    pub(super) finish: Finish,
    pub(super) recovered: Vec<Recovery>,
}

/// Goes through the plan until nothing is lost at its end, or as often as is sensible.
pub(super) async fn to_the_end(engine: &mut Engine, look: Option<LastLook>) -> End {
    let mut recovered = Vec::new();
    let mut losses = Vec::new();
    loop {
        let finish = engine.go_through().await;
        recovered.extend(engine.machine.recovered());
        let seen = match &look {
            Some(look) if is_worth_a_look(engine, finish) => {
                engine.meanwhile(timeout(LOOK, look())).await
            }
            _ => Err(None),
        };
        let loss = match seen {
            Ok(Ok(Some(loss))) if engine.machine.is_up(&loss.step) => loss,
            Err(Some(cancel)) => return End { finish: cancel.finish(), recovered },
            _ => {
                recovered.extend(brought_back(&engine.machine, &losses, &recovered));
                return End { finish, recovered };
            }
        };
        losses.push(loss.clone());
        if losses.len() > REPEATS as usize || !engine.is_free() {
            recovered.retain(|known: &Recovery| known.step != loss.step.as_str());
            return End { finish: lose(engine, &loss, losses.len()), recovered };
        }
        go_back(engine, &loss, losses.len());
    }
}

/// Only a run that is over by itself, in which recovery is not at its end.
fn is_worth_a_look(engine: &Engine, finish: Finish) -> bool {
    let over = matches!(finish.outcome, Outcome::Ready | Outcome::Degraded | Outcome::Failed);
    over && finish.exit_code != BUG && engine.is_free() && !engine.machine.recovery_failed()
}

/// Tells of the loss and puts every step back to its beginning.
fn go_back(engine: &mut Engine, loss: &Loss, repeat: usize) {
    let Loss { step, failure } = loss;
    engine.journal.write(EventKind::Warning {
        step: Some(step.to_string()),
        code: CODE.to_owned(),
        message: format!("it was up and is lost: {}", failure.summary),
        hint: Some(format!("all steps are gone through again ({repeat} of {REPEATS})")),
    });
    engine.journal.write(EventKind::Escalation {
        step: step.to_string(),
        rung: Rung::Start.to_string(),
        reason: format!("lost after it was up: {}", failure.summary),
        attempt: 1,
    });
    engine.begin_again(step);
}

fn lose(engine: &mut Engine, loss: &Loss, times: usize) -> Finish {
    let Loss { step, failure } = loss;
    let often =
        if times == 1 { "once, with no time left".to_owned() } else { format!("{times} times") };
    let summary = format!("`{step}` came up and was lost {often}: {}", failure.summary);
    let fix = failure.fix.clone().or_else(|| Some(Fix::safe(format!("mlup why {step}"))));
    let verdict = Failure { class: Class::Permanent, code: CODE, summary, fix, ..failure.clone() };
    let (finish, events) = engine.machine.lose(engine.elapsed(), step, &verdict);
    for kind in events {
        engine.journal.write(kind);
    }
    finish
}

/// What was lost and is up again without more than a start; the machine tells of the others.
fn brought_back(machine: &Machine, losses: &[Loss], known: &[Recovery]) -> Vec<Recovery> {
    let mut found: Vec<Recovery> = Vec::new();
    for Loss { step, failure } in losses.iter().rev().filter(|loss| machine.is_up(&loss.step)) {
        let is_told = |recovery: &Recovery| recovery.step == step.as_str();
        if !known.iter().chain(&found).any(is_told) {
            found.push(Recovery {
                step: step.to_string(),
                attempt: machine.attempts(step),
                rung: Rung::Start.to_string(),
                reason: failure.summary.clone(),
            });
        }
    }
    found
}
