//! Whether the kubelet takes anything from a pull secret for an image.

use serde_json::Value;

use crate::manifest::images::ImageName;
use crate::manifest::read;

/// Why the kubelet takes nothing from a pull secret for this image, if it does not.
pub(super) fn flaw(secret: &Value, image: &ImageName) -> Option<String> {
    let kind = read::text(secret, "/type");
    let key = match kind {
        "kubernetes.io/dockerconfigjson" => "/data/.dockerconfigjson",
        "kubernetes.io/dockercfg" => "/data/.dockercfg",
        kind => {
            return Some(format!(
                "it is of type {kind}, and must be kubernetes.io/dockerconfigjson"
            ));
        }
    };
    let Some(data) = secret.pointer(key) else {
        // Listed without its data, as secrets are that nobody needs to read.
        return None;
    };
    let config = serde_json::from_value::<k8s_openapi::ByteString>(data.clone()).ok();
    let config: Value =
        config.and_then(|bytes| serde_json::from_slice(&bytes.0).ok()).unwrap_or_default();
    let auths = if key.ends_with("json") { config.get("auths") } else { Some(&config) };
    let hosts: Vec<&str> = auths
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(host, _)| host.as_str())
        .collect();
    if hosts.is_empty() {
        return Some("it holds no registry".to_owned());
    }
    (!hosts.iter().any(|host| is_for(host, &image.registry)))
        .then(|| format!("it is for {}, and the image is in {}", hosts.join(", "), image.registry))
}

/// Whether a key of a pull secret is for a registry; schemes and paths are not compared.
fn is_for(key: &str, registry: &str) -> bool {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let host = key.split('/').next().unwrap_or_default();
    match host.strip_prefix('*') {
        Some(domain) => registry.ends_with(domain),
        None => {
            host == registry
                || (registry == "docker.io"
                    && ["index.docker.io", "registry-1.docker.io"].contains(&host))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_pull_secrets_match_their_registry() {
        assert!(is_for("https://index.docker.io/v1/", "docker.io"));
        assert!(is_for("*.azurecr.io", "x.azurecr.io"));
        assert!(is_for("reg:5000/path", "reg:5000"));
        assert!(!is_for("reg", "reg:5000"));
    }
}
