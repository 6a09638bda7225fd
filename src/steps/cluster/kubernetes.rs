//! What the cluster's step asks of Kubernetes, and of the user's kubeconfig: a seam, so that each
//! state of a cluster can be had without one. How it is asked is `host::kube`.

use crate::config::model::Provider;
use crate::drivers::contexts;
use crate::drivers::spec::Spec;
use crate::host::kube::{self, ClusterFacts, Look};
use crate::host::workbench::Workbench;
use crate::policy::Failure;
use crate::redact::Secret;

/// What one question works with: the means, and whose API it is.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    /// The means of the attempt.
    pub(super) bench: &'a Workbench,
    /// The cluster.
    pub(super) spec: &'a Spec,
    /// Nodes that are to be ready; without a number all that there are.
    pub(super) nodes: Option<u32>,
}

/// The API of a cluster.
pub(super) trait Kubernetes: Send + Sync {
    /// What is there now, and what is missing.
    fn look(
        &self,
        ask: Ask<'_>,
        kubeconfig: &Secret,
    ) -> impl Future<Output = Result<Look, Failure>> + Send;

    /// Waits until the API answers, the nodes are ready and the default service account is there.
    fn wait(
        &self,
        ask: Ask<'_>,
        kubeconfig: &Secret,
    ) -> impl Future<Output = Result<ClusterFacts, Failure>> + Send;

    /// The context that is current for the user's own tools.
    fn current_context(
        &self,
        ask: Ask<'_>,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send;

    /// Makes the cluster's context the current one.
    fn switch_context(&self, ask: Ask<'_>) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The real one.
pub(super) struct Live;

impl Kubernetes for Live {
    async fn look(&self, ask: Ask<'_>, kubeconfig: &Secret) -> Result<Look, Failure> {
        let api = kube::connect(ask.bench, kubeconfig, &ask.spec.context).await?;
        // There is no tool to ask for a cluster that is only used: its probe asked the API itself.
        if ask.spec.provider == Provider::Existing {
            return kube::look_inside(&api, ask.nodes).await;
        }
        kube::look(&api, ask.nodes).await
    }

    async fn wait(&self, ask: Ask<'_>, kubeconfig: &Secret) -> Result<ClusterFacts, Failure> {
        let api = kube::connect(ask.bench, kubeconfig, &ask.spec.context).await?;
        kube::wait_ready(&api, ask.bench, ask.nodes).await
    }

    async fn current_context(&self, ask: Ask<'_>) -> Result<Option<String>, Failure> {
        contexts::current(ask.bench).await
    }

    async fn switch_context(&self, ask: Ask<'_>) -> Result<(), Failure> {
        contexts::switch(ask.bench, &ask.spec.context).await.map(|_| ())
    }
}
