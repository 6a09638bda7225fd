//! What the tries of a check found so far: which news are worth telling, how long to wait until
//! the next try, and the evidence in the end. Pure.

use std::time::Duration;

use super::finding::Finding;
use crate::event::Evidence;

/// First delay between two tries.
const SHORTEST: Duration = Duration::from_millis(50);
/// Longest delay between two tries.
const LONGEST: Duration = Duration::from_secs(2);
/// A result that stays the same is told every this many tries.
const TELL_EVERY: u32 = 10;

/// The tries of a check.
#[derive(Debug)]
pub(super) struct History {
    /// Different results, the one that came last at the end.
    results: Vec<(String, u32)>,
    excerpt: Option<String>,
    delay: Duration,
    /// How often the last result came in a row.
    in_a_row: u32,
}

/// What a try adds to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Another result than the last time.
    Changed,
    /// Nothing.
    None,
    /// The same, but it is time to say so again.
    StillSo,
}

impl Default for History {
    fn default() -> Self {
        Self { results: Vec::new(), excerpt: None, delay: SHORTEST, in_a_row: 0 }
    }
}

impl History {
    /// Takes note of a result.
    pub(super) fn note(&mut self, finding: &Finding) -> News {
        self.excerpt.clone_from(&finding.excerpt);
        let is_same = self.last() == Some(finding.detail.as_str());
        let known = self.results.iter().position(|(detail, _)| *detail == finding.detail);
        let count = known.map_or(0, |at| self.results.remove(at).1);
        self.results.push((finding.detail.clone(), count + 1));
        if !is_same {
            self.in_a_row = 1;
            // Something moves over there: look closely again.
            self.delay = SHORTEST;
            return News::Changed;
        }
        self.in_a_row += 1;
        if self.in_a_row.is_multiple_of(TELL_EVERY) { News::StillSo } else { News::None }
    }

    /// How long to wait until the next try; longer each time while nothing changes.
    pub(super) fn next_delay(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = (delay * 2).min(LONGEST);
        delay
    }

    /// What came last.
    pub(super) fn last(&self) -> Option<&str> {
        self.results.last().map(|(detail, _)| detail.as_str())
    }

    /// The last three different results with how often each came, and what came with the last.
    pub(super) fn evidence(&self, source: &str) -> Vec<Evidence> {
        let skip = self.results.len().saturating_sub(3);
        let mut evidence: Vec<Evidence> = self.results[skip..]
            .iter()
            .map(|(detail, count)| Evidence::new(source, format!("{detail} ×{count}")))
            .collect();
        evidence.extend(self.excerpt.iter().map(|text| Evidence::new("last output", text)));
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(history: &mut History, detail: &str) -> News {
        history.note(&Finding::unmet(detail))
    }

    #[test]
    fn a_result_is_told_when_it_changes_and_every_tenth_time() {
        let mut history = History::default();
        let told: Vec<News> = (0..20).map(|_| note(&mut history, "http 503")).collect();
        let is_told = |number: usize| told[number] != News::None;
        assert_eq!((0..20).filter(|&n| is_told(n)).collect::<Vec<_>>(), [0, 9, 19]);
        assert_eq!(note(&mut history, "http 502"), News::Changed);
        assert_eq!(note(&mut history, "http 503"), News::Changed);
    }

    #[test]
    fn the_delay_doubles_up_to_two_seconds_and_starts_over_on_a_change() {
        let mut history = History::default();
        note(&mut history, "a");
        let delays: Vec<u128> = (0..8).map(|_| history.next_delay().as_millis()).collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        note(&mut history, "b");
        assert_eq!(history.next_delay(), SHORTEST);
    }

    #[test]
    fn evidence_is_the_last_three_results_counted_and_the_last_excerpt() {
        let mut history = History::default();
        for detail in ["a", "b", "b", "c", "a", "d"] {
            note(&mut history, detail);
        }
        history.note(&Finding::unmet("d").with_excerpt("loading\nmodel"));
        let lines: Vec<String> = history
            .evidence("probe http")
            .iter()
            .map(|e| format!("{}: {}", e.source, e.text))
            .collect();
        assert_eq!(
            lines,
            [
                "probe http: c ×1",
                "probe http: a ×2",
                "probe http: d ×2",
                "last output: loading model"
            ]
        );
    }
}
