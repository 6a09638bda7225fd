//! A cluster that somebody else owns, reached by a context of the kubeconfig: AKS, EKS, GKE, a
//! colleague's K3s. It is looked at and used, never made, halted or deleted.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::Path;

use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Insistence, Sighting};
use crate::drivers::kubeconfig::{self, Plugin};
use crate::drivers::references::NodeImage;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::kube::access::{self, Verdict};
use crate::host::kube::{self, Api, ApiVerdict};
use crate::host::process::{find_program, is_executable};
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::{Class, Failure};
use crate::quote::quote;
use crate::redact::Secret;

/// The driver of an existing context.
#[derive(Clone, Debug)]
pub struct Existing {
    spec: Spec,
}

impl Existing {
    /// A driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec }
    }

    /// Everything that can be wrong, in the order in which it is met; the first ends it.
    async fn examine(&self, bench: &Workbench) -> Result<(), Failure> {
        let context = &self.spec.context;
        let access = kubeconfig::access(bench, context).await?;
        if let Some(plugin) = access.and_then(|access| access.plugin) {
            present(bench, context, &plugin)?;
        }
        let api = self.connect(bench).await?;
        match access::may_deploy(&api).await.map_err(|failure| self.not_curable(failure))? {
            Verdict::Allowed => {}
            Verdict::Denied => bench.warn(
                "CONTEXT_MAY_NOT_DEPLOY",
                format!(
                    "the user of the context `{context}` may not create deployments in the \
                     namespace `{}`",
                    api.namespace()
                ),
                Some(format!("kubectl --context {} auth can-i --list", quote(context))),
            ),
        }
        Ok(())
    }

    async fn connect(&self, bench: &Workbench) -> Result<Api, Failure> {
        let config = kubeconfig::of_context(bench, &self.spec.context).await?;
        kube::connect(bench, &config, &self.spec.context).await
    }

    /// No rung of the ladder is for a cluster that mlup does not own, and who owns it has to bring
    /// it back.
    fn not_curable(&self, mut failure: Failure) -> Failure {
        failure.onset = None;
        if !matches!(failure.code, "API_UNREACHABLE" | "API_NOT_READY") {
            return failure;
        }
        let context = &self.spec.context;
        let mut unreachable = Failure::new(
            Class::Prerequisite,
            "CLUSTER_UNREACHABLE",
            format!(
                "{}; mlup uses the cluster of `{context}` and does not start it",
                failure.summary
            ),
        )
        .fix(Fix::safe(format!("kubectl --context {} get --raw /readyz", quote(context))));
        unreachable.evidence = failure.evidence;
        unreachable
    }

    /// Refuses what only an owner may do.
    fn not_ours<T>(&self, doing: &str) -> Result<T, Failure> {
        let summary = format!(
            "mlup did not make the cluster of the context `{}`: {doing}",
            self.spec.context
        );
        Err(Failure::new(Class::Refused, "CLUSTER_NOT_OURS", summary))
    }

    fn needs_registry<T>(&self, what: &str) -> Result<T, Failure> {
        let summary = format!(
            "{what}: the nodes of the context `{}` take images from a registry alone",
            self.spec.context
        );
        Err(Failure::new(Class::Refused, "IMAGE_NEEDS_REGISTRY", summary)
            .fix(Fix::safe("push the image to a registry that the cluster can reach")))
    }
}

/// Whether the program that fetches credentials is there, before anything is asked of it.
fn present(bench: &Workbench, context: &str, plugin: &Plugin) -> Result<(), Failure> {
    let is_there = if plugin.command.contains('/') {
        is_executable(Path::new(&plugin.command))
    } else {
        find_program(&bench.host.env, &plugin.command).is_some()
    };
    if is_there {
        return Ok(());
    }
    Err(kube::plugin_missing(context, &plugin.command, plugin.install_hint.as_deref()))
}

impl ClusterDriver for Existing {
    async fn preflight(&self, bench: &Workbench) -> Vec<Failure> {
        self.examine(bench).await.err().into_iter().collect()
    }

    async fn probe(&self, bench: &Workbench) -> Result<Sighting, Failure> {
        let api = self.connect(bench).await?;
        match kube::ready(&api).await.map_err(|failure| self.not_curable(failure))? {
            ApiVerdict::Ready => Ok(Sighting::of(ClusterState::Running)),
            ApiVerdict::NotReady(_) => Ok(Sighting::of(ClusterState::Starting)),
        }
    }

    async fn start(&self, bench: &Workbench, _insistence: Insistence) -> Result<(), Failure> {
        // It may have come back; if not, this says why.
        self.probe(bench).await.map(|_| ())
    }

    async fn amend(&self, _bench: &Workbench, _sighting: &Sighting) -> Result<(), Failure> {
        Ok(())
    }

    async fn stop(&self, _bench: &Workbench) -> Result<(), Failure> {
        Ok(())
    }

    async fn delete(&self, _bench: &Workbench) -> Result<(), Failure> {
        self.not_ours("it is not deleted")
    }

    async fn purge(&self, _bench: &Workbench, _extent: Purge) -> Result<(), Failure> {
        self.not_ours("nothing of it is purged")
    }

    async fn doomed(
        &self,
        _bench: &Workbench,
        _purge: Option<Purge>,
    ) -> Result<Vec<Change>, Failure> {
        Ok(Vec::new())
    }

    async fn kubeconfig(&self, bench: &Workbench) -> Result<Secret, Failure> {
        kubeconfig::of_context(bench, &self.spec.context).await
    }

    async fn load_image(&self, _bench: &Workbench, image: &str) -> Result<(), Failure> {
        self.needs_registry(&format!("the image `{image}` cannot be loaded"))
    }

    async fn list_images(&self, _bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        self.needs_registry("the images on the nodes are not known")
    }

    async fn node_address(&self, bench: &Workbench) -> Result<IpAddr, Failure> {
        let api = self.connect(bench).await?;
        let nodes = kube::nodes(&api).await.map_err(|failure| self.not_curable(failure))?;
        let ready = || nodes.iter().filter(|node| node.ready);
        let outside = ready().find_map(|node| node.external_ip);
        outside.or_else(|| ready().find_map(|node| node.internal_ip)).ok_or_else(|| {
            let summary = format!(
                "no node of the context `{}` is ready and has an address",
                self.spec.context
            );
            Failure::new(Class::Prerequisite, "NODE_NOT_READY", summary)
        })
    }
}
