//! Values that the tests of this folder share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::model::Model;
use super::project::Project;
use crate::drivers::compose::Invocation;
use crate::host::containers::{Container, Health, HealthStatus, RestartPolicy, Status};
use crate::redact::Secret;

/// A project `demo` with these services, in the form of `config --format json`; all selected, each
/// with the hash `hash`.
pub(super) fn project(services: &str) -> Project {
    let model = Model::parse(&format!(r#"{{"name":"demo","services":{services}}}"#));
    let model = model.expect("a model");
    let names: BTreeSet<String> = model.services.keys().cloned().collect();
    Project {
        invocation: Invocation {
            files: vec![PathBuf::from("/p/compose.yml")],
            env_files: Vec::new(),
            profiles: Vec::new(),
            project: None,
            cwd: PathBuf::from("/p"),
            env: BTreeMap::new(),
            plugin: None,
            stand_in: None,
        },
        compose: "2.26.1".to_owned(),
        hashes: names.iter().map(|name| (name.clone(), "hash".to_owned())).collect(),
        selected: names,
        wanted: Vec::new(),
        resolved: Secret::new("{}"),
        one_shots: model.declared_one_shots(),
        optional: BTreeSet::new(),
        unset_variables: Vec::new(),
        model,
    }
}

/// A running container of a service, up to date, without healthcheck.
pub(super) fn container(service: &str) -> Container {
    Container {
        id: format!("id-{service}"),
        name: format!("demo-{service}-1"),
        service: service.to_owned(),
        number: 1,
        one_off: false,
        config_hash: "hash".to_owned(),
        working_dir: "/p".to_owned(),
        image_id: "sha256:x".to_owned(),
        status: Status::Running,
        exit_code: 0,
        oom_killed: false,
        error: String::new(),
        health: None,
        started_at: "2026-01-01T10:00:00Z".parse().ok(),
        finished_at: None,
        restart_count: 0,
        restart_policy: RestartPolicy::Never,
        interrupted: false,
        networks: BTreeMap::from([("demo_default".to_owned(), "n1".to_owned())]),
        volumes: Vec::new(),
        ports: Vec::new(),
    }
}

/// Health with one probe in its log.
pub(super) fn health(status: HealthStatus, probe: &str) -> Health {
    Health { status, failing_streak: 1, log: vec![probe.to_owned()] }
}
