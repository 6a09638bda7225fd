//! The resolved model of a compose project, as `docker compose config --format json` prints it,
//! reduced to what mlup decides on. Seen with compose 2.26; fields that other 2.x and 5.x add are
//! ignored, both spellings of those that changed are read. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::host::ports::Protocol;

/// A compose project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// The project's name.
    pub(super) name: String,
    /// Services by name.
    pub(super) services: BTreeMap<String, Service>,
    /// Networks by key.
    pub(super) networks: BTreeMap<String, Resource>,
    /// Volumes by key.
    pub(super) volumes: BTreeMap<String, Resource>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Service {
    /// Image reference, the one that compose gives a build included.
    pub(super) image: String,
    /// Whether compose can build it.
    pub(super) build: bool,
    /// When its image is pulled.
    pub(super) pull: PullPolicy,
    /// Services that it depends on.
    pub(super) depends_on: BTreeMap<String, Dependency>,
    /// Host ports that it publishes, ranges spelt out.
    pub(super) ports: Vec<HostPort>,
    /// Keys of its networks.
    pub(super) networks: Vec<String>,
    /// Keys of its named volumes.
    pub(super) volumes: Vec<String>,
    /// Containers wanted.
    pub(super) replicas: u32,
    /// Whether it has hooks, which only compose runs.
    pub(super) hooks: bool,
    /// Its `network_mode`, where that is not the namespace of another service.
    pub(super) network_mode: Option<String>,
    /// Services whose namespaces or volumes it shares, or that it links to.
    pub(super) shares: BTreeSet<String>,
    /// Containers that are none of the project's and that it shares something with or links to.
    pub(super) strangers: Vec<String>,
    /// Paths of this machine that it mounts or reads.
    pub(super) files: Vec<PathBuf>,
    /// Whether it is sure to stay up: it is restarted, has a healthcheck or publishes a port.
    pub(super) stays_up: bool,
}

impl Service {
    /// The services that compose makes with it.
    pub(super) fn companions(&self) -> impl Iterator<Item = &String> {
        self.depends_on.keys().chain(&self.shares)
    }
}

/// What a service needs of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// What must hold.
    pub(super) condition: Condition,
    /// Whether it can do without.
    pub(super) required: bool,
}

/// What must hold of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It exited 0.
    Completed,
    /// It is healthy.
    Healthy,
    /// It was started.
    Started,
}

/// When an image is pulled or built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PullPolicy {
    /// On every start.
    Always,
    /// Built on every start.
    Build,
    /// When it is not there.
    #[default]
    Missing,
    /// Never.
    Never,
}

/// A port wanted on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostPort {
    /// The port.
    pub(super) port: u16,
    /// Its transport.
    pub(super) protocol: Protocol,
}

/// A network or volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its name in Docker.
    pub(super) name: String,
    /// Whether somebody else makes it.
    pub(super) external: bool,
}

impl Model {
    /// Reads the output of `config --format json`.
    pub(super) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let raw: RawModel = serde_json::from_str(json)?;
        let contents = Contents { configs: &raw.configs, secrets: &raw.secrets };
        let services = raw.services.into_iter().map(|(name, service)| {
            let fallback = format!("{}-{name}", raw.name);
            let files = contents.files(&service);
            (name, Service { files, ..service.into_service(fallback) })
        });
        let services = services.collect();
        let resources = |raw: BTreeMap<String, Option<RawResource>>| {
            raw.into_iter().map(|(key, resource)| resource_of(key, resource)).collect()
        };
        Ok(Self {
            services,
            networks: resources(raw.networks),
            volumes: resources(raw.volumes),
            name: raw.name,
        })
    }

    /// The services and everything that they depend on; no names means all.
    pub(super) fn closure(&self, wanted: &[String]) -> BTreeSet<String> {
        if wanted.is_empty() {
            return self.services.keys().cloned().collect();
        }
        let mut todo: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let mut found = BTreeSet::new();
        while let Some(name) = todo.pop() {
            let Some(service) = self.services.get(name) else { continue };
            if found.insert(name.to_owned()) {
                todo.extend(service.depends_on.keys().map(String::as_str));
            }
        }
        found
    }

    /// Services that another one needs completed: one-shots by declaration.
    pub(super) fn declared_one_shots(&self) -> BTreeSet<String> {
        let edges = self.services.values().flat_map(|service| &service.depends_on);
        edges
            .filter(|(_, dependency)| dependency.condition == Condition::Completed)
            .map(|(name, _)| name.clone())
            .collect()
    }
}

#[derive(Deserialize)]
struct RawModel {
    #[serde(default)]
    name: String,
    #[serde(default)]
    services: BTreeMap<String, RawService>,
    #[serde(default)]
    networks: BTreeMap<String, Option<RawResource>>,
    #[serde(default)]
    volumes: BTreeMap<String, Option<RawResource>>,
    #[serde(default)]
    configs: BTreeMap<String, Option<RawContent>>,
    #[serde(default)]
    secrets: BTreeMap<String, Option<RawContent>>,
}

#[derive(Deserialize)]
struct RawService {
    image: Option<String>,
    build: Option<Value>,
    pull_policy: Option<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, RawDependency>,
    #[serde(default)]
    ports: Vec<RawPort>,
    networks: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    volumes: Vec<RawMount>,
    deploy: Option<RawDeploy>,
    scale: Option<u32>,
    #[serde(default)]
    post_start: Vec<Value>,
    network_mode: Option<String>,
    ipc: Option<String>,
    pid: Option<String>,
    #[serde(default)]
    links: Vec<String>,
    #[serde(default)]
    external_links: Vec<String>,
    #[serde(default)]
    volumes_from: Vec<String>,
    restart: Option<String>,
    healthcheck: Option<RawHealthcheck>,
    #[serde(default)]
    configs: Vec<RawUse>,
    #[serde(default)]
    secrets: Vec<RawUse>,
    env_file: Option<Value>,
}

#[derive(Deserialize)]
struct RawDependency {
    condition: Option<String>,
    #[serde(default = "yes")]
    required: bool,
}

#[derive(Deserialize)]
struct RawPort {
    published: Option<Value>,
    protocol: Option<String>,
}

#[derive(Deserialize)]
struct RawMount {
    #[serde(rename = "type")]
    kind: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct RawDeploy {
    replicas: Option<u32>,
    restart_policy: Option<RawRestart>,
}

#[derive(Deserialize)]
struct RawRestart {
    condition: Option<String>,
}

#[derive(Deserialize)]
struct RawHealthcheck {
    #[serde(default)]
    disable: bool,
    test: Option<Value>,
}

/// A config or secret.
#[derive(Deserialize)]
struct RawContent {
    file: Option<PathBuf>,
}

/// The use of a config or secret by a service.
#[derive(Deserialize)]
struct RawUse {
    source: Option<String>,
}

/// The configs and secrets of a project.
struct Contents<'a> {
    configs: &'a BTreeMap<String, Option<RawContent>>,
    secrets: &'a BTreeMap<String, Option<RawContent>>,
}

impl Contents<'_> {
    /// Every path of this machine that the service mounts or reads.
    fn files(&self, service: &RawService) -> Vec<PathBuf> {
        let binds = service.volumes.iter().filter(|mount| mount.kind.as_deref() == Some("bind"));
        let binds = binds.filter_map(|mount| mount.source.as_ref().map(PathBuf::from));
        let used = |uses: &[RawUse], all: &BTreeMap<String, Option<RawContent>>| -> Vec<PathBuf> {
            let named = uses.iter().filter_map(|used| all.get(used.source.as_ref()?)?.as_ref());
            named.filter_map(|content| content.file.clone()).collect()
        };
        let env_files = match &service.env_file {
            Some(Value::Array(all)) => all.iter().filter_map(env_file).collect(),
            Some(one) => env_file(one).into_iter().collect(),
            None => Vec::new(),
        };
        let configs = used(&service.configs, self.configs);
        let secrets = used(&service.secrets, self.secrets);
        binds.chain(configs).chain(secrets).chain(env_files).collect()
    }
}

/// An entry of `env_file`: a path, or since 2.24 a table with one.
fn env_file(entry: &Value) -> Option<PathBuf> {
    entry.as_str().or_else(|| entry.get("path")?.as_str()).map(PathBuf::from)
}

#[derive(Deserialize)]
struct RawResource {
    name: Option<String>,
    external: Option<Value>,
}

fn yes() -> bool {
    true
}

impl RawService {
    fn into_service(self, fallback_image: String) -> Service {
        let dependency = |raw: &RawDependency| Dependency {
            condition: match raw.condition.as_deref() {
                Some("service_healthy") => Condition::Healthy,
                Some("service_completed_successfully") => Condition::Completed,
                _ => Condition::Started,
            },
            required: raw.required,
        };
        let ports: Vec<HostPort> = self.ports.iter().filter_map(RawPort::host_port).collect();
        let (shares, strangers) = self.shares();
        let stays_up = !self.ports.is_empty() || self.is_restarted() || self.is_checked();
        let network_mode = self.network_mode.filter(|mode| !mode.starts_with("service:"));
        let mounts = self.volumes.into_iter().filter(|m| m.kind.as_deref() == Some("volume"));
        Service {
            image: self.image.unwrap_or(fallback_image),
            build: self.build.is_some(),
            pull: match self.pull_policy.as_deref() {
                Some("always") => PullPolicy::Always,
                Some("build") => PullPolicy::Build,
                Some("never") => PullPolicy::Never,
                _ => PullPolicy::Missing,
            },
            depends_on: self
                .depends_on
                .iter()
                .map(|(n, raw)| (n.clone(), dependency(raw)))
                .collect(),
            ports,
            networks: self.networks.unwrap_or_default().into_keys().collect(),
            volumes: mounts.filter_map(|mount| mount.source).collect(),
            replicas: self.scale.or(self.deploy.and_then(|d| d.replicas)).unwrap_or(1),
            hooks: !self.post_start.is_empty(),
            network_mode,
            shares,
            strangers,
            files: Vec::new(),
            stays_up,
        }
    }

    /// The services that it shares something with or links to, and the containers of others.
    fn shares(&self) -> (BTreeSet<String>, Vec<String>) {
        let namespaces = [&self.network_mode, &self.ipc, &self.pid].into_iter().flatten();
        let mut strangers = self.external_links.clone();
        let mut services = BTreeSet::new();
        for namespace in namespaces.clone() {
            services.extend(namespace.strip_prefix("service:").map(str::to_owned));
        }
        for shared in namespaces.chain(&self.volumes_from) {
            strangers.extend(shared.strip_prefix("container:").map(str::to_owned));
        }
        let named = self.volumes_from.iter().chain(&self.links);
        let named = named.filter(|name| !name.starts_with("container:"));
        services.extend(named.filter_map(|name| name.split(':').next()).map(str::to_owned));
        (services, strangers)
    }

    fn is_restarted(&self) -> bool {
        let swarm = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
        let policy = swarm.and_then(|policy| policy.condition.as_ref()).or(self.restart.as_ref());
        policy.is_some_and(|policy| !matches!(policy.as_str(), "no" | "none"))
    }

    fn is_checked(&self) -> bool {
        let none = |test: &Value| test.get(0).and_then(Value::as_str) == Some("NONE");
        let check = self.healthcheck.as_ref().filter(|check| !check.disable);
        check.is_some_and(|check| check.test.as_ref().is_some_and(|test| !none(test)))
    }
}

impl RawPort {
    /// The fixed host port; a range of which the engine picks one is no fixed port.
    fn host_port(&self) -> Option<HostPort> {
        let published = match self.published.as_ref()? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let port = published.parse().ok().filter(|port| *port != 0)?;
        let protocol = match self.protocol.as_deref() {
            Some("udp") => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        Some(HostPort { port, protocol })
    }
}

fn resource_of(key: String, raw: Option<RawResource>) -> (String, Resource) {
    let (name, external) = raw.map_or((None, None), |raw| (raw.name, raw.external));
    let external = match external {
        None | Some(Value::Null) => false,
        Some(Value::Bool(external)) => external,
        Some(_) => true,
    };
    let resource = Resource { name: name.unwrap_or_else(|| key.clone()), external };
    (key, resource)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Captured from compose 2.26.1, shortened.
    const CAPTURED: &str = r#"{
      "name": "demo",
      "networks": {"default": {"name": "demo_default", "ipam": {}},
                   "ext": {"name": "mlnet", "ipam": {}, "external": true}},
      "services": {
        "api": {"build": {"context": "/p", "dockerfile": "Dockerfile"}, "command": null,
          "depends_on": {"mig": {"condition": "service_completed_successfully", "required": true},
                         "opt": {"condition": "service_started", "required": false}},
          "networks": {"default": null, "ext": null},
          "ports": [{"mode": "ingress", "target": 80, "published": "18765", "protocol": "tcp"},
                    {"mode": "ingress", "target": 81, "protocol": "tcp"}]},
        "mig": {"image": "bb:1", "depends_on": {"db": {"condition": "service_healthy", "required": true}}},
        "db": {"image": "bb:1", "deploy": {"replicas": 2}, "pull_policy": "always",
          "volumes": [{"type": "volume", "source": "data", "target": "/d"},
                      {"type": "bind", "source": "/x", "target": "/x"}]},
        "opt": {"image": "bb:1", "scale": 0}
      },
      "volumes": {"data": {"name": "demo_data"}}
    }"#;

    #[test]
    fn the_captured_model_is_read() {
        let model = Model::parse(CAPTURED).expect("a model");
        assert_eq!(model.name, "demo");
        let api = &model.services["api"];
        assert_eq!((api.image.as_str(), api.build, api.replicas), ("demo-api", true, 1));
        assert_eq!(api.ports, [HostPort { port: 18765, protocol: Protocol::Tcp }]);
        assert_eq!(api.depends_on["mig"].condition, Condition::Completed);
        assert!(!api.depends_on["opt"].required);
        let db = &model.services["db"];
        assert_eq!((db.replicas, db.pull), (2, PullPolicy::Always));
        assert_eq!(db.volumes, ["data"]);
        assert_eq!(model.services["opt"].replicas, 0);
        assert!(model.networks["ext"].external && !model.networks["default"].external);
        assert_eq!(model.volumes["data"].name, "demo_data");
    }

    #[test]
    fn the_closure_follows_dependencies() {
        let model = Model::parse(CAPTURED).expect("a model");
        let names: Vec<String> = model.closure(&["mig".to_owned()]).into_iter().collect();
        assert_eq!(names, ["db", "mig"]);
        assert_eq!(model.closure(&[]).len(), 4);
    }

    #[test]
    fn a_service_that_another_needs_completed_is_a_one_shot() {
        let model = Model::parse(CAPTURED).expect("a model");
        assert_eq!(model.declared_one_shots().into_iter().collect::<Vec<_>>(), ["mig"]);
    }

    #[test]
    fn unknown_fields_and_older_spellings_are_accepted() {
        let json = r#"{"name":"x","services":{"a":{"image":"i","ports":[{"published":80,"target":1}],
            "provider":{"type":"y"}}},"volumes":{"v":{"external":{"name":"w"}},"w":null},"models":{}}"#;
        let model = Model::parse(json).expect("a model");
        assert_eq!(model.services["a"].ports[0].port, 80);
        assert!(model.volumes["v"].external && !model.volumes["w"].external);
    }
}
