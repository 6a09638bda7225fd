//! A cluster in which secrets are planted: in variables, arguments, annotations, configuration,
//! secrets, events, states, logs, and in the log of the last run.

use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mlup::event::{Event, EventKind, Stream, VERSION};
use mlup::host::runlog::RunLog;
use serde_json::{Value, json};

use super::formats::Planted;
use crate::support::kubernetes::Kubernetes;

/// How many secrets share a pod: twenty logs are the most that are asked for.
const IN_POD: usize = 6;

const NAMESPACE: &str = "shop";
const MADE: &str = "2026-11-21T10:00:00Z";

pub(super) fn site(planted: &[Planted]) -> Kubernetes {
    let site = Kubernetes::fake();
    site.fake_api().unwrap().change(|world| {
        world.namespace(NAMESPACE);
        for (number, some) in planted.chunks(IN_POD).enumerate() {
            let name = format!("app-{number}");
            for object in objects(&name, some) {
                world.store(object);
            }
            world.log(NAMESPACE, &name, "main", &log(some));
        }
    });
    site.config("");
    write_run(&site, planted);
    site
}

fn log(planted: &[Planted]) -> String {
    let mut log = "Traceback (most recent call last):\n".to_owned();
    for one in planted {
        let _ = writeln!(log, "app: could not start with {}", one.text);
    }
    log
}

fn objects(name: &str, planted: &[Planted]) -> Vec<Value> {
    let text = planted.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join("\n");
    let texts = || planted.iter().enumerate().map(|(at, one)| (format!("setting-{at}"), one));
    let meta = json!({"name": name, "namespace": NAMESPACE, "uid": format!("uid-{name}"),
        "creationTimestamp": MADE, "annotations": {
            "example.com/note": text, "nginx.ingress.kubernetes.io/auth-note": text,
            "kubectl.kubernetes.io/last-applied-configuration": json!({"env": text}).to_string()}});
    let env: Vec<Value> =
        texts().map(|(key, one)| json!({"name": key, "value": one.text})).collect();
    let ended = json!({"exitCode": 1, "reason": "Error", "message": text, "finishedAt": MADE});
    let container = json!({"name": "main", "image": "registry.example.com/app:1", "env": env,
        "args": planted.iter().map(|one| one.text.clone()).collect::<Vec<_>>(),
        "command": ["app", text],
        "envFrom": [{"configMapRef": {"name": name}}, {"secretRef": {"name": name}}],
        "livenessProbe": {"httpGet": {"path": "/", "port": 80,
            "httpHeaders": [{"name": "x-note", "value": text}]}}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": {"containers": [container], "nodeName": "node-0"},
        "status": {"phase": "Running", "message": text,
            "conditions": [{"type": "Ready", "status": "False", "message": text}],
            "containerStatuses": [{"name": "main", "ready": false, "restartCount": 7,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": text}},
                "lastState": {"terminated": ended}}]}});
    let mut meta = json!({"name": name, "namespace": NAMESPACE});
    let data: Value = texts().map(|(key, one)| (key, Value::from(one.text.as_str()))).collect();
    // The last line end keeps the values from being learned: each place has to do without the others.
    let encode = |text: &str| Value::from(STANDARD.encode(format!("{text}\n")));
    let encoded: Value = texts().map(|(key, one)| (key, encode(&one.text))).collect();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded});
    meta["name"] = format!("{name}.1").into();
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": meta, "type": "Warning",
        "reason": "Failed", "message": text, "count": 3, "lastTimestamp": MADE,
        "involvedObject": {"kind": "Pod", "namespace": NAMESPACE, "name": name, "uid": format!("uid-{name}")}});
    vec![pod, map, secret, event]
}

/// The last run's events and tool output.
fn write_run(site: &Kubernetes, planted: &[Planted]) {
    let text = fs::read_to_string(site.sandbox.project().join("mlup.toml")).unwrap();
    let project = text.lines().next().unwrap().split('"').nth(1).unwrap();
    let run =
        RunLog::create(site.sandbox.environment(), project, &site.sandbox.project(), "r1").unwrap();
    let lines = planted.iter().zip(0..).map(|(one, seq)| {
        let line = format!("could not start with {}", one.text);
        let kind =
            EventKind::StepOutput { step: "deploy/app".to_owned(), stream: Stream::Stderr, line };
        let event = Event {
            v: VERSION,
            seq,
            ts: MADE.to_owned(),
            elapsed_ms: 1,
            run: "r1".to_owned(),
            kind,
        };
        serde_json::to_string(&event).unwrap() + "\n"
    });
    fs::write(run.folder().join("events.jsonl"), lines.collect::<String>()).unwrap();
    fs::write(run.folder().join("deploy_app.log"), log(planted)).unwrap();
}
