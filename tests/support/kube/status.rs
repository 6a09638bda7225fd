//! Refusals: the `Status` bodies of a real server.

use serde_json::{Value, json};

use super::kinds::Kind;

/// A call that is not carried out: code and body.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

/// The answer to a call, or why there is none.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// Why one field is bad.
pub(crate) struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`.
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Cause {
    /// A value that the field cannot have.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self { reason: "FieldValueInvalid", field: field.into(), message }
    }

    /// A field that has to be there.
    pub(crate) fn required(field: impl Into<String>) -> Self {
        let message = "Required value".to_owned();
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }

    /// The same with a reason.
    pub(crate) fn because(mut self, why: &str) -> Self {
        self.message = format!("{}: {why}", self.message);
        self
    }

    /// A change that is not allowed.
    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        let message = format!("Forbidden: {why}");
        Self { reason: "FieldValueForbidden", field: field.into(), message }
    }
}

/// What the server says when it has nothing at a path.
pub(crate) fn no_page() -> Refusal {
    Refusal { code: 404, body: "404 page not found\n".into() }
}

/// A `Status` of this code, reason and message.
pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> Refusal {
    Refusal { code, body: status(code, reason, message) }
}

/// The same with details.
pub(crate) fn detailed(code: u16, reason: &str, message: &str, details: Value) -> Refusal {
    let mut body = status(code, reason, message);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("details".to_owned(), details);
    }
    Refusal { code, body }
}

/// What a fault of this code says.
pub(crate) fn known(code: u16) -> Refusal {
    let (reason, message) = match code {
        400 => ("BadRequest", "the server rejected our request for an unknown reason"),
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: User \"jane\" cannot do this"),
        404 => ("NotFound", "the server could not find the requested resource"),
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "too old resource version"),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => (
            "Timeout",
            "Timeout: request did not complete within requested timeout - context deadline exceeded",
        ),
        _ => ("InternalError", "an error on the server"),
    };
    match code {
        429 => detailed(code, reason, message, json!({ "retryAfterSeconds": 1 })),
        _ => refusal(code, reason, message),
    }
}

/// An object that is not there.
pub(crate) fn absent(kind: &Kind, name: &str) -> Refusal {
    let message = format!("{} \"{name}\" not found", kind.resource());
    detailed(404, "NotFound", &message, details(kind, &kind.plural, name))
}

/// An object that is there already.
pub(crate) fn present(kind: &Kind, name: &str) -> Refusal {
    let message = format!("{} \"{name}\" already exists", kind.resource());
    detailed(409, "AlreadyExists", &message, details(kind, &kind.plural, name))
}

/// A write that is too late, or about another object.
pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Refusal {
    let resource = kind.resource();
    let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
    detailed(409, "Conflict", &message, details(kind, &kind.plural, name))
}

/// Fields that are bad.
pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Refusal {
    let texts: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let text = match &texts[..] {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let message = format!("{} \"{name}\" is invalid: {text}", kind.qualified());
    let mut details = details(kind, &kind.name, name);
    let cause = |cause: &Cause| json!({ "reason": cause.reason, "message": cause.message, "field": cause.field });
    details["causes"] = causes.iter().map(cause).collect();
    detailed(422, "Invalid", &message, details)
}

/// What a user may not, in the words of the authorizer.
pub(crate) fn forbidden(kind: &Kind, verb: &str, namespace: &str, name: &str) -> Refusal {
    let resource = kind.resource();
    let what = if name.is_empty() { resource } else { format!("{resource} \"{name}\"") };
    let place = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{namespace}\"")
    };
    let message = format!(
        "{what} is forbidden: User \"jane\" cannot {verb} resource \"{}\" in API group \"{}\" {place}",
        kind.plural, kind.group
    );
    detailed(403, "Forbidden", &message, details(kind, &kind.plural, name))
}

/// A write into a namespace that is going away.
pub(crate) fn terminating(kind: &Kind, namespace: &str, name: &str) -> Refusal {
    let message = format!(
        "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} \
         because it is being terminated",
        kind.resource()
    );
    let mut details = details(kind, &kind.plural, name);
    details["causes"] = json!([{
        "reason": "NamespaceTerminating",
        "message": format!("namespace {namespace} is being terminated"),
        "field": "metadata.namespace",
    }]);
    detailed(403, "Forbidden", &message, details)
}

/// That a webhook could not be asked.
pub(crate) fn webhook(name: &str) -> Refusal {
    let message = format!(
        "failed calling webhook \"{name}\": failed to call webhook: Post \
         \"https://webhook.default.svc:443/validate?timeout=10s\": dial tcp 10.96.7.7:443: \
         connect: connection refused"
    );
    let details = json!({ "causes": [{ "message": message }] });
    detailed(500, "InternalError", &format!("Internal error occurred: {message}"), details)
}

/// Name, group and kind, as far as there are any.
pub(crate) fn details(kind: &Kind, named: &str, name: &str) -> Value {
    let mut details = json!({});
    if !name.is_empty() {
        details["name"] = name.into();
    }
    if !kind.group.is_empty() {
        details["group"] = kind.group.as_str().into();
    }
    details["kind"] = named.into();
    details
}

/// A `Status` as a document.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    let mut body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": message, "reason": reason, "code": code });
    if let (true, Some(fields)) = (reason.is_empty(), body.as_object_mut()) {
        fields.shift_remove("reason");
    }
    body
}
