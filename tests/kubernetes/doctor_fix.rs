//! `mlup doctor --fix`: repairs what is mlup's to repair and nothing else, looks again, and does
//! nothing the second time.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::doctor::{corpus, ids, recorded};
use super::{CANARY, doctor};
use crate::support::kubernetes::Kubernetes;
use crate::support::{Ran, on};

const ECR: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

/// Rules whose findings mlup may repair by itself.
const AUTOMATIC: [&str; 3] = ["PULL-01", "PULL-02", "PULL-19"];

/// A recorded cluster, with a configuration that wants its pull secret in these namespaces.
fn wanting(id: &str, namespaces: &[String]) -> Kubernetes {
    let site = recorded(id).tool("get-token", &[on(["--bare"]).stdout(&format!("{CANARY}\n"))]);
    site.config(&format!(
        "[[registry]]\nserver = \"{ECR}\"\nsecret = \"ecr-registry-key\"\n\
         namespaces = {namespaces:?}\nexec = [\"get-token\", \"--bare\"]\nusername = \"AWS\"\n\
         ttl = \"12h\"\n"
    ));
    site
}

fn fix(site: &Kubernetes) -> (Ran, Value) {
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix", "-o", "json", "--timeout", "6s"]);
    let answer = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}", ran.report()));
    (ran, answer)
}

/// What was done, as rule and outcome.
fn applied(answer: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let all = answer["applied"].as_array().unwrap();
    all.iter().map(|one| (text(one, "rule"), text(one, "outcome"))).collect()
}

#[test]
fn a_missing_pull_secret_is_written_and_a_second_time_nothing_is() {
    let site = wanting("pull-ecr-secret-missing", &["default".to_owned()]);
    let told = site.sandbox.run(&["doctor", "--offline"]).exits(1);
    assert!(told.stderr.contains("`mlup doctor --fix` repairs 1 cause"), "{}", told.report());
    assert!(site.writes().is_empty(), "{:#?}", site.writes());

    let (ran, answer) = fix(&site);
    assert_eq!(applied(&answer), [("PULL-01".to_owned(), "fixed".to_owned())], "{answer:#}");
    let secret = site.secret("default", "ecr-registry-key").unwrap();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    assert!(!ran.report().contains(CANARY), "{}", ran.report());
    let writes = site.writes();
    let is_meant = |write: &String| {
        write.contains("/namespaces/default/secrets/ecr-registry-key")
            || write.starts_with("DELETE") && write.contains("/pods/")
    };
    assert!(writes.iter().all(is_meant), "{writes:#?}");

    let why = site.sandbox.run(&["why", "-o", "json"]).exits(0);
    let why: Value = serde_json::from_str(&why.stdout).unwrap();
    assert_eq!(why["outcome"], "ready", "{why:#}");
    let story = site.sandbox.run(&["why", "pull-secret/default/ecr-registry-key"]).exits(0);
    assert!(story.stdout.contains("default/ecr-registry-key"), "{}", story.report());

    let (_, again) = fix(&site);
    assert_eq!(again["applied"].as_array().unwrap().len(), 0, "{again:#}");
    assert_eq!(site.writes(), writes, "a second time writes nothing");
}

#[test]
fn what_waits_for_the_clusters_next_try_is_told_as_such() {
    let site = wanting("pull-ecr-secret-missing", &["default".to_owned()]);
    // Nobody may end the pods that wait: they pull again in their own time.
    site.fake_api().unwrap().change(|world| world.forbid("delete", "pods", "*"));
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix", "--timeout", "4s"]);
    assert!(ran.stdout.contains(" PULL-01 secret/default/ecr-registry-key: "), "{}", ran.report());
    assert!(ran.stdout.contains("default/ecr-registry-key"), "{}", ran.report());
    let writes = site.writes();
    let (_, again) = fix(&site);
    assert_eq!(site.writes(), writes, "{again:#}");
}

#[test]
fn a_secret_that_somebody_else_made_stays_as_it_is() {
    let site = wanting("pull-ecr-token-expired", &["health-predict".to_owned()]);
    let (ran, answer) = fix(&site);
    assert_eq!(ran.code, Some(1), "{}", ran.report());
    assert_eq!(applied(&answer), [("PULL-02".to_owned(), "failed".to_owned())], "{answer:#}");
    let detail = answer["applied"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("OBJECT_FOREIGN: "), "{detail}");
    assert!(site.writes().is_empty(), "{:#?}", site.writes());
}

#[test]
fn an_interrupt_ends_the_wait_and_what_was_done_stays() {
    let site = wanting("pull-ecr-secret-missing", &["default".to_owned()]);
    site.fake_api().unwrap().change(|world| world.forbid("delete", "pods", "*"));
    let mut running = site.sandbox.spawn(&["doctor", "--offline", "--fix"]);
    running.wait_stderr("recovery/secret/default/ecr-registry-key");
    running.signal(Signal::INT);
    let ran = running.wait().exits(130);
    assert_eq!(ran.stdout, "", "{}", ran.report());
    assert!(site.secret("default", "ecr-registry-key").is_some());
    let why = site.sandbox.run(&["why", "-o", "json"]).exits(0);
    let why: Value = serde_json::from_str(&why.stdout).unwrap();
    assert_eq!(why["outcome"], "cancelled", "{why:#}");
}

#[test]
fn where_there_is_nothing_to_repair_there_is_no_run() {
    let site = wanting("healthy-completed-jobs", &["default".to_owned()]);
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix"]).exits(0);
    assert!(ran.stdout.contains("nothing wrong"), "{}", ran.report());
    assert_eq!(ran.stderr, "", "{}", ran.report());
    let (_, answer) = fix(&site);
    assert_eq!(answer["applied"], serde_json::json!([]), "{answer:#}");
    let site = wanting("crash-oom-killed", &["default".to_owned()]);
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix"]).exits(1);
    assert_eq!(ran.stderr, "nothing of this is mlup's to repair by itself\n", "{}", ran.report());
    assert!(site.writes().is_empty(), "{:#?}", site.writes());
    site.sandbox.run(&["why"]).exits(1);
    site.sandbox.run(&["doctor", "--fix", "--from", "x.tar.gz"]).exits(2);
}

#[test]
fn what_is_done_is_told_beside_the_answer_and_not_in_it() {
    let site = wanting("pull-ecr-secret-missing", &["default".to_owned()]);
    let args = ["doctor", "--offline", "--fix", "-o", "json", "--progress", "json"];
    let ran = site.sandbox.run(&args);
    assert_eq!(ran.stderr, "", "{}", ran.report());
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(applied(&answer), [("PULL-01".to_owned(), "fixed".to_owned())], "{answer:#}");
    let site = wanting("pull-ecr-secret-missing", &["default".to_owned()]);
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix", "--timeout", "20s"]).exits(0);
    for words in
        ["doctor --fix ", "pull-secret/default/ecr-registry-key", "repaired in ", "run log: "]
    {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
    }
    assert!(
        ran.stdout.starts_with("fixed: PULL-01 secret/default/ecr-registry-key: "),
        "{}",
        ran.report()
    );
}

#[test]
fn only_rules_that_repair_by_themselves_write_anything() {
    let mut wrong = Vec::new();
    let mut written = 0;
    for id in ids() {
        let text = fs::read_to_string(corpus().join(&id).join("expect.toml")).unwrap();
        let expect: toml_edit::DocumentMut = text.parse().unwrap();
        let namespaces = doctor::strings(expect.as_table(), "namespaces");
        let site = wanting(&id, &namespaces);
        let (ran, answer) = fix(&site);
        let is_well = answer["findings"].as_array().unwrap().is_empty();
        if ran.code != Some(i32::from(!is_well)) {
            wrong.push(format!("{id}: exit code {:?}", ran.code));
        }
        let applied = applied(&answer);
        if let Some((rule, _)) =
            applied.iter().find(|(rule, _)| !AUTOMATIC.contains(&rule.as_str()))
        {
            wrong.push(format!("{id}: {rule} was repaired"));
        }
        let is_meant = |write: &String| {
            write.contains("/secrets/ecr-registry-key")
                || write.starts_with("DELETE") && write.contains("/pods/")
        };
        let writes = site.writes();
        written += usize::from(!writes.is_empty());
        if !writes.iter().all(is_meant) || applied.is_empty() && !writes.is_empty() {
            wrong.push(format!("{id}: {writes:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(written, 3, "incidents that lack the pull secret");
}
