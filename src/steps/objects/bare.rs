//! Objects without what nobody may keep: the values of secrets, and what managers wrote when.

use serde_json::{Value, json};

/// The object without its managed fields and, of a secret, without its values.
pub fn bare(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    if object["kind"] == "Secret" { without_values(object) } else { object }
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
