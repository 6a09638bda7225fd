//! Each state of a cluster on each rung, with a scripted driver and a scripted API. The cluster is
//! said to be elsewhere, so that the engine of this machine has no part in it; what the guard does
//! on the engine is `docker_tests`.

mod docker_tests;
mod fake;

use super::*;
use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterState, Cure};
use crate::plan::change::Op;
use crate::policy::escalate::{Onset, Rung};
use crate::steps::Consent;
use crate::steps::testing::TestBed;

use fake::{Fake, drift, failure};

fn spec() -> Spec {
    fake::spec("x")
}

/// One attempt as the engine makes it: the changes, and how it ended.
async fn attempt(fake: &Fake, bed: &TestBed) -> (Vec<Op>, Result<Settled, Failure>) {
    let spec = spec();
    let case = Case::new(&bed.ctx, &spec, fake, fake);
    let changes = match case.probe().await {
        Ok(Probed::Satisfied(settled)) => return (Vec::new(), Ok(settled)),
        Ok(Probed::Needed(changes)) => changes,
        Err(failure) => return (Vec::new(), Err(failure)),
    };
    let ops: Vec<Op> = changes.iter().map(|change| change.op).collect();
    if ops.iter().any(|op| *op != Op::Wait)
        && let Err(failure) = case.apply().await
    {
        return (ops, Err(failure));
    }
    (ops, case.verify().await)
}

fn on(rung: Rung) -> TestBed {
    let mut bed = TestBed::new();
    bed.ctx.rung = rung;
    bed
}

fn broken(onset: Onset) -> ClusterState {
    ClusterState::Broken { onset, why: "its certificates are gone".to_owned() }
}

const RUNGS: [Rung; 4] = [Rung::Start, Rung::Restart, Rung::Recreate, Rung::Purge];

#[tokio::test]
async fn a_healthy_cluster_is_left_alone_on_every_rung() {
    for rung in RUNGS {
        let fake = Fake::ready();
        let (ops, end) = attempt(&fake, &on(rung)).await;
        assert!(ops.is_empty(), "{rung}");
        assert_eq!(end.unwrap().detail, "k3s v1.34.0, 1 node, https://10.0.0.2:6443");
        assert_eq!(fake.changes(), Vec::<String>::new(), "{rung}");
    }
}

#[tokio::test]
async fn each_state_is_met_by_the_remedy_of_the_rung() {
    let unreachable = || ClusterState::Misconfigured { why: "an old port".to_owned() };
    for (state, wanted) in [
        (ClusterState::Absent, ["start", "start", "delete start", "purge force"]),
        (ClusterState::Stopped, ["start", "start", "delete start", "purge force"]),
        (ClusterState::Paused, ["start", "stop start", "delete start", "purge force"]),
        (unreachable(), ["amend", "stop start", "delete start", "purge force"]),
        (broken(Onset::Transient), ["start", "stop start", "delete start", "purge force"]),
        (broken(Onset::Corrupt), ["", "stop start", "delete start", "purge force"]),
    ] {
        for (rung, wanted) in RUNGS.into_iter().zip(wanted) {
            let fake = Fake::in_state(state.clone());
            let (_, end) = attempt(&fake, &on(rung)).await;
            assert_eq!(fake.changes().join(" "), wanted, "{state:?} on {rung}");
            assert_eq!(end.is_ok(), !wanted.is_empty(), "{state:?} on {rung}: {end:?}");
        }
    }
}

#[tokio::test]
async fn a_broken_cluster_is_left_to_the_ladder_with_its_onset() {
    let fake = Fake::in_state(broken(Onset::Deep));
    let (ops, end) = attempt(&fake, &on(Rung::Start)).await;
    let failure = end.unwrap_err();
    assert_eq!(ops, [Op::Recreate]);
    assert_eq!((failure.code, failure.onset), ("CLUSTER_BROKEN", Some(Onset::Deep)));
}

#[tokio::test]
async fn nothing_is_deleted_where_the_configuration_says_never() {
    for rung in [Rung::Recreate, Rung::Purge] {
        let fake = Fake::in_state(ClusterState::Paused);
        let spec = Spec { purge: Purge::Never, ..spec() };
        let bed = on(rung);
        Case::new(&bed.ctx, &spec, &fake, &fake).apply().await.unwrap();
        assert_eq!(fake.changes(), ["stop", "start"]);
    }
}

#[tokio::test]
async fn a_node_that_does_not_let_itself_be_halted_is_started_all_the_same() {
    let fake = Fake::in_state(ClusterState::Paused);
    fake.fail("stop", failure("GUEST_STOP_TIMEOUT"));
    let mut bed = on(Rung::Restart);
    attempt(&fake, &bed).await.1.unwrap();
    assert_eq!(bed.warnings(), ["CLUSTER_NOT_HALTED"]);
}

#[tokio::test]
async fn a_delete_that_fails_starts_nothing() {
    let fake = Fake::in_state(ClusterState::Stopped);
    fake.fail("delete", failure("GUEST_DELETION").curable(Onset::Deep));
    let (_, end) = attempt(&fake, &on(Rung::Recreate)).await;
    assert_eq!(end.unwrap_err().onset, Some(Onset::Deep));
    assert_eq!(fake.changes(), ["delete"]);
}

#[tokio::test]
async fn a_cluster_that_comes_up_by_itself_is_only_waited_for() {
    let fake = Fake::in_state(ClusterState::Running);
    fake.lacks("node x: NotReady");
    let (ops, end) = attempt(&fake, &on(Rung::Start)).await;
    assert_eq!(ops, [Op::Wait]);
    assert!(end.is_ok() && fake.changes().is_empty());
}

#[tokio::test]
async fn an_api_that_stays_silent_asks_for_a_restart() {
    let fake = Fake::in_state(ClusterState::Running);
    fake.lacks("no answer");
    let late = Failure::new(Class::Timeout, "NODE_NOT_READY", "node x is not ready");
    fake.fail("wait", late);
    let (_, end) = attempt(&fake, &on(Rung::Start)).await;
    assert_eq!(end.unwrap_err().onset, Some(Onset::Unresponsive));
}

#[tokio::test]
async fn a_start_that_reports_success_and_did_nothing_is_found_out() {
    let fake = Fake::in_state(ClusterState::Absent);
    fake.start_leads_to(ClusterState::Absent);
    let (_, end) = attempt(&fake, &on(Rung::Start)).await;
    let failure = end.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_NOT_UP", Some(Onset::Transient)));
}

#[tokio::test]
async fn an_engine_that_goes_away_is_waited_out() {
    let fake = Fake::in_state(ClusterState::Absent);
    fake.fail("start", Failure::new(Class::Prerequisite, "DOCKER_UNREACHABLE", "gone"));
    let (_, end) = attempt(&fake, &on(Rung::Start)).await;
    let failure = end.unwrap_err();
    assert_eq!((failure.class, failure.onset), (Class::Prerequisite, Some(Onset::Wait)));
}

#[tokio::test]
async fn unknown_is_not_absent() {
    let fake = Fake::in_state(ClusterState::Absent);
    fake.fail("probe", failure("STATUS_UNKNOWN"));
    for rung in RUNGS {
        let (_, end) = attempt(&fake, &on(rung)).await;
        assert_eq!(end.unwrap_err().code, "STATUS_UNKNOWN");
    }
    assert!(fake.changes().is_empty());
}

#[tokio::test]
async fn drift_is_reported_and_nothing_is_lost_without_consent() {
    let fake = Fake::ready();
    fake.drifts(vec![drift("memory", Cure::Recreate)]);
    let mut bed = on(Rung::Start);
    let (ops, end) = attempt(&fake, &bed).await;
    assert!(ops.is_empty() && fake.changes().is_empty());
    assert!(end.unwrap().detail.ends_with("; differs in memory"));
    assert_eq!(bed.warnings(), ["CLUSTER_DRIFT"]);
}

#[tokio::test]
async fn consent_recreates_a_cluster_that_differs_and_no_other() {
    let mut bed = on(Rung::Start);
    bed.ctx.recreate = Consent::Given;
    let fake = Fake::ready();
    fake.drifts(vec![drift("memory", Cure::Recreate)]);
    let (ops, end) = attempt(&fake, &bed).await;
    assert_eq!(
        (ops.as_slice(), fake.changes().join(" ").as_str()),
        ([Op::Recreate].as_slice(), "delete start")
    );
    assert!(end.is_ok());
    let same = Fake::ready();
    attempt(&same, &bed).await.1.unwrap();
    assert!(same.changes().is_empty());
}

#[tokio::test]
async fn drift_that_the_tool_can_mend_is_mended() {
    let fake = Fake::ready();
    fake.drifts(vec![drift("addons", Cure::InPlace)]);
    let (ops, end) = attempt(&fake, &on(Rung::Start)).await;
    assert_eq!(
        (ops.as_slice(), fake.changes()),
        ([Op::Update].as_slice(), vec!["amend".to_owned()])
    );
    assert!(!end.unwrap().detail.contains("differs"));
}

#[tokio::test]
async fn a_cluster_of_another_size_is_not_waited_for_in_the_wanted_one() {
    let fake = Fake::in_state(ClusterState::Running);
    fake.lacks("coming");
    fake.drifts(vec![drift("nodes", Cure::Recreate)]);
    attempt(&fake, &on(Rung::Start)).await.1.unwrap();
    assert_eq!(fake.asked_nodes(), [None, None]);
}

#[tokio::test]
async fn the_context_of_a_cluster_of_others_is_switched_where_that_is_wanted() {
    let fake = Fake::ready();
    let spec = Spec { provider: crate::config::model::Provider::Existing, ..spec() };
    let bed = on(Rung::Start);
    let case = Case::new(&bed.ctx, &spec, &fake, &fake);
    let Probed::Needed(changes) = case.probe().await.unwrap() else { panic!("satisfied") };
    assert_eq!(changes[0].to_string(), "update current context to `x`");
    assert_eq!(changes[0].why, "it is `other`, and `switch_context` is set");
    case.apply().await.unwrap();
    assert_eq!(fake.changes(), ["switch"]);
    assert!(matches!(case.probe().await.unwrap(), Probed::Satisfied(_)));
}

#[tokio::test]
async fn everything_that_is_in_the_way_is_said_at_once() {
    let fake = Fake::ready();
    fake.preflight(vec![failure("TOOL_MISSING"), failure("PORT_TAKEN")]);
    let (spec, mut bed) = (spec(), on(Rung::Start));
    let failure = Case::new(&bed.ctx, &spec, &fake, &fake).preflight().await.unwrap_err();
    assert_eq!((failure.code, failure.evidence[0].source.as_str()), ("TOOL_MISSING", "PORT_TAKEN"));
    assert_eq!(bed.warnings(), ["PORT_TAKEN"]);
}

#[tokio::test]
async fn taking_away_goes_as_far_as_it_was_asked_to() {
    for (how, purge, wanted) in [
        (Teardown::Stop, Purge::Profile, "stop"),
        (Teardown::Reset, Purge::Profile, "delete"),
        (Teardown::Purge, Purge::Profile, "purge Profile"),
        (Teardown::Purge, Purge::Never, "purge Profile"),
        (Teardown::Purge, Purge::All, "purge All"),
    ] {
        let fake = Fake::ready();
        let (spec, bed) = (Spec { purge, ..spec() }, on(Rung::Start));
        let gone = Case::new(&bed.ctx, &spec, &fake, &fake).remove(how).await.unwrap();
        assert_eq!((gone.len(), fake.teardown().as_str()), (1, wanted));
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_taken_away() {
    for (how, state) in [
        (Teardown::Stop, ClusterState::Absent),
        (Teardown::Stop, ClusterState::Stopped),
        (Teardown::Reset, ClusterState::Absent),
        (Teardown::Purge, ClusterState::Absent),
    ] {
        let fake = Fake::in_state(state);
        let (spec, bed) = (spec(), on(Rung::Start));
        assert!(Case::new(&bed.ctx, &spec, &fake, &fake).remove(how).await.unwrap().is_empty());
        assert!(fake.changes().is_empty());
    }
}

#[tokio::test]
async fn a_cluster_of_others_is_never_taken_away() {
    use crate::config::model::Provider::{DockerDesktop, Existing};
    for provider in [Existing, DockerDesktop] {
        for how in [Teardown::Stop, Teardown::Reset, Teardown::Purge] {
            let fake = Fake::ready();
            let (spec, bed) = (Spec { provider, ..spec() }, on(Rung::Start));
            assert!(Case::new(&bed.ctx, &spec, &fake, &fake).remove(how).await.unwrap().is_empty());
            assert!(fake.changes().is_empty());
        }
    }
}

#[tokio::test]
async fn status_tells_nodes_of_a_cluster_that_is_not_ready_too() {
    let fake = Fake::in_state(ClusterState::Running);
    fake.lacks("node x: NotReady");
    let (spec, bed) = (spec(), on(Rung::Start));
    let status = Case::new(&bed.ctx, &spec, &fake, &fake).status().await;
    assert_eq!((status.state, status.reason.as_deref()), ("unready", Some("node x: NotReady")));
    assert_eq!(status.nodes[0].name, "x");
    assert_eq!(status.server.as_deref(), Some("https://10.0.0.2:6443"));
    let gone = Fake::in_state(ClusterState::Absent);
    let status = Case::new(&bed.ctx, &spec, &gone, &gone).status().await;
    assert_eq!((status.state, status.version, status.nodes.len()), ("absent", None, 0));
}
