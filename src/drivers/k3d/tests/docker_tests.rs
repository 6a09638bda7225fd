//! The driver as a whole: k3d is scripted, the engine is the real one, and names are such that
//! nobody else has anything of them.

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{recorded, spec};
use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Insistence, Sighting};
use crate::drivers::k3d::K3d;
use crate::drivers::spec::Spec;
use crate::event::Safety;
use crate::host::labelled;
use crate::host::testing::engine::{clean_up, docker, unique};
use crate::host::testing::{Script, TestBench, missing, on};
use crate::policy::Class;
use crate::policy::escalate::Onset;

const LIST: &str = "k3d cluster list -o json";

/// A cluster's name, and a home whose kubeconfig leads to it or not.
struct World {
    spec: Spec,
    home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { spec: spec(&unique("k3d")), home: tempfile::tempdir().unwrap() }
    }

    fn name(&self) -> &str {
        &self.spec.name
    }

    fn driver(&self) -> K3d {
        K3d::new(self.spec.clone())
    }

    /// The recorded text with this cluster's name.
    fn named(&self, text: &str) -> String {
        text.replace("mlops-cluster", self.name())
    }

    /// A scripted answer in this cluster's name.
    fn on(&self, call: &str, recording: super::Recording) -> Script {
        let call = call.replace("NAME", self.name());
        let (stdout, stderr) = (self.named(recording.stdout), self.named(recording.stderr));
        on(&call, recording.exit(), &stdout, &stderr)
    }

    fn list(&self, change: impl FnOnce(&mut Value)) -> Script {
        let mut clusters: Value =
            serde_json::from_str(&self.named(recorded!("list-running").stdout)).unwrap();
        change(&mut clusters[0]);
        on(LIST, 0, &clusters.to_string(), "")
    }

    fn create(&self) -> String {
        format!(
            "k3d cluster create {} --servers 1 --agents 0 --api-port 127.0.0.1:random \
             --no-rollback --wait --timeout 585s --kubeconfig-update-default \
             --kubeconfig-switch-context=true",
            self.name()
        )
    }

    #[expect(clippy::disallowed_methods, reason = "a test prepares its own files")]
    fn write_kubeconfig(&self, port: &str) {
        let text = self.named(recorded!("kubeconfig-get").stdout).replace("16550", port);
        std::fs::create_dir_all(self.home.path().join(".kube")).unwrap();
        std::fs::write(self.home.path().join(".kube/config"), text).unwrap();
    }

    fn bench(&self, script: impl IntoIterator<Item = Script>) -> TestBench {
        self.bench_with(script, &[])
    }

    fn bench_with(
        &self,
        script: impl IntoIterator<Item = Script>,
        env: &[(&str, &str)],
    ) -> TestBench {
        let home = self.home.path().to_string_lossy();
        let mut all = vec![("HOME", &*home)];
        all.extend_from_slice(env);
        let mut test = TestBench::with_env(script, &all);
        test.bench.deadline = Instant::now() + Duration::from_secs(3600);
        test
    }

    /// Makes real objects as k3d leaves them.
    fn leave(&self, kind: &str) {
        let label = format!("k3d.cluster={}", self.name());
        match kind {
            "network" => {
                let name = format!("k3d-{}", self.name());
                docker(&["network", "create", "--label", "app=k3d", &name]);
            }
            "volume" => {
                let name = format!("{}-images", self.name());
                docker(&["volume", "create", "--label", &label, "--label", "app=k3d", &name]);
            }
            _ => container(&self.spec.name, &label),
        }
    }

    async fn is_there(&self, kind: &str) -> bool {
        let engine = &self.bench([]).bench.host.docker.clone();
        let label = format!("k3d.cluster={}", self.name());
        match kind {
            "network" => {
                labelled::network(engine, &format!("k3d-{}", self.name())).await.unwrap().is_some()
            }
            "volume" => !labelled::volumes_with(engine, &label).await.unwrap().is_empty(),
            _ => !labelled::containers_with(engine, &label).await.unwrap().is_empty(),
        }
    }
}

/// A container that never ran, of an image of its own name that holds nothing.
fn container(name: &str, label: &str) {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test prepares its own files")]
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\nCMD [\"/nothing\"]\n").unwrap();
    docker(&["build", "-q", "-t", name, &folder.path().to_string_lossy()]);
    docker(&["create", "--name", name, "--label", "app=k3d", "--label", label, name]);
}

impl Drop for World {
    fn drop(&mut self) {
        clean_up(&["rm", "-f", "-v", self.name()]);
        clean_up(&["image", "rm", self.name()]);
        clean_up(&["volume", "rm", &format!("{}-images", self.name())]);
        clean_up(&["network", "rm", &format!("k3d-{}", self.name())]);
    }
}

fn push_load_balancer(cluster: &mut Value, ports: &[&str]) {
    let mut mappings = json!({"6443": [{"HostIp": "127.0.0.1", "HostPort": "16550"}]});
    for port in ports {
        mappings[format!("{port}/tcp")] = json!([{"HostIp": "127.0.0.1", "HostPort": port}]);
    }
    cluster["nodes"].as_array_mut().unwrap().push(json!({
        "name": "serverlb", "role": "loadbalancer", "portMappings": mappings,
        "State": {"Running": true, "Status": "running"}}));
}

#[tokio::test]
async fn a_cluster_that_nothing_is_left_of_is_absent() {
    let world = World::new();
    let test = world.bench([world.on(LIST, recorded!("list-empty"))]);
    let sighting = world.driver().probe(&test.bench).await.unwrap();
    assert_eq!(sighting, Sighting::of(ClusterState::Absent));
    assert!(world.driver().doomed(&test.bench, Some(Purge::Profile)).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_an_engine_k3d_is_not_even_asked() {
    let world = World::new();
    let test = world.bench_with([], &[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
    let driver = world.driver();
    let failures = [
        driver.probe(&test.bench).await.unwrap_err(),
        driver.start(&test.bench, Insistence::Plain).await.unwrap_err(),
        driver.stop(&test.bench).await.unwrap_err(),
        driver.delete(&test.bench).await.unwrap_err(),
        driver.purge(&test.bench, Purge::All).await.unwrap_err(),
        driver.doomed(&test.bench, None).await.unwrap_err(),
    ];
    for failure in failures {
        assert_eq!((failure.code, failure.onset), ("DOCKER_UNREACHABLE", Some(Onset::Wait)));
    }
}

#[tokio::test]
async fn a_list_that_fails_is_unknown_and_not_absent() {
    let world = World::new();
    let test = world.bench([
        world.on(LIST, recorded!("docker-down")),
        on(LIST, 0, "K3S_TOKEN=EXAMPLETOKEN", ""),
    ]);
    let failure = world.driver().probe(&test.bench).await.unwrap_err();
    assert_eq!(failure.onset, Some(Onset::Wait));
    let failure = world.driver().probe(&test.bench).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_LIST_UNREADABLE");
    assert!(!format!("{failure:?}").contains("TOKEN"), "{failure:?}");
}

#[tokio::test]
async fn what_a_vanished_server_left_is_seen_on_the_engine() {
    let world = World::new();
    world.leave("network");
    world.leave("volume");
    let test = world.bench([world.on(LIST, recorded!("list-server-vanished"))]);
    let sighting = world.driver().probe(&test.bench).await.unwrap();
    let ClusterState::Broken { onset, why } = sighting.state else { panic!("{sighting:?}") };
    assert_eq!(onset, Onset::Corrupt);
    assert!(why.contains("volume `mlup-test-") && why.contains("network `k3d-"), "{why}");
    let doomed = world.driver().doomed(&test.bench, Some(Purge::Profile)).await.unwrap();
    let objects: Vec<_> = doomed.iter().map(ToString::to_string).collect();
    let name = world.name();
    assert_eq!(
        objects,
        [
            format!("remove cluster {name}"),
            format!("remove volume {name}-images"),
            format!("remove network k3d-{name}"),
            format!("remove kubeconfig context k3d-{name}"),
        ]
    );
}

#[tokio::test]
async fn a_running_cluster_is_running_where_the_kubeconfig_leads_to_it() {
    let world = World::new();
    let list = || world.on(LIST, recorded!("list-running"));
    let test = world.bench([list(), list(), list()]);
    let driver = world.driver();
    let state = driver.probe(&test.bench).await.unwrap().state;
    assert!(matches!(state, ClusterState::Misconfigured { .. }), "{state:?}");
    world.write_kubeconfig("6550");
    let state = driver.probe(&test.bench).await.unwrap().state;
    let ClusterState::Misconfigured { why } = state else { panic!("{state:?}") };
    assert!(why.contains("6550") && why.contains("16550"), "{why}");
    world.write_kubeconfig("16550");
    let sighting = driver.probe(&test.bench).await.unwrap();
    assert_eq!(sighting, Sighting::of(ClusterState::Running));
}

#[tokio::test]
async fn the_environment_cannot_change_what_is_asked_for() {
    let world = World::new();
    let env = [
        ("K3D_SERVERS", "5"),
        ("K3D_FIX_DNS", "0"),
        ("LOG_LEVEL", "debug"),
        ("KUBECONFIG", "/first/config:/second/config"),
    ];
    let test = world.bench_with([world.on(LIST, recorded!("list-empty"))], &env);
    world.driver().probe(&test.bench).await.unwrap();
    let seen = test.runner.seen()[0].full_env(&test.bench.host.env);
    assert!(!seen.contains_key("K3D_SERVERS") && !seen.contains_key("LOG_LEVEL"), "{seen:?}");
    assert_eq!(seen["K3D_FIX_DNS"], "0");
    assert_eq!(seen["LOG_COLORS"], "false");
    assert_eq!(seen["KUBECONFIG"], "/first/config");
}

#[tokio::test]
async fn an_absent_cluster_is_created_and_looked_at() {
    let world = World::new();
    world.write_kubeconfig("16550");
    let test = world.bench([
        world.on(LIST, recorded!("list-empty")),
        world.on(&world.create(), recorded!("create-ok")),
        world.on(LIST, recorded!("list-running")),
    ]);
    world.driver().start(&test.bench, Insistence::Force).await.unwrap();
    assert!(test.doings().contains(&"k3d: Starting servers...".to_owned()), "{:?}", test.doings());
}

#[tokio::test]
async fn a_kubeconfig_that_a_creation_did_not_write_is_written() {
    let world = World::new();
    let merge = format!(
        "k3d kubeconfig merge {} --kubeconfig-merge-default --kubeconfig-switch-context=true",
        world.name()
    );
    let test = world.bench([
        world.on(LIST, recorded!("list-empty")),
        world.on(&world.create(), recorded!("create-ok")),
        world.on(LIST, recorded!("list-running")),
        on(&merge, 0, "/nowhere", ""),
    ]);
    let failure = world.driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_KUBECONFIG_MISSING");
}

#[tokio::test]
async fn a_failed_creation_names_the_owner_of_the_port_and_deletes_nothing_where_nothing_is_left() {
    let mut world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    world.spec.ports = vec![port];
    let create = world.create().replace(
        " --no-rollback",
        &format!(" --port 127.0.0.1:{port}:{port}@loadbalancer --no-rollback"),
    );
    let test = world.bench([
        world.on(LIST, recorded!("list-empty")),
        world.on(&create, recorded!("create-port-taken")),
    ]);
    let failure = world.driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!((failure.class, failure.code, failure.onset), (Class::Refused, "PORT_TAKEN", None));
    let owner = failure.evidence.iter().find(|line| line.source == format!("port {port}"));
    assert!(owner.unwrap().text.contains(&std::process::id().to_string()), "{failure:?}");
}

#[tokio::test]
async fn what_was_there_before_a_failed_creation_is_not_deleted() {
    let world = World::new();
    world.leave("container");
    let test = world.bench([
        world.on(LIST, recorded!("list-empty")),
        world.on(&world.create(), recorded!("create-agent-never-registers")),
    ]);
    let failure = world.driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_NODE_CRASHES", Some(Onset::Transient)));
    assert!(world.is_there("container").await);
}

#[tokio::test]
async fn a_cluster_that_appeared_meanwhile_is_started() {
    let world = World::new();
    world.write_kubeconfig("16550");
    let test = world.bench([
        world.on(LIST, recorded!("list-empty")),
        world.on(&world.create(), recorded!("create-exists")),
        world.on(LIST, recorded!("list-stopped")),
        world.on("k3d cluster start NAME --wait --timeout 285s", recorded!("start")),
        world.on(LIST, recorded!("list-running")),
    ]);
    world.driver().start(&test.bench, Insistence::Plain).await.unwrap();
}

#[tokio::test]
async fn a_cluster_without_a_server_is_corrupt_and_not_started() {
    let world = World::new();
    let test = world.bench([world.list(|cluster| cluster["nodes"][0]["role"] = "agent".into())]);
    let failure = world.driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_CORRUPT", Some(Onset::Corrupt)));
}

#[tokio::test]
async fn a_start_that_exits_0_and_started_nothing_is_a_failure() {
    let world = World::new();
    let start = "k3d cluster start NAME --wait --timeout 285s";
    let test = world.bench([
        world.on(LIST, recorded!("list-stopped")),
        world.on(start, recorded!("start")),
        world.on(LIST, recorded!("list-stopped")),
        world.on(LIST, recorded!("list-stopped")),
        world.on(start, recorded!("start-server-vanished")),
    ]);
    let failure = world.driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_NOT_RUNNING", Some(Onset::Unresponsive)));
    assert!(failure.summary.contains("is exited"), "{}", failure.summary);
    let failure = world.driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_CORRUPT", Some(Onset::Corrupt)));
}

#[tokio::test]
async fn a_delete_that_exits_0_and_left_something_is_a_failure() {
    let world = World::new();
    world.leave("volume");
    let delete = "k3d cluster delete NAME";
    let test = world.bench([world.on(delete, recorded!("delete-absent"))]);
    let failure = world.driver().delete(&test.bench).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_LEFTOVERS", Some(Onset::Deep)));
    assert_eq!(failure.fix.unwrap().safety, Safety::Destructive);
}

#[tokio::test]
async fn the_network_that_k3d_leaves_is_removed_with_the_cluster() {
    let world = World::new();
    world.leave("network");
    let test = world.bench([world.on("k3d cluster delete NAME", recorded!("delete"))]);
    world.driver().delete(&test.bench).await.unwrap();
    assert!(!world.is_there("network").await);
}

#[tokio::test]
async fn a_purge_removes_by_label_what_k3d_cannot_and_nothing_of_others() {
    let (world, other) = (World::new(), World::new());
    for kind in ["container", "network", "volume"] {
        world.leave(kind);
        other.leave(kind);
    }
    let test = world.bench([on(
        &format!("k3d cluster delete {}", world.name()),
        1,
        "",
        "level=fatal msg=\"failed to parse IP '' for container k3d-x\"",
    )]);
    // Everything of k3d was allowed, but then the other cluster would be lost.
    world.driver().purge(&test.bench, Purge::All).await.unwrap();
    assert_eq!(test.warnings(), ["CLUSTER_PURGE_LIMITED"]);
    for kind in ["container", "network", "volume"] {
        assert!(!world.is_there(kind).await, "{kind}");
        assert!(other.is_there(kind).await, "{kind}");
    }
}

#[tokio::test]
async fn a_cluster_that_does_not_run_is_stopped_already() {
    let world = World::new();
    world.leave("container");
    let test = world.bench([]);
    world.driver().stop(&test.bench).await.unwrap();
}

#[tokio::test]
async fn missing_ports_are_published_through_the_load_balancer() {
    let mut world = World::new();
    world.spec.ports = vec![30080, 30800];
    world.write_kubeconfig("16550");
    let before = world.list(|cluster| push_load_balancer(cluster, &["30080"]));
    let after = world.list(|cluster| push_load_balancer(cluster, &["30080", "30800"]));
    let edit =
        format!("k3d cluster edit {} --port-add 127.0.0.1:30800:30800@loadbalancer", world.name());
    let test = world.bench([before, on(&edit, 0, "", ""), after]);
    world.driver().amend(&test.bench, &Sighting::of(ClusterState::Running)).await.unwrap();
}

#[tokio::test]
async fn an_image_is_looked_for_on_every_node() {
    let world = World::new();
    let import = "k3d image import eval:latest --cluster NAME --mode direct".to_owned();
    let import = import.replace("NAME", world.name());
    let list = || world.on(LIST, recorded!("list-agent-restarting"));
    let images = |node: &str, text: &str| {
        let call = format!("docker exec k3d-{}-{node} crictl images -o json", world.name());
        on(&call, 0, text, "")
    };
    let there = r#"{"images":[{"repoTags":["docker.io/library/eval:latest"]}]}"#;
    let test = world.bench([
        on(&import, 0, "", ""),
        list(),
        images("server-0", there),
        images("agent-0", there),
        on(&import, 0, "", ""),
        list(),
        images("server-0", there),
        images("agent-0", r#"{"images":[]}"#),
        list(),
        images("server-0", there),
        images("agent-0", r#"{"images":[]}"#),
    ]);
    let driver = world.driver();
    driver.load_image(&test.bench, "docker.io/library/eval").await.unwrap();
    let failure = driver.load_image(&test.bench, "eval").await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_IMAGE_NOT_LOADED");
    assert!(failure.summary.contains("agent-0"), "{}", failure.summary);
    assert!(driver.list_images(&test.bench).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_image_that_is_not_on_this_machine_is_not_the_clusters_fault() {
    let world = World::new();
    let import = "k3d image import no-such-image:dev --cluster NAME --mode direct";
    let test = world.bench([world.on(import, recorded!("image-import-missing"))]);
    let failure = world.driver().load_image(&test.bench, "no-such-image:dev").await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "IMAGE_MISSING"));
    assert_eq!(failure.onset, None);
}

#[tokio::test]
async fn the_kubeconfig_and_the_address_are_the_tools_own() {
    let mut world = World::new();
    let test = world.bench([
        world.on("k3d kubeconfig get NAME", recorded!("kubeconfig-get")),
        world.on(LIST, recorded!("list-running")),
        world.on(LIST, recorded!("list-stopped")),
    ]);
    let kubeconfig = world.driver().kubeconfig(&test.bench).await.unwrap();
    assert!(kubeconfig.expose().contains("server: https://127.0.0.1:16550"));
    let address = world.driver().node_address(&test.bench).await.unwrap();
    assert_eq!(address, "172.28.0.2".parse::<IpAddr>().unwrap());
    let failure = world.driver().node_address(&test.bench).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_NOT_RUNNING");
    world.spec.ports = vec![30080];
    assert!(world.driver().node_address(&test.bench).await.unwrap().is_loopback());
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_before_anything_is_done() {
    let mut world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    world.spec.ports = vec![listener.local_addr().unwrap().port()];
    world.spec.addons = vec!["ingress".to_owned()];
    world.spec.memory = Some(1 << 50);
    world.spec.cpus = Some(4);
    world.spec.context = "mine".to_owned();
    let test = world.bench([on("k3d version", 0, "k3d version v5.3.0\nk3s version x\n", "")]);
    let found = world.driver().preflight(&test.bench).await;
    let codes: Vec<_> = found.iter().map(|failure| failure.code).collect();
    assert_eq!(
        codes,
        [
            "CLUSTER_FIELD_UNSUPPORTED",
            "CLUSTER_FIELD_UNSUPPORTED",
            "CLUSTER_TOOL_TOO_OLD",
            "CLUSTER_MEMORY_TOO_LARGE",
            "PORT_TAKEN",
        ]
    );
    assert!(found.iter().all(|failure| failure.fix.is_some()));
    assert_eq!(test.warnings(), ["CLUSTER_FIELD_IGNORED"]);
}

#[tokio::test]
async fn a_tool_that_is_not_there_comes_with_how_to_install_it() {
    let world = World::new();
    let test = world.bench([
        missing("k3d version"),
        world.on("k3d version", recorded!("version")),
        on("k3d version", 0, "something else\n", ""),
    ]);
    let found = world.driver().preflight(&test.bench).await;
    assert_eq!((found.len(), found[0].code), (1, "TOOL_MISSING"));
    assert!(found[0].fix.as_ref().unwrap().command.contains("k3d.io"));
    assert!(world.driver().preflight(&test.bench).await.is_empty());
    assert_eq!(world.driver().preflight(&test.bench).await[0].code, "CLUSTER_TOOL_UNKNOWN");
}
