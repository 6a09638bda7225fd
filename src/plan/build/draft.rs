//! Steps while their edges are still being drawn: each edge that the plan adds by itself gives way
//! where the user's own `needs` ask for the opposite. Which edges there are is `edges`.

use std::collections::HashMap;

use crate::plan::names::resolve;
use crate::plan::{PlanError, Step, StepId, StepKind};

/// Steps while their edges are still being drawn.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    positions: HashMap<StepId, usize>,
}

impl Draft {
    pub(super) fn add(&mut self, id: StepId, title: &str, kind: StepKind) -> &mut Step {
        let at = self.steps.len();
        self.positions.entry(id.clone()).or_insert(at);
        self.steps.push(Step::new(id, title, kind));
        &mut self.steps[at]
    }

    pub(super) fn needs_by_name(&mut self, id: &StepId, names: &[String]) -> Result<(), PlanError> {
        let known: Vec<StepId> = self.steps.iter().map(|step| step.id.clone()).collect();
        for name in names {
            let needs = resolve(name, &known).map_err(|error| match error {
                PlanError::UnknownStep { name: need, suggestion } => {
                    PlanError::UnknownNeed { step: id.clone(), need, suggestion }
                }
                other => other,
            })?;
            for need in needs {
                self.connect(id, need);
            }
        }
        Ok(())
    }

    pub(super) fn implies_all(&mut self, id: &StepId, needs: &[&[StepId]]) {
        for need in needs.iter().flat_map(|group| group.iter()) {
            self.implies(id, need);
        }
    }

    /// Adds a need unless it would close a cycle or there is no such step.
    pub(super) fn implies(&mut self, id: &StepId, need: &StepId) {
        if self.positions.contains_key(need) && !self.reaches(need, id) {
            self.connect(id, need.clone());
        }
    }

    fn connect(&mut self, id: &StepId, need: StepId) {
        if let Some(&at) = self.positions.get(id)
            && !self.steps[at].needs.contains(&need)
        {
            self.steps[at].needs.push(need);
        }
    }

    /// Whether `from` needs `to`, directly or through others.
    fn reaches(&self, from: &StepId, to: &StepId) -> bool {
        let (Some(&from), Some(&to)) = (self.positions.get(from), self.positions.get(to)) else {
            return false;
        };
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(self.steps[at].needs.iter().filter_map(|id| self.positions.get(id)));
            }
        }
        false
    }

    pub(super) fn edges(&self) -> Vec<Vec<usize>> {
        let ends = |step: &Step| {
            step.needs.iter().filter_map(|id| self.positions.get(id).copied()).collect()
        };
        self.steps.iter().map(ends).collect()
    }
}

impl Draft {
    /// Whether any step has this identifier among its needs.
    pub(super) fn is_needed(&self, id: &StepId) -> bool {
        self.steps.iter().any(|step| step.needs.contains(id))
    }
}
