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
    let words = failed(object)
        .or_else(|| owned().find_map(failed))
        .or_else(|| from_events(object, world))?;
    Some(explain(object, &words, world))
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
        Cause::new(
            "PODS_REFUSED",
            Class::Permanent,
            Finality::Transient,
            format!("{who} gets no pods: {tail}"),
        )
        .run(commands::describe(object))
    };
    cause.because("condition ReplicaFailure", words).affecting(object)
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
