//! Clusters by their tools: halted, misled, absent; and one that runs, which gives nothing.

use crate::machine::{answer, found, is_the_one, is_well};
use crate::support::cluster::ClusterSite;
use crate::support::require_docker;

#[test]
fn a_halted_cluster_is_the_one_cause_with_the_command_of_its_tool() {
    require_docker!();
    for (site, rule, fix) in [
        (ClusterSite::minikube(""), "MK-07", "minikube start -p NAME"),
        (ClusterSite::k3d(""), "K3D-08", "k3d cluster start NAME"),
    ] {
        // What is not made yet is not wrong.
        is_well(&site.sandbox.run(&["doctor", "-o", "json"]));
        site.made_by_hand();
        is_well(&site.sandbox.run(&["doctor", "-o", "json"]));
        site.halt();
        let ran = site.sandbox.run(&["doctor", "-o", "json"]);
        let fix = fix.replace("NAME", site.name());
        is_the_one(
            &ran,
            &format!("{rule} cluster//{}", site.name()),
            &[&fix, "\"repair\":\"safe\""],
        );
        assert_eq!(site.changes().len(), if rule == "K3D-08" { 2 } else { 1 }, "doctor only looks");
    }
}

#[test]
fn a_cluster_that_the_kubeconfig_does_not_lead_to_is_told_as_such() {
    require_docker!();
    let site = ClusterSite::minikube("");
    site.made_by_hand();
    let path = site.home().join(".kube/config");
    let text = std::fs::read_to_string(&path).unwrap();
    let pattern = regex::Regex::new("://127.0.0.1:[0-9]+").unwrap();
    assert!(pattern.is_match(&text), "{text}");
    std::fs::write(&path, pattern.replace_all(&text, "://127.0.0.1:1").as_ref()).unwrap();
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    let told = found(&answer(&ran));
    assert_eq!(told, [format!("MK-06 cluster//{}", site.name())], "{}", ran.report());
}

#[test]
fn a_port_of_the_cluster_that_a_container_holds_is_told() {
    require_docker!();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let site = ClusterSite::k3d(&format!("api_port = {port}\n"));
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    let own = format!("(pid {})", std::process::id());
    is_the_one(&ran, &format!("DOC-03 port//{port}"), &[&own, "mlup.toml"]);
}
