//! Tests of the stand-ins themselves: what they make, what they print, and that they go wrong as
//! the tools do.

use serde_json::Value;

use crate::support::cluster::{ClusterSite, answers, inspect, minikube_fails};
use crate::support::script::{Fate, Fault, Relief};
use crate::support::stack::docker;
use crate::support::{DockerGuard, IMAGE, Ran, Sandbox, require_docker};

fn minikube(site: &ClusterSite, args: &[&str]) -> Ran {
    let mut all = args.to_vec();
    all.extend(["-p", site.name()]);
    site.sandbox.spawn_tool("minikube", &all).wait()
}

fn k3d(site: &ClusterSite, args: &[&str]) -> Ran {
    let args: Vec<String> = args.iter().map(|arg| arg.replace("NAME", site.name())).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    site.sandbox.spawn_tool("k3d", &args).wait()
}

fn host(site: &ClusterSite) -> (String, Option<i32>) {
    let ran = minikube(site, &["status", "-n", site.name(), "-o", "json"]);
    let status: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    (status["Host"].as_str().unwrap_or_default().to_owned(), ran.code)
}

/// Asks the stand-in's API, with the user's token.
fn ask(site: &ClusterSite, context: &str, path: &str) -> String {
    use std::io::Read;
    let Some(mut stream) = send(site, context, ("GET", path), "") else { return String::new() };
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a request to the stand-in's API, with the user's token; the connection has the answer.
pub(crate) fn send(
    site: &ClusterSite,
    context: &str,
    (method, path): (&str, &str),
    body: &str,
) -> Option<std::net::TcpStream> {
    use std::io::Write;
    let config: serde_json::Value = serde_norway::from_str(&site.kubeconfig()).unwrap();
    let find = |list: &str| {
        let items = config[list].as_array().unwrap().clone();
        items.into_iter().find(|item| item["name"].as_str().unwrap().ends_with(context)).unwrap()
    };
    let server = find("clusters")["cluster"]["server"].as_str().unwrap().to_owned();
    let token = find("users")["user"]["token"].as_str().unwrap().to_owned();
    let address = server.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    Some(stream)
}

#[test]
fn minikube_goes_through_its_life() {
    require_docker!();
    let site = ClusterSite::minikube("");
    minikube(&site, &["status", "-o", "json"]).exits(85);
    let ran =
        minikube(&site, &["start", "--output=json", "--memory", "2g", "--addons=ingress"]).exits(0);
    assert!(
        ran.stdout.lines().all(|line| line.contains("io.k8s.sigs.minikube.")),
        "{}",
        ran.stdout
    );
    assert_eq!(host(&site), ("Running".to_owned(), Some(0)));
    assert!(ask(&site, site.name(), "/readyz").ends_with("ok"));
    assert!(ask(&site, site.name(), "/api/v1/nodes").contains("\"kind\":\"NodeList\""));
    let ip = minikube(&site, &["ip"]).exits(0).stdout;
    assert!(ip.trim().ends_with(".2"), "the first address after the gateway: {ip}");
    let listed = minikube(&site, &["profile", "list", "-o", "json"]).exits(0).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["valid"][0]["Config"]["Memory"], 2048);
    assert_eq!(listed["valid"][0]["Config"]["Addons"]["ingress"], true);

    minikube(&site, &["stop"]).exits(0);
    assert_eq!(host(&site), ("Stopped".to_owned(), Some(7)));
    minikube(&site, &["start"]).exits(0);
    minikube(&site, &["pause"]).exits(0);
    assert_eq!(host(&site), ("Running".to_owned(), Some(2)));
    docker(&["rm", "-f", site.name()]).unwrap();
    assert_eq!(host(&site), ("Nonexistent".to_owned(), Some(7)));
    let again = minikube(&site, &["start"]).exits(0);
    assert!(again.stdout.contains("is missing, will recreate"), "{}", again.stdout);
    minikube(&site, &["delete"]).exits(0);
    assert_eq!(site.guard.list("container").len() + site.guard.list("volume").len(), 0);
    assert_eq!(site.guard.list("network"), Vec::<String>::new());
    assert!(!site.kubeconfig().contains(site.name()), "{}", site.kubeconfig());
}

#[test]
fn minikube_refuses_flags_and_calls_that_do_not_exist() {
    require_docker!();
    let site = ClusterSite::minikube("");
    let ran = minikube(&site, &["start", "--nope"]).exits(14);
    assert!(ran.stderr.starts_with("Error: unknown flag: --nope"), "{}", ran.stderr);
    let little = minikube(&site, &["start", "-o", "json", "--memory=1000"]).exits(23);
    assert!(little.stdout.contains("RSRC_INSUFFICIENT_REQ_MEMORY"), "{}", little.stdout);
}

#[test]
#[should_panic(expected = "unscripted calls:\nminikube dashboard")]
fn an_unknown_call_of_a_cluster_tool_fails_the_test() {
    let sandbox = Sandbox::new().cluster_tool("minikube");
    std::fs::write(sandbox.root().join("bin/fake-cluster.json"), "{}").unwrap();
    assert_eq!(sandbox.spawn_tool("minikube", &["dashboard"]).wait().code, Some(97));
}

#[test]
fn a_node_vanishes_on_schedule_and_takes_its_api_along() {
    require_docker!();
    let vanishes = Fault {
        vanish_after_ms: Some(10),
        calls: vec![1],
        takes_ms: Some(1500),
        ..Fault::default()
    };
    let site = ClusterSite::minikube("").fault("start", vanishes);
    let ran = minikube(&site, &["start", "-o", "json"]).exits(80);
    assert!(
        ran.stdout.contains("GUEST_PROVISION") && ran.stdout.contains("ca.crt"),
        "{}",
        ran.stdout
    );
    assert_eq!(host(&site).0, "Nonexistent");
    minikube(&site, &["start"]).exits(0);
    assert_eq!(host(&site).0, "Running");
}

#[test]
fn an_address_that_is_held_stops_the_start_in_the_words_of_the_engine() {
    require_docker!();
    let site = ClusterSite::minikube("");
    minikube(&site, &["start"]).exits(0);
    let ip = inspect(site.name(), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    docker(&["rm", "-f", site.name()]).unwrap();
    site.squatter(&ip.unwrap());
    let ran = minikube(&site, &["start", "-o", "json"]).exits(80);
    assert!(
        ran.stdout.contains("can't create with that IP, address already in use"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_fault_lasts_until_it_is_purged_and_forced() {
    require_docker!();
    let fault = Fault {
        until: vec![Relief::Purged, Relief::Forced],
        ..minikube_fails("GUEST_START", 80, "failed to start node")
    };
    let fault = Fault { works_first: true, ..fault };
    let rubbish = Fault { leaves_rubbish: true, ..Fault::default() };
    let site = ClusterSite::minikube("").fault("start", fault).fault("delete", rubbish);
    minikube(&site, &["start", "-o", "json"]).exits(80);
    minikube(&site, &["start", "-o", "json", "--force"]).exits(80);
    minikube(&site, &["delete"]).exits(0);
    assert_eq!(site.guard.list("volume").len(), 1, "a deletion that leaves its volume");
    docker(&["volume", "rm", site.name()]).unwrap();
    std::fs::remove_dir_all(site.home().join(".minikube/machines").join(site.name())).unwrap();
    minikube(&site, &["start", "--force"]).exits(0);
}

#[test]
fn minikube_delete_all_takes_what_others_have_too() {
    require_docker!();
    let site = ClusterSite::minikube("");
    let other = format!("{}-other", site.name());
    let foreign = [
        "run",
        "-d",
        "--name",
        &other,
        "--label",
        "created_by.minikube.sigs.k8s.io=true",
        IMAGE,
        "sleep",
        "600",
    ];
    docker(&foreign).unwrap();
    minikube(&site, &["start"]).exits(0);
    let stranger = DockerGuard::new();
    let args = [
        "run",
        "-d",
        "--name",
        stranger.name(),
        "--label",
        "created_by.minikube.sigs.k8s.io=true",
        IMAGE,
        "sleep",
        "600",
    ];
    docker(&args).unwrap();
    site.sandbox.spawn_tool("minikube", &["delete", "--all", "--purge"]).wait().exits(0);
    assert_eq!(site.guard.list("container"), Vec::<String>::new());
    assert_eq!(
        stranger.list("container").len(),
        1,
        "another test's engine objects are not this one's"
    );
    assert!(!site.home().join(".minikube").exists());
}

#[test]
fn k3d_goes_through_its_life() {
    require_docker!();
    let site = ClusterSite::k3d("");
    assert_eq!(k3d(&site, &["cluster", "list", "-o", "json"]).exits(0).stdout, "[]\n");
    let create = [
        "cluster",
        "create",
        "NAME",
        "--agents",
        "1",
        "--api-port",
        "127.0.0.1:0",
        "--no-rollback",
    ];
    let ran = k3d(&site, &create).exits(0);
    assert!(ran.stdout.contains("created successfully!"), "{}", ran.stdout);
    let listed: Value =
        serde_json::from_str(&k3d(&site, &["cluster", "list", "-o", "json"]).stdout).unwrap();
    assert_eq!((&listed[0]["serversRunning"], &listed[0]["agentsRunning"]), (&1.into(), &1.into()));
    assert_eq!(listed[0]["hasLoadbalancer"], true);
    assert!(ask(&site, &format!("k3d-{}", site.name()), "/api/v1/nodes").contains("agent-0"));
    k3d(&site, &["cluster", "create", "NAME"]).exits(1);
    k3d(&site, &["image", "import", IMAGE, "-c", "NAME", "-m", "direct"]).exits(0);
    let images = docker(&["exec", &site.node(), "crictl", "images", "-o", "json"]).unwrap();
    assert!(images.contains(IMAGE), "{images}");
    k3d(&site, &["cluster", "stop", "NAME"]).exits(0);
    let listed: Value =
        serde_json::from_str(&k3d(&site, &["cluster", "list", "-o", "json"]).stdout).unwrap();
    assert_eq!(listed[0]["serversRunning"], 0);
    k3d(&site, &["cluster", "start", "NAME", "--timeout", "60s"]).exits(0);
    assert!(ask(&site, &format!("k3d-{}", site.name()), "/readyz").ends_with("ok"));
    k3d(&site, &["cluster", "delete", "NAME"]).exits(0);
    for kind in ["container", "volume", "network"] {
        assert_eq!(site.guard.list(kind), Vec::<String>::new(), "{kind}");
    }
    k3d(&site, &["cluster", "delete", "NAME"]).exits(0);
}

#[test]
fn k3d_publishes_ports_and_says_when_they_are_taken() {
    require_docker!();
    let site = ClusterSite::k3d("");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let spec = format!("127.0.0.1:{port}:30080@loadbalancer");
    let create =
        ["cluster", "create", "NAME", "--api-port", "127.0.0.1:0", "-p", &spec, "--no-rollback"];
    let ran = k3d(&site, &create).exits(1);
    assert!(ran.stderr.contains("address already in use"), "{}", ran.stderr);
    assert!(ran.stderr.contains("rollback deactivated"), "{}", ran.stderr);
    k3d(&site, &["cluster", "delete", "NAME"]).exits(0);
    drop(listener);
    k3d(&site, &create).exits(0);
    let more = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    k3d(
        &site,
        &["cluster", "edit", "NAME", "--port-add", &format!("127.0.0.1:{more}:30081@loadbalancer")],
    )
    .exits(0);
    let listed = k3d(&site, &["cluster", "list", "-o", "json"]).stdout;
    assert!(listed.contains(&format!("\"HostPort\":\"{port}\"")), "{listed}");
    assert!(listed.contains(&format!("\"HostPort\":\"{more}\"")), "{listed}");
}

#[test]
fn a_scripted_answer_meets_the_node_with_its_fate() {
    require_docker!();
    let restarts = Fault { node: Fate::Stops, works_first: true, ..answers("", "gone\n", 63) };
    let site = ClusterSite::minikube("").fault("start", restarts);
    minikube(&site, &["start", "-o", "json"]).exits(63);
    assert_eq!(inspect(site.name(), "{{.State.Status}}").as_deref(), Some("exited"));
    let null = ClusterSite::minikube("").fault("status", answers("null", "", 0));
    assert_eq!(minikube(&null, &["status"]).exits(0).stdout, "null");
}
