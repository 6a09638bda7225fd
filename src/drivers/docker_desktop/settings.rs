//! The settings file of Docker Desktop, as far as it tells whether Kubernetes is switched on. Its
//! keys are documented nowhere: what cannot be read is unknown. It is never written.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The places where the file may be, newest first.
pub(super) fn places(home: &Path) -> Vec<PathBuf> {
    let folders = [".docker/desktop", "Library/Group Containers/group.com.docker"];
    let names = ["settings-store.json", "settings.json"];
    let of_folder = |folder: &str| names.map(|name| home.join(folder).join(name));
    folders.into_iter().flat_map(of_folder).collect()
}

/// Whether Kubernetes is switched on; `None` when the file does not tell. A file without the key
/// means the default, which is off.
pub(super) fn kubernetes_enabled(text: &str) -> Option<bool> {
    let Value::Object(settings) = serde_json::from_str(text).ok()? else { return None };
    let value = settings.get("KubernetesEnabled").or_else(|| settings.get("kubernetesEnabled"));
    match value {
        None => Some(false),
        Some(Value::Bool(on)) => Some(*on),
        // The newer form beside a lock of the administrator.
        Some(Value::Object(wrapped)) => wrapped.get("value")?.as_bool(),
        Some(_) => None,
    }
}

/// Whether an administrator has locked the switch.
pub(super) fn is_locked(text: &str) -> bool {
    let settings: Value = serde_json::from_str(text).unwrap_or_default();
    let names = ["KubernetesEnabled", "kubernetesEnabled"];
    names.iter().any(|name| settings[*name]["locked"] == Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_the_locked_form_are_read() {
        assert_eq!(kubernetes_enabled(r#"{"KubernetesEnabled": true, "x": 1}"#), Some(true));
        assert_eq!(kubernetes_enabled(r#"{"kubernetesEnabled": false}"#), Some(false));
        let locked = r#"{"kubernetesEnabled": {"value": false, "locked": true}}"#;
        assert_eq!(kubernetes_enabled(locked), Some(false));
        assert!(is_locked(locked));
        assert!(!is_locked(r#"{"kubernetesEnabled": false}"#));
    }

    #[test]
    fn an_absent_key_is_off_and_an_unreadable_file_is_unknown() {
        assert_eq!(kubernetes_enabled(r#"{"AutoStart": true}"#), Some(false));
        assert_eq!(kubernetes_enabled("{"), None);
        assert_eq!(kubernetes_enabled("[]"), None);
        assert_eq!(kubernetes_enabled(r#"{"KubernetesEnabled": "yes"}"#), None);
    }

    #[test]
    fn the_newer_file_comes_first() {
        let places = places(Path::new("/h"));
        assert_eq!(places[0], Path::new("/h/.docker/desktop/settings-store.json"));
        assert_eq!(places.len(), 4);
    }
}
