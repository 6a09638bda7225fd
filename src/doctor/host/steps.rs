//! What keeps steps of a start from their work, as findings: those whose code or words are a rule's,
//! and that no rule has told already.

use super::access::unreached;
use super::draft::said;
use super::table::of_code;
use crate::doctor::finding::Finding;
use crate::doctor::look::Hindrance;
use crate::doctor::rejection;
use crate::event;

/// Codes under which a tool's own words are all that is known.
const WORDS_ALONE: [&str; 3] = ["TOOL_FAILED", "TASK_FAILED", "TASK_UNKNOWN"];

/// Rules that may be true of several things at once.
const PLURAL: [&str; 9] = [
    "DOC-03",
    "DOC-04",
    "DOC-05",
    "CMP-01",
    "CMP-02",
    "CMP-04",
    "CMP-08",
    "CMP-10",
    "TOOL_MISSING",
];

/// The findings of steps that are a rule's, and those that are none's.
pub(super) fn findings(
    hindrances: &[Hindrance],
    known: &[Finding],
) -> (Vec<Finding>, Vec<Hindrance>) {
    let mut found: Vec<Finding> = Vec::new();
    let mut others: Vec<Hindrance> = Vec::new();
    for hindrance in hindrances {
        let Hindrance { step, finding: single } = hindrance;
        let Some(rule) = rule(single) else {
            let is_same = |other: &Hindrance| {
                other.finding.code == single.code && other.finding.summary == single.summary
            };
            if !others.iter().any(is_same) {
                others.push(hindrance.clone());
            }
            continue;
        };
        let mut finding = said(rule, "step", step, single);
        if finding.fix.is_none() {
            finding.fix = rejection::classify(&words(single)).map(|told| told.fix);
        }
        if !known.iter().chain(&found).any(|told| tells(told, &finding)) {
            found.push(finding);
        }
    }
    (found, others)
}

fn rule(single: &event::Finding) -> Option<&'static str> {
    match single.code.as_str() {
        "API_UNREACHABLE" | "CLUSTER_UNREACHABLE" => Some(unreached(&words(single))),
        "CLOUD_LOGIN_NEEDED" => Some(cloud(&words(single).to_lowercase())),
        code if WORDS_ALONE.contains(&code) => {
            rejection::classify(&words(single)).map(|told| told.rule.id)
        }
        code => of_code(code).map(|rule| rule.id),
    }
}

/// Whose login a command that prints a password lacks.
fn cloud(words: &str) -> &'static str {
    if words.contains("gcloud") {
        "CLD-09"
    } else if words.contains("az login") || words.contains("aadsts") {
        "CLD-08"
    } else {
        "CLD-02"
    }
}

fn words(single: &event::Finding) -> String {
    let lines = single.evidence.iter().map(|line| line.text.as_str());
    lines.chain([single.summary.as_str()]).collect::<Vec<_>>().join("\n")
}

/// Whether a finding says already what a step complains of.
fn tells(told: &Finding, one: &Finding) -> bool {
    let is_same = told.rule.id == one.rule.id;
    is_same
        && (!PLURAL.contains(&one.rule.id)
            || told.summary == one.summary
            || one.summary.contains(told.root.name.as_str()))
}
