//! Every recorded incident of a real cluster gives exactly the findings of its `expect.toml`, and
//! the clusters that only look suspicious give none. So do those that were made from the catalogue's
//! words.

use std::path::{Path, PathBuf};

use super::cluster::findings;
use super::finding::{Finding, path};
use super::fixture::{
    all_objections, expected, found, ids, is_decided_by_events, objections, told, world,
};
use crate::readiness::fixture::{constructed as made, corpus, snapshot};

/// The folders of all incidents, recorded and made.
fn folders() -> Vec<PathBuf> {
    let recorded = ids(&corpus());
    assert!(recorded.len() >= 58, "{}", recorded.len());
    let constructed = ids(&made());
    assert!(constructed.len() > 150, "{}", constructed.len());
    let all = recorded.iter().map(|id| corpus().join(id));
    all.chain(constructed.iter().map(|id| made().join(id))).collect()
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_incident_gives_its_findings_and_no_other() {
    let mut wrong = Vec::new();
    for folder in folders() {
        let found = found(&folder, &world(&folder));
        let objections = all_objections(&folder, &found);
        wrong.extend(objections.into_iter().map(|one| format!("{}: {one}", name(&folder))));
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn recorded_causes_come_in_their_order() {
    for id in ids(&corpus()) {
        let folder = corpus().join(&id);
        let found = found(&folder, &world(&folder));
        for (finding, table) in found.iter().zip(&expected(&folder)) {
            assert_eq!(objections(finding, table), Vec::<String>::new(), "{id}");
        }
    }
}

/// Causes that the recordings do not have, made from a recorded incident and the catalogue's words.
mod constructed {
    use serde_json::{Value, json};

    use super::{Finding, findings, path, snapshot};
    use crate::manifest::read;
    use crate::readiness::{LogSource, World};

    /// The findings of an incident after a change to some of its objects.
    fn after(id: &str, change: impl Fn(&mut Value), log: Option<&str>) -> Vec<Finding> {
        let (mut objects, known) = snapshot(id);
        objects.iter_mut().for_each(change);
        let mut world = World::of(objects);
        for kind in ["Secret", "ConfigMap", "Event", "EndpointSlice", "ServiceAccount"] {
            if known.knows(kind) && !world.knows(kind) {
                world.set(kind, Vec::new());
            }
        }
        findings(&world, None, &|_: &LogSource| log.map(str::to_owned))
    }

    /// Says something else in the place of a container's reason to wait.
    fn waiting(words: &'static str) -> impl Fn(&mut Value) {
        move |object| {
            let statuses = object.pointer_mut("/status/containerStatuses");
            for status in statuses.and_then(Value::as_array_mut).into_iter().flatten() {
                if status.pointer("/state/waiting").is_some() {
                    status["state"]["waiting"]["reason"] = "ErrImagePull".into();
                    status["state"]["waiting"]["message"] = words.into();
                }
            }
        }
    }

    #[track_caller]
    fn is(found: &[Finding], rule: &str, root: &str) {
        let told: Vec<_> = found.iter().map(|one| (one.rule.id, path(&one.root))).collect();
        assert_eq!(told, [(rule, root.to_owned())], "{found:#?}");
    }

    #[test]
    fn scheduling_that_only_the_node_explains() {
        let message = "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        let cordon = |object: &mut Value| {
            if read::kind(object) == "Node" {
                object["spec"]["unschedulable"] = true.into();
            }
            for condition in object
                .pointer_mut("/status/conditions")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if condition["type"] == "PodScheduled" && condition["status"] == "False" {
                    condition["message"] = message.into();
                }
            }
        };
        let found = after("sch-insufficient-cpu", cordon, None);
        is(&found, "NODE-05", "node//lab-node");
        assert!(found[0].fix.as_ref().unwrap().command.contains("kubectl uncordon lab-node"));
        assert_eq!(
            found[0].affects.iter().map(path).collect::<Vec<_>>(),
            ["deployment/pred-maint/pred-maint", "service/pred-maint/pred-maint"]
        );

        let unseen = |object: &mut Value| {
            if read::kind(object) == "Pod" && read::text(object, "/spec/nodeName").is_empty() {
                object["spec"]["schedulerName"] = "volcano".into();
                object["status"] = json!({ "phase": "Pending", "qosClass": "Burstable" });
            }
        };
        let found = after("sch-insufficient-cpu", unseen, None);
        is(&found, "SCH-10", "deployment/pred-maint/pred-maint");
        assert!(found[0].summary.contains("`volcano`"), "{}", found[0].summary);
    }

    #[test]
    fn pulls_that_only_their_words_or_the_account_explain() {
        for (words, rule, fix) in [
            (
                "rpc error: code = Unknown desc = media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported since containerd v2.0",
                "PULL-17",
                "schema 1",
            ),
            (
                "failed to extract layer sha256:ab: write /x: no space left on device",
                "PULL-22",
                "free space",
            ),
            (
                "rpc error: code = Unknown desc = failed to pull: x509: certificate signed by unknown authority",
                "PULL-10",
                "certificate",
            ),
            ("something that nobody has seen before: frobnicated", "unknown", "describe pod"),
        ] {
            let found = after("pull-tag-not-found", waiting(words), None);
            is(&found, rule, "deployment/mlops-api/api");
            let fix_told = &found[0].fix.as_ref().unwrap().command;
            assert!(fix_told.contains(fix), "{rule}: {fix_told}");
        }
        let late = |object: &mut Value| match read::kind(object) {
            "Pod" => object["spec"]["imagePullSecrets"] = Value::Null,
            "ServiceAccount" => object["imagePullSecrets"] = json!([{ "name": "acr-secret" }]),
            _ => {}
        };
        let found = after("pull-acr-bad-credentials", late, None);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].rule.id, "PULL-20");
    }

    #[test]
    fn logs_of_what_mlup_cannot_cure_are_told_as_the_applications() {
        for (line, rule) in [
            (
                "ValueError: Duplicated timeseries in CollectorRegistry: {'data_drift_score'}",
                "CRASH-08",
            ),
            ("NameError: name 'asyncio' is not defined", "CRASH-10"),
            ("KeyError: \"['price'] not in index\"", "CRASH-14"),
            ("FileNotFoundError: [Errno 2] No such file or directory: '/tmp/ref.csv'", "CRASH-14"),
            (
                "mlflow.exceptions.MlflowException: API request to endpoint /api/2.0/mlflow/logged-models failed with error code 404 != 200",
                "SKEW-01",
            ),
            ("ModuleNotFoundError: No module named 'x'", "CRASH-07"),
            ("psycopg2.OperationalError: FATAL:  database \"mlflow\" does not exist", "CRASH-13"),
        ] {
            let log = format!("Traceback (most recent call last):\n{line}\n");
            let found = after("crash-evidently-import", |_| {}, Some(&log));
            is(&found, rule, "deployment/pred-maint/pred-maint");
            let told = found[0].evidence.iter().any(|one| one.text.contains(line));
            assert!(told, "{:#?}", found[0].evidence);
        }
    }

    #[test]
    fn a_named_port_that_no_container_has_is_proven() {
        let rename = |object: &mut Value| {
            if read::kind(object) == "Service" {
                object["spec"]["ports"][0]["targetPort"] = "metrics".into();
            }
        };
        let found = after("svc-target-port-wrong", rename, None);
        is(&found, "SVC-03", "service/fraud-detection/fraud-scorer");
        assert_eq!(found[0].confidence, super::super::finding::Confidence::Proven);
    }

    #[test]
    fn a_young_balancer_may_still_get_its_address() {
        let (_, world) = snapshot("svc-loadbalancer-pending");
        let taken = |text: &str| Some(text.parse().unwrap());
        assert!(findings(&world, taken("2026-11-21T10:25:00Z"), &|_: &LogSource| None).is_empty());
        is(
            &findings(&world, taken("2026-11-21T10:27:00Z"), &|_: &LogSource| None),
            "SVC-04",
            "service/iris/iris-api-service",
        );
    }
}

#[test]
fn status_alone_gives_the_same_once_events_are_gone() {
    // What kills a container, and what a probe was answered, events alone tell.
    let told_by_events = ["probe-", "svc-loadbalancer"];
    let mut wrong = Vec::new();
    for folder in folders() {
        let id = name(&folder);
        let is_recorded = folder.starts_with(corpus());
        if is_recorded && told_by_events.iter().any(|kind| id.starts_with(kind))
            || is_decided_by_events(&folder)
        {
            continue;
        }
        let mut world = world(&folder);
        let before = found(&folder, &world);
        world.set("Event", Vec::new());
        let after = found(&folder, &world);
        if told(&before) != told(&after) {
            wrong.push(format!("{id}: {:?} and then {:?}", told(&before), told(&after)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_said_to_be_decided_by_events_is() {
    for id in ids(&made()).iter().filter(|id| is_decided_by_events(&made().join(id))) {
        let folder = made().join(id);
        let mut world = world(&folder);
        let before = found(&folder, &world);
        world.set("Event", Vec::new());
        assert_ne!(told(&before), told(&found(&folder, &world)), "{id}");
    }
}
