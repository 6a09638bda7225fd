//! A machine that differs from the configuration: shown, and changed only with consent.

use super::site::Site;
use crate::clusters::warnings;
use crate::commands::changed;

#[test]
fn a_changed_flag_is_shown_and_applied_by_a_restart_with_consent_alone() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    let before = site.changes();
    site.config("disable = [\"traefik\"]\n");
    let ran = site.run(&["start", "--progress", "json"]).exits(0);
    assert!(warnings(&ran).contains(&"CLUSTER_DRIFT".to_owned()), "{}", ran.report());
    assert!(
        ran.stdout.contains("disable is not set, not traefik")
            && ran.stdout.contains("mlup start --restart"),
        "{}",
        ran.report()
    );
    assert_eq!(site.changes(), before);
    let plan = site.run(&["plan", "--restart"]).exits(0);
    assert!(plan.stdout.contains("disable is not set, not traefik"), "{}", plan.report());
    assert_eq!(site.changes(), before);
    site.run(&["start", "--restart"]).exits(0);
    assert_eq!(site.changes()[before.len()..], ["systemctl restart k3s"]);
    assert!(site.far("/etc/rancher/k3s/config.yaml").contains("disable:\n- traefik"));
    assert_eq!(site.installs().len(), 1, "the program stays");
    let ran = site.run(&["start", "--progress", "json"]).exits(0);
    assert!(!warnings(&ran).contains(&"CLUSTER_DRIFT".to_owned()), "{}", ran.report());
    assert_eq!(changed(&ran), Vec::<String>::new());
}

#[test]
fn keys_that_are_not_mlups_stay_and_are_told() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    let config = site.far("/etc/rancher/k3s/config.yaml");
    let path = site.sshd.far("/etc/rancher/k3s/config.yaml");
    std::fs::write(path, format!("{config}kubelet-arg: [max-pods=50]\n")).unwrap();
    let registries = site.sshd.far("/etc/rancher/k3s/registries.yaml");
    std::fs::write(&registries, "mirrors: {}\n").unwrap();
    site.config("disable = [\"traefik\"]\n");
    let ran = site.run(&["start", "--restart", "--progress", "json"]).exits(0);
    assert!(ran.stdout.contains("keeps what mlup did not write: kubelet-arg"), "{}", ran.report());
    let config = site.far("/etc/rancher/k3s/config.yaml");
    assert!(config.contains("max-pods=50") && config.contains("traefik"), "{config}");
    assert_eq!(std::fs::read_to_string(registries).unwrap(), "mirrors: {}\n");
}

#[test]
fn another_version_is_installed_with_consent_alone() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    site.config_of("v1.34.1+k3s1", "");
    let ran = site.run(&["start", "--progress", "json"]).exits(0);
    assert!(ran.stdout.contains("version is v1.33.5+k3s1, not v1.34.1+k3s1"), "{}", ran.report());
    assert_eq!(site.installs().len(), 1);
    site.run(&["start", "--restart"]).exits(0);
    assert!(site.installs()[1].ends_with("VERSION=v1.34.1+k3s1"), "{:?}", site.installs());
    assert!(site.far("/usr/local/bin/k3s").contains("v1.34.1+k3s1"));
    site.config_of("v1.36.0+k3s1", "");
    let ran = site.run(&["start", "--restart"]).exits(7);
    assert!(
        ran.stderr.contains("K3S_UPGRADE_TOO_FAR") && ran.stderr.contains("v1.35"),
        "{}",
        ran.report()
    );
    assert_eq!(site.installs().len(), 2);
}

#[test]
fn a_network_of_a_living_cluster_is_never_changed() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    let (changes, config) = (site.changes(), site.far("/etc/rancher/k3s/config.yaml"));
    site.config("cluster_cidr = \"10.44.0.0/16\"\n");
    for consent in [
        &["start", "--progress", "json"][..],
        &["start", "--restart", "--progress", "json"],
        &["start", "--recreate", "--progress", "json"],
    ] {
        let ran = site.run(consent).exits(0);
        assert!(ran.stdout.contains("mlup reset --purge && mlup start"), "{}", ran.report());
        assert_eq!(
            (site.changes(), site.far("/etc/rancher/k3s/config.yaml")),
            (changes.clone(), config.clone())
        );
    }
}

#[test]
fn what_is_to_be_prepared_later_is_done_while_k3s_runs() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    site.world("firewalld.active", "");
    site.config("prepare = [\"firewalld\"]\nports = [30080]\n");
    site.run(&["start"]).exits(0);
    let port = site.door.port;
    assert_eq!(site.far("/var/fake/firewall.ports"), format!("{port}/tcp\n30080/tcp\n"));
    assert_eq!(site.far("/var/fake/firewall.trusted"), "10.42.0.0/16\n10.43.0.0/16\n");
    assert_eq!(site.changes().iter().filter(|call| *call == "systemctl restart k3s").count(), 1);
    let ran = site.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&ran), Vec::<String>::new(), "{}", ran.report());
}
