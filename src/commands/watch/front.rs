//! How a watch is shown: events, or lines that can go on for weeks. The watch and its looks write to
//! the same report.

use std::sync::{Arc, Mutex, PoisonError};

use crate::commands::service;
use crate::commands::session::{self, Session, Terminal};
use crate::event::Event;
use crate::report::json::Json;
use crate::report::notify::Service;
use crate::report::watching::Watching;
use crate::report::{Front, Look, Report};

/// The reports that this invocation asks for.
fn reports(session: &Session) -> Vec<Box<dyn Report>> {
    let terminal = session.terminal;
    let Terminal { detail, style, .. } = terminal;
    let front: Box<dyn Report> = match terminal.front {
        Front::Json => Box::new(Json::new(session::stdout())),
        Front::Plain | Front::Quiet if terminal.journal => {
            service::journal(Look { detail, style, run_log: None })
        }
        Front::Plain | Front::Quiet | Front::Tty => {
            Box::new(Watching::new(session::stderr(), detail, style, terminal.width()))
        }
    };
    let notify = service::notify(session, Service::Staying);
    let notify = notify.map(|notify| -> Box<dyn Report> { Box::new(notify) });
    std::iter::once(front).chain(notify).collect()
}

/// The reports that all share; the end of a look is not their end.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Vec<Box<dyn Report>>>>);

impl Shared {
    pub(super) fn new(session: &Session) -> Self {
        Self(Arc::new(Mutex::new(reports(session))))
    }

    fn each(&self, act: impl FnMut(&mut Box<dyn Report>)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(act);
    }
}

impl Report for Shared {
    fn event(&mut self, event: &Event) {
        self.each(|report| report.event(event));
    }

    fn tick(&mut self, elapsed_ms: u64) {
        self.each(|report| report.tick(elapsed_ms));
    }

    fn finish(&mut self) {}
}
