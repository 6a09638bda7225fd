//! The preflight of deploys before a real registry: what it does not have, does not give, or has for
//! other machines is told before anything is applied.

use mlup::event::{Diagnosis, EventKind};

use crate::support::kubernetes::Kubernetes;
use crate::support::registry::{PASSWORD, Registry, USER};

/// A deploy of these images, with a login for their registry.
fn site(registry: &Registry, password: &str, images: &[&str]) -> Kubernetes {
    let site = Kubernetes::fake();
    let job = |(at, image): (usize, &&str)| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{ name: job-{at} }}\nspec:\n  template:\n    \
             spec:\n      restartPolicy: Never\n      imagePullSecrets: [{{ name: pull }}]\n      \
             containers: [{{ name: main, image: \"{image}\" }}]\n---\n"
        )
    };
    let text: String = images.iter().enumerate().map(job).collect();
    site.sandbox.write("jobs.yaml", &text);
    site.config(&format!(
        "[[registry]]\nserver = \"{}\"\nsecret = \"pull\"\nusername = \"{USER}\"\n\
         password = \"{password}\"\n[[deploy]]\nname = \"jobs\"\nmanifests = \"jobs.yaml\"\n",
        registry.server()
    ));
    site
}

/// What a run tells, each with its code and its first line of evidence.
fn told(site: &Kubernetes) -> Vec<(String, String, String)> {
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(4);
    assert!(!ran.report().contains(PASSWORD), "{}", ran.report());
    let diagnoses = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis),
        _ => None,
    });
    let diagnoses: Vec<Diagnosis> = diagnoses.collect();
    let [only] = &diagnoses[..] else { panic!("{diagnoses:#?}") };
    let all = only.findings.iter().map(|one| {
        let first = one.evidence.first().map(|line| line.text.clone()).unwrap_or_default();
        (one.code.clone(), one.summary.clone(), first)
    });
    all.collect()
}

#[test]
fn what_a_registry_does_not_have_or_has_for_other_machines_is_told_at_once() {
    let registry = Registry::start();
    let foreign = registry.push_index("team/web:1", &["linux/s390x", "linux/ppc64le"]);
    let fit = registry.push_index("team/api:1", &["linux/amd64", "linux/arm64"]);
    let missing = format!("{}/team/api:2", registry.server());
    let site = site(&registry, PASSWORD, &[&fit, &foreign, &missing]);
    let told = told(&site);
    let [absent, platform] = &told[..] else { panic!("{told:#?}") };
    assert_eq!((platform.0.as_str(), absent.0.as_str()), ("IMAGE_PLATFORM", "IMAGE_MISSING"));
    assert!(platform.1.contains("is for linux/s390x, linux/ppc64le"), "{platform:?}");
    assert!(absent.1.contains(&missing), "{absent:?}");
    assert_eq!(absent.2, "status 404, MANIFEST_UNKNOWN: manifest unknown");
    let jobs = site.writes().into_iter().filter(|write| write.contains("/jobs"));
    assert_eq!(jobs.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_password_that_a_registry_refuses_is_told_before_pods_wait_for_it() {
    for registry in [Registry::start(), Registry::with_tokens()] {
        let images = ["team/a:1", "team/b:1"].map(|name| registry.push_empty(name, "linux/amd64"));
        let site = site(&registry, "wrong", &images.each_ref().map(String::as_str));
        let told = told(&site);
        let codes: Vec<&str> = told.iter().map(|(code, ..)| code.as_str()).collect();
        assert_eq!(codes, ["PULL_CREDENTIALS_REFUSED"; 2], "{told:#?}");
        assert!(told[0].2.starts_with("status 401, UNAUTHORIZED"), "{told:#?}");
    }
}
