//! Where a cluster stands, and what differs, from recorded lists.

use serde_json::{Value, json};

use super::{recorded, spec};
use crate::drivers::cluster::{ClusterState, Cure};
use crate::drivers::k3d::list::{self, Cluster};
use crate::drivers::k3d::remains::Remains;
use crate::drivers::k3d::sight::{Entry, drift, misleads, state};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::policy::escalate::Onset;

const NAME: &str = "mlops-cluster";

fn found(text: &str) -> Option<Cluster> {
    list::parse(text).unwrap().into_iter().find(|cluster| cluster.name == NAME)
}

/// The recorded running cluster, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Cluster {
    let mut clusters: Value = serde_json::from_str(recorded!("list-running").stdout).unwrap();
    change(&mut clusters[0]);
    found(&clusters.to_string()).unwrap()
}

fn of(cluster: Option<&Cluster>) -> ClusterState {
    state(NAME, cluster, &Remains::default())
}

fn node_state(status: &str) -> ClusterState {
    of(Some(&changed(|cluster| cluster["nodes"][0]["State"]["Status"] = status.into())))
}

fn broken(state: &ClusterState) -> (Onset, &str) {
    match state {
        ClusterState::Broken { onset, why } => (*onset, why),
        other => panic!("{other:?}"),
    }
}

fn load_balancer(status: &str) -> Value {
    json!({"name": "k3d-mlops-cluster-serverlb", "role": "loadbalancer", "image": "ghcr.io/k3d-io/k3d-proxy:5.9.0",
        "portMappings": {"6443": [{"HostIp": "127.0.0.1", "HostPort": "16550"}],
            "30080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "30080"}]},
        "State": {"Running": true, "Status": status}, "IP": {"IP": "172.28.0.3"}})
}

fn wanted() -> Spec {
    let mut spec = spec(NAME);
    spec.ports = vec![30080, 30443];
    spec.api_port = Some(16550);
    spec
}

#[test]
fn the_recorded_lists_give_their_states() {
    assert_eq!(of(found(recorded!("list-empty").stdout).as_ref()), ClusterState::Absent);
    assert_eq!(of(found(recorded!("list-running").stdout).as_ref()), ClusterState::Running);
    assert_eq!(
        of(found(recorded!("list-external-network").stdout).as_ref()),
        ClusterState::Running
    );
    assert_eq!(of(found(recorded!("list-stopped").stdout).as_ref()), ClusterState::Stopped);
    let restarting = of(found(recorded!("list-agent-restarting").stdout).as_ref());
    let (onset, why) = broken(&restarting);
    assert_eq!((onset, why), (Onset::Unresponsive, "`k3d-mlops-cluster-agent-0` is restarting"));
}

#[test]
fn a_half_made_cluster_is_not_a_stopped_one() {
    let clusters = list::parse(recorded!("list-after-port-taken").stdout).unwrap();
    let other = clusters.iter().find(|cluster| cluster.name == "other");
    let state = state("other", other, &Remains::default());
    assert_eq!(broken(&state), (Onset::Corrupt, "its creation was never finished"));
}

#[test]
fn a_cluster_that_is_not_listed_is_absent_only_if_nothing_is_left_of_it() {
    let listed = found(recorded!("list-server-vanished").stdout);
    assert_eq!(of(listed.as_ref()), ClusterState::Absent);
    let remains =
        Remains { volumes: vec!["k3d-mlops-cluster-images".to_owned()], ..Remains::default() };
    let state = state(NAME, listed.as_ref(), &remains);
    let (onset, why) = broken(&state);
    assert_eq!(onset, Onset::Corrupt);
    assert!(why.contains("volume `k3d-mlops-cluster-images`"), "{why}");
}

#[test]
fn a_cluster_of_agents_alone_is_corrupt() {
    let cluster = changed(|cluster| {
        cluster["nodes"][0]["role"] = "agent".into();
        cluster["nodes"][0]["name"] = "k3d-mlops-cluster-agent-0".into();
    });
    let state = of(Some(&cluster));
    let (onset, why) = broken(&state);
    assert_eq!(onset, Onset::Corrupt);
    assert!(why.contains("`k3d-mlops-cluster-server-0` is gone"), "{why}");
}

#[test]
fn other_states_of_the_server() {
    assert_eq!(node_state("paused"), ClusterState::Paused);
    assert_eq!(broken(&node_state("restarting")).0, Onset::Unresponsive);
    assert_eq!(broken(&node_state("removing")).0, Onset::Deep);
    assert_eq!(broken(&node_state("dead")).0, Onset::Deep);
}

#[test]
fn a_load_balancer_that_does_not_run_is_told() {
    let with = |status: &str| {
        of(Some(&changed(|cluster| {
            cluster["nodes"].as_array_mut().unwrap().push(load_balancer(status));
        })))
    };
    assert_eq!(with("running"), ClusterState::Running);
    let exited = with("exited");
    assert_eq!(broken(&exited), (Onset::Unresponsive, "`k3d-mlops-cluster-serverlb` is exited"));
}

#[test]
fn a_load_balancer_that_is_gone_is_not_made_again_by_a_start() {
    let label = "k3d.server.loadbalancer";
    let made_with = |cluster: &mut Value| {
        cluster["nodes"][0]["runtimeLabels"][label] = "k3d-mlops-cluster-serverlb".into();
    };
    let state = of(Some(&changed(made_with)));
    let why = "its load balancer `k3d-mlops-cluster-serverlb` is gone";
    assert_eq!(broken(&state), (Onset::Corrupt, why));
    let cluster = changed(|cluster| {
        made_with(cluster);
        cluster["nodes"].as_array_mut().unwrap().push(load_balancer("running"));
    });
    assert_eq!(of(Some(&cluster)), ClusterState::Running);
}

#[test]
fn the_kubeconfig_has_to_lead_to_the_published_port() {
    let cluster = found(recorded!("list-running").stdout).unwrap();
    let leads =
        |server: &str| misleads(&cluster, "k3d-mlops-cluster", &Entry::Server(server.to_owned()));
    assert_eq!(leads("https://127.0.0.1:16550"), None);
    assert_eq!(leads("https://host.docker.internal:16550/"), None);
    assert!(leads("https://127.0.0.1:6443").unwrap().contains("port 6443"));
    let missing = misleads(&cluster, "k3d-mlops-cluster", &Entry::Missing).unwrap();
    assert!(missing.contains("`k3d-mlops-cluster`"), "{missing}");
}

#[test]
fn the_recorded_cluster_is_as_it_was_asked_for() {
    let cluster = found(recorded!("list-running").stdout).unwrap();
    assert_eq!(drift(&wanted(), &cluster), []);
    // An image that is known by its digest says no version.
    let mut spec = wanted();
    spec.kubernetes_version = Some("v1.36.0".to_owned());
    assert_eq!(drift(&spec, &cluster), []);
    let mut joined = spec;
    joined.network =
        ClusterNetwork::Joined { name: "mlops-net".to_owned(), subnet: None, gateway: None };
    joined.ports = Vec::new();
    let external = found(recorded!("list-external-network").stdout).unwrap();
    assert_eq!(drift(&joined, &external), []);
}

#[test]
fn each_setting_that_differs_is_told() {
    let cluster = changed(|cluster| {
        cluster["nodes"][0]["image"] = "docker.io/rancher/k3s:v1.34.1-k3s1".into();
        cluster["nodes"][0]["Memory"] = "2.147GB".into();
    });
    let mut spec = wanted();
    spec.servers = 3;
    spec.agents = 1;
    spec.api_port = Some(6443);
    spec.ports = vec![30080, 30800];
    spec.kubernetes_version = Some("v1.35.5".to_owned());
    spec.memory = Some(4 * 1024 * 1024 * 1024);
    spec.network =
        ClusterNetwork::Joined { name: "mlops-net".to_owned(), subnet: None, gateway: None };
    let found = drift(&spec, &cluster);
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.what.as_str(), one.wanted.as_str(), one.found.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("network", "mlops-net", "k3d-mlops-cluster"),
            ("nodes", "3", "1"),
            ("agents", "1", "0"),
            ("api_port", "6443", "16550"),
            ("kubernetes_version", "v1.35.5", "v1.34.1-k3s1"),
            ("memory", "4096 MiB", "2.147GB"),
            ("ports", "30080, 30800", "30080, 30443"),
        ]
    );
    assert!(found.iter().all(|one| one.cure == Cure::Recreate));
}

#[test]
fn what_means_the_same_is_no_drift() {
    let cluster = changed(|cluster| {
        cluster["nodes"][0]["image"] = "docker.io/rancher/k3s:v1.34.1-k3s2".into();
        cluster["nodes"][0]["Memory"] = "2.147GB".into();
    });
    let mut spec = wanted();
    spec.kubernetes_version = Some("v1.34.1".to_owned());
    spec.memory = Some(2 * 1024 * 1024 * 1024);
    spec.ports = vec![30443];
    assert_eq!(drift(&spec, &cluster), []);
    spec.kubernetes_version = Some("v1.34.1+k3s2".to_owned());
    assert_eq!(drift(&spec, &cluster), []);
    spec.kubernetes_version = Some("v1.34.1+k3s1".to_owned());
    assert_eq!(drift(&spec, &cluster).len(), 1);
}

#[test]
fn only_a_load_balancer_can_publish_more_ports() {
    let mut spec = wanted();
    spec.ports.push(30800);
    let cures = |cluster: &Cluster| {
        drift(&spec, cluster).into_iter().map(|one| one.cure).collect::<Vec<_>>()
    };
    assert_eq!(cures(&found(recorded!("list-running").stdout).unwrap()), [Cure::Recreate]);
    let balanced = changed(|cluster| {
        cluster["nodes"].as_array_mut().unwrap().push(load_balancer("running"));
    });
    assert_eq!(cures(&balanced), [Cure::InPlace]);
}

#[test]
fn no_limit_of_memory_is_less_than_one() {
    let cluster = found(recorded!("list-running").stdout).unwrap();
    let mut spec = wanted();
    spec.memory = Some(1024 * 1024 * 1024);
    assert_eq!(drift(&spec, &cluster)[0].found, "no limit");
}

#[test]
fn the_token_is_nowhere_in_what_is_kept() {
    let text = recorded!("list-running").stdout;
    assert!(text.contains("EXAMPLETOKEN"));
    let kept = format!("{:?}", list::parse(text).unwrap());
    assert!(!kept.contains("EXAMPLETOKEN"), "{kept}");
}

#[test]
fn other_text_is_no_list_and_is_not_repeated() {
    let why = list::parse("K3S_TOKEN=EXAMPLETOKEN").unwrap_err();
    assert!(!why.contains("TOKEN"), "{why}");
    let why = list::parse("[{\"name\": 1, \"token\": \"EXAMPLETOKEN\"}]").unwrap_err();
    assert_eq!(why, "line 1, column 11: a field is not what it should be");
    assert_eq!(list::parse("null").unwrap(), []);
}
