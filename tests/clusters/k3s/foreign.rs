//! A K3s that somebody else installed: used as it is, never changed, never taken off.

use super::site::Site;
use crate::clusters::warnings;

#[test]
fn a_foreign_k3s_is_used_and_not_changed() {
    let site = Site::new();
    site.installed_by_hand();
    site.config_of("v1.34.1+k3s1", "disable = [\"servicelb\"]\n");
    let ran = site.run(&["start", "--restart", "--progress", "json"]).exits(0);
    assert!(warnings(&ran).contains(&"K3S_NOT_OURS".to_owned()), "{}", ran.report());
    assert!(
        ran.stdout.contains("mlup did not install it, and leaves it as it is"),
        "{}",
        ran.report()
    );
    assert!(site.kubeconfig().contains("name: dev"), "{}", site.kubeconfig());
    site.run(&["stop"]).exits(0);
    site.run(&["reset"]).exits(0);
    site.run(&["reset", "--purge", "--yes"]).exits(0);
    assert_eq!(site.changes(), Vec::<String>::new());
    assert!(site.sshd.far("/usr/local/bin/k3s").exists());
    assert!(!site.sshd.far("/etc/rancher/k3s/mlup.json").exists());
    assert!(!site.sshd.far("/etc/rancher/k3s/config.yaml").exists());
}

#[test]
fn a_foreign_k3s_that_is_halted_is_not_started() {
    let site = Site::new();
    site.installed_by_hand();
    site.unworld("k3s.active");
    let ran = site.run(&["start"]).exits(7);
    assert!(
        ran.stderr.contains("K3S_NOT_OURS") && ran.stderr.contains("sudo systemctl start k3s"),
        "{}",
        ran.report()
    );
    assert_eq!(site.changes(), Vec::<String>::new());
}

#[test]
fn a_context_of_that_name_that_leads_elsewhere_is_not_written_over() {
    let site = Site::new();
    let theirs = "apiVersion: v1\nkind: Config\ncontexts: [{name: dev, context: {cluster: dev, user: dev}}]\n\
        clusters: [{name: dev, cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: QQ==}}]\n\
        users: [{name: dev, user: {token: x}}]\n";
    std::fs::create_dir_all(site.kubeconfig_path().parent().unwrap()).unwrap();
    std::fs::write(site.kubeconfig_path(), theirs).unwrap();
    let ran = site.run(&["start"]).exits(7);
    assert!(
        ran.stderr.contains("K3S_CONTEXT_TAKEN") && ran.stderr.contains("https://10.0.0.1:6443"),
        "{}",
        ran.report()
    );
    assert_eq!(site.kubeconfig(), theirs);
}
