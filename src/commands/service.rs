//! What a command says where systemd runs it: to its manager, and to its journal.

use std::path::Path;

use crate::commands::session::{self, Session};
use crate::host::journal::{JournalSocket, SOCKET};
use crate::host::notify::{NotifySocket, pulse};
use crate::invocation::Invocation;
use crate::plan::millis;
use crate::report::journal::{Journal, SendDatagram};
use crate::report::notify::{Notify, Service};
use crate::report::{Look, Report};

/// The report to the service manager that started mlup, if one did.
pub(super) fn notify(session: &Session, service: Service) -> Option<Notify> {
    let Invocation { env, pid, .. } = &session.invocation;
    let socket = NotifySocket::of(env)?;
    let pulse_ms = pulse(env, *pid).map(millis);
    Some(Notify::new(Box::new(move |text| socket.send(text)), service, pulse_ms))
}

/// The report to the journal that reads standard error.
pub(super) fn journal(look: Look) -> Box<dyn Report> {
    let send = JournalSocket::at(Path::new(SOCKET))
        .map(|socket| -> SendDatagram { Box::new(move |entry| socket.send(entry)) });
    Box::new(Journal::new(send, session::stderr(), look))
}
