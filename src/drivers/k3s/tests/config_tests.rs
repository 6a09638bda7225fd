//! The configuration file: what mlup wants in it, what differs, and what is left alone.

use serde_norway::Mapping;

use super::{bare, facts, set, wanted};
use crate::config::subnet::Subnet;
use crate::drivers::k3s::server_config;
use crate::drivers::k3s::wanted::Wanted;
use crate::redact::Secret;

fn of(wanted: &Wanted) -> Mapping {
    server_config::wanted(wanted, &facts(&bare()), "vm.example.lan")
}

fn file(text: &str) -> Mapping {
    server_config::read(&Secret::new(text)).unwrap()
}

fn text(mapping: &Mapping) -> String {
    serde_norway::to_string(mapping).unwrap()
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_the_configuration_does_not_say_is_left_to_k3s() {
    assert_eq!(text(&of(&wanted())), "tls-san:\n- vm.example.lan\nwrite-kubeconfig-mode: '0600'\n");
}

#[test]
fn every_setting_has_its_key() {
    let mut wanted = wanted();
    wanted.networks.pods = Subnet::parse("10.44.0.0/16").unwrap();
    wanted.networks.services = Subnet::parse("10.45.0.0/16").unwrap();
    wanted.networks.dns = Some("10.45.0.10".parse().unwrap());
    wanted.networks.are_chosen = true;
    wanted.api_port = 7443;
    wanted.disable = keys(&["servicelb", "traefik"]);
    wanted.args =
        keys(&["--node-ip=10.9.0.20", "--tls-san", "k3s.corp", "--disable=local-storage"]);
    let mut survey = bare();
    set(&mut survey, "selinux", &["Enforcing"]);
    set(&mut survey, "selinux_policy", &["k3s"]);
    let mapping = server_config::wanted(&wanted, &facts(&survey), "10.9.0.20");
    assert_eq!(
        text(&mapping),
        "cluster-cidr: 10.44.0.0/16\nservice-cidr: 10.45.0.0/16\ncluster-dns: 10.45.0.10\n\
         https-listen-port: 7443\ndisable:\n- servicelb\n- traefik\n- local-storage\ntls-san:\n\
         - 10.9.0.20\n- k3s.corp\nwrite-kubeconfig-mode: '0600'\nselinux: true\nnode-ip: 10.9.0.20\n"
    );
}

#[test]
fn order_and_form_of_lists_are_no_difference() {
    let mut wanted = wanted();
    wanted.disable = keys(&["traefik", "servicelb"]);
    let has = file(
        "disable: servicelb,traefik\ntls-san: [old.lan, vm.example.lan]\nwrite-kubeconfig-mode: \"0600\"\n",
    );
    assert_eq!(server_config::differences(&of(&wanted), &has, &[]), []);
}

#[test]
fn a_changed_flag_is_a_difference_and_so_is_one_that_is_wanted_no_more() {
    let mut wanted = wanted();
    wanted.disable = keys(&["traefik"]);
    let own = keys(&["debug", "disable"]);
    let has =
        file("tls-san: [vm.example.lan]\nwrite-kubeconfig-mode: \"0644\"\ndebug: true\nmine: 1\n");
    let found = server_config::differences(&of(&wanted), &has, &own);
    let shown: Vec<String> = found
        .iter()
        .map(|one| format!("{} {} <- {} {}", one.key, one.wanted, one.found, one.is_fixed()))
        .collect();
    assert_eq!(
        shown,
        [
            "disable traefik <- not set false",
            "write-kubeconfig-mode 0600 <- 0644 false",
            "debug not set <- true false"
        ]
    );
    assert_eq!(server_config::foreign(&of(&wanted), &has, &own), ["mine"]);
}

#[test]
fn secret_values_are_never_shown() {
    let mut wanted = wanted();
    wanted.args = keys(&["--token=canary-one", "--datastore-endpoint=mysql://canary"]);
    let has =
        file("tls-san: [vm.example.lan]\nwrite-kubeconfig-mode: \"0600\"\ntoken: canary-two\n");
    let found = server_config::differences(&of(&wanted), &has, &[]);
    assert_eq!(found.len(), 2);
    assert!(!format!("{found:?}").contains("canary"), "{found:?}");
}

#[test]
fn what_is_not_mlups_stays_and_what_the_cluster_keeps_for_life_is_not_touched() {
    let mut wanted = wanted();
    wanted.networks.pods = Subnet::parse("10.99.0.0/16").unwrap();
    wanted.networks.are_chosen = true;
    let has = file(
        "cluster-cidr: 10.44.0.0/16\ntls-san: [old.lan]\nkubelet-arg: [max-pods=50]\ndebug: true\n",
    );
    let text = server_config::united(&of(&wanted), &has, &keys(&["debug"])).unwrap();
    let (comment, body) =
        text.expose().split_once("# What stands here and is not mlup's stays.\n").unwrap();
    assert!(comment.starts_with("# mlup writes this file"));
    assert_eq!(
        body,
        "tls-san:\n- vm.example.lan\n- old.lan\nwrite-kubeconfig-mode: '0600'\ncluster-cidr: 10.44.0.0/16\n\
         kubelet-arg:\n- max-pods=50\n"
    );
    let fresh = server_config::united(&of(&wanted), &Mapping::new(), &[]).unwrap();
    assert!(fresh.expose().contains("cluster-cidr: 10.99.0.0/16"));
}

#[test]
fn a_file_that_is_no_mapping_is_not_read() {
    assert!(server_config::read(&Secret::new("- a\n- b\n")).is_none());
    assert!(server_config::read(&Secret::new("a: [b\n")).is_none());
    assert_eq!(server_config::read(&Secret::new("# nothing\n")), Some(Mapping::new()));
}
