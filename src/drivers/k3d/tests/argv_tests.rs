//! The command lines.

use std::time::Duration;

use super::spec;
use crate::drivers::k3d::argv;
use crate::drivers::spec::ClusterNetwork;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn a_plain_cluster_listens_on_this_machine_alone() {
    assert_eq!(
        argv::create(&spec("dev"), LIMIT).to_string(),
        "k3d cluster create dev --servers 1 --agents 0 --api-port 127.0.0.1:random --no-rollback \
         --wait --timeout 120s --kubeconfig-update-default --kubeconfig-switch-context=true"
    );
}

#[test]
fn everything_that_is_configured_is_said_and_the_users_arguments_come_last() {
    let mut spec = spec("mlops-cluster");
    spec.kubernetes_version = Some("v1.35.5".to_owned());
    spec.servers = 3;
    spec.agents = 2;
    spec.api_port = Some(6443);
    spec.ports = vec![30080, 30443];
    spec.network =
        ClusterNetwork::Joined { name: "mlops-net".to_owned(), subnet: None, gateway: None };
    spec.memory = Some(2 * 1024 * 1024 * 1024);
    spec.switch_context = false;
    spec.args = vec!["--k3s-arg".to_owned(), "--disable=traefik@server:*".to_owned()];
    assert_eq!(
        argv::create(&spec, LIMIT).to_string(),
        "k3d cluster create mlops-cluster --servers 3 --agents 2 \
         --image rancher/k3s:v1.35.5-k3s1 --api-port 127.0.0.1:6443 \
         --port 127.0.0.1:30080:30080@loadbalancer --port 127.0.0.1:30443:30443@loadbalancer \
         --network mlops-net --servers-memory 2147483648b --agents-memory 2147483648b \
         --no-rollback --wait --timeout 120s --kubeconfig-update-default \
         --kubeconfig-switch-context=false --k3s-arg '--disable=traefik@server:*'"
    );
}

#[test]
fn versions_become_images_and_channels_stay() {
    assert_eq!(argv::image("v1.35.5"), "rancher/k3s:v1.35.5-k3s1");
    assert_eq!(argv::image("v1.33.5+k3s2"), "rancher/k3s:v1.33.5-k3s2");
    assert_eq!(argv::image("v1.33.5-k3s2"), "rancher/k3s:v1.33.5-k3s2");
    assert_eq!(argv::image("stable"), "stable");
    assert_eq!(argv::image("+v1.33"), "+v1.33");
}

#[test]
fn the_other_commands() {
    let lines = [
        (argv::version(), "k3d version"),
        (argv::list(), "k3d cluster list -o json"),
        (argv::start("dev", LIMIT), "k3d cluster start dev --wait --timeout 120s"),
        (argv::stop("dev"), "k3d cluster stop dev"),
        (argv::delete("dev"), "k3d cluster delete dev"),
        (argv::delete_all(), "k3d cluster delete --all"),
        (
            argv::add_ports("dev", &[30800, 30900]),
            "k3d cluster edit dev --port-add 127.0.0.1:30800:30800@loadbalancer \
             --port-add 127.0.0.1:30900:30900@loadbalancer",
        ),
        (argv::kubeconfig("dev"), "k3d kubeconfig get dev"),
        (
            argv::merge_kubeconfig("dev", false),
            "k3d kubeconfig merge dev --kubeconfig-merge-default --kubeconfig-switch-context=false",
        ),
        (
            argv::import_image("dev", "eval:1"),
            "k3d image import eval:1 --cluster dev --mode direct",
        ),
        (argv::node_images("k3d-dev-agent-0"), "docker exec k3d-dev-agent-0 crictl images -o json"),
    ];
    for (cmd, line) in lines {
        assert_eq!(cmd.to_string(), line);
    }
}

#[test]
fn a_limit_below_a_second_is_not_for_ever() {
    let cmd = argv::start("dev", Duration::from_millis(300)).to_string();
    assert!(cmd.ends_with("--timeout 1s"), "{cmd}");
}
