//! Which logins the kubelet takes from a pod's pull secrets for an image: by its rules, not by what
//! would be nice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::super::world::World;
use super::super::objects::{list, namespace, text};
use super::names::Image;

/// The pull secrets that a pod names and that are not there.
pub(super) fn missing(world: &World, pod: &Value) -> Vec<String> {
    let named = list(pod, "/spec/imagePullSecrets").iter().map(|secret| text(secret, "/name"));
    let is_missing = |name: &&str| world.find("Secret", namespace(pod), name).is_none();
    named.filter(is_missing).map(str::to_owned).collect()
}

/// User names and passwords for an image, in the order in which they are tried.
pub(super) fn logins(world: &World, pod: &Value, image: &Image) -> Vec<(String, String)> {
    let mut found: Vec<(usize, (String, String))> = Vec::new();
    for secret in list(pod, "/spec/imagePullSecrets") {
        let secret = world.find("Secret", namespace(pod), text(secret, "/name"));
        let hosts = secret.as_ref().and_then(hosts);
        for (key, entry) in hosts.iter().flatten() {
            if let Some((login, length)) = login(entry).zip(fits(key, image)) {
                found.push((length, login));
            }
        }
    }
    // The most exact first.
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    found.into_iter().map(|(_, login)| login).collect()
}

fn hosts(secret: &Value) -> Option<serde_json::Map<String, Value>> {
    let key = match text(secret, "/type") {
        "kubernetes.io/dockerconfigjson" => ".dockerconfigjson",
        "kubernetes.io/dockercfg" => ".dockercfg",
        _ => return None,
    };
    let bytes = match secret["stringData"][key].as_str() {
        Some(plain) => plain.as_bytes().to_vec(),
        None => STANDARD.decode(secret["data"][key].as_str()?).ok()?,
    };
    let config: Value = serde_json::from_slice(&bytes).ok()?;
    let hosts = if key == ".dockercfg" { &config } else { &config["auths"] };
    hosts.as_object().cloned()
}

/// `auth` wins over the pair.
fn login(entry: &Value) -> Option<(String, String)> {
    if let Some(auth) = entry["auth"].as_str().filter(|auth| !auth.is_empty()) {
        let plain = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
        let (user, password) = plain.split_once(':')?;
        return Some((user.to_owned(), password.trim_end_matches('\0').to_owned()));
    }
    let field = |name: &str| entry[name].as_str().map(str::to_owned);
    Some((field("username")?, field("password")?))
}

/// Whether a key is for an image, and how much of it it names.
fn fits(key: &str, image: &Image) -> Option<usize> {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let path = path.trim_start_matches("v1/").trim_start_matches("v2/").trim_matches('/');
    let path = if ["v1", "v2"].contains(&path) { "" } else { path };
    let is_hub = image.host == "docker.io" && ["docker.io", "index.docker.io"].contains(&host);
    let is_host = is_hub || is_like(host, &image.host);
    (is_host && image.path.starts_with(path)).then_some(key.len())
}

/// Each part of a host may have wildcards; their numbers are equal, and so are ports.
fn is_like(pattern: &str, host: &str) -> bool {
    let port = |name: &str| name.split_once(':').map(|(_, port)| port.to_owned());
    let parts = |name: &str| -> Vec<String> {
        name.split(':').next().unwrap_or_default().split('.').map(str::to_owned).collect()
    };
    let (own, other) = (parts(pattern), parts(host));
    port(pattern) == port(host)
        && own.len() == other.len()
        && own.iter().zip(&other).all(|(own, other)| is_part(own, other))
}

fn is_part(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((begin, rest)) => {
            let Some(left) = part.strip_prefix(begin) else { return false };
            (0..=left.len()).any(|at| left.is_char_boundary(at) && is_part(rest, &left[at..]))
        }
    }
}
