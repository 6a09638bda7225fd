//! `[cluster]` as it is meant.

use std::time::Duration;

use super::{Entry, Parser, provider};
use crate::config::de;
use crate::config::model::{self, Cluster, Install, K3s, Purge, Recover};
use crate::config::node::Node;
use crate::config::raw::scalar::Cidr;
use crate::config::raw::{Provider, RawCluster};
use crate::config::subnet::Subnet;

/// Reads `[cluster]`; nothing unless a tool owns one.
pub(super) fn read(parser: &mut Parser<'_>, tree: &Node) -> Option<Cluster> {
    let node = tree.get("cluster")?;
    let entry = Entry { node, subject: "[cluster]".to_owned() };
    let raw: RawCluster = de::read(node, &entry.subject, parser.problems)?;
    let provider = match raw.provider {
        Provider::None => return None,
        Provider::DockerDesktop => model::Provider::DockerDesktop,
        Provider::Existing => model::Provider::Existing,
        Provider::K3d => model::Provider::K3d,
        Provider::K3s => model::Provider::K3s,
        Provider::Minikube => model::Provider::Minikube,
    };
    provider::check(parser, &entry, &raw);
    parser.check_argv(&entry, &["args"]);
    Some(cluster(parser, provider, raw))
}

fn cluster(parser: &Parser<'_>, provider: model::Provider, mut raw: RawCluster) -> Cluster {
    let k3s = k3s(parser, &mut raw);
    let (backoff_min, backoff_max) = raw
        .recover
        .backoff
        .map_or((Duration::from_secs(5), Duration::from_secs(60)), |range| range.0);
    Cluster {
        provider,
        name: raw.name.map(|name| name.0),
        context: raw.context.map(|context| context.0),
        kubernetes_version: raw.kubernetes_version.map(|version| version.0),
        cpus: raw.cpus.map(|cpus| cpus.0),
        memory: raw.memory.map(|memory| memory.0),
        nodes: raw.nodes.map(|nodes| nodes.0),
        agents: raw.agents.map(|agents| agents.0),
        args: raw.args,
        addons: raw.addons.into_iter().map(|addon| addon.0).collect(),
        network: raw.network.map(|network| network.0),
        ports: raw.ports.into_iter().map(|port| port.0).collect(),
        api_port: raw.api_port.map(|port| port.0),
        switch_context: raw.switch_context,
        recover: Recover {
            attempts: raw.recover.attempts.map_or(5, |attempts| attempts.0),
            backoff_min,
            backoff_max,
            purge: raw.recover.purge.map_or(Purge::Profile, Purge::from),
        },
        k3s,
    }
}

fn k3s(parser: &Parser<'_>, raw: &mut RawCluster) -> K3s {
    let subnet = |cidr: &Option<Cidr>| cidr.as_ref().and_then(|cidr| Subnet::parse(&cidr.0));
    let install = raw.install.take().map(|install| install.0);
    let mut prepare: Vec<model::Prepare> =
        raw.prepare.iter().map(|item| model::Prepare::from(*item)).collect();
    prepare.sort_unstable();
    prepare.dedup();
    K3s {
        host: raw.host.take().map(|host| host.0),
        version: raw.version.take().map(|version| version.0),
        cluster_cidr: subnet(&raw.cluster_cidr),
        service_cidr: subnet(&raw.service_cidr),
        dns: raw.dns.take().and_then(|dns| dns.0.parse().ok()),
        disable: std::mem::take(&mut raw.disable).into_iter().map(|name| name.0).collect(),
        install: match install.as_deref() {
            None | Some("script") => Install::Script,
            Some(path) => Install::Local(parser.path(path)),
        },
        prepare,
        tunnel: raw.tunnel.unwrap_or(false),
    }
}
