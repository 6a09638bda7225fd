//! Objects without what nobody may keep: the values of secrets, and what managers wrote when.

use serde_json::{Value, json};

use crate::host::kube::base64;
use crate::redact::names::is_secret;

/// Stands for a login that the kubelet can read.
const LOGIN: &str = "REDACTED:REDACTED";

/// Stands for one without a password.
const NO_PASSWORD: &str = "REDACTED:";

/// Stands for one that it cannot: it is no base64.
const UNREADABLE: &str = "[redacted]";

/// The object without its managed fields and, of a secret, without its values, which `learn` is told
/// where they are text.
pub fn bare(mut object: Value, learn: &dyn Fn(&str)) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    if object["kind"] == "Secret" { without_values(object, learn) } else { object }
}

/// A secret with its keys, the length of each value and, of a pull secret, its registries.
fn without_values(mut secret: Value, learn: &dyn Fn(&str)) -> Value {
    if let Some(metadata) = secret.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("annotations");
    }
    let Some(data) = secret.get_mut("data").and_then(Value::as_object_mut) else { return secret };
    for (key, value) in data.iter_mut() {
        let bytes = decoded(value);
        *value = match key.as_str() {
            ".dockerconfigjson" => registries(&bytes, true, learn),
            ".dockercfg" => registries(&bytes, false, learn),
            key => {
                let text = std::str::from_utf8(&bytes).unwrap_or_default();
                if is_secret(key) || !text.contains(char::is_whitespace) && bytes.len() >= 20 {
                    learn(text);
                }
                if bytes.is_empty() { "".into() } else { length(&bytes).into() }
            }
        };
    }
    secret
}

fn length(bytes: &[u8]) -> String {
    base64(format!("len:{}", bytes.len()).as_bytes())
}

fn decoded(data: &Value) -> Vec<u8> {
    let bytes = serde_json::from_value::<k8s_openapi::ByteString>(data.clone());
    bytes.map(|bytes| bytes.0).unwrap_or_default()
}

/// The registries of a pull secret, as it writes them, and whether each has a login that can be
/// read: the kubelet gives the whole secret up for one that cannot.
fn registries(config: &[u8], has_frame: bool, learn: &dyn Fn(&str)) -> Value {
    let config = serde_json::from_slice::<Value>(config).unwrap_or_default();
    let auths = if has_frame { config.get("auths") } else { Some(&config) };
    let entries = auths.and_then(Value::as_object).into_iter().flatten();
    let bare: Value = entries.map(|(host, entry)| (host.clone(), login(entry, learn))).collect();
    let mut bare = if has_frame { json!({ "auths": bare }) } else { bare };
    // Where Docker keeps the logins in place of in the file.
    if let Some(store) = config.get("credsStore").and_then(Value::as_str).filter(|_| has_frame) {
        bare["credsStore"] = store.into();
    }
    base64(bare.to_string().as_bytes()).into()
}

/// Whether there is a login, and whether it can be read.
fn login(entry: &Value, learn: &dyn Fn(&str)) -> Value {
    for field in ["auth", "password", "identitytoken", "registrytoken"] {
        entry[field].as_str().into_iter().for_each(learn);
    }
    let has = |field: &str| entry[field].as_str().is_some_and(|value| !value.is_empty());
    let Some(auth) = entry["auth"].as_str().filter(|auth| !auth.is_empty()) else {
        return match [has("username") && has("password"), has("identitytoken")] {
            [true, _] => json!({ "auth": base64(LOGIN.as_bytes()) }),
            [_, true] => json!({ "identitytoken": UNREADABLE }),
            _ => entry.get("auth").map_or(json!({}), |_| json!({ "auth": "" })),
        };
    };
    let bytes = decoded(&padded(auth).into());
    let text = String::from_utf8_lossy(&bytes);
    match text.split_once(':') {
        Some((_, "")) => json!({ "auth": base64(NO_PASSWORD.as_bytes()) }),
        Some((_, password)) => {
            learn(password);
            json!({ "auth": base64(LOGIN.as_bytes()) })
        }
        None => json!({ "auth": UNREADABLE }),
    }
}

/// The kubelet takes base64 with and without padding.
fn padded(auth: &str) -> String {
    let missing = if auth.ends_with('=') { 0 } else { (4 - auth.len() % 4) % 4 };
    format!("{auth}{}", "=".repeat(missing))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn encoded(text: &str) -> Value {
        base64(text.as_bytes()).into()
    }

    #[test]
    fn a_secret_keeps_its_keys_and_says_what_must_not_be_told() {
        let learned = RefCell::new(Vec::new());
        let learn = |value: &str| learned.borrow_mut().push(value.to_owned());
        let secret = json!({"kind": "Secret", "data": {
            "password": encoded("hunter2-x"), "host": encoded("db"), "empty": "",
        }, "metadata": {"name": "s", "annotations": {"a": "hunter2-x"}, "managedFields": []}});
        let bare = bare(secret, &learn);
        assert_eq!(bare["data"]["password"], encoded("len:9"));
        assert_eq!(bare["data"]["host"], encoded("len:2"));
        assert_eq!(bare["data"]["empty"], "");
        assert_eq!(bare["metadata"], json!({"name": "s"}));
        assert_eq!(learned.into_inner(), ["hunter2-x"]);
    }

    #[test]
    fn logins_of_registries_keep_whether_they_can_be_read() {
        for (auth, wanted) in [
            (Some("dTpwdw=="), Some(base64(LOGIN.as_bytes()))),
            (Some("QVdTOg=="), Some(base64(NO_PASSWORD.as_bytes()))),
            (Some("dTpwdw"), Some(base64(LOGIN.as_bytes()))),
            (Some(""), Some(String::new())),
            (Some("%%"), Some(UNREADABLE.to_owned())),
            (Some("dXB3"), Some(UNREADABLE.to_owned())),
            (None, None),
        ] {
            let entry = auth.map_or(json!({"username": "u"}), |auth| json!({ "auth": auth }));
            let config = json!({ "auths": { "ghcr.io": entry } }).to_string();
            let config = registries(config.as_bytes(), true, &|_| {});
            let config: Value = serde_json::from_slice(&decoded(&config)).unwrap();
            let kept = config["auths"]["ghcr.io"]["auth"].as_str().map(str::to_owned);
            assert_eq!(kept, wanted, "{auth:?}");
        }
        let other = json!({ "auths": {
            "a": { "username": "u", "password": "p-w" }, "b": { "identitytoken": "t" }, "c": {} },
            "credsStore": "desktop", "HttpHeaders": { "X": "y" } });
        let kept = registries(other.to_string().as_bytes(), true, &|_| {});
        let kept: Value = serde_json::from_slice(&decoded(&kept)).unwrap();
        let login = json!({ "auth": base64(LOGIN.as_bytes()) });
        let auths = json!({ "a": login, "b": { "identitytoken": UNREADABLE }, "c": {} });
        assert_eq!(kept, json!({ "auths": auths, "credsStore": "desktop" }));
    }
}
