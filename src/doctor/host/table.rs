//! The rules below Kubernetes as data, nearest to the machine first, and which code of a failed step
//! is which rule.

use crate::doctor::rule::{Layer, Recovery, Repair, Rule, row};
use Layer::{Access, Api, Docker, Machine, Object, Pull, Service, Tool};
use Recovery::{AtOnce, ByItself, NewPod};
use Repair::{Automatic, ByHand, Confirmed};

/// Every rule that a look at the machine can fire and a look at the cluster does not.
pub(in crate::doctor) static RULES: &[Rule] = &[
    row("DOC-04", Machine, Confirmed, AtOnce, &["DISK_FULL"]),
    row("DOC-12", Machine, Confirmed, AtOnce, &["CLOCK_WRONG"]),
    row("TOOL_MISSING", Machine, ByHand, AtOnce, &["TOOL_MISSING", "DOCKER_CLI_MISSING"]),
    row("DOC-13", Docker, ByHand, AtOnce, &["DAEMON_CONFIG_INVALID"]),
    row("DOC-02", Docker, ByHand, AtOnce, &["DOCKER_PERMISSION"]),
    row(
        "DOC-01",
        Docker,
        Confirmed,
        AtOnce,
        &["DOCKER_UNREACHABLE", "DOCKER_CONTEXT", "DOCKER_UNSUPPORTED_ENDPOINT"],
    ),
    row("DOC-07", Docker, ByHand, AtOnce, &["DOCKER_TOO_OLD", "DOCKER_API_MISMATCH"]),
    row(
        "CMP-05",
        Docker,
        ByHand,
        AtOnce,
        &["COMPOSE_MISSING", "COMPOSE_V1_ONLY", "COMPOSE_TOO_OLD", "COMPOSE_UNKNOWN"],
    ),
    row("DOC-03", Docker, ByHand, AtOnce, &["PORT_TAKEN"]),
    row("DOC-05", Docker, ByHand, AtOnce, &["SUBNET_OVERLAP"]),
    row("DOC-06", Docker, Confirmed, AtOnce, &["ADDRESS_POOLS_EXHAUSTED"]),
    row("DOC-08", Docker, ByHand, AtOnce, &["SERVICE_OOM"]),
    row("DOC-10", Docker, Confirmed, AtOnce, &["CREDENTIAL_HELPER_MISSING"]),
    row("CMP-01", Docker, Automatic, AtOnce, &["NETWORK_EXTERNAL_MISSING"]),
    row("CMP-02", Docker, Automatic, AtOnce, &["NETWORK_STALE"]),
    row("CMP-03", Docker, Confirmed, AtOnce, &["NETWORK_IN_USE"]),
    row("CMP-04", Docker, Confirmed, AtOnce, &["ADDRESS_TAKEN", "NODE_ADDRESS_HELD"]),
    row("CMP-06", Docker, ByHand, AtOnce, &["DEPENDENCY_FAILED", "HEALTHCHECK_MISSING"]),
    row("CMP-07", Docker, ByHand, AtOnce, &["ONE_SHOT_FAILED"]),
    row("CMP-08", Docker, ByHand, AtOnce, &["COMPOSE_FILE_MISSING"]),
    row("CMP-10", Docker, ByHand, AtOnce, &["VARIABLE_UNSET"]),
    row("CMP-11", Docker, ByHand, AtOnce, &[]),
    row("MK-01", Tool, Confirmed, AtOnce, &[]),
    row("MK-03", Tool, ByHand, AtOnce, &["CLUSTER_AS_ROOT"]),
    row(
        "MK-04",
        Tool,
        ByHand,
        AtOnce,
        &[
            "CLUSTER_MEMORY_TOO_LARGE",
            "CLUSTER_MEMORY_TOO_SMALL",
            "CLUSTER_CPUS_TOO_MANY",
            "CLUSTER_CPUS_TOO_FEW",
            "CLUSTER_RESOURCES_MISSING",
        ],
    ),
    row("MK-05", Tool, Confirmed, AtOnce, &[]),
    row("MK-06", Tool, Automatic, AtOnce, &[]),
    row("MK-07", Tool, Automatic, ByItself, &[]),
    row(
        "MK-08",
        Tool,
        Confirmed,
        AtOnce,
        &["CLUSTER_CONFIG_CORRUPT", "CLUSTER_CERTS_INVALID", "CLUSTER_CONTROL_PLANE_FAILED"],
    ),
    row("CLUSTER_BROKEN", Tool, Confirmed, AtOnce, &["CLUSTER_BROKEN", "CLUSTER_CORRUPT"]),
    row("MK-10", Tool, ByHand, AtOnce, &["CLUSTER_PROXY", "CLUSTER_DOWNLOAD_FAILED"]),
    row("MK-12", Tool, ByHand, AtOnce, &[]),
    row("K3D-04", Tool, Confirmed, ByItself, &[]),
    row("K3D-05", Tool, Confirmed, NewPod, &["CLUSTER_INOTIFY_LIMIT"]),
    row("K3D-08", Tool, Automatic, ByItself, &[]),
    row("K3S-01", Access, ByHand, AtOnce, &SSH),
    row("K3S-02", Access, ByHand, AtOnce, &["SUDO_PASSWORD_NEEDED"]),
    row("K3S-07", Access, Confirmed, AtOnce, &[]),
    row("K3S-13", Access, Confirmed, AtOnce, &[]),
    row("API-10", Access, ByHand, AtOnce, &["CONTEXT_MISSING", "KUBECONFIG_UNREADABLE"]),
    row("API-08", Access, ByHand, AtOnce, &[]),
    row("API-06", Access, ByHand, AtOnce, &["EXEC_PLUGIN_MISSING"]),
    row("API-07", Access, ByHand, AtOnce, &["EXEC_PLUGIN_FAILED"]),
    row("API-04", Access, ByHand, AtOnce, &["API_UNAUTHORIZED"]),
    row("API-09", Access, ByHand, AtOnce, &["API_CERTIFICATE_UNKNOWN", "API_CERTIFICATE_EXPIRED"]),
    row("API-02", Access, ByHand, AtOnce, &[]),
    row("API-03", Access, ByHand, AtOnce, &[]),
    row("API-01", Access, Automatic, AtOnce, &["API_UNREACHABLE", "CLUSTER_UNREACHABLE"]),
    row("API-05", Access, ByHand, AtOnce, &["API_FORBIDDEN"]),
    row("API-13", Access, ByHand, AtOnce, &[]),
    row("CLD-01", Access, ByHand, AtOnce, &CREDENTIALS),
    row("CLD-02", Access, ByHand, AtOnce, &["ECR_CREDENTIALS_EXPIRED"]),
    row("CLD-03", Access, ByHand, AtOnce, &["ECR_CREDENTIALS_REJECTED"]),
    row("CLD-04", Access, ByHand, AtOnce, &["ECR_ACCESS_DENIED"]),
    row("CLD-05", Access, Confirmed, AtOnce, &[]),
    row("CLD-07", Access, ByHand, AtOnce, &REGION),
    row("CLD-08", Access, ByHand, AtOnce, &[]),
    row("CLD-09", Access, ByHand, AtOnce, &[]),
    row("REG-02", Access, ByHand, AtOnce, &["REGISTRY_DENIED", "REGISTRY_CREDENTIALS_MISSING"]),
    row("REG-04", Access, Confirmed, AtOnce, &["CREDENTIAL_HELPER_FAILED"]),
    row("REG-06", Access, ByHand, AtOnce, &["REGISTRY_PASSWORD_EMPTY", "REGISTRY_EXEC_EMPTY"]),
    row("REG-07", Object, ByHand, AtOnce, &[]),
    row("REG-08", Access, ByHand, AtOnce, &[]),
    row("API-16", Api, ByHand, AtOnce, &[]),
    row("PULL-23", Pull, ByHand, NewPod, &[]),
    row("SVC-07", Service, Confirmed, AtOnce, &["NODE_PORT_TAKEN"]),
];

/// Credentials of AWS that are not to be had.
const CREDENTIALS: [&str; 3] =
    ["ECR_CREDENTIALS_MISSING", "ECR_CREDENTIALS_FAILED", "ECR_PROFILE_INVALID"];

/// A region of AWS that is not known.
const REGION: [&str; 3] = ["ECR_REGION_MISSING", "ECR_REGION_INVALID", "ECR_REGION_DIFFERS"];

/// What ssh says of a machine that it does not let in.
const SSH: [&str; 8] = [
    "SSH_DENIED",
    "SSH_TOO_MANY_KEYS",
    "SSH_AGENT_REFUSED",
    "SSH_KEY_UNUSABLE",
    "SSH_HOST_KEY_UNKNOWN",
    "SSH_HOST_KEY_CHANGED",
    "SSH_HOST_KEY_REVOKED",
    "SSH_CLOSED",
];

/// The rule of a failed step's code.
#[must_use]
pub(super) fn of_code(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_rule_and_each_code_stands_once() {
        let mut ids = BTreeSet::new();
        let mut codes = BTreeSet::new();
        for rule in RULES.iter().chain(crate::doctor::rule::RULES) {
            assert!(ids.insert(rule.id), "{} twice", rule.id);
            for code in rule.codes {
                assert!(codes.insert(code), "{code} twice");
            }
        }
    }
}
