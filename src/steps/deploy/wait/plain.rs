//! Objects as the judgements take them: with their kind, and without what nobody may keep.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::host::kube::watch::News;

/// The same news with plain objects.
pub(super) fn plain(news: News<DynamicObject>, api_version: &str, kind: &str) -> News<Value> {
    let value = |object| value(&object, api_version, kind);
    match news {
        News::All(objects) => News::All(objects.into_iter().map(value).collect()),
        News::Here(object) => News::Here(value(object)),
        News::Gone(object) => News::Gone(value(object)),
        News::Silent(failure) => News::Silent(failure),
    }
}

/// An object with its kind, which lists leave out, and without what nobody may keep.
fn value(object: &DynamicObject, api_version: &str, kind: &str) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    value["apiVersion"] = api_version.into();
    value["kind"] = kind.into();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    if kind == "Secret" { without_values(value) } else { value }
}

/// A secret with its keys and, of a pull secret, its registries: no value is kept.
fn without_values(mut secret: Value) -> Value {
    if let Some(metadata) = secret.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("annotations");
    }
    let Some(data) = secret.get_mut("data").and_then(Value::as_object_mut) else { return secret };
    for (key, value) in data.iter_mut() {
        *value = match key.as_str() {
            ".dockerconfigjson" => registries(value, true),
            ".dockercfg" => registries(value, false),
            _ => "".into(),
        };
    }
    secret
}

/// The registries of a pull secret, as it writes them.
fn registries(data: &Value, has_frame: bool) -> Value {
    let bytes = serde_json::from_value::<k8s_openapi::ByteString>(data.clone());
    let config = bytes.ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes.0).ok());
    let config = config.unwrap_or_default();
    let auths = if has_frame { config.get("auths") } else { Some(&config) };
    let names = auths.and_then(Value::as_object).into_iter().flatten();
    let bare: Value = names.map(|(name, _)| (name.clone(), json!({}))).collect();
    let bare = if has_frame { json!({ "auths": bare }) } else { bare };
    crate::host::kube::base64(bare.to_string().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_secrets_only_keys_and_registries_are_kept() {
        let config = json!({"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}).to_string();
        let secret: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "s", "namespace": "n",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
            "type": "Opaque",
            "data": {"password": "aHVudGVyMg==",
                ".dockerconfigjson": crate::host::kube::base64(config.as_bytes())},
        }))
        .unwrap();
        let kept = value(&secret, "v1", "Secret");
        assert!(!kept.to_string().contains("hunter2") && !kept.to_string().contains("aHVudGVyMg"));
        assert_eq!(kept["data"]["password"], "");
        let data = kept["data"][".dockerconfigjson"].clone();
        let bytes: k8s_openapi::ByteString = serde_json::from_value(data).unwrap();
        assert_eq!(String::from_utf8(bytes.0).unwrap(), r#"{"auths":{"ghcr.io":{}}}"#);
        assert_eq!((&kept["kind"], &kept["type"]), (&json!("Secret"), &json!("Opaque")));
    }
}
