//! Bundles of `mlup doctor`: what is decided from one is what was decided when it was written, byte
//! for byte, on a machine that has nothing but the file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::doctor::{ids, recorded};
use crate::support::Sandbox;
use crate::support::kubernetes::Kubernetes;

/// Incidents whose answer is compared as people read it, too.
const READ: [&str; 4] = [
    "crash-no-aws-credentials",
    "healthy-completed-jobs",
    "node-not-ready",
    "pull-12-pods-one-secret",
];

fn bundle_of(site: &Kubernetes) -> PathBuf {
    site.sandbox.project().join("bundle.tar.gz")
}

#[test]
fn a_bundle_decides_as_the_cluster_did_without_any_cluster() {
    let elsewhere = Sandbox::new();
    let mut wrong = Vec::new();
    for id in ids() {
        let site = recorded(&id);
        let there = site.sandbox.run(&["doctor", "-o", "json", "--bundle", "bundle.tar.gz"]);
        let path = bundle_of(&site).display().to_string();
        let here = elsewhere.run(&["doctor", "-o", "json", "--from", &path]);
        if (there.code, &there.stdout) != (here.code, &here.stdout) || !here.stderr.is_empty() {
            wrong.push(format!("{id}:\n{}\n{}", there.report(), here.report()));
        }
        if READ.contains(&id.as_str()) {
            let there = site.sandbox.run(&["doctor", "--yes", "--bundle", "bundle.tar.gz"]);
            let here = elsewhere.run(&["doctor", "--from", &path]);
            assert!(there.stderr.contains("without secrets"), "{}", there.report());
            assert_eq!((there.code, there.stdout), (here.code, here.stdout), "{id}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cluster_that_may_not_be_seen_and_one_that_is_silent_decide_the_same_again() {
    let elsewhere = Sandbox::new();
    let site = recorded("pull-12-pods-one-secret");
    site.fake_api().unwrap().change(|world| world.forbid("get", "secrets", "*"));
    let there = site.sandbox.run(&["doctor", "--bundle", "bundle.tar.gz"]).exits(1);
    assert!(there.stdout.contains("not checked: Secret"), "{}", there.report());
    let path = bundle_of(&site).display().to_string();
    assert_eq!(elsewhere.run(&["doctor", "--from", &path]).stdout, there.stdout);

    let site = Kubernetes::fake();
    site.config("");
    let kubeconfig = site.sandbox.root().join("home/.kube/config");
    let url = site.fake_api().unwrap().url();
    let text = fs::read_to_string(&kubeconfig).unwrap();
    fs::write(&kubeconfig, text.replace(&url, "http://127.0.0.1:9")).unwrap();
    let there = site.sandbox.run(&["doctor", "--bundle", "bundle.tar.gz"]).exits(1);
    let path = bundle_of(&site).display().to_string();
    assert_eq!(elsewhere.run(&["doctor", "--from", &path]).exits(1).stdout, there.stdout);
}

#[test]
fn a_bundle_is_for_its_owner_and_replaces_nothing_unasked() {
    let site = recorded("healthy-completed-jobs");
    let file = bundle_of(&site);
    site.sandbox.run(&["doctor", "--bundle", "bundle.tar.gz"]).exits(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&file, "mine").unwrap();
    let calls = site.fake_api().unwrap().calls().len();
    let ran = site.sandbox.run(&["doctor", "--bundle", "bundle.tar.gz"]).exits(7);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("is there already"), "{}", ran.report());
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(site.fake_api().unwrap().calls().len(), calls, "nothing was looked at");
    site.sandbox.run(&["doctor", "--yes", "--bundle", "bundle.tar.gz"]).exits(0);
    assert_ne!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn what_is_no_bundle_is_told_as_such() {
    let sandbox = Sandbox::new().file("text.tar.gz", "no archive").file("empty.tar.gz", "");
    for (args, code, words) in [
        (vec!["doctor", "--from", "nothing.tar.gz"], 3, "nothing.tar.gz"),
        (vec!["doctor", "--from", "text.tar.gz"], 3, "it is no whole .tar.gz"),
        (vec!["doctor", "--from", "empty.tar.gz"], 3, "it is no whole .tar.gz"),
        (vec!["doctor", "--from", "a", "--bundle", "b"], 2, "cannot be used with"),
    ] {
        let ran = sandbox.run(&args).exits(code);
        assert!(ran.stdout.is_empty() && ran.stderr.contains(words), "{}", ran.report());
    }
}
