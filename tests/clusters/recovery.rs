//! Clusters that break, and what brings them back: minikube and k3d on the real engine, going wrong
//! on schedule.

use std::fs;

use crate::clusters::{rungs, warnings};
use crate::support::cluster::{ClusterSite, RECOVER, answers, inspect, minikube_fails};
use crate::support::script::{Fate, Fault, Relief};
use crate::support::stack::docker;
use crate::support::{IMAGE, require_docker};

/// The node's container is removed while it is set up, this often.
fn vanishes(times: usize) -> Fault {
    Fault {
        vanish_after_ms: Some(1),
        takes_ms: Some(900),
        calls: (1..=times).collect(),
        ..Fault::default()
    }
}

/// Fails until nothing is left of the cluster and the start is forced.
fn until_purged_and_forced() -> Fault {
    let fails = minikube_fails("GUEST_START", 80, "failed to start node: wait 6m0s for node");
    let until = vec![Relief::Purged, Relief::Forced];
    Fault { until, works_first: true, node: Fate::Stops, ..fails }
}

fn is_up(site: &ClusterSite) -> bool {
    inspect(&site.node(), "{{.State.Status}}").as_deref() == Some("running")
}

/// A service on the cluster's network, and one with data that is not on it.
const COMPOSE: &str = "\
services:
  scheduler:
    image: IMAGE
    command: [sh, -c, 'trap exit TERM; while :; do sleep 0.1; done']
    networks: [default, cluster]
  db:
    image: IMAGE
    command: [sh, -c, 'trap exit TERM; while :; do sleep 0.1; done']
    volumes: [\"data:/data\"]
volumes: {data: {}}
networks: {cluster: {name: NAME, external: true}}
";

const WITH_COMPOSE: &str = "\
[[network]]
name = \"NAME\"
owner = \"cluster\"
[[deploy]]
name = \"stack\"
compose = \"compose.yml\"
";

fn with_compose() -> ClusterSite {
    ClusterSite::minikube(&format!("{RECOVER}{WITH_COMPOSE}")).file("compose.yml", COMPOSE)
}

fn service(site: &ClusterSite, service: &str) -> String {
    format!("{}-{service}-1", site.name())
}

/// The identifier of the network that a service is on, and of the one that is there.
fn networks(site: &ClusterSite, service_name: &str) -> (String, String) {
    let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").NetworkID}}}}", site.name());
    let held = inspect(&service(site, service_name), &format).unwrap_or_default();
    let there =
        docker(&["network", "inspect", "--format", "{{.Id}}", site.name()]).unwrap_or_default();
    (held, there.trim().to_owned())
}

/// The address of a container on the cluster's network.
fn address_of(site: &ClusterSite, container: &str) -> Option<String> {
    let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", site.name());
    inspect(container, &format)
}

#[test]
fn vanishes_10_s_in_twice_then_works() {
    require_docker!();
    let site = ClusterSite::minikube(RECOVER).fault("start", vanishes(2));
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(site.changes(), ["start", "start", "delete", "start"], "{}", ran.report());
    assert_eq!(rungs(&ran), ["recreate"]);
    assert!(is_up(&site));
    assert!(
        site.kubeconfig().contains(&format!("current-context: {}", site.name())),
        "{}",
        site.kubeconfig()
    );
    site.sandbox.run(&["status"]).exits(0);
}

#[test]
fn works_only_after_purge_and_force() {
    require_docker!();
    let rubbish = Fault { leaves_rubbish: true, ..Fault::default() };
    let site = ClusterSite::minikube(RECOVER)
        .fault("start", until_purged_and_forced())
        .fault("delete", rubbish);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(rungs(&ran).last().map(String::as_str), Some("purge"), "{}", ran.report());
    let starts: Vec<_> =
        site.sandbox.calls("minikube").into_iter().filter(|call| call.argv[0] == "start").collect();
    assert!(starts.last().unwrap().argv.contains(&"--force".to_owned()));
    assert!(
        site.sandbox.calls("minikube").iter().all(|call| !call.argv.contains(&"--all".to_owned()))
    );
    assert!(is_up(&site));
}

#[test]
fn a_purge_is_not_taken_where_the_configuration_rules_it_out() {
    require_docker!();
    let never = "recover = { attempts = 6, backoff = \"1ms..2ms\", purge = \"never\" }\n";
    let site = ClusterSite::minikube(never).fault("start", until_purged_and_forced());
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(1);
    assert!(!site.changes().contains(&"delete".to_owned()), "{}", ran.report());
    assert!(ran.stdout.contains("mlup start --recreate"), "{}", ran.report());
}

#[test]
fn profile_config_unreadable() {
    require_docker!();
    let site = ClusterSite::minikube(RECOVER);
    site.made_by_hand();
    let config = site.home().join(".minikube/profiles").join(site.name()).join("config.json");
    fs::write(config, "{\"Name\": \"").unwrap();
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(rungs(&ran), ["recreate"], "{}", ran.report());
    assert_eq!(site.changes().last().map(String::as_str), Some("start"));
    assert!(site.changes().contains(&"delete".to_owned()));
    assert!(is_up(&site));
    assert_eq!(site.kubeconfig().matches("server: ").count(), 1, "{}", site.kubeconfig());
}

#[test]
fn status_prints_null_with_exit_0() {
    require_docker!();
    let null = Fault { calls: vec![1, 2], ..answers("null", "", 0) };
    let site = ClusterSite::minikube(RECOVER)
        .script(|script| script.minikube = Some("v1.36.0".to_owned()));
    site.made_by_hand();
    docker(&["rm", "-f", site.name()]).unwrap();
    let site = site.fault("status", null);
    let volume = docker(&["volume", "inspect", "--format", "{{.CreatedAt}}", site.name()]);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(is_up(&site), "{}", ran.report());
    assert_eq!(site.changes(), ["start", "start"], "by hand, then by mlup; nothing is deleted");
    assert_eq!(docker(&["volume", "inspect", "--format", "{{.CreatedAt}}", site.name()]), volume);
}

#[test]
fn docker_restarts_during_start() {
    require_docker!();
    let gone = minikube_fails(
        "PROVIDER_DOCKER_NOT_RUNNING",
        63,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    );
    let gone = Fault { works_first: true, node: Fate::Stops, calls: vec![1], ..gone };
    let site = ClusterSite::minikube(RECOVER).fault("start", gone);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(site.changes(), ["start", "start"], "{}", ran.report());
    assert_eq!(rungs(&ran), Vec::<String>::new(), "waiting is no remedy");
    assert!(is_up(&site));
}

#[test]
fn compose_running_while_the_cluster_is_down_and_holding_the_nodes_address() {
    require_docker!();
    let site = with_compose();
    site.sandbox.run(&["start"]).exits(0);
    let address = address_of(&site, site.name()).unwrap();
    docker(&["stop", site.name()]).unwrap();
    // What `restart: always` after a reboot does: the service takes the first address that is free.
    let scheduler = service(&site, "scheduler");
    docker(&["network", "disconnect", "-f", site.name(), &scheduler]).unwrap();
    docker(&["network", "connect", site.name(), &scheduler]).unwrap();
    assert_eq!(address_of(&site, &scheduler).as_deref(), Some(&*address));
    let db = inspect(&service(&site, "db"), "{{.Id}} {{.State.StartedAt}}");
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(address_of(&site, site.name()), Some(address), "{}", ran.report());
    assert_eq!(site.changes(), ["start", "start"], "{}", ran.report());
    assert_eq!(inspect(&scheduler, "{{.State.Status}}").as_deref(), Some("running"));
    let (held, there) = networks(&site, "scheduler");
    assert_eq!(held, there);
    assert_eq!(
        inspect(&service(&site, "db"), "{{.Id}} {{.State.StartedAt}}"),
        db,
        "it is not on that network"
    );
}

#[test]
fn a_foreign_container_that_holds_the_nodes_address_is_named_and_left_alone() {
    require_docker!();
    let site = ClusterSite::minikube(RECOVER);
    site.made_by_hand();
    let address = address_of(&site, site.name()).unwrap();
    docker(&["stop", site.name()]).unwrap();
    let squatter = site.squatter(&address);
    let ran = site.sandbox.run(&["start"]).exits(7);
    for words in ["NODE_ADDRESS_HELD", &squatter, "docker network disconnect"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
    }
    assert_eq!(inspect(&squatter, "{{.State.Status}}").as_deref(), Some("running"));
    assert_eq!(site.changes(), ["start"], "by hand alone");
}

#[test]
fn another_users_minikube_profile_present() {
    require_docker!();
    for purge in ["profile", "all"] {
        let recover =
            format!("recover = {{ attempts = 6, backoff = \"1ms..2ms\", purge = \"{purge}\" }}\n");
        let rubbish = Fault { leaves_rubbish: true, ..Fault::default() };
        let site = ClusterSite::minikube(&recover)
            .fault("start", until_purged_and_forced())
            .fault("delete", rubbish);
        let other = format!("{}-other", site.name());
        let label = format!("name.minikube.sigs.k8s.io={other}");
        let labels = ["--label", "created_by.minikube.sigs.k8s.io=true", "--label", &label];
        let with = |args: &[&str], rest: &[&str]| {
            let all: Vec<&str> = args.iter().chain(&labels).chain(rest).copied().collect();
            docker(&all).unwrap()
        };
        with(&["network", "create"], &[&other]);
        with(&["volume", "create"], &[&other]);
        let volume = format!("{other}:/var");
        with(
            &["run", "-d", "--name", &other, "--net", &other, "-v", &volume],
            &[IMAGE, "sleep", "600"],
        );
        let folder = site.home().join(".minikube/profiles").join(&other);
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join("config.json"),
            format!("{{\"Name\": \"{other}\", \"Driver\": \"docker\"}}"),
        )
        .unwrap();
        let world = || {
            let inspect =
                |kind: &str, format: &str| docker(&[kind, "inspect", "--format", format, &other]);
            (
                inspect("container", "{{.Id}} {{.State.StartedAt}} {{.State.Status}}"),
                inspect("network", "{{.Id}} {{len .Containers}}"),
                inspect("volume", "{{.CreatedAt}}"),
                fs::read_to_string(folder.join("config.json")).ok(),
            )
        };
        let before = world();
        assert!(before.0.is_some() && before.1.is_some() && before.2.is_some());
        let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
        assert_eq!(world(), before, "purge = {purge}: {}", ran.report());
        let calls = site.sandbox.calls("minikube");
        assert!(
            calls.iter().all(|call| !call.argv.contains(&"--all".to_owned())),
            "purge = {purge}"
        );
        assert_eq!(rungs(&ran).last().map(String::as_str), Some("purge"));
        assert_eq!(
            warnings(&ran).contains(&"CLUSTER_PURGE_LIMITED".to_owned()),
            purge == "all",
            "{}",
            ran.report()
        );
    }
}

#[test]
fn k3d_creation_times_out() {
    require_docker!();
    let stderr = "time=\"2026-11-21T10:23:12Z\" level=error msg=\"Failed Cluster Start: Failed to start server: \
        Context deadline exceeded while waiting for log message 'k3s is up and running' of node k3d-x-server-0\"\n\
        time=\"2026-11-21T10:23:12Z\" level=fatal msg=\"Cluster creation FAILED, rollback deactivated.\"\n";
    let fault =
        Fault { calls: vec![1], works_first: true, node: Fate::Stops, ..answers("", stderr, 1) };
    let site = ClusterSite::k3d(RECOVER).fault("cluster create", fault);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(is_up(&site), "{}", ran.report());
    assert!(site.sandbox.calls("k3d").iter().all(|call| !call.argv.contains(&"--all".to_owned())));
    assert!(site.kubeconfig().contains(&format!("k3d-{}", site.name())), "{}", site.kubeconfig());
}

#[test]
fn k3d_whose_server_vanished_is_made_again() {
    require_docker!();
    let site = ClusterSite::k3d(&format!("agents = 1\n{RECOVER}"));
    site.sandbox.run(&["start"]).exits(0);
    docker(&["rm", "-f", &site.node()]).unwrap();
    site.sandbox.run(&["status"]).exits(8);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(is_up(&site), "{}", ran.report());
    assert!(
        site.changes().contains(&"cluster delete".to_owned()),
        "a start says that it worked, without a server"
    );
}

/// The incident that mlup exists for.
#[test]
fn the_vanishing_node() {
    require_docker!();
    let mut site = with_compose();
    site.sandbox.run(&["start"]).exits(0);
    let db = service(&site, "db");
    docker(&["exec", &db, "sh", "-c", "echo precious > /data/file"]).unwrap();
    let volumes = site.guard.list("volume");
    let (before, _) = networks(&site, "scheduler");
    docker(&["rm", "-f", site.name()]).unwrap();
    site.sandbox.run(&["status"]).exits(8);
    // The start by hand was the first.
    let calls = vec![2, 3];
    site.rescript(|script| {
        script.faults.push(Fault { command: "start".to_owned(), calls, ..vanishes(0) });
    });
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(is_up(&site), "{}", ran.report());
    assert_eq!(rungs(&ran), ["recreate"], "{}", ran.report());
    let (held, there) = networks(&site, "scheduler");
    assert_eq!(held, there, "the services are on the network that is there now");
    assert_ne!(there, before, "it is another one");
    assert_eq!(
        inspect(&service(&site, "scheduler"), "{{.State.Status}}").as_deref(),
        Some("running")
    );
    assert_eq!(docker(&["exec", &db, "cat", "/data/file"]).as_deref(), Some("precious\n"));
    for volume in volumes {
        assert!(site.guard.list("volume").contains(&volume), "{volume} is lost");
    }
    site.sandbox.run(&["status"]).exits(0);
}

#[test]
fn a_node_that_vanishes_after_it_was_ready_is_brought_back_in_the_same_run() {
    require_docker!();
    let slow = "services:\n  a:\n    image: IMAGE\n    command: [sleep, '600']\n    stop_signal: SIGKILL\n    \
        healthcheck: {test: [CMD, test, -e, /ready], interval: 200ms}\n    networks: [cluster]\n\
        networks: {cluster: {name: NAME, external: true}}\n";
    let later = Fault { vanish_after_ms: Some(2500), calls: vec![1], ..Fault::default() };
    let site = ClusterSite::minikube(&format!("{RECOVER}{WITH_COMPOSE}"))
        .file("compose.yml", slow)
        .fault("start", later);
    let mut running = site.sandbox.spawn(&["start", "--progress", "json"]);
    let is_cluster_ready = |event: &mlup::event::Event| matches!(&event.kind, mlup::event::EventKind::StepState(state) if state.step == "cluster" && state.to.is_end());
    running.wait_event(is_cluster_ready);
    // Until the node is gone, the deploy waits for the service to turn healthy.
    docker(&["wait", site.name()]);
    let container = service(&site, "a");
    while docker(&["exec", &container, "touch", "/ready"]).is_none() {
        std::thread::yield_now();
    }
    running.wait_event(is_cluster_ready);
    while docker(&["exec", &container, "touch", "/ready"]).is_none() {
        std::thread::yield_now();
    }
    let ran = running.wait().exits(0);
    assert!(warnings(&ran).contains(&"CLUSTER_LOST".to_owned()), "{}", ran.report());
    assert!(is_up(&site));
}
