//! The stream of events of one run: numbers them, stamps them, hides secrets in them, and hands
//! them to the reports. What is worth an event is decided by the machine.

use tokio::time::Instant;

use crate::event::{Event, EventKind, VERSION};
use crate::host::clock;
use crate::plan::millis;
use crate::redact::Scrubber;
use crate::report::Report;

/// Writes events to all reports; tells them that the run is over when it is dropped.
pub(crate) struct Journal {
    run: String,
    began: Instant,
    next: u64,
    scrubber: Scrubber,
    reports: Vec<Box<dyn Report>>,
}

impl Journal {
    pub(crate) fn new(
        run: String,
        began: Instant,
        scrubber: Scrubber,
        reports: Vec<Box<dyn Report>>,
    ) -> Self {
        Self { run, began, next: 0, scrubber, reports }
    }

    pub(crate) fn write(&mut self, kind: EventKind) {
        let mut event = Event {
            v: VERSION,
            seq: self.next,
            ts: clock::rfc3339_now(),
            elapsed_ms: millis(self.began.elapsed()),
            run: self.run.clone(),
            kind,
        };
        self.next += 1;
        event.scrub(&self.scrubber);
        for report in &mut self.reports {
            report.event(&event);
        }
    }

    /// Hides these secrets from now on.
    pub(crate) fn hide(&mut self, scrubber: Scrubber) {
        self.scrubber = scrubber;
    }

    pub(crate) fn tick(&mut self) {
        let elapsed_ms = millis(self.began.elapsed());
        for report in &mut self.reports {
            report.tick(elapsed_ms);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        for report in &mut self.reports {
            report.finish();
        }
    }
}
