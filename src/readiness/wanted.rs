//! A secret or configuration map that is not there, or that lacks keys: what is said of it, and what
//! helps, also once several pods want other keys of it.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::workload::called;
use super::world::World;
use crate::event::CommandLine;
use crate::manifest::read;
use crate::manifest::references::Target;
use crate::policy::Class;

/// What pods want and do not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    target: Target,
    namespace: String,
    name: String,
    /// Whether all of it is missing.
    is_absent: bool,
    /// The keys that are read of it, or that it lacks.
    keys: Vec<String>,
}

impl Wanted {
    /// What one pod wants.
    pub(super) fn of(
        pod: &Value,
        target: Target,
        name: &str,
        is_absent: bool,
        keys: Vec<String>,
    ) -> Self {
        let namespace = read::namespace(pod).to_owned();
        Self { target, namespace, name: name.to_owned(), is_absent, keys }
    }

    /// Why a pod waits for it.
    pub(super) fn cause(self, pod: &Value) -> Cause {
        let code = match (self.target, self.is_absent) {
            (Target::ConfigMap, true) => "CONFIG_MAP_MISSING",
            (Target::ConfigMap, false) => "CONFIG_MAP_KEY_MISSING",
            (_, true) => "SECRET_MISSING",
            (_, false) => "SECRET_KEY_MISSING",
        };
        let summary = self.told(&called(pod), Number::One);
        let kind = self.target.kind();
        let cure = Finality::CurableBy(Remedy::Object);
        let cause = Cause::new(code, Class::Prerequisite, cure, summary)
            .run(self.fix())
            .root(kind, &self.namespace, &self.name)
            .affecting(pod);
        Cause { wanted: Some(self), ..cause }
    }

    /// A cause with what may be meant in place of it: the same in another namespace, or a name
    /// almost the same.
    pub(super) fn hinted(cause: Cause, world: &World) -> Cause {
        let Some(wanted) = cause.wanted.clone() else { return cause };
        let kind = wanted.target.kind();
        let other = world.elsewhere(kind, &wanted.namespace, &wanted.name);
        let elsewhere = other.filter(|_| wanted.is_absent).map(|other| {
            let words = "has a KIND of this name; pods read those of their own namespace alone";
            (format!("namespace {other}"), words.replace("KIND", kind))
        });
        let own = || format!("namespace {}", wanted.namespace);
        let near = wanted.near(world).map(|near| (own(), near));
        cause.maybe_because(elsewhere).maybe_because(near)
    }

    /// What is there under a name so close to the one that is wanted that it may be meant.
    fn near(&self, world: &World) -> Option<String> {
        let kind = self.target.kind();
        if self.is_absent {
            let names = world.within(kind, &self.namespace).map(read::name);
            let near = nearest(&self.name, names)?;
            return Some(format!("has a {kind} `{near}`: is that one meant?"));
        }
        let own = world.find(kind, &self.namespace, &self.name)?;
        let keys = || ["/data", "/binaryData"].iter().flat_map(|map| read::keys(own, map));
        let (key, near) = self.keys.iter().find_map(|key| Some((key, nearest(key, keys())?)))?;
        Some(format!("{kind} `{}` has key `{near}`: is that meant by `{key}`?", self.name))
    }

    /// The same for pods that want other keys of it; `None` if these say nothing new.
    pub(super) fn with(&self, other: &Self) -> Option<Self> {
        let more: Vec<String> =
            other.keys.iter().filter(|key| !self.keys.contains(key)).cloned().collect();
        (!more.is_empty())
            .then(|| Self { keys: [self.keys.clone(), more].concat(), ..self.clone() })
    }

    /// A cause in the words for all of its pods.
    pub(super) fn retold(self, cause: Cause) -> Cause {
        let (who, number) = match cause.affects.as_slice() {
            [only] => (format!("pod {only}"), Number::One),
            all => (format!("{} pods", all.len()), Number::Many),
        };
        let summary = self.told(&who, number);
        Cause { summary, wanted: Some(self.clone()), ..cause }.run(self.fix())
    }

    fn told(&self, who: &str, number: Number) -> String {
        let Self { namespace, name, keys, .. } = self;
        let kind = self.target.kind();
        let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        let quoted = quoted.join(", ");
        let many = if keys.len() == 1 { "key" } else { "keys" };
        let (need, it, read) = match number {
            Number::One => ("needs", "it reads", "reads"),
            Number::Many => ("need", "they read", "read"),
        };
        if !self.is_absent {
            return format!(
                "{kind} `{name}` in namespace `{namespace}` lacks the {many} {quoted} that {who} {read}"
            );
        }
        let keys = if keys.is_empty() {
            String::new()
        } else {
            format!(", of which {it} {many} {quoted}")
        };
        format!("{who} {need} {kind} `{name}`{keys}, which is not in namespace `{namespace}`")
    }

    fn fix(&self) -> CommandLine {
        let fix = if self.is_absent { commands::create } else { commands::add_keys };
        fix(self.target.kind(), &self.namespace, &self.name, &self.keys)
    }
}

/// A name that differs in two letters at most, or only in what stands between its words.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let is_near = |name: &&str| {
        let most = if wanted.len() < 6 { 1 } else { 2 };
        *name != wanted
            && name.len().abs_diff(wanted.len()) < 5
            && (plain(name) == plain(wanted) || strsim::damerau_levenshtein(name, wanted) <= most)
    };
    names.filter(is_near).min()
}

/// How many pods a sentence is about.
#[derive(Clone, Copy)]
enum Number {
    One,
    Many,
}
