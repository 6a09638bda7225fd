//! Clusters: the program with stand-ins of minikube and k3d, most of which act on the real engine.

mod bad_input;
mod creds;
mod examples;
pub(crate) mod fakes;
mod images;
mod k3s;
mod lifecycle;
mod pods;
mod pulls;
mod recovery;
mod route;
mod rows;
mod signals;

use mlup::event::EventKind;

use crate::support::Ran;

/// The rungs that a run took, in order.
pub(crate) fn rungs(ran: &Ran) -> Vec<String> {
    let taken = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Escalation { rung, .. } => Some(rung),
        _ => None,
    });
    taken.collect()
}

/// The codes of the warnings of a run.
pub(crate) fn warnings(ran: &Ran) -> Vec<String> {
    let codes = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Warning { code, .. } => Some(code),
        _ => None,
    });
    codes.collect()
}
