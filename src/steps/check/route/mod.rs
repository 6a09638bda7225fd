//! Walks the way to a service of the cluster or to its API, hop by hop, and names the first that does
//! not lead on. Reads only; what a hop means is `hop`.

mod around;
mod hop;
mod node;

use std::io::ErrorKind;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::ListParams;
use tokio::net::TcpStream;

use super::authority::{host_and_port, joined};
use super::cluster::Cluster;
use super::finding::Verdict;
use super::lacking::{Lacking, Trouble};
use super::pod::Inside;
use super::{endpoints, place, within};
use crate::config::address::{Address, Part, PortName, Scheme, ServiceName, ServicePort, Target};
use crate::config::model::{Check, CheckProbe, Vantage};
use crate::config::subnet::Subnet;
use crate::drivers::spec::Spec;
use crate::event::{Evidence, Fix};
use crate::host::cmd::Cmd;
use crate::host::{kernel, reach, routes};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::objects::{Objects, Standing, server, standing};
use around::{Around, Wsl};
use hop::{Ended, Kind, Reach};
pub use hop::{Hop, Passage, Route, Tried};
use node::Onto;

/// How long a connection from here may take.
const CONNECT: Duration = Duration::from_secs(3);

/// Walks the way to what a check asks from this machine; none for a check that asks something else
/// than a service of the cluster.
pub async fn to_check(check: &Check, ctx: &StepCtx) -> Option<Route> {
    let address = match &check.probe {
        CheckProbe::Http(http) if check.from == Vantage::Host => &http.url,
        CheckProbe::Tcp(address) if check.from == Vantage::Host => address,
        _ => return None,
    };
    let (service, port) = target(address)?;
    if standing(ctx).await != Standing::Ready {
        return to_api(ctx).await;
    }
    let route = Route::to(address.to_string());
    let mut walk = Walk { ctx, cluster: Cluster::new(ctx), route };
    // Where it ends early, the route says so itself.
    let _ = walk.service_of(address, service, port).await;
    Some(walk.route)
}

/// Walks the way to the API of the configuration's cluster; none where there is none.
pub async fn to_api(ctx: &StepCtx) -> Option<Route> {
    let server = server(ctx).await.ok()?;
    let (host, port) = host_and_port(&server)?;
    let mut route = Route::to(joined(&host, port));
    // Where it ends early, the route says so itself.
    let _ = api(ctx, &mut route, (&host, port)).await;
    Some(route)
}

/// The service behind an address, and its port where one is named.
fn target(address: &Address) -> Option<(&ServiceName, Option<&PortName>)> {
    address.parts().iter().find_map(|part| match part {
        Part::Live(Target::NodePort(service, port)) => Some((service, port.as_ref())),
        Part::Live(Target::LoadBalancer(service)) => Some((service, None)),
        Part::Live(Target::Node) | Part::Text(_) => None,
    })
}

async fn api(ctx: &StepCtx, route: &mut Route, (host, port): (&str, u16)) -> Result<(), Ended> {
    let onto = Onto::of(ctx);
    // The port of a container is published as another one here.
    if let Onto::Machine(_) = onto {
        let targets = [("127.0.0.1".to_owned(), port), (host.to_owned(), port)];
        let reached = onto.reach(ctx, &targets).await;
        for ((target, reach), hop) in targets.iter().zip(reached).zip([Hop::Loopback, Hop::Node]) {
            route.reach(Kind::Api, hop, (&joined(&target.0, target.1), reach))?;
        }
    } else {
        route.pass(Hop::Loopback, Passage::Unknown, Onto::Nowhere.called());
    }
    arrive(ctx, route, Kind::Api, (host, port)).await
}

/// The last hop, from this machine. Where it is closed, what lies around the two ends may say why.
async fn arrive(
    ctx: &StepCtx,
    route: &mut Route,
    kind: Kind,
    (host, port): (&str, u16),
) -> Result<(), Ended> {
    let address = joined(host, port);
    let reach = from_here(&address, ctx).await;
    let arrived = route.reach(kind, Hop::Here, (&address, reach));
    if let Some(failure) = route.failure.take() {
        route.failure = Some(around(ctx, host).await.explain(failure));
    }
    arrived
}

async fn around(ctx: &StepCtx, host: &str) -> Around {
    let routes = routes::here().into_iter();
    let here = routes.filter_map(|(net, device)| Some((Subnet::parse(&net)?, device))).collect();
    let cmd = Cmd::new("wslinfo").arg("--networking-mode");
    // Only WSL has it.
    let mode = ctx.workbench().look(cmd, CONNECT).await.ok().map(|output| output.stdout);
    Around {
        cluster: Spec::of(&ctx.config).map(|spec| Around::networks(&spec)).unwrap_or_default(),
        here,
        there: reach::address(host).await,
        wsl: Wsl::of(&kernel::release(), mode.as_deref()),
    }
}

/// What comes of a connection from this machine.
async fn from_here(address: &str, ctx: &StepCtx) -> Reach {
    match within(ctx, CONNECT, TcpStream::connect(address)).await {
        None => Reach::Filtered,
        Some(Ok(_)) => Reach::Open,
        Some(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused => Reach::Refused,
            ErrorKind::TimedOut => Reach::Filtered,
            _ => Reach::Unroutable,
        },
    }
}

struct Walk<'a> {
    ctx: &'a StepCtx,
    cluster: Cluster<'a>,
    route: Route,
}

impl Walk<'_> {
    async fn service_of(
        &mut self,
        address: &Address,
        name: &ServiceName,
        port: Option<&PortName>,
    ) -> Result<(), Ended> {
        let (service, filled, detail) = match self.service(address, name, port).await {
            Ok(looked) => looked,
            Err(trouble) => {
                return Err(self.route.end(Hop::Service, failure(trouble, "ROUTE_SERVICE")));
            }
        };
        self.route.pass(Hop::Service, Passage::Open, detail);
        self.endpoints(&service).await?;
        self.pod(name, &service, port).await?;
        let Some((host, port)) = host_and_port(&filled) else { return Ok(()) };
        let address = joined(&host, port);
        self.route.address.clone_from(&address);
        self.node(&service, (&host, port)).await?;
        arrive(self.ctx, &mut self.route, Kind::Service, (&host, port)).await
    }

    /// The service, the address that it makes, and what it says in words.
    async fn service(
        &mut self,
        address: &Address,
        name: &ServiceName,
        port: Option<&PortName>,
    ) -> Result<(Service, String, String), Trouble> {
        let service = self.cluster.service(name).await?;
        let filled = self.cluster.fill(address).await?.text;
        let detail = match place::node_port(&service, port) {
            Ok(port) => format!("{} has node port {port}", place::called(&service)),
            Err(_) => format!("{} has an address", place::called(&service)),
        };
        Ok((service, filled, detail))
    }

    async fn endpoints(&mut self, service: &Service) -> Result<(), Ended> {
        let objects = match self.cluster.objects().await {
            Ok(objects) => objects,
            Err(trouble) => {
                return Err(self.route.end(Hop::Endpoints, failure(trouble, "ROUTE_SERVICE")));
            }
        };
        match count(&objects, service).await {
            Ok((0, _)) => {
                let lacking = endpoints::nobody(&objects, service).await;
                let failure = failure(Trouble::Lacking(lacking), "ROUTE_ENDPOINTS");
                return Err(self.route.end(Hop::Endpoints, failure));
            }
            Ok((ready, all)) => {
                self.route.pass(Hop::Endpoints, Passage::Open, format!("{ready} of {all} ready"));
            }
            Err(why) => self.route.pass(Hop::Endpoints, Passage::Unknown, why.summary),
        }
        Ok(())
    }

    async fn pod(
        &mut self,
        name: &ServiceName,
        service: &Service,
        port: Option<&PortName>,
    ) -> Result<(), Ended> {
        let number = place::port(service, port).ok().and_then(|port| u16::try_from(port.port).ok());
        let Some(number) = number else {
            self.route.pass(Hop::Pod, Passage::Unknown, "the port of the service is not known");
            return Ok(());
        };
        let port = ServicePort { service: name.clone(), port: number, scheme: Scheme::Http };
        let mut cluster = Cluster::new(self.ctx);
        let asked = Inside { ctx: self.ctx, port: &port, cluster: &mut cluster }.tcp().await;
        match asked {
            Ok(finding) if finding.verdict == Verdict::Met => {
                let detail = format!("takes connections for port {number}");
                self.route.pass(Hop::Pod, Passage::Open, detail);
            }
            Ok(finding) => {
                let failure = deaf(service, number, &finding.detail);
                return Err(self.route.end(Hop::Pod, failure));
            }
            Err(trouble) => {
                let detail = failure(trouble, "ROUTE_POD").summary;
                self.route.pass(Hop::Pod, Passage::Unknown, detail);
            }
        }
        Ok(())
    }

    /// The two hops on the node. An address of this machine alone is not the node's: there it is
    /// tried at its own.
    async fn node(&mut self, service: &Service, (host, port): (&str, u16)) -> Result<(), Ended> {
        let onto = Onto::of(self.ctx);
        if onto == Onto::Nowhere {
            self.route.pass(Hop::Loopback, Passage::Unknown, onto.called());
            return Ok(());
        }
        let is_local = host == "localhost" || host.starts_with("127.") || host == "::1";
        let own = if is_local { self.node_address().await } else { Some(host.to_owned()) };
        let mut targets = vec![("127.0.0.1".to_owned(), port)];
        targets.extend(own.map(|own| (own, port)));
        let reached = onto.reach(self.ctx, &targets).await;
        for ((target, reach), hop) in targets.iter().zip(reached).zip([Hop::Loopback, Hop::Node]) {
            let address = joined(&target.0, target.1);
            let led_on = self.route.reach(Kind::Service, hop, (&address, reach));
            if led_on.is_err() {
                self.name_policy(service);
            }
            led_on?;
        }
        Ok(())
    }

    /// A node without a pod of its own forwards nothing for a service that says `Local`.
    fn name_policy(&mut self, service: &Service) {
        let policy = service.spec.as_ref().and_then(|spec| spec.external_traffic_policy.as_deref());
        if policy == Some("Local")
            && let Some(failure) = &mut self.route.failure
        {
            let text = "externalTrafficPolicy: Local, so only nodes with a pod of it forward";
            failure.evidence.insert(0, Evidence::new(place::called(service), text));
        }
    }

    /// The address of a node inside of the cluster's network.
    async fn node_address(&mut self) -> Option<String> {
        let objects = self.cluster.objects().await.ok()?;
        let nodes = objects.list::<Node>(None, ListParams::default()).await.ok()?;
        let status = nodes.into_iter().next()?.status?;
        let mut addresses = status.addresses.into_iter().flatten();
        addresses.find(|address| address.type_ == "InternalIP").map(|address| address.address)
    }
}

/// How many endpoints are ready, and how many there are.
async fn count(objects: &Objects, service: &Service) -> Result<(usize, usize), Failure> {
    let own = format!("kubernetes.io/service-name={}", service.name_any());
    let params = ListParams::default().labels(&own);
    let namespace = service.namespace().unwrap_or_default();
    let slices = objects.list::<EndpointSlice>(Some(&namespace), params).await?;
    let all: Vec<bool> = slices
        .iter()
        .flat_map(|slice| &slice.endpoints)
        .map(|one| one.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false))
        .collect();
    Ok((all.iter().filter(|ready| **ready).count(), all.len()))
}

/// Pods that are ready and do not listen.
fn deaf(service: &Service, port: u16, found: &str) -> Failure {
    let called = place::called(service);
    let summary =
        format!("the pods of {called} are ready and take no connections for port {port}: {found}");
    let fix = "compare `targetPort` with the port and the address that the program listens on";
    Failure::new(Class::Permanent, "ROUTE_POD", summary).fix(Fix::safe(fix))
}

fn failure(trouble: Trouble, code: &'static str) -> Failure {
    match trouble {
        Trouble::Failed(failure) => failure,
        Trouble::Lacking(Lacking { why, evidence, fix, .. }) => {
            let failure = Failure::new(Class::Permanent, code, why);
            Failure { evidence, fix, ..failure }
        }
    }
}
