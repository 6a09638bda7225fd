//! Names decide nothing: an incident whose objects, containers, images and registries are all called
//! otherwise gives the same rules, with the new names in its sentences. And the source knows no name
//! of the recorded systems.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Story, Told, each_text, none_wrong, told};
use crate::manifest::images::ImageName;
use crate::manifest::read;

/// Old names and new ones.
pub(super) type Names = BTreeMap<String, String>;

/// Fields that hold the name of an object or of a part of one.
const FIELDS: [&str; 6] =
    ["claimName", "name", "namespace", "secretName", "serviceAccountName", "storageClassName"];

/// What Kubernetes itself, or the public registries, named.
const FIXED: [&str; 23] = [
    "bitnami",
    "bitnamilegacy",
    "controller",
    "coredns",
    "default",
    "docker.io",
    "http",
    "https",
    "kube-dns",
    "kube-node-lease",
    "kube-root-ca.crt",
    "kube-system",
    "kubernetes",
    "lab-node",
    "memberlist",
    "metallb-system",
    "minio",
    "quay.io",
    "postgresql",
    "speaker",
    "standard",
    "system-node-critical",
    "tcp",
];

/// Names a part of a name by its number.
type Naming = fn(usize) -> String;

/// Ways of naming a part by its number.
const WAYS: [(&str, Naming); 4] = [
    ("longer", |at| format!("a-part-that-is-much-longer-than-people-choose-{at:03}")),
    // The name of a service begins with a letter.
    ("digits", |at| format!("n0{at:03}x9")),
    ("another language", |at| format!("bestellung-pruefung{at:03}")),
    ("words that mean something elsewhere", |at| {
        format!("memory-network-pause-cgroup-webhook-sandbox-timeout-denied-{at:03}")
    }),
];

/// Replaces names where they stand as words of their own. What belongs to a domain of Kubernetes is
/// no name of anybody's, nor is a part of another host than that of a service.
fn swap(text: &str, names: &Names) -> String {
    let mut found = String::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let (before, after) = text.split_at(at);
        let longest = names
            .iter()
            .filter(|(old, _)| after.starts_with(old.as_str()))
            .filter(|(old, _)| is_word(before, old, &after[old.len()..]))
            .max_by_key(|(old, _)| old.len());
        if let Some((old, new)) = longest {
            found.push_str(new);
            at += old.len();
        } else {
            found.push(next);
            at += next.len_utf8();
        }
    }
    found
}

fn is_word(before: &str, word: &str, after: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let is_inside = before.ends_with(goes_on) || after.starts_with(goes_on);
    let is_cut = before.ends_with('.') || after.starts_with('.') && after[1..].starts_with(goes_on);
    let is_service = after.split('.').skip(1).take(2).any(|part| part.starts_with("svc"));
    let whole = |c: char| goes_on(c) || c == '.' || c == '/';
    let from = before.trim_end_matches(whole).len();
    let path = format!("{}{word}{}", &before[from..], after.split(|c| !whole(c)).next().unwrap());
    let is_fixed = path.contains("kubernetes.io") || path.contains("k8s.io");
    !is_inside && (!is_cut || is_service) && !is_fixed
}

/// The incident under other names.
pub(super) fn renamed(story: &Story, names: &Names) -> Story {
    let mut story = story.with(|object| {
        let is_secret = read::kind(object) == "Secret";
        if let Some(Value::Object(data)) = object.get_mut("data").filter(|_| is_secret) {
            for value in data.values_mut() {
                let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
                if let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
                    *value = STANDARD.encode(swap(&text, names)).into();
                }
            }
            each_text(&mut object["metadata"], &mut |text| *text = swap(text, names));
        } else {
            each_text(object, &mut |text| *text = swap(text, names));
        }
    });
    let logs = story.logs.into_iter().map(|((namespace, pod, container), log)| {
        let key = (swap(&namespace, names), swap(&pod, names), swap(&container, names));
        (key, swap(&log, names))
    });
    story.logs = logs.collect();
    story
}

/// The words of an incident that somebody chose, and whether a dot may stand in what takes their
/// place.
fn chosen(story: &Story) -> BTreeMap<String, bool> {
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    for object in &story.objects {
        gather(object, &mut found);
        let is_free = ["ConfigMap", "PersistentVolumeClaim", "Secret", "ServiceAccount"]
            .contains(&read::kind(object));
        found.insert(read::name(object).to_owned(), is_free);
        found.insert(read::namespace(object).to_owned(), false);
    }
    for pod in story.kind("Pod") {
        for container in super::containers(pod) {
            found.insert(container, false);
        }
    }
    let is_chosen = |name: &String| {
        name.len() > 1
            && !FIXED.contains(&name.as_str())
            && !name.starts_with("kube-api-access-")
            && !name.starts_with("system:")
            && !name.chars().any(|c| c.is_ascii_uppercase())
    };
    found.retain(|name, _| is_chosen(name));
    found
}

fn gather(value: &Value, found: &mut BTreeMap<String, bool>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
        Value::Object(fields) => {
            for (field, inner) in fields {
                match inner.as_str() {
                    Some(name) if FIELDS.contains(&field.as_str()) => {
                        found.entry(name.to_owned()).or_insert(true);
                    }
                    Some(image) if field == "image" => images(image, found),
                    _ if field == "names" => {
                        let all = inner.as_array().into_iter().flatten();
                        all.filter_map(Value::as_str).for_each(|image| images(image, found));
                    }
                    _ => gather(inner, found),
                }
            }
        }
        _ => {}
    }
}

/// Registry and repository of an image; a registry's kind stays.
fn images(image: &str, found: &mut BTreeMap<String, bool>) {
    let name = ImageName::parse(image);
    for part in name.repository.split('/').filter(|part| *part != "library") {
        found.insert(part.to_owned(), false);
    }
    found.insert(name.registry, true);
}

/// New names by the parts of the old ones, so that what began alike still does.
fn new_names(story: &Story, way: Naming) -> Names {
    let chosen = chosen(story);
    let parts: BTreeSet<&str> = chosen.keys().flat_map(|name| name.split('-')).collect();
    let part = |part: &str| way(parts.iter().position(|one| *one == part).unwrap());
    let renamed = |(at, (old, dots)): (usize, (&String, &bool))| {
        let kind = [".azurecr.io", ".pkg.dev", "gcr.io"].into_iter().find(|end| old.ends_with(end));
        let new = if let Some(kind) = kind {
            format!("hafen{at}-docker{}{kind}", if kind.starts_with('.') { "" } else { "." })
        } else if old.contains(".dkr.ecr.") {
            format!("{:012}.dkr.ecr.eu-central-1.amazonaws.com", at + 7)
        } else if let Some((_, port)) = old.split_once(':') {
            format!("hafen{at}.example:{port}")
        } else if old.matches('.').count() > 1 {
            format!("hafen{at}.example")
        } else {
            let parts: Vec<String> = old.split('-').map(part).collect();
            parts.join(if *dots { "." } else { "-" })
        };
        (old.clone(), new)
    };
    chosen.iter().enumerate().map(renamed).collect()
}

/// The regions of accounts are named in advice.
fn follow((rule, root, summary, fix): Told, names: &Names) -> Told {
    let swap = |text: &str| swap(text, names).replace("us-east-1", "eu-central-1");
    (rule, swap(&root), swap(&summary), swap(&fix))
}

#[test]
fn an_incident_under_other_names_gives_the_same() {
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        let before = story.findings();
        for (how, way) in WAYS {
            let names = new_names(&story, way);
            assert!(names.len() > 1 || story.objects.len() < 5, "{}: {names:?}", story.id);
            let after: BTreeSet<Told> =
                renamed(&story, &names).findings().iter().map(told).collect();
            let wanted: BTreeSet<Told> =
                before.iter().map(|one| follow(told(one), &names)).collect();
            // What was made bears names that are words of sentences as well, such as `data`.
            let roots = |told: &BTreeSet<Told>| -> BTreeSet<(String, String)> {
                told.iter().map(|(rule, root, ..)| (rule.clone(), root.clone())).collect()
            };
            if after != wanted && (story.is_recorded || roots(&after) != roots(&wanted)) {
                wrong.push(format!("{} ({how}):\n  {after:?}\n  and not\n  {wanted:?}", story.id));
            }
        }
    }
    none_wrong(&wrong);
}

#[test]
fn names_stand_as_words() {
    let names: Names = [("api", "x"), ("mlops-api", "y"), ("mlops", "z")]
        .map(|(old, new)| (old.to_owned(), new.to_owned()))
        .into();
    assert_eq!(
        swap("api in mlops/mlops-api, api-1, kube-api, a.mlops.svc", &names),
        "x in z/y, api-1, kube-api, a.z.svc"
    );
    assert_eq!(
        swap("app.kubernetes.io/api, api.example.io", &names),
        "app.kubernetes.io/api, api.example.io"
    );
}

/// Words of names that are ordinary words as well, or those of known images and systems.
const ORDINARY: [&str; 9] =
    ["app", "bitnami", "ingress", "kubernetes", "latest", "minio", "mlflow", "platform", "rollout"];

/// The texts of a source file, without its tests.
fn literals(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let texts = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    texts.collect::<Vec<_>>().join("\n")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_test = ["test", "fixture"].iter().any(|word| name.contains(word));
        if path.is_dir() && !is_test {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test {
            found.push(path);
        }
    }
}

#[test]
fn the_source_knows_no_name_of_the_recorded_systems() {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for story in Story::all() {
        for kind in ["Namespace", "Deployment", "Secret", "Service", "Job", "PersistentVolumeClaim"]
        {
            names.extend(story.kind(kind).map(|object| read::name(object).to_owned()));
        }
        names.extend(story.kind("Pod").flat_map(super::containers));
    }
    let known = |name: &String| {
        name.len() < 4
            || ORDINARY.contains(&name.as_str())
            || ["default", "migrate", "proxy"].contains(&name.as_str())
    };
    names.retain(|name| !known(name));
    assert!(names.len() > 60, "{names:?}");
    let mut files = Vec::new();
    for folder in ["src/doctor", "src/readiness"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    assert!(files.len() > 60, "{}", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let texts = literals(&fs::read_to_string(&file).unwrap());
        let marked: Names = names.iter().map(|name| (name.clone(), "\u{1}".to_owned())).collect();
        for line in texts.lines().filter(|line| swap(line, &marked).contains('\u{1}')) {
            wrong.push(format!("{}: {line:?}", file.display()));
        }
    }
    none_wrong(&wrong);
}
