//! A cause with what the container asks for in vain: the service that its log names, one that is not
//! there, the container itself, or the cluster's name service.

use super::cause::{Cause, Root};
use super::dependency::{self, Asked};
use super::signatures::{self, UNREACHABLE};
use super::world::World;
use crate::event::{CommandLine, Evidence, Fix};

/// The cluster's name service.
fn kube_dns() -> Root {
    Root::new("Service", "kube-system", "kube-dns")
}

/// Whether the cluster's name service runs.
pub(super) fn name_service() -> CommandLine {
    CommandLine::kubectl("kube-system")
        .args(["get", "pods", "-l", "k8s-app=kube-dns"])
        .comment("if they run, look for a NetworkPolicy that bars UDP port 53")
}

/// The cause with what the deciding line asks for, or one near it where that line names nothing.
pub(super) fn placed(mut cause: Cause, lines: &[&str], at: usize, world: &World) -> Cause {
    let Some(namespace) = cause.log.as_ref().map(|log| log.namespace.clone()) else { return cause };
    // A name service that does not answer says nothing of the name.
    if cause.rule == Some("DNS-01") {
        cause.needs = Some(kube_dns());
        return cause;
    }
    let of = |line: &str| dependency::asked(line, &namespace, world);
    let near = || {
        let before = lines[..at].iter().rev().chain(&lines[at + 1..]);
        before.filter(|line| tries(line)).find_map(|line| Some((*line, of(line)?)))
    };
    let Some((line, asked)) = of(lines[at]).map(|asked| (lines[at], asked)).or_else(near) else {
        return cause;
    };
    let said = super::crash_log::said(&cause, line);
    if !cause.evidence.iter().any(|known: &Evidence| known.text == said.text) {
        cause.evidence.push(said);
    }
    told(cause, asked, &namespace)
}

/// Whether a line tells of an attempt to reach something.
fn tries(line: &str) -> bool {
    let fails = |one: &signatures::Signature| one.code == Some(UNREACHABLE) && one.is_in(line);
    ["onnecting to ", "onnect attempt", "aiting for "].iter().any(|words| line.contains(words))
        || signatures::all().any(fails)
}

fn told(mut cause: Cause, asked: Asked, namespace: &str) -> Cause {
    match asked {
        Asked::Silent(service) => {
            cause.summary = format!("{} (service `{}`)", cause.summary, service.name);
            cause.fix = Some(Fix::run(
                CommandLine::kubectl(&service.namespace)
                    .args(["get", "endpointslices", "-l"])
                    .arg(format!("kubernetes.io/service-name={}", service.name))
                    .comment(format!("are the pods behind service `{}` ready?", service.name)),
            ));
            cause.needs = Some(service);
        }
        Asked::Unresolved(service) => {
            cause.summary = format!(
                "{}, though service `{}` is in namespace `{}`",
                cause.summary, service.name, service.namespace
            );
            if !["JOB-01", "CRASH-15"].iter().any(|rule| cause.rule == Some(*rule)) {
                cause.rule = cause.rule.map(|_| "DNS-01");
            }
            cause.fix = Some(Fix::run(name_service()));
            cause.needs = Some(kube_dns());
        }
        Asked::Nowhere(service, elsewhere) => {
            let Root { namespace: place, name, .. } = &service;
            let there =
                if place == namespace { String::new() } else { format!(" in namespace `{place}`") };
            let deploy = || {
                format!(
                    "deploy service `{name}`{there}, or correct the host in the container's environment"
                )
            };
            let rename = |other: Root| {
                let Root { namespace: other, name, .. } = other;
                format!("name it `{name}.{other}`: that is where service `{name}` is")
            };
            let hint = elsewhere.map_or_else(deploy, rename);
            cause.summary =
                format!("{}: no service is called `{name}` in namespace `{place}`", cause.summary);
            cause.fix = Some(Fix::advice(hint));
            cause.needs = Some(service);
        }
        Asked::Itself(host) => {
            cause.summary = format!(
                "{}: it asks `{host}`, which is the pod itself, and nothing listens there",
                cause.summary
            );
            cause.fix = Some(Fix::advice(format!(
                "put the name of a service in the place of `{host}` in the container's environment"
            )));
        }
        Asked::Outside(host) => {
            cause.summary = format!("{} (`{host}`)", cause.summary);
            cause.fix = Some(Fix::advice(format!(
                "see whether `{host}` can be reached from the cluster's nodes, or correct the host in the container's environment"
            )));
        }
    }
    cause
}
