//! One container as the engine describes it, reduced to what decisions need. No engine calls.

use std::collections::BTreeMap;

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as EngineStatus,
    Health as EngineHealth, HealthStatusEnum, NetworkSettings,
};
use jiff::Timestamp;

use super::interruption;

/// One container of a compose project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the leading slash.
    pub name: String,
    /// The compose service.
    pub service: String,
    /// Number among the service's replicas, from 1.
    pub number: u32,
    /// Whether `compose run` made it.
    pub one_off: bool,
    /// Hash of the service's configuration when it was made.
    pub config_hash: String,
    /// Folder of the compose files that it was made from.
    pub working_dir: String,
    /// Id of its image.
    pub image_id: String,
    /// Where it is in its life.
    pub status: Status,
    /// Exit code of the last run.
    pub exit_code: i64,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// What the engine says about a start that failed.
    pub error: String,
    /// Health, where it has a healthcheck.
    pub health: Option<Health>,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// When it last ended.
    pub finished_at: Option<Timestamp>,
    /// Restarts by the engine since somebody last started it.
    pub restart_count: i64,
    /// What the engine does when it ends; while it is interrupted, what the engine did before.
    pub restart_policy: RestartPolicy,
    /// Whether it was stopped only for a while and has to come back; see `interruption`.
    pub interrupted: bool,
    /// Network name to the network id that it holds; empty before the first start.
    pub networks: BTreeMap<String, String>,
    /// Names of the volumes that it mounts.
    pub volumes: Vec<String>,
    /// Ports published on the host now.
    pub ports: Vec<PublishedPort>,
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Made, never started.
    Created,
    /// Broken: the engine could not remove it.
    Dead,
    /// Over.
    Exited,
    /// Halted in place.
    Paused,
    /// On its way out.
    Removing,
    /// Between two runs: the engine starts it again.
    Restarting,
    /// Up.
    Running,
}

impl Status {
    /// The word that Docker uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Dead => "dead",
            Self::Exited => "exited",
            Self::Paused => "paused",
            Self::Removing => "removing",
            Self::Restarting => "restarting",
            Self::Running => "running",
        }
    }
}

/// What the engine does when a container ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Starts it again, however it ended.
    Always,
    /// Leaves it.
    Never,
    /// Starts it again after a failure, this often; 0 is without end.
    OnFailure(i64),
    /// As `Always`, unless somebody stopped it.
    UnlessStopped,
}

/// Health of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What the engine concludes.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: i64,
    /// The last probes, oldest first, each in one line.
    pub log: Vec<String>,
}

/// What the engine concludes from a healthcheck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthStatus {
    /// The last probe was good.
    Healthy,
    /// Not decided yet.
    Starting,
    /// Too many probes in a row were bad.
    Unhealthy,
}

impl HealthStatus {
    /// The word that Docker uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Starting => "starting",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A port published on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    /// Port on the host.
    pub host: u16,
    /// Port inside.
    pub container: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

impl Container {
    /// What an inspection says; `None` for a container that compose did not make.
    #[must_use]
    pub fn from_engine(answer: ContainerInspectResponse) -> Option<Self> {
        let labels = answer.config.and_then(|config| config.labels).unwrap_or_default();
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let state = answer.state.unwrap_or_default();
        let network_settings = answer.network_settings.unwrap_or_default();
        let policy = answer.host_config.and_then(|host| host.restart_policy);
        let (restart_policy, interrupted) = interruption::read(policy);
        let mounts = answer.mounts.unwrap_or_default();
        Some(Self {
            id: answer.id?,
            name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            service: labels.get("com.docker.compose.service")?.clone(),
            number: label("com.docker.compose.container-number").parse().unwrap_or(1),
            one_off: label("com.docker.compose.oneoff").eq_ignore_ascii_case("true"),
            config_hash: label("com.docker.compose.config-hash"),
            working_dir: label("com.docker.compose.project.working_dir"),
            image_id: answer.image.unwrap_or_default(),
            status: status(&state),
            exit_code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
            error: state.error.clone().unwrap_or_default(),
            started_at: timestamp(state.started_at.as_deref()),
            finished_at: timestamp(state.finished_at.as_deref()),
            health: state.health.and_then(health),
            restart_count: answer.restart_count.unwrap_or_default(),
            restart_policy,
            interrupted,
            networks: networks(&network_settings),
            volumes: mounts.into_iter().filter_map(|mount| mount.name).collect(),
            ports: ports(&network_settings),
        })
    }
}

/// Where the engine says that a container is in its life.
pub(in crate::host) fn status(state: &ContainerState) -> Status {
    match state.status.unwrap_or(EngineStatus::EMPTY) {
        EngineStatus::RUNNING | EngineStatus::STOPPING => Status::Running,
        EngineStatus::PAUSED => Status::Paused,
        EngineStatus::RESTARTING => Status::Restarting,
        EngineStatus::REMOVING => Status::Removing,
        EngineStatus::EXITED => Status::Exited,
        EngineStatus::DEAD => Status::Dead,
        EngineStatus::CREATED | EngineStatus::EMPTY => Status::Created,
    }
}

/// A moment as the engine writes it; year 1 stands for "never".
pub(in crate::host) fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    text.filter(|text| !text.starts_with("0001-")).and_then(|text| text.parse().ok())
}

fn health(health: EngineHealth) -> Option<Health> {
    let status = match health.status? {
        HealthStatusEnum::HEALTHY => HealthStatus::Healthy,
        HealthStatusEnum::STARTING => HealthStatus::Starting,
        HealthStatusEnum::UNHEALTHY => HealthStatus::Unhealthy,
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => return None,
    };
    let probes = health.log.unwrap_or_default();
    let log = probes.into_iter().map(|probe| {
        let output = probe.output.unwrap_or_default();
        let line = output.split_whitespace().collect::<Vec<_>>().join(" ");
        let exit = probe.exit_code.unwrap_or_default();
        if line.is_empty() { format!("exit {exit}") } else { format!("exit {exit}: {line}") }
    });
    Some(Health {
        status,
        failing_streak: health.failing_streak.unwrap_or_default(),
        log: log.collect(),
    })
}

fn networks(settings: &NetworkSettings) -> BTreeMap<String, String> {
    let networks = settings.networks.iter().flatten();
    networks
        .filter_map(|(name, endpoint)| Some((name.clone(), endpoint.network_id.clone()?)))
        .filter(|(_, id)| !id.is_empty())
        .collect()
}

/// The engine lists a port once for IPv4 and once for IPv6.
fn ports(settings: &NetworkSettings) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for (inside, bindings) in settings.ports.iter().flatten() {
        let (port, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
        for binding in bindings.iter().flatten() {
            let host = binding.host_port.as_deref().and_then(|port| port.parse().ok());
            if let (Some(host), Ok(container)) = (host, port.parse()) {
                ports.push(PublishedPort { host, container, protocol: protocol.to_owned() });
            }
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_json(json: serde_json::Value) -> Container {
        let answer = serde_json::from_value(json).expect("an inspection");
        Container::from_engine(answer).expect("a compose container")
    }

    #[test]
    fn an_inspection_is_reduced_to_what_decisions_need() {
        let container = from_json(serde_json::json!({
            "Id": "f95", "Name": "/demo-db-1", "Image": "sha256:cff", "RestartCount": 2,
            "State": {"Status": "running", "ExitCode": 0, "OOMKilled": false,
                "StartedAt": "2026-11-21T11:23:16.238400062Z", "FinishedAt": "0001-01-01T00:00:00Z",
                "Health": {"Status": "unhealthy", "FailingStreak": 3, "Log": [
                    {"ExitCode": 1, "Output": "connection\n refused\n"}]}},
            "HostConfig": {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}},
            "Mounts": [{"Type": "volume", "Name": "demo_data"}],
            "Config": {"Labels": {"com.docker.compose.service": "db",
                "com.docker.compose.container-number": "1", "com.docker.compose.oneoff": "False",
                "com.docker.compose.config-hash": "abc"}},
            "NetworkSettings": {
                "Networks": {"demo_default": {"NetworkID": "n1"}, "other": {"NetworkID": ""}},
                "Ports": {"5432/tcp": [{"HostIp": "0.0.0.0", "HostPort": "15432"},
                    {"HostIp": "::", "HostPort": "15432"}], "9/udp": null}}
        }));
        assert_eq!((container.name.as_str(), container.service.as_str()), ("demo-db-1", "db"));
        assert_eq!(container.status, Status::Running);
        assert_eq!(container.restart_policy, RestartPolicy::UnlessStopped);
        assert!(!container.interrupted);
        assert_eq!(container.networks, BTreeMap::from([("demo_default".into(), "n1".into())]));
        let port = PublishedPort { host: 15432, container: 5432, protocol: "tcp".into() };
        assert_eq!(container.ports, [port]);
        let health = container.health.expect("health");
        assert_eq!(health.log, ["exit 1: connection refused"]);
        assert!(container.started_at.is_some() && container.finished_at.is_none());
    }

    #[test]
    fn a_container_without_compose_labels_is_none() {
        let answer = serde_json::from_value(serde_json::json!({"Id": "x"})).expect("an inspection");
        assert_eq!(Container::from_engine(answer), None);
    }
}
