//! `keep`: fields that a pipeline sets, such as an image, and that a deploy leaves as they are.

use serde_json::{Map, Value};

use super::read;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// The field manager under which mlup applies.
pub const MANAGER: &str = "mlup";

/// A path to fields, such as `spec.template.spec.containers[*].image`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// A field of an object.
    Field(String),
    /// Every item of a list.
    Every,
    /// One item of a list by its place.
    At(usize),
    /// The items of a list whose field has this value.
    Where(String, String),
}

impl FieldPath {
    /// Reads a path: fields with dots between them, `["a.b/c"]` for a field with dots in its name,
    /// `[*]`, `[0]` and `[name=api]` for items of lists.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        segments(text).map(|segments| Self { segments }).ok_or_else(|| {
            Failure::new(
                Class::Config,
                "KEEP_PATH_INVALID",
                format!("`{text}` in `keep` is no field path"),
            )
            .fix(Fix::safe(
                "write it like `spec.template.spec.containers[*].image` or `metadata.annotations[\"a.b/c\"]`",
            ))
        })
    }
}

fn segments(text: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (segment, after) = bracket(inner)?;
            segments.push(segment);
            rest = after;
        } else {
            let field = if segments.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = field.find(['.', '[']).unwrap_or(field.len());
            if end == 0 {
                return None;
            }
            segments.push(Segment::Field(field[..end].to_owned()));
            rest = &field[end..];
        }
    }
    (!segments.is_empty()).then_some(segments)
}

/// What stands in brackets, and the text after them.
fn bracket(inner: &str) -> Option<(Segment, &str)> {
    if let Some(quote) = inner.chars().next().filter(|first| "\"'".contains(*first)) {
        let (field, after) = inner[1..].split_once(quote)?;
        return Some((Segment::Field(field.to_owned()), after.strip_prefix(']')?));
    }
    let (content, after) = inner.split_once(']')?;
    let segment = match content.split_once('=') {
        Some((field, value)) if !field.is_empty() => {
            Segment::Where(field.to_owned(), value.trim_matches(['"', '\'']).to_owned())
        }
        Some(_) => return None,
        None if content == "*" => Segment::Every,
        None => Segment::At(content.parse().ok()?),
    };
    Some((segment, after))
}

impl Segment {
    /// Whether a segment about items of a list means this one.
    fn chooses(&self, at: usize, item: &Value) -> bool {
        match self {
            Self::At(wanted) => *wanted == at,
            Self::Where(field, value) => item.get(field).and_then(Value::as_str) == Some(value),
            Self::Every => true,
            Self::Field(_) => false,
        }
    }
}

/// The object without the fields at these paths: what a change of it is told by.
#[must_use]
pub fn without(wanted: &Value, paths: &[FieldPath]) -> Value {
    let mut result = wanted.clone();
    for path in paths {
        take_out(&mut result, &path.segments);
    }
    result
}

fn take_out(value: &mut Value, path: &[Segment]) {
    let Some((first, rest)) = path.split_first() else { return };
    match (first, value) {
        (Segment::Field(name), Value::Object(fields)) if rest.is_empty() => {
            fields.shift_remove(name);
        }
        (Segment::Field(name), Value::Object(fields)) => {
            if let Some(field) = fields.get_mut(name) {
                take_out(field, rest);
            }
        }
        (selector, Value::Array(items)) if !rest.is_empty() => {
            let chosen = |(at, item): &(usize, &mut Value)| selector.chooses(*at, item);
            for (_, item) in items.iter_mut().enumerate().filter(chosen) {
                take_out(item, rest);
            }
        }
        _ => {}
    }
}

/// What to apply so that the fields at these paths stay as the live object has them. A field that
/// another manager owns is taken out. One that mlup alone owns stays in with its live value: the API
/// removes a field whose only owner stops applying it.
#[must_use]
pub fn kept(wanted: &Value, live: &Value, paths: &[FieldPath]) -> Value {
    let mut result = wanted.clone();
    let owners: Vec<&Value> = read::list(live, "/metadata/managedFields")
        .iter()
        // What scales a workload owns its replicas through a subresource.
        .filter(|entry| read::text(entry, "/manager") != MANAGER)
        .filter_map(|entry| entry.get("fieldsV1"))
        .collect();
    for path in paths {
        keep_at(&mut result, live, &path.segments, &owners);
    }
    result
}

/// Keeps the fields below `wanted` that the rest of a path names.
fn keep_at(wanted: &mut Value, live: &Value, path: &[Segment], owners: &[&Value]) {
    let Some((first, rest)) = path.split_first() else { return };
    match (first, wanted) {
        (Segment::Field(name), Value::Object(fields)) => {
            keep_field(fields, live, name, rest, owners);
        }
        (Segment::Field(_), _) | (_, Value::Object(_)) => {}
        (selector, Value::Array(items)) => {
            for (at, item) in items.iter_mut().enumerate() {
                // A whole item is no field: what is left of it could not be applied.
                let is_meant = selector.chooses(at, item) && !rest.is_empty();
                let twin = if is_meant { twin(item, at, live) } else { None };
                if let Some(twin) = twin {
                    let owners: Vec<&Value> =
                        owners.iter().filter_map(|fields| owned_item(fields, twin)).collect();
                    keep_at(item, twin, rest, &owners);
                }
            }
        }
        _ => {}
    }
}

fn keep_field(
    fields: &mut Map<String, Value>,
    live: &Value,
    name: &str,
    rest: &[Segment],
    owners: &[&Value],
) {
    let (Some(wanted), Some(live)) = (fields.get_mut(name), live.get(name)) else { return };
    let key = format!("f:{name}");
    let owners: Vec<&Value> = owners.iter().filter_map(|owned| owned.get(&key)).collect();
    if !rest.is_empty() {
        keep_at(wanted, live, rest, &owners);
    } else if owners.is_empty() {
        *wanted = live.clone();
    } else {
        fields.shift_remove(name);
    }
}

/// The live item that a wanted item describes: of the same name, or at the same place.
fn twin<'v>(item: &Value, at: usize, live: &'v Value) -> Option<&'v Value> {
    let live = live.as_array()?;
    match item.get("name") {
        Some(name) => live.iter().find(|other| other.get("name") == Some(name)),
        None => live.get(at),
    }
}

/// What a manager owns of a list's item: its entry is keyed by `k:{"name":"api"}`.
fn owned_item<'v>(fields: &'v Value, item: &Value) -> Option<&'v Value> {
    fields.as_object()?.iter().find_map(|(key, owned)| {
        let key: Map<String, Value> = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
        key.iter().all(|(name, value)| item.get(name) == Some(value)).then_some(owned)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn paths(texts: &[&str]) -> Vec<FieldPath> {
        texts.iter().map(|text| FieldPath::parse(text).unwrap()).collect()
    }

    fn deployment(image: &str, sidecar: &str) -> Value {
        json!({"spec": {"replicas": 2, "template": {"spec": {"containers": [
            {"name": "api", "image": image, "env": []}, {"name": "side", "image": sidecar}]}}}})
    }

    fn owned_by(mut live: Value, manager: &str, container: &str) -> Value {
        live["metadata"] = json!({"managedFields": [{"manager": manager, "fieldsV1": {"f:spec": {
            "f:template": {"f:spec": {"f:containers": {
                format!("k:{{\"name\":\"{container}\"}}"): {"f:image": {}}}}}}}}]});
        live
    }

    #[test]
    fn an_image_that_a_pipeline_set_is_not_applied() {
        let live = owned_by(deployment("api:7", "side:1"), "ci", "api");
        let kept = kept(
            &deployment("api:1", "side:2"),
            &live,
            &paths(&["spec.template.spec.containers[*].image"]),
        );
        let containers = &kept["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0], json!({"name": "api", "env": []}));
        assert_eq!(
            containers[1]["image"], "side:1",
            "owned by mlup alone: held, or the API removes it"
        );
    }

    #[test]
    fn what_the_live_object_lacks_is_applied() {
        let live = json!({"spec": {"template": {"spec": {"containers": [{"name": "other"}]}}}});
        let wanted = deployment("api:1", "side:2");
        assert_eq!(
            kept(
                &wanted,
                &live,
                &paths(&["spec.template.spec.containers[*].image", "spec.replicas"])
            ),
            wanted
        );
    }

    #[test]
    fn items_are_matched_by_name_and_chosen_by_selector() {
        let mut live = deployment("api:7", "side:7");
        live["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().reverse();
        let wanted = deployment("api:1", "side:1");
        for (path, images) in [
            ("spec.template.spec.containers[name=api].image", ["api:7", "side:1"]),
            ("spec.template.spec.containers[1].image", ["api:1", "side:7"]),
            ("spec.template.spec.containers[*].image", ["api:7", "side:7"]),
            ("spec.template.spec.containers[*]", ["api:1", "side:1"]),
        ] {
            let kept = kept(&wanted, &live, &paths(&[path]));
            let containers = &kept["spec"]["template"]["spec"]["containers"];
            assert_eq!([&containers[0]["image"], &containers[1]["image"]], images, "{path}");
        }
    }

    #[test]
    fn a_field_with_dots_in_its_name_is_written_in_brackets() {
        let wanted = json!({"metadata": {"annotations": {"a.b/c": "1", "d": "2"}}});
        let live = json!({"metadata": {"annotations": {"a.b/c": "9"}}});
        for path in ["metadata.annotations[\"a.b/c\"]", "metadata.annotations['a.b/c']"] {
            assert_eq!(
                kept(&wanted, &live, &paths(&[path]))["metadata"]["annotations"]["a.b/c"],
                "9"
            );
        }
    }

    #[test]
    fn a_replica_count_that_an_autoscaler_set_through_a_subresource_is_kept() {
        let mut live = deployment("api:1", "side:1");
        live["spec"]["replicas"] = json!(7);
        live["metadata"] = json!({"managedFields": [{"manager": "kube-controller-manager",
            "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]});
        let kept = kept(&deployment("api:1", "side:1"), &live, &paths(&["spec.replicas"]));
        assert_eq!(kept["spec"].get("replicas"), None);
    }

    #[test]
    fn what_is_kept_does_not_count_as_a_change() {
        let chosen = paths(&["spec.template.spec.containers[name=api].image", "spec.replicas"]);
        let one = without(&deployment("api:1", "side:1"), &chosen);
        assert_eq!(one, without(&deployment("api:2", "side:1"), &chosen));
        assert_ne!(one, without(&deployment("api:1", "side:2"), &chosen));
        assert_eq!(without(&one, &paths(&["spec.template.spec.containers[*]"])), one);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a..b", "a[", "a[x]", "a[=x]", "a]b[", ".a", "a[\"b]", "a[*]b"] {
            let failure = FieldPath::parse(text).unwrap_err();
            assert_eq!(
                (failure.class, failure.code),
                (Class::Config, "KEEP_PATH_INVALID"),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn keeping_twice_is_keeping_once(
            wanted in prop_oneof![Just("a:1"), Just("b:2")],
            live in prop_oneof![Just("c:3"), Just("d:4")],
            owner in prop_oneof![Just("ci"), Just(MANAGER)],
            chosen in proptest::sample::subsequence(vec![
                "spec.replicas", "spec.template.spec.containers[*].image", "spec.template.spec.containers[0].image",
                "spec.template.spec.containers[name=side].image", "spec.template", "spec.nothing[*].here"], 0..6),
        ) {
            let live = owned_by(deployment(live, "side:9"), owner, "api");
            let chosen = paths(&chosen);
            let once = kept(&deployment(wanted, "side:1"), &live, &chosen);
            prop_assert_eq!(kept(&once, &live, &chosen), once);
        }
    }
}
