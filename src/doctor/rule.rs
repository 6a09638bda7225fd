//! The rules of the diagnosis as data: how near to the machine the cause of each lies, who may
//! repair it, and how what it breaks comes back. What fires a rule is in `readiness/` and beside
//! this file.

use super::host;
use crate::readiness::Cause;

/// How near to the machine a cause lies; what is nearer is told first, as the rest may follow from
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// This machine: its disk, its clock, its programs.
    Machine,
    /// The Docker Engine and what compose has on it.
    Docker,
    /// The cluster as its tool made it.
    Tool,
    /// The way to the API server, and accounts in clouds.
    Access,
    /// The cluster's nodes.
    Node,
    /// The API server and what it asks before it takes an object.
    Api,
    /// Objects that others need: secrets, accounts, quotas, classes, claims.
    Object,
    /// A node for a pod.
    Scheduling,
    /// The image on the node.
    Pull,
    /// The container from its image.
    Create,
    /// The program in the container.
    Crash,
    /// The program's answers to probes.
    Probe,
    /// What leads to pods: services, balancers.
    Service,
    /// What rolls pods out: deployments, releases, applications.
    Rollout,
}

/// Who may repair what a rule finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// mlup, by itself: it can be repeated and taken back.
    Automatic,
    /// mlup or a person, once somebody agreed.
    Confirmed,
    /// A person.
    ByHand,
}

/// How what is broken comes back once the cause is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The cluster tries again: at most five minutes, the longest pause of its back-off.
    ByItself,
    /// Only pods that are made anew have it.
    NewPod,
    /// At once.
    AtOnce,
}

/// One rule of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable id, such as `PULL-01`.
    pub id: &'static str,
    /// How near to the machine.
    pub layer: Layer,
    /// Who may repair it.
    pub repair: Repair,
    /// How it comes back.
    pub recovery: Recovery,
    /// The codes of causes that are this rule where they name no other.
    pub(super) codes: &'static [&'static str],
}

/// What a cause is of that the catalogue does not have.
const NONE: &str = "unknown";

/// The rules of causes that the catalogue does not have, by what they are about.
static OTHERS: &[Rule] = &[
    row(NONE, Layer::Probe, Repair::ByHand, Recovery::ByItself, &["PROBE_FAILING"]),
    row(NONE, Layer::Object, Repair::ByHand, Recovery::ByItself, &["VOLUME_FAILED"]),
    row(NONE, Layer::Scheduling, Repair::ByHand, Recovery::ByItself, &["UNSCHEDULABLE"]),
    row(NONE, Layer::Pull, Repair::ByHand, Recovery::ByItself, &["PULL_FAILED"]),
    row(
        NONE,
        Layer::Create,
        Repair::ByHand,
        Recovery::NewPod,
        &["CONTAINER_CONFIG", "POD_NOT_CREATED"],
    ),
    row(
        NONE,
        Layer::Crash,
        Repair::ByHand,
        Recovery::NewPod,
        &["CRASH_LOOP", "POD_FAILED", "POD_NOT_ENDING"],
    ),
];

/// The rule of a cause of which nothing else is known.
pub static UNKNOWN: Rule = row(NONE, Layer::Rollout, Repair::ByHand, Recovery::ByItself, &[]);

pub(super) const fn row(
    id: &'static str,
    layer: Layer,
    repair: Repair,
    recovery: Recovery,
    codes: &'static [&'static str],
) -> Rule {
    Rule { id, layer, repair, recovery, codes }
}

use Layer::{Api, Crash, Create, Node, Object, Probe, Pull, Rollout, Scheduling, Service};
use Recovery::{AtOnce, ByItself, NewPod};
use Repair::{Automatic, ByHand, Confirmed};

/// Every rule that a look at a cluster can fire.
pub static RULES: &[Rule] = &[
    row("NODE-01", Node, Automatic, ByItself, &["NODE_NOT_READY"]),
    row("NODE-02", Node, ByHand, ByItself, &[]),
    row("NODE-03", Node, Confirmed, ByItself, &["NODE_PRESSURE"]),
    row("NODE-04", Node, ByHand, ByItself, &[]),
    row("NODE-05", Node, Confirmed, ByItself, &["NODE_CORDONED"]),
    row("NODE-06", Scheduling, ByHand, ByItself, &["PODS_TURNED_AWAY"]),
    row("NODE-07", Node, ByHand, ByItself, &["SANDBOX_FAILED"]),
    row("NODE-08", Crash, Confirmed, NewPod, &[]),
    row("API-11", Api, ByHand, AtOnce, &["KIND_UNKNOWN"]),
    row("API-12", Api, ByHand, ByItself, &[]),
    row("API-14", Api, Confirmed, ByItself, &["WEBHOOK_UNREACHABLE"]),
    row("API-15", Api, ByHand, AtOnce, &["NAMESPACE_TERMINATING"]),
    row("CFG-01", Object, ByHand, ByItself, &["SECRET_KEY_MISSING", "CONFIG_MAP_KEY_MISSING"]),
    row("CFG-02", Object, ByHand, ByItself, &["SECRET_MISSING", "CONFIG_MAP_MISSING"]),
    row("CFG-03", Create, ByHand, NewPod, &[]),
    row("CFG-04", Create, ByHand, NewPod, &["CONTAINER_COMMAND", "CONTAINER_START"]),
    row("CFG-05", Object, Confirmed, ByItself, &[]),
    row(
        "CFG-06",
        Object,
        ByHand,
        ByItself,
        &["POD_ACCOUNT_MISSING", "QUOTA_EXCEEDED", "POD_SECURITY", "PODS_REFUSED"],
    ),
    row("CFG-07", Create, ByHand, NewPod, &[]),
    row("CFG-08", Rollout, ByHand, ByItself, &[]),
    row("SCH-01", Scheduling, ByHand, ByItself, &["NODE_RESOURCES"]),
    row("SCH-02", Scheduling, ByHand, ByItself, &[]),
    row("SCH-03", Scheduling, ByHand, ByItself, &[]),
    row("SCH-04", Scheduling, ByHand, ByItself, &["NODE_TAINT"]),
    row("SCH-05", Scheduling, Confirmed, ByItself, &["NODE_SELECTOR"]),
    row("SCH-06", Scheduling, ByHand, ByItself, &["HOST_PORT_TAKEN"]),
    row("SCH-07", Object, ByHand, ByItself, &["CLAIM_MISSING"]),
    row("SCH-08", Scheduling, ByHand, NewPod, &[]),
    row("SCH-10", Scheduling, ByHand, ByItself, &["SCHEDULER_UNKNOWN"]),
    row("PULL-01", Object, Automatic, ByItself, &["PULL_SECRET_MISSING"]),
    row(
        "PULL-02",
        Object,
        Automatic,
        ByItself,
        &["PULL_TOKEN_EXPIRED", "PULL_CREDENTIALS_REFUSED", "PULL_CREDENTIALS_MISSING"],
    ),
    row("PULL-03", Object, ByHand, ByItself, &[]),
    row("PULL-04", Object, ByHand, ByItself, &[]),
    row("PULL-05", Pull, ByHand, ByItself, &[]),
    row("PULL-06", Pull, ByHand, ByItself, &["IMAGE_MISSING"]),
    row("PULL-07", Pull, ByHand, NewPod, &["IMAGE_PLATFORM"]),
    row("PULL-08", Pull, ByHand, ByItself, &["REGISTRY_UNREACHABLE"]),
    row("PULL-09", Pull, Confirmed, ByItself, &["REGISTRY_PLAIN_HTTP"]),
    row("PULL-10", Pull, Confirmed, ByItself, &["REGISTRY_CERTIFICATE"]),
    row("PULL-11", Pull, Automatic, ByItself, &[]),
    row("PULL-12", Pull, ByHand, NewPod, &[]),
    row("PULL-13", Pull, Confirmed, NewPod, &[]),
    row("PULL-14", Pull, ByHand, NewPod, &["IMAGE_NAME_INVALID"]),
    row("PULL-15", Pull, Automatic, ByItself, &["IMAGE_NOT_ON_NODE"]),
    row("PULL-16", Pull, ByHand, ByItself, &["RATE_LIMITED"]),
    row("PULL-17", Pull, ByHand, ByItself, &[]),
    row("PULL-18", Object, Automatic, ByItself, &[]),
    row("PULL-19", Object, Automatic, ByItself, &["PULL_SECRET_UNUSABLE"]),
    row("PULL-20", Object, Confirmed, NewPod, &[]),
    row("PULL-21", Object, Confirmed, ByItself, &[]),
    row("PULL-22", Pull, ByHand, ByItself, &[]),
    row("CRASH-01", Crash, Confirmed, NewPod, &["OOM_KILLED"]),
    row("CRASH-02", Probe, ByHand, NewPod, &[]),
    row("CRASH-03", Crash, ByHand, NewPod, &["CONTAINER_ENDS"]),
    row("CRASH-05", Crash, ByHand, NewPod, &["EXEC_FORMAT"]),
    row("CRASH-06", Crash, ByHand, NewPod, &[]),
    row("CRASH-07", Crash, ByHand, NewPod, &[]),
    row("CRASH-08", Crash, ByHand, NewPod, &[]),
    row("CRASH-09", Crash, ByHand, NewPod, &[]),
    row("CRASH-10", Crash, ByHand, NewPod, &[]),
    row("CRASH-11", Crash, ByHand, ByItself, &["DEPENDENCY_UNREACHABLE"]),
    row("CRASH-12", Crash, ByHand, NewPod, &[]),
    row("CRASH-13", Crash, ByHand, ByItself, &[]),
    row("CRASH-14", Crash, ByHand, NewPod, &[]),
    row("CRASH-15", Crash, ByHand, ByItself, &["INIT_FAILED"]),
    row("PROBE-01", Probe, ByHand, NewPod, &["PROBE_KILLS"]),
    row("PROBE-02", Probe, ByHand, NewPod, &[]),
    row("PROBE-03", Probe, ByHand, NewPod, &[]),
    row("PROBE-04", Probe, ByHand, NewPod, &[]),
    row("PROBE-05", Probe, ByHand, NewPod, &[]),
    row("PROBE-06", Probe, ByHand, ByItself, &[]),
    row("PROBE-08", Probe, ByHand, ByItself, &["READINESS_GATE"]),
    row("PVC-01", Object, Confirmed, ByItself, &["STORAGE_CLASS_MISSING"]),
    row("PVC-02", Object, Confirmed, ByItself, &[]),
    row("PVC-04", Object, ByHand, ByItself, &["CLAIM_UNBOUND"]),
    row("PVC-05", Object, ByHand, ByItself, &["CLAIM_NOT_PROVISIONED"]),
    row("PVC-06", Object, ByHand, NewPod, &["CLAIM_LOST"]),
    row("PVC-07", Object, ByHand, NewPod, &["CLAIM_ENDING"]),
    row("PVC-08", Object, ByHand, ByItself, &[]),
    row("PVC-09", Object, Confirmed, NewPod, &[]),
    row("DNS-01", Node, ByHand, ByItself, &[]),
    row("SKEW-01", Crash, ByHand, NewPod, &[]),
    row("JOB-01", Rollout, ByHand, NewPod, &["JOB_FAILED"]),
    row("JOB-02", Rollout, ByHand, AtOnce, &["SCHEDULE_INVALID"]),
    row("SVC-01", Service, Confirmed, AtOnce, &["SERVICE_SELECTS_NOTHING"]),
    row("SVC-03", Service, Confirmed, AtOnce, &[]),
    row("SVC-04", Service, ByHand, ByItself, &[]),
    row("ING-01", Service, Confirmed, AtOnce, &["INGRESS_UNSERVED"]),
    row("ING-02", Service, ByHand, AtOnce, &["INGRESS_BACKEND_MISSING"]),
    row("HELM-01", Rollout, Confirmed, AtOnce, &["RELEASE_PENDING"]),
    row("HELM-08", Create, ByHand, NewPod, &[]),
    row("ARGO-01", Rollout, ByHand, ByItself, &["ARGO_APPLICATION_ERROR", "ARGO_SYNC_FAILED"]),
    row("ROLL-01", Rollout, ByHand, ByItself, &["ROLLOUT_DEADLINE"]),
];

/// Every rule there is, nearest to the machine first.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    host::table::RULES.iter().chain(RULES)
}

/// The rule of this id; [`UNKNOWN`] for one that is not in the tables.
#[must_use]
pub fn by_id(id: &str) -> &'static Rule {
    all().find(|rule| rule.id == id).unwrap_or(&UNKNOWN)
}

/// The rule of a cause: the one that it names, else that of its code.
#[must_use]
pub fn of(cause: &Cause) -> &'static Rule {
    if let Some(id) = cause.rule {
        return by_id(id);
    }
    let mut all = RULES.iter().chain(OTHERS);
    all.find(|rule| rule.codes.contains(&cause.code)).unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// How a rule stands in the table of `docs/doctor.md`, without what it means.
    fn documented(rule: &Rule) -> (String, String) {
        let repair = match rule.repair {
            Repair::Automatic => "mlup",
            Repair::Confirmed => "after consent",
            Repair::ByHand => "a person",
        };
        let recovery = match rule.recovery {
            Recovery::ByItself => "by itself",
            Recovery::NewPod => "new pods",
            Recovery::AtOnce => "at once",
        };
        (format!("| `{}` | ", rule.id), format!(" | {repair} | {recovery} |"))
    }

    #[test]
    fn the_page_on_the_doctor_has_each_rule_as_it_is() {
        let page = include_str!("../../docs/doctor.md");
        let rules = page.split_once("\n## Rules\n").unwrap().1;
        let rows: Vec<&str> = rules.lines().filter(|line| line.starts_with("| `")).collect();
        for rule in super::all() {
            let (begin, end) = documented(rule);
            let is_row = |row: &&str| row.starts_with(&begin) && row.ends_with(&end);
            let found = rows.iter().filter(|row| is_row(row)).count();
            assert_eq!(found, 1, "docs/doctor.md wants a row `{begin}WHAT IS WRONG{end}`");
        }
        for row in rows {
            let id = row.trim_start_matches("| `").split('`').next().unwrap();
            assert!(super::all().any(|rule| rule.id == id), "there is no rule {id}");
        }
    }

    #[test]
    fn each_rule_and_each_code_stands_once() {
        let mut ids = BTreeSet::new();
        let mut codes = BTreeSet::new();
        for rule in RULES.iter().chain(OTHERS) {
            assert!(ids.insert(rule.id) || rule.id == NONE, "{} twice", rule.id);
            for code in rule.codes {
                assert!(codes.insert(code), "{code} twice");
            }
        }
        assert_eq!(by_id("PULL-01").repair, Repair::Automatic);
        assert_eq!(by_id("none"), &UNKNOWN);
    }
}
