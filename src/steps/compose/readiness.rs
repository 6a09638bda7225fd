//! When a service is ready, still coming, or lost for good: pure predicates over containers.
//!
//! Ready is healthy where there is a healthcheck, running otherwise, exited 0 for a one-shot. One
//! `unhealthy` is never final. Final are: an exit that nobody restarts, and the third restart
//! within one wait; but while a dependency is not ready, a crash only means that the service is
//! blocked by it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{Condition, Dependency};
use super::oneshot;
use super::project::Project;
use crate::host::containers::{Container, HealthStatus, Status};

/// Restarts within one wait after which a service is given up.
pub(super) const RESTARTS: i64 = 3;
/// How long a service without healthcheck has to stay up after it was started: a process that
/// cannot find its configuration is gone sooner.
const STEADY: Duration = Duration::from_millis(500);
/// The same after it crashed within this wait; the engine's own measure for a run that went well
/// (`restartmanager`, 20.10 to 28).
const STEADY_AFTER_CRASH: Duration = Duration::from_secs(10);

/// Where a service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Up.
    Ready,
    /// A one-shot that did its work.
    Done,
    /// Not there yet: why.
    Pending(String),
    /// Lost for good.
    Failed(Fault),
}

impl Verdict {
    /// Whether the service is as wanted.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Ready | Self::Done)
    }
}

/// Why a service is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The container.
    pub(super) container: String,
    /// What happened.
    pub(super) kind: FaultKind,
}

/// The ways in which a service is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// It restarted this often within the wait.
    CrashLoop {
        /// Restarts seen.
        restarts: i64,
        /// Exit code of the last run.
        code: i64,
    },
    /// It ended and nobody restarts it.
    Exited {
        /// Exit code.
        code: i64,
    },
    /// A one-shot failed.
    OneShot {
        /// Exit code.
        code: i64,
    },
    /// The kernel killed it for memory.
    OutOfMemory,
}

/// What is known of one container beside its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Restarts before this wait, or before its dependencies were ready.
    pub(super) restarts_before: i64,
    /// For how long this run of it has been watched; `None` when it was up before the wait.
    pub(super) watched: Option<Duration>,
    /// Whether it is about to be started by this step.
    pub(super) to_start: bool,
}

impl History {
    /// How long a container has to stay up before it counts, `None` when it does already.
    pub(super) fn steady_in(&self, container: &Container) -> Option<Duration> {
        let crashed = container.restart_count > self.restarts_before;
        let needed = if crashed { STEADY_AFTER_CRASH } else { STEADY };
        let remaining = needed.saturating_sub(self.watched?);
        (!remaining.is_zero()).then_some(remaining)
    }
}

/// Everything that a verdict rests on.
pub(super) struct Situation<'a> {
    /// The project.
    pub(super) project: &'a Project,
    /// All its containers.
    pub(super) containers: &'a [Container],
    /// Container id to what else is known of it.
    pub(super) history: &'a BTreeMap<String, History>,
}

impl Situation<'_> {
    /// The verdict over each selected service.
    pub(super) fn verdicts(&self) -> BTreeMap<String, Verdict> {
        let selected = self.project.selected.iter();
        let alone: BTreeMap<String, Verdict> =
            selected.map(|service| (service.clone(), self.alone(service))).collect();
        let verdicts = alone.iter().map(|(service, verdict)| {
            let blocked = match verdict {
                Verdict::Failed(fault) => self.blocker(service).map(|blocker| {
                    let what = fault.kind.describe();
                    Verdict::Pending(format!("{what} while {blocker} is not ready"))
                }),
                _ => None,
            };
            (service.clone(), blocked.unwrap_or_else(|| verdict.clone()))
        });
        verdicts.collect()
    }

    /// The first dependency of a service that is not as the service needs it.
    pub(super) fn blocker(&self, service: &str) -> Option<&str> {
        let service = self.project.model.services.get(service)?;
        let mut edges = service.depends_on.iter();
        edges.find(|(name, edge)| !self.holds(name, **edge)).map(|(name, _)| name.as_str())
    }

    /// Whether a dependency is as needed. One that is not required may also be lost or left out.
    fn holds(&self, name: &str, edge: Dependency) -> bool {
        if !self.project.selected.contains(name) {
            return !edge.required;
        }
        let own: Vec<&Container> = self.of(name).collect();
        let met = !own.is_empty() && own.iter().all(|c| self.meets(c, edge.condition));
        met || self.project.model.services.get(name).is_some_and(|service| service.replicas == 0)
            || (!edge.required && matches!(self.alone(name), Verdict::Failed(_)))
    }

    fn meets(&self, container: &Container, condition: Condition) -> bool {
        if self.history(container).to_start {
            return false;
        }
        match condition {
            Condition::Completed => container.status == Status::Exited && container.exit_code == 0,
            Condition::Started => {
                container.status == Status::Running
                    || oneshot::is_finished(self.project, container, self.containers)
            }
            Condition::Healthy => {
                let health = container.health.as_ref().map(|health| health.status);
                container.status == Status::Running
                    && matches!(health, None | Some(HealthStatus::Healthy))
            }
        }
    }

    fn of<'b>(&'b self, service: &'b str) -> impl Iterator<Item = &'b Container> {
        self.containers.iter().filter(move |container| container.service == service)
    }

    fn history(&self, container: &Container) -> History {
        self.history.get(&container.id).copied().unwrap_or_default()
    }

    /// The verdict over a service as if it depended on nothing: that of its worst container.
    fn alone(&self, service: &str) -> Verdict {
        let wanted = self.project.model.services.get(service).map_or(1, |s| s.replicas as usize);
        let verdicts: Vec<Verdict> = self.of(service).map(|c| self.of_container(c)).collect();
        if verdicts.len() < wanted {
            return Verdict::Pending(format!("{} of {wanted} containers", verdicts.len()));
        }
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Failed(_) => 0,
            Verdict::Pending(_) => 1,
            Verdict::Ready => 2,
            Verdict::Done => 3,
        };
        verdicts.into_iter().min_by_key(rank).unwrap_or(Verdict::Done)
    }

    fn of_container(&self, container: &Container) -> Verdict {
        let history = self.history(container);
        let restarts = container.restart_count - history.restarts_before;
        let failed = |kind| Verdict::Failed(Fault { container: container.id.clone(), kind });
        if history.to_start {
            return Verdict::Pending("not started yet".to_owned());
        }
        if restarts >= RESTARTS && !is_healthy(container) {
            return failed(FaultKind::CrashLoop { restarts, code: container.exit_code });
        }
        match container.status {
            Status::Running => self.of_running(container, history),
            Status::Exited | Status::Dead => self.of_exited(container),
            Status::Restarting => {
                Verdict::Pending(format!("exited {}, restarting", container.exit_code))
            }
            other => Verdict::Pending(other.as_str().to_owned()),
        }
    }

    fn of_running(&self, container: &Container, history: History) -> Verdict {
        let Some(health) = &container.health else {
            return if self.project.one_shots.contains(&container.service) {
                Verdict::Pending("still running".to_owned())
            } else if history.steady_in(container).is_some() {
                Verdict::Pending("just started".to_owned())
            } else {
                Verdict::Ready
            };
        };
        if health.status == HealthStatus::Healthy {
            return Verdict::Ready;
        }
        let probe = health.log.last().map(|probe| format!(": {}", shorten(probe)));
        Verdict::Pending(format!("health {}{}", health.status.as_str(), probe.unwrap_or_default()))
    }

    fn of_exited(&self, container: &Container) -> Verdict {
        if container.interrupted {
            return Verdict::Pending("stopped to make way for the cluster".to_owned());
        }
        let declared = oneshot::is_declared(self.project, container);
        let code = container.exit_code;
        let kind = match code {
            _ if container.oom_killed => FaultKind::OutOfMemory,
            0 if declared => return Verdict::Done,
            0 => return self.of_undeclared_end(container),
            code if declared => FaultKind::OneShot { code },
            code => FaultKind::Exited { code },
        };
        Verdict::Failed(Fault { container: container.id.clone(), kind })
    }

    /// An exit 0 that nobody declared: fine beside a service that runs, a failure when nothing
    /// else does, and open as long as something else may still come up.
    fn of_undeclared_end(&self, container: &Container) -> Verdict {
        let mut others = self.containers.iter().filter(|c| c.service != container.service);
        let runs = |c: &Container| c.status == Status::Running;
        if oneshot::looks_like_one(self.project, container) && others.clone().any(runs) {
            return Verdict::Done;
        }
        let may_come = |c: &Container| {
            self.history(c).to_start || matches!(c.status, Status::Restarting | Status::Created)
        };
        if oneshot::looks_like_one(self.project, container) && others.any(may_come) {
            return Verdict::Pending("exited 0 before anything else runs".to_owned());
        }
        let kind = FaultKind::Exited { code: 0 };
        Verdict::Failed(Fault { container: container.id.clone(), kind })
    }
}

impl FaultKind {
    /// What happened, to follow the service's name.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::CrashLoop { restarts, code } => {
                format!("restarted {restarts} times, last exit {code}")
            }
            Self::Exited { code } | Self::OneShot { code } => format!("exited {code}"),
            Self::OutOfMemory => "ran out of memory".to_owned(),
        }
    }
}

fn is_healthy(container: &Container) -> bool {
    container.status == Status::Running
        && container.health.as_ref().is_some_and(|health| health.status == HealthStatus::Healthy)
}

/// The first 80 characters: a healthcheck may print pages.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
