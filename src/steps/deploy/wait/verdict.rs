//! Decides over all objects of a wait: all are ready, one is lost, or there is still something to
//! wait for. The time is told, and who else may help.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::Instant;

use super::follow::Touched;
use super::limits::Limits;
use super::needs::needs;
use super::part::Part;
use crate::manifest::read;
use crate::readiness::{Finality, Readiness, Remedy, World};

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// All that has to be ready is.
    Settled,
    /// This one will not be ready.
    Lost(usize),
    /// There is something to wait for, until then at the latest.
    Wait(Option<Instant>),
}

/// All objects of a wait.
pub(super) struct Verdict {
    /// The objects in the order of their files.
    pub(super) parts: Vec<Part>,
    limits: Limits,
    needs: Vec<BTreeSet<usize>>,
    /// Since when nothing but addresses is missing.
    only_addresses: Option<Instant>,
}

impl Verdict {
    /// Nothing is known of these yet.
    pub(super) fn new(parts: Vec<Part>, limits: Limits) -> Self {
        let needs = needs(&parts);
        Self { parts, limits, needs, only_addresses: None }
    }

    /// Whether a part stands still.
    pub(super) fn stands_still(&self) -> bool {
        self.parts.iter().any(|part| part.cause().is_some())
    }

    /// Whether there is nothing yet of what the wait is for.
    pub(super) fn is_to_come(&self) -> bool {
        self.parts.iter().filter(|part| !part.is_optional()).all(Part::is_to_come)
    }

    /// What is to be done, as things stand.
    pub(super) fn decide(&mut self, now: Instant, may_come: &dyn Fn(Remedy) -> bool) -> Decision {
        let mut lost: Option<(Instant, usize)> = None;
        for at in 0..self.parts.len() {
            let help = self.help(at, may_come);
            let part = &mut self.parts[at];
            let cause = match &part.state {
                Readiness::Failed(cause) | Readiness::Blocked(cause) => Some(cause),
                Readiness::Ready(_) | Readiness::Progressing(_) => None,
            };
            part.patience.note(cause, help, now);
            if let Some(cause) = cause
                && (help.is_none() || cause.finality == Finality::Fatal)
                && let Some(ends) = part.patience.ends(cause, &self.limits)
                && !part.is_optional()
                && lost.is_none_or(|(first, _)| ends < first)
            {
                lost = Some((ends, at));
            }
        }
        match lost {
            Some((ends, at)) if ends <= now => Decision::Lost(at),
            _ => {
                let looks = self.parts.iter().filter_map(|part| part.look_again);
                self.settled_or(looks.chain(lost.map(|(ends, _)| ends)).min(), now)
            }
        }
    }

    fn settled_or(&mut self, wake: Option<Instant>, now: Instant) -> Decision {
        let mut missing = self
            .parts
            .iter()
            .filter(|part| !part.is_optional() && !part.state.is_ready())
            .peekable();
        if missing.peek().is_none() {
            return Decision::Settled;
        }
        if !missing.all(|part| part.lacks_address) {
            self.only_addresses = None;
            return Decision::Wait(wake);
        }
        let ends = *self.only_addresses.get_or_insert(now) + self.limits.address;
        if ends <= now { Decision::Settled } else { Decision::Wait(Some(ends)) }
    }

    /// What may help an object: another step of the run, or an object that still comes up. For one
    /// that does not stand still, whether something comes up that it may need.
    fn help(&self, at: usize, may_come: &dyn Fn(Remedy) -> bool) -> Option<Remedy> {
        let remedy = match &self.parts[at].state {
            Readiness::Blocked(cause) => match cause.finality {
                Finality::CurableBy(remedy) => remedy,
                Finality::Fatal | Finality::Transient => return None,
            },
            Readiness::Progressing(_) => Remedy::Dependency,
            Readiness::Ready(_) | Readiness::Failed(_) => return None,
        };
        let siblings = || remedy == Remedy::Dependency && self.awaited_by(at, may_come).is_some();
        (may_come(remedy) || siblings()).then_some(remedy)
    }

    /// The first other object that still comes up and does not wait for this one.
    fn awaited_by(&self, at: usize, may_come: &dyn Fn(Remedy) -> bool) -> Option<&Part> {
        let mut others = self.parts.iter().enumerate().filter(|(other, part)| {
            let may_help = part.works() && !part.is_to_come();
            *other != at && may_help && !self.needs[*other].contains(&at)
        });
        others.find(|(_, part)| comes_up(part, may_come)).map(|(_, part)| part)
    }

    /// What a part that stands still is borne with for: another object that comes up.
    pub(super) fn sibling_of(&self, at: usize) -> Option<&Part> {
        self.awaited_by(at, &|_| false)
    }

    /// Marks what has to be judged again because of a change.
    pub(super) fn touch(&mut self, touched: &Touched, world: &World) {
        match touched {
            Touched::All => self.parts.iter_mut().for_each(|part| part.is_touched = true),
            Touched::One(object) => self.touch_by(object, world),
        }
    }

    fn touch_by(&mut self, object: &Value, world: &World) {
        let kind = read::kind(object);
        let namespace = read::namespace(object);
        let about = match kind {
            "Event" => about(object),
            "EndpointSlice" => {
                let label = "/metadata/labels/kubernetes.io~1service-name";
                vec![("Service".to_owned(), read::text(object, label).to_owned())]
            }
            _ => {
                let mut own = vec![(kind.to_owned(), read::name(object).to_owned())];
                own.extend(owners(object));
                own
            }
        };
        let touched = with_owners(about, namespace, world);
        let shared = SHARED.contains(&kind);
        for part in &mut self.parts {
            let is_own = part.namespace() == namespace
                && touched.contains(&(part.id.kind.clone(), part.id.name.clone()));
            // What selects pods, or is used by them, is not their owner.
            let is_beside = kind != "Event"
                && part.namespace() == namespace
                && ["Service", "PersistentVolumeClaim"].contains(&part.id.kind.as_str());
            let is_stuck = shared && (namespace.is_empty() || part.namespace() == namespace);
            if is_own || !part.state.is_ready() && (is_beside || is_stuck) {
                part.is_touched = true;
            }
        }
    }
}

/// Kinds that any object may depend on.
const SHARED: [&str; 8] = [
    "ConfigMap",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "Secret",
    "ServiceAccount",
    "StorageClass",
];

/// Whether something that runs is on its way.
fn comes_up(part: &Part, may_come: &dyn Fn(Remedy) -> bool) -> bool {
    match &part.state {
        Readiness::Progressing(_) => true,
        Readiness::Blocked(cause) => match cause.finality {
            Finality::CurableBy(Remedy::Dependency) | Finality::Fatal => false,
            Finality::CurableBy(remedy) => may_come(remedy),
            Finality::Transient => true,
        },
        Readiness::Ready(_) | Readiness::Failed(_) => false,
    }
}

/// Kind and name of what an event is about.
fn about(event: &Value) -> Vec<(String, String)> {
    ["/involvedObject", "/regarding"]
        .iter()
        .filter_map(|field| event.pointer(field))
        .map(|about| (read::text(about, "/kind").to_owned(), read::text(about, "/name").to_owned()))
        .collect()
}

/// Kind and name of what owns an object.
fn owners(object: &Value) -> impl Iterator<Item = (String, String)> {
    let text = |owner, field| read::text(owner, field).to_owned();
    let owners = read::list(object, "/metadata/ownerReferences").iter();
    owners.map(move |owner| (text(owner, "/kind"), text(owner, "/name")))
}

/// These objects and what owns them, by kind and name.
fn with_owners(
    mut objects: Vec<(String, String)>,
    namespace: &str,
    world: &World,
) -> Vec<(String, String)> {
    let mut next = 0;
    while let Some((kind, name)) = objects.get(next).cloned() {
        next += 1;
        let Some(object) = world.find(&kind, namespace, &name) else { continue };
        for owner in owners(object) {
            if !objects.contains(&owner) {
                objects.push(owner);
            }
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::{ObjectId, Served};

    fn object(kind: &str, name: &str, owner: Option<(&str, &str)>) -> Value {
        let owners = owner.map(|(kind, name)| json!([{ "kind": kind, "name": name, "uid": name }]));
        json!({ "kind": kind, "metadata": { "namespace": "n", "name": name, "uid": name,
            "ownerReferences": owners } })
    }

    fn part(kind: &str, name: &str) -> Part {
        let group = if kind == "Deployment" { "apps" } else { "" };
        let id = ObjectId {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some("n".to_owned()),
            name: name.to_owned(),
        };
        let served = Served::built_in(&id).unwrap();
        let mut part = Part::required(id, served, Value::Null, true);
        part.is_touched = false;
        part
    }

    /// The parts that a change makes the wait look at again, by kind and name.
    fn touched(verdict: &mut Verdict, change: Value, world: &World) -> Vec<String> {
        verdict.touch(&Touched::One(Box::new(change)), world);
        let mut names = Vec::new();
        for part in &mut verdict.parts {
            if std::mem::take(&mut part.is_touched) {
                names.push(part.id.short());
            }
        }
        names
    }

    #[test]
    fn a_change_of_one_pod_of_a_thousand_is_looked_at_for_its_owner_alone() {
        let mut world = World::default();
        let mut parts = vec![part("Service", "api"), part("PersistentVolumeClaim", "data")];
        for at in 0..100 {
            let (name, set) = (format!("d{at}"), format!("d{at}-1"));
            parts.push(part("Deployment", &name));
            world.put("ReplicaSet", object("ReplicaSet", &set, Some(("Deployment", &name))));
            for pod in 0..10 {
                let pod = format!("{set}-{pod}");
                world.put("Pod", object("Pod", &pod, Some(("ReplicaSet", &set))));
            }
        }
        parts[1].state = Readiness::Ready("bound".to_owned());
        let mut verdict = Verdict::new(parts, Limits::default());
        let pod = || object("Pod", "d42-1-7", Some(("ReplicaSet", "d42-1")));
        assert_eq!(touched(&mut verdict, pod(), &world), ["service/api", "deployment/d42"]);
        let mut event = object("Event", "e", None);
        event["involvedObject"] = json!({ "kind": "Pod", "name": "d42-1-7" });
        assert_eq!(touched(&mut verdict, event, &world), ["deployment/d42"]);
        let set = object("ReplicaSet", "d42-1", Some(("Deployment", "d42")));
        assert_eq!(touched(&mut verdict, set, &world), ["service/api", "deployment/d42"]);
        // Who went is still somebody's.
        world.take("Pod", "n", "d42-1-7");
        assert_eq!(touched(&mut verdict, pod(), &world), ["service/api", "deployment/d42"]);
        let secret = object("Secret", "s", None);
        assert_eq!(touched(&mut verdict, secret, &world).len(), 101);
    }
}
