//! Tests of `readiness`.

use super::super::fixtures::{container, health, project};
use super::*;
use crate::host::containers::RestartPolicy;

const CHAIN: &str = r#"{
    "db":{"image":"x"},
    "mig":{"image":"x","depends_on":{"db":{"condition":"service_healthy"}}},
    "api":{"image":"x","depends_on":{"mig":{"condition":"service_completed_successfully"}}}}"#;

fn verdicts(project: &Project, containers: &[Container]) -> BTreeMap<String, Verdict> {
    Situation { project, containers, history: &BTreeMap::new() }.verdicts()
}

fn exited(service: &str, code: i64) -> Container {
    let mut over = container(service);
    over.status = Status::Exited;
    over.exit_code = code;
    over
}

fn with_health(service: &str, status: HealthStatus) -> Container {
    let mut checked = container(service);
    checked.health = Some(health(status, "exit 1: connection refused"));
    checked
}

#[test]
fn healthy_running_and_exited_zero_are_good_each_for_its_kind() {
    let all = [with_health("db", HealthStatus::Healthy), exited("mig", 0), container("api")];
    let verdicts = verdicts(&project(CHAIN), &all);
    assert_eq!(verdicts["db"], Verdict::Ready);
    assert_eq!(verdicts["mig"], Verdict::Done);
    assert_eq!(verdicts["api"], Verdict::Ready);
}

#[test]
fn unhealthy_is_not_final_and_says_what_its_probe_said() {
    let all = [with_health("db", HealthStatus::Unhealthy), exited("mig", 0), container("api")];
    let wanted = "health unhealthy: exit 1: connection refused";
    assert_eq!(verdicts(&project(CHAIN), &all)["db"], Verdict::Pending(wanted.to_owned()));
}

#[test]
fn a_failed_one_shot_is_final() {
    let all = [with_health("db", HealthStatus::Healthy), exited("mig", 1), container("api")];
    let fault = Fault { container: "id-mig".to_owned(), kind: FaultKind::OneShot { code: 1 } };
    assert_eq!(verdicts(&project(CHAIN), &all)["mig"], Verdict::Failed(fault));
}

#[test]
fn a_crash_while_a_dependency_is_not_ready_is_blocked_not_failed() {
    let all = [with_health("db", HealthStatus::Starting), exited("mig", 1), container("api")];
    let wanted = "exited 1 while db is not ready";
    assert_eq!(verdicts(&project(CHAIN), &all)["mig"], Verdict::Pending(wanted.to_owned()));
}

#[test]
fn the_third_restart_within_the_wait_is_final_and_older_ones_do_not_count() {
    let project = project(r#"{"api":{"image":"x"}}"#);
    let mut api = container("api");
    api.status = Status::Restarting;
    api.restart_policy = RestartPolicy::Always;
    api.restart_count = 9;
    api.exit_code = 3;
    let all = [api];
    let verdict = |before| {
        let known = History { restarts_before: before, ..History::default() };
        let history = BTreeMap::from([("id-api".to_owned(), known)]);
        Situation { project: &project, containers: &all, history: &history }.verdicts()["api"]
            .clone()
    };
    assert_eq!(verdict(7), Verdict::Pending("exited 3, restarting".to_owned()));
    let kind = FaultKind::CrashLoop { restarts: 3, code: 3 };
    assert_eq!(verdict(6), Verdict::Failed(Fault { container: "id-api".to_owned(), kind }));
}

#[test]
fn a_fresh_start_without_healthcheck_has_to_stay_up_for_a_moment() {
    let project = project(r#"{"api":{"image":"x"}}"#);
    let all = [container("api")];
    let verdict = |watched| {
        let known = History { watched: Some(watched), ..History::default() };
        let history = BTreeMap::from([("id-api".to_owned(), known)]);
        Situation { project: &project, containers: &all, history: &history }.verdicts()["api"]
            .clone()
    };
    assert_eq!(verdict(Duration::ZERO), Verdict::Pending("just started".to_owned()));
    assert_eq!(verdict(STEADY), Verdict::Ready);
}

#[test]
fn an_end_that_nobody_declared_counts_beside_others_and_fails_alone() {
    let both = project(r#"{"job":{"image":"x"},"api":{"image":"x"}}"#);
    assert_eq!(verdicts(&both, &[exited("job", 0), container("api")])["job"], Verdict::Done);
    let single = project(r#"{"job":{"image":"x"}}"#);
    let kind = FaultKind::Exited { code: 0 };
    let lost = Verdict::Failed(Fault { container: "id-job".to_owned(), kind });
    assert_eq!(verdicts(&single, &[exited("job", 0)])["job"], lost);
}

#[test]
fn memory_is_named_as_the_cause() {
    let mut killed = exited("api", 137);
    killed.oom_killed = true;
    let kind = FaultKind::OutOfMemory;
    let lost = Verdict::Failed(Fault { container: "id-api".to_owned(), kind });
    assert_eq!(verdicts(&project(r#"{"api":{"image":"x"}}"#), &[killed])["api"], lost);
}

#[test]
fn a_dependency_that_is_not_required_may_be_lost() {
    let services = r#"{"gpu":{"image":"x"},"api":{"image":"x","depends_on":
        {"gpu":{"condition":"service_healthy","required":false}}}}"#;
    let project = project(services);
    let all = [exited("gpu", 1), container("api")];
    let situation = Situation { project: &project, containers: &all, history: &BTreeMap::new() };
    assert_eq!(situation.blocker("api"), None);
}

#[test]
fn a_started_dependency_need_not_be_healthy() {
    let services = r#"{"db":{"image":"x"},"api":{"image":"x","depends_on":
        {"db":{"condition":"service_started"}}}}"#;
    let project = project(services);
    let all = [with_health("db", HealthStatus::Starting), container("api")];
    let situation = Situation { project: &project, containers: &all, history: &BTreeMap::new() };
    assert_eq!(situation.blocker("api"), None);
}

#[test]
fn a_service_scaled_to_zero_is_no_obstacle() {
    let services = r#"{"db":{"image":"x","scale":0},"api":{"image":"x","depends_on":
        {"db":{"condition":"service_started"}}}}"#;
    let verdicts = verdicts(&project(services), &[container("api")]);
    assert!(verdicts.values().all(Verdict::is_good), "{verdicts:?}");
}
