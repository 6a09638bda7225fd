//! A hundred secrets as tools, programs and people write them, everywhere in a cluster where one can
//! be: none of them comes out of `mlup doctor`, neither on its streams nor in a bundle.

mod formats;
mod planted;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::read::GzDecoder;

use crate::support::Sandbox;
use formats::{Planted, all};

/// The files of a bundle.
fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let packed = std::fs::File::open(path).unwrap();
    let mut archive = tar::Archive::new(GzDecoder::new(packed));
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name, text)
    });
    files.collect()
}

/// Where a secret is, as it is or as base64.
fn leaks<'p>(planted: &'p [Planted], place: &str, text: &str) -> Vec<(&'p str, String)> {
    let mut leaks = Vec::new();
    for one in planted {
        for secret in &one.secrets {
            // The last digits depend on what follows.
            let encoded = STANDARD_NO_PAD.encode(secret);
            let encoded = &encoded[..encoded.len() - 2];
            if text.contains(secret.as_str()) || text.contains(encoded) {
                leaks.push((one.name, format!("{place}: {}: {secret}", one.name)));
            }
        }
    }
    leaks
}

#[test]
fn none_of_a_hundred_secrets_comes_out() {
    let planted = all();
    assert!(planted.len() >= 100, "{}", planted.len());
    let site = planted::site(&planted);
    let mut shown: Vec<(String, String)> = Vec::new();
    let mut show = |what: &str, ran: crate::support::Ran| {
        shown.push((format!("{what}, stdout"), ran.stdout));
        shown.push((format!("{what}, stderr"), ran.stderr));
    };
    show("json", site.sandbox.run(&["doctor", "-o", "json", "--bundle", "b.tar.gz"]).exits(1));
    show("table", site.sandbox.run(&["doctor"]).exits(1));
    let path = site.sandbox.project().join("b.tar.gz");
    show("from", Sandbox::new().run(&["doctor", "--from", path.to_str().unwrap()]).exits(1));
    let files = unpacked(&path);
    for name in
        ["manifest.json", "objects/Pod.jsonl", "objects/ConfigMap.jsonl", "run/events.jsonl"]
    {
        assert!(files.contains_key(name), "{name}: {:?}", files.keys());
    }
    assert!(
        files.keys().filter(|name| name.starts_with("logs/")).count() >= 15,
        "{:?}",
        files.keys()
    );
    shown.extend(files);
    let all = shown.iter().flat_map(|(place, text)| leaks(&planted, place, text));
    let all: Vec<String> = all.map(|(_, leak)| leak).collect();
    assert!(all.is_empty(), "{} leaks:\n{}", all.len(), all.join("\n"));
    // What surrounds them is still there, or nobody could read anything.
    let logs: String = shown
        .iter()
        .filter(|(name, _)| name.starts_with("logs/"))
        .map(|(_, text)| text.as_str())
        .collect();
    let marks = logs.matches("[redacted]").count();
    assert!(marks >= 100 && logs.contains("could not start with"), "{marks}: {logs}");
}
