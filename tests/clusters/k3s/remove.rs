//! Halting K3s and taking it off: only what mlup installed, and only by a purge.

use super::site::Site;

#[test]
fn stop_halts_the_service_and_start_brings_it_back() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    site.run(&["stop"]).exits(0);
    assert!(!site.sshd.far("/var/fake/k3s.active").exists());
    site.run(&["status"]).exits(8);
    site.run(&["start"]).exits(0);
    let calls = site.changes();
    assert_eq!(calls[calls.len() - 2..], ["systemctl stop k3s", "systemctl start k3s"]);
    assert_eq!(site.installs().len(), 1);
}

#[test]
fn a_reset_keeps_k3s_and_a_purge_takes_it_off() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    let registries = site.sshd.far("/etc/rancher/k3s/registries.yaml");
    std::fs::write(&registries, "mirrors: {}\n").unwrap();
    site.run(&["reset"]).exits(0);
    assert!(site.sshd.far("/usr/local/bin/k3s").exists());
    let refused = site.run(&["reset", "--purge"]).exits(7);
    for words in ["K3s on vm", "/var/lib/rancher/k3s on vm", "kubeconfig context dev"] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.report());
    }
    assert!(site.sshd.far("/usr/local/bin/k3s").exists());
    site.run(&["reset", "--purge", "--yes"]).exits(0);
    assert!(site.changes().contains(&"k3s-uninstall.sh".to_owned()), "{:?}", site.changes());
    for path in [
        "/usr/local/bin/k3s",
        "/etc/rancher/k3s/mlup.json",
        "/etc/rancher/k3s/config.yaml",
        "/var/lib/rancher/k3s",
    ] {
        assert!(!site.sshd.far(path).exists(), "{path}");
    }
    assert_eq!(std::fs::read_to_string(registries).unwrap(), "mirrors: {}\n");
    assert!(!site.kubeconfig().contains("name: dev"), "{}", site.kubeconfig());
    site.run(&["reset", "--purge", "--yes"]).exits(0);
    site.run(&["start"]).exits(0);
}

#[test]
fn a_broken_installation_is_taken_off_too() {
    let site = Site::new();
    site.world("no-release", "");
    site.run(&["start"]).exits(1);
    assert!(site.far("/etc/rancher/k3s/mlup.json").contains("installing"));
    site.run(&["reset", "--purge", "--yes"]).exits(0);
    assert!(!site.sshd.far("/etc/rancher/k3s/mlup.json").exists());
    assert!(!site.sshd.far("/etc/rancher/k3s/mlup-install.sh").exists());
}
