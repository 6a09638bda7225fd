//! Holds the events of a look back until one of them is news: a watch looks every few minutes, and what
//! it finds in order is worth no line. What is told once is not told again while it goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Event, EventKind, Phase, State};
use crate::report::Report;

/// Makes the reports of a look, once there is something to report.
pub type Open = Box<dyn FnOnce() -> Vec<Box<dyn Report>> + Send>;

/// What was told in earlier looks: failures and warnings, by step and code.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Told {
    /// Whether this is new; it is not from now on.
    fn is_new(&self, step: &str, code: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((step.to_owned(), code.to_owned()))
    }

    /// A step is up: what was told of it may come again.
    fn forget(&self, step: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(known, code)| known != step || code.starts_with(WARNING));
    }
}

/// Tells warnings apart from failures of the same code.
const WARNING: &str = "warning ";

/// The report of one look.
pub struct Calm {
    told: Told,
    held: Vec<Event>,
    open: Option<Open>,
    reports: Vec<Box<dyn Report>>,
}

impl Calm {
    /// A report that says nothing yet.
    #[must_use]
    pub fn new(told: Told, open: Open) -> Self {
        Self { told, held: Vec::new(), open: Some(open), reports: Vec::new() }
    }

    fn is_news(&self, kind: &EventKind) -> bool {
        match kind {
            EventKind::StepState(state) => match state.to {
                State::Running => matches!(state.phase, Some(Phase::Apply | Phase::Undo)),
                State::Escalating => true,
                State::Retrying | State::Failed | State::Degraded => {
                    self.told.is_new(&state.step, state.code.as_deref().unwrap_or_default())
                }
                State::Ready | State::Succeeded => {
                    self.told.forget(&state.step);
                    false
                }
                _ => false,
            },
            EventKind::Warning { step, code, .. } => {
                let step = step.as_deref().unwrap_or_default();
                self.told.is_new(step, &format!("{WARNING}{code}"))
            }
            _ => false,
        }
    }
}

impl Report for Calm {
    fn event(&mut self, event: &Event) {
        let is_news = self.is_news(&event.kind);
        if self.open.is_some() {
            self.held.push(event.clone());
            if !is_news {
                return;
            }
        }
        let Some(open) = self.open.take() else {
            return self.reports.iter_mut().for_each(|report| report.event(event));
        };
        self.reports = open();
        for event in std::mem::take(&mut self.held) {
            self.reports.iter_mut().for_each(|report| report.event(&event));
        }
    }

    fn tick(&mut self, elapsed_ms: u64) {
        self.reports.iter_mut().for_each(|report| report.tick(elapsed_ms));
    }

    fn finish(&mut self) {
        self.reports.iter_mut().for_each(|report| report.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Recorder, Sink};
    use crate::report::json::Json;

    fn look(told: &Told, recorder: &Recorder) -> Vec<Event> {
        let sink = Sink::default();
        let out = sink.clone();
        let open: Open = Box::new(move || vec![Box::new(Json::new(out))]);
        let mut calm = Calm::new(told.clone(), open);
        recorder.events().iter().for_each(|event| calm.event(event));
        sink.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn failed() -> Recorder {
        let mut recorder = Recorder::default();
        recorder.started(&[("docker", &[])]).running("docker", Phase::Probe);
        recorder.state("docker", State::Running, State::Failed, |state| {
            state.code = Some("DOCKER_UNREACHABLE".to_owned());
        });
        recorder
    }

    #[test]
    fn a_look_that_finds_all_in_order_is_silent() {
        let mut recorder = Recorder::default();
        recorder.started(&[("docker", &[])]).running("docker", Phase::Probe);
        recorder.ready("docker", 40, "28.0", false);
        assert_eq!(look(&Told::default(), &recorder), []);
    }

    #[test]
    fn a_change_brings_out_the_whole_look() {
        let mut recorder = Recorder::default();
        recorder.started(&[("deploy/stack", &[])]).running("deploy/stack", Phase::Probe);
        recorder.running("deploy/stack", Phase::Apply).ready("deploy/stack", 40, "up", true);
        assert_eq!(look(&Told::default(), &recorder), recorder.events());
    }

    #[test]
    fn a_failure_is_told_once_until_the_step_is_up_again() {
        let told = Told::default();
        let failed = failed();
        assert_eq!(look(&told, &failed), failed.events());
        assert_eq!(look(&told, &failed), []);
        let mut up = Recorder::default();
        up.started(&[("docker", &[])]).ready("docker", 40, "28.0", false);
        assert_eq!(look(&told, &up), []);
        assert_eq!(look(&told, &failed), failed.events());
    }
}
