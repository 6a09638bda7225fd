//! What one wait knows about the containers that it watches: their last state, since when, how
//! often they restarted before, and which are still to be started. No engine calls, no verdicts.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::project::Project;
use super::readiness::{History, Situation};
use crate::event::Probe;
use crate::host::containers::{Container, RestartPolicy, Status};

/// The ledger of one wait.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<String, Entry>,
    to_start: BTreeSet<String>,
    /// Containers that exited while a dependency was not ready.
    excused: BTreeSet<String>,
    /// Containers that got their second chance.
    helped: BTreeSet<String>,
    probes: Vec<Probe>,
    probe_count: u32,
    known: bool,
}

#[derive(Debug)]
struct Entry {
    container: Container,
    restarts_before: i64,
    /// When this run of it was first seen; `None` when it was up before the wait.
    since: Option<Instant>,
}

impl Ledger {
    /// A ledger that knows only which containers are to be started.
    pub(super) fn new(to_start: BTreeSet<String>) -> Self {
        Self { to_start, ..Self::default() }
    }

    /// Whether a snapshot has been seen.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Takes a snapshot: what is not in it is gone.
    pub(super) fn replace(&mut self, containers: Vec<Container>, now: Instant) {
        let ids: BTreeSet<String> = containers.iter().map(|c| c.id.clone()).collect();
        self.entries.retain(|id, _| ids.contains(id));
        for container in containers {
            self.learn(container, now);
        }
        self.known = true;
    }

    /// Takes the state of one container, unless a later run of it is known already.
    pub(super) fn learn(&mut self, container: Container, now: Instant) {
        let known = self.entries.get(&container.id);
        if known.is_some_and(|entry| entry.container.started_at > container.started_at) {
            return;
        }
        self.note(&container);
        let up_before = !self.known && container.restart_count == 0;
        let entry = self.entries.entry(container.id.clone()).or_insert_with(|| Entry {
            restarts_before: if self.known { 0 } else { container.restart_count },
            since: (!up_before).then_some(now),
            container: container.clone(),
        });
        if entry.container.started_at != container.started_at {
            entry.since = Some(now);
        }
        // The engine counts from 0 again when somebody starts the container.
        entry.restarts_before = entry.restarts_before.min(container.restart_count);
        entry.container = container;
    }

    /// Takes the state that was read right after a start. It came past the order of the watch, so
    /// it counts only when the watch has not shown this run yet.
    pub(super) fn learn_started(&mut self, container: Container, now: Instant) {
        let known = self.entries.get_mut(&container.id);
        match known.filter(|entry| entry.container.started_at >= container.started_at) {
            // No event tells that the mark of an interruption went.
            Some(entry) => entry.container.interrupted = container.interrupted,
            None => self.learn(container, now),
        }
    }

    /// Forgets a container that is gone.
    pub(super) fn forget(&mut self, id: &str) {
        self.entries.remove(id);
    }

    /// Notes that the container was started.
    pub(super) fn was_started(&mut self, id: &str) {
        self.to_start.remove(id);
    }

    /// Whether the container is still to be started.
    pub(super) fn is_to_start(&self, id: &str) -> bool {
        self.to_start.contains(id)
    }

    /// The containers, as last seen.
    pub(super) fn containers(&self) -> Vec<Container> {
        self.entries.values().map(|entry| entry.container.clone()).collect()
    }

    /// What is known of each container beside its state.
    pub(super) fn history(&self, now: Instant) -> BTreeMap<String, History> {
        let history = |(id, entry): (&String, &Entry)| {
            let history = History {
                restarts_before: entry.restarts_before,
                watched: entry.since.map(|since| now.saturating_duration_since(since)),
                to_start: self.to_start.contains(id),
            };
            (id.clone(), history)
        };
        self.entries.iter().map(history).collect()
    }

    /// When the next container has been up long enough to count.
    pub(super) fn next_steady(&self, now: Instant) -> Option<Instant> {
        let history = self.history(now);
        let running = self.entries.values().map(|entry| &entry.container);
        running
            .filter(|c| c.status == Status::Running && c.health.is_none())
            .filter_map(|c| history.get(&c.id)?.steady_in(c))
            .min()
            .map(|remaining| now + remaining)
    }

    /// Forgives what happened while a dependency was not ready: restarts are counted anew, and a
    /// container that ended then, and that nobody restarts, is started once more.
    pub(super) fn give_second_chances(
        &mut self,
        project: &Project,
        containers: &[Container],
        now: Instant,
    ) {
        let history = self.history(now);
        let situation = Situation { project, containers, history: &history };
        for container in containers {
            let blocked = situation.blocker(&container.service).is_some();
            let ended = container.status == Status::Exited
                && container.exit_code != 0
                && container.restart_policy == RestartPolicy::Never;
            let Some(entry) = self.entries.get_mut(&container.id) else { continue };
            if blocked {
                entry.restarts_before = container.restart_count;
                if ended {
                    self.excused.insert(container.id.clone());
                }
            } else if self.excused.remove(&container.id)
                && ended
                && self.helped.insert(container.id.clone())
            {
                self.to_start.insert(container.id.clone());
            }
        }
    }

    /// The changes of health and the ends since the last call.
    pub(super) fn take_probes(&mut self) -> Vec<Probe> {
        std::mem::take(&mut self.probes)
    }

    /// Turns a change of health, or an end, into an event.
    fn note(&mut self, container: &Container) {
        let state = |c: &Container| (c.health.as_ref().map(|h| h.status), c.status, c.started_at);
        let before = self.entries.get(&container.id).map(|entry| state(&entry.container));
        if before == Some(state(container)) || (before.is_none() && !self.known) {
            return;
        }
        let health = container.health.as_ref().filter(|_| container.status == Status::Running);
        let detail = match (health, container.status) {
            (Some(health), _) => format!("{} {}", container.name, health.status.as_str()),
            (None, Status::Exited) => format!("{} exited {}", container.name, container.exit_code),
            (None, status) => format!("{} {}", container.name, status.as_str()),
        };
        self.probe_count += 1;
        self.probes.push(Probe {
            step: String::new(),
            kind: "container".to_owned(),
            from: "docker".to_owned(),
            ok: is_good(container),
            detail,
            latency_ms: 0,
            n: self.probe_count,
        });
    }
}

fn is_good(container: &Container) -> bool {
    use crate::host::containers::HealthStatus::Healthy;
    match container.status {
        Status::Running => container.health.as_ref().is_none_or(|h| h.status == Healthy),
        Status::Exited => container.exit_code == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixtures::{container, health, project};
    use super::*;
    use crate::host::containers::HealthStatus;

    fn restarted(mut container: Container, at: &str, count: i64) -> Container {
        container.started_at = at.parse().ok();
        container.restart_count = count;
        container
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_up_before_the_wait_counts_at_once_and_a_new_run_does_not() {
        let mut ledger = Ledger::new(BTreeSet::new());
        let now = Instant::now();
        ledger.replace(vec![container("api")], now);
        assert_eq!(ledger.next_steady(now), None);
        ledger.learn(restarted(container("api"), "2026-01-01T12:00:00Z", 0), now);
        assert_eq!(ledger.next_steady(now), Some(now + Duration::from_millis(500)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_report_does_not_replace_a_later_run() {
        let mut ledger = Ledger::new(BTreeSet::new());
        let now = Instant::now();
        ledger.replace(vec![restarted(container("api"), "2026-01-01T12:00:00Z", 0)], now);
        let mut stale = container("api");
        stale.status = Status::Exited;
        ledger.learn(stale, now);
        assert_eq!(ledger.containers()[0].status, Status::Running);
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_the_engine_reset_lowers_the_baseline() {
        let mut ledger = Ledger::new(BTreeSet::new());
        let now = Instant::now();
        ledger.replace(vec![restarted(container("api"), "2026-01-01T10:00:00Z", 7)], now);
        ledger.learn(restarted(container("api"), "2026-01-01T10:01:00Z", 1), now);
        assert_eq!(ledger.history(now)["id-api"].restarts_before, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_ended_while_blocked_is_started_once_more() {
        let project = project(
            r#"{"db":{"image":"x"},"api":{"image":"x","depends_on":{"db":{"condition":"service_healthy"}}}}"#,
        );
        let mut db = container("db");
        db.health = Some(health(HealthStatus::Starting, ""));
        let mut api = container("api");
        api.status = Status::Exited;
        api.exit_code = 1;
        let mut ledger = Ledger::new(BTreeSet::new());
        let now = Instant::now();
        ledger.replace(vec![db.clone(), api], now);
        ledger.give_second_chances(&project, &ledger.containers(), now);
        assert!(!ledger.is_to_start("id-api"));
        db.health = Some(health(HealthStatus::Healthy, ""));
        ledger.learn(db, now);
        ledger.give_second_chances(&project, &ledger.containers(), now);
        assert!(ledger.is_to_start("id-api"));
        ledger.was_started("id-api");
        ledger.give_second_chances(&project, &ledger.containers(), now);
        assert!(!ledger.is_to_start("id-api"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_changes_become_events() {
        let mut ledger = Ledger::new(BTreeSet::new());
        let now = Instant::now();
        let mut db = container("db");
        db.health = Some(health(HealthStatus::Starting, ""));
        ledger.replace(vec![db.clone()], now);
        assert!(ledger.take_probes().is_empty());
        db.health = Some(health(HealthStatus::Healthy, ""));
        ledger.learn(db.clone(), now);
        ledger.learn(db, now);
        let probes = ledger.take_probes();
        assert_eq!(probes.len(), 1);
        assert_eq!((probes[0].detail.as_str(), probes[0].ok), ("demo-db-1 healthy", true));
    }
}
