//! Whose a K3s is, where it stands, and what differs: a row each.

use serde_json::Value;

use super::{bare, facts, installed, set, wanted};
use crate::drivers::cluster::{ClusterState, Cure};
use crate::drivers::k3s::convergence::{Standing, drift, standing, state};
use crate::drivers::k3s::server_config;
use crate::drivers::k3s::wanted::Wanted;
use crate::policy::escalate::Onset;

fn stands(survey: &Value) -> (Standing, ClusterState) {
    let facts = facts(survey);
    let standing = standing(&wanted(), &facts);
    (standing, state(standing, &facts))
}

fn drifts(survey: &Value, wanted: &Wanted) -> Vec<(String, Cure)> {
    let facts = facts(survey);
    let config = server_config::wanted(wanted, &facts, "vm.example.lan");
    let found = drift(wanted, &facts, standing(wanted, &facts), &config);
    found.into_iter().map(|one| (one.what, one.cure)).collect()
}

#[test]
fn only_a_mark_of_this_cluster_makes_a_k3s_mlups() {
    assert_eq!(stands(&bare()), (Standing::Absent, ClusterState::Absent));
    assert_eq!(stands(&installed()), (Standing::Ours, ClusterState::Running));
    let mut survey = installed();
    for marker in ["", "{broken", r#"{"cluster":"other","stage":"installed"}"#] {
        set(&mut survey, "k3s_marker", &[marker]);
        assert_eq!(stands(&survey), (Standing::Foreign, ClusterState::Running), "{marker}");
    }
    let mut agent = bare();
    set(&mut agent, "k3s_agent", &["LoadState=loaded"]);
    assert_eq!(stands(&agent).0, Standing::Foreign);
    let mut data = bare();
    set(&mut data, "k3s_data", &["yes"]);
    assert_eq!(stands(&data), (Standing::Foreign, ClusterState::Stopped));
}

#[test]
fn an_installation_that_was_not_finished_is_begun_again() {
    let unfinished = ClusterState::Broken {
        onset: Onset::Transient,
        why: "its installation was not finished".to_owned(),
    };
    let mut survey = bare();
    for stage in ["installing", "installed"] {
        let marker = format!(r#"{{"cluster":"dev","stage":"{stage}"}}"#);
        set(&mut survey, "k3s_marker", &[&marker]);
        assert_eq!(stands(&survey), (Standing::Unfinished, unfinished.clone()), "{stage}");
    }
    let mut survey = installed();
    set(&mut survey, "k3s_marker", &[r#"{"cluster":"dev","stage":"installing"}"#]);
    assert_eq!(stands(&survey), (Standing::Unfinished, unfinished));
}

#[test]
fn a_service_that_fails_says_why() {
    let mut survey = installed();
    set(
        &mut survey,
        "k3s_unit",
        &["LoadState=loaded", "ActiveState=activating", "SubState=auto-restart", "NRestarts=4"],
    );
    let (_, state) = stands(&survey);
    assert!(
        matches!(state, ClusterState::Broken { why, .. } if why == "its service ended 4 times")
    );
    set(&mut survey, "k3s_journal", &["level=fatal msg=\"no default routes found\""]);
    let (_, state) = stands(&survey);
    assert!(
        matches!(state, ClusterState::Broken { why, .. } if why.ends_with("no default routes found\""))
    );
    set(
        &mut survey,
        "k3s_unit",
        &["LoadState=loaded", "ActiveState=inactive", "SubState=dead", "NRestarts=0"],
    );
    assert_eq!(stands(&survey).1, ClusterState::Stopped);
}

#[test]
fn what_is_as_wanted_does_not_drift() {
    assert_eq!(drifts(&installed(), &wanted()), []);
    assert_eq!(drifts(&bare(), &wanted()), []);
}

#[test]
fn each_difference_has_its_cure() {
    let mut wanted = wanted();
    wanted.version = Some("v1.34.1+k3s1".to_owned());
    wanted.networks.are_chosen = true;
    wanted.disable = vec!["traefik".to_owned()];
    let named = |what: &str, cure: Cure| (what.to_owned(), cure);
    assert_eq!(
        drifts(&installed(), &wanted),
        [
            named("version", Cure::Restart),
            named("cluster-cidr", Cure::Reinstall),
            named("service-cidr", Cure::Reinstall),
            named("cluster-dns", Cure::Reinstall),
            named("disable", Cure::Restart),
        ]
    );
    wanted.version = Some("v1.32.1+k3s1".to_owned());
    assert_eq!(drifts(&installed(), &wanted)[0], named("version", Cure::Reinstall));
}

#[test]
fn a_foreign_k3s_differs_in_its_version_alone_and_stays() {
    let mut survey = installed();
    set(&mut survey, "k3s_marker", &[]);
    let mut wanted = wanted();
    wanted.disable = vec!["traefik".to_owned()];
    wanted.version = Some("v1.34.1+k3s1".to_owned());
    assert_eq!(drifts(&survey, &wanted), [("version".to_owned(), Cure::Theirs)]);
}

#[test]
fn a_file_that_cannot_be_read_is_never_written_over() {
    let mut survey = installed();
    set(&mut survey, "k3s_config", &["- a list"]);
    assert_eq!(drifts(&survey, &wanted()), [("config.yaml".to_owned(), Cure::Theirs)]);
}
