//! From a step to the API of the configuration's cluster, by the context that the cluster's tool
//! wrote. Whether the cluster is up is the business of its own step.

use std::sync::Arc;

use super::Objects;
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::driver::Driver;
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::host::kube::{self, ApiVerdict};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// How the cluster stands for a step that does not wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no context: the cluster is not made yet.
    Absent,
    /// There is a context, and nothing answers behind it now.
    Silent,
    /// Its API is ready.
    Ready,
}

impl Objects {
    /// The objects of the configuration's cluster.
    ///
    /// # Errors
    /// The context is missing or cannot be used, or its program gives no credentials. The server is
    /// not asked anything yet.
    pub async fn connect(ctx: &StepCtx) -> Result<Self, Failure> {
        let api = connected(ctx).await?;
        let (server, context) = (api.server().to_owned(), api.context().to_owned());
        let explain = move |error: &::kube::Error| kube::error::failure(error, &server, &context);
        Ok(Self::new(api.client().clone(), Arc::new(explain), ctx))
    }

    /// The same for a look; none while there is no cluster.
    ///
    /// # Errors
    /// As [`Objects::connect`].
    pub async fn if_there(ctx: &StepCtx) -> Result<Option<Self>, Failure> {
        match Self::connect(ctx).await {
            Ok(objects) => Ok(Some(objects)),
            Err(failure) if failure.code == "CONTEXT_MISSING" => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// Asks the cluster once. What stands in the way is not told: the cluster's own step does that.
pub async fn standing(ctx: &StepCtx) -> Standing {
    let ask = async { kube::ready(&connected(ctx).await?).await };
    match ask.await {
        Ok(ApiVerdict::Ready) => Standing::Ready,
        Err(failure) if failure.code == "CONTEXT_MISSING" => Standing::Absent,
        Ok(ApiVerdict::NotReady(_)) | Err(_) => Standing::Silent,
    }
}

/// Address of the API server of the configuration's cluster; it is not asked anything.
///
/// # Errors
/// As [`Objects::connect`].
pub async fn server(ctx: &StepCtx) -> Result<String, Failure> {
    connected(ctx).await.map(|api| api.server().to_owned())
}

async fn connected(ctx: &StepCtx) -> Result<kube::Api, Failure> {
    let spec = Spec::of(&ctx.config).ok_or_else(|| {
        let summary = "there is no cluster in this configuration";
        Failure::new(Class::Config, "NOT_RUN_YET", summary)
    })?;
    let bench = ctx.workbench();
    let connect = async {
        let kubeconfig = kubeconfig::of_context(&bench, &spec.context).await?;
        Driver::new(spec.clone()).open_way(&bench).await?;
        kube::connect(&bench, &kubeconfig, &spec.context).await
    };
    ctx.in_time("connect to the cluster", connect).await
}
