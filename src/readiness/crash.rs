//! Why a container ends again and again, as far as its status tells. The log tells more:
//! [`super::crash_log`].

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::container;
use super::pods::Container;
use super::probe;
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
    let ended = read::at(status, "/state/terminated");
    let backs_off = container.waits_for() == "CrashLoopBackOff";
    let is_over = ended.is_some() && restarts >= RESTARTS;
    if !backs_off && !is_over && !is_between(container, restarts) {
        return None;
    }
    let last = ended.or(read::at(status, "/lastState/terminated"));
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
        _ => killed_by_probe(container, exit).unwrap_or_else(|| ended_with(container, exit)),
    };
    let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
    let mut cause = cause.because(
        container.source(),
        &format!("restarted {times}, last exit code {exit} ({reason})"),
    );
    // Programs may leave their last words to the kubelet.
    if !["", "StartError", "ContainerCannotRun"].contains(&reason) {
        cause = cause.because("termination message", text("/message"));
    }
    cause.log = Some(container.log());
    cause.attempt = restarts;
    if cause.affects.is_empty() {
        cause = cause.affecting(container.pod);
    }
    Some(cause)
}

/// How long after it a container that was ended is told of as one that ends again and again, in
/// seconds.
const RECENT: i64 = 600;

/// Whether a container runs between two crashes: not ready, or ready only because nobody asks it,
/// started anew more than once, and not yet for as long as it ran before.
pub(super) fn is_between(container: &Container<'_>, restarts: i64) -> bool {
    let status = container.status;
    if read::truth(status, "/ready") && !is_told_to_end(container) {
        return false;
    }
    let before = |field| read::text(status, field).parse::<jiff::Timestamp>().ok();
    let lasted = before("/lastState/terminated/startedAt")
        .zip(before("/lastState/terminated/finishedAt"))
        .map(|(from, to)| to.duration_since(from).as_secs());
    let runs = container.world.age(read::text(status, "/state/running/startedAt"));
    restarts > RESTARTS
        && !container.is_init
        && runs.zip(lasted).is_some_and(|(runs, lasted)| runs <= lasted)
}

/// Whether events of late say that it is ended again and again.
fn is_told_to_end(container: &Container<'_>) -> bool {
    let is_late = |event: &&Value| {
        let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"];
        let last = last.iter().map(|field| read::text(event, field)).find(|time| !time.is_empty());
        last.and_then(|time| container.world.age(time)).is_some_and(|age| age < RECENT)
    };
    let killed = container.events("Killing").filter(|event| {
        world::times(event) > 1 && world::message(event).contains(" probe, will be restarted")
    });
    killed.chain(container.events("BackOff")).any(|event| is_late(&event))
}

pub(super) fn out_of_memory(container: &Container<'_>) -> Cause {
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

/// The status of a program that a signal ended: SIGKILL and SIGTERM.
const KILLED: [i64; 2] = [137, 143];

/// A container that the kubelet killed because a probe failed.
fn killed_by_probe(container: &Container<'_>, exit: i64) -> Option<Cause> {
    let killed = container
        .events("Killing")
        .map(world::message)
        .find(|words| words.contains(" probe, will be restarted"));
    let Some(killed) = killed else { return probably_killed(container, exit) };
    let kind = if killed.contains("startup") { "startup" } else { "liveness" };
    let probe = container.spec().and_then(|spec| read::at(spec, &format!("/{kind}Probe")));
    let failed = format!("{} probe failed", if kind == "startup" { "Startup" } else { "Liveness" });
    let answer = container
        .events("Unhealthy")
        .map(world::message)
        .filter(|words| words.starts_with(&failed))
        .last();
    let cause =
        by_probe(container, kind, probe).because("event Unhealthy", answer.unwrap_or(killed));
    let meaning = probe.zip(answer).map(|(probe, answer)| probe::explain(container, probe, answer));
    let Some(meaning) = meaning else { return Some(cause) };
    let summary = format!("{}: {}", cause.summary, meaning.why);
    let cause = Cause { summary, ..cause };
    // A path or a port that is not there does not come by waiting longer.
    Some(if meaning.rule == "PROBE-02" || meaning.why.contains("declares") {
        cause.rule(meaning.rule).fix(meaning.fix)
    } else if meaning.rule == "PROBE-06" {
        cause.fix(format!(
            "{}; if it only takes long to start, give it a `startupProbe`",
            meaning.fix
        ))
    } else {
        cause
    })
}

/// A container with a liveness probe that was killed from outside, and no event says by whom.
fn probably_killed(container: &Container<'_>, exit: i64) -> Option<Cause> {
    let kinds = ["liveness", "startup"];
    let (kind, probe) = kinds
        .into_iter()
        .find_map(|kind| Some((kind, container.spec()?.get(format!("{kind}Probe").as_str())?)))?;
    KILLED.contains(&exit).then(|| by_probe(container, kind, Some(probe)).rule("CRASH-02").likely())
}

fn by_probe(container: &Container<'_>, kind: &str, probe: Option<&Value>) -> Cause {
    let asked = probe.map_or(String::new(), |probe| format!(" {}", probe::asked(container, probe)));
    let fix = if kind == "liveness" {
        "give the container a `startupProbe` that allows for its start, or raise `initialDelaySeconds` and `timeoutSeconds` of the liveness probe"
    } else {
        "raise `failureThreshold` or `periodSeconds` of the startup probe"
    };
    Cause::new(
        "PROBE_KILLS",
        Class::Permanent,
        Finality::CurableBy(Remedy::Dependency),
        format!("{} is killed by its {kind} probe{asked}", container.called()),
    )
    .fix(fix)
}

fn ended_with(container: &Container<'_>, exit: i64) -> Cause {
    let called = container.called();
    let of = |code: &'static str, summary: String| {
        Cause::new(code, Class::Permanent, Finality::CurableBy(Remedy::Dependency), summary)
    };
    let logs = commands::logs(container.pod, container.name());
    if container.is_init {
        return of("INIT_FAILED", format!("{called} fails again and again (exit code {exit})"))
            .run(logs);
    }
    match exit {
        0 => of(
            "CONTAINER_ENDS",
            format!("{called} ends with exit code 0 again and again, and it is meant to stay"),
        )
        .fix("let its main process stay in the foreground, or make it a Job"),
        143 => of(
            "CONTAINER_ENDS",
            format!("{called} ends again and again by SIGTERM (exit code 143), which nobody outside of it is known to send"),
        )
        .fix("let its main process stay in the foreground, and nothing in it send SIGTERM to it"),
        137 => of(
            "OOM_KILLED",
            format!("{called} is killed from outside again and again (exit code 137), most likely by its node, for want of memory"),
        )
        .likely()
        .fix("raise `resources.limits.memory` of the container, or give the node more memory"),
        126 | 127 => of(
            "CRASH_LOOP",
            format!("{called} ends again and again: what it runs is not in the image or no program (exit code {exit})"),
        )
        .rule("CFG-04")
        .fix("correct `command` and `args` of the container, or put the program into the image"),
        132 | 134 | 135 | 139 => of(
            "CRASH_LOOP",
            format!("{called} breaks off again and again by signal {} (exit code {exit})", exit - 128),
        )
        .run(logs),
        exit => with_arguments(of("CRASH_LOOP", format!("{called} crashes again and again (exit code {exit})")).run(logs), container),
    }
}

/// The cause with the arguments that are empty: a chart leaves them so whose values are not set.
fn with_arguments(cause: Cause, container: &Container<'_>) -> Cause {
    let arguments = ["/command", "/args"]
        .iter()
        .flat_map(|list| container.spec().map(|spec| read::list(spec, list)).unwrap_or_default());
    let words: Vec<&str> = arguments.filter_map(Value::as_str).collect();
    let is_hollow = |word: &&str| word.is_empty() || word.starts_with('-') && word.ends_with('=');
    let Some(at) = words.iter().position(is_hollow) else { return cause };
    let before = at.checked_sub(1).and_then(|before| words.get(before)).unwrap_or(&"");
    let shown = format!("{before} {:?}", words[at]);
    Cause { summary: format!("{}; its argument {} is empty", cause.summary, shown.trim()), ..cause }
        .rule("HELM-08")
        .likely()
        .because("args", &format!("{words:?}"))
        .fix("set the value from which the chart makes this argument: helm get values shows those that are set")
}
