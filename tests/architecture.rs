//! The layers of `src/`, enforced: who may name what, how large a file may be, how it opens.

use std::fs;
use std::path::{Path, PathBuf};

/// Layers from the top; a file names only layers below its own.
const LAYERS: [&str; 7] = ["commands", "engine", "steps", "doctor", "drivers", "host", "config"];

/// Places that decide and therefore touch nothing.
const PURE: [&str; 10] = [
    "src/plan/",
    "src/policy/",
    "src/event.rs",
    "src/engine/machine",
    "src/engine/reconcile",
    "src/report/",
    "src/drivers/",
    "src/manifest/",
    "src/readiness/",
    "src/doctor/",
];

/// Words that a pure place does not name.
const EFFECTS: [&str; 9] = [
    "tokio",
    "duct",
    "bollard",
    "hyper",
    "rustix",
    "std::fs",
    "std::process",
    "Instant::now",
    "SystemTime",
];

/// Lines above which a file has more than one idea; tables of data may be longer.
const MOST_LINES: usize = 400;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

struct Source {
    name: String,
    /// Without the test module and without comments.
    code: Vec<(usize, String)>,
    text: String,
}

fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = sources(&root.join("src"));
    assert!(all.len() > 50, "only {} sources found below {}", all.len(), root.display());
    all.iter().map(|path| source(root, path)).filter(|source| !is_test(&source.name)).collect()
}

fn source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let opens_tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].ends_with('{');
    let end = lines.windows(2).position(opens_tests).unwrap_or(lines.len());
    let code = lines[..end]
        .iter()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_start()))
        .filter(|(_, line)| !line.starts_with("//"))
        .map(|(number, line)| (number, line.to_owned()))
        .collect();
    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    Source { name, code, text }
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/") || name.ends_with("fixture.rs")
}

fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn imports_point_down() {
    let mut offences = Vec::new();
    for source in tree() {
        let Some(own) =
            LAYERS.iter().position(|layer| source.name.starts_with(&format!("src/{layer}/")))
        else {
            continue;
        };
        for (number, line) in &source.code {
            for above in &LAYERS[..own] {
                if line.contains(&format!("crate::{above}::"))
                    || line.contains(&format!("crate::{above};"))
                {
                    offences.push(format!("{}:{number} names `{above}`: {line}", source.name));
                }
            }
        }
    }
    assert_none("a layer names only the layers below it", &offences);
}

#[test]
fn pure_places_name_no_effects() {
    let mut offences = Vec::new();
    for source in
        tree().iter().filter(|source| PURE.iter().any(|pure| source.name.starts_with(pure)))
    {
        for (number, line) in &source.code {
            for effect in EFFECTS.iter().filter(|effect| names(line, effect)) {
                offences.push(format!("{}:{number} names `{effect}`: {line}", source.name));
            }
        }
    }
    assert_none("what decides touches nothing; effects live in src/host/", &offences);
}

/// Whether a line names the word as a path, not as a part of another word.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let joins = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

#[test]
fn reports_see_only_events() {
    let mut offences = Vec::new();
    for source in tree().iter().filter(|source| source.name.starts_with("src/report/")) {
        for (number, line) in &source.code {
            let foreign = line.contains("crate::")
                && !["crate::event", "crate::quote", "crate::redact", "crate::report"]
                    .iter()
                    .any(|own| line.contains(own));
            if foreign {
                offences.push(format!("{}:{number}: {line}", source.name));
            }
        }
    }
    assert_none("a report renders a recorded stream like a live one", &offences);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let offences: Vec<String> = tree()
        .iter()
        .filter(|source| {
            let opening = source.text.lines().take_while(|line| line.starts_with("//!")).count();
            opening == 0 || (opening > 12 && source.name != "src/lib.rs")
        })
        .map(|source| source.name.clone())
        .collect();
    assert_none("a file opens with one to a few `//!` lines", &offences);
}

#[test]
fn files_stay_small() {
    let offences: Vec<String> = tree()
        .iter()
        .filter(|source| {
            source.code.len() > MOST_LINES && source.name != "src/policy/known_issues.rs"
        })
        .map(|source| format!("{}: {} lines", source.name, source.code.len()))
        .collect();
    assert_none("one idea a file", &offences);
}

#[test]
fn folders_are_named_by_what_they_hold() {
    let vague = ["utils", "util", "common", "helpers", "helper", "misc", "shared"];
    let offences: Vec<String> = tree()
        .iter()
        .filter(|source| {
            let path = Path::new(&source.name).with_extension("");
            path.components()
                .any(|part| vague.contains(&part.as_os_str().to_string_lossy().as_ref()))
        })
        .map(|source| source.name.clone())
        .collect();
    assert_none("no drawer for odds and ends", &offences);
}

#[test]
fn only_the_backoff_policy_names_the_backoff_crate() {
    let offences: Vec<String> = tree()
        .iter()
        .filter(|source| source.name != "src/policy/backoff.rs")
        .filter(|source| source.code.iter().any(|(_, line)| line.contains("use backoff::")))
        .map(|source| source.name.clone())
        .collect();
    assert_none("an unmaintained crate stays behind one file", &offences);
}

#[test]
fn every_direct_dependency_says_why() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let start = manifest.find("\n[dependencies]").expect("a dependencies table");
    let section = manifest[start + 1..].split("\n[").next().unwrap();
    let mut explained = false;
    let mut offences = Vec::new();
    for line in section.lines().skip(1).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            explained = true;
        } else {
            if !explained {
                offences.push(line.to_owned());
            }
            explained = false;
        }
    }
    assert_none("each direct dependency has a comment that says why it is there", &offences);
}
