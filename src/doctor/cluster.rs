//! What is wrong inside a cluster: the causes of everything that somebody applied, grouped by the
//! object at fault, with what follows from them folded under them, the weightiest first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::finding::Finding;
use super::grace::is_young;
use super::rule::{self, Layer};
use super::{affected, shared_causes};
use super::{helm, ingress, node, schedule, service, storage};
use crate::event::Form;
use crate::manifest::images::ImageName;
use crate::manifest::read;
use crate::readiness::keeper::respecting;
use crate::readiness::registry_answer::{Answers, with_answers};
use crate::readiness::{
    Cause, LogSource, PullSource, Readiness, Root, World, cause, causes, crash_log, judge, top,
};

/// The kinds that people apply and that can be in trouble.
const KINDS: [&str; 12] = [
    "Namespace",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Pod",
    "Service",
    "Application",
];

/// What is asked once it is known what matters, and may not be to be had.
pub trait Aside {
    /// The last lines of a container's log.
    fn log(&self, source: &LogSource) -> Option<String>;

    /// What registries say of an image.
    fn answers(&self, source: &PullSource) -> Option<Answers>;
}

/// Logs alone.
impl<F: Fn(&LogSource) -> Option<String>> Aside for F {
    fn log(&self, source: &LogSource) -> Option<String> {
        self(source)
    }

    fn answers(&self, _: &PullSource) -> Option<Answers> {
        None
    }
}

/// Everything that is wrong, causes only; `taken` is when the objects were listed.
#[must_use]
pub fn findings(world: &World, taken: Option<Timestamp>, aside: &impl Aside) -> Vec<Finding> {
    let judged = world.judged(of_all).iter();
    let mut judged: Vec<(Root, Cause)> =
        judged.filter(|(_, cause)| !is_young(cause, world, taken)).cloned().collect();
    of_one_source(&mut judged);
    let causes = cause::fold(judged.iter().map(|(_, cause)| cause.clone()).collect());
    let mut places: HashMap<(&str, Option<&Root>), Vec<Root>> = HashMap::new();
    for (root, cause) in &judged {
        places.entry((cause.code, cause.root.as_ref())).or_default().push(root.clone());
    }
    let told = causes.into_iter().map(|cause| {
        let judged = places.get(&(cause.code, cause.root.as_ref())).cloned();
        (with_aside(cause, world, aside), judged.unwrap_or_default())
    });
    let mut findings: Vec<Finding> = shared_causes::gathered(told.collect(), world)
        .into_iter()
        .map(|(cause, judged)| finding(&cause, judged, world))
        .collect();
    let more = node::causes(world)
        .chain(storage::causes(world))
        .chain(schedule::causes(world))
        .chain(helm::causes(world, taken))
        .chain(ingress::causes(world));
    let more = more.filter(|cause| !is_young(cause, world, taken));
    merge(&mut findings, more.map(|cause| finding(&cause, Vec::new(), world)).collect());
    merge(&mut findings, service::findings(world, taken));
    let mut findings = without_symptoms(&findings);
    rank(&mut findings);
    findings
}

/// Puts what several workloads want in vain, such as an image, under the first of them: it is one
/// trouble, and what helps one helps all.
fn of_one_source(judged: &mut [(Root, Cause)]) {
    let mut first: HashMap<(&str, Option<&str>, String), Root> = HashMap::new();
    let key = |object: &Root, cause: &Cause| {
        let source = (cause.root.as_ref() == Some(object)).then(|| source(cause)).flatten();
        source.map(|source| (cause.code, cause.rule, source))
    };
    let place = |root: &Root| (root.namespace.clone(), root.name.clone());
    for (object, cause) in judged.iter() {
        let Some(key) = key(object, cause) else { continue };
        let first = first.entry(key).or_insert_with(|| object.clone());
        if place(object) < place(first) {
            *first = object.clone();
        }
    }
    for (object, cause) in judged {
        if let Some(first) = key(object, cause).and_then(|key| first.get(&key)) {
            cause.root = Some(first.clone());
        }
    }
}

/// What workloads have in common that have this cause: an image, a registry that wants a login in
/// their namespace, the taint or the label of a node.
fn source(cause: &Cause) -> Option<String> {
    let pull = cause.pull.as_ref();
    match (cause.code, cause.rule) {
        (code, _) if code.starts_with("IMAGE_") => Some(pull?.image.clone()),
        ("PULL_CREDENTIALS_MISSING", Some("PULL-01" | "PULL-03" | "PULL-04")) => {
            let registry = ImageName::parse(&pull?.image).registry;
            Some(format!("{} {registry}", pull?.namespace))
        }
        ("NODE_TAINT" | "NODE_SELECTOR", _) => {
            let fix = cause.fix.as_ref().filter(|fix| fix.form != Some(Form::Advice))?;
            Some(fix.command.clone())
        }
        _ => None,
    }
}

/// Objects by their names: which of several stands for them must not depend on how they were listed.
fn in_order(objects: &[Value]) -> Vec<&Value> {
    let mut all: Vec<&Value> = objects.iter().collect();
    all.sort_by_key(|object| (read::namespace(object), read::name(object)));
    all
}

/// What keeps most down comes first, then what is nearest to the machine, then what is surest.
fn rank(findings: &mut [Finding]) {
    let weight = |finding: &Finding| {
        (Reverse(finding.affects.len()), finding.rule.layer, finding.confidence)
    };
    findings.sort_by_key(weight);
}

fn with_aside(cause: Cause, world: &World, aside: &impl Aside) -> Cause {
    let cause = match cause.log.as_ref().and_then(|source| aside.log(source)) {
        Some(log) => crash_log::with_log(cause, &log, world),
        None => cause,
    };
    match cause.pull.as_ref().and_then(|source| aside.answers(source)) {
        Some(answers) => with_answers(cause, &answers),
        None => cause,
    }
}

fn of_all(world: &World) -> Vec<(Root, Cause)> {
    let applied = KINDS.iter().flat_map(|kind| in_order(world.all(kind)));
    applied
        .filter(|object| std::ptr::eq(top(object, world), *object))
        .flat_map(|object| of_object(object, world).into_iter().map(|one| (Root::of(object), one)))
        .collect()
}

fn of_object(object: &Value, world: &World) -> Vec<Cause> {
    let mut found = causes(object, world);
    if let Readiness::Failed(cause) | Readiness::Blocked(cause) = judge(object, world) {
        found.push(cause);
    }
    for cause in &mut found {
        cause.root.get_or_insert_with(|| Root::of(object));
    }
    found
}

/// A cause with what it keeps down, beginning with the objects that were judged. A registry is at
/// fault itself only where it fails several.
fn finding(cause: &Cause, judged: Vec<Root>, world: &World) -> Finding {
    let mut cause = respecting(cause.clone(), world);
    // What it shows in beside pods is told by its name.
    cause.affects.retain(|one| {
        let pod = one.split_once('/');
        pod.is_some_and(|(namespace, name)| world.find("Pod", namespace, name).is_some())
    });
    let cause = &cause;
    let failure = cause.failure();
    let first = judged.first().cloned();
    let services = judged
        .iter()
        .filter_map(|root| world.find(&root.kind, &root.namespace, &root.name))
        .flat_map(|object| affected::services_of(object, world));
    let mut affects: Vec<Root> = services.collect();
    affects.splice(..0, judged);
    affects.extend(affected::of_pods(&cause.affects, world));
    affects.sort();
    affects.dedup();
    let mut root = cause.root.clone().or(first).unwrap_or_else(|| Root::new("", "", ""));
    let workloads: Vec<&Root> = affects.iter().filter(|root| root.kind != "Service").collect();
    if let (true, [only]) = (root.kind == "Registry", workloads.as_slice()) {
        root = (*only).clone();
    }
    affects.sort();
    affects.dedup();
    affects.retain(|one| *one != root);
    Finding {
        rule: rule::of(cause),
        root,
        summary: failure.summary,
        evidence: failure.evidence,
        fix: failure.fix,
        confidence: cause.confidence,
        whose: cause.whose,
        affects,
        pods: cause.affects.len(),
        needs: cause.needs.clone(),
        registry: cause.pull.as_ref().map(|pull| ImageName::parse(&pull.image).registry),
        is_by_hand: cause.is_by_hand,
    }
}

/// Adds what another look found, where nobody has the same object at fault yet.
fn merge(findings: &mut Vec<Finding>, more: Vec<Finding>) {
    let touched = |one: &Finding| one.affects.iter().chain([&one.root]).cloned().collect();
    let mut known: HashSet<Root> =
        findings.iter().flat_map(|one| -> Vec<Root> { touched(one) }).collect();
    for one in more {
        if !known.contains(&one.root) {
            known.extend::<Vec<Root>>(touched(&one));
            findings.push(one);
        }
    }
}

/// Leaves out what follows from another finding, and tells there what it keeps down.
fn without_symptoms(findings: &[Finding]) -> Vec<Finding> {
    let index = Index::of(findings);
    let above: Vec<Option<usize>> = findings
        .iter()
        .map(|one| index.near(one).into_iter().find(|&other| follows(one, &findings[other])))
        .collect();
    // Two that ask for each other in vain are both told.
    let top = |from: usize| {
        let mut at = from;
        for _ in 0..findings.len() {
            let Some(next) = above[at] else { return at };
            at = next;
        }
        from
    };
    let tops: Vec<usize> = (0..findings.len()).map(top).collect();
    let mut kept = findings.to_vec();
    for (at, &top) in tops.iter().enumerate().filter(|(at, top)| at != *top) {
        let below = findings[at].affects.iter().chain([&findings[at].root]);
        kept[top].affects.extend(below.cloned());
    }
    let mut at = 0;
    kept.retain(|_| {
        at += 1;
        tops[at - 1] == at - 1
    });
    for one in &mut kept {
        one.affects.sort();
        one.affects.dedup();
        one.affects.retain(|affected| *affected != one.root);
    }
    kept
}

/// Findings by the objects that they are at, or keep down.
struct Index<'f>(HashMap<&'f Root, BTreeSet<usize>>);

impl<'f> Index<'f> {
    fn of(findings: &'f [Finding]) -> Self {
        let mut places: HashMap<&Root, BTreeSet<usize>> = HashMap::new();
        for (at, one) in findings.iter().enumerate() {
            for root in one.affects.iter().chain([&one.root]) {
                places.entry(root).or_default().insert(at);
            }
        }
        Self(places)
    }

    /// Those that one may follow from, in their order.
    fn near(&self, one: &Finding) -> BTreeSet<usize> {
        let roots = [Some(&one.root), one.needs.as_ref()].into_iter().flatten();
        roots.filter_map(|root| self.0.get(root)).flatten().copied().collect()
    }
}

/// Whether one finding has another as its cause: an object that a cause nearer to the machine keeps
/// down has no cause of its own, nor has one that asks in vain for what another keeps down.
fn follows(one: &Finding, other: &Finding) -> bool {
    if std::ptr::eq(one, other) {
        return false;
    }
    let keeps_down = |root: &Root| other.root == *root || other.affects.contains(root);
    other.rule.layer < one.rule.layer && other.affects.contains(&one.root) && !are_apart(one, other)
        || other.rule.layer <= one.rule.layer && other.root == one.root && is_rollout(one)
        || one.needs.as_ref().is_some_and(keeps_down)
}

/// Whether both say what a container of some pod waits for before it starts: each is proven by that
/// container's own words, and healing one leaves the other.
fn are_apart(one: &Finding, other: &Finding) -> bool {
    let starts = Layer::Object..=Layer::Create;
    let is_container = |finding: &Finding| {
        starts.contains(&finding.rule.layer)
            && ["PULL-", "CFG-0"].iter().any(|lead| finding.rule.id.starts_with(lead))
    };
    is_container(one) && is_container(other)
}

/// Whether it only says that something did not come up in time, or does not do its work.
fn is_rollout(finding: &Finding) -> bool {
    ["ROLL-01", "CFG-08"].contains(&finding.rule.id)
}
