//! What Argo CD and Flux follow, of pods in trouble that they keep as they are: the repository and
//! the path, so that advice can name them. Asked for one by one; what is not to be seen is left out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Camera, is_suspect};
use crate::config::model::{Config, DeployKind};
use crate::manifest::Served;
use crate::readiness::keeper::{Keeper, keeper};
use crate::readiness::sources::{of_application, of_flux, source_of};

/// Most keepers that are asked about.
const MOST: usize = 8;

/// Where Argo CD keeps its applications, unless a deploy says otherwise.
const ARGO: &str = "argocd";

impl Camera<'_> {
    /// Adds what the keepers of suspect pods follow.
    pub(super) async fn followed(&mut self) {
        let pods = self.world.all("Pod").iter().filter(|pod| is_suspect(pod));
        let keepers =
            pods.filter_map(|pod| keeper(pod, &self.world)).filter_map(|keeper| match keeper {
                Keeper::Argo(name) => Some(("Application", String::new(), name.to_owned())),
                Keeper::Flux(kind, namespace, name) => {
                    Some((kind, namespace.to_owned(), name.to_owned()))
                }
                Keeper::Helm(..) | Keeper::Deploy(_) => None,
            });
        let keepers: BTreeSet<(&'static str, String, String)> = keepers.collect();
        for (kind, namespace, name) in keepers.into_iter().take(MOST) {
            let what = match kind {
                "Application" => self.application(&name).await,
                _ => self.flux(kind, &namespace, &name).await,
            };
            if let Some(what) = what {
                self.world.sources_mut().add_followed(kind, &namespace, &name, what);
            }
        }
    }

    async fn application(&self, name: &str) -> Option<String> {
        let namespace = place(&self.objects.step().config, name);
        let found = self.get("argoproj.io/v1alpha1", "Application", namespace, name).await?;
        of_application(&found)
    }

    async fn flux(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let version = match kind {
            "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
            _ => "helm.toolkit.fluxcd.io/v2",
        };
        let object = self.get(version, kind, namespace, name).await?;
        let (source, name) = source_of(&object)?;
        let repository = self.get("source.toolkit.fluxcd.io/v1", source, namespace, name).await;
        of_flux(&object, repository.as_ref())
    }

    async fn get(&self, version: &str, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let served = Served::own(version, kind);
        self.objects.read(&served, Some(namespace), name).await.ok().flatten()
    }
}

/// The namespace of an application.
fn place<'c>(config: &'c Config, name: &str) -> &'c str {
    let of = config.deploys.iter().find(|deploy| match &deploy.kind {
        DeployKind::Argocd(names) => names.iter().any(|one| one == name),
        _ => false,
    });
    of.and_then(|deploy| deploy.namespace.as_deref()).unwrap_or(ARGO)
}
