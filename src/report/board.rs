//! The events so far, folded into where each step stands. Every report for people reads this one;
//! how it looks is theirs.

use std::collections::HashMap;

use crate::event::{
    Diagnosis, Event, EventKind, Outcome, PathEntry, Phase, Recovery, State, StepInfo, StepState,
    Url, Verb,
};

/// Where a run stands.
#[derive(Clone, Debug, Default)]
pub struct Board {
    pub(super) head: Option<Head>,
    pub(super) rows: Vec<Row>,
    pub(super) diagnoses: Vec<Diagnosis>,
    pub(super) end: Option<End>,
    index: HashMap<String, usize>,
}

/// What the first event said.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) action: Verb,
    pub(super) project: String,
    pub(super) profile: String,
    pub(super) deadline_ms: u64,
}

/// What the last event said.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) elapsed_ms: u64,
    pub(super) critical_path: Vec<PathEntry>,
    pub(super) urls: Vec<Url>,
    pub(super) recovered: Vec<Recovery>,
}

/// Where one step stands.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    /// Places of the steps that must be ready first.
    needs: Vec<usize>,
    pub(super) state: State,
    pub(super) phase: Option<Phase>,
    /// Why, or what is waited for.
    pub(super) reason: Option<String>,
    pub(super) changed: bool,
    pub(super) attempt: u32,
    /// Time of the run at which the first attempt began.
    pub(super) began_ms: u64,
}

impl Row {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            needs: Vec::new(),
            state: State::Pending,
            phase: None,
            reason: None,
            changed: false,
            attempt: 0,
            began_ms: 0,
        }
    }

    /// Whether it is up or done.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Ready | State::Succeeded)
    }

    /// Whether something happens with it now.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.state, State::Running | State::Waiting | State::Retrying | State::Escalating)
    }

    /// Whether its turn is still to come.
    pub(super) fn is_to_come(&self) -> bool {
        matches!(self.state, State::Pending | State::Blocked)
    }

    /// What it waits for or does, in a few words.
    pub(super) fn note(&self) -> &str {
        match (&self.reason, self.phase) {
            (Some(reason), _) => reason,
            (None, Some(phase)) => doing(phase),
            (None, None) => "",
        }
    }

    fn apply(&mut self, state: &StepState, elapsed_ms: u64) {
        if state.attempt > 0 {
            self.began_ms = elapsed_ms.saturating_sub(state.duration_ms);
        }
        self.state = state.to;
        self.phase = state.phase;
        self.reason.clone_from(&state.reason);
        self.attempt = state.attempt;
        self.changed |= state.changed == Some(true);
    }
}

/// What a phase does, in a word or two.
pub(super) fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Probe => "looking",
        Phase::Apply => "making changes",
        Phase::Verify => "looking again",
        Phase::Undo => "taking away",
    }
}

impl Board {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { action, project, profile, deadline_ms, steps, .. } => {
                self.head = Some(Head {
                    action: *action,
                    project: project.clone(),
                    profile: profile.clone(),
                    deadline_ms: *deadline_ms,
                });
                for info in steps {
                    self.announce(info);
                }
            }
            EventKind::StepState(state) => {
                if state.to == State::Pending {
                    // It is gone through again: what it failed of before is no cause any more.
                    self.diagnoses.retain(|diagnosis| diagnosis.step != state.step);
                }
                let at = self.place(&state.step);
                self.rows[at].apply(state, event.elapsed_ms);
            }
            EventKind::Diagnosis(diagnosis) => self.diagnose(diagnosis),
            EventKind::RunFinished { outcome, critical_path, urls, recovered, .. } => {
                self.end = Some(End {
                    outcome: *outcome,
                    elapsed_ms: event.elapsed_ms,
                    critical_path: critical_path.clone(),
                    urls: urls.clone(),
                    recovered: recovered.clone(),
                });
            }
            EventKind::StepOutput { .. }
            | EventKind::Probe(_)
            | EventKind::Escalation { .. }
            | EventKind::Warning { .. }
            | EventKind::TunnelState(_)
            | EventKind::WatchState(_) => {}
        }
    }

    /// The row of a step.
    pub(super) fn row(&self, id: &str) -> Option<&Row> {
        self.index.get(id).map(|at| &self.rows[*at])
    }

    /// How many steps stand as asked.
    pub(super) fn count(&self, test: impl Fn(&Row) -> bool) -> usize {
        self.rows.iter().filter(|row| test(row)).count()
    }

    /// Steps with which something happens now, in the order of the plan.
    pub(super) fn active(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.is_active()).collect()
    }

    /// Columns of the longest step identifier, at most `limit`.
    pub(super) fn id_width(&self, limit: usize) -> usize {
        self.rows.iter().map(|row| super::text::width(&row.id)).max().unwrap_or(0).min(limit)
    }

    /// How many steps to come can begin only after that one, directly or not.
    pub(super) fn behind(&self, blocker: &Row) -> usize {
        let mut is_behind = vec![false; self.rows.len()];
        // A step comes after what it needs, so one pass sees every chain.
        for (at, row) in self.rows.iter().enumerate() {
            is_behind[at] =
                row.needs.iter().any(|need| is_behind[*need] || self.rows[*need].id == blocker.id);
        }
        let to_come =
            self.rows.iter().zip(is_behind).filter(|(row, behind)| *behind && row.is_to_come());
        to_come.count()
    }

    fn announce(&mut self, info: &StepInfo) {
        let at = self.place(&info.id);
        self.rows[at].needs =
            info.needs.iter().filter_map(|need| self.index.get(need).copied()).collect();
    }

    /// The place of a step, made if the first event did not announce it.
    fn place(&mut self, id: &str) -> usize {
        if let Some(at) = self.index.get(id) {
            return *at;
        }
        self.index.insert(id.to_owned(), self.rows.len());
        self.rows.push(Row::new(id));
        self.rows.len() - 1
    }

    /// A later word on the same failure of the same step replaces the earlier one.
    fn diagnose(&mut self, diagnosis: &Diagnosis) {
        let same =
            |known: &&mut Diagnosis| known.step == diagnosis.step && known.code == diagnosis.code;
        match self.diagnoses.iter_mut().find(same) {
            Some(known) => *known = diagnosis.clone(),
            None => self.diagnoses.push(diagnosis.clone()),
        }
    }
}
