//! From a bare machine to a cluster that answers, and the second start.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::site::{Site, VERSION};
use crate::commands::changed;

#[test]
fn a_bare_machine_becomes_a_cluster_that_answers() {
    let site = Site::new();
    site.config("cluster_cidr = \"10.44.0.0/16\"\nservice_cidr = \"10.45.0.0/16\"\ndisable = [\"traefik\"]\n");
    site.run(&["start"]).exits(0);
    assert_eq!(
        site.installs(),
        [format!("EXEC=server SKIP_SELINUX_RPM=true SKIP_START=true VERSION={VERSION}")]
    );
    assert_eq!(site.changes(), ["curl get.k3s.io", "systemctl restart k3s"]);
    let config = site.far("/etc/rancher/k3s/config.yaml");
    for line in [
        "cluster-cidr: 10.44.0.0/16",
        "service-cidr: 10.45.0.0/16",
        "cluster-dns: 10.45.0.10",
        "disable:\n- traefik",
        "tls-san:\n- 127.0.0.1",
        "write-kubeconfig-mode: '0600'",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
    assert_eq!(site.mode("/etc/rancher/k3s/config.yaml"), 0o600);
    assert!(site.far("/etc/rancher/k3s/mlup.json").contains("\"stage\":\"installed\""));
    let status = site.run(&["status"]).exits(0).stdout;
    assert!(status.contains("k3s") && status.contains("ready"), "{status}");
}

#[test]
fn a_second_start_changes_nothing_and_makes_one_round_trip() {
    let site = Site::new();
    site.run(&["start"]).exits(0);
    let (before, sessions) = (site.changes(), site.sshd.sessions());
    let kubeconfig = site.kubeconfig();
    let ran = site.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&ran), Vec::<String>::new(), "{}", ran.report());
    assert_eq!(site.sshd.sessions() - sessions, 1, "{}", site.sshd.log());
    assert_eq!((before, kubeconfig), (site.changes(), site.kubeconfig()));
}

#[test]
fn a_plan_for_a_bare_machine_changes_nothing_there() {
    let site = Site::new();
    let plan = site.run(&["plan"]).exits(0);
    assert!(plan.stdout.contains("it does not exist"), "{}", plan.report());
    assert_eq!(site.changes(), Vec::<String>::new());
    assert!(!site.sshd.far("/etc/rancher").exists());
}

#[test]
fn the_kubeconfig_is_merged_under_the_contexts_name_and_private() {
    let site = Site::new();
    fs::create_dir_all(site.kubeconfig_path().parent().unwrap()).unwrap();
    fs::write(
        site.kubeconfig_path(),
        "apiVersion: v1\nkind: Config\ncurrent-context: work\ncontexts: [{name: work, context: {cluster: work, user: work}}]\n\
         clusters: [{name: work, cluster: {server: 'https://127.0.0.1:1', future: kept}}]\nusers: [{name: work, user: {token: x}}]\n",
    )
    .unwrap();
    site.config("context = \"vm-k3s\"\nswitch_context = false\n");
    site.run(&["start"]).exits(0);
    let text = site.kubeconfig();
    let config: serde_norway::Value = serde_norway::from_str(&text).unwrap();
    let names: Vec<&str> = config["contexts"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["work", "vm-k3s"]);
    assert_eq!(config["current-context"].as_str(), Some("work"));
    assert_eq!(
        config["clusters"][1]["cluster"]["server"].as_str(),
        Some(format!("https://127.0.0.1:{}", site.door.port).as_str())
    );
    assert!(text.contains("future: kept") && !text.contains("name: default"), "{text}");
    let mode = fs::metadata(site.kubeconfig_path()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn the_key_of_the_administrator_is_in_no_log_and_no_event() {
    let site = Site::new();
    let ran = site.run(&["start", "--progress", "json", "-v"]).exits(0);
    let key = &site.door.client.1;
    assert!(!ran.stdout.contains(key) && !ran.stderr.contains(key));
    let found = std::process::Command::new("grep")
        .args(["-rl", key])
        .arg(site.sandbox.state())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn a_folder_of_this_machine_is_all_that_an_installation_needs() {
    let site = Site::new();
    site.world("blocked", "get.k3s.io\ngithub.com\nregistry-1.docker.io\nauth.docker.io\n");
    for (name, text) in [
        ("k3s", include_str!("far/k3s").replace("VERSION", VERSION)),
        ("install.sh", include_str!("far/install.sh").to_owned()),
        ("k3s-airgap-images-amd64.tar.zst", "images".to_owned()),
        ("k3s-airgap-images-arm64.tar.zst", "others".to_owned()),
    ] {
        site.sandbox.write(&format!("airgap/{name}"), &text);
    }
    site.config("install = \"airgap\"\n");
    site.run(&["start"]).exits(0);
    assert_eq!(
        site.installs(),
        [format!(
            "EXEC=server SKIP_DOWNLOAD=true SKIP_SELINUX_RPM=true SKIP_START=true VERSION={VERSION}"
        )]
    );
    assert_eq!(site.changes(), ["systemctl restart k3s"]);
    let images = "/var/lib/rancher/k3s/agent/images";
    assert_eq!(site.far(&format!("{images}/k3s-airgap-images-amd64.tar.zst")), "images");
    assert!(!site.sshd.far(&format!("{images}/k3s-airgap-images-arm64.tar.zst")).exists());
    assert_eq!(site.mode("/usr/local/bin/k3s"), 0o755);
    assert!(!site.sshd.far("/usr/local/bin/k3s.mlup").exists());
}

#[test]
fn a_program_of_another_version_is_refused_and_the_next_start_finishes() {
    let site = Site::new();
    site.sandbox.write("airgap/k3s", &include_str!("far/k3s").replace("VERSION", "v1.32.1+k3s1"));
    site.sandbox.write("airgap/install.sh", include_str!("far/install.sh"));
    site.config("install = \"airgap\"\n");
    let ran = site.run(&["start"]).exits(3);
    assert!(
        ran.stderr.contains("K3S_VERSION_DIFFERS") && ran.stderr.contains("v1.32.1+k3s1"),
        "{}",
        ran.report()
    );
    assert!(!site.sshd.far("/usr/local/bin/k3s").exists());
    site.sandbox.write("airgap/k3s", &include_str!("far/k3s").replace("VERSION", VERSION));
    site.run(&["start"]).exits(0);
}

#[test]
fn an_installation_that_was_cut_off_is_finished() {
    let site = Site::new();
    site.world("cut", "");
    let ran = site.run(&["start", "--progress", "json"]).exits(0);
    assert!(
        ran.stdout.contains("SSH_CONNECTION_LOST") || ran.stdout.contains("connection was lost"),
        "{}",
        ran.report()
    );
    assert_eq!(site.installs().len(), 2, "{:?}", site.installs());
    assert!(site.far("/etc/rancher/k3s/mlup.json").contains("\"stage\":\"installed\""));
}

#[test]
fn a_service_that_does_not_come_up_says_why_and_is_started_by_the_next_start() {
    let site = Site::new();
    site.world("k3s.refuses", "level=info msg=\"starting\"\nlevel=fatal msg=\"no default routes found in /proc/net/route\"\n");
    let ran = site.run(&["start"]).exits(4);
    assert!(ran.stderr.contains("K3S_NO_DEFAULT_ROUTE"), "{}", ran.report());
    assert!(ran.stderr.contains("no default routes found"), "{}", ran.report());
    site.unworld("k3s.refuses");
    site.run(&["start"]).exits(0);
}
