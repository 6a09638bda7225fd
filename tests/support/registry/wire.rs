//! Pushes images over HTTP, without an engine: empty ones, of any platform. How the engine pushes
//! and pulls is the parent's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{HeaderMap, LOCATION};
use mlup::host::http::{self, Answer, Request, Trust};
use mlup::redact::Secret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{PASSWORD, Registry, USER};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Registry {
    /// Pushes an empty image of one platform, such as `linux/arm64`; its whole name.
    #[track_caller]
    pub(crate) fn push_empty(&self, name: &str, platform: &str) -> String {
        let (repository, tag) = name.rsplit_once(':').unwrap();
        self.put_manifest(repository, tag, MANIFEST, &self.put_image(repository, platform));
        format!("{}/{name}", self.server)
    }

    /// Pushes an empty image that has no tag; its whole name, with its digest.
    #[track_caller]
    pub(crate) fn push_untagged(&self, repository: &str, platform: &str) -> String {
        let manifest = self.put_image(repository, platform);
        let digest = digest(&manifest.to_string());
        self.put_manifest(repository, &digest, MANIFEST, &manifest);
        format!("{}/{repository}@{digest}", self.server)
    }

    /// Pushes an image of several platforms: an index, and an empty image for each; its whole name.
    #[track_caller]
    pub(crate) fn push_index(&self, name: &str, platforms: &[&str]) -> String {
        let (repository, tag) = name.rsplit_once(':').unwrap();
        let entry = |platform: &&str| {
            let manifest = self.put_image(repository, platform);
            let (text, platform) = (manifest.to_string(), parts(platform));
            self.put_manifest(repository, &digest(&text), MANIFEST, &manifest);
            json!({ "mediaType": MANIFEST, "digest": digest(&text), "size": text.len(),
                "platform": platform })
        };
        let manifests: Vec<Value> = platforms.iter().map(entry).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.put_manifest(repository, tag, INDEX, &index);
        format!("{}/{name}", self.server)
    }

    /// The manifest of an image whose configuration is in the repository now.
    #[track_caller]
    fn put_image(&self, repository: &str, platform: &str) -> Value {
        let mut config = parts(platform);
        config["config"] = json!({});
        config["rootfs"] = json!({ "type": "layers", "diff_ids": [] });
        let config = config.to_string();
        let (told, answer) =
            self.call(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), repository, None);
        assert_eq!(answer.status, 202, "{}", answer.body);
        let place = told[LOCATION].to_str().unwrap();
        let joint = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{joint}digest={}", digest(&config));
        let body = Some((config.as_str(), "application/octet-stream"));
        let (_, answer) = self.call(Method::PUT, &place, repository, body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": CONFIG, "digest": digest(&config), "size": config.len() } })
    }

    #[track_caller]
    fn put_manifest(&self, repository: &str, reference: &str, kind: &str, manifest: &Value) {
        let place = format!("/v2/{repository}/manifests/{reference}");
        let text = manifest.to_string();
        let (_, answer) = self.call(Method::PUT, &place, repository, Some((&text, kind)));
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// One request, with the right to push.
    fn call(
        &self,
        method: Method,
        place: &str,
        repository: &str,
        body: Option<(&str, &str)>,
    ) -> (HeaderMap, Answer) {
        let authorization = match &self.tokens {
            Some(tokens) => format!("Bearer {}", tokens.mint(repository, &["pull", "push"])),
            None => format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}"))),
        };
        let mut headers =
            BTreeMap::from([("authorization".to_owned(), Secret::new(authorization))]);
        if let Some((_, kind)) = body {
            headers.insert("content-type".to_owned(), Secret::new(kind));
        }
        let url = if place.starts_with('/') {
            format!("http://{}{place}", self.server)
        } else {
            place.to_owned()
        };
        let post = Some(body.map_or_else(String::new, |(text, _)| text.to_owned()));
        let timeout = Duration::from_secs(60);
        let request =
            Request { url, headers, post, trust: Trust::Known, connect_to: None, timeout };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(http::exchange(&request, method)).unwrap()
    }
}

/// Text as a registry names it.
fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().fold("sha256:".to_owned(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// `linux/arm/v7` as configurations and indexes write it.
fn parts(platform: &str) -> Value {
    let words: Vec<&str> = platform.split('/').collect();
    match words[..] {
        [os, architecture] => json!({ "os": os, "architecture": architecture }),
        [os, architecture, variant] => {
            json!({ "os": os, "architecture": architecture, "variant": variant })
        }
        _ => panic!("no platform: {platform}"),
    }
}
