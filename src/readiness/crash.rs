//! Why a container ends again and again, as far as its status tells. The log tells more:
//! [`super::crash_log`].

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::container;
use super::pods::Container;
use super::world;
use crate::event::BLANK;
use crate::manifest::read;
use crate::policy::Class;

/// Restarts from which an ended container counts as crashing although nothing says back-off yet.
const RESTARTS: i64 = 2;

/// Why a container crashes, if it does.
pub(super) fn cause(container: &Container<'_>) -> Option<Cause> {
    let status = container.status;
    let restarts = read::number(status, "/restartCount").unwrap_or_default();
    let ended = status.pointer("/state/terminated");
    let backs_off = container.waits_for() == "CrashLoopBackOff";
    if !backs_off && (ended.is_none() || restarts < RESTARTS) {
        return None;
    }
    let last = ended.or(status.pointer("/lastState/terminated"));
    let text = |field| last.map(|last| read::text(last, field)).unwrap_or_default();
    let exit = last.and_then(|last| read::number(last, "/exitCode")).unwrap_or(-1);
    let reason = text("/reason");
    if container.is_init && exit == 0 {
        return None;
    }
    let cause = match reason {
        "OOMKilled" => out_of_memory(container),
        "StartError" | "ContainerCannotRun" => container::command(container, text("/message")),
        _ if text("/message").contains("exec format error") => {
            exec_format(container, text("/message"))
        }
        _ => killed_by_probe(container).unwrap_or_else(|| ended_with(container, exit)),
    };
    let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
    let mut cause = cause.because(
        container.source(),
        &format!("restarted {times}, last exit code {exit} ({reason})"),
    );
    cause.log = Some(container.log());
    cause.attempt = restarts;
    if cause.affects.is_empty() {
        cause = cause.affecting(container.pod);
    }
    Some(cause)
}

fn out_of_memory(container: &Container<'_>) -> Cause {
    let limit = container.spec().map_or("", |spec| read::text(spec, "/resources/limits/memory"));
    let of = if limit.is_empty() { String::new() } else { format!(" of {limit}") };
    let cause = Cause::new(
        "OOM_KILLED",
        Class::Permanent,
        Finality::Fatal,
        format!("{} needs more memory than its limit{of} (OOMKilled)", container.called()),
    );
    match commands::workload(container.pod, container.world) {
        Some(workload) => {
            let amount = format!("--limits=memory={BLANK}");
            cause.run(commands::set_resources(workload, container.name(), &amount))
        }
        None => cause.fix("raise `resources.limits.memory` of the container"),
    }
}

/// A program for another processor than the node's.
pub(super) fn exec_format(container: &Container<'_>, words: &str) -> Cause {
    let image = container.spec().map_or("", |spec| read::text(spec, "/image"));
    let platform = format!(
        "linux/{}",
        container.world.architecture(container.pod).as_deref().unwrap_or("amd64")
    );
    Cause::new(
        "EXEC_FORMAT",
        Class::Permanent,
        Finality::Fatal,
        format!(
            "the program of {} is not for the node's platform {platform} (exec format error)",
            container.called()
        ),
    )
    .because(container.source(), words)
    .run(commands::build(&platform, image))
    .affecting(container.pod)
}

/// A container that the kubelet killed because a probe failed.
fn killed_by_probe(container: &Container<'_>) -> Option<Cause> {
    let killed = container
        .events("Killing")
        .map(world::message)
        .find(|words| words.contains(" probe, will be restarted"))?;
    let kind = if killed.contains("startup") { "startup" } else { "liveness" };
    let probe = container.spec().and_then(|spec| spec.pointer(&format!("/{kind}Probe")));
    let asked = probe.map_or("", |probe| read::text(probe, "/httpGet/path"));
    let asked = if asked.is_empty() { String::new() } else { format!(" (GET {asked})") };
    let failed = format!("{} probe failed", if kind == "startup" { "Startup" } else { "Liveness" });
    let answer = container
        .events("Unhealthy")
        .map(world::message)
        .filter(|words| words.starts_with(&failed))
        .last();
    let fix = if kind == "liveness" {
        "give the container a `startupProbe` that allows for its start, or raise `initialDelaySeconds` of the liveness probe"
    } else {
        "raise `failureThreshold` or `periodSeconds` of the startup probe"
    };
    Some(
        Cause::new(
            "PROBE_KILLS",
            Class::Permanent,
            Finality::CurableBy(Remedy::Dependency),
            format!(
                "{} is killed by its {kind} probe{asked} before it answers",
                container.called()
            ),
        )
        .because("event Unhealthy", answer.unwrap_or(killed))
        .fix(fix),
    )
}

fn ended_with(container: &Container<'_>, exit: i64) -> Cause {
    let called = container.called();
    if exit == 0 {
        return Cause::new(
            "CONTAINER_ENDS",
            Class::Permanent,
            Finality::CurableBy(Remedy::Dependency),
            format!("{called} ends with exit code 0 again and again, and it is meant to stay"),
        )
        .fix("let its main process stay in the foreground, or make it a Job");
    }
    let (code, times) =
        if container.is_init { ("INIT_FAILED", "fails") } else { ("CRASH_LOOP", "crashes") };
    let signal = if exit == 137 { ", killed from outside" } else { "" };
    Cause::new(
        code,
        Class::Permanent,
        Finality::CurableBy(Remedy::Dependency),
        format!("{called} {times} again and again (exit code {exit}{signal})"),
    )
    .run(commands::logs(container.pod, container.name()))
}
