//! Events as JSON lines: `--progress json` on standard output, `events.jsonl` in the run log.

use std::io::{self, ErrorKind, Write};

use crate::event::Event;
use crate::report::{FirstError, Report};

/// Writes one event a line and flushes each, so that a reader sees it at once and a killed run
/// leaves whole lines.
pub struct Json<W> {
    out: Option<W>,
    error: FirstError,
}

impl<W: Write + Send> Json<W> {
    /// A stream of events into this writer.
    pub fn new(out: W) -> Self {
        Self { out: Some(out), error: FirstError::default() }
    }

    /// A handle on the first error of the writer. A reader that went away is none.
    #[must_use]
    pub fn first_error(&self) -> FirstError {
        self.error.clone()
    }
}

impl<W: Write + Send> Report for Json<W> {
    fn event(&mut self, event: &Event) {
        let Some(out) = &mut self.out else { return };
        if let Err(error) = write_line(out, event) {
            self.out = None;
            if error.kind() != ErrorKind::BrokenPipe {
                self.error.note(error);
            }
        }
    }

    fn tick(&mut self, _elapsed_ms: u64) {}

    fn finish(&mut self) {}
}

/// One write for the whole line: two processes on one pipe must not mix theirs.
fn write_line(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{self, Sink};

    /// Takes one write, then fails.
    struct Failing(ErrorKind, usize);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            assert!(self.1 <= 2, "written to after it failed");
            if self.1 == 1 { Ok(bytes.len()) } else { Err(self.0.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_event_is_one_line_and_reads_back() {
        let (sink, events) = (Sink::default(), fixture::failed_start());
        let mut json = Json::new(sink.clone());
        for event in &events {
            json.event(event);
        }
        let text = sink.text();
        let back: Vec<Event> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(back, events);
    }

    #[test]
    fn a_reader_that_went_away_ends_the_stream_quietly() {
        let mut json = Json::new(Failing(ErrorKind::BrokenPipe, 0));
        for event in &fixture::cold_start() {
            json.event(event);
        }
        assert!(json.first_error().take().is_none());
    }

    #[test]
    fn a_full_disk_is_remembered() {
        let mut json = Json::new(Failing(ErrorKind::StorageFull, 0));
        let handle = json.first_error();
        for event in &fixture::cold_start() {
            json.event(event);
        }
        assert_eq!(handle.take().unwrap().kind(), ErrorKind::StorageFull);
    }
}
