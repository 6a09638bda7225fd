//! The cluster as one check asks it: addresses with placeholders filled in, looked up anew at each
//! try, since a cluster that is made again has others. What services say of themselves is `place`.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;

use super::authority::{host_and_port, moved};
use super::lacking::{Lacking, Trouble, Until};
use super::place::{self, Nowhere};
use crate::config::address::{Address, Part, PortName, ServiceName, Target};
use crate::config::model::Provider;
use crate::drivers::cluster::ClusterDriver;
use crate::event::Fix;
use crate::steps::objects::Objects;
use crate::steps::{StepCtx, cluster};

/// The namespace where neither the address nor the configuration names one.
const DEFAULT_NAMESPACE: &str = "default";

/// The cluster of the configuration.
pub(super) struct Cluster<'a> {
    ctx: &'a StepCtx,
    /// Kept while it works: the context's credentials may come from a program that takes seconds.
    objects: Option<Objects>,
}

/// An address without placeholders.
pub(super) struct Filled {
    /// The address.
    pub(super) text: String,
    /// What to look at if nothing answers there.
    pub(super) doubt: Option<String>,
}

impl<'a> Cluster<'a> {
    /// The cluster, not connected to yet.
    pub(super) fn new(ctx: &'a StepCtx) -> Self {
        Self { ctx, objects: None }
    }

    /// The cluster behind a connection that is there.
    #[cfg(test)]
    pub(super) fn with(ctx: &'a StepCtx, objects: Objects) -> Self {
        Self { ctx, objects: Some(objects) }
    }

    /// Its objects, through a connection that is made once.
    pub(super) async fn objects(&mut self) -> Result<Objects, Trouble> {
        if let Some(objects) = &self.objects {
            return Ok(objects.clone());
        }
        let objects = Objects::connect(self.ctx).await?;
        self.objects = Some(objects.clone());
        Ok(objects)
    }

    /// Makes a new connection the next time: context and credentials may be others by then.
    pub(super) fn forget(&mut self) {
        self.objects = None;
    }

    /// The address as it is now.
    pub(super) async fn fill(&mut self, address: &Address) -> Result<Filled, Trouble> {
        let mut filled = Filled { text: String::new(), doubt: None };
        for part in address.parts() {
            match part {
                Part::Live(target) => {
                    filled.text.push_str(&self.value(target, &mut filled.doubt).await?);
                }
                Part::Text(text) => filled.text.push_str(text),
            }
        }
        if let Some(name) = self.balanced_behind_tunnel(address) {
            filled.text = self.through_tunnel(name, &filled.text).await?;
        }
        Ok(filled)
    }

    /// The service whose load balancer's address lies at the far end of a tunnel.
    fn balanced_behind_tunnel<'n>(&self, address: &'n Address) -> Option<&'n ServiceName> {
        self.ctx.config.cluster.as_ref().filter(|cluster| cluster.k3s.tunnel)?;
        address.parts().iter().find_map(|part| match part {
            Part::Live(Target::LoadBalancer(name)) => Some(name),
            Part::Live(Target::Node | Target::NodePort(..)) | Part::Text(_) => None,
        })
    }

    /// The near end of a tunnel for the port that this address has: a port of a load balancer is one
    /// of the nodes too, and those are what a tunnel leads to.
    async fn through_tunnel(
        &mut self,
        name: &ServiceName,
        address: &str,
    ) -> Result<String, Trouble> {
        let Some((_, port)) = host_and_port(address) else { return Ok(address.to_owned()) };
        let service = self.service(name).await?;
        let number = place::node_port(&service, Some(&PortName::Number(port)));
        let number = number.map_err(|why| {
            let advice = "set `allocateLoadBalancerNodePorts: true` in the service: `tunnel = true` \
                          leads to node ports";
            lacks(&service, Nowhere { why, fix: Some(Fix::safe(advice)) })
        })?;
        Ok(moved(address, self.node_port(number).await?))
    }

    async fn value(
        &mut self,
        target: &Target,
        doubt: &mut Option<String>,
    ) -> Result<String, Trouble> {
        match target {
            Target::Node => Ok(host(self.node().await?)),
            Target::LoadBalancer(name) => {
                let (spec, _) = cluster::wanted(self.ctx)?;
                let service = self.service(name).await?;
                place::given(&service, &spec)
                    .map(bracketed)
                    .map_err(|nowhere| lacks(&service, nowhere))
            }
            Target::NodePort(name, port) => {
                let service = self.service(name).await?;
                let port = place::node_port(&service, port.as_ref())
                    .map_err(|why| lacks(&service, why.into()))?;
                let door = self.node_port(port).await?;
                *doubt = self.unpublished(door.ip(), port);
                Ok(door.to_string())
            }
        }
    }

    /// The address at which this machine reaches the nodes.
    async fn node(&self) -> Result<IpAddr, Trouble> {
        let (_, driver) = cluster::wanted(self.ctx)?;
        let bench = self.ctx.workbench();
        let asked = self.ctx.in_time("find the node's address", driver.node_address(&bench));
        Ok(asked.await?)
    }

    /// Where this machine reaches a NodePort.
    async fn node_port(&self, port: u16) -> Result<SocketAddr, Trouble> {
        let (_, driver) = cluster::wanted(self.ctx)?;
        let bench = self.ctx.workbench();
        let asked = driver.node_port(&bench, port);
        Ok(self.ctx.in_time("find the way to the node's port", asked).await?)
    }

    /// A port of a node in a container that is reached by published ports alone.
    fn unpublished(&self, node: IpAddr, port: u16) -> Option<String> {
        let cluster = self.ctx.config.cluster.as_ref()?;
        let in_container = matches!(cluster.provider, Provider::K3d | Provider::Minikube);
        (in_container && node.is_loopback() && !cluster.ports.contains(&port))
            .then(|| format!("`ports` of [cluster] lacks {port}"))
    }

    /// The service, which has to be there.
    pub(super) async fn service(&mut self, name: &ServiceName) -> Result<Service, Trouble> {
        let namespace = self.namespace(name.namespace.as_ref());
        let found = self.objects().await?.get::<Service>(&namespace, &name.name).await?;
        found.ok_or_else(|| {
            let why = format!("there is no {}", place::name(&namespace, &name.name));
            let name = name.name.clone();
            Trouble::Lacking(Lacking::new(why, Until::Service { namespace, name, seen: None }))
        })
    }

    /// The namespace that is meant.
    pub(super) fn namespace(&self, named: Option<&String>) -> String {
        let named = named.or(self.ctx.config.namespace.as_ref());
        named.map_or_else(|| DEFAULT_NAMESPACE.to_owned(), String::clone)
    }
}

/// What the service lacks, until it changes.
pub(super) fn lacks(service: &Service, nowhere: Nowhere) -> Trouble {
    let until = Until::Service {
        namespace: service.namespace().unwrap_or_default(),
        name: service.name_any(),
        seen: service.resource_version(),
    };
    Trouble::Lacking(Lacking { fix: nowhere.fix, ..Lacking::new(nowhere.why, until) })
}

/// An address as the host of a URL.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn bracketed(text: String) -> String {
    text.parse().map_or(text, host)
}
