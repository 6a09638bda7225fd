//! What the user leaves out of a plan: `--only`, `--skip`, `--until` and step names.

use std::collections::{BTreeMap, HashSet};

use crate::plan::names::resolve;
use crate::plan::{Plan, PlanError, StepId};

/// Which steps were asked for. Each name is an identifier (`deploy/stack`), a whole kind
/// (`check/*`) or a bare name that fits one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These and what they need; empty means all.
    pub only: Vec<String>,
    /// Not these; what needs them takes them for granted.
    pub skip: Vec<String>,
    /// Nothing that comes after this.
    pub until: Option<String>,
}

/// A plan together with what is left out of it.
#[derive(Clone, Debug)]
pub struct Selected {
    plan: Plan,
    left_out: BTreeMap<StepId, String>,
}

impl From<Plan> for Selected {
    /// The whole plan.
    fn from(plan: Plan) -> Self {
        Self { plan, left_out: BTreeMap::new() }
    }
}

impl Selected {
    /// The whole plan, what is left out included.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Why the user's choice leaves this step out; `None` where it does not.
    #[must_use]
    pub fn left_out(&self, id: &StepId) -> Option<&str> {
        self.left_out.get(id).map(String::as_str)
    }

    /// The same choice with every edge turned round.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { plan: self.plan.reversed(), left_out: self.left_out.clone() }
    }
}

impl Plan {
    /// Applies the user's choice. Nothing that is kept needs a step that `--only` or `--until`
    /// leaves out; a skipped one counts as satisfied.
    ///
    /// # Errors
    /// A name means no step, or more than one.
    pub fn select(&self, selection: &Selection) -> Result<Selected, PlanError> {
        let known: Vec<StepId> = self.steps().iter().map(|step| step.id.clone()).collect();
        let mut left_out = BTreeMap::new();
        if !selection.only.is_empty() {
            let wanted = self.wanted(&selection.only, &known)?;
            for id in known.iter().filter(|id| !wanted.contains(*id)) {
                left_out.insert(id.clone(), "not asked for".to_owned());
            }
        }
        if let Some(until) = &selection.until {
            for id in resolve(until, &known)? {
                for later in self.all_dependents(&id) {
                    left_out.entry(later).or_insert_with(|| format!("comes after `{id}`"));
                }
            }
        }
        for name in &selection.skip {
            for id in resolve(name, &known)? {
                left_out.insert(id, "left out by `--skip`".to_owned());
            }
        }
        Ok(Selected { plan: self.clone(), left_out })
    }

    fn wanted(&self, names: &[String], known: &[StepId]) -> Result<HashSet<StepId>, PlanError> {
        let mut wanted = HashSet::new();
        for name in names {
            for id in resolve(name, known)? {
                for need in self.brought_along(&id) {
                    wanted.extend(self.all_needs(need));
                    wanted.insert(need.clone());
                }
                wanted.insert(id);
            }
        }
        Ok(wanted)
    }

    /// What a step that is asked for needs itself. A secret alone is written whatever the deploys
    /// lack: their preflight is theirs, and would have images built first.
    fn brought_along(&self, id: &StepId) -> impl Iterator<Item = &StepId> {
        let step = self.step(id);
        let stands_alone = ["registry", "secret"].contains(&id.kind());
        let needs = step.into_iter().flat_map(|step| &step.needs);
        needs.filter(move |need| !(stands_alone && need.as_str() == "preflight/deploys"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::fixture::step;

    fn plan() -> Plan {
        Plan::new(vec![
            step("docker", &[]),
            step("network/net", &["docker"]),
            step("deploy/a", &["network/net"]),
            step("deploy/b", &["deploy/a"]),
            step("task/seed", &["deploy/a"]),
            step("check/a", &["deploy/a", "deploy/b"]),
        ])
        .unwrap()
    }

    fn kept(selection: &Selection) -> Vec<String> {
        let selected = plan().select(selection).unwrap();
        let steps = selected.plan().steps().iter();
        steps
            .filter(|step| selected.left_out(&step.id).is_none())
            .map(|step| step.id.to_string())
            .collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_choice_keeps_everything() {
        assert_eq!(kept(&Selection::default()).len(), 6);
    }

    #[test]
    fn only_brings_what_it_needs_along() {
        let selection = Selection { only: names(&["seed"]), ..Selection::default() };
        assert_eq!(kept(&selection), ["docker", "network/net", "deploy/a", "task/seed"]);
    }

    #[test]
    fn skip_takes_out_the_step_alone() {
        let selection = Selection { skip: names(&["deploy/*"]), ..Selection::default() };
        assert_eq!(kept(&selection), ["docker", "network/net", "task/seed", "check/a"]);
    }

    #[test]
    fn until_keeps_the_step_and_everything_beside_it() {
        let selection = Selection { until: Some("deploy/b".to_owned()), ..Selection::default() };
        assert_eq!(
            kept(&selection),
            ["docker", "network/net", "deploy/a", "deploy/b", "task/seed"]
        );
    }

    #[test]
    fn each_step_left_out_says_why() {
        let selection = Selection {
            only: names(&["deploy/b"]),
            skip: names(&["network/net"]),
            until: Some("deploy/a".to_owned()),
        };
        let selected = plan().select(&selection).unwrap();
        let why = |kind: &str, name: &str| {
            selected.left_out(&StepId::named(kind, name)).unwrap_or("kept").to_owned()
        };
        assert_eq!(why("task", "seed"), "not asked for");
        assert_eq!(why("network", "net"), "left out by `--skip`");
        assert_eq!(why("deploy", "b"), "comes after `deploy/a`");
        assert_eq!(why("deploy", "a"), "kept");
    }

    #[test]
    fn an_unknown_name_is_refused_with_a_suggestion() {
        let selection = Selection { skip: names(&["check/b"]), ..Selection::default() };
        assert_eq!(
            plan().select(&selection).unwrap_err().to_string(),
            "there is no step `check/b`: did you mean `check/a`?"
        );
    }

    proptest! {
        #[test]
        fn only_and_until_keep_no_step_without_its_needs(
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..30),
            only in proptest::option::of(0_usize..12),
            until in proptest::option::of(0_usize..12),
        ) {
            let name = |at: usize| format!("task/t{at}");
            let steps = (0..12).map(|at| {
                let down = edges.iter().filter(|(from, to)| *from == at && to < from);
                let needs: Vec<String> = down.map(|(_, to)| name(*to)).collect();
                step(&name(at), &needs.iter().map(String::as_str).collect::<Vec<_>>())
            });
            let plan = Plan::new(steps.collect()).unwrap();
            let selection = Selection {
                only: only.map(name).into_iter().collect(),
                skip: Vec::new(),
                until: until.map(name),
            };
            let selected = plan.select(&selection).unwrap();
            for step in selected.plan().steps() {
                if selected.left_out(&step.id).is_none() {
                    for need in &step.needs {
                        prop_assert!(selected.left_out(need).is_none());
                    }
                }
            }
        }
    }
}
