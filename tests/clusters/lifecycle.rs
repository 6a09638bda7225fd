//! Clusters that behave: a second start, drift, stop, reset and purge, contexts, the kubeconfig
//! file, and what the environment cannot change.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::clusters::{rungs, warnings};
use crate::commands::changed;
use crate::support::cluster::{ClusterSite, RECOVER, inspect};
use crate::support::require_docker;
use crate::support::stack::docker;

const COMPOSE: &str = "services:\n  a:\n    image: IMAGE\n    command: [sleep, '600']\n    stop_signal: SIGKILL\n    \
    networks: [cluster]\nnetworks: {cluster: {name: NETWORK, external: true}}\n";

fn with_compose(network: &str) -> String {
    format!(
        "{RECOVER}[[network]]\nname = \"{network}\"\nowner = \"cluster\"\n\
         [[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n"
    )
}

/// The commands that look, which a start of what is up may call.
const PROBES: [&str; 5] = ["status", "profile list", "version", "cluster list", "kubeconfig get"];

fn only_probes(site: &ClusterSite, tool: &str, from: usize) {
    for call in &site.sandbox.calls(tool)[from..] {
        let command = call.command.clone().unwrap_or_default();
        assert!(PROBES.contains(&command.as_str()), "{}", call.line());
    }
}

#[test]
fn a_warm_start_changes_nothing_and_calls_no_tool_beyond_probes() {
    require_docker!();
    for (tool, site) in [("minikube", ClusterSite::minikube("")), ("k3d", ClusterSite::k3d(""))] {
        let network = if tool == "k3d" { "k3d-NAME" } else { "NAME" };
        site.config(&with_compose(network));
        let site = site.file("compose.yml", &COMPOSE.replace("NETWORK", network));
        site.sandbox.run(&["start"]).exits(0);
        let facts = "{{.Id}} {{.State.StartedAt}}";
        let before =
            [site.node(), format!("{}-a-1", site.name())].map(|name| inspect(&name, facts));
        let kubeconfig = site.kubeconfig();
        let calls = site.sandbox.calls(tool).len();
        let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
        assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
        let after = [site.node(), format!("{}-a-1", site.name())].map(|name| inspect(&name, facts));
        assert_eq!((before, kubeconfig), (after, site.kubeconfig()));
        only_probes(&site, tool, calls);
    }
}

#[test]
fn drift_is_told_and_left_until_recreate_is_asked_for() {
    require_docker!();
    let site = ClusterSite::minikube("memory = \"2048MiB\"\n");
    site.sandbox.run(&["start"]).exits(0);
    let id = inspect(site.name(), "{{.Id}}");
    site.config("memory = \"3072MiB\"\n");
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(warnings(&ran).contains(&"CLUSTER_DRIFT".to_owned()), "{}", ran.report());
    assert_eq!(inspect(site.name(), "{{.Id}}"), id);
    let plan = site.sandbox.run(&["plan", "--recreate"]).exits(0);
    assert!(plan.stdout.contains("memory"), "{}", plan.report());
    let ran = site.sandbox.run(&["start", "--recreate", "--progress", "json"]).exits(0);
    assert_ne!(inspect(site.name(), "{{.Id}}"), id, "{}", ran.report());
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(!warnings(&ran).contains(&"CLUSTER_DRIFT".to_owned()), "{}", ran.report());
}

#[test]
fn a_port_added_later_reaches_a_k3d_cluster_in_place() {
    require_docker!();
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (first, second) = (free(), free());
    let site = ClusterSite::k3d(&format!("ports = [{first}]\n"));
    site.sandbox.run(&["start"]).exits(0);
    let id = inspect(&site.node(), "{{.Id}}");
    site.config(&format!("ports = [{first}, {second}]\n"));
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(inspect(&site.node(), "{{.Id}}"), id, "{}", ran.report());
    assert_eq!(site.changes(), ["cluster create", "cluster edit"]);
    assert!(std::net::TcpStream::connect(("127.0.0.1", second)).is_ok());
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
}

#[test]
fn stop_keeps_and_reset_removes_the_cluster() {
    require_docker!();
    for (tool, site) in [("minikube", ClusterSite::minikube("")), ("k3d", ClusterSite::k3d(""))] {
        let network = if tool == "k3d" { "k3d-NAME" } else { "NAME" };
        site.config(&with_compose(network));
        let site = site.file("compose.yml", &COMPOSE.replace("NETWORK", network));
        site.sandbox.run(&["start"]).exits(0);
        let id = inspect(&site.node(), "{{.Id}}");
        site.sandbox.run(&["stop"]).exits(0);
        assert_eq!(inspect(&site.node(), "{{.State.Status}}").as_deref(), Some("exited"));
        site.sandbox.run(&["status"]).exits(8);
        site.sandbox.run(&["start"]).exits(0);
        assert_eq!(inspect(&site.node(), "{{.Id}}"), id, "a stop keeps the cluster");
        site.sandbox.run(&["reset"]).exits(0);
        assert_eq!(site.guard.list("container"), Vec::<String>::new());
        assert_eq!(site.guard.list("network"), Vec::<String>::new());
        assert!(!site.kubeconfig().contains(site.name()), "{}", site.kubeconfig());
        site.sandbox.run(&["reset"]).exits(0);
    }
}

#[test]
fn a_purge_lists_what_goes_and_asks() {
    require_docker!();
    let site = ClusterSite::minikube(RECOVER);
    site.sandbox.run(&["start"]).exits(0);
    let refused = site.sandbox.run(&["reset", "--purge"]).exits(7);
    for words in ["cluster", "volume", site.name()] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.report());
    }
    assert!(inspect(site.name(), "{{.Id}}").is_some());
    site.sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    for kind in ["container", "volume", "network"] {
        assert_eq!(site.guard.list(kind), Vec::<String>::new(), "{kind}");
    }
    assert!(!site.home().join(".minikube/profiles").join(site.name()).exists());
}

#[test]
fn status_shows_the_cluster_and_its_nodes() {
    require_docker!();
    let site = ClusterSite::k3d("agents = 1\n");
    site.sandbox.run(&["status"]).exits(8);
    site.sandbox.run(&["start"]).exits(0);
    let ran = site.sandbox.run(&["status", "-o", "json"]).exits(0);
    let status: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(status["cluster"]["context"], format!("k3d-{}", site.name()), "{status:#}");
    assert_eq!(status["cluster"]["version"], "v1.33.5+k3s1", "{status:#}");
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(2), "{status:#}");
    let table = site.sandbox.run(&["status"]).exits(0).stdout;
    for words in [site.node(), format!("k3d-{}-agent-0", site.name()), "v1.33.5+k3s1".to_owned()] {
        assert!(table.contains(&words), "{words}: {table}");
    }
}

const ANOTHER_CONTEXT: &str = "apiVersion: v1\nkind: Config\ncurrent-context: work\n\
    clusters: [{name: work, cluster: {server: 'https://127.0.0.1:1'}}]\n\
    contexts: [{name: work, context: {cluster: work, user: work}}]\nusers: [{name: work, user: {token: x}}]\n";

#[test]
fn the_context_is_switched_only_where_it_is_wanted() {
    require_docker!();
    for (switch, current) in [("true", "NAME"), ("false", "work")] {
        let site = ClusterSite::minikube(&format!("switch_context = {switch}\n"));
        fs::create_dir_all(site.home().join(".kube")).unwrap();
        fs::write(site.home().join(".kube/config"), ANOTHER_CONTEXT).unwrap();
        site.sandbox.run(&["start"]).exits(0);
        let wanted = format!("current-context: {}", current.replace("NAME", site.name()));
        assert!(site.kubeconfig().contains(&wanted), "{wanted}: {}", site.kubeconfig());
        assert!(site.kubeconfig().contains("name: work"), "{}", site.kubeconfig());
    }
}

#[test]
fn the_kubeconfig_file_follows_a_cluster_that_is_made_again() {
    require_docker!();
    let site = ClusterSite::minikube(&format!(
        "{RECOVER}[[file]]\npath = \"kube/flat\"\ncontent = \"kubeconfig\"\n"
    ));
    site.sandbox.run(&["start"]).exits(0);
    let path = site.sandbox.project().join("kube/flat");
    let before = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new());
    site.sandbox.spawn_tool("minikube", &["delete", "-p", site.name()]).wait().exits(0);
    site.sandbox.run(&["start"]).exits(0);
    let after = fs::read_to_string(&path).unwrap();
    assert_ne!(before, after, "address and certificates are new ones");
    let token =
        |text: &str| text.lines().find(|line| line.contains("token")).unwrap().trim().to_owned();
    assert!(site.kubeconfig().contains(&token(&after)), "{after}");
}

#[test]
fn the_environment_cannot_change_what_is_asked_for() {
    require_docker!();
    let site = ClusterSite::minikube("memory = \"2048MiB\"\n")
        .env("MINIKUBE_MEMORY", "4096")
        .env("MINIKUBE_DRIVER", "none")
        .env("MINIKUBE_KUBERNETES_VERSION", "v1.20.0")
        .env("MINIKUBE_PROFILE", "other");
    let settings = site.home().join(".minikube/config");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.json"), "{\"driver\": \"kvm2\", \"memory\": \"8192\"}")
        .unwrap();
    site.sandbox.run(&["start"]).exits(0);
    let config = site.home().join(".minikube/profiles").join(site.name()).join("config.json");
    let config: Value = serde_json::from_str(&fs::read_to_string(config).unwrap()).unwrap();
    assert_eq!((&config["Memory"], &config["Driver"]), (&2048.into(), &"docker".into()));
    assert_ne!(config["KubernetesConfig"]["KubernetesVersion"], "v1.20.0");
    for call in site.sandbox.calls("minikube") {
        let heard: Vec<&String> = call
            .env
            .keys()
            .filter(|name| {
                name.starts_with("MINIKUBE_")
                    && !matches!(name.as_str(), "MINIKUBE_HOME" | "MINIKUBE_IN_STYLE")
            })
            .collect();
        assert!(heard.is_empty(), "{heard:?} in {}", call.line());
    }
    let site = ClusterSite::k3d("")
        .env("K3D_DEBUG_NODE_WAIT_BACKOFF_LIMIT", "1")
        .env("LOG_LEVEL", "trace");
    site.sandbox.run(&["start"]).exits(0);
    for call in site.sandbox.calls("k3d") {
        assert!(call.env.keys().all(|name| !name.starts_with("K3D_")), "{:?}", call.env);
    }
}

#[test]
fn the_token_of_a_k3d_cluster_is_in_no_log_and_no_event() {
    require_docker!();
    let site = ClusterSite::k3d("");
    let ran = site.sandbox.run(&["start", "--progress", "json", "-v"]).exits(0);
    let token = inspect(&site.node(), "{{index .Config.Labels \"k3d.cluster.token\"}}").unwrap();
    assert!(token.starts_with("token-"), "{token}");
    assert!(!ran.stdout.contains(&token) && !ran.stderr.contains(&token));
    let found = std::process::Command::new("grep")
        .args(["-rl", &token])
        .arg(site.sandbox.state())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn a_stopped_and_a_paused_cluster_are_started_and_not_made_again() {
    require_docker!();
    let site = ClusterSite::minikube(RECOVER);
    site.made_by_hand();
    let id = inspect(site.name(), "{{.Id}}");
    docker(&["pause", site.name()]).unwrap();
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(
        inspect(site.name(), "{{.State.Status}}").as_deref(),
        Some("running"),
        "{}",
        ran.report()
    );
    site.sandbox.spawn_tool("minikube", &["pause", "-p", site.name()]).wait().exits(0);
    site.sandbox.run(&["start"]).exits(0);
    site.sandbox.spawn_tool("minikube", &["stop", "-p", site.name()]).wait().exits(0);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(rungs(&ran), Vec::<String>::new());
    assert_eq!(inspect(site.name(), "{{.Id}}"), id);
    assert!(!site.changes().contains(&"delete".to_owned()), "{:?}", site.changes());
}
