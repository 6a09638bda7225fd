//! The HTTP API of image registries as text and data: addresses, challenges, tokens, manifests. Pure;
//! who is asked, and in which order, is the parent's.

use serde_json::Value;

use crate::manifest::images::ImageName;
use crate::manifest::platform::Platform;
use crate::manifest::read;

/// The kinds of manifests that are understood, lists first.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Where the API of Docker Hub answers.
const HUB_API: &str = "registry-1.docker.io";

/// An image at its registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: String,
    repository: String,
    reference: String,
}

impl Address {
    /// Where this image is; by plain HTTP on this machine, as Docker does it.
    #[must_use]
    pub fn of(image: &ImageName) -> Self {
        let scheme = if is_loopback(&image.registry) { "http" } else { "https" };
        let host = if image.registry == "docker.io" { HUB_API } else { &image.registry };
        let named = image.digest.as_ref().or(image.tag.as_ref());
        Self {
            base: format!("{scheme}://{host}"),
            repository: image.repository.clone(),
            reference: named.map_or("latest", String::as_str).to_owned(),
        }
    }

    /// The URL of its manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}/v2/{}/manifests/{}", self.base, self.repository, self.reference)
    }

    /// The URL of the tags beside it; a page of them is plenty to find a slip of the finger.
    #[must_use]
    pub fn tags(&self) -> String {
        format!("{}/v2/{}/tags/list?n=1000", self.base, self.repository)
    }

    /// The URL of one of its blobs.
    #[must_use]
    pub fn blob(&self, digest: &str) -> String {
        format!("{}/v2/{}/blobs/{digest}", self.base, self.repository)
    }

    /// Whether a password may go there: by TLS, or on this machine.
    #[must_use]
    pub fn is_safe(&self, url: &str) -> bool {
        url.starts_with("https://")
            || self.base.starts_with("http://") && url.starts_with("http://")
    }
}

/// Whether a registry is on this machine.
#[must_use]
pub fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// How a registry wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// With user and password.
    Basic,
    /// With a token from somewhere.
    Bearer {
        /// Where the token is asked for, questions included.
        url: String,
    },
}

/// What a `WWW-Authenticate` header asks for (RFC 9110, distribution's token specification).
#[must_use]
pub fn challenge(header: &str, address: &Address) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let realm = parameter(rest, "realm")?;
    let scope = parameter(rest, "scope")
        .unwrap_or_else(|| format!("repository:{}:pull", address.repository));
    let service = parameter(rest, "service").map(|service| ("service", service));
    let questions: Vec<String> = service
        .into_iter()
        .chain([("scope", scope)])
        .map(|(name, value)| format!("{name}={}", encoded(&value)))
        .collect();
    let joint = if realm.contains('?') { '&' } else { '?' };
    Some(Challenge::Bearer { url: format!("{realm}{joint}{}", questions.join("&")) })
}

fn parameter(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches([' ', ',']);
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = next;
    }
    None
}

/// A value as a part of a URL's question.
fn encoded(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// The token in the answer of a token service.
#[must_use]
pub fn token(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    ["/token", "/access_token"]
        .map(|path| read::text(&body, path).to_owned())
        .into_iter()
        .find(|token| !token.is_empty())
}

/// The tags in the answer to [`Address::tags`].
#[must_use]
pub fn tags(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let tags = read::list(&body, "/tags").iter().filter_map(Value::as_str);
    tags.map(str::to_owned).collect()
}

/// What a registry says in an error.
#[must_use]
pub fn words(status: u16, body: &str) -> String {
    let told: Value = serde_json::from_str(body).unwrap_or_default();
    let error = |field: &str| read::text(&told, &format!("/errors/0/{field}")).to_owned();
    let words = [error("code"), error("message")].join(": ");
    match words.trim_matches([':', ' ']) {
        "" => format!("status {status}"),
        words => format!("status {status}, {words}"),
    }
}

/// What a manifest says of platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// A list of images, one a platform.
    List(Vec<Platform>),
    /// One image: its configuration, of this digest, says its platform.
    Single(String),
    /// Something else.
    Unknown,
}

/// Reads a manifest.
#[must_use]
pub fn manifest(body: &str) -> Manifest {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Manifest::Unknown };
    let entries = read::list(&body, "/manifests");
    let platforms: Vec<Platform> =
        entries.iter().filter_map(|entry| Platform::of_entry(entry.get("platform")?)).collect();
    match read::text(&body, "/config/digest") {
        _ if !platforms.is_empty() => Manifest::List(platforms),
        "" => Manifest::Unknown,
        digest => Manifest::Single(digest.to_owned()),
    }
}

/// The platform that an image's configuration says.
#[must_use]
pub fn configured_platform(body: &str) -> Option<Platform> {
    Platform::of_entry(&serde_json::from_str(body).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(image: &str) -> Address {
        Address::of(&ImageName::parse(image))
    }

    #[test]
    fn an_image_has_one_address() {
        for (image, url) in [
            ("redis", "https://registry-1.docker.io/v2/library/redis/manifests/latest"),
            ("acme/web:2", "https://registry-1.docker.io/v2/acme/web/manifests/2"),
            ("ghcr.io/a/b@sha256:00", "https://ghcr.io/v2/a/b/manifests/sha256:00"),
            ("127.0.0.1:5000/x:1", "http://127.0.0.1:5000/v2/x/manifests/1"),
            ("localhost:5000/x:1", "http://localhost:5000/v2/x/manifests/1"),
            ("10.0.0.1:5000/x:1", "https://10.0.0.1:5000/v2/x/manifests/1"),
        ] {
            assert_eq!(address(image).manifest(), url);
        }
        assert!(!address("redis").is_safe("http://auth.example.com/token"));
        assert!(address("localhost:5000/x").is_safe("http://localhost:5001/token"));
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/redis:pull""#;
        let bearer = |url: &str| Some(Challenge::Bearer { url: url.to_owned() });
        for (header, wanted) in [
            ("Basic realm=\"Registry\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                hub,
                bearer(
                    "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/redis:pull",
                ),
            ),
            (
                "Bearer realm=\"https://x/t?a=b\", service=\"s p\"",
                bearer("https://x/t?a=b&service=s%20p&scope=repository:library/redis:pull"),
            ),
            ("Bearer realm=https://x/t", bearer("https://x/t?scope=repository:library/redis:pull")),
            ("Negotiate", None),
            ("Bearer", None),
        ] {
            assert_eq!(challenge(header, &address("redis")), wanted, "{header}");
        }
    }

    #[test]
    fn manifests_say_their_platforms() {
        let list = r#"{"manifests": [
            {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            {"digest": "sha256:2", "platform": {"os": "unknown", "architecture": "unknown"}}]}"#;
        assert_eq!(manifest(list), Manifest::List(vec![Platform::parse("linux/arm64/v8")]));
        let single = r#"{"config": {"digest": "sha256:c"}, "layers": []}"#;
        assert_eq!(manifest(single), Manifest::Single("sha256:c".to_owned()));
        for other in ["{}", "", "<html>", r#"{"manifests": []}"#] {
            assert_eq!(manifest(other), Manifest::Unknown, "{other}");
        }
        let config = r#"{"architecture": "amd64", "os": "linux", "config": {}}"#;
        assert_eq!(configured_platform(config), Some(Platform::parse("linux/amd64")));
    }

    #[test]
    fn tokens_and_words_are_found() {
        assert_eq!(token(r#"{"token": "t"}"#).as_deref(), Some("t"));
        assert_eq!(token(r#"{"access_token": "a", "expires_in": 300}"#).as_deref(), Some("a"));
        assert_eq!(token("{}"), None);
        assert_eq!(tags(r#"{"name": "shop/api", "tags": ["v1", "v2"]}"#), ["v1", "v2"]);
        // A repository without tags has none, or null (distribution 2.8).
        assert_eq!(tags(r#"{"name": "shop/api", "tags": null}"#), [""; 0]);
        let body = r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#;
        assert_eq!(words(404, body), "status 404, MANIFEST_UNKNOWN: manifest unknown");
        assert_eq!(words(502, "<html>"), "status 502");
    }
}
