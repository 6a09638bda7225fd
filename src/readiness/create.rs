//! Why a controller cannot make pods at all: an account, a quota or a rule is in the way. There is
//! no pod to look at then.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy, Root};
use super::commands;
use super::workload::called;
use super::world::{self, World};
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// Why pods of an object are refused, if they are.
pub(super) fn cause(object: &Value, world: &World) -> Option<Cause> {
    let owned = || world.owned("ReplicaSet", read::text(object, "/metadata/uid"));
    let failed = |object: &Value| {
        let condition = read::condition(object, "ReplicaFailure")?;
        let holds = read::text(condition, "/status") == "True";
        holds.then(|| read::text(condition, "/message").to_owned())
    };
    let told = failed(object).or_else(|| owned().find_map(failed));
    let (source, words) = match told {
        Some(words) => ("condition ReplicaFailure", words),
        None => ("event FailedCreate", from_events(object, world)?),
    };
    let mut cause = explain(object, &words, world).affecting(object);
    // What the API server said comes before what the objects tell of it.
    let hints = std::mem::take(&mut cause.evidence);
    cause = cause.because(source, &words);
    cause.evidence.extend(hints);
    Some(cause)
}

/// Controllers without such a condition say it in events alone, and go on trying.
fn from_events(object: &Value, world: &World) -> Option<String> {
    if !["StatefulSet", "DaemonSet", "Job"].contains(&read::kind(object))
        || super::readiness(object, world).is_ready()
    {
        return None;
    }
    let last = world
        .events(object)
        .filter(|event| {
            ["FailedCreate", "SuccessfulCreate"].contains(&read::text(event, "/reason"))
        })
        .last()?;
    (read::text(last, "/reason") == "FailedCreate").then(|| world::message(last).to_owned())
}

fn explain(object: &Value, words: &str, world: &World) -> Cause {
    let namespace = read::namespace(object);
    let who = called(object);
    let tail = words.split_once(" is forbidden: ").map_or(words, |(_, tail)| tail);
    let object_cures = Finality::CurableBy(Remedy::Object);
    let quoted = |lead: &str| {
        words.split_once(lead).and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name)
    };
    let cause = if let Some(account) = quoted("serviceaccount \"") {
        Cause::new("POD_ACCOUNT_MISSING", Class::Prerequisite, object_cures,
            format!("{who} gets no pods: its service account `{account}` is not in namespace `{namespace}`"))
            .root("ServiceAccount", namespace, account)
            .run(CommandLine::kubectl(namespace).args(["create", "serviceaccount", account]))
    } else if let Some((_, quota)) = words.split_once("exceeded quota: ") {
        let name = quota.split(',').next().unwrap_or_default();
        Cause::new(
            "QUOTA_EXCEEDED",
            Class::Prerequisite,
            Finality::Fatal,
            format!("{who} gets no more pods: {tail}"),
        )
        .root("ResourceQuota", namespace, name)
        .fix(format!("raise quota `{name}` in namespace `{namespace}`, or request less"))
    } else if words.contains("violates PodSecurity") {
        Cause::new("POD_SECURITY", Class::Config, Finality::Fatal, format!("{who} gets no pods: namespace `{namespace}` {}", tail.replace("violates", "refuses them, they violate")))
            .fix("set the `securityContext` of pod and containers as the rule wants it, or relax the namespace's label pod-security.kubernetes.io/enforce")
    } else if words.contains("failed calling webhook") {
        webhook(&who, words, world)
    } else {
        let cause = Cause::new(
            "PODS_REFUSED",
            Class::Permanent,
            Finality::Transient,
            format!("{who} gets no pods: {tail}"),
        );
        match advice(words) {
            Some(advice) => cause.fix(advice),
            None => cause.run(commands::describe(object)),
        }
    };
    unspecified(cause, words, namespace)
}

/// Why nobody answers for a service: it is not there, or no pod is behind it.
fn nobody_behind(name: &str, namespace: &str, world: &World) -> Option<(String, String)> {
    let source = format!("service {namespace}/{name}");
    let Some(service) = world.find("Service", namespace, name) else {
        return world.knows("Service").then(|| (source, "it is not there".to_owned()));
    };
    let selector: Vec<(&str, &str)> = read::texts(service, "/spec/selector").collect();
    let selects = |object: &&Value, labels: &str| {
        !selector.is_empty()
            && read::selects(&selector, &read::texts(object, labels).collect::<Vec<_>>())
    };
    if world.within("Pod", namespace).any(|pod| selects(&pod, "/metadata/labels")) {
        return None;
    }
    let mut workloads = world.within("Deployment", namespace);
    let idle = workloads.find(|one| selects(one, "/spec/template/metadata/labels"));
    let words = match idle {
        Some(idle) if read::number(idle, "/spec/replicas") == Some(0) => {
            format!("no pod is behind it: deployment {} is scaled to zero", read::name(idle))
        }
        _ => "no pod is behind it".to_owned(),
    };
    world.knows("Pod").then_some((source, words))
}

/// A quota that wants every pod to say what it requests.
fn unspecified(cause: Cause, words: &str, namespace: &str) -> Cause {
    let Some((quota, lacks)) =
        words.split_once("failed quota: ").and_then(|(_, rest)| rest.split_once(": must specify "))
    else {
        return cause;
    };
    cause.root("ResourceQuota", namespace, quota).fix(format!(
        "set in `resources` of the containers what quota `{quota}` wants ({lacks}), or give namespace `{namespace}` a LimitRange with defaults"
    ))
}

/// What helps against what an admission says, by its words (1.28 to 1.36).
fn advice(words: &str) -> Option<String> {
    const KNOWN: [(&[&str], &str); 4] = [
        (
            &["usage per Container is", "usage per Pod is", "limit to request ratio per"],
            "set `resources` of the containers within what the namespace's LimitRange allows, or change that: kubectl get limitrange shows it",
        ),
        (
            &["no PriorityClass with name"],
            "create that PriorityClass, or take `priorityClassName` out of the pod",
        ),
        (
            &["RuntimeClass \""],
            "create that RuntimeClass, or take `runtimeClassName` out of the pod",
        ),
        (
            &["denied the request"],
            "change what the webhook objects to; who runs it can say which rule that is, or exempt the namespace",
        ),
    ];
    let known = KNOWN.iter().find(|(all, _)| all.iter().any(|one| words.contains(one)));
    known.map(|(_, advice)| (*advice).to_owned())
}

/// A webhook that is asked before a pod is taken, and does not answer: `failed calling webhook
/// "NAME": failed to call webhook: Post "https://SERVICE.NAMESPACE.svc:443/...": ...`.
fn webhook(who: &str, words: &str, world: &World) -> Cause {
    let after = |lead: &str| words.split_once(lead).map(|(_, rest)| rest).unwrap_or_default();
    let name = after("failed calling webhook \"").split('"').next().unwrap_or_default();
    let service = after("Post \"https://").split(['/', ':', '?']).next().unwrap_or_default();
    let behind = if service.is_empty() { String::new() } else { format!(" at `{service}`") };
    let mut cause = Cause::new(
        "WEBHOOK_UNREACHABLE",
        Class::Transient,
        Finality::Transient,
        format!("{who} gets no pods: webhook `{name}`{behind} does not answer"),
    );
    let mut parts = service.split('.');
    if let (Some(service), Some(namespace)) = (parts.next(), parts.next()) {
        cause.needs = Some(Root::new("Service", namespace, service));
        cause = cause.maybe_because(nobody_behind(service, namespace, world));
    }
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    let owner = kinds.iter().flat_map(|kind| world.all(kind)).find(|configuration| {
        read::list(configuration, "/webhooks").iter().any(|one| read::text(one, "/name") == name)
    });
    let Some(owner) = owner else {
        return cause.fix(format!("bring up what answers webhook `{name}`, then wait"));
    };
    let (kind, configuration) = (read::kind(owner), read::name(owner));
    cause.root(kind, "", configuration).fix(format!(
        "bring up the pods behind webhook `{name}` of {kind} `{configuration}`; only if nobody needs it any more, delete that configuration"
    ))
}
