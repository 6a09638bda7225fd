//! Incidents in their folders, what they give, and what is wrong about that: for tests alone.

use std::fs;
use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::cluster::findings;
use super::finding::{Finding, path};
use crate::readiness::fixture::{objects_in, world_of};
use crate::readiness::{LogSource, World};

/// The names of the incidents of a folder.
pub(super) fn ids(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut ids: Vec<String> = entries
        .filter(|entry| entry.path().join("snapshot.json").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    ids.sort();
    ids
}

/// The world of an incident.
pub(super) fn world(folder: &Path) -> World {
    world_of(objects_in(folder))
}

/// What is found in a world, with the logs of an incident.
pub(super) fn found(folder: &Path, world: &World) -> Vec<Finding> {
    let log = |log: &LogSource| {
        let name = format!("{}_{}_{}.txt", log.namespace, log.pod, log.container);
        fs::read_to_string(folder.join("logs").join(name)).ok()
    };
    findings(world, None, &log)
}

/// The rules and roots of findings.
pub(super) fn told(found: &[Finding]) -> Vec<(&str, String)> {
    found.iter().map(|one| (one.rule.id, path(&one.root))).collect()
}

/// What `expect.toml` says.
pub(super) fn document(folder: &Path) -> DocumentMut {
    fs::read_to_string(folder.join("expect.toml")).unwrap().parse().unwrap()
}

/// The findings that must be given.
pub(super) fn expected(folder: &Path) -> ArrayOfTables {
    document(folder).get("finding").and_then(Item::as_array_of_tables).cloned().unwrap_or_default()
}

/// Whether nobody can tell without events.
pub(super) fn is_decided_by_events(folder: &Path) -> bool {
    document(folder).get("events_decide").and_then(Item::as_bool).unwrap_or_default()
}

/// The texts of a field, in lower case.
pub(super) fn strings(table: &Table, field: &str) -> Vec<String> {
    let array = table.get(field).and_then(Item::as_array);
    array.into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase).collect()
}

/// The one that is right, and those that are right as well.
pub(super) fn either(table: &Table, field: &str, more: &str) -> Vec<String> {
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
pub(super) fn objections(finding: &Finding, table: &Table) -> Vec<String> {
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
    let affects: Vec<String> = finding.affects.iter().map(path).collect();
    for wanted in strings(table, "affects") {
        if !affects.contains(&wanted) && path(&finding.root) != wanted {
            wrong.push(format!("{wanted} is not in {affects:?}"));
        }
    }
    wrong
}

/// What is wrong about all findings of an incident.
pub(super) fn all_objections(folder: &Path, found: &[Finding]) -> Vec<String> {
    let expected = expected(folder);
    if found.len() != expected.len() {
        return vec![format!("{:?} and not {} findings: {found:#?}", told(found), expected.len())];
    }
    let mut expected: Vec<&Table> = expected.iter().collect();
    let mut wrong = Vec::new();
    // Which of two independent causes comes first is the ranking's, not the rules'.
    for one in found {
        let own = expected.iter().position(|table| objections(one, table).is_empty());
        match own {
            Some(at) => drop(expected.remove(at)),
            None => wrong.push(one),
        }
    }
    wrong.iter().zip(expected).flat_map(|(one, table)| objections(one, table)).collect()
}
