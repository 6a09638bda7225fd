//! The full output of each step's tools, one file a step. Where the files are is known to the
//! factory that is handed in (`host::runlog`).

use std::collections::HashMap;
use std::io::{self, Write};

use crate::event::{Event, EventKind};
use crate::report::{FirstError, Report};

/// Opens the log of a step for appending.
pub type OpenLog = Box<dyn FnMut(&str) -> io::Result<Box<dyn Write + Send>> + Send>;

/// Writes each step's output to its own file. A file that cannot be written never stops the run.
pub struct ToolLog {
    open: OpenLog,
    files: HashMap<String, Box<dyn Write + Send>>,
    error: FirstError,
}

impl ToolLog {
    /// A log that opens its files with this.
    #[must_use]
    pub fn new(open: OpenLog) -> Self {
        Self { open, files: HashMap::new(), error: FirstError::default() }
    }

    /// A handle on the first error, for whoever tells the user.
    #[must_use]
    pub fn first_error(&self) -> FirstError {
        self.error.clone()
    }

    /// The first error, once.
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        self.error.take()
    }

    fn write(&mut self, step: &str, line: &str) -> io::Result<()> {
        let file = match self.files.remove(step) {
            Some(file) => file,
            None => (self.open)(step)?,
        };
        let file = self.files.entry(step.to_owned()).or_insert(file);
        file.write_all(format!("{line}\n").as_bytes())
    }
}

impl Report for ToolLog {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepOutput { step, line, .. } => {
                if let Err(error) = self.write(step, line) {
                    self.error.note(error);
                }
            }
            // Two hundred steps must not hold two hundred files open.
            EventKind::StepState(state) if state.to.is_end() => {
                self.files.remove(&state.step);
            }
            _ => {}
        }
    }

    fn tick(&mut self, _elapsed_ms: u64) {}

    fn finish(&mut self) {
        self.files.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::event::{State, Stream};
    use crate::report::fixture::{Recorder, Sink};

    fn output(recorder: &mut Recorder, step: &str, line: &str) {
        let (step, line) = (step.to_owned(), line.to_owned());
        recorder.push(EventKind::StepOutput { step, stream: Stream::Stdout, line });
    }

    #[test]
    fn each_step_has_its_own_file_and_keeps_every_line() {
        let (stack, other) = (Sink::default(), Sink::default());
        let (s, o) = (stack.clone(), other.clone());
        let mut log = ToolLog::new(Box::new(move |step| {
            Ok(Box::new(if step == "deploy/stack" { s.clone() } else { o.clone() }))
        }));
        let mut recorder = Recorder::default();
        output(&mut recorder, "deploy/stack", "one");
        output(&mut recorder, "task/seed", "two");
        recorder.state("deploy/stack", State::Running, State::Ready, |_| {});
        output(&mut recorder, "deploy/stack", "three");
        for event in &recorder.events() {
            log.event(event);
        }
        log.finish();
        assert_eq!((stack.text().as_str(), other.text().as_str()), ("one\nthree\n", "two\n"));
    }

    #[test]
    fn a_full_disk_is_told_once_and_stops_nothing() {
        let mut log = ToolLog::new(Box::new(|_| Err(ErrorKind::StorageFull.into())));
        let handle = log.first_error();
        let mut recorder = Recorder::default();
        output(&mut recorder, "a", "one");
        output(&mut recorder, "a", "two");
        for event in &recorder.events() {
            log.event(event);
        }
        assert_eq!(handle.take().unwrap().kind(), ErrorKind::StorageFull);
        assert!(log.take_error().is_none());
    }
}
