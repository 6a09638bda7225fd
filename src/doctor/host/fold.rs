//! Which findings below Kubernetes follow from others, and are then not told.

use super::facts::Facts;
use crate::doctor::finding::Finding;
use crate::event;

/// The tools whose clusters are containers of the engine.
const IN_DOCKER: [&str; 3] = ["docker-desktop", "k3d", "minikube"];

/// A rule, and the beginnings of those that follow from it wherever it holds.
const FOLLOWS: &[(&str, &[&str])] = &[
    ("DOC-13", &["DOC-01", "DOC-02"]),
    ("DOC-10", &["REG-0"]),
    ("DOC-12", &["CLD-05"]),
    ("MK-05", &REACH),
    ("MK-06", &REACH),
    ("MK-07", &REACH),
    ("MK-08", &REACH),
    ("K3D-08", &REACH),
    ("CLUSTER_BROKEN", &REACH),
    ("K3S-01", &REACH),
    ("API-10", &["API-0", "API-13"]),
    ("API-08", &["API-07"]),
    ("API-06", &["API-07", "API-01", "API-02", "API-03", "API-04", "API-09"]),
    ("API-04", &["API-05", "API-07"]),
];

/// What a cluster that is not up, or led to, cannot answer for.
const REACH: [&str; 8] =
    ["API-01", "API-02", "API-03", "API-04", "API-09", "API-10", "K3S-07", "K3S-13"];

/// What nobody can say without the engine.
const OF_ENGINE: [&str; 8] =
    ["CMP-01", "CMP-02", "CMP-03", "CMP-04", "CMP-06", "CMP-07", "MK-", "K3D-"];

/// The findings that follow from none of the others.
pub(super) fn causes(findings: Vec<Finding>, facts: &Facts) -> Vec<Finding> {
    let follows = |one: &Finding| findings.iter().any(|other| leads(other, one, facts));
    let kept: Vec<bool> = findings.iter().map(|one| !follows(one)).collect();
    findings.into_iter().zip(kept).filter_map(|(one, is_kept)| is_kept.then_some(one)).collect()
}

fn leads(cause: &Finding, one: &Finding, facts: &Facts) -> bool {
    if cause.rule.id == one.rule.id {
        return false;
    }
    let begins = |starts: &[&str]| starts.iter().any(|start| one.rule.id.starts_with(start));
    let named = FOLLOWS.iter().find(|(rule, _)| *rule == cause.rule.id);
    let by_table = named.is_some_and(|(_, starts)| begins(starts));
    let tool = facts.cluster.as_ref().map(|cluster| cluster.tool.as_str()).unwrap_or_default();
    let by_engine =
        is_engine(cause) && (begins(&OF_ENGINE) || (IN_DOCKER.contains(&tool) && begins(&REACH)));
    let by_tool = cause.rule.id == "TOOL_MISSING"
        && match cause.root.name.as_str() {
            "docker" => begins(&["CMP-05", "DOC-07"]),
            name if name == tool => begins(&["MK-", "K3D-"]),
            _ => false,
        };
    by_table || by_engine || by_tool
}

/// Whether the engine itself is at fault.
pub(super) fn is_engine(finding: &Finding) -> bool {
    matches!(finding.rule.id, "DOC-01" | "DOC-02" | "DOC-13")
}

/// Whether what a step complains of is told by a finding, under another code.
pub(super) fn is_told(single: &event::Finding, findings: &[Finding]) -> bool {
    let is_engines = single.code.starts_with("DOCKER_") && findings.iter().any(is_engine);
    let is_tools = single.code.starts_with("CLUSTER_TOOL")
        && findings.iter().any(|finding| finding.rule.id == "TOOL_MISSING");
    let is_halted = matches!(single.code.as_str(), "API_NOT_READY" | "NODE_NOT_READY")
        && findings.iter().any(|finding| matches!(finding.rule.id, "MK-07" | "K3D-08"));
    is_engines || is_tools || is_halted
}
