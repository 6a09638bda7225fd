//! Everything that can be wrong with a cluster before it is made: exit 3, 4 or 7, the place or the
//! fix, and no tool has changed anything.

use std::fs;

use crate::bad_config::refuses;
use crate::support::cluster::{ClusterSite, RECOVER};
use crate::support::{DockerGuard, Sandbox, on, require_docker};

/// Refused, and no changing call was made.
#[track_caller]
fn refused(site: &ClusterSite, code: i32, says: &[&str]) {
    refuses(&site.sandbox.run(&["start"]), code, says);
    assert_eq!(site.changes(), Vec::<String>::new());
    for kind in ["container", "volume", "network"] {
        assert_eq!(site.guard.list(kind), Vec::<String>::new(), "{kind}");
    }
}

fn config(text: &str) -> Sandbox {
    Sandbox::new().file("mlup.toml", &format!("name = \"demo\"\n[cluster]\n{text}"))
}

#[test]
fn an_unknown_provider_has_a_suggestion() {
    refuses(&config("provider = \"minikub\"\n").run(&["start"]), 3, &["mlup.toml:3:", "minikube"]);
}

#[test]
fn memory_below_the_minimum_of_the_tool() {
    refuses(
        &config("provider = \"minikube\"\nmemory = \"1000MiB\"\n").run(&["start"]),
        3,
        &["mlup.toml:4:", "1800"],
    );
}

#[test]
fn more_memory_than_docker_has() {
    require_docker!();
    refused(
        &ClusterSite::minikube("memory = \"900GiB\"\n"),
        4,
        &["CLUSTER_MEMORY_TOO_LARGE", "900"],
    );
}

#[test]
fn an_invalid_cidr_and_an_invalid_port_in_one_pass() {
    let text = "provider = \"k3d\"\nports = [0]\n[[network]]\nname = \"n\"\nowner = \"mlup\"\nsubnet = \"10.0.0.0/40\"\n";
    refuses(&config(text).run(&["start"]), 3, &["mlup.toml:4:", "mlup.toml:8:"]);
}

#[test]
fn a_context_that_is_not_in_the_kubeconfig_names_those_that_are() {
    let sandbox = config("provider = \"existing\"\ncontext = \"wrok\"\n");
    let folder = sandbox.root().join("home/.kube");
    fs::create_dir_all(&folder).unwrap();
    let text = "apiVersion: v1\nkind: Config\nclusters: [{name: work, cluster: {server: 'https://127.0.0.1:1'}}]\n\
        contexts: [{name: work, context: {cluster: work, user: work}}]\nusers: [{name: work, user: {token: s3cr3t}}]\n";
    fs::write(folder.join("config"), text).unwrap();
    let ran = sandbox.run(&["start"]);
    refuses(&ran, 3, &["CONTEXT_MISSING", "wrok", "work"]);
    assert!(!ran.stderr.contains("s3cr3t"));
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_named_without_its_content() {
    let sandbox = config("provider = \"existing\"\ncontext = \"work\"\n");
    let folder = sandbox.root().join("home/.kube");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config"), "clusters: [s3cr3t\n").unwrap();
    let ran = sandbox.run(&["start"]);
    refuses(&ran, 3, &["KUBECONFIG_UNREADABLE", ".kube/config"]);
    assert!(!ran.stderr.contains("s3cr3t"), "{}", ran.report());
}

#[test]
fn a_tool_that_is_not_installed_says_how_to_get_it() {
    require_docker!();
    for (tool, site) in [("minikube", "minikube.sigs.k8s.io"), ("k3d", "k3d.io")] {
        let guard = DockerGuard::new();
        let text = format!(
            "name = \"{0}\"\n[cluster]\nprovider = \"{tool}\"\nname = \"{0}\"\n",
            guard.name()
        );
        let sandbox = Sandbox::new().real_docker().file("mlup.toml", &text);
        refuses(&sandbox.run(&["start"]), 4, &["TOOL_MISSING", tool, site]);
    }
}

#[test]
fn a_tool_that_is_too_old_says_which_version_is_needed() {
    require_docker!();
    let old = [
        (
            "minikube",
            on(["version", "..."]).stdout("{\"commit\":\"x\",\"minikubeVersion\":\"v1.20.0\"}\n"),
            "1.20.0",
        ),
        (
            "k3d",
            on(["version", "..."])
                .stdout("k3d version v4.4.8\nk3s version v1.21.3-k3s1 (default)\n"),
            "4.4.8",
        ),
    ];
    for (tool, answer, version) in old {
        let guard = DockerGuard::new();
        let text = format!(
            "name = \"{0}\"\n[cluster]\nprovider = \"{tool}\"\nname = \"{0}\"\n",
            guard.name()
        );
        let sandbox = Sandbox::new().real_docker().file("mlup.toml", &text).tool(tool, &[answer]);
        refuses(&sandbox.run(&["start"]), 4, &["TOOL_TOO_OLD", tool, version]);
    }
}

#[test]
fn a_nodeport_taken_on_the_host() {
    require_docker!();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let pid = std::process::id().to_string();
    let more = format!("ports = [{port}]\n{RECOVER}");
    refused(&ClusterSite::k3d(&more), 7, &["PORT_TAKEN", &port.to_string(), &pid]);
    refused(&ClusterSite::minikube(&more), 7, &["PORT_TAKEN", &port.to_string(), &pid]);
}

#[test]
fn everything_that_is_wrong_is_told_in_one_pass() {
    require_docker!();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let site = ClusterSite::minikube(&format!("memory = \"900GiB\"\nports = [{port}]\n"));
    let ran = site.sandbox.run(&["start"]);
    assert!(matches!(ran.code, Some(4 | 7)), "{}", ran.report());
    assert!(
        ran.stderr.contains("900") && ran.stderr.contains(&port.to_string()),
        "{}",
        ran.report()
    );
    assert_eq!(site.changes(), Vec::<String>::new());
}
