//! What the server refuses: bodies that do not fit their path, fields that are missing or bad.
//! Changes that are not allowed are in `changes`.

use serde_json::Value;

use super::changes::changes;
use super::http::Request;
use super::kinds::Kind;
use super::place::Place;
use super::status::{Answer, Cause, Refusal, invalid, refusal};

/// Fields at the top and in `spec` of kinds whose unknown fields are noticed.
const KNOWN: [(&str, &[&str], &[&str]); 5] = [
    (
        "Deployment",
        &["spec", "status"],
        &[
            "minReadySeconds",
            "paused",
            "progressDeadlineSeconds",
            "replicas",
            "revisionHistoryLimit",
            "selector",
            "strategy",
            "template",
        ],
    ),
    (
        "Service",
        &["spec", "status"],
        &[
            "allocateLoadBalancerNodePorts",
            "clusterIP",
            "clusterIPs",
            "externalIPs",
            "externalName",
            "externalTrafficPolicy",
            "healthCheckNodePort",
            "internalTrafficPolicy",
            "ipFamilies",
            "ipFamilyPolicy",
            "loadBalancerClass",
            "loadBalancerIP",
            "loadBalancerSourceRanges",
            "ports",
            "publishNotReadyAddresses",
            "selector",
            "sessionAffinity",
            "sessionAffinityConfig",
            "trafficDistribution",
            "type",
        ],
    ),
    ("Secret", &["data", "immutable", "stringData", "type"], &[]),
    ("ConfigMap", &["binaryData", "data", "immutable"], &[]),
    ("ServiceAccount", &["automountServiceAccountToken", "imagePullSecrets", "secrets"], &[]),
];

/// Whether a body belongs to its path.
pub(super) fn body(kind: &Kind, place: &Place, object: &Value) -> Answer<()> {
    let bad = |message: String| Err(refusal(400, "BadRequest", &message));
    let (own, version) = (object["kind"].as_str(), object["apiVersion"].as_str());
    if own.is_some_and(|own| own != kind.name) {
        let own = own.unwrap_or_default();
        return bad(format!(
            "{own} in version \"{}\" cannot be handled as a {}: no kind \"{own}\" is registered \
             for version \"{}\" in scheme",
            kind.version,
            kind.name,
            kind.api_version()
        ));
    }
    if let Some(version) = version.filter(|version| **version != kind.api_version()) {
        return bad(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            kind.api_version()
        ));
    }
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(&place.namespace);
    if kind.is_namespaced && namespace != place.namespace {
        return bad("the namespace of the provided object does not match the namespace sent on \
                    the request"
            .to_owned());
    }
    Ok(())
}

/// Whether a body has fields that its kind has not, where the caller minds.
pub(super) fn strict(request: &Request, kind: &Kind) -> Answer<()> {
    let Some(field) = unknown(kind, &request.body) else { return Ok(()) };
    if request.parameter("fieldValidation") != "Strict" {
        return Ok(());
    }
    let (name, field) = (&kind.name, field.trim_start_matches('.'));
    let message = format!(
        "{name} in version \"{}\" cannot be handled as a {name}: strict decoding error: unknown \
         field \"{field}\"",
        kind.version
    );
    Err(refusal(400, "BadRequest", &message))
}

/// Whether a body can be applied.
pub(super) fn applied(request: &Request, place: &Place) -> Answer<()> {
    let kind = &place.kind;
    if request.parameter("fieldManager").is_empty() {
        let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is \
                       required for apply patch";
        return Err(refusal(422, "Invalid", message));
    }
    body(kind, place, &request.body)?;
    if !request.body["metadata"]["managedFields"].is_null() {
        return Err(refusal(400, "BadRequest", "metadata.managedFields must be nil"));
    }
    let Some(field) = unknown(kind, &request.body) else { return Ok(()) };
    let version = if kind.group.is_empty() { "/v1".to_owned() } else { kind.api_version() };
    let message = format!(
        "failed to create typed patch object ({}/{}; {version}, Kind={}): {field}: field not \
         declared in schema",
        place.namespace, place.name, kind.name
    );
    Err(refusal(500, "", &message))
}

/// The first field that the kind does not have.
fn unknown(kind: &Kind, object: &Value) -> Option<String> {
    let (_, top, spec) = KNOWN.iter().find(|(name, ..)| *name == kind.name)?;
    let always = ["apiVersion", "kind", "metadata"];
    let fields = |value: &Value| -> Vec<String> {
        value.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    };
    let stranger = fields(object)
        .into_iter()
        .find(|field| !top.contains(&field.as_str()) && !always.contains(&field.as_str()));
    if let Some(field) = stranger {
        return Some(format!(".{field}"));
    }
    let stranger =
        fields(&object["spec"]).into_iter().find(|field| !spec.contains(&field.as_str()));
    stranger.map(|field| format!(".spec.{field}"))
}

/// Whether a new object is good.
pub(super) fn create(kind: &Kind, place: &Place, object: &Value) -> Answer<()> {
    let mut causes = Vec::new();
    if !is_name(&place.name) && !kind.group.starts_with("rbac.") {
        let value = place.name.as_str().into();
        let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                   characters, '-' or '.', and must start and end with an alphanumeric character \
                   (e.g. 'example.com', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        causes.push(Cause::invalid("metadata.name", &value, why));
    }
    causes.extend(content(kind, object));
    refuse(kind, place, &causes)
}

/// Whether a change is allowed and what comes of it good.
pub(super) fn update(kind: &Kind, place: &Place, (live, new): (&Value, &Value)) -> Answer<()> {
    let mut causes = changes(kind, live, new);
    // What is bad before its change was let in by the test.
    if live["spec"] != new["spec"] || live["data"] != new["data"] {
        causes.extend(content(kind, new));
    }
    refuse(kind, place, &causes)
}

fn refuse(kind: &Kind, place: &Place, causes: &[Cause]) -> Result<(), Refusal> {
    if causes.is_empty() { Ok(()) } else { Err(invalid(kind, &place.name, causes)) }
}

fn is_name(name: &str) -> bool {
    let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_inner)
            && part.ends_with(is_inner)
            && part.chars().all(|letter| is_inner(letter) || letter == '-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

fn content(kind: &Kind, object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    match kind.name.as_str() {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload(spec),
        "Job" => job(spec),
        "Pod" => pod("spec", spec),
        "Service" => {
            let is_free = spec["type"] == "ExternalName" || spec["clusterIP"] == "None";
            let has_ports = spec["ports"].as_array().is_some_and(|ports| !ports.is_empty());
            let bad = !is_free && !has_ports;
            bad.then(|| Cause::required("spec.ports")).into_iter().collect()
        }
        "PersistentVolumeClaim" => claim(spec),
        "Secret" => secret(object).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn workload(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let wanted = spec["selector"]["matchLabels"].as_object();
    let labels = &spec["template"]["metadata"]["labels"];
    match wanted {
        None if spec["selector"]["matchExpressions"].is_null() => {
            causes.push(Cause::required("spec.selector"));
        }
        Some(wanted) if wanted.iter().any(|(name, value)| labels[name] != *value) => {
            let field = "spec.template.metadata.labels";
            let labels = if labels.is_null() { &Value::Null } else { labels };
            let why = "`selector` does not match template `labels`";
            causes.push(Cause::invalid(field, labels, why));
        }
        _ => {}
    }
    causes.extend(pod("spec.template.spec", &spec["template"]["spec"]));
    causes
}

fn job(spec: &Value) -> Vec<Cause> {
    let mut causes = pod("spec.template.spec", &spec["template"]["spec"]);
    if spec["template"]["spec"]["restartPolicy"] == "Always" {
        let why = "valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause::required("spec.template.spec.restartPolicy").because(why));
    }
    causes
}

fn pod(path: &str, spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    if containers.is_empty() {
        causes.push(Cause::required(format!("{path}.containers")));
    }
    let volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    let claims: Vec<&Value> = volumes.iter().map(|volume| &volume["name"]).collect();
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{path}.containers[{index}]");
        for field in ["name", "image"] {
            if container[field].as_str().is_none_or(str::is_empty) {
                causes.push(Cause::required(format!("{at}.{field}")));
            }
        }
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        for (index, mount) in mounts.enumerate() {
            // Templates of a `StatefulSet` bring their own volumes.
            if !claims.contains(&&mount["name"])
                && path == "spec.template.spec"
                && !claims.is_empty()
            {
                let field = format!("{at}.volumeMounts[{index}].name");
                let message = format!("Not found: {}", mount["name"]);
                causes.push(Cause { reason: "FieldValueNotFound", field, message });
            }
        }
    }
    causes
}

fn claim(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        let why = "at least 1 access mode is required";
        causes.push(Cause::required("spec.accessModes").because(why));
    }
    if spec["resources"]["requests"]["storage"].is_null() {
        causes.push(Cause::required("spec.resources[storage]"));
    }
    causes
}

fn secret(object: &Value) -> Option<Cause> {
    const KEY: &str = ".dockerconfigjson";
    if object["type"] != "kubernetes.io/dockerconfigjson" {
        return None;
    }
    let field = format!("data[{KEY}]");
    let Some(text) = object["data"][KEY].as_str() else { return Some(Cause::required(field)) };
    let bytes = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
    };
    if serde_json::from_slice::<Value>(&bytes).is_ok() {
        return None;
    }
    let why = complaint(&String::from_utf8_lossy(&bytes));
    Some(Cause::invalid(field, &"<secret contents redacted>".into(), &why))
}

/// What Go says of text that is no JSON.
fn complaint(text: &str) -> String {
    let first = text.chars().next();
    for literal in ["null", "true", "false"] {
        if first != literal.chars().next() {
            continue;
        }
        for (letter, wanted) in text.chars().zip(literal.chars()) {
            if letter != wanted {
                return format!(
                    "invalid character '{letter}' in literal {literal} (expecting '{wanted}')"
                );
            }
        }
    }
    match first {
        Some(letter) => format!("invalid character '{letter}' looking for beginning of value"),
        None => "unexpected end of JSON input".to_owned(),
    }
}
