//! Machines that cannot run K3s, or cannot be reached: each a clear finding, and nothing that the next
//! start cannot finish once the cause is gone.

use super::site::Site;

#[track_caller]
fn refused(site: &Site, exit: i32, words: &[&str]) {
    for command in ["plan", "start"] {
        let ran = site.run(&[command]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for word in words {
            assert!(said.contains(word), "{command}: {word}: {}", ran.report());
        }
        if command == "start" {
            ran.exits(exit);
        }
        assert_eq!(site.changes(), Vec::<String>::new(), "{command}");
        assert!(!site.sshd.far("/etc/rancher").exists(), "{command}");
    }
}

/// The cause is gone: a start makes a cluster of it, in one installation.
#[track_caller]
fn finishes(site: &Site) {
    site.run(&["start"]).exits(0);
    assert_eq!(site.installs().len(), 1);
    assert!(site.far("/etc/rancher/k3s/mlup.json").contains("\"stage\":\"installed\""));
}

#[test]
fn sudo_that_asks_for_a_password_is_named_with_the_rule_that_helps() {
    let site = Site::new();
    site.sshd.command("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    refused(&site, 4, &["SUDO_PASSWORD_NEEDED", "NOPASSWD"]);
    site.sshd.command("sudo", "#!/bin/sh\nshift\nexec \"$@\"\n");
    finishes(&site);
}

#[test]
fn a_full_disk_is_named() {
    let site = Site::new();
    site.world("room", "1000\n");
    refused(&site, 4, &["REMOTE_DISK_FULL", "/var/lib"]);
    site.world("room", "80000000\n");
    finishes(&site);
}

#[test]
fn a_machine_that_does_not_get_out_is_offered_an_installation_from_here() {
    let site = Site::new();
    site.world("blocked", "get.k3s.io\ngithub.com\n");
    refused(
        &site,
        4,
        &[
            "K3S_NO_EGRESS",
            "get.k3s.io, github.com",
            "Could not resolve host",
            "install = \"FOLDER\"",
        ],
    );
    site.unworld("blocked");
    finishes(&site);
}

#[test]
fn an_architecture_without_k3s_is_named() {
    let site = Site::new();
    site.world("uname-m", "riscv64\n");
    refused(&site, 4, &["K3S_ARCHITECTURE", "riscv64"]);
    site.world("uname-m", "x86_64\n");
    finishes(&site);
}

#[test]
fn a_port_that_is_taken_is_named_with_its_holder() {
    let site = Site::new();
    let port = site.door.port;
    site.world(
        "listening",
        &format!("LISTEN 0 4096 *:{port} *:* users:((\"kube-apiserver\",pid=7,fd=3))\n"),
    );
    refused(&site, 7, &["K3S_PORT_TAKEN", "kube-apiserver"]);
    site.world("listening", "LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n");
    finishes(&site);
}

#[test]
fn a_firewall_and_selinux_are_told_together_and_neither_is_switched_off() {
    let site = Site::new();
    site.world("firewalld.active", "");
    site.world("selinux", "Enforcing\n");
    refused(
        &site,
        4,
        &["K3S_HOST_UNFIT", "K3S_FIREWALLD", "K3S_SELINUX_POLICY", "`firewalld`", "`selinux`"],
    );
    // What it proposes will do, and the firewall stays on.
    site.world("selinux", "Disabled\n");
    site.config("prepare = [\"firewalld\"]\n");
    finishes(&site);
    assert!(site.far("/var/fake/firewall.ports").contains(&site.door.port.to_string()));
    assert!(site.sshd.far("/var/fake/firewalld.active").exists());
}

#[test]
fn a_network_that_a_route_of_the_machine_has_is_refused_before_anything_changes() {
    let site = Site::new();
    site.world("routes", "default via 10.9.0.1 dev eth0\n10.43.0.0/16 dev tun0 scope link\n");
    refused(&site, 3, &["K3S_NETWORK_OVERLAP", "tun0", "service_cidr = \"10.44.0.0/16\""]);
    // What it proposes will do.
    site.config("service_cidr = \"10.44.0.0/16\"\n");
    finishes(&site);
}

#[test]
fn a_host_key_that_changed_is_refused() {
    let mut site = Site::new();
    site.sshd.renew_host_key();
    refused(&site, 7, &["SSH_HOST_KEY_CHANGED", "ssh-keygen -R"]);
    // Somebody has compared it and agrees.
    site.sshd.write("known_hosts", &site.sshd.known_host());
    finishes(&site);
}

#[test]
fn an_api_server_that_cannot_be_reached_from_here_is_no_failure_of_k3s() {
    let site = Site::new();
    // What the machine's own kubeconfig says is where K3s listens; nobody does there, seen from here.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let text = site.far("/var/fake/k3s.yaml");
    site.world("k3s.yaml", &text.replace(&site.door.port.to_string(), &port.to_string()));
    let ran = site.run(&["start"]).exits(4);
    assert!(
        ran.stderr.contains("K3S_API_UNREACHABLE") && ran.stderr.contains("tunnel = true"),
        "{}",
        ran.report()
    );
    let starts = site.changes().iter().filter(|call| call.starts_with("systemctl restart")).count();
    assert_eq!(starts, 1, "K3s is not started again for it");
    for path in ["/var/fake/k3s.yaml", "/etc/rancher/k3s/k3s.yaml"] {
        std::fs::write(site.sshd.far(path), &text).unwrap();
    }
    finishes(&site);
}

#[test]
fn a_port_that_is_shut_later_is_told_and_k3s_is_left_alone() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    let before = site.changes();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    // Both kubeconfigs lead to where nobody listens.
    for path in [site.kubeconfig_path(), site.sshd.far("/etc/rancher/k3s/k3s.yaml")] {
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&format!(":{}", site.door.port), &format!(":{port}")))
            .unwrap();
    }
    let ran = site.run(&["start"]).exits(4);
    assert!(ran.stderr.contains("K3S_API_UNREACHABLE"), "{}", ran.report());
    assert_eq!(site.changes(), before);
}
