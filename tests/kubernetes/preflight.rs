//! The preflight of deploys: everything that is wrong is told at once, and nothing is applied.

use mlup::event::{Diagnosis, EventKind, Finding};
use serde_json::json;

use super::{CANARY, SERVER};
use crate::commands::changed;
use crate::support::Ran;
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

/// What is wrong in [`WRONG`].
const CODES: [&str; 8] = [
    "MANIFEST_VARIABLE_UNSET",
    "PULL_SECRET_MISSING",
    "IMAGE_NAME_INVALID",
    "SECRET_KEY_MISSING",
    "CONFIG_MAP_MISSING",
    "STORAGE_CLASS_MISSING",
    "NODE_RESOURCES",
    "NODE_PORT_TAKEN",
];

/// Nobody answers at the image's registry, so that nothing is said about it.
const WRONG: &str = r#"
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  selector: { app: web }
  ports: [{ port: 80, nodePort: PORT }]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec:
  storageClassName: no-such-class
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Gi } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      imagePullSecrets: [{ name: pull }]
      containers:
      - name: large
        image: 127.0.0.1:1/web:1
        resources: { requests: { cpu: "4000" } }
        envFrom: [{ configMapRef: { name: settings } }]
        env:
        - name: PASSWORD
          valueFrom: { secretKeyRef: { name: db, key: password } }
      - name: tagged
        image: 127.0.0.1:1/web:${TAG}
      - name: empty
        image: ""
"#;

/// A site in which eight things are wrong, and its namespace.
fn wrong() -> (Kubernetes, String) {
    let site = Kubernetes::site();
    let namespace = site.made_namespace("shop");
    let path = format!("/api/v1/namespaces/{namespace}");
    let holder = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "holder"},
        "spec": {"type": "NodePort", "selector": {"app": "x"}, "ports": [{"port": 80}]}});
    let holder = site.create(&format!("{path}/services"), &holder);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"},
        "data": {"user": "eA=="}});
    site.create(&format!("{path}/secrets"), &secret);
    let port = holder["spec"]["ports"][0]["nodePort"].to_string();
    site.sandbox.write("web/kustomization.yaml", "resources: [web.yaml]\n");
    site.config(&format!(
        "[[deploy]]\nname = \"web\"\nkustomize = \"web\"\nnamespace = \"{namespace}\"\n"
    ));
    let folder = site.sandbox.project().join("web").display().to_string();
    let built = on(["build", "--", &folder]).stdout(&WRONG.replace("PORT", &port));
    (site.tool("kustomize", &[built]), namespace)
}

fn findings(ran: &Ran) -> Vec<Finding> {
    let diagnoses = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis),
        _ => None,
    });
    let diagnoses: Vec<Diagnosis> = diagnoses.collect();
    let [only] = &diagnoses[..] else { panic!("{diagnoses:#?}") };
    assert_eq!((only.step.as_str(), only.code.as_str()), ("preflight/deploys", "DEPLOYS_BLOCKED"));
    only.findings.clone()
}

#[test]
fn eight_things_that_are_wrong_are_told_at_once_and_nothing_is_applied() {
    let (site, namespace) = wrong();
    let before = site.writes();
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(4);
    let findings = findings(&ran);
    let mut codes: Vec<&str> = findings.iter().map(|one| one.code.as_str()).collect();
    let mut wanted = CODES.to_vec();
    codes.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(codes, wanted, "{findings:#?}");
    let variable = findings.iter().find(|one| one.code == "MANIFEST_VARIABLE_UNSET").unwrap();
    let summary = &variable.summary;
    assert!(summary.starts_with("web:18: nothing replaces `${TAG}`"), "{summary}");

    let ran = site.sandbox.run(&["start"]).exits(4);
    let text = ran.report();
    for code in CODES {
        assert!(text.contains(code), "{code}: {text}");
    }
    assert!(text.contains("nodePort"), "{text}");
    assert_eq!(site.writes(), before);
    assert_eq!(site.get(&format!("/apis/apps/v1/namespaces/{namespace}/deployments/web")), None);
}

/// A job that is made later, and the map of configuration that its pods will want.
const LATER: &str = r#"
apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly }
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: 127.0.0.1:1/web:1
            envFrom: [{ configMapRef: { name: settings } }, { secretRef: { name: app } }]
"#;

#[test]
fn no_secret_is_written_while_something_is_wrong_and_its_own_trouble_is_told_with_the_rest() {
    let sealed = [
        on(["--bare"]).stderr("the vault is sealed\n").exit(2).times(1),
        on(["--bare"]).stdout(&format!("{CANARY}\n")),
    ];
    let site = Kubernetes::site().tool("get-token", &sealed);
    let namespace = site.made_namespace("shop");
    let path = format!("/api/v1/namespaces/{namespace}");
    let taken = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
        "metadata": {"name": "taken"}, "data": {"username": "eA=="}});
    site.create(&format!("{path}/secrets"), &taken);
    site.sandbox.write("nightly.yaml", LATER);
    let secret = |name: &str| {
        format!(
            "[[secret]]\nname = \"{name}\"\nnamespace = \"{namespace}\"\n\
             keys = {{ token = \"{CANARY}\", salt = {{ generate = \"hex32\" }} }}\n"
        )
    };
    let rest = format!(
        "[[registry]]\nserver = \"{SERVER}\"\nsecret = \"pull\"\nnamespaces = [\"{namespace}\"]\n\
         exec = [\"get-token\", \"--bare\"]\nusername = \"robot\"\n\
         [[deploy]]\nname = \"jobs\"\nmanifests = \"nightly.yaml\"\nnamespace = \"{namespace}\"\n"
    );
    site.config(&format!("{}{}{rest}", secret("app"), secret("taken")));
    let before = site.writes();
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(4);
    let mut codes: Vec<String> = findings(&ran).into_iter().map(|one| one.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["CONFIG_MAP_MISSING", "REGISTRY_EXEC_FAILED", "SECRET_TYPE_DIFFERS"]);
    assert_eq!(site.writes(), before);
    for name in ["app", "pull"] {
        assert_eq!(site.secret(&namespace, name), None, "{name}: {}", ran.report());
    }
    assert!(!ran.report().contains(CANARY), "{}", ran.report());

    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
    site.create(&format!("{path}/configmaps"), &settings);
    site.config(&format!("{}{rest}", secret("app")));
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    let mut changed = changed(&ran);
    assert_eq!(changed.pop().as_deref(), Some("deploy/jobs"), "{}", ran.report());
    changed.sort_unstable();
    assert_eq!(changed, ["registry/pull", "secret/app"], "{}", ran.report());
    assert!(["app", "pull"].iter().all(|name| site.secret(&namespace, name).is_some()));
}
