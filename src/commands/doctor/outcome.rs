//! What came of each repair: how its steps ended, and what a later look finds. Pure.

use std::collections::BTreeMap;

use super::answer::{Answer, Applied, Outcome};
use super::course::{Course, Treated, clean_up};
use crate::plan::StepId;
use crate::plan::progress::StepEnd;
use crate::plan::repair::Leftover;
use crate::policy::Failure;

/// How the steps of a repair ended, each by its last attempt.
pub(super) type Ends = BTreeMap<StepId, StepEnd>;

/// What came of all of it.
pub(super) fn outcomes(course: &Course, ends: &Ends, later: &Answer) -> Vec<Applied> {
    let causes = course.treated.iter().map(|one| of_cause(one, ends, later));
    let pods = course.leftovers.iter().map(|one| of_leftover(one, ends, later));
    causes.chain(pods).collect()
}

/// Whether one of these steps has changed anything.
pub(super) fn has_changed(steps: &[StepId], ends: &Ends) -> bool {
    let is_change = |end: &StepEnd| matches!(end, StepEnd::Settled { changed: true, .. });
    steps.iter().filter_map(|step| ends.get(step)).any(is_change)
}

fn of_cause(one: &Treated, ends: &Ends, later: &Answer) -> Applied {
    let is_there =
        later.findings.iter().any(|row| row.rule == one.rule && row.object == one.object);
    let changes: Vec<String> = one.steps.iter().filter_map(|step| change(step, ends)).collect();
    let (outcome, detail) = match (failure(&one.steps, ends), is_there, changes.as_slice()) {
        (Some(failure), true, _) => (Outcome::Failed, told(failure)),
        (_, false, []) => (Outcome::Fixed, "gone meanwhile".to_owned()),
        (_, false, changes) => (Outcome::Fixed, changes.join(", ")),
        (None, true, []) => (Outcome::Unchanged, format!("nothing to do: {}", one.recovery)),
        (None, true, changes) => {
            (Outcome::Applied, format!("{}; {}", changes.join(", "), one.recovery))
        }
    };
    Applied { rule: one.rule.clone(), object: one.object.clone(), outcome, detail }
}

/// What a step has changed: its own words where it is a repair, else its name.
fn change(step: &StepId, ends: &Ends) -> Option<String> {
    match ends.get(step)? {
        StepEnd::Settled { settled, changed: true } => Some(match step.kind() {
            "pull-secret" | "storage-class" => settled.detail.clone(),
            _ => step.to_string(),
        }),
        _ => None,
    }
}

fn failure<'e>(steps: &[StepId], ends: &'e Ends) -> Option<&'e Failure> {
    steps.iter().find_map(|step| match ends.get(step)? {
        StepEnd::Failed(failure) => Some(failure),
        _ => None,
    })
}

fn told(failure: &Failure) -> String {
    format!("{}: {}", failure.code, failure.summary)
}

fn of_leftover(one: &Leftover, ends: &Ends, later: &Answer) -> Applied {
    let is_there = later.leftovers.iter().any(|other| other.uid == one.uid);
    let (outcome, detail) = match failure(&[clean_up()], ends) {
        _ if !is_there => {
            (Outcome::Fixed, format!("removed ({}); {} is well", one.reason, one.owner))
        }
        Some(failure) => (Outcome::Failed, told(failure)),
        None => (Outcome::Unchanged, "it is still there".to_owned()),
    };
    let object = format!("pod/{}/{}", one.namespace, one.name);
    Applied { rule: "NODE-06".to_owned(), object, outcome, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::change::Settled;
    use crate::policy::Class;

    fn course() -> Course {
        Course {
            treated: vec![Treated {
                rule: "PULL-01".to_owned(),
                object: "secret/shop/pull".to_owned(),
                recovery: "recovers by itself",
                steps: vec![StepId::named("pull-secret", "shop/pull")],
            }],
            leftovers: vec![Leftover {
                namespace: "shop".to_owned(),
                name: "old".to_owned(),
                uid: "1".to_owned(),
                reason: "Evicted".to_owned(),
                owner: "deployment/shop/api".to_owned(),
            }],
            ..Course::default()
        }
    }

    fn ended(end: StepEnd) -> Ends {
        [(StepId::named("pull-secret", "shop/pull"), end)].into()
    }

    fn told_of(end: StepEnd, is_there: bool) -> (Outcome, String) {
        let course = course();
        let mut later = Answer::default();
        if is_there {
            let failure = Failure::new(Class::Permanent, "X", "x");
            let row = super::super::answer::of_step("cluster", failure.finding());
            let (rule, object) = ("PULL-01".to_owned(), "secret/shop/pull".to_owned());
            later.findings.push(super::super::answer::Row { rule, object, ..row });
        }
        let first = outcomes(&course, &ended(end), &later).swap_remove(0);
        (first.outcome, first.detail)
    }

    #[test]
    fn an_outcome_tells_what_was_done_and_what_a_later_look_finds() {
        let settled =
            |changed| StepEnd::Settled { settled: Settled::succeeded("shop/pull"), changed };
        let failed =
            || StepEnd::Failed(Failure::new(Class::Refused, "OBJECT_FOREIGN", "not made here"));
        for (end, is_there, outcome, detail) in [
            (settled(true), false, Outcome::Fixed, "shop/pull"),
            (settled(false), false, Outcome::Fixed, "gone meanwhile"),
            (settled(true), true, Outcome::Applied, "shop/pull; recovers by itself"),
            (settled(false), true, Outcome::Unchanged, "nothing to do: recovers by itself"),
            (failed(), true, Outcome::Failed, "OBJECT_FOREIGN: not made here"),
            (failed(), false, Outcome::Fixed, "gone meanwhile"),
        ] {
            assert_eq!(told_of(end, is_there), (outcome, detail.to_owned()));
        }
    }

    #[test]
    fn a_leftover_is_gone_or_it_is_told_why_not() {
        let course = course();
        let outcome = |ends: &Ends, later: &Answer| outcomes(&course, ends, later)[1].outcome;
        let there = Answer { leftovers: course.leftovers.clone(), ..Answer::default() };
        assert_eq!(outcome(&Ends::new(), &Answer::default()), Outcome::Fixed);
        assert_eq!(outcome(&Ends::new(), &there), Outcome::Unchanged);
        let failure = Failure::new(Class::Refused, "API_FORBIDDEN", "may not");
        let ends = [(clean_up(), StepEnd::Failed(failure))].into();
        assert_eq!(outcome(&ends, &there), Outcome::Failed);
    }
}
