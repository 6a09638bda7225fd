//! Small configurations for tests, to be changed where a test is about something.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::address::Address;
use crate::config::model::{
    Check, CheckProbe, Cluster, Compose, Config, Credential, Deploy, DeployKind, File, FileContent,
    Image, ImageSource, K3s, KubeSecret, Manifests, Network, NetworkOwner, Provider, Purge,
    Recover, Registry, SecretValue, Task, Vantage,
};
use crate::redact::Secret;

/// A configuration in which nothing is wanted.
pub(crate) fn config() -> Config {
    Config {
        name: "demo".to_owned(),
        profile: "compose".to_owned(),
        root: PathBuf::from("/srv/demo"),
        env_files: Vec::new(),
        env: BTreeMap::new(),
        namespace: None,
        deadline: Duration::from_secs(900),
        cluster: None,
        networks: Vec::new(),
        files: Vec::new(),
        registries: Vec::new(),
        secrets: Vec::new(),
        images: Vec::new(),
        deploys: Vec::new(),
        checks: Vec::new(),
        tasks: Vec::new(),
        secrets_to_scrub: Vec::new(),
    }
}

/// A compose deploy; `needs` as in the configuration.
pub(crate) fn deploy(name: &str, needs: Option<&[&str]>) -> Deploy {
    Deploy {
        name: name.to_owned(),
        kind: DeployKind::Compose(compose(format!("/srv/demo/{name}.yaml"))),
        namespace: None,
        optional: Vec::new(),
        keep: Vec::new(),
        needs: needs.map(|needs| needs.iter().map(ToString::to_string).collect()),
        timeout: None,
    }
}

/// A deploy of one manifest file; `needs` as in the configuration.
pub(crate) fn manifests(name: &str, needs: Option<&[&str]>) -> Deploy {
    let paths = vec![PathBuf::from(format!("/srv/demo/{name}.yaml"))];
    let kind = DeployKind::Manifests(Manifests { paths, vars: BTreeMap::new() });
    Deploy { kind, ..deploy(name, needs) }
}

/// All services of one compose file.
pub(crate) fn compose(file: impl Into<PathBuf>) -> Compose {
    Compose { files: vec![file.into()], profiles: Vec::new(), services: Vec::new() }
}

/// A TCP check from this machine.
pub(crate) fn check(name: &str) -> Check {
    Check {
        name: name.to_owned(),
        probe: CheckProbe::Tcp(Address::plain("localhost:1")),
        from: Vantage::Host,
        optional: false,
        timeout: None,
        login: None,
    }
}

/// A host command.
pub(crate) fn task(name: &str, needs: &[&str]) -> Task {
    Task {
        name: name.to_owned(),
        run: vec!["true".to_owned()],
        unless: None,
        needs: needs.iter().map(ToString::to_string).collect(),
        cwd: PathBuf::from("/srv/demo"),
        env: BTreeMap::new(),
        timeout: None,
        undo: None,
    }
}

/// A cluster of which nothing but the provider is said.
pub(crate) fn cluster(provider: Provider) -> Cluster {
    Cluster {
        provider,
        name: None,
        context: None,
        kubernetes_version: None,
        cpus: None,
        memory: None,
        nodes: None,
        agents: None,
        args: Vec::new(),
        addons: Vec::new(),
        network: None,
        ports: Vec::new(),
        api_port: None,
        switch_context: None,
        recover: Recover {
            attempts: 5,
            backoff_min: Duration::from_secs(5),
            backoff_max: Duration::from_secs(60),
            purge: Purge::Profile,
        },
        k3s: K3s::default(),
    }
}

/// A kubeconfig of the cluster, below the project's folder.
pub(crate) fn kubeconfig(path: &str) -> File {
    File { content: FileContent::Kubeconfig, ..file(path) }
}

/// A network that the cluster's tool makes.
pub(crate) fn cluster_network(name: &str) -> Network {
    Network { owner: NetworkOwner::Cluster, ..network(name) }
}

/// A network that mlup makes.
pub(crate) fn network(name: &str) -> Network {
    Network {
        name: name.to_owned(),
        owner: NetworkOwner::Mlup,
        driver: "bridge".to_owned(),
        subnet: None,
        gateway: None,
        labels: BTreeMap::new(),
    }
}

/// An image that must be there.
pub(crate) fn image(name: &str) -> Image {
    Image { name: name.to_owned(), source: ImageSource::Present, platform: None }
}

/// A file below the project's folder.
pub(crate) fn file(path: &str) -> File {
    File {
        path: PathBuf::from("/srv/demo").join(path),
        content: FileContent::Rendered(Secret::new("text")),
        mode: 0o600,
    }
}

/// A registry of ECR and the pull secret for it.
pub(crate) fn registry(server: &str, secret: &str) -> Registry {
    Registry {
        server: server.to_owned(),
        secret: secret.to_owned(),
        namespaces: Vec::new(),
        service_accounts: Vec::new(),
        credential: Credential::Ecr { region: None, profile: None, endpoint: None },
    }
}

/// A Kubernetes secret with one key.
pub(crate) fn secret(name: &str) -> KubeSecret {
    KubeSecret {
        name: name.to_owned(),
        namespace: None,
        kind: None,
        keys: [("k".to_owned(), SecretValue::Literal(Secret::new("v")))].into_iter().collect(),
    }
}
