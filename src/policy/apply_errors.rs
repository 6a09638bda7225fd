//! What the API server's refusal of an object means. Status and reason decide, then causes, then
//! words. Pure: the answer is handed in as it came.

use serde_json::Value;

use crate::event::Fix;
use crate::manifest::keep::MANAGER;
use crate::policy::{Class, Failure};

/// A request that was refused, as far as its explanation needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// What was done: `apply`, `get`, `delete`.
    pub verb: &'r str,
    /// How the object is called: ``Deployment `default/api` ``.
    pub object: &'r str,
    /// `apiVersion` of the object.
    pub api_version: &'r str,
    /// Its kind.
    pub kind: &'r str,
    /// Its namespace, empty for objects of the cluster.
    pub namespace: &'r str,
    /// Its name.
    pub name: &'r str,
}

/// The failure that an answer means. `body` is the API's `Status`, or the text that came instead.
#[must_use]
pub fn failure(request: &Request<'_>, code: u16, body: &str) -> Failure {
    let status: Value = serde_json::from_str(body).unwrap_or_default();
    let answer = Answer { request, status: &status, body };
    let failure = match code {
        _ if answer.message().contains("failed calling webhook") => answer.webhook(),
        401 => answer.told(Class::Prerequisite, "the credentials of the context are not accepted"),
        403 => answer.forbidden(),
        404 => answer.not_found(),
        409 => answer.conflict(),
        400 | 422 => answer.invalid(),
        500 if answer.is_schema_error() => answer.invalid(),
        429 | 500 | 502..=504 => answer.busy(code),
        _ => answer.other(code),
    };
    let words = answer.message();
    if words.is_empty() || failure.evidence.len() >= 5 {
        failure
    } else {
        failure.because("API server", shorten(words))
    }
}

/// A field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its path, without the leading dot.
    pub field: String,
    /// Who owns it.
    pub manager: String,
}

/// The fields for which an apply was refused because others own them.
#[must_use]
pub fn conflicts(status: &Value) -> Vec<Conflict> {
    causes(status)
        .filter(|(_, reason, _)| *reason == "FieldManagerConflict")
        .map(|(field, _, message)| Conflict {
            field: field.trim_start_matches('.').to_owned(),
            manager: between(message, "conflict with \"", "\"").unwrap_or(message).to_owned(),
        })
        .collect()
}

/// The causes of a status with their field, reason and message.
fn causes(status: &Value) -> impl Iterator<Item = (&str, &str, &str)> {
    let causes = status.pointer("/details/causes").and_then(Value::as_array);
    causes.into_iter().flatten().map(|cause| {
        let text = |field: &str| cause.get(field).and_then(Value::as_str).unwrap_or_default();
        (text("field"), text("reason"), text("message"))
    })
}

struct Answer<'a> {
    request: &'a Request<'a>,
    status: &'a Value,
    body: &'a str,
}

impl Answer<'_> {
    /// What the server says, a `Status` or plain text.
    fn message(&self) -> &str {
        match self.text("/message") {
            "" if self.status.is_object() => "",
            "" => self.body.trim(),
            message => message,
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.status.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The causes with their field, reason and message.
    fn causes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        causes(self.status)
    }

    fn doing(&self) -> String {
        format!("could not {} {}", self.request.verb, self.request.object)
    }

    fn told(&self, class: Class, why: &str) -> Failure {
        let summary = format!("{}: {why}", self.doing());
        Failure::new(class, "API_UNAUTHORIZED", summary)
            .fix(Fix::safe("log in again with the tool that wrote the kubeconfig"))
    }

    /// The request may pass once the server is less busy, or its parts are up.
    fn busy(&self, code: u16) -> Failure {
        let why =
            if code == 429 { "asks for fewer requests" } else { "is not able to answer right now" };
        Failure::new(
            Class::Transient,
            "API_UNAVAILABLE",
            format!("{}: the API server {why} ({code})", self.doing()),
        )
    }

    fn other(&self, code: u16) -> Failure {
        Failure::new(
            Class::Permanent,
            "API_REQUEST_FAILED",
            format!("{}: the API server refused it ({code})", self.doing()),
        )
    }

    /// Webhooks are pods too: they come up, and their certificates a little later.
    fn webhook(&self) -> Failure {
        let name =
            between(self.message(), "failed calling webhook \"", "\"").unwrap_or("of unknown name");
        let summary = format!("{}: webhook `{name}` does not answer yet", self.doing());
        Failure::new(Class::Transient, "WEBHOOK_UNREACHABLE", summary)
    }

    fn forbidden(&self) -> Failure {
        let Request { namespace, .. } = self.request;
        if self.causes().any(|(_, reason, _)| reason == "NamespaceTerminating") {
            let summary = format!("{}: namespace `{namespace}` is being deleted", self.doing());
            return Failure::new(Class::Refused, "NAMESPACE_TERMINATING", summary).fix(Fix::safe(
                format!("kubectl get namespace {namespace} -o yaml   # says what still holds it"),
            ));
        }
        let message = self.message();
        // `User "jane" cannot list resource "secrets" in API group "" in the namespace "default"`
        let right =
            between(message, " cannot ", " resource ").zip(between(message, " resource \"", "\""));
        let Some((verb, resource)) = right else {
            let why = message.split_once(" is forbidden: ").map_or(message, |(_, why)| why);
            let summary = format!("{}: it is forbidden: {}", self.doing(), shorten(why));
            return Failure::new(Class::Prerequisite, "API_FORBIDDEN", summary);
        };
        let user = between(message, "User \"", "\"").unwrap_or_default();
        let place = between(message, " in the namespace \"", "\"");
        let whereabouts = place.map_or_else(
            || " in the whole cluster".to_owned(),
            |place| format!(" in namespace `{place}`"),
        );
        let option = place.map_or_else(|| " -A".to_owned(), |place| format!(" -n {place}"));
        Failure::new(
            Class::Prerequisite,
            "API_FORBIDDEN",
            format!("{}: user `{user}` may not {verb} {resource}{whereabouts}", self.doing()),
        )
        .fix(Fix::safe(format!("kubectl auth can-i {verb} {resource}{option}   # and ask the cluster's owner for that right")))
    }

    fn not_found(&self) -> Failure {
        let Request { api_version, kind, namespace, .. } = self.request;
        let missing = (self.text("/details/kind"), self.text("/details/name"));
        if missing == ("namespaces", *namespace) && !namespace.is_empty() {
            let summary = format!("{}: there is no namespace `{namespace}`", self.doing());
            return Failure::new(Class::Prerequisite, "NAMESPACE_MISSING", summary)
                .fix(Fix::safe(format!("kubectl create namespace {namespace}")));
        }
        if !missing.1.is_empty() {
            let summary = format!("{}: {} `{}` is not there", self.doing(), missing.0, missing.1);
            return Failure::new(Class::Permanent, "API_NOT_FOUND", summary);
        }
        unknown_kind(api_version, kind)
    }

    fn conflict(&self) -> Failure {
        let Request { name, .. } = self.request;
        let mut owned = conflicts(self.status);
        // Those that are in the way first: the others would have given way.
        owned.sort_by_key(|conflict| gives_way(&conflict.manager));
        let Some(Conflict { field, manager }) = owned.first() else {
            return match self.text("/reason") {
                "AlreadyExists" => Failure::new(
                    Class::Transient,
                    "API_CONFLICT",
                    format!("{}: it is there already", self.doing()),
                ),
                _ => Failure::new(
                    Class::Transient,
                    "API_CONFLICT",
                    format!("{}: somebody changed it at the same time", self.doing()),
                ),
            };
        };
        let others = match owned.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let mut failure = Failure::new(
            Class::Refused,
            "FIELD_OWNED",
            format!("{}: field `{field}` is owned by `{manager}`{others}", self.doing()),
        );
        for Conflict { field, manager } in owned.iter().take(4) {
            failure = failure.because(format!("field {field}"), format!("owned by `{manager}`"));
        }
        failure.fix(Fix::safe(format!(
            "add `{field}` to `keep` of the deploy in mlup.toml to leave it to `{manager}`, or take it out of `{name}`'s manifest"
        )))
    }

    /// Server-side apply answers a field that the schema lacks with 500.
    fn is_schema_error(&self) -> bool {
        self.message().contains("field not declared in schema")
            || self.message().contains("failed to create typed patch object")
    }

    fn invalid(&self) -> Failure {
        let Request { kind, name, namespace, .. } = self.request;
        let causes: Vec<(&str, &str)> =
            self.causes().map(|(field, _, message)| (field, message)).collect();
        let immutable = |(_, message): &&(&str, &str)| {
            message.contains("field is immutable")
                || message.contains("is forbidden after creation")
        };
        if let Some((field, _)) = causes.iter().find(immutable) {
            let kind = kind.to_ascii_lowercase();
            let place =
                if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") };
            return Failure::new(
                Class::Refused,
                "FIELD_IMMUTABLE",
                format!("{}: field `{field}` cannot be changed once it is there", self.doing()),
            )
            .fix(Fix::destructive(format!(
                "kubectl delete {kind} {name}{place}   # then mlup start; or put the old value back"
            )));
        }
        if let Some((field, message)) =
            causes.iter().find(|(_, message)| message.contains("already allocated"))
        {
            let port = between(message, "Invalid value: ", ":").unwrap_or_default();
            return Failure::new(
                Class::Refused,
                "NODE_PORT_TAKEN",
                format!("{}: node port {port} belongs to another service", self.doing()),
            )
            .because(format!("field {field}"), shorten(message))
            .fix(Fix::safe(format!("choose another `nodePort` than {port}")));
        }
        let what = causes.first().map_or_else(
            || {
                let words = self.message();
                shorten(words.split_once("): ").map_or(words, |(_, words)| words))
            },
            |(field, message)| format!("`{field}`: {}", shorten(message)),
        );
        let summary = format!("{}: {what}", self.doing());
        let mut failure = Failure::new(Class::Config, "OBJECT_INVALID", summary);
        for (field, message) in causes.iter().skip(1).take(3) {
            failure = failure.because(format!("field {field}"), shorten(message));
        }
        failure.fix(Fix::safe(format!("correct that field of {}", self.request.object)))
    }
}

/// Whether fields of this manager are taken over: what people's hands and scripts set by `kubectl` is
/// what mlup replaces, and it writes some objects by other requests than apply itself.
#[must_use]
pub fn gives_way(manager: &str) -> bool {
    manager == MANAGER || manager.starts_with("kubectl") || manager == "before-first-apply"
}

/// The failure of a kind that the cluster does not serve.
#[must_use]
pub fn unknown_kind(api_version: &str, kind: &str) -> Failure {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let own = !group.contains('.') || group.ends_with(".k8s.io");
    let summary = format!("the cluster does not know the kind {kind} of {api_version}");
    let failure = Failure::new(Class::Prerequisite, "KIND_UNKNOWN", summary);
    failure.fix(Fix::safe(if own {
        format!("kubectl api-resources   # and write the `apiVersion` that it has for {kind}")
    } else {
        format!("deploy first what brings the CustomResourceDefinition of {kind} in group {group}, and let this deploy need it")
    }))
}

/// The text between two marks; a mark that never comes ends at the end.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to).map_or(rest, |(found, _)| found))
}

fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
#[path = "apply_errors_tests.rs"]
mod tests;
