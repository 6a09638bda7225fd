//! How a watch is shown: events, or lines that can go on for weeks. The watch and its looks write to
//! the same report.

use std::sync::{Arc, Mutex, PoisonError};

use crate::commands::session::{self, Session};
use crate::event::Event;
use crate::report::json::Json;
use crate::report::watching::Watching;
use crate::report::{Front, Report};

/// The report that this invocation asks for.
fn front(session: &Session) -> Box<dyn Report> {
    let terminal = session.terminal;
    match terminal.front {
        Front::Json => Box::new(Json::new(session::stdout())),
        Front::Plain | Front::Quiet | Front::Tty => Box::new(Watching::new(
            session::stderr(),
            terminal.detail,
            terminal.style,
            terminal.width(),
        )),
    }
}

/// The report that all share; the end of a look is not its end.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Box<dyn Report>>>);

impl Shared {
    pub(super) fn new(session: &Session) -> Self {
        Self(Arc::new(Mutex::new(front(session))))
    }
}

impl Report for Shared {
    fn event(&mut self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).event(event);
    }

    fn tick(&mut self, elapsed_ms: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tick(elapsed_ms);
    }

    fn finish(&mut self) {}
}
