//! The chains of steps that decide how long a run takes: foreseen from durations, or read off a
//! run that is over.

use std::time::Duration;

use crate::event::PathEntry;
use crate::plan::{Plan, StepId};

/// When a step began and ended, counted from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Start of the first attempt.
    pub began: Duration,
    /// End of the last attempt.
    pub ended: Duration,
}

impl Plan {
    /// The chain of needs with the longest sum of durations, first to last.
    #[must_use]
    pub fn longest_chain(&self, duration: &dyn Fn(&StepId) -> Duration) -> Vec<PathEntry> {
        let mut best: Vec<(Duration, Option<usize>)> = Vec::with_capacity(self.steps().len());
        for step in self.steps() {
            let waits = step.needs.iter().chain(&step.after);
            let before = waits
                .filter_map(|id| self.position(id))
                .reduce(|one, other| if best[other].0 > best[one].0 { other } else { one });
            let sum = before.map_or(Duration::ZERO, |at| best[at].0) + duration(&step.id);
            best.push((sum, before));
        }
        let ends = (0..best.len()).reduce(
            |one, other| {
                if best[other].0 > best[one].0 { other } else { one }
            },
        );
        self.walk_back(ends, |at| best[at].1, duration)
    }

    /// The chain that decided when a run ended: back from the step that ended last, each time to
    /// the step that it waited for longest. Steps without a span did not run.
    #[must_use]
    pub fn deciding_chain(&self, span: &dyn Fn(&StepId) -> Option<Span>) -> Vec<PathEntry> {
        let ended = |at: usize| span(&self.steps()[at].id).map(|span| span.ended);
        let latest = |candidates: &mut dyn Iterator<Item = usize>| {
            let ran = candidates.filter(|&at| ended(at).is_some());
            ran.reduce(|one, other| if ended(other) > ended(one) { other } else { one })
        };
        let last = latest(&mut (0..self.steps().len()));
        let before = |at: usize| {
            let step = &self.steps()[at];
            let waits = step.needs.iter().chain(&step.after);
            latest(&mut waits.filter_map(|id| self.position(id)))
        };
        let duration = |id: &StepId| {
            span(id).map_or(Duration::ZERO, |span| span.ended.saturating_sub(span.began))
        };
        self.walk_back(last, before, &duration)
    }

    fn walk_back(
        &self,
        last: Option<usize>,
        before: impl Fn(usize) -> Option<usize>,
        duration: &dyn Fn(&StepId) -> Duration,
    ) -> Vec<PathEntry> {
        let chain = std::iter::successors(last, |&at| before(at));
        let mut path: Vec<PathEntry> = chain
            .map(|at| &self.steps()[at].id)
            .map(|id| PathEntry { step: id.to_string(), duration_ms: millis(duration(id)) })
            .collect();
        path.reverse();
        path
    }
}

/// Whole milliseconds, as events carry them.
#[must_use]
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::step;

    fn plan() -> Plan {
        Plan::new(vec![
            step("docker", &[]),
            step("images/a", &["docker"]),
            step("network/n", &["docker"]),
            step("deploy/a", &["network/n", "images/a"]),
            step("task/slow", &[]),
        ])
        .unwrap()
    }

    fn entry(step: &str, duration_ms: u64) -> PathEntry {
        PathEntry { step: step.to_owned(), duration_ms }
    }

    #[test]
    fn the_longest_chain_counts_durations_and_not_steps() {
        let of = |images: u64, slow: u64| {
            plan().longest_chain(&|id| {
                Duration::from_millis(match id.as_str() {
                    "images/a" => images,
                    "task/slow" => slow,
                    _ => 10,
                })
            })
        };
        assert_eq!(
            of(500, 100),
            [entry("docker", 10), entry("images/a", 500), entry("deploy/a", 10)]
        );
        assert_eq!(of(500, 1000), [entry("task/slow", 1000)]);
    }

    #[test]
    fn the_deciding_chain_follows_the_need_that_ended_last() {
        let path = plan().deciding_chain(&|id| {
            let (began, ended) = match id.as_str() {
                "docker" => (0, 10),
                "network/n" => (10, 900),
                "images/a" => (10, 300),
                "deploy/a" => (900, 1000),
                _ => return None,
            };
            let span = |ms| Duration::from_millis(ms);
            Some(Span { began: span(began), ended: span(ended) })
        });
        assert_eq!(path, [entry("docker", 10), entry("network/n", 890), entry("deploy/a", 100)]);
    }

    #[test]
    fn a_run_in_which_nothing_ran_has_no_chain() {
        assert!(plan().deciding_chain(&|_| None).is_empty());
        assert!(Plan::new(Vec::new()).unwrap().longest_chain(&|_| Duration::ZERO).is_empty());
    }
}
