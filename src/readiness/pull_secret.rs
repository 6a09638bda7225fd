//! Whether the kubelet takes anything from a pull secret for an image.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use crate::manifest::images::ImageName;
use crate::manifest::{keyring, read};

/// Why the kubelet takes nothing from a pull secret for this image, if it does not.
pub(super) fn flaw(secret: &Value, image: &str) -> Option<String> {
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
    let auths = || auths.and_then(Value::as_object).into_iter().flatten();
    let hosts: Vec<&str> = auths().map(|(host, _)| host.as_str()).collect();
    if hosts.is_empty() {
        return Some("it holds no registry".to_owned());
    }
    // The kubelet gives the whole secret up for one of these.
    if let Some((host, _)) = auths().find(|(_, entry)| !is_readable(entry)) {
        return Some(format!("its login for {host} is no base64 of `user:password`"));
    }
    let mut own = auths().filter(|(host, _)| keyring::matches(host, image)).peekable();
    let Some((host, _)) = own.peek().copied() else {
        let registry = ImageName::parse(image).registry;
        return Some(format!("it is for {}, and the image is in {registry}", hosts.join(", ")));
    };
    // The kubelet tries every entry that is for the image.
    let flaws: Option<Vec<String>> = own.map(|(_, entry)| empty(entry, &config)).collect();
    flaws?.first().map(|why| format!("its entry for {host} {why}"))
}

/// Why an entry is there and holds no login. Docker writes such ones when it keeps the login
/// elsewhere.
fn empty(entry: &Value, config: &Value) -> Option<String> {
    let auth = read::text(entry, "/auth");
    let has_login = |text: &str| text.split_once(':').is_some_and(|(_, word)| !word.is_empty());
    let decoded = decoded(auth).unwrap_or_default();
    let pair = ["/username", "/password"].map(|field| !read::text(entry, field).is_empty());
    if has_login(&String::from_utf8_lossy(&decoded)) || pair == [true, true] {
        return None;
    }
    if !auth.is_empty() {
        return Some("has an empty password: what made its token printed nothing".to_owned());
    }
    let store = read::text(config, "/credsStore");
    Some(if !store.is_empty() {
        format!("is empty: Docker keeps that login in its credsStore `{store}`, not in the file")
    } else if entry.get("identitytoken").is_some() {
        "holds an identity token alone, which the kubelet does not take".to_owned()
    } else {
        "is empty: it has no `auth`".to_owned()
    })
}

/// Whether the kubelet can read an entry: it takes `auth` with and without padding.
fn is_readable(entry: &Value) -> bool {
    let auth = read::text(entry, "/auth");
    auth.is_empty() || decoded(auth).is_some_and(|bytes| bytes.contains(&b':'))
}

fn decoded(auth: &str) -> Option<Vec<u8>> {
    let bytes =
        if auth.ends_with('=') { STANDARD.decode(auth) } else { STANDARD_NO_PAD.decode(auth) };
    bytes.ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use serde_json::json;

    use super::*;

    fn secret(kind: &str, key: &str, text: &str) -> Value {
        json!({"type": kind, "data": {key: ByteString(text.as_bytes().to_vec())}})
    }

    #[test]
    fn a_secret_is_judged_by_the_rules_of_the_kubelet() {
        let host = |host: &str| json!({"auths": {host: {"auth": "dTpw"}}}).to_string();
        let said = |text: &str, image: &str| {
            flaw(&secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", text), image)
        };
        for (key, image, is_good) in [
            ("https://index.docker.io/v1/", "nginx", true),
            ("registry-1.docker.io", "nginx", false),
            ("*.azurecr.io", "x.azurecr.io/api", true),
            ("*.io", "x.azurecr.io/api", false),
            ("reg:5000/team", "reg:5000/team/api", true),
            ("reg:5000/team", "reg:5000/other/api", false),
            ("reg", "reg:5000/api", false),
        ] {
            assert_eq!(said(&host(key), image).is_none(), is_good, "{key} {image}");
        }
        let words = said(&host("quay.io"), "ghcr.io/a/b:1").unwrap();
        assert_eq!(words, "it is for quay.io, and the image is in ghcr.io");
        for empty in ["{}", "{\"auths\":{}}", "no json"] {
            assert_eq!(said(empty, "a").as_deref(), Some("it holds no registry"), "{empty}");
        }
    }

    #[test]
    fn an_entry_without_a_login_is_none() {
        for (rest, wanted) in [
            (json!({"auths": {"r.io": {"auth": "dTpw"}}}), None),
            (json!({"auths": {"r.io": {"username": "u", "password": "p"}}}), None),
            (json!({"auths": {"r.io": {}}}), Some("its entry for r.io is empty: it has no `auth`")),
            (json!({"auths": {"r.io": {"auth": ""}}}), Some("is empty")),
            (json!({"auths": {"r.io": {"auth": "QVdTOg=="}}}), Some("empty password")),
            (json!({"auths": {"r.io": {}}, "credsStore": "desktop"}), Some("credsStore `desktop`")),
            (json!({"auths": {"r.io": {"identitytoken": "t"}}}), Some("identity token")),
            (json!({"auths": {"r.io": {}, "r.io/team": {"auth": "dTpw"}}}), None),
            (json!({"auths": {"other.io": {}, "r.io": {"auth": "dTpw"}}}), None),
        ] {
            let kind = "kubernetes.io/dockerconfigjson";
            let secret = secret(kind, ".dockerconfigjson", &rest.to_string());
            let said = flaw(&secret, "r.io/team/api:1");
            let is_told = match wanted {
                Some(words) => said.as_ref().is_some_and(|said| said.contains(words)),
                None => said.is_none(),
            };
            assert!(is_told, "{rest}: {said:?}");
        }
    }

    #[test]
    fn one_entry_that_cannot_be_read_spoils_the_secret() {
        for (auth, is_good) in
            [("dTpw", true), ("dTpwdw==", true), ("dTpwdw", true), ("dXB3", false), ("%%", false)]
        {
            let text = json!({"auths": {"ghcr.io": {"auth": "dTpw"}, "r": {"auth": auth}}});
            let secret =
                secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", &text.to_string());
            let said = flaw(&secret, "ghcr.io/a");
            assert_eq!(said.is_none(), is_good, "{auth}: {said:?}");
        }
    }

    #[test]
    fn the_type_decides_where_the_logins_are() {
        let old = r#"{"ghcr.io":{"auth":"dTpw"}}"#;
        let is_usable =
            |kind: &str, key: &str| flaw(&secret(kind, key, old), "ghcr.io/a").is_none();
        assert!(is_usable("kubernetes.io/dockercfg", ".dockercfg"));
        assert!(!is_usable("kubernetes.io/dockerconfigjson", ".dockerconfigjson"));
        assert!(!is_usable("Opaque", ".dockerconfigjson"));
        let unread = json!({"type": "kubernetes.io/dockerconfigjson"});
        assert_eq!(flaw(&unread, "ghcr.io/a"), None, "listed without its data");
    }
}
