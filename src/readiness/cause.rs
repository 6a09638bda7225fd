//! A cause: why an object is not ready, what proves it, and whether waiting can help.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wanted::Wanted;
use crate::event::{CommandLine, Evidence, Fix};
use crate::manifest::read;
use crate::policy::{Class, Failure};

/// Most lines of evidence where those of other pods are among them.
const MOST_OTHERS: usize = 4;

/// Longest text of one line of evidence, in characters.
const LONGEST: usize = 400;

/// Whether a state ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finality {
    /// It stays until somebody changes what was applied.
    Fatal,
    /// It ends when another step does its work; without such a step it stays.
    CurableBy(Remedy),
    /// It may end by itself.
    Transient,
}

/// What ends a state that does not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// A pull secret with the right credentials.
    PullSecret,
    /// The image, on the node or in its registry.
    Image,
    /// The object named as root: a secret, a configuration map, a claim, an account, a class.
    Object,
    /// Another part of the environment that is not up yet.
    Dependency,
    /// The cluster's nodes.
    Nodes,
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// The objects prove it.
    Proven,
    /// Much speaks for it.
    Likely,
}

/// Whose the trouble is: who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The cluster's, the machine's, or that of what was deployed.
    Environment,
    /// The program's in the container: its code, its data, what it was built from.
    Application,
}

/// The object that is at fault; it need not exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Root {
    /// Its kind.
    pub kind: String,
    /// Its namespace, empty for objects of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Root {
    /// A root by its names.
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The object itself as root.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self::new(read::kind(object), read::namespace(object), read::name(object))
    }
}

/// The container whose log tells more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSource {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Processor architecture of its node, where it is known.
    pub architecture: Option<String>,
}

/// The image that a node could not get: its registry can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PullSource {
    /// Namespace of the pod.
    pub namespace: String,
    /// The image as the pod names it.
    pub image: String,
    /// The pull secrets that the pod names.
    pub secrets: Vec<String>,
}

/// Code, object at fault, container and, without an object, words.
type Likeness = (&'static str, Option<Root>, Option<String>, String);

/// Why an object is not ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Stable identifier, listed in `docs/failures.md`.
    pub code: &'static str,
    /// What it means for the run once waiting is given up.
    pub class: Class,
    /// One sentence without a final period.
    pub summary: String,
    /// What proves it.
    pub evidence: Vec<Evidence>,
    /// What helps.
    pub fix: Option<Fix>,
    /// Whether waiting helps.
    pub finality: Finality,
    /// The object at fault: one that is missing or wrong, else the one that was judged.
    pub root: Option<Root>,
    /// The pods or other objects in which it shows: `namespace/name`.
    pub affects: Vec<String>,
    /// Where to read on, for crashes.
    pub log: Option<LogSource>,
    /// The image that could not be had, for pulls.
    pub pull: Option<PullSource>,
    /// The secret or configuration map that is wanted, for what is missing.
    pub wanted: Option<Wanted>,
    /// How often it was tried again; 0 where nobody counts.
    pub attempt: i64,
    /// The rule of the catalogue, where the code stands for several: `PROBE-03`.
    pub rule: Option<&'static str>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who has to change something.
    pub whose: Whose,
    /// What the container asks for in vain, where its log names it: trouble there comes first.
    pub needs: Option<Root>,
    /// Whether only a person can end it, although mlup can where the rule fires otherwise.
    pub is_by_hand: bool,
}

impl Cause {
    /// A cause with its words, and nothing to prove it yet.
    pub(crate) fn new(
        code: &'static str,
        class: Class,
        finality: Finality,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            code,
            class,
            summary: summary.into(),
            evidence: Vec::new(),
            fix: None,
            finality,
            root: None,
            affects: Vec::new(),
            log: None,
            pull: None,
            wanted: None,
            attempt: 0,
            rule: None,
            confidence: Confidence::Proven,
            whose: Whose::Environment,
            needs: None,
            is_by_hand: false,
        }
    }

    pub(crate) fn rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    pub(crate) fn likely(mut self) -> Self {
        self.confidence = Confidence::Likely;
        self
    }

    pub(super) fn logged(mut self, log: Option<LogSource>) -> Self {
        self.log = log;
        self
    }

    pub(super) fn by_hand(mut self) -> Self {
        self.is_by_hand = true;
        self
    }

    pub(crate) fn because(mut self, source: impl Into<String>, text: &str) -> Self {
        let text = text.trim();
        let text = match text.char_indices().nth(LONGEST) {
            Some((cut, _)) => format!("{}...", &text[..cut]),
            None => text.to_owned(),
        };
        if !text.is_empty() {
            self.evidence.push(Evidence::new(source, text));
        }
        self
    }

    /// A line of evidence, where there is one.
    pub(super) fn maybe_because(self, line: Option<(String, String)>) -> Self {
        match line {
            Some((source, text)) => self.because(source, &text),
            None => self,
        }
    }

    /// What is done by hand; a command is [`Cause::run`].
    pub(crate) fn fix(mut self, instruction: impl Into<String>) -> Self {
        self.fix = Some(Fix::advice(instruction));
        self
    }

    /// The command that helps.
    pub(crate) fn run(mut self, line: CommandLine) -> Self {
        self.fix = Some(Fix::run(line));
        self
    }

    pub(crate) fn root(mut self, kind: &str, namespace: &str, name: &str) -> Self {
        self.root = Some(Root::new(kind, namespace, name));
        self
    }

    pub(crate) fn maybe_root(mut self, root: Option<Root>) -> Self {
        self.root = root.or(self.root);
        self
    }

    pub(crate) fn affecting(mut self, object: &Value) -> Self {
        self.affects.push(format!("{}/{}", read::namespace(object), read::name(object)));
        self
    }

    /// The container that crashes, where one does: two of a pod have two troubles.
    fn container(&self) -> Option<&str> {
        self.log.as_ref().map(|log| log.container.as_str())
    }

    /// This cause with another one's words as evidence.
    pub(super) fn also(mut self, other: &Self) -> Self {
        self.evidence.push(Evidence::new("pods", other.summary.clone()));
        self.evidence.extend(other.evidence.iter().cloned());
        self.fix = self.fix.or_else(|| other.fix.clone());
        self
    }

    /// The failure that this cause is once waiting is given up.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let mut failure = Failure::new(self.class, self.code, self.told());
        failure.evidence = self
            .evidence
            .iter()
            .take(if self.affects.len() > 1 { 4 } else { 5 })
            .cloned()
            .collect();
        if self.affects.len() > 1 {
            failure = failure.because("affects", self.affected());
        }
        Failure { fix: self.fix.clone(), ..failure }
    }

    /// The sentence, with whose the trouble is where it is not the environment's.
    fn told(&self) -> String {
        match self.whose {
            Whose::Environment => self.summary.clone(),
            Whose::Application => format!("{} (in your application)", self.summary),
        }
    }

    /// Whether another cause is the same trouble in another place.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        other.likeness() == self.likeness()
    }

    /// What causes have in common that are the same trouble in several places: without an object at
    /// fault, their words.
    fn likeness(&self) -> Likeness {
        let words = if self.root.is_none() { self.summary.clone() } else { String::new() };
        let container = self.container().map(str::to_owned);
        (self.code, self.root.clone(), container, words)
    }

    /// Takes what another one of the same root knows beside it: other keys of a secret, another
    /// image of a workload.
    fn learn(&mut self, other: &Self) {
        let more = self.wanted.as_ref().zip(other.wanted.as_ref());
        let news = more.and_then(|(own, more)| own.with(more));
        let image = |cause: &Self| cause.pull.as_ref().map(|pull| pull.image.clone());
        let of_image = self.code.starts_with("IMAGE_") && image(self) != image(other);
        if news.is_some() || of_image && !self.says(&other.summary) {
            let words =
                if of_image { Some(Evidence::new("also", other.summary.clone())) } else { None };
            let room = MOST_OTHERS.saturating_sub(self.evidence.len());
            self.evidence
                .extend(words.into_iter().chain(other.evidence.iter().cloned()).take(room));
        }
        self.wanted = news.or_else(|| self.wanted.take());
    }

    fn says(&self, words: &str) -> bool {
        self.summary == words || self.evidence.iter().any(|line| line.text == words)
    }

    /// In words for all pods, where these want more than the first of them does.
    fn retold(self) -> Self {
        match self.wanted.clone().filter(|_| self.affects.len() > 1) {
            Some(wanted) => wanted.retold(self),
            None => self,
        }
    }

    /// In how many places it shows, and in which.
    #[must_use]
    pub fn affected(&self) -> String {
        let shown: Vec<&str> = self.affects.iter().take(3).map(String::as_str).collect();
        let more = if self.affects.len() > shown.len() { ", ..." } else { "" };
        match self.affects.len() {
            1 => format!("1 pod: {}", shown.join(", ")),
            count => format!("{count} pods: {}{more}", shown.join(", ")),
        }
    }
}

/// Makes one of causes that have the same root: twelve pods that lack one secret have one trouble.
/// The most final causes come first.
#[must_use]
pub fn fold(causes: Vec<Cause>) -> Vec<Cause> {
    let mut folded: Vec<Cause> = Vec::new();
    let mut places: HashMap<Likeness, usize> = HashMap::new();
    let mut told: HashSet<(usize, String)> = HashSet::new();
    for mut cause in causes {
        let affects = std::mem::take(&mut cause.affects);
        let attempt = cause.attempt;
        let at = match places.entry(cause.likeness()) {
            Entry::Occupied(known) => {
                folded[*known.get()].learn(&cause);
                *known.get()
            }
            Entry::Vacant(free) => {
                folded.push(cause);
                *free.insert(folded.len() - 1)
            }
        };
        let first = &mut folded[at];
        first.attempt = first.attempt.max(attempt);
        let news = affects.into_iter().filter(|one| told.insert((at, one.clone())));
        first.affects.extend(news);
    }
    let mut folded: Vec<Cause> = folded.into_iter().map(Cause::retold).collect();
    folded.sort_by_key(|cause| match cause.finality {
        Finality::Fatal => 0,
        Finality::CurableBy(_) => 1,
        Finality::Transient => 2,
    });
    folded
}
