//! What a check asks and wants, in words, and the failure of one that was not met. Pure.

use super::finding;
use super::history::History;
use super::lacking::Lacking;
use crate::config::address::{Address, Part, ServiceName, Target};
use crate::config::model::{Check, CheckProbe, Vantage};
use crate::event::Fix;
use crate::host::cmd::Cmd;
use crate::policy::{Class, Failure};

/// Most lines of evidence of a failure.
const MOST_EVIDENCE: usize = 5;

pub(super) fn kind(check: &Check) -> &'static str {
    match check.probe {
        CheckProbe::Exec(_) => "exec",
        CheckProbe::Http(_) => "http",
        CheckProbe::Log { .. } => "log",
        CheckProbe::Tcp(_) => "tcp",
    }
}

pub(super) fn from(check: &Check) -> String {
    match (&check.probe, &check.from) {
        (CheckProbe::Log { service, .. }, _) | (_, Vantage::Compose(service)) => {
            format!("compose:{service}")
        }
        (_, Vantage::Host) => "host".to_owned(),
        (_, Vantage::Pod(_)) => "pod".to_owned(),
    }
}

/// What the check wants, in words.
pub(super) fn wanted(check: &Check) -> String {
    match &check.probe {
        CheckProbe::Exec(_) => "exit 0".to_owned(),
        CheckProbe::Http(probe) => finding::wanted(probe),
        CheckProbe::Log { pattern, .. } => format!("a line that matches `{pattern}`"),
        CheckProbe::Tcp(_) => "a connection".to_owned(),
    }
}

/// What the check asks, in words.
fn subject(check: &Check) -> String {
    match &check.probe {
        CheckProbe::Exec(command) => format!("`{}`", command_line(command)),
        CheckProbe::Http(probe) => format!("`{}`", probe.url),
        CheckProbe::Log { service, .. } => format!("the log of `{service}`"),
        CheckProbe::Tcp(address) => format!("`{address}`"),
    }
}

pub(super) fn command_line(command: &[String]) -> String {
    let (program, args) = command.split_first().map_or(("", command), |(p, a)| (p.as_str(), a));
    Cmd::new(program).args(args.iter().cloned()).to_string()
}

/// The failure of a check whose time is over; what the last try lacked proves it and helps.
pub(super) fn failed(check: &Check, history: &History, lacking: Option<Lacking>) -> Failure {
    let summary = format!(
        "{} did not give what check `{}` wants in time: last came {}, wanted {}",
        subject(check),
        check.name,
        history.last().unwrap_or("nothing"),
        wanted(check)
    );
    let mut failure =
        Failure::new(Class::Timeout, "CHECK_FAILED", summary).fix(where_to_look(check));
    failure.evidence = history.evidence(&format!("probe {}", kind(check)));
    if let Some(lacking) = lacking {
        failure.evidence.splice(0..0, lacking.evidence);
        failure.evidence.truncate(MOST_EVIDENCE);
        failure.fix = lacking.fix.or(failure.fix);
    }
    failure
}

fn where_to_look(check: &Check) -> Fix {
    match (&check.probe, &check.from) {
        (CheckProbe::Log { service, .. }, _) | (_, Vantage::Compose(service)) => {
            Fix::safe(format!("mlup logs {}", crate::quote::quote(service)))
        }
        (_, Vantage::Pod(port)) => of_service(&port.service),
        (CheckProbe::Http(probe), Vantage::Host) => of_address(&probe.url),
        (CheckProbe::Tcp(address), Vantage::Host) => of_address(address),
        (CheckProbe::Exec(_), Vantage::Host) => Fix::safe("mlup logs"),
    }
}

fn of_address(address: &Address) -> Fix {
    let service = address.parts().iter().find_map(|part| match part {
        Part::Live(Target::LoadBalancer(service) | Target::NodePort(service, _)) => Some(service),
        Part::Live(Target::Node) | Part::Text(_) => None,
    });
    service.map_or_else(|| Fix::safe("mlup logs"), of_service)
}

fn of_service(service: &ServiceName) -> Fix {
    let place = service.namespace.as_ref().map(|name| format!(" -n {name}")).unwrap_or_default();
    Fix::safe(format!("kubectl{place} describe service {}", service.name))
}
