//! Rules on ingresses: one that no controller serves, one that leads to a service that is not there.

use serde_json::{Value, json};

use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;
use crate::readiness::{Cause, Finality, Remedy, Root, World};

const DEFAULT: &str = "/metadata/annotations/ingressclass.kubernetes.io~1is-default-class";

/// What is wrong with the ingresses, where they were listed.
pub(super) fn causes(world: &World) -> Vec<Cause> {
    let ingresses = world.all("Ingress").iter();
    ingresses
        .flat_map(|ingress| [unserved(ingress, world), without_backend(ingress, world)])
        .flatten()
        .collect()
}

fn class_of(ingress: &Value) -> &str {
    let old = "/metadata/annotations/kubernetes.io~1ingress.class";
    match read::text(ingress, "/spec/ingressClassName") {
        "" => read::text(ingress, old),
        name => name,
    }
}

/// An ingress of a class that is not there, or of none where no class is the default.
fn unserved(ingress: &Value, world: &World) -> Option<Cause> {
    let (namespace, name) = (read::namespace(ingress), read::name(ingress));
    let classes = world.all("IngressClass");
    let class = class_of(ingress);
    let has_address = !read::list(ingress, "/status/loadBalancer/ingress").is_empty();
    if !world.knows("IngressClass") || has_address {
        return None;
    }
    let known: Vec<&str> = classes.iter().map(read::name).collect();
    let why = if class.is_empty() {
        let is_default = |class: &Value| read::text(class, DEFAULT) == "true";
        if classes.iter().any(is_default) {
            return None;
        }
        "names no class, and the cluster has no default one".to_owned()
    } else if known.contains(&class) {
        return None;
    } else {
        format!("is of class `{class}`, which the cluster does not have")
    };
    let shown = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let cause = Cause::new(
        "INGRESS_UNSERVED",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::Object),
        format!("nobody serves ingress `{name}` in namespace `{namespace}`: it {why}"),
    )
    .because("ingress classes", &shown)
    .maybe_root(Some(Root::of(ingress)));
    Some(match known.as_slice() {
        [] => cause.fix("install a controller: on minikube `minikube addons enable ingress`; K3s has Traefik unless it was disabled"),
        [only] => {
            let patch = json!({ "spec": { "ingressClassName": only } }).to_string();
            let line = CommandLine::kubectl(namespace).args(["patch", "ingress", name]);
            cause.run(line.args(["--type=merge", "-p", &patch]))
        }
        _ => cause.fix(format!(
            "set `ingressClassName` of ingress `{name}` in namespace `{namespace}` to one of {shown}"
        )),
    })
}

/// The services and ports that an ingress leads to.
fn backends(ingress: &Value) -> impl Iterator<Item = &Value> {
    let rules = read::list(ingress, "/spec/rules").iter();
    rules
        .flat_map(|rule| read::list(rule, "/http/paths"))
        .filter_map(|path| path.pointer("/backend/service"))
        .chain(ingress.pointer("/spec/defaultBackend/service"))
}

/// An ingress that leads to a service, a port or a certificate that is not there.
fn without_backend(ingress: &Value, world: &World) -> Option<Cause> {
    let (namespace, name) = (read::namespace(ingress), read::name(ingress));
    let missing = backends(ingress).find_map(|backend| {
        let target = read::text(backend, "/name");
        if world.lacks("Service", namespace, target) {
            return Some((
                Root::new("Service", namespace, target),
                format!("service `{target}`, which is not there"),
            ));
        }
        let service = world.find("Service", namespace, target)?;
        let port = backend.get("port")?;
        let has = read::list(service, "/spec/ports").iter().any(|one| {
            read::text(port, "/name") == read::text(one, "/name")
                && !read::text(port, "/name").is_empty()
                || read::number(port, "/number")
                    .is_some_and(|number| read::number(one, "/port") == Some(number))
        });
        let shown = read::number(port, "/number")
            .map_or_else(|| read::text(port, "/name").to_owned(), |number| number.to_string());
        (!has).then(|| {
            (Root::of(ingress), format!("port {shown} of service `{target}`, which has none such"))
        })
    });
    let secrets = read::list(ingress, "/spec/tls").iter().map(|tls| read::text(tls, "/secretName"));
    let lost = || {
        let mut secrets = secrets.filter(|secret| !secret.is_empty());
        let secret = secrets.find(|secret| world.lacks("Secret", namespace, secret))?;
        Some((
            Root::new("Secret", namespace, secret),
            format!("certificate `{secret}`, which is not there"),
        ))
    };
    let (root, what) = missing.or_else(lost)?;
    Some(
        Cause::new(
            "INGRESS_BACKEND_MISSING",
            Class::Config,
            Finality::CurableBy(Remedy::Object),
            format!("ingress `{name}` in namespace `{namespace}` needs {what}"),
        )
        .because(format!("ingress {name}"), &what)
        .maybe_root(Some(root))
        .fix(format!(
            "correct ingress `{name}` in namespace `{namespace}`, or deploy what it names"
        )),
    )
}
