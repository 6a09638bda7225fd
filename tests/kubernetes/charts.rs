//! Deploys by Helm, with the real helm: upgraded where an input changed, removed by `reset`, and what
//! is said where helm or the chart is not in order.

use mlup::event::EventKind;
use rustix::process::Signal;
use serde_json::Value;

use super::examples::{helm_calls, recorded_helm};
use crate::commands::changed;
use crate::support::kubernetes::Kubernetes;

const CANARY: &str = "c4n4ry-value";

const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  once: {{ randAlphaNum 12 | quote }}
  hosts: {{ join \",\" .Values.hosts | quote }}
  size: {{ len .Values.db.password | quote }}
";

/// A project with a chart, to be deployed into a namespace of its own.
fn site() -> (Kubernetes, String) {
    let site = Kubernetes::site().env("DB_PASSWORD", CANARY);
    let namespace = site.namespace("apps");
    site.config(&format!(
        "[[deploy]]\nname = \"web\"\nhelm = \".helm\"\nnamespace = \"{namespace}\"\n\
         values = \".helm/values-dev.yaml\"\n\
         set = {{ \"db.password\" = \"${{DB_PASSWORD}}\", \"hosts[1]\" = \"b.local\" }}\n"
    ));
    for (path, text) in [
        (".helm/Chart.yaml", "apiVersion: v2\nname: flts\nversion: 0.1.0\n"),
        (".helm/values.yaml", "hosts: []\ndb: {password: none}\n"),
        (".helm/values-dev.yaml", "hosts: [a.local, x.local]\n"),
        (".helm/templates/settings.yaml", TEMPLATE),
    ] {
        site.sandbox.write(path, text);
    }
    (site, namespace)
}

fn settings(site: &Kubernetes, namespace: &str) -> Value {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/web-settings");
    site.get(&path).unwrap_or_default()["data"].clone()
}

/// Every file that mlup left in the state folder, as one text.
pub(super) fn left(site: &Kubernetes) -> String {
    let mut text = String::new();
    let mut folders = vec![site.sandbox.state()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                text += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap());
            }
        }
    }
    text
}

#[test]
fn a_chart_is_deployed_once_and_removed_by_reset() {
    let (site, namespace) = site();
    let site = site.real_tool("helm");
    let start = || site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    let cold = start();
    assert_eq!(changed(&cold), ["deploy/web"]);
    let first = settings(&site, &namespace);
    assert_eq!(first["hosts"], "a.local,b.local", "{}", cold.report());
    assert_eq!(first["size"], CANARY.len().to_string());
    let writes = site.writes();
    let warm = start();
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    assert_eq!((site.writes(), settings(&site, &namespace)), (writes, first));
    site.sandbox.write(".helm/values-dev.yaml", "hosts: [c.local]\n");
    let plan = site.sandbox.run(&["plan"]).exits(0);
    assert!(plan.stdout.contains("/web"), "{}", plan.report());
    let upgraded = start();
    assert_eq!(changed(&upgraded), ["deploy/web"]);
    assert_eq!(settings(&site, &namespace)["hosts"], "c.local,b.local");
    let reset = site.sandbox.run(&["reset", "--yes"]).exits(0);
    assert!(settings(&site, &namespace).is_null(), "{}", reset.report());
    for run in [&cold, &warm, &plan, &upgraded, &reset] {
        assert!(!run.report().contains(CANARY), "{}", run.report());
    }
    assert!(!left(&site).contains(CANARY));
}

/// What helm did from the call of this number on, each by its first words.
fn helm_did(site: &Kubernetes, from: usize) -> Vec<String> {
    let calls = helm_calls(site).split_off(from);
    let did = |call: &String| {
        let words = if call.starts_with("get ") { 2 } else { 1 };
        call.split(' ').take(words).collect::<Vec<_>>().join(" ")
    };
    calls.iter().map(did).collect()
}

#[test]
fn a_chart_is_rendered_when_an_input_changed_and_its_release_read_once_a_run() {
    let (mut site, namespace) = site();
    site.sandbox = recorded_helm(site.sandbox);
    let start = || site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    start();
    assert_eq!(helm_did(&site, 0), ["template", "upgrade", "get manifest"]);
    let warm = start();
    assert_eq!(helm_did(&site, 3), ["get manifest"], "{}", warm.report());
    site.sandbox.write(".helm/values-dev.yaml", "hosts: [c.local]\n");
    start();
    assert_eq!(helm_did(&site, 4), ["template", "upgrade", "get manifest"]);
    // What nobody knows is looked up.
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/web-settings");
    site.delete(&path);
    start();
    assert_eq!(helm_did(&site, 7), ["get manifest", "template", "upgrade", "get manifest"]);
    assert!(!settings(&site, &namespace).is_null());
}

#[test]
fn a_release_that_is_not_ready_is_read_once_too() {
    let mut site = Kubernetes::fake();
    site.sandbox = recorded_helm(site.sandbox);
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
        selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
        spec: {containers: [{name: web, image: \"127.0.0.1:1/web:1\"}]}\n";
    site.sandbox.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    site.sandbox.write("chart/templates/web.yaml", deployment);
    site.config("[[deploy]]\nname = \"web\"\nhelm = \"chart\"\n");
    // Nobody makes its pods: each start is given up as soon as it waits for them.
    let start = || {
        let mut running = site.sandbox.spawn(&["start", "--progress", "json"]);
        running.wait_event(|event| match &event.kind {
            EventKind::StepState(state) => {
                let reason = state.reason.as_deref().unwrap_or_default();
                state.step == "deploy/web" && reason.starts_with("0 of 1 ready")
            }
            _ => false,
        });
        running.signal(Signal::INT);
        running.wait().exits(130);
    };
    start();
    assert_eq!(helm_did(&site, 0), ["template", "upgrade", "get manifest"]);
    start();
    assert_eq!(helm_did(&site, 3), ["get manifest"]);
}

#[test]
fn a_missing_helm_is_told_with_how_to_get_it() {
    let (site, _) = site();
    let run = site.sandbox.run(&["start"]).exits(4);
    assert!(run.stderr.contains("`helm` was not found on PATH"), "{}", run.report());
    assert!(run.stderr.contains("install helm: "), "{}", run.report());
}

#[test]
fn a_chart_error_is_passed_on_with_its_file_and_line() {
    let (site, _) = site();
    let site = site.real_tool("helm");
    site.sandbox.write(".helm/templates/bad.yaml", "a: 1\nb: {{ .Values.x.y }}\n");
    let run = site.sandbox.run(&["start"]).exits(3);
    assert!(run.stderr.contains("CHART_TEMPLATE_FAILED"), "{}", run.report());
    assert!(run.stderr.contains("flts/templates/bad.yaml:2:13"), "{}", run.report());
    assert!(run.stderr.contains("correct .helm/templates/bad.yaml:2:13"), "{}", run.report());
}

#[test]
fn a_release_whose_claims_would_go_with_it_outlives_a_reset() {
    let (site, namespace) = site();
    let site = site.real_tool("helm");
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n\
        spec:\n  accessModes: [ReadWriteOnce]\n  storageClassName: none\n  volumeName: given\n\
        \x20 resources: {requests: {storage: 1Mi}}\n";
    site.sandbox.write(".helm/templates/claim.yaml", claim);
    let text = std::fs::read_to_string(site.sandbox.project().join("mlup.toml")).unwrap();
    let text = text.replace("helm = ", "optional = [\"persistentvolumeclaim/*\"]\nhelm = ");
    site.sandbox.write("mlup.toml", &text);
    let started = site.sandbox.run(&["start"]);
    assert!(matches!(started.code, Some(0 | 6)), "{}", started.report());
    let reset = site.sandbox.run(&["reset", "--yes"]).exits(0);
    assert!(reset.stderr.contains("RELEASE_HOLDS_DATA"), "{}", reset.report());
    assert!(!settings(&site, &namespace).is_null(), "{}", reset.report());
    site.sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    assert!(settings(&site, &namespace).is_null());
}
