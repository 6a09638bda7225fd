//! The graph of steps. A [`Plan`] exists only without cycles and always in an order in which it
//! can be carried out; which steps there are is `build`, what is left out is `select`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::plan::{Step, StepId};

/// Steps in an order in which each comes after everything that it waits for.
#[derive(Clone, Debug)]
pub struct Plan {
    steps: Vec<Arc<Step>>,
    positions: HashMap<StepId, usize>,
}

/// Why steps do not make a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A name fits several steps.
    #[error("`{name}` may mean {}: write which one", quoted(.candidates))]
    Ambiguous {
        /// The name as written.
        name: String,
        /// The steps that it fits.
        candidates: Vec<StepId>,
    },
    /// Steps wait for each other; the first is named again at the end.
    #[error("steps wait for each other: {}: remove one of these `needs`", chain(.0))]
    Cycle(Vec<StepId>),
    /// Two steps have one identifier.
    #[error("there are two steps `{0}`: give one of them another name")]
    Duplicate(StepId),
    /// A step needs something that is no step.
    #[error("`{step}` needs `{need}`, which is no step of this environment{}", hint(.suggestion.as_deref()))]
    UnknownNeed {
        /// The step that needs it.
        step: StepId,
        /// The need as written.
        need: String,
        /// The step with the most similar name.
        suggestion: Option<String>,
    },
    /// A name that was asked for is no step.
    #[error("there is no step `{name}`{}", hint(.suggestion.as_deref()))]
    UnknownStep {
        /// The name as written.
        name: String,
        /// The step with the most similar name.
        suggestion: Option<String>,
    },
}

impl PlanError {
    /// Whether the command line is what is wrong, not the configuration.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::UnknownStep { .. })
    }
}

fn quoted(ids: &[StepId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" or ")
}

fn chain(ids: &[StepId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" needs ")
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || ": `mlup plan` lists them".to_owned(),
        |near| format!(": did you mean `{near}`?"),
    )
}

impl Plan {
    /// Puts steps in order. Where the edges leave a choice, the order given is kept.
    ///
    /// # Errors
    /// Two steps share an identifier, an edge leads nowhere, or edges form a cycle.
    pub fn new(steps: Vec<Step>) -> Result<Self, PlanError> {
        let given = positions(steps.iter())?;
        let waits: Vec<Vec<usize>> =
            steps.iter().map(|step| edges(step, &given)).collect::<Result<_, _>>()?;
        let order = order(&waits).map_err(|cycle| {
            PlanError::Cycle(cycle.into_iter().map(|at| steps[at].id.clone()).collect())
        })?;
        let steps: Vec<Arc<Step>> = steps.into_iter().map(Arc::new).collect();
        let steps: Vec<Arc<Step>> = order.into_iter().map(|at| Arc::clone(&steps[at])).collect();
        Ok(Self::of_ordered(steps))
    }

    fn of_ordered(steps: Vec<Arc<Step>>) -> Self {
        let positions = steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        Self { steps, positions }
    }

    /// All steps, each after everything that it waits for.
    #[must_use]
    pub fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    /// The step of this identifier.
    #[must_use]
    pub fn step(&self, id: &StepId) -> Option<&Arc<Step>> {
        self.position(id).map(|at| &self.steps[at])
    }

    /// Where a step stands in [`Plan::steps`].
    #[must_use]
    pub fn position(&self, id: &StepId) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// The same steps with every edge turned round: what came up last goes down first.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let turned = self.steps.iter().rev().map(|step| {
            let mut turned = Step::clone(step);
            turned.needs = self.waiting_for(&step.id, |other| &other.needs);
            turned.after = self.waiting_for(&step.id, |other| &other.after);
            Arc::new(turned)
        });
        // The reverse of an order is an order of the reverse, so nothing is sorted again.
        Self::of_ordered(turned.collect())
    }

    /// Steps that need this one directly, in order.
    #[must_use]
    pub fn dependents(&self, id: &StepId) -> Vec<StepId> {
        self.waiting_for(id, |step| &step.needs)
    }

    /// Steps that need this one, directly or through others, in order.
    #[must_use]
    pub fn all_dependents(&self, id: &StepId) -> Vec<StepId> {
        let mut found: BTreeSet<&StepId> = BTreeSet::from([id]);
        let mut order = Vec::new();
        for step in &self.steps {
            if step.needs.iter().any(|need| found.contains(need)) {
                found.insert(&step.id);
                order.push(step.id.clone());
            }
        }
        order
    }

    /// Steps that this one needs, directly or through others, in order.
    #[must_use]
    pub fn all_needs(&self, id: &StepId) -> Vec<StepId> {
        let mut found: BTreeSet<&StepId> = BTreeSet::from([id]);
        let mut order = Vec::new();
        for step in self.steps.iter().rev() {
            if found.contains(&step.id) {
                found.extend(&step.needs);
                order.push(step.id.clone());
            }
        }
        order.retain(|other| other != id);
        order.reverse();
        order
    }

    fn waiting_for(&self, id: &StepId, edges: impl Fn(&Step) -> &Vec<StepId>) -> Vec<StepId> {
        let waiting = self.steps.iter().filter(|step| edges(step).contains(id));
        waiting.map(|step| step.id.clone()).collect()
    }
}

fn positions<'a>(
    steps: impl Iterator<Item = &'a Step>,
) -> Result<HashMap<StepId, usize>, PlanError> {
    let mut positions = HashMap::new();
    for (at, step) in steps.enumerate() {
        if positions.insert(step.id.clone(), at).is_some() {
            return Err(PlanError::Duplicate(step.id.clone()));
        }
    }
    Ok(positions)
}

fn edges(step: &Step, positions: &HashMap<StepId, usize>) -> Result<Vec<usize>, PlanError> {
    let ends = step.needs.iter().chain(&step.after).map(|need| {
        positions.get(need).copied().ok_or_else(|| PlanError::UnknownNeed {
            step: step.id.clone(),
            need: need.to_string(),
            suggestion: None,
        })
    });
    ends.collect()
}

/// Orders nodes so that each comes after those that it waits for, the first given first where
/// there is a choice; or names a cycle, its first node repeated at the end.
pub(super) fn order(waits: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<BTreeSet<usize>> =
        waits.iter().map(|edges| edges.iter().copied().collect()).collect();
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (at, edges) in missing.iter().enumerate() {
        for &need in edges {
            waiters[need].push(at);
        }
    }
    let mut free: BTreeSet<usize> = (0..waits.len()).filter(|&at| missing[at].is_empty()).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(at) = free.pop_first() {
        order.push(at);
        for &waiter in &waiters[at] {
            missing[waiter].remove(&at);
            if missing[waiter].is_empty() {
                free.insert(waiter);
            }
        }
    }
    if order.len() == waits.len() { Ok(order) } else { Err(cycle(&missing)) }
}

/// Every node left over waits for another one left over, so following the edges must come back.
fn cycle(missing: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut walk: Vec<usize> = Vec::new();
    let mut next = missing.iter().position(|edges| !edges.is_empty());
    while let Some(at) = next {
        if let Some(start) = walk.iter().position(|&seen| seen == at) {
            walk.drain(..start);
            walk.push(at);
            break;
        }
        walk.push(at);
        next = missing[at].first().copied();
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::step;

    fn ids(plan: &Plan) -> Vec<String> {
        plan.steps().iter().map(|step| step.id.to_string()).collect()
    }

    fn texts(ids: &[StepId]) -> Vec<&str> {
        ids.iter().map(StepId::as_str).collect()
    }

    fn diamond() -> Plan {
        Plan::new(vec![
            step("task/d", &["task/b", "task/c"]),
            step("task/c", &["task/a"]),
            step("task/b", &["task/a"]),
            step("task/a", &[]),
        ])
        .unwrap()
    }

    #[test]
    fn each_step_comes_after_its_needs_and_ties_keep_the_given_order() {
        assert_eq!(ids(&diamond()), ["task/a", "task/c", "task/b", "task/d"]);
    }

    #[test]
    fn unconnected_steps_stay_as_written() {
        let plan = Plan::new(vec![step("task/z", &[]), step("task/a", &[])]).unwrap();
        assert_eq!(ids(&plan), ["task/z", "task/a"]);
    }

    #[test]
    fn a_cycle_is_named_whole() {
        let error = Plan::new(vec![
            step("task/free", &[]),
            step("task/a", &["task/b"]),
            step("task/b", &["task/c"]),
            step("task/c", &["task/a", "task/free"]),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "steps wait for each other: `task/a` needs `task/b` needs `task/c` needs `task/a`: \
             remove one of these `needs`"
        );
    }

    #[test]
    fn a_step_that_needs_itself_is_a_cycle() {
        let error = Plan::new(vec![step("task/a", &["task/a"])]).unwrap_err();
        assert_eq!(error, PlanError::Cycle(vec![StepId::named("task", "a"); 2]));
    }

    #[test]
    fn a_cycle_over_after_edges_counts_too() {
        let mut first = step("task/a", &["task/b"]);
        let mut second = step("task/b", &[]);
        second.after = vec![first.id.clone()];
        first.title = "first".to_owned();
        assert!(matches!(Plan::new(vec![first, second]), Err(PlanError::Cycle(_))));
    }

    #[test]
    fn two_steps_of_one_name_are_refused() {
        let error = Plan::new(vec![step("task/a", &[]), step("task/a", &[])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there are two steps `task/a`: give one of them another name"
        );
    }

    #[test]
    fn a_need_that_is_no_step_is_named() {
        let error = Plan::new(vec![step("task/a", &["task/x"])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`task/a` needs `task/x`, which is no step of this environment: `mlup plan` lists them"
        );
    }

    #[test]
    fn turned_round_the_last_comes_first() {
        let down = diamond().reversed();
        assert_eq!(ids(&down), ["task/d", "task/b", "task/c", "task/a"]);
        let last = down.step(&StepId::named("task", "a")).unwrap();
        assert_eq!(texts(&last.needs), ["task/c", "task/b"]);
        assert_eq!(ids(&down.reversed()), ids(&diamond()));
    }

    #[test]
    fn closures_follow_edges_both_ways() {
        let plan = diamond();
        let (a, b, d) =
            (StepId::named("task", "a"), StepId::named("task", "b"), StepId::named("task", "d"));
        assert_eq!(texts(&plan.dependents(&a)), ["task/c", "task/b"]);
        assert_eq!(texts(&plan.all_dependents(&a)), ["task/c", "task/b", "task/d"]);
        assert_eq!(texts(&plan.all_needs(&d)), ["task/a", "task/c", "task/b"]);
        assert_eq!(texts(&plan.all_needs(&b)), ["task/a"]);
    }
}
