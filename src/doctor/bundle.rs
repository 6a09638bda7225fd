//! A look as an archive that can be sent to somebody else: what each file of it is, and back. What
//! is in a look was cleaned of secrets when it was taken; reading and writing files is the command's.

mod archive;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

pub use self::archive::Broken;
use self::archive::{Files, pack, unpack};
use super::host::facts::Facts;
use super::look::{Cluster, Hindrance, Look, Sight, Unchecked};
use crate::event;
use crate::manifest::read;
use crate::readiness::registry_answer::Answers;
use crate::readiness::sources::Sources;
use crate::readiness::{PullSource, World};

/// The version of what follows; a bundle of a later one may hold what decides and cannot be read.
const FORMAT: u32 = 1;

const MANIFEST: &str = "manifest.json";
const LOOK: &str = "look.json";

/// What a bundle has beside the look, for those who read it.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The name of the environment.
    pub project: String,
    /// Files of the last run by their names.
    pub run: BTreeMap<String, String>,
}

/// Why a bundle says nothing.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no archive.
    #[error(transparent)]
    Archive(#[from] Broken),
    /// A file is missing.
    #[error("it is no bundle of `mlup doctor`: it has no `{0}`")]
    Missing(String),
    /// A file does not hold what it has to.
    #[error("its `{file}` cannot be read: {why}")]
    Invalid {
        /// The file.
        file: String,
        /// Why not.
        why: String,
    },
    /// A later mlup wrote it.
    #[error("it has format {found}, of mlup {by}, and this one reads up to {FORMAT}")]
    Later {
        /// Its format.
        found: u32,
        /// The version of who wrote it.
        by: String,
    },
}

/// `manifest.json`: whose it is, and of what.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    /// The version that wrote it.
    mlup: String,
    project: String,
    /// When the cluster was listed; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken: Option<String>,
    /// Versions of the kubelets.
    #[serde(default)]
    kubernetes: Vec<String>,
    /// Length of each file in bytes.
    files: BTreeMap<String, usize>,
}

/// `look.json`: everything but objects and logs.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    #[serde(default)]
    machine: Facts,
    steps: Vec<Hindrance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<WrittenCluster>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unseen: Option<event::Finding>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenCluster {
    context: String,
    taken: String,
    /// Kinds, and whether all objects of each are here.
    kinds: BTreeMap<String, bool>,
    unchecked: Vec<Unchecked>,
    logs: Vec<WrittenLog>,
    answers: Vec<(PullSource, Answers)>,
    #[serde(default)]
    sources: Sources,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenLog {
    namespace: String,
    pod: String,
    container: String,
    file: String,
}

/// The bundle of a look.
///
/// # Errors
/// A bug: something cannot be written as JSON.
pub fn write(look: &Look, about: &About) -> std::io::Result<Vec<u8>> {
    let mut files = Files::new();
    let mut written = Written {
        machine: look.machine.clone(),
        steps: look.steps.clone(),
        cluster: None,
        unseen: None,
    };
    let mut manifest = Manifest {
        format: FORMAT,
        mlup: env!("CARGO_PKG_VERSION").to_owned(),
        project: about.project.clone(),
        taken: None,
        kubernetes: Vec::new(),
        files: BTreeMap::new(),
    };
    match &look.cluster {
        Some(Sight::Seen(cluster)) => {
            manifest.taken = Some(cluster.taken.to_string());
            manifest.kubernetes = kubelets(&cluster.world);
            written.cluster = Some(write_cluster(cluster, &mut files)?);
        }
        Some(Sight::Unseen(finding)) => written.unseen = Some(finding.clone()),
        None => {}
    }
    files.insert(LOOK.to_owned(), json(&written)?);
    let run =
        about.run.iter().map(|(name, text)| (format!("run/{name}"), text.as_bytes().to_vec()));
    files.extend(run);
    manifest.files = files.iter().map(|(name, content)| (name.clone(), content.len())).collect();
    files.insert(MANIFEST.to_owned(), json(&manifest)?);
    pack(&files)
}

fn write_cluster(cluster: &Cluster, files: &mut Files) -> std::io::Result<WrittenCluster> {
    for kind in cluster.world.kinds() {
        let mut lines = Vec::new();
        for object in cluster.world.all(kind) {
            serde_json::to_writer(&mut lines, object)?;
            lines.push(b'\n');
        }
        files.insert(objects_of(kind), lines);
    }
    let mut logs = Vec::new();
    for ((namespace, pod, container), text) in &cluster.logs {
        let name: String = format!("{pod}_{container}").chars().take(60).collect();
        let file = format!("logs/{:03}_{name}.txt", logs.len());
        files.insert(file.clone(), text.as_bytes().to_vec());
        let (namespace, pod, container) = (namespace.clone(), pod.clone(), container.clone());
        logs.push(WrittenLog { namespace, pod, container, file });
    }
    let kinds = cluster.world.kinds().map(|kind| (kind.to_owned(), cluster.world.knows(kind)));
    let answers = cluster.answers.iter();
    Ok(WrittenCluster {
        context: cluster.context.clone(),
        taken: cluster.taken.to_string(),
        kinds: kinds.collect(),
        unchecked: cluster.unchecked.clone(),
        logs,
        answers: answers.map(|(source, answers)| (source.clone(), answers.clone())).collect(),
        sources: cluster.world.sources().clone(),
    })
}

fn kubelets(world: &World) -> Vec<String> {
    let versions = world.all("Node").iter();
    let mut versions: Vec<String> = versions
        .map(|node| read::text(node, "/status/nodeInfo/kubeletVersion").to_owned())
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

fn objects_of(kind: &str) -> String {
    format!("objects/{kind}.jsonl")
}

fn json(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// The look of a bundle.
///
/// # Errors
/// It is none, it is broken, or a later mlup wrote it.
pub fn read(bytes: &[u8]) -> Result<Look, Unreadable> {
    let files = unpack(bytes)?;
    let manifest: Value = parsed(&files, MANIFEST)?;
    let found = manifest["format"].as_u64().and_then(|format| u32::try_from(format).ok());
    match found {
        Some(1..=FORMAT) => {}
        Some(found) if found > FORMAT => {
            let by = manifest["mlup"].as_str().unwrap_or("?").to_owned();
            return Err(Unreadable::Later { found, by });
        }
        _ => return Err(invalid(MANIFEST, "it has no `format`")),
    }
    let written: Written = parsed(&files, LOOK)?;
    let cluster = match (written.cluster, written.unseen) {
        (Some(cluster), _) => Some(Sight::Seen(Box::new(read_cluster(cluster, &files)?))),
        (None, Some(finding)) => Some(Sight::Unseen(finding)),
        (None, None) => None,
    };
    Ok(Look { machine: written.machine, steps: written.steps, cluster })
}

fn read_cluster(written: WrittenCluster, files: &Files) -> Result<Cluster, Unreadable> {
    let mut world = World::default();
    *world.sources_mut() = written.sources;
    for (kind, is_complete) in &written.kinds {
        let name = objects_of(kind);
        let lines = serde_json::Deserializer::from_slice(file(files, &name)?).into_iter::<Value>();
        let objects = lines.collect::<Result<Vec<Value>, _>>();
        let objects = objects.map_err(|error| invalid(&name, &error.to_string()))?;
        if *is_complete {
            world.set(kind, objects);
        } else {
            for object in objects {
                world.put(kind, object);
            }
        }
    }
    let mut logs = BTreeMap::new();
    for WrittenLog { namespace, pod, container, file: name } in written.logs {
        let text = String::from_utf8_lossy(file(files, &name)?).into_owned();
        logs.insert((namespace, pod, container), text);
    }
    let taken: Timestamp =
        written.taken.parse().map_err(|_| invalid(LOOK, "`taken` is no time"))?;
    Ok(Cluster {
        context: written.context,
        world,
        taken,
        unchecked: written.unchecked,
        logs,
        answers: written.answers.into_iter().collect(),
    })
}

fn file<'f>(files: &'f Files, name: &str) -> Result<&'f [u8], Unreadable> {
    files.get(name).map(Vec::as_slice).ok_or_else(|| Unreadable::Missing(name.to_owned()))
}

fn parsed<T: DeserializeOwned>(files: &Files, name: &str) -> Result<T, Unreadable> {
    serde_json::from_slice(file(files, name)?).map_err(|error| invalid(name, &error.to_string()))
}

fn invalid(file: &str, why: &str) -> Unreadable {
    Unreadable::Invalid { file: file.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::readiness::registry_answer::Said;

    fn look() -> Look {
        let mut world = World::default();
        world.set(
            "Pod",
            vec![
                json!({"kind": "Pod", "metadata": {"name": "b"}}),
                json!({"kind": "Pod", "metadata": {"name": "a"}}),
            ],
        );
        world.set("Event", Vec::new());
        world.put("Secret", json!({"kind": "Secret", "metadata": {"name": "s"}}));
        let cluster = Cluster {
            context: "kind".to_owned(),
            world,
            taken: "2026-11-21T10:14:44.5Z".parse().unwrap(),
            unchecked: vec![Unchecked::new("Secret", "not allowed")],
            logs: [(("n".to_owned(), "b".to_owned(), "c".to_owned()), "boom\n".to_owned())].into(),
            answers: [(
                PullSource {
                    namespace: "n".to_owned(),
                    image: "i".to_owned(),
                    secrets: Vec::new(),
                },
                Answers { open: Some(Said::Denied("no".to_owned())), ..Answers::default() },
            )]
            .into(),
        };
        Look {
            machine: Facts::default(),
            steps: Vec::new(),
            cluster: Some(Sight::Seen(Box::new(cluster))),
        }
    }

    /// The bundle with a file changed, or taken away.
    fn with(name: &str, content: Option<&str>) -> Vec<u8> {
        let mut files = unpack(&write(&look(), &About::default()).unwrap()).unwrap();
        files.remove(name);
        files.extend(content.map(|content| (name.to_owned(), content.as_bytes().to_vec())));
        pack(&files).unwrap()
    }

    #[test]
    fn a_look_goes_in_and_comes_out() {
        let about = About {
            project: "shop".to_owned(),
            run: [("events.jsonl".to_owned(), "{}\n".to_owned())].into(),
        };
        let bytes = write(&look(), &about).unwrap();
        let read = read(&bytes).unwrap();
        assert_eq!(write(&read, &about).unwrap(), bytes, "the same look gives the same bundle");
        let Some(Sight::Seen(cluster)) = &read.cluster else { panic!("{read:?}") };
        let names: Vec<&str> = cluster.world.all("Pod").iter().map(read::name).collect();
        assert_eq!(names, ["b", "a"]);
        assert!(cluster.world.knows("Event") && !cluster.world.knows("Secret"));
        assert_eq!((cluster.logs.len(), cluster.answers.len()), (1, 1));
    }

    #[test]
    fn a_cluster_that_is_not_there_or_not_seen_stays_so() {
        let finding = event::Finding {
            code: "API_UNREACHABLE".to_owned(),
            summary: "no answer".to_owned(),
            evidence: Vec::new(),
            fix: None,
            rule: None,
        };
        let step = Hindrance { step: "cluster".to_owned(), finding: finding.clone() };
        let unseen = Look {
            machine: Facts { taken: 7, ..Facts::default() },
            steps: vec![step],
            cluster: Some(Sight::Unseen(finding)),
        };
        let read_back = |look: &Look| read(&write(look, &About::default()).unwrap()).unwrap();
        let back = read_back(&unseen);
        assert!(matches!(back.cluster, Some(Sight::Unseen(_))));
        assert_eq!((back.steps, back.machine), (unseen.steps, unseen.machine));
        let none = Look { machine: Facts::default(), steps: Vec::new(), cluster: None };
        assert!(read_back(&none).cluster.is_none());
    }

    #[test]
    fn what_is_no_bundle_says_why() {
        let said = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        let later = r#"{"format": 2, "mlup": "9.0.0"}"#;
        for (bytes, wanted) in [
            (with(MANIFEST, Some(later)), "format 2, of mlup 9.0.0, and this one reads up to 1"),
            (with(MANIFEST, Some("{}")), "no `format`"),
            (with(MANIFEST, None), "it has no `manifest.json`"),
            (with(LOOK, Some("{")), "its `look.json` cannot be read"),
            (with("objects/Pod.jsonl", None), "it has no `objects/Pod.jsonl`"),
            (with("objects/Pod.jsonl", Some("{\n")), "its `objects/Pod.jsonl` cannot be read"),
            (with("logs/000_b_c.txt", None), "it has no `logs/000_b_c.txt`"),
            (b"no archive".to_vec(), "no whole .tar.gz"),
        ] {
            assert!(said(&bytes).contains(wanted), "{wanted}: {}", said(&bytes));
        }
    }
}
