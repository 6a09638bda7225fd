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
    findings(world, None, log)
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
