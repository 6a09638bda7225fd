//! Readiness of services: somebody answers behind them, and a load balancer has given an address.

use serde_json::Value;

use super::Readiness;
use super::cause::{Cause, Finality, Remedy};
use super::workload::called;
use super::world::World;
use crate::event::CommandLine;
use crate::manifest::{pod_spec, read};
use crate::policy::Class;

/// A service: external and selector-less ones are ready when they are there.
pub(super) fn service(object: &Value, world: &World) -> Readiness {
    let behind = behind(object, world);
    if behind.is_ready() && awaits_address(object) {
        return Readiness::Progressing(format!(
            "LoadBalancer {} waits for an address; a controller has to give it (minikube: `minikube tunnel`)",
            read::name(object)
        ));
    }
    behind
}

/// Whether all that a service lacks is an address from outside, which no controller may ever give.
#[must_use]
pub fn lacks_only_an_address(object: &Value, world: &World) -> bool {
    read::kind(object) == "Service" && awaits_address(object) && behind(object, world).is_ready()
}

fn awaits_address(object: &Value) -> bool {
    read::text(object, "/spec/type") == "LoadBalancer"
        && read::list(object, "/status/loadBalancer/ingress").is_empty()
}

/// Whether somebody answers behind a service.
fn behind(object: &Value, world: &World) -> Readiness {
    if read::text(object, "/spec/type") == "ExternalName" {
        return Readiness::Ready(format!(
            "stands for {}",
            read::text(object, "/spec/externalName")
        ));
    }
    let selector: Vec<(&str, &str)> = read::texts(object, "/spec/selector").collect();
    if selector.is_empty() || !world.knows("EndpointSlice") {
        return Readiness::Ready("present".to_owned());
    }
    match ready_endpoints(object, world) {
        0 => without_endpoints(object, &selector, world),
        1 => Readiness::Ready("1 endpoint ready".to_owned()),
        count => Readiness::Ready(format!("{count} endpoints ready")),
    }
}

/// Whether a service is for one of these workloads: it selects its pods, or nearly so. One that is
/// for none of them is for somebody else's.
#[must_use]
pub fn means<'v>(service: &Value, workloads: impl IntoIterator<Item = &'v Value>) -> bool {
    let selector: Vec<(&str, &str)> = read::texts(service, "/spec/selector").collect();
    workloads.into_iter().any(|workload| {
        read::namespace(workload) == read::namespace(service)
            && pod_spec(workload).is_some()
            && nearness(service, &selector, workload, &labels(workload)) > (0, 0)
    })
}

/// The labels that a workload's pods have.
fn labels(workload: &Value) -> Vec<(&str, &str)> {
    let field = match read::kind(workload) {
        "Pod" => "/metadata/labels",
        "CronJob" => "/spec/jobTemplate/spec/template/metadata/labels",
        _ => "/spec/template/metadata/labels",
    };
    read::texts(workload, field).collect()
}

/// How much speaks for it that a service is for a workload.
fn nearness(
    service: &Value,
    selector: &[(&str, &str)],
    workload: &Value,
    labels: &[(&str, &str)],
) -> (usize, usize) {
    let shared =
        selector.iter().filter(|(_, value)| labels.iter().any(|(_, has)| has == value)).count();
    let (own, name) = (read::name(service), read::name(workload));
    (shared, usize::from(own.starts_with(name) || name.starts_with(own)))
}

fn ready_endpoints(service: &Value, world: &World) -> usize {
    world
        .within("EndpointSlice", read::namespace(service))
        .filter(|slice| {
            read::at(slice, "/metadata/labels/kubernetes.io~1service-name").and_then(Value::as_str)
                == Some(read::name(service))
        })
        .flat_map(|slice| read::list(slice, "/endpoints"))
        // An endpoint that does not say counts as ready.
        .filter(|endpoint| read::at(endpoint, "/conditions/ready") != Some(&Value::Bool(false)))
        .count()
}

/// What a service without ready endpoints means: fine, in progress, or a selector that fits nothing.
fn without_endpoints(service: &Value, selector: &[(&str, &str)], world: &World) -> Readiness {
    let workloads: Vec<(&Value, Vec<(&str, &str)>)> =
        ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"]
            .iter()
            .flat_map(|kind| world.within(kind, read::namespace(service)))
            .filter(|workload| pod_spec(workload).is_some())
            .map(|workload| (workload, labels(workload)))
            .collect();
    let meant: Vec<&Value> = workloads
        .iter()
        .filter(|(_, labels)| read::selects(selector, labels))
        .map(|(workload, _)| *workload)
        .collect();
    // One that a controller made has labels that it sets as it likes, such as that of a leader.
    let is_made = !read::list(service, "/metadata/ownerReferences").is_empty();
    if meant.is_empty() && world.knows("Pod") && !is_made {
        let is_near = workloads
            .iter()
            .any(|(workload, labels)| nearness(service, selector, workload, labels) > (0, 0));
        let other = elsewhere(service, selector, world).filter(|_| !is_near);
        if let Some(other) = other {
            return Readiness::Blocked(in_other_namespace(service, selector, other));
        } else if !workloads.is_empty() {
            return Readiness::Blocked(mismatch(service, selector, &workloads));
        }
    }
    let idle = |workload: &&Value| match read::kind(workload) {
        // They run at times.
        "Job" | "CronJob" => true,
        "Pod" => read::text(workload, "/status/phase") == "Succeeded",
        _ => read::number(workload, "/spec/replicas") == Some(0),
    };
    if !meant.is_empty() && meant.iter().all(idle) {
        return Readiness::Ready("its pods are scaled to zero".to_owned());
    }
    Readiness::Progressing(format!("no pod behind {} is ready", called(service)))
}

/// A workload of another namespace that the selector would select.
fn elsewhere<'w>(
    service: &Value,
    selector: &[(&str, &str)],
    world: &'w World,
) -> Option<&'w Value> {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"];
    kinds.iter().flat_map(|kind| world.all(kind)).find(|workload| {
        read::namespace(workload) != read::namespace(service)
            && !["Succeeded", "Failed"].contains(&read::text(workload, "/status/phase"))
            && read::selects(selector, &labels(workload))
    })
}

fn in_other_namespace(service: &Value, selector: &[(&str, &str)], workload: &Value) -> Cause {
    let (name, namespace) = (read::name(service), read::namespace(service));
    Cause::new(
        "SERVICE_SELECTS_NOTHING",
        Class::Config,
        Finality::CurableBy(Remedy::Dependency),
        format!(
            "{} selects {}, and the only pods with these labels are in namespace `{}`",
            called(service),
            written(selector),
            read::namespace(workload)
        ),
    )
    .likely()
    .because(called(workload), &format!("its pods have {}", written(&labels(workload))))
    .fix(format!(
        "move service `{name}` from namespace `{namespace}` to `{}`, or correct its `selector`",
        read::namespace(workload)
    ))
    .affecting(service)
}

/// Labels that controllers add, of which nobody who writes a selector knows.
const ADDED: [&str; 3] =
    ["controller-revision-hash", "pod-template-generation", "pod-template-hash"];

fn written(labels: &[(&str, &str)]) -> String {
    let own = labels.iter().filter(|(key, _)| !ADDED.contains(key));
    own.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// The labels by which a workload selects its own pods.
fn write_selector(workload: &Value) -> String {
    let labels = read::texts(workload, "/spec/selector/matchLabels");
    labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// A selector that selects none of the pods, beside the labels that come nearest.
fn mismatch(
    service: &Value,
    selector: &[(&str, &str)],
    workloads: &[(&Value, Vec<(&str, &str)>)],
) -> Cause {
    let mut cause = Cause::new(
        "SERVICE_SELECTS_NOTHING",
        Class::Config,
        Finality::CurableBy(Remedy::Dependency),
        format!("{} selects {}, and no pod has these labels", called(service), written(selector)),
    );
    let near = |workload: &Value, labels| nearness(service, selector, workload, labels);
    // Of those that are equally near the first: what makes pods stands before its pods.
    let nearest = workloads.iter().rev().max_by_key(|(workload, labels)| near(workload, labels));
    if let Some((nearest, labels)) = nearest {
        cause = cause.because(called(nearest), &format!("its pods have {}", written(labels)));
    }
    let (own_name, namespace) = (read::name(service), read::namespace(service));
    let meant = nearest.filter(|(workload, labels)| near(workload, labels) > (0, 0));
    let labels = meant.map(|(workload, _)| write_selector(workload)).unwrap_or_default();
    let cause = if labels.is_empty() {
        cause.fix(format!(
            "correct `selector` of service `{own_name}` in namespace `{namespace}`, or delete the service if what it was for is gone"
        ))
    } else {
        let set = CommandLine::kubectl(namespace).args(["set", "selector", "service", own_name]);
        cause.run(set.arg(labels))
    };
    cause.affecting(service)
}
