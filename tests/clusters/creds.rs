//! Pull secrets and secrets in a cluster: made beside it, left alone while they are good, renewed on
//! demand, and the password nowhere but in them.

use std::fs;
use std::path::{Path, PathBuf};

use mlup::event::{EventKind, State};
use serde_json::Value;

use crate::clusters::warnings;
use crate::commands::{changed, last_state};
use crate::support::cluster::ClusterSite;
use crate::support::moto::Moto;
use crate::support::{Ran, on, require_docker};

/// The password that must be nowhere.
const CANARY: &str = "c4n4ry-token";

const OBJECTS: &str = "[[registry]]\nserver = \"r.example\"\nsecret = \"regcred\"\n\
    namespaces = [\"ml\", \"jobs\"]\nservice_accounts = [\"default\"]\n\
    exec = [\"get-token\", \"--bare\"]\nusername = \"robot\"\nttl = \"12h\"\n\
    [[secret]]\nname = \"app\"\nnamespace = \"ml\"\n\
    keys = { mode = \"dev\", fernet = { generate = \"fernet\" } }\n";

/// A minikube with a registry whose command prints the password, and a secret.
fn site() -> ClusterSite {
    let mut site = ClusterSite::minikube(OBJECTS);
    let rule = on(["--bare"]).stdout(&format!("{CANARY}\n"));
    site.sandbox = site.sandbox.tool("get-token", &[rule]);
    site
}

fn writes(site: &ClusterSite) -> usize {
    site.sandbox.calls("kubernetes-writes").len()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Fails where the password is: in what runs printed, in what tools were called with, in logs, in
/// what `kubectl describe` shows.
#[track_caller]
fn is_nowhere(site: &ClusterSite, runs: &[&Ran]) {
    // `robot:c4n4ry-token` as the secret holds it.
    let forms = [CANARY, "cm9ib3Q6YzRuNHJ5LXRva2Vu"];
    let check = |what: &str, text: &str| {
        for form in forms {
            assert!(!text.contains(form), "the password is in {what}:\n{text}");
        }
    };
    for run in runs {
        check("the output", &run.report());
    }
    for call in site.sandbox.all_calls() {
        check("a command line", &call.line());
    }
    let logs = files(&site.sandbox.state());
    assert!(!logs.is_empty(), "there is no run log");
    for path in logs.iter().chain(&files(&site.home())) {
        check(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(path).unwrap()));
    }
    let held = site.secret("ml", "regcred").unwrap();
    check("the metadata", &held["metadata"].to_string());
}

#[test]
fn a_pull_secret_is_made_once_and_the_password_is_nowhere_else() {
    require_docker!();
    let site = site();
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    for step in ["token/r.example", "registry/regcred", "secret/app"] {
        assert!(last_state(&cold, step).is_some_and(|state| state != State::Failed), "{step}");
    }
    let made = site.secret("ml", "regcred").unwrap();
    assert_eq!(made["type"], "kubernetes.io/dockerconfigjson");
    assert!(made["metadata"]["annotations"]["mlup.dev/expires-at"].is_string(), "{made}");
    assert!(site.secret("jobs", "regcred").is_some());
    let account = site.object("ServiceAccount", "jobs", "default").unwrap();
    assert_eq!(account["imagePullSecrets"][0]["name"], "regcred");
    let (fernet, before) = (site.secret("ml", "app").unwrap(), writes(&site));

    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    assert_eq!((writes(&site), site.sandbox.calls("get-token").len()), (before, 1));
    assert_eq!(site.secret("ml", "app").unwrap(), fernet);

    let shown = site.sandbox.run(&["creds", "status", "-o", "json"]).exits(0);
    let rows: Vec<Value> = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(
        (rows.len(), &rows[0]["state"], &rows[1]["state"]),
        (2, &"good".into(), &"good".into())
    );
    is_nowhere(&site, &[&cold, &warm, &shown]);
}

#[test]
fn a_refresh_writes_what_is_due_unless_it_is_forced() {
    require_docker!();
    let site = site();
    let cold = site.sandbox.run(&["start"]).exits(0);
    let before = writes(&site);
    let idle = site.sandbox.run(&["creds", "refresh", "-o", "json"]).exits(0);
    let done: Value = serde_json::from_str(&idle.stdout).unwrap();
    assert_eq!(done[0]["written"], serde_json::json!([]), "{}", idle.report());
    assert_eq!(writes(&site), before);
    let forced = site.sandbox.run(&["creds", "refresh", "--force"]).exits(0);
    assert!(forced.stdout.contains("jobs, ml"), "{}", forced.report());
    assert_eq!(site.sandbox.calls("get-token").len(), 2);
    assert_eq!(writes(&site), before + 2);
    is_nowhere(&site, &[&cold, &idle, &forced]);
}

#[test]
fn a_password_that_cannot_be_had_is_named_while_the_cluster_comes_up() {
    require_docker!();
    let mut site = ClusterSite::minikube(OBJECTS);
    let rule = on(["--bare"]).stdout(CANARY).stderr("not logged in\n").exit(3);
    site.sandbox = site.sandbox.tool("get-token", &[rule]);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(4);
    assert_eq!(last_state(&ran, "token/r.example"), Some(State::Failed), "{}", ran.report());
    let codes: Vec<String> = ran
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Diagnosis(diagnosis) => Some(diagnosis.code),
            _ => None,
        })
        .collect();
    assert_eq!(codes, ["REGISTRY_EXEC_FAILED"]);
    assert!(!ran.report().contains(CANARY), "{}", ran.report());
}

#[test]
fn without_the_cluster_the_status_of_credentials_says_so() {
    require_docker!();
    let site = site();
    let ran = site.sandbox.run(&["creds", "status"]).exits(3);
    assert!(ran.stderr.contains("CONTEXT_MISSING"), "{}", ran.report());
    let planned = site.sandbox.run(&["plan"]).exits(0);
    assert!(planned.stdout.contains("after the cluster is up"), "{}", planned.report());
    assert!(site.sandbox.calls("get-token").is_empty());
}

#[test]
fn ecr_pull_secret_is_made_and_refreshed() {
    require_docker!();
    let moto = Moto::start();
    let server = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let text = format!(
        "[[registry]]\nserver = \"{server}\"\nsecret = \"ecr\"\necr = true\nendpoint = \"{}\"\n",
        moto.url
    );
    let site = ClusterSite::minikube(&text)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "c4n4ry-aws-key");
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    // moto's tokens have ended when they come: that is said once, and they are not asked for again.
    assert_eq!(warnings(&cold), ["CLOCK_SKEW"], "{}", cold.report());
    let made = site.secret("default", "ecr").unwrap();
    let annotations = made["metadata"]["annotations"].clone();
    assert_eq!(annotations["mlup.dev/source"], "ecr us-east-1");
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    assert_eq!(warnings(&warm), Vec::<String>::new());
    let before = writes(&site);
    let idle = site.sandbox.run(&["creds", "refresh"]).exits(0);
    assert_eq!(idle.stderr, "", "it is not asked for again and again");
    assert_eq!(writes(&site), before);
    let forced = site.sandbox.run(&["creds", "refresh", "--force"]).exits(0);
    assert!(forced.stdout.contains("default"), "{}", forced.report());
    assert!(forced.stderr.contains("CLOCK_SKEW"), "{}", forced.report());
    assert_eq!(writes(&site), before + 1);
    for run in [&cold, &warm, &forced] {
        assert!(!run.report().contains("c4n4ry-aws-key"), "{}", run.report());
    }
}
