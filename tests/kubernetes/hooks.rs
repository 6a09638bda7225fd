//! Hooks of charts while helm runs them, with the real helm: what keeps one from ending well is told
//! as soon as it is sure, and helm is not left to wait for it.

use std::time::Duration;

use mlup::event::{Diagnosis, EventKind};
use serde_json::json;

use crate::support::Ran;
use crate::support::kube::controllers::Simulation;
use crate::support::kubernetes::Kubernetes;
use crate::support::simulated::{Script, Settings};

/// A chart with a job that runs as this hook, and a database.
fn chart(hook: &str) -> [(&'static str, String); 3] {
    let job = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{{{ .Release.Name }}}}-seed\n  \
         annotations: {{ helm.sh/hook: \"{hook}\" }}\nspec:\n  backoffLimit: 1000\n  template:\n    spec:\n      \
         restartPolicy: OnFailure\n      containers:\n      - name: seed\n        \
         image: 127.0.0.1:1/seed:1\n"
    );
    let database = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: db }
spec:
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      containers:
      - name: db
        image: 127.0.0.1:1/db:1
        ports: [{ containerPort: 5432 }]
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec:
  selector: { app: db }
  ports: [{ port: 5432 }]
";
    [
        ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n".to_owned()),
        ("chart/templates/seed.yaml", job),
        ("chart/templates/db.yaml", database.to_owned()),
    ]
}

/// A chart whose job runs as this hook, and what the cluster makes of it.
fn site(hook: &str, settings: Settings) -> (Kubernetes, Simulation) {
    let site = Kubernetes::fake().real_tool("helm");
    for (path, text) in chart(hook) {
        site.sandbox.write(path, &text);
    }
    site.config("[[deploy]]\nname = \"shop\"\nhelm = \"chart\"\n");
    let simulation = site.fake_api().unwrap().change(|world| {
        let mut node = world.objects("Node").remove(0);
        node["status"]["allocatable"] = json!({ "cpu": "2", "memory": "4Gi", "pods": "110" });
        world.store(node);
        world.simulate(settings)
    });
    (site, simulation)
}

fn start(site: &Kubernetes, code: i32) -> Ran {
    site.sandbox.run(&["start", "--progress", "json"]).exits(code)
}

fn told(ran: &Ran) -> Diagnosis {
    let mut all = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis),
        _ => None,
    });
    let only = all.next().unwrap_or_else(|| panic!("{}", ran.report()));
    assert_eq!((all.next(), only.step.as_str()), (None, "deploy/shop"), "{}", ran.report());
    only
}

/// The labels `status` of helm's records, the oldest first.
fn records(site: &Kubernetes) -> Vec<String> {
    let secrets = site.fake_api().unwrap().change(|world| world.objects("Secret"));
    let own = secrets.iter().filter(|secret| secret["type"] == "helm.sh/release.v1");
    own.map(|one| one["metadata"]["labels"]["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_image_that_a_hook_cannot_get_ends_helm_and_is_the_cause() {
    let mut settings = Settings::default();
    settings.images.missing = vec!["127.0.0.1:1/seed:1".to_owned()];
    let (site, simulation) = site("pre-install,pre-upgrade", settings);
    let ran = start(&site, 4);
    let told = told(&ran);
    assert_eq!(told.code, "IMAGE_MISSING", "{told:#?}");
    let last = told.evidence.last().unwrap();
    assert_eq!(last.source, "helm");
    assert!(last.text.contains("release `shop` waits for its hook job/shop-seed"), "{told:#?}");
    assert!(!records(&site).contains(&"deployed".to_owned()), "{:?}", records(&site));

    simulation.change(|settings| *settings = Settings::default());
    let again = start(&site, 0);
    assert_eq!(records(&site).last().map(String::as_str), Some("deployed"), "{}", again.report());
}

#[test]
fn a_hook_that_crashes_again_and_again_is_the_cause_with_its_log() {
    let log = "psycopg2: database \"shop\" does not exist";
    let settings = Settings::scripted([Script::crash("seed", log, 1)]);
    let (site, simulation) = site("pre-install,pre-upgrade", settings);
    let told = told(&start(&site, 1));
    assert!(told.evidence.iter().any(|line| line.text.contains(log)), "{told:#?}");
    assert!(told.evidence.iter().any(|line| line.source == "helm"), "{told:#?}");

    // The job of the first try is still there, and is not taken for the one of the second.
    simulation.change(|settings| *settings = Settings::default());
    start(&site, 0);
    assert_eq!(records(&site).last().map(String::as_str), Some("deployed"));
}

#[test]
fn a_job_that_used_up_its_attempts_is_the_cause_although_helm_gives_up_by_itself() {
    let log = "no bucket `models`";
    let settings = Settings::scripted([Script::job_fails("seed", log)]);
    let (site, _) = site("post-install", settings);
    let text = chart("post-install")[1].1.replace("backoffLimit: 1000", "backoffLimit: 0");
    site.sandbox.write("chart/templates/seed.yaml", &text.replace("OnFailure", "Never"));
    let told = told(&start(&site, 1));
    assert_eq!(told.code, "JOB_FAILED", "{told:#?}");
    assert!(told.evidence.iter().any(|line| line.text.contains(log)), "{told:#?}");
    assert!(told.evidence.iter().any(|line| line.source == "helm"), "{told:#?}");
}

#[test]
fn a_hook_that_crashes_until_the_release_is_up_is_borne_with() {
    let mut settings = Settings::scripted([
        Script::crash_until("seed", "db", "could not connect to db:5432"),
        Script::ready_after("db", Duration::from_secs(4)),
    ]);
    // The database takes longer than a crash is borne with, and much less than its rollout may.
    settings.pace.second = Duration::from_millis(50);
    let (site, _) = site("post-install,post-upgrade", settings);
    let ran = start(&site, 0);
    assert_eq!(records(&site), ["deployed"], "{}", ran.report());
    let jobs = site.fake_api().unwrap().change(|world| world.objects("Job"));
    assert_eq!(jobs[0]["status"]["succeeded"], 1);
}
