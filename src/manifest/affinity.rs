//! Which nodes a pod asks for by labels: `nodeSelector` and the required part of node affinity. Room
//! and taints are [`super::requests`].

use serde_json::Value;

use super::read;

/// The part of a pod's specification that a node must meet.
const REQUIRED: &str =
    "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";

/// The first demand that a node with these labels does not meet, as people write it.
#[must_use]
pub fn unmet(spec: &Value, labels: &[(String, String)]) -> Option<String> {
    let has = |key: &str, value: &str| labels.iter().any(|(name, own)| name == key && own == value);
    if let Some((key, value)) =
        read::texts(spec, "/nodeSelector").find(|(key, value)| !has(key, value))
    {
        return Some(format!("{key}={value}"));
    }
    let terms = read::list(spec, REQUIRED);
    let fits =
        |term: &Value| read::list(term, "/matchExpressions").iter().all(|one| met(one, labels));
    if terms.is_empty() || terms.iter().any(fits) {
        return None;
    }
    let shown = terms.iter().flat_map(|term| read::list(term, "/matchExpressions"));
    shown.filter(|one| !met(one, labels)).map(worded).next()
}

/// Everything that the required node affinity demands, as people write it.
#[must_use]
pub fn demands(spec: &Value) -> Vec<String> {
    let terms = read::list(spec, REQUIRED).iter();
    terms.flat_map(|term| read::list(term, "/matchExpressions")).map(worded).collect()
}

/// Whether an expression holds; one that this version does not know counts as met.
fn met(expression: &Value, labels: &[(String, String)]) -> bool {
    let key = read::text(expression, "/key");
    let own = labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let listed = own.is_some_and(|own| values(expression).any(|value| value == own));
    match read::text(expression, "/operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => own.is_some(),
        "DoesNotExist" => own.is_none(),
        _ => true,
    }
}

fn values(expression: &Value) -> impl Iterator<Item = &str> {
    read::list(expression, "/values").iter().filter_map(Value::as_str)
}

fn worded(expression: &Value) -> String {
    let key = read::text(expression, "/key");
    let values = values(expression).collect::<Vec<_>>().join("|");
    match read::text(expression, "/operator") {
        "In" => format!("{key}={values}"),
        "NotIn" => format!("{key}!={values}"),
        "DoesNotExist" => format!("no {key}"),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wants(key: &str, operator: &str, values: &[&str]) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions":
                [{"key": key, "operator": operator, "values": values}]}]}}}})
    }

    #[test]
    fn demands_are_met_as_the_scheduler_takes_them() {
        let labels = [("arch".to_owned(), "amd64".to_owned()), ("disk".to_owned(), String::new())];
        for (spec, lacks) in [
            (json!({}), None),
            (json!({"nodeSelector": {"arch": "amd64"}}), None),
            (json!({"nodeSelector": {"arch": "arm64"}}), Some("arch=arm64")),
            (wants("arch", "In", &["arm64", "amd64"]), None),
            (wants("arch", "In", &["arm64", "s390x"]), Some("arch=arm64|s390x")),
            (wants("arch", "NotIn", &["amd64"]), Some("arch!=amd64")),
            (wants("disk", "Exists", &[]), None),
            (wants("gpu", "Exists", &[]), Some("gpu")),
            (wants("gpu", "DoesNotExist", &[]), None),
            (wants("disk", "DoesNotExist", &[]), Some("no disk")),
            (wants("disk", "Gt", &["3"]), None),
        ] {
            assert_eq!(unmet(&spec, &labels).as_deref(), lacks, "{spec}");
        }
    }

    #[test]
    fn one_term_of_several_suffices() {
        let term = |value: &str| json!({"matchExpressions": [{"key": "arch", "operator": "In", "values": [value]}]});
        let spec = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [term("arm64"), term("amd64")]}}}});
        assert_eq!(unmet(&spec, &[("arch".to_owned(), "amd64".to_owned())]), None);
    }
}
