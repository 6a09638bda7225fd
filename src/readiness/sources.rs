//! Where what somebody keeps as it is comes from: files of this configuration, repositories of Argo
//! CD and Flux. Told by whoever read them; advice names them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cause::Root;
use crate::manifest::read;

/// Sources by what comes from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sources {
    /// What a `[[deploy]]` applies, by its name.
    deploys: BTreeMap<String, String>,
    /// The `[[deploy]]` that makes a release, by the release's namespace and name.
    releases: BTreeMap<String, String>,
    /// File and line of an object, by its kind, namespace and name.
    places: BTreeMap<String, String>,
    /// What Argo CD or Flux follows, by who follows it.
    followed: BTreeMap<String, String>,
}

impl Sources {
    /// What this deploy applies, such as ``kustomization `overlays/dev` ``.
    pub fn add_deploy(&mut self, name: &str, what: impl Into<String>) {
        self.deploys.insert(name.to_owned(), what.into());
    }

    /// Which deploy makes this release.
    pub fn add_release(&mut self, namespace: &str, name: &str, deploy: &str) {
        self.releases.insert(format!("{namespace}/{name}"), deploy.to_owned());
    }

    /// Where an object is written down.
    pub fn add_place(&mut self, root: &Root, place: impl Into<String>) {
        self.places.insert(key(&root.kind, &root.namespace, &root.name), place.into());
    }

    /// What an application, a `Kustomization` or a `HelmRelease` follows.
    pub fn add_followed(&mut self, kind: &str, namespace: &str, name: &str, what: String) {
        self.followed.insert(key(kind, namespace, name), what);
    }

    /// Adds what others know.
    pub fn merge(&mut self, others: &mut Self) {
        self.deploys.append(&mut others.deploys);
        self.releases.append(&mut others.releases);
        self.places.append(&mut others.places);
        self.followed.append(&mut others.followed);
    }

    pub(super) fn deploy(&self, name: &str) -> Option<&str> {
        self.deploys.get(name).map(String::as_str)
    }

    pub(super) fn release(&self, namespace: &str, name: &str) -> Option<&str> {
        self.releases.get(&format!("{namespace}/{name}")).map(String::as_str)
    }

    pub(super) fn place(&self, object: &Value) -> Option<&str> {
        let root = Root::of(object);
        self.places.get(&key(&root.kind, &root.namespace, &root.name)).map(String::as_str)
    }

    pub(super) fn followed(&self, kind: &str, namespace: &str, name: &str) -> Option<&str> {
        self.followed.get(&key(kind, namespace, name)).map(String::as_str)
    }

    /// Its texts, to take secrets out of them.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let all = [&mut self.deploys, &mut self.releases, &mut self.places, &mut self.followed];
        all.into_iter().flat_map(BTreeMap::values_mut)
    }
}

fn key(kind: &str, namespace: &str, name: &str) -> String {
    format!("{kind}/{namespace}/{name}")
}

/// What an application of Argo CD follows: the first of its sources.
#[must_use]
pub fn of_application(application: &Value) -> Option<String> {
    let source = application
        .pointer("/spec/source")
        .or_else(|| read::list(application, "/spec/sources").first())?;
    let place = match (read::text(source, "/path"), read::text(source, "/chart")) {
        ("", "") => String::new(),
        ("", chart) => format!("chart `{chart}` of "),
        (path, _) => format!("`{path}` of "),
    };
    located(&place, read::text(source, "/repoURL"), read::text(source, "/targetRevision"))
}

/// What a `Kustomization` or a `HelmRelease` of Flux follows; `repository` is the object that its
/// `sourceRef` names, where it is known.
#[must_use]
pub fn of_flux(object: &Value, repository: Option<&Value>) -> Option<String> {
    let (path, chart) = (read::text(object, "/spec/path"), "/spec/chart/spec/chart");
    let place = match read::text(object, chart) {
        "" if path.is_empty() => String::new(),
        "" => format!("`{path}` of "),
        chart => format!("chart `{chart}` of "),
    };
    let (kind, name) = source_of(object)?;
    let Some(repository) = repository else { return Some(format!("{place}{kind} `{name}`")) };
    let revision = ["branch", "tag", "semver", "commit"]
        .iter()
        .map(|field| read::text(repository, &format!("/spec/ref/{field}")))
        .find(|revision| !revision.is_empty());
    located(&place, read::text(repository, "/spec/url"), revision.unwrap_or_default())
}

/// Kind and name of the source that an object of Flux names.
#[must_use]
pub fn source_of(object: &Value) -> Option<(&str, &str)> {
    let reference = ["/spec/sourceRef", "/spec/chart/spec/sourceRef"]
        .iter()
        .find_map(|at| object.pointer(at))?;
    Some((read::kind(reference), read::text(reference, "/name")))
}

fn located(place: &str, address: &str, revision: &str) -> Option<String> {
    let at = match revision {
        "" => String::new(),
        revision => format!(" at `{revision}`"),
    };
    (!address.is_empty()).then(|| format!("{place}{address}{at}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_followed_is_told_as_far_as_it_is_known() {
        for (object, repository, wanted) in [
            (
                json!({"spec": {"source": {"repoURL": "https://git/x", "path": "apps/web",
                    "targetRevision": "main"}}}),
                None,
                Some("`apps/web` of https://git/x at `main`"),
            ),
            (
                json!({"spec": {"sources": [{"repoURL": "https://charts/x", "chart": "web"}]}}),
                None,
                Some("chart `web` of https://charts/x"),
            ),
            (
                json!({"spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}}}),
                None,
                Some("`./apps` of GitRepository `fleet`"),
            ),
            (
                json!({"spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}}}),
                Some(json!({"spec": {"url": "ssh://git/fleet", "ref": {"branch": "main"}}})),
                Some("`./apps` of ssh://git/fleet at `main`"),
            ),
            (
                json!({"spec": {"chart": {"spec": {"chart": "web",
                    "sourceRef": {"kind": "HelmRepository", "name": "r"}}}}}),
                Some(json!({"spec": {"url": "https://charts/x"}})),
                Some("chart `web` of https://charts/x"),
            ),
            (json!({"spec": {}}), None, None),
        ] {
            let told = of_application(&object).or_else(|| of_flux(&object, repository.as_ref()));
            assert_eq!(told.as_deref(), wanted, "{object}");
        }
    }
}
