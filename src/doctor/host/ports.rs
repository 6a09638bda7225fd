//! The rule on host ports: who holds one that the configuration wants.

use super::draft::draft;
use super::facts::{Facts, Holder, Port};
use crate::doctor::finding::Finding;
use crate::quote::quote;

/// `DOC-03`: ports that somebody else holds.
pub(super) fn taken(facts: &Facts) -> Vec<Finding> {
    facts.ports.iter().filter_map(|port| of_port(port, facts.is_root)).collect()
}

fn of_port(port: &Port, is_root: bool) -> Option<Finding> {
    let number = port.port;
    let tables = if port.protocol == "udp" { "-lunp" } else { "-ltnp" };
    let sudo = if is_root { "" } else { "sudo " };
    let look = format!("{sudo}ss {tables} 'sport = :{number}'");
    let (who, fix) = match &port.holder {
        Holder::Nobody | Holder::Own | Holder::Docker => return None,
        Holder::Container { name, project } => {
            let project = project.as_ref().map(|name| format!(" of the compose project `{name}`"));
            (
                format!("container `{name}`{}", project.unwrap_or_default()),
                format!("docker stop {}   # or choose another port in {}", quote(name), port.place),
            )
        }
        Holder::Process { pid, command } => (
            format!("`{command}` (pid {pid})"),
            format!("{look}   # stop `{command}`, or choose another port in {}", port.place),
        ),
        Holder::Hidden => (
            "another user's process".to_owned(),
            format!("{look}   # stop it, or choose another port in {}", port.place),
        ),
    };
    let summary = format!("port {number}, which {} wants, is held by {who}", port.by);
    let finding = draft("DOC-03", "port", &number.to_string(), summary)
        .because(port.place.clone(), format!("{} publishes {number}/{}", port.by, port.protocol))
        .because(format!("port {number}/{}", port.protocol), who)
        .mended_by(fix);
    Some(finding)
}
