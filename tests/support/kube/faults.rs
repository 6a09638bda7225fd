//! What goes wrong on the test's word: faults, triggers, rights, and what only the test knows
//! (texts of logs, answers of services).

use serde_json::Value;

use super::kinds::Kind;
use super::status::{Answer, Refusal, forbidden, known, webhook};
use super::{Asked, World};

/// What a call gets instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, with the body that a real server sends.
    Status(u16),
    /// Too many requests: come back after these seconds.
    Throttle(u32),
    /// A webhook of this name that cannot be reached.
    Webhook(&'static str),
    /// The end of the connection.
    Cut,
    /// Nothing, until the fake ends.
    Hang,
    /// Its answer, these milliseconds later.
    Delay(u64),
}

/// What the test decided about calls.
#[derive(Default)]
pub(crate) struct Script {
    faults: Vec<(String, Fault, usize)>,
    triggers: Vec<(String, Trigger)>,
    answers: Vec<(String, u16, Value)>,
    /// Verb, resource, namespace; `*` is any.
    rules: Vec<[String; 3]>,
    is_denied: bool,
    pub(super) token: Option<String>,
    /// The version of Kubernetes, where it is not the recorded one.
    pub(super) release: Option<String>,
    pub(super) witness: Option<Box<dyn Witness + Send>>,
    pub(super) failing: Vec<String>,
    pub(super) logs: Vec<Log>,
    pub(super) proxies: Vec<Proxy>,
}

/// Somebody who writes calls down as they come.
pub(crate) trait Witness {
    /// A call has come.
    fn asked(&mut self, asked: &Asked);
    /// It is one that the server does not know.
    fn unknown(&mut self, asked: &Asked);
}

type Trigger = Box<dyn FnOnce(&mut World) + Send>;

/// What a container wrote.
pub(crate) struct Log {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) is_previous: bool,
    pub(crate) text: String,
}

/// What a service answers.
pub(crate) struct Proxy {
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) port: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl World {
    /// Makes these of the server's own checks fail; none makes it ready.
    pub(crate) fn failing(&mut self, checks: &[&str]) {
        self.script.failing = checks.iter().map(|&check| check.to_owned()).collect();
    }

    /// Answers the next calls that begin with this (`GET /readyz`, `WATCH /api/v1/nodes`) so.
    pub(crate) fn fault(&mut self, call: &str, fault: Fault, times: usize) {
        self.script.faults.push((call.to_owned(), fault, times));
    }

    /// Answers the next call that begins with this so, in the test's own words.
    pub(crate) fn answer(&mut self, call: &str, code: u16, body: Value) {
        self.script.answers.push((call.to_owned(), code, body));
    }

    /// Takes all faults back that are not used up.
    pub(crate) fn heal(&mut self) {
        self.script.faults.clear();
    }

    /// Accepts this bearer token alone.
    pub(crate) fn accept_only(&mut self, token: &str) {
        self.script.token = Some(token.to_owned());
    }

    /// Says that it is this version of Kubernetes, with a `v`.
    pub(crate) fn kubernetes(&mut self, version: &str) {
        self.script.release = Some(version.to_owned());
    }

    /// Tells somebody of all calls. One that is unknown is then not counted against the test.
    pub(crate) fn witness(&mut self, witness: Box<dyn Witness + Send>) {
        self.script.witness = Some(witness);
    }

    /// Answers that the user may not.
    pub(crate) fn deny(&mut self) {
        self.script.is_denied = true;
    }

    /// Forbids a verb (`create`) on a resource (`secrets`) in a namespace; `*` stands for any.
    pub(crate) fn forbid(&mut self, verb: &str, resource: &str, namespace: &str) {
        self.script.rules.push([verb, resource, namespace].map(str::to_owned));
    }

    /// Does something to the world when a call that begins with this arrives, once, before it is
    /// answered; for a watch, after the watch is open.
    pub(crate) fn when(&mut self, call: &str, act: impl FnOnce(&mut World) + Send + 'static) {
        self.script.triggers.push((call.to_owned(), Box::new(act)));
    }

    /// What a container of a pod has written.
    pub(crate) fn log(&mut self, namespace: &str, pod: &str, container: &str, text: &str) {
        self.write_log((namespace, pod, container), false, text);
    }

    /// What a container of a pod had written when it ended the last time.
    pub(crate) fn previous_log(&mut self, namespace: &str, pod: &str, container: &str, text: &str) {
        self.write_log((namespace, pod, container), true, text);
    }

    fn write_log(&mut self, place: (&str, &str, &str), is_previous: bool, text: &str) {
        let (namespace, pod, container) = place;
        self.script.logs.retain(|log| {
            let own = (log.namespace.as_str(), log.pod.as_str(), log.container.as_str());
            own != place || log.is_previous != is_previous
        });
        self.script.logs.push(Log {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            is_previous,
            text: text.to_owned(),
        });
    }

    /// What a service answers at `PORT/PATH`, through the server's proxy; the port is as the call
    /// names it, `at` begins without a slash.
    pub(crate) fn proxy(&mut self, service: (&str, &str), at: &str, status: u16, body: Value) {
        let (port, path) = at.split_once('/').unwrap_or((at, ""));
        let (port, path) = (port.to_owned(), path.to_owned());
        let (namespace, service) = (service.0.to_owned(), service.1.to_owned());
        self.script.proxies.retain(|own| {
            (&own.namespace, &own.service, &own.port, &own.path)
                != (&namespace, &service, &port, &path)
        });
        self.script.proxies.push(Proxy { namespace, service, port, path, status, body });
    }

    pub(super) fn take_answer(&mut self, call: &str) -> Option<(u16, Value)> {
        let answers = &mut self.script.answers;
        let at = answers.iter().position(|(begin, ..)| call.starts_with(begin))?;
        let (_, code, body) = answers.remove(at);
        Some((code, body))
    }

    pub(super) fn take_fault(&mut self, call: &str) -> Option<Fault> {
        let mut faults = self.script.faults.iter_mut();
        let found = faults.find(|(begin, _, left)| call.starts_with(begin) && *left > 0)?;
        found.2 -= 1;
        Some(found.1)
    }

    pub(super) fn pull(&mut self, call: &str) {
        // What these add waits for the next call.
        let waiting = std::mem::take(&mut self.script.triggers);
        let (due, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(begin, _)| call.starts_with(begin));
        self.script.triggers = later;
        for (_, act) in due {
            act(self);
        }
    }

    /// Whether the user may do this to a resource.
    pub(super) fn is_allowed(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        let rules = &self.script.rules;
        let fits = |rule: &str, asked: &str| rule == "*" || rule == asked;
        let is_ruled = rules.iter().any(|[own_verb, own_resource, own_namespace]| {
            fits(own_verb, verb) && fits(own_resource, resource) && fits(own_namespace, namespace)
        });
        !is_ruled && !self.script.is_denied
    }

    pub(super) fn permit(&self, kind: &Kind, verb: &str, at: (&str, &str)) -> Answer<()> {
        // `deny` is an answer to the question alone, as it was recorded.
        if self.script.is_denied || self.is_allowed(verb, &kind.plural, at.0) {
            return Ok(());
        }
        Err(forbidden(kind, verb, at.0, at.1))
    }
}

/// The refusal that a fault stands for; none for one that is no answer.
pub(super) fn refused(fault: Fault) -> Option<Refusal> {
    match fault {
        Fault::Status(code) => Some(known(code)),
        Fault::Webhook(name) => Some(webhook(name)),
        Fault::Throttle(seconds) => {
            let mut refusal = known(429);
            refusal.body["details"]["retryAfterSeconds"] = seconds.into();
            Some(refusal)
        }
        Fault::Cut | Fault::Hang | Fault::Delay(_) => None,
    }
}
