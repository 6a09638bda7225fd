//! The verdict over a run, once every step has ended.

use std::time::Duration;

use crate::engine::machine::{Action, Cancel, Course, Defeat, Finish, Machine, Turn};
use crate::event::{EventKind, Fix, Outcome, State, Verb};
use crate::policy::{Class, Failure};

/// The exit code of a bug in mlup.
const BUG: u8 = 70;
/// The exit code of a deadline.
const LATE: u8 = 5;

/// The exit code that a failure of a required step leads to.
pub(super) fn exit_code(class: Class) -> u8 {
    match class {
        Class::Config => 3,
        Class::Internal => BUG,
        Class::Permanent | Class::Transient => 1,
        Class::Prerequisite => 4,
        Class::Refused => 7,
        Class::Timeout => LATE,
    }
}

/// The same of a run of this kind. A repair that fails leaves what was wrong, whatever kept it.
pub(super) fn exit_code_of(verb: Verb, class: Class) -> u8 {
    match exit_code(class) {
        code @ (BUG | LATE) => code,
        _ if verb == Verb::Fix => 1,
        code => code,
    }
}

/// A duration as `mlup.toml` would say it: `15m`, `1h30m`, `2.5s`, `300ms`.
pub(super) fn span(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    if seconds == 0 {
        return format!("{millis}ms");
    }
    if seconds < 60 {
        let tenths = millis / 100;
        return if tenths == 0 { format!("{seconds}s") } else { format!("{seconds}.{tenths}s") };
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let words = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}"));
    words.collect::<Vec<_>>().concat()
}

impl Cancel {
    /// The verdict over a run that was stopped by it.
    #[must_use]
    pub fn finish(self) -> Finish {
        let exit_code = match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        };
        Finish { outcome: Outcome::Cancelled, exit_code }
    }
}

impl Machine {
    pub(super) fn finish(&mut self, turn: &mut Turn) {
        let finish = self.verdict();
        if finish.outcome == Outcome::Deadline && self.defeats.is_empty() {
            self.name_what_was_not_begun(turn);
        }
        self.finished = true;
        turn.actions.push(Action::Finish(finish));
    }

    fn verdict(&self) -> Finish {
        if let Course::Cancelled(by) = self.course {
            return by.finish();
        }
        if let Some(defeat) = self.root_defeat() {
            let late = defeat.by_deadline && defeat.exit_code == LATE;
            let outcome = if late { Outcome::Deadline } else { Outcome::Failed };
            return Finish { outcome, exit_code: defeat.exit_code };
        }
        let lost = |optional: bool| {
            self.nodes.iter().any(|node| node.step.optional == optional && !node.is_met())
        };
        match (lost(false), lost(true)) {
            (true, _) => Finish { outcome: Outcome::Deadline, exit_code: LATE },
            (false, true) => {
                let exit_code = if self.limits.strict { 1 } else { 6 };
                Finish { outcome: Outcome::Degraded, exit_code }
            }
            (false, false) => Finish { outcome: Outcome::Ready, exit_code: 0 },
        }
    }

    /// The failure that decides: a bug before all others, else the first that counts, else an
    /// optional one for want of which a required step was not run.
    fn root_defeat(&self) -> Option<Defeat> {
        let counting = || self.defeats.iter().filter(|defeat| defeat.counts);
        let takes_required_along = |defeat: &&Defeat| {
            self.nodes.iter().any(|node| node.root == Some(defeat.at) && !node.step.optional)
        };
        counting()
            .find(|defeat| defeat.exit_code == BUG)
            .or_else(|| counting().next())
            .or_else(|| self.defeats.iter().find(takes_required_along))
            .copied()
    }

    /// Time can run out between two steps, with none to blame.
    fn name_what_was_not_begun(&self, turn: &mut Turn) {
        let unmet = |state: State| matches!(state, State::Skipped | State::Cancelled);
        let mut left = self.nodes.iter().filter(|node| unmet(node.state) && !node.is_met());
        let Some(first) = left.next() else { return };
        let deadline = span(self.limits.deadline);
        let summary = format!("the {deadline} were over before `{}` could begin", first.step.id);
        let fix = Fix::safe(format!("add `--timeout {}`", span(self.limits.deadline * 2)));
        let failure = Failure::new(Class::Timeout, "DEADLINE", summary).fix(fix);
        let mut diagnosis = failure.diagnosis(first.step.id.as_str());
        diagnosis.blocks = left.map(|node| node.step.id.to_string()).collect();
        turn.emit(EventKind::Diagnosis(diagnosis));
    }
}
