//! Each recorded incident that a script can re-enact: what somebody applied is given to the
//! simulated cluster, and it has to come to where the real one was.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::super::super::FakeKube;
use super::super::settings::{Act, Script, Settings, Trouble};
use super::codes;
use super::facts::{facts, list, text};

type Scripted = fn(&mut Settings, &Recorded);

/// Incidents, and what the cluster is told so that they happen again.
const INCIDENTS: [(&str, Scripted); 50] = [
    ("cfg-12-pods-one-secret", nothing),
    ("cfg-command-not-found", |to, _| to.scripts.push(Script::command_missing("locust"))),
    ("cfg-missing-configmap", nothing),
    ("cfg-missing-configmap-volume", nothing),
    ("cfg-missing-secret-keys", nothing),
    ("cfg-missing-secret-volume", nothing),
    ("crash-completed-loop", |to, log| to.scripts.push(log.crash("consumer", 0))),
    ("crash-database-host", |to, log| to.scripts.push(log.crash("mlflow", 1))),
    ("crash-evidently-import", |to, log| to.scripts.push(log.crash("drift-detector", 1))),
    ("crash-exec-format", |to, _| to.scripts.push(Script::arch("churn-model", "arm64"))),
    ("crash-keyerror-60", |to, log| to.scripts.push(log.crash("iris-api", 1))),
    ("crash-no-aws-credentials", |to, log| to.scripts.push(log.crash("api", 1))),
    ("crash-oom-killed", |to, log| to.scripts.push(Script::oom("train-gru", &log.log()))),
    ("healthy-completed-jobs", |to, log| {
        to.scripts.push(Script::crash_times("mc", 1, &log.log()));
    }),
    ("healthy-historic-restarts", |to, log| {
        to.scripts.push(Script::crash_times("eval", 2, &log.log()));
        to.pace.ready_after = Duration::from_millis(5);
    }),
    ("healthy-scaled-to-zero", nothing),
    ("healthy-services-without-selector", nothing),
    ("init-crash-migration", |to, log| to.scripts.push(log.crash("run-airflow-migrations", 1))),
    ("job-backoff-limit", |to, log| {
        to.scripts.push(Script::job_fails("create-buckets", &log.log()));
    }),
    ("job-deadline-exceeded", |to, _| {
        to.scripts.push(Script::takes("hpo", Duration::from_secs(3600)));
    }),
    ("probe-liveness-slow-start", |to, _| to.scripts.push(Script::killed("api"))),
    ("probe-readiness-wrong-port", |to, _| to.scripts.push(Script::never_ready("inference"))),
    ("pull-12-pods-one-secret", private),
    ("pull-acr-bad-credentials", private),
    ("pull-bitnami-gone", missing),
    ("pull-ecr-secret-missing", private),
    ("pull-ecr-token-expired", private),
    ("pull-http-registry", |to, log| log.trouble(to, Trouble::PlainHttp)),
    ("pull-invalid-image-name", nothing),
    ("pull-never-policy", nothing),
    ("pull-no-platform", |to, _| {
        let image = "acrexampleprod.azurecr.io/pred-maint:v2".to_owned();
        to.images.architectures.insert(image, "arm64".to_owned());
    }),
    ("pull-rate-limit", |to, log| log.trouble(to, Trouble::RateLimit)),
    ("pull-registry-dns", |to, log| log.trouble(to, Trouble::Unknown)),
    ("pull-registry-refused", |to, log| log.trouble(to, Trouble::Refused)),
    ("pull-secret-opaque", private),
    ("pull-secret-wrong-host", private),
    ("pull-tag-not-found", missing),
    ("pvc-claim-missing", nothing),
    ("pvc-no-default-class", nothing),
    ("pvc-unknown-class", nothing),
    ("rs-pod-security-restricted", refused),
    ("rs-serviceaccount-missing", nothing),
    ("sch-host-port-conflict", nothing),
    ("sch-insufficient-cpu", nothing),
    ("sch-insufficient-memory", nothing),
    ("sch-no-gpu", nothing),
    ("sch-node-selector", nothing),
    ("svc-loadbalancer-pending", nothing),
    ("svc-selector-mismatch", nothing),
    ("two-faults-secret-and-selector", private),
];

/// Words of recordings that only a real cluster says, and that mean nothing.
const BESIDE: [(&str, &str); 4] = [
    ("", "pull QPS exceeded"),
    // Follows from it.
    ("cfg-12-pods-one-secret", "Error: ErrImagePull"),
    ("", "FailedToCreateEndpoint"),
    ("", "(combined from similar events)"),
];

fn is_beside(id: &str, line: &str) -> bool {
    BESIDE.iter().any(|(of, words)| id.contains(of) && line.contains(words))
}

fn nothing(_: &mut Settings, _: &Recorded) {}

fn private(settings: &mut Settings, _: &Recorded) {
    for host in ["111122223333.dkr.ecr.us-east-1.amazonaws.com", "acrexampleprod.azurecr.io"] {
        let login = ("AWS".to_owned(), "fresh".to_owned());
        settings.images.private.insert(host.to_owned(), login);
    }
}

fn missing(settings: &mut Settings, recorded: &Recorded) {
    settings.images.missing = recorded.images();
}

fn refused(settings: &mut Settings, recorded: &Recorded) {
    let conditions = recorded.objects.iter().flat_map(|object| list(object, "/status/conditions"));
    let words = conditions.map(|condition| text(condition, "/message"));
    let words = words.filter_map(|words| words.split_once("is forbidden: "));
    settings.refused.extend(words.take(1).map(|(_, words)| (String::new(), words.to_owned())));
}

/// A recorded cluster.
struct Recorded {
    id: &'static str,
    objects: Vec<Value>,
}

impl Recorded {
    fn read(id: &'static str) -> Self {
        let text = fs::read_to_string(folder(id).join("snapshot.json")).unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        Self { id, objects: list["items"].as_array().unwrap().clone() }
    }

    /// What a container of it wrote before it ended.
    fn log(&self) -> String {
        let files = fs::read_dir(folder(self.id).join("logs")).unwrap();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
        let mut written = texts.filter(|text| !text.starts_with("unable to retrieve"));
        written.next().unwrap_or_default()
    }

    fn crash(&self, container: &str, code: i64) -> Script {
        Script::crash(container, &self.log(), code)
    }

    /// The images of its workloads.
    fn images(&self) -> Vec<String> {
        let specs = self.objects.iter().flat_map(|object| {
            let containers = list(object, "/spec/template/spec/containers").iter();
            containers.map(|container| text(container, "/image").to_owned())
        });
        specs.collect()
    }

    fn trouble(&self, settings: &mut Settings, trouble: Trouble) {
        for image in self.images() {
            let host = image.split('/').next().unwrap_or_default();
            let host = if host.contains('.') { host } else { "docker.io" };
            settings.images.troubles.insert(host.to_owned(), trouble);
        }
    }

    /// What was on its nodes, as its kubelet said.
    fn on_node(&self) -> Vec<String> {
        let messages = || self.objects.iter().map(|object| text(object, "/message"));
        let is_pulled = |image: &&str| {
            messages().any(|message| message == format!("Pulling image \"{image}\""))
        };
        let images = messages().filter_map(|message| {
            message.strip_prefix("Container image \"")?.split_once("\" already present")
        });
        let images = images.map(|(image, _)| image).filter(|image| !is_pulled(image));
        images.map(str::to_owned).collect()
    }

    /// What people and not controllers made.
    fn applied(&self) -> Vec<Value> {
        const MADE: [&str; 5] = ["Event", "EndpointSlice", "Namespace", "ReplicaSet", "Pod"];
        let is_made = |object: &&Value| {
            MADE.contains(&text(object, "/kind"))
                || object["metadata"]["ownerReferences"].is_array()
        };
        let own = self.objects.iter().filter(|object| !is_made(object)).cloned();
        own.map(bare).collect()
    }
}

/// An object as it was applied.
fn bare(mut object: Value) -> Value {
    let is_node = object["kind"] == "Node";
    if object["kind"] == "Job" {
        object["spec"]["selector"] = Value::Null;
    }
    if let Some(fields) = object.as_object_mut().filter(|_| !is_node) {
        fields.remove("status");
    }
    if let Some(fields) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "finalizers", "managedFields", "creationTimestamp"]
        {
            fields.remove(field);
        }
        if !is_node {
            fields.remove("annotations");
        }
    }
    object
}

fn folder(id: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/incidents").join(id)
}

/// Plays an incident; what is wrong with it.
fn play(id: &'static str, script: Scripted) -> Option<String> {
    let recorded = Recorded::read(id);
    let mut settings = Settings::default();
    settings.pace.second = Duration::from_millis(5);
    settings.pace.ready_after = Duration::ZERO;
    settings.images.on_node = recorded.on_node();
    script(&mut settings, &recorded);
    let log = settings.scripts.iter().find_map(|script| match &script.act {
        Act::Ends { log, .. } | Act::OutOfMemory { log } => Some(log.clone()),
        _ => None,
    });
    let log = if id == "crash-exec-format" { Some(recorded.log()) } else { log };
    let wanted = facts(&recorded.objects, &recorded.objects);
    let wanted_codes = codes(&recorded.objects, log.as_deref());
    let fake = FakeKube::empty();
    fake.change(|world| {
        for object in recorded.objects.iter().filter(|object| object["kind"] == "Namespace") {
            world.namespace(text(object, "/metadata/name"));
        }
        for object in recorded.applied() {
            world.store(object);
        }
        world.simulate(settings);
    });
    let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
    let mut since = 0;
    let mut past = Vec::new();
    let mut found_codes = Vec::new();
    let is_there = fake.until(Duration::from_secs(6), |world| {
        let objects: Vec<Value> =
            super::KINDS.iter().flat_map(|kind| world.objects(kind)).collect();
        // Events can name a pod that nobody has seen yet: all is read again once all is there.
        past.extend(world.past(&mut since));
        let now = facts(&past, &past);
        (seen, told) = (now.states, now.events);
        let is_beside = |line: &&String| is_beside(id, line);
        let is_told = wanted.events.difference(&told).all(|line| is_beside(&line));
        if !is_told || !wanted.states.is_subset(&seen) {
            return false;
        }
        found_codes = codes(&objects, log.as_deref());
        found_codes == wanted_codes
    });
    let is_beside = |line: &&String| is_beside(id, line);
    let invented: Vec<&String> =
        told.difference(&wanted.events).filter(|line| !is_beside(line)).collect();
    let silent: Vec<&String> =
        wanted.events.difference(&told).filter(|line| !is_beside(line)).collect();
    let absent: Vec<&String> = wanted.states.difference(&seen).collect();
    let is_fine = is_there && invented.is_empty() && silent.is_empty();
    (!is_fine).then(|| {
        format!(
            "{id}: codes {found_codes:?} and not {wanted_codes:?}\n  never seen: {absent:#?}\n  \
             invented: {invented:#?}\n  not told: {silent:#?}\n  seen: {}",
            if absent.is_empty() { String::new() } else { format!("{seen:#?}") }
        )
    })
}

#[test]
fn every_incident_can_be_played_again_word_for_word() {
    let wrong: Vec<String> =
        INCIDENTS.into_iter().filter_map(|(id, script)| play(id, script)).collect();
    assert!(wrong.is_empty(), "{} are wrong\n{}", wrong.len(), wrong.join("\n"));
}
