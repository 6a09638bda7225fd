//! Every recorded incident of a real cluster gives exactly the findings of its `expect.toml`, and
//! the clusters that only look suspicious give none.

use std::fs;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::cluster::findings;
use super::finding::{Finding, path};
use crate::readiness::fixture::{corpus, snapshot};
use crate::readiness::{LogSource, World};

fn ids() -> Vec<String> {
    let entries = fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap());
    let mut ids: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    ids.sort();
    assert_eq!(ids.len(), 58);
    ids
}

fn found(id: &str, world: &World) -> Vec<Finding> {
    let log = |log: &LogSource| {
        let name = format!("{}_{}_{}.txt", log.namespace, log.pod, log.container);
        fs::read_to_string(corpus().join(id).join("logs").join(name)).ok()
    };
    findings(world, None, &log)
}

fn expected(id: &str) -> ArrayOfTables {
    let text = fs::read_to_string(corpus().join(id).join("expect.toml")).unwrap();
    let document: DocumentMut = text.parse().unwrap();
    document.get("finding").and_then(Item::as_array_of_tables).cloned().unwrap_or_default()
}

fn strings(table: &Table, field: &str) -> Vec<String> {
    let array = table.get(field).and_then(Item::as_array);
    array.into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase).collect()
}

/// The one that is right, and those that are right as well.
fn either(table: &Table, field: &str, more: &str) -> Vec<String> {
    let first = table[field].as_str().unwrap().to_lowercase();
    [vec![first], strings(table, more)].concat()
}

fn words(finding: &Finding) -> String {
    let lines = finding.evidence.iter().map(|line| format!("\n{}: {}", line.source, line.text));
    let fix = finding.fix.as_ref().map(|fix| format!("\n{}", fix.command));
    let all: String = [finding.summary.clone()].into_iter().chain(lines).chain(fix).collect();
    all.to_lowercase()
}

/// What is wrong about one finding.
fn objections(finding: &Finding, table: &Table) -> Vec<String> {
    let mut wrong = Vec::new();
    let rules = either(table, "rule", "accept_rules");
    if !rules.contains(&finding.rule.id.to_lowercase()) {
        wrong.push(format!("rule {} and not {rules:?}", finding.rule.id));
    }
    let objects = either(table, "object", "accept_objects");
    if !objects.contains(&path(&finding.root)) {
        wrong.push(format!("root {} and not {objects:?}", path(&finding.root)));
    }
    let fix = finding.fix.as_ref().map(|fix| fix.command.to_lowercase()).unwrap_or_default();
    for (field, text, has) in [
        ("must_mention", words(finding), true),
        ("fix_must_contain", fix, true),
        ("must_not_say", words(finding), false),
    ] {
        for word in strings(table, field) {
            if text.contains(&word) != has {
                wrong.push(format!("{field} {word:?}:\n{text}"));
            }
        }
    }
    wrong
}

#[test]
fn every_incident_gives_its_findings_and_no_other() {
    let mut wrong = Vec::new();
    for id in ids() {
        let (_, world) = snapshot(&id);
        let found = found(&id, &world);
        let expected = expected(&id);
        if found.len() != expected.len() {
            let roots: Vec<String> =
                found.iter().map(|one| format!("{} {}", one.rule.id, path(&one.root))).collect();
            wrong.push(format!("{id}: {roots:?} and not {} findings", expected.len()));
            continue;
        }
        for (finding, table) in found.iter().zip(&expected) {
            wrong.extend(objections(finding, table).into_iter().map(|one| format!("{id}: {one}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_cause_keeps_down_is_told_with_it() {
    let mut missing = Vec::new();
    for id in ids() {
        let (_, world) = snapshot(&id);
        for (finding, table) in found(&id, &world).iter().zip(&expected(&id)) {
            let told: Vec<String> = finding.affects.iter().map(path).collect();
            for wanted in strings(table, "affects") {
                if !told.contains(&wanted) && path(&finding.root) != wanted {
                    missing.push(format!("{id}: {wanted} is not in {told:?}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
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
    for id in ids() {
        if told_by_events.iter().any(|kind| id.starts_with(kind)) {
            continue;
        }
        let (_, mut world) = snapshot(&id);
        let before = found(&id, &world);
        world.set("Event", Vec::new());
        let after = found(&id, &world);
        let rules = |found: &[Finding]| -> Vec<(&str, String)> {
            found.iter().map(|one| (one.rule.id, path(&one.root))).collect()
        };
        if rules(&before) != rules(&after) {
            wrong.push(format!("{id}: {:?} and then {:?}", rules(&before), rules(&after)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
