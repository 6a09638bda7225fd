//! What there is of one cluster: containers and volumes by minikube's label, its own network, its
//! folders, its kubeconfig entry. Only what carries the cluster's own name is ever found.

use std::path::PathBuf;

use serde_json::Value;

use crate::drivers::kubeconfig;
use crate::drivers::minikube::{CREATED_LABEL, Minikube, PROFILE_LABEL, environment, waiting};
use crate::host::files::{self, Entry};
use crate::host::labelled::{self, NamedNetwork, NodeContainer};
use crate::host::workbench::Workbench;
use crate::plan::change::{Change, Op};
use crate::policy::Failure;

/// Who minikube says it is in a kubeconfig entry's extensions.
const PROVIDER: &str = "minikube.sigs.k8s.io";

/// What there is of a cluster.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// Its nodes.
    pub(super) containers: Vec<NodeContainer>,
    /// Names of its volumes.
    pub(super) volumes: Vec<String>,
    /// Its own network.
    pub(super) network: Option<NamedNetwork>,
    /// Folders of profile and machines that exist.
    pub(super) folders: Vec<PathBuf>,
}

impl Remains {
    /// What there is of this cluster.
    pub(super) async fn of(driver: &Minikube, bench: &Workbench) -> Result<Self, Failure> {
        let name = &driver.spec.name;
        let engine = &bench.host.docker;
        let label = format!("{PROFILE_LABEL}={name}");
        let containers = labelled::containers_with(engine, &label).await.map_err(waiting)?;
        let volumes = labelled::volumes_with(engine, &label).await.map_err(waiting)?;
        let network = labelled::network(engine, name).await.map_err(waiting)?;
        Ok(Self {
            containers,
            volumes: volumes.into_iter().map(|volume| volume.name).collect(),
            network: network.filter(|network| is_own(network, name)),
            folders: folders(bench, name)?,
        })
    }

    /// Whether nothing of the cluster works on: a network alone is as good as none.
    pub(super) fn is_gone(&self) -> bool {
        self.containers.is_empty() && self.volumes.is_empty() && self.folders.is_empty()
    }

    /// What a removal of all of it changes.
    pub(super) fn removals(&self, why: &str) -> Vec<Change> {
        let remove =
            |kind: &str, name: &str| Change::new(Op::Remove, format!("{kind} `{name}`"), why);
        let containers = self.containers.iter().map(|it| remove("container", &it.name));
        let volumes = self.volumes.iter().map(|name| remove("volume", name));
        let network = self.network.iter().map(|it| remove("network", &it.name));
        let folders = self.folders.iter().map(|it| remove("folder", &it.to_string_lossy()));
        containers.chain(volumes).chain(network).chain(folders).collect()
    }

    /// What there is, in a few words.
    pub(super) fn describe(&self) -> String {
        let changes = self.removals("");
        changes.into_iter().map(|change| change.object).collect::<Vec<_>>().join(", ")
    }
}

/// A network of that name that minikube made for this profile.
fn is_own(network: &NamedNetwork, name: &str) -> bool {
    let label = |key: &str| network.labels.get(key).map(String::as_str);
    label(CREATED_LABEL) == Some("true") && label(PROFILE_LABEL) == Some(name)
}

/// The folders that belong to this profile and exist. A name that is no plain one has none.
fn folders(bench: &Workbench, name: &str) -> Result<Vec<PathBuf>, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_plain = name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let Some(home) = environment::state_folder(bench).filter(|_| is_plain) else {
        return Ok(Vec::new());
    };
    let (profiles, machines) = (home.join("profiles"), home.join("machines"));
    let mut found = vec![profiles.join(name)];
    for machine in files::names_in(&machines)? {
        // `dev-m02` may also be a profile of its own.
        let is_worker =
            is_worker(&machine, name) && files::look(&profiles.join(&machine))? == Entry::Absent;
        if machine == name || is_worker {
            found.push(machines.join(machine));
        }
    }
    let exists = |path: &PathBuf| !matches!(files::look(path), Ok(Entry::Absent));
    Ok(found.into_iter().filter(exists).collect())
}

/// Whether this is a further machine of the profile: `dev-m02`.
fn is_worker(machine: &str, profile: &str) -> bool {
    let number = machine.strip_prefix(profile).and_then(|rest| rest.strip_prefix("-m"));
    number.is_some_and(|number| number.len() >= 2 && number.chars().all(|c| c.is_ascii_digit()))
}

/// Takes the entry of a deleted cluster out of the kubeconfig, where minikube itself left it, and
/// only if minikube wrote it.
pub(super) async fn forget_context(bench: &Workbench, context: &str) -> Result<(), Failure> {
    let target = kubeconfig::target(bench);
    let Ok(text) = files::read_text(&target) else { return Ok(()) };
    if !is_minikubes(&text, context) {
        return Ok(());
    }
    kubeconfig::forget(bench, context).await
}

/// Whether minikube wrote this context: it says so in the entry's extensions.
fn is_minikubes(text: &str, context: &str) -> bool {
    let parsed: Option<Value> = serde_norway::from_str(text).ok();
    let entries = parsed.as_ref().and_then(|config| config.get("contexts")?.as_array());
    let entry = entries.into_iter().flatten().find(|entry| entry["name"] == context);
    let extensions = entry.and_then(|entry| entry["context"]["extensions"].as_array());
    let mut extensions = extensions.into_iter().flatten();
    extensions.any(|extension| extension["extension"]["provider"] == PROVIDER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::TestBench;

    #[test]
    fn only_folders_of_the_profile_are_its_own() {
        let home = tempfile::tempdir().unwrap();
        let at = |path: &str| home.path().join(".minikube").join(path);
        for path in [
            "profiles/dev/config.json",
            "profiles/dev-m03/config.json",
            "profiles/developer/config.json",
            "machines/dev/config.json",
            "machines/dev-m02/config.json",
            "machines/dev-m03/config.json",
            "machines/dev-main/config.json",
        ] {
            files::write(&at(path), b"{}", 0o600).unwrap();
        }
        let bed = TestBench::with_env([], &[("HOME", home.path().to_str().unwrap())]);
        let found = folders(&bed.bench, "dev").unwrap();
        assert_eq!(found, [at("profiles/dev"), at("machines/dev"), at("machines/dev-m02")]);
        for name in ["..", "", "../profiles", "nobody"] {
            assert!(folders(&bed.bench, name).unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_network_is_minikubes_by_both_labels() {
        let network = |created: &str, profile: &str| NamedNetwork {
            id: "n".to_owned(),
            name: "dev".to_owned(),
            labels: [(CREATED_LABEL, created), (PROFILE_LABEL, profile)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            pools: Vec::new(),
            containers: Vec::new(),
        };
        assert!(is_own(&network("true", "dev"), "dev"));
        assert!(!is_own(&network("", "dev"), "dev") && !is_own(&network("true", "x"), "dev"));
    }

    #[test]
    fn only_a_context_that_minikube_wrote_is_taken_out() {
        let text = "contexts:\n\
            - name: dev\n  context:\n    cluster: dev\n    extensions:\n    \
            - name: context_info\n      extension:\n        provider: minikube.sigs.k8s.io\n\
            - name: prod\n  context: {cluster: prod, user: prod}\n";
        assert!(is_minikubes(text, "dev"));
        assert!(!is_minikubes(text, "prod") && !is_minikubes(text, "nobody"));
        assert!(!is_minikubes("{", "dev") && !is_minikubes("", "dev"));
    }
}
