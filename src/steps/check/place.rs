//! Where a service can be reached from outside of its cluster, as its object says it, or in words
//! why it cannot. Pure.

use k8s_openapi::api::core::v1::{Service, ServicePort};
use kube::ResourceExt;

use crate::config::address::PortName;
use crate::config::model::Provider;
use crate::drivers::spec::Spec;
use crate::event::Fix;

/// Why a service has no address yet, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nowhere {
    pub(super) why: String,
    pub(super) fix: Option<Fix>,
}

impl From<String> for Nowhere {
    fn from(why: String) -> Self {
        Self { why, fix: None }
    }
}

/// The port of the nodes that leads to this port of the service, or to its only one.
pub(super) fn node_port(service: &Service, wanted: Option<&PortName>) -> Result<u16, String> {
    let port = port(service, wanted)?;
    let number = port.node_port.and_then(|number| u16::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or_else(|| {
        let (kind, called) = (kind(service), called(service));
        format!("port {} of {called} has no node port: its type is {kind}", port.port)
    })
}

/// This port of the service, or its only one.
pub(super) fn port<'s>(
    service: &'s Service,
    wanted: Option<&PortName>,
) -> Result<&'s ServicePort, String> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let Some(wanted) = wanted else {
        return match ports {
            [only] => Ok(only),
            [] => Err(format!("{} has no ports", called(service))),
            _ => {
                let all = all_ports(ports);
                Err(format!("{} has several ports, name one of {all}", called(service)))
            }
        };
    };
    let is_wanted = |port: &&ServicePort| match wanted {
        PortName::Name(name) => port.name.as_deref() == Some(name),
        PortName::Number(number) => port.port == i32::from(*number),
    };
    ports.iter().find(is_wanted).ok_or_else(|| no_port(service, &wanted.to_string()))
}

/// What is said of a port that the service does not have.
pub(super) fn no_port(service: &Service, wanted: &str) -> String {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    format!("{} has no port {wanted}; it has {}", called(service), all_ports(ports))
}

/// `80 (http), 443`.
fn all_ports(ports: &[ServicePort]) -> String {
    let one = |port: &ServicePort| match &port.name {
        Some(name) => format!("{} ({name})", port.port),
        None => port.port.to_string(),
    };
    match ports {
        [] => "none".to_owned(),
        ports => ports.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// The address that a load balancer gave the service.
pub(super) fn given(service: &Service, spec: &Spec) -> Result<String, Nowhere> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let mut given = status.and_then(|status| status.ingress.as_deref()).into_iter().flatten();
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let found = given.find_map(|place| text(&place.ip).or_else(|| text(&place.hostname)));
    found.ok_or_else(|| match kind(service) {
        "LoadBalancer" => pending(service, spec),
        kind => Nowhere::from(format!(
            "{} is of type {kind}, and only one of type LoadBalancer is given an address",
            called(service)
        )),
    })
}

/// Who would have to give the address.
fn pending(service: &Service, spec: &Spec) -> Nowhere {
    let called = called(service);
    let is_switched_off = |arg: &String| arg.contains("disable") && arg.contains("servicelb");
    match spec.provider {
        Provider::Minikube if !spec.addons.iter().any(|addon| addon == "metallb") => Nowhere {
            why: format!("{called} has no address yet; minikube gives one while its tunnel runs"),
            fix: Some(Fix::safe(format!("minikube tunnel -p {}", crate::quote::quote(&spec.name)))),
        },
        Provider::K3d | Provider::K3s if spec.args.iter().any(is_switched_off) => Nowhere {
            why: format!("{called} has no address: the cluster runs without K3s's load balancer"),
            fix: Some(Fix::safe("take `servicelb` out of `args` of [cluster], or use a NodePort")),
        },
        _ => Nowhere::from(format!(
            "{called} has no address yet; a load balancer of the cluster has to give it one"
        )),
    }
}

fn kind(service: &Service) -> &str {
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    kind.filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP")
}

/// The service in words.
pub(super) fn called(service: &Service) -> String {
    name(&service.namespace().unwrap_or_default(), &service.name_any())
}

/// A service in words.
pub(super) fn name(namespace: &str, service: &str) -> String {
    format!("service `{namespace}/{service}`")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::fixture;

    fn service(kind: &str, ports: Value, status: Value) -> Service {
        let metadata = json!({ "namespace": "shop", "name": "web" });
        let mut object = json!({ "metadata": metadata, "spec": { "type": kind } });
        object["spec"]["ports"] = ports;
        object["status"] = status;
        serde_json::from_value(object).unwrap()
    }

    fn spec(provider: Provider) -> Spec {
        let mut config = fixture::config();
        let mut cluster = fixture::cluster(provider);
        cluster.name = Some("dev".to_owned());
        config.cluster = Some(cluster);
        Spec::of(&config).unwrap()
    }

    #[test]
    fn a_node_port_is_found_by_number_by_name_or_as_the_only_one() {
        let two = json!([
            { "port": 80, "name": "http", "nodePort": 31780 },
            { "port": 443, "nodePort": 31443 },
        ]);
        let two = service("NodePort", two, json!({}));
        let one = service("NodePort", json!([{ "port": 80, "nodePort": 31780 }]), json!({}));
        let bare = service("ClusterIP", json!([{ "port": 80 }]), json!({}));
        let none = service("ExternalName", json!(null), json!({}));
        let (number, named) = (PortName::Number(443), PortName::Name("http".to_owned()));
        let stray = PortName::Name("grpc".to_owned());
        let wrong = |text: &str| Err(format!("service `shop/web` {text}"));
        for (service, port, wanted) in [
            (&two, Some(&number), Ok(31443)),
            (&two, Some(&named), Ok(31780)),
            (&one, None, Ok(31780)),
            (&two, None, wrong("has several ports, name one of 80 (http), 443")),
            (&two, Some(&stray), wrong("has no port grpc; it has 80 (http), 443")),
            (&none, None, wrong("has no ports")),
            (&none, Some(&stray), wrong("has no port grpc; it has none")),
            (
                &bare,
                None,
                Err("port 80 of service `shop/web` has no node port: its type is ClusterIP"
                    .to_owned()),
            ),
        ] {
            assert_eq!(node_port(service, port), wanted);
        }
    }

    #[test]
    fn an_address_is_what_the_load_balancer_gave() {
        let lb = |ingress: Value| {
            service("LoadBalancer", json!([]), json!({ "loadBalancer": { "ingress": ingress } }))
        };
        let minikube = spec(Provider::Minikube);
        for (ingress, wanted) in [
            (json!([{ "ip": "10.0.0.7" }]), "10.0.0.7"),
            (json!([{ "hostname": "x.elb.example" }]), "x.elb.example"),
            (json!([{ "ip": "", "hostname": "localhost" }]), "localhost"),
        ] {
            assert_eq!(given(&lb(ingress), &minikube).unwrap(), wanted);
        }
    }

    #[test]
    fn without_an_address_it_is_said_who_gives_one() {
        let waiting = service("LoadBalancer", json!([]), json!({ "loadBalancer": {} }));
        let mut metallb = spec(Provider::Minikube);
        metallb.addons.push("metallb".to_owned());
        let mut bare = spec(Provider::K3d);
        bare.args = vec!["--k3s-arg".to_owned(), "--disable=servicelb@server:*".to_owned()];
        let somebody = "a load balancer of the cluster has to give it one";
        for (spec, part, command) in [
            (spec(Provider::Minikube), "while its tunnel runs", Some("minikube tunnel -p dev")),
            (metallb, somebody, None),
            (spec(Provider::K3d), somebody, None),
            (bare, "without K3s's load balancer", Some("take `servicelb` out")),
        ] {
            let nowhere = given(&waiting, &spec).unwrap_err();
            assert!(nowhere.why.contains(part), "{}", nowhere.why);
            let fix = nowhere.fix.map(|fix| fix.command);
            assert!(command.is_none_or(|wanted| fix.unwrap().starts_with(wanted)), "{part}");
        }
        let other = service("NodePort", json!([]), json!({}));
        let nowhere = given(&other, &spec(Provider::K3d)).unwrap_err();
        assert!(nowhere.why.contains("is of type NodePort"), "{}", nowhere.why);
    }
}
