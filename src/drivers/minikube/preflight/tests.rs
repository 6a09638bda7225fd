//! Findings as data, and the whole preflight on a scripted minikube.

use super::*;
use crate::drivers::minikube::tests::{driver, spec};
use crate::host::testing::engine::unique;
use crate::host::testing::{Script, TestBench, missing, on};

const CALL: &str = "minikube version -o json";

fn facts(gibibytes: u64, cpus: u32) -> EngineFacts {
    EngineFacts {
        memory: gibibytes << 30,
        cpus,
        operating_system: String::new(),
        architecture: String::new(),
        version: String::new(),
    }
}

fn codes(findings: &[Failure]) -> Vec<(Class, &'static str)> {
    findings.iter().map(|failure| (failure.class, failure.code)).collect()
}

async fn tool_says(script: Script) -> Result<(), Failure> {
    let bed = TestBench::new([script]);
    tool(&driver(spec("dev")), &bed.bench).await
}

#[test]
fn memory_and_cpus_are_checked_against_both_ends() {
    let of = |memory: u64, cpus| {
        let spec = Spec { memory: Some(memory * MIB), cpus: Some(cpus), ..spec("dev") };
        codes(&resources(&spec, Some(&facts(8, 4))))
    };
    assert!(of(1800, 2).is_empty() && of(8192, 4).is_empty());
    let small = (Class::Config, "CLUSTER_MEMORY_TOO_SMALL");
    assert_eq!(of(1799, 1), [small, (Class::Config, "CLUSTER_CPUS_TOO_FEW")]);
    let large = (Class::Prerequisite, "CLUSTER_MEMORY_TOO_LARGE");
    assert_eq!(of(8193, 5), [large, (Class::Prerequisite, "CLUSTER_CPUS_TOO_MANY")]);
}

#[test]
fn an_engine_that_does_not_say_what_it_has_is_no_finding() {
    let spec = Spec { memory: Some(1 << 40), cpus: Some(64), ..spec("dev") };
    assert!(resources(&spec, Some(&facts(0, 0))).is_empty());
    assert!(resources(&spec, None).is_empty());
}

#[test]
fn names_that_minikube_refuses_are_refused_before() {
    let of = |name: &str| codes(&names(&spec(name)));
    assert_eq!(of("addons"), [(Class::Config, "CLUSTER_NAME_RESERVED")]);
    for name in ["d", "-dev", "a/b", "..", "a b"] {
        assert_eq!(of(name), [(Class::Config, "CLUSTER_NAME_INVALID")], "{name}");
    }
    assert!(of("minikube").is_empty() && of("ml-dev.2").is_empty());
}

#[tokio::test]
async fn a_missing_tool_says_how_to_get_it() {
    let failure = tool_says(missing(CALL)).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "TOOL_MISSING"));
    assert_eq!(failure.fix.unwrap().command, INSTALL);
}

#[tokio::test]
async fn versions_from_the_oldest_on_are_taken() {
    for stdout in [
        include_str!("../../../../tests/corpus/minikube/1.34/version.json"),
        include_str!("../../../../tests/corpus/minikube/1.35/version.json"),
        include_str!("../../../../tests/corpus/minikube/1.38/version.json"),
        r#"{"minikubeVersion":"v1.31.0"}"#,
    ] {
        tool_says(on(CALL, 0, stdout, "")).await.unwrap();
    }
    let old = tool_says(on(CALL, 0, r#"{"minikubeVersion":"v1.30.1"}"#, "")).await.unwrap_err();
    assert_eq!((old.class, old.code), (Class::Prerequisite, "CLUSTER_TOOL_TOO_OLD"));
    assert!(old.summary.contains("1.30") && old.summary.contains("1.31"), "{}", old.summary);
    let odd = tool_says(on(CALL, 0, "kubectl", "")).await.unwrap_err();
    assert_eq!((odd.class, odd.code), (Class::Prerequisite, "CLUSTER_TOOL_UNKNOWN"));
}

#[test]
fn a_network_that_minikube_would_leave_out_is_found_before() {
    let joined = |subnet: Option<&str>, gateway: Option<&str>| ClusterNetwork::Joined {
        name: "mlnet".to_owned(),
        subnet: subnet.map(str::to_owned),
        gateway: gateway.map(str::to_owned),
    };
    let found = |pools: &[(Option<&str>, Option<&str>)]| NamedNetwork {
        id: "n1".to_owned(),
        name: "mlnet".to_owned(),
        labels: std::collections::BTreeMap::new(),
        pools: pools.iter().map(|(s, g)| (s.map(str::to_owned), g.map(str::to_owned))).collect(),
        containers: Vec::new(),
    };
    let full = (Some("10.1.0.0/24"), Some("10.1.0.1"));
    let any = joined(None, None);
    assert!(unfit(&any, Some(&found(&[full]))).is_none());
    assert!(unfit(&any, None).is_none());
    assert!(unfit(&joined(Some("10.1.0.0/24"), Some("10.1.0.1")), None).is_none());
    for (wanted, found, why) in [
        (&any, Some(found(&[(full.0, None)])), "has no gateway"),
        (&any, Some(found(&[])), "no subnet"),
        (&any, Some(found(&[full, (Some("fd00::/64"), None)])), "more than one"),
        (&joined(Some("10.1.0.0/24"), None), None, "without a gateway"),
    ] {
        let failure = unfit(wanted, found.as_ref()).unwrap();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "CLUSTER_NETWORK_UNFIT"));
        assert!(failure.summary.contains(why), "{}", failure.summary);
    }
    assert!(unfit(&ClusterNetwork::Own("dev".to_owned()), Some(&found(&[]))).is_none());
}

#[tokio::test]
async fn all_findings_come_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bed = TestBench::new([missing(CALL)]);
    let wanted = Spec {
        memory: Some(1 << 20),
        cpus: Some(1),
        ports: vec![port],
        api_port: Some(6443),
        ..spec(&unique("mk"))
    };
    let findings = run(&driver(wanted), &bed.bench).await;
    let codes: Vec<&str> = findings.iter().map(|failure| failure.code).collect();
    assert_eq!(
        codes,
        ["TOOL_MISSING", "CLUSTER_MEMORY_TOO_SMALL", "CLUSTER_CPUS_TOO_FEW", "PORT_TAKEN"]
    );
    assert!(findings[3].summary.contains(&port.to_string()), "{}", findings[3].summary);
    assert_eq!(bed.warnings(), ["CLUSTER_API_PORT_IGNORED"]);
}
