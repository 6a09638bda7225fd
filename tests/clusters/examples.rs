//! The two examples with clusters, as a user starts them: `examples/health-predict` and
//! `examples/mlops-platform` on the real engine, under names and ports of their own.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU16, Ordering};

use mlup::event::{EventKind, Phase, State, StepState};

use crate::commands::changed;
use crate::support::cluster::{ClusterSite, inspect};
use crate::support::document::run_marked;
use crate::support::moto::Moto;
use crate::support::on_node::OnNode;
use crate::support::stack::docker;
use crate::support::{Ran, require_docker};

/// The services of health-predict that need nothing of the cluster.
const BESIDE: [&str; 6] =
    ["airflow-init", "airflow-webserver", "dashboard", "jupyterlab", "mlflow", "postgres"];

/// moto's registry, and the password that it gives.
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const PASSWORD: &str = "123456789012-auth-token";

/// Ports on which nobody listens: at or after `begin` (31 000 for node ports, as the examples name
/// some below that themselves), and below those that the kernel hands out to
/// whoever asks for any. Other tests of this process get others.
fn free_ports<const N: usize>(begin: u16) -> [u16; N] {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 100 * 20).unwrap();
    std::array::from_fn(|_| {
        let next = || begin + (offset + TAKEN.fetch_add(1, Ordering::Relaxed)) % 1_700;
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        std::iter::repeat_with(next).find(is_free).unwrap()
    })
}

/// health-predict, the API of AWS that it asks, and the port of the API on its node.
fn health_predict() -> (ClusterSite, Moto, OnNode) {
    let site = ClusterSite::example("minikube", "health-predict");
    let name = site.name().to_owned();
    site.sandbox.write("mlup.local.toml", &format!("name = \"{name}\"\n"));
    let variables =
        ["POSTGRES_PORT", "AIRFLOW_PORT", "MLFLOW_PORT", "JUPYTER_PORT", "DASHBOARD_PORT"];
    let ports = free_ports::<5>(20_000).map(|port| port.to_string());
    let site = variables.iter().zip(ports).fold(site, |site, (name, port)| site.env(name, &port));
    let moto = Moto::start();
    let site = site
        .env("CLUSTER_NETWORK", &name)
        .env("SERVICES_IMAGE", &format!("{name}-services:1"))
        .env("ECR_REGISTRY", REGISTRY)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("AWS_ENDPOINT_URL", &moto.url)
        .script(|script| {
            script.start_ms = 2_000;
            let login = ("AWS".to_owned(), PASSWORD.to_owned());
            script.simulation.images.private.insert(REGISTRY.to_owned(), login);
        });
    (site, moto, OnNode::answering(&name, 31_780))
}

fn mlops_platform() -> (ClusterSite, [u16; 8]) {
    let (site, ports) = (ClusterSite::example("k3d", "mlops-platform"), free_ports(31_000));
    let (name, [api_port]) = (site.name(), free_ports(20_000));
    let local = format!(
        "name = \"{name}\"\n[cluster]\nname = \"{name}\"\napi_port = {api_port}\nports = {ports:?}\n"
    );
    site.sandbox.write("mlup.local.toml", &local);
    (site.env("ARGOCD_PORT", &ports[1].to_string()), ports)
}

fn service(site: &ClusterSite, service: &str) -> String {
    format!("{}-{service}-1", site.name())
}

/// What changes when somebody touches a container: its identifier, its starts and its ends.
fn touches(site: &ClusterSite) -> BTreeMap<String, String> {
    let format = "{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.FinishedAt}}";
    let containers = site.guard.list("container").into_iter();
    containers.map(|id| (id.clone(), inspect(&id, format).unwrap())).collect()
}

/// Everything that is left on the engine.
fn left(site: &ClusterSite) -> Vec<String> {
    let kinds = ["container", "network", "volume"];
    kinds.into_iter().flat_map(|kind| site.guard.list(kind)).collect()
}

/// When a step entered this state, as a place in the row of all events.
fn moment(ran: &Ran, step: &str, wanted: impl Fn(&StepState) -> bool) -> u64 {
    let found = ran.events().into_iter().find(|event| match &event.kind {
        EventKind::StepState(state) => state.step == step && wanted(state),
        _ => false,
    });
    found.unwrap_or_else(|| panic!("`{step}` was never there\n{}", ran.report())).seq
}

/// The identifier of the cluster's network that the scheduler holds, and of the one that is there.
fn scheduler_network(site: &ClusterSite) -> (String, String) {
    let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").NetworkID}}}}", site.name());
    let held = inspect(&service(site, "airflow-scheduler"), &format).unwrap();
    let there = docker(&["network", "inspect", "--format", "{{.Id}}", site.name()]).unwrap();
    (held, there.trim().to_owned())
}

#[test]
fn commands_of_the_readme_of_health_predict_work() {
    require_docker!();
    let (site, _moto, _api) = health_predict();
    run_marked(&site.sandbox, "examples/health-predict/README.md", "cluster");
    assert_eq!(site.guard.list("container"), Vec::<String>::new());
}

#[test]
fn commands_of_the_readme_of_mlops_platform_work() {
    require_docker!();
    let (site, _) = mlops_platform();
    run_marked(&site.sandbox, "examples/mlops-platform/README.md", "cluster");
    assert_eq!(left(&site), Vec::<String>::new());
}

#[test]
fn health_predict_comes_up_stays_as_it_is_and_goes_without_a_trace() {
    require_docker!();
    let (site, _moto, _api) = health_predict();
    let sandbox = &site.sandbox;
    sandbox.run(&["status"]).exits(8);
    let cold = sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(site.changes(), ["start"], "{}", cold.report());

    // The scheduler is on the network that is there, with a kubeconfig that leads to the cluster.
    let (held, there) = scheduler_network(&site);
    assert_eq!(held, there);
    let kubeconfig = sandbox.project().join(".kube/config_flattened");
    let text = fs::read_to_string(&kubeconfig).unwrap();
    assert!(text.contains(&format!("current-context: {}", site.name())), "{text}");
    assert_eq!(fs::metadata(&kubeconfig).unwrap().permissions().mode() & 0o777, 0o644);
    let seen = ["exec", &service(&site, "airflow-scheduler"), "cat", "/home/airflow/.kube/config"];
    assert_eq!(docker(&seen).as_deref(), Some(text.as_str()));

    // The pull secret was there before the manifests, and the API came up with it.
    let ready = |step: &str| moment(&cold, step, |state| state.to == State::Ready);
    assert!(ready("registry/ecr-registry-key") < ready("deploy/api"), "{}", cold.report());
    assert!(site.secret("default", "ecr-registry-key").is_some());

    let (before, writes) = (touches(&site), sandbox.calls("kubernetes-writes").len());
    let warm = sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "a second start changes nothing");
    assert_eq!(touches(&site), before);
    assert_eq!(sandbox.calls("kubernetes-writes").len(), writes);

    let status = sandbox.run(&["status"]).exits(0).stdout;
    for words in ["minikube", "control-plane", "v1.34.0", "airflow-scheduler"] {
        assert!(status.contains(words), "{words}: {status}");
    }

    let node = inspect(&site.node(), "{{.Id}}");
    sandbox.run(&["stop"]).exits(0);
    sandbox.run(&["status"]).exits(8);
    assert_eq!(inspect(&site.node(), "{{.State.Status}}").as_deref(), Some("exited"));
    let again = sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(inspect(&site.node(), "{{.Id}}"), node, "a stop keeps the cluster");
    beside_the_cluster(&again);
    let (held, there) = scheduler_network(&site);
    assert_eq!(held, there);

    sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    assert_eq!(left(&site), Vec::<String>::new());
    assert!(!kubeconfig.exists());
    assert!(!site.home().join(".minikube/profiles").join(site.name()).exists());
    assert!(!site.kubeconfig().contains(site.name()), "{}", site.kubeconfig());
}

/// Services off the cluster's network do not wait for it; the one that is on it does.
#[track_caller]
fn beside_the_cluster(ran: &Ran) {
    let is_begun =
        |state: &StepState| state.to == State::Running && state.phase == Some(Phase::Apply);
    let is_ready = |state: &StepState| state.to == State::Ready;
    let ready = moment(ran, "cluster", is_ready);
    assert!(moment(ran, "beside/mlops-services", is_begun) < ready, "{}", ran.report());
    assert!(moment(ran, "deploy/mlops-services", is_begun) > ready, "{}", ran.report());
    let reason = ran.kinds().into_iter().find_map(|kind| match kind {
        EventKind::StepState(state)
            if state.step == "beside/mlops-services" && is_ready(&state) =>
        {
            state.reason
        }
        _ => None,
    });
    let counted = format!("{} of {} services", BESIDE.len(), BESIDE.len() + 1);
    assert!(reason.unwrap().starts_with(&counted), "{}", ran.report());
}

#[test]
fn the_plan_of_health_predict_shows_what_runs_beside_the_cluster() {
    require_docker!();
    let (site, _moto, _api) = health_predict();
    let plan = site.sandbox.run(&["plan"]).exits(0).stdout;
    let path = plan.lines().find(|line| line.starts_with("critical path: "));
    assert!(path.is_some_and(|path| path.contains("cluster")), "{plan}");
    let beside = plan.lines().find(|line| line.starts_with("beside it: "));
    assert!(beside.is_some_and(|line| line.contains("beside/mlops-services")), "{plan}");
    assert_eq!(site.changes(), Vec::<String>::new());
    assert_eq!(left(&site), Vec::<String>::new());
}

#[test]
fn mlops_platform_answers_on_its_eight_ports_and_goes_without_a_trace() {
    require_docker!();
    let (site, ports) = mlops_platform();
    let sandbox = &site.sandbox;
    sandbox.run(&["start"]).exits(0);
    assert_eq!(site.changes(), ["cluster create"]);
    let is_open = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
    assert!(ports.iter().all(is_open), "{ports:?}");
    let agent = format!("k3d-{}-agent-0", site.name());
    assert_eq!(inspect(&agent, "{{.State.Status}}").as_deref(), Some("running"));
    let status = sandbox.run(&["status"]).exits(0).stdout;
    for words in ["k3d", &site.node(), &agent, &format!("k3d-{}", site.name())] {
        assert!(status.contains(words), "{words}: {status}");
    }

    let before = touches(&site);
    let warm = sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "a second start changes nothing");
    assert_eq!(touches(&site), before);

    sandbox.run(&["stop"]).exits(0);
    sandbox.run(&["status"]).exits(8);
    sandbox.run(&["start"]).exits(0);
    assert!(ports.iter().all(is_open), "{ports:?}");
    sandbox.run(&["reset", "--yes"]).exits(0);
    assert_eq!(left(&site), Vec::<String>::new());
    assert!(!site.kubeconfig().contains(site.name()), "{}", site.kubeconfig());
}
