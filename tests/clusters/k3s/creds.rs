//! `mlup creds refresh` from a timer: what a service manager and a person hear, also where there is nothing
//! to refresh because the cluster is halted.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::site::Site;
use crate::support::{Sandbox, on};
use crate::systemd::manager;

const REGISTRY: &str = "[[registry]]\nserver = \"127.0.0.1:1\"\nsecret = \"regcred\"\n\
                        exec = [\"get-token\"]\nusername = \"robot\"\nttl = \"12h\"\n";

/// A cluster that is up and has a pull secret, with a service manager that listens.
fn site() -> (Site, UnixDatagram) {
    let sandbox = Sandbox::new().tool("get-token", &[on([]).stdout("c4n4ry-token\n")]);
    let path = sandbox.root().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let site = Site::in_sandbox(sandbox.env("NOTIFY_SOCKET", &path.display().to_string()));
    site.config(REGISTRY);
    site.run(&["start"]).exits(0);
    (site, manager)
}

/// What the manager was told since the last call.
fn told(manager: &UnixDatagram) -> String {
    manager.set_nonblocking(true).unwrap();
    let mut all = String::new();
    let mut buffer = [0; 4096];
    while let Ok(length) = manager.recv(&mut buffer) {
        all.push_str(&String::from_utf8_lossy(&buffer[..length]));
        all.push('\n');
    }
    all
}

#[test]
fn a_manager_hears_what_is_refreshed_and_how_it_ended() {
    let (site, manager) = site();
    told(&manager);
    let ran = site.run(&["creds", "refresh", "--force"]).exits(0);
    assert!(ran.stdout.contains("regcred"), "{}", ran.report());
    let told = told(&manager);
    assert!(told.starts_with("EXTEND_TIMEOUT_USEC="), "{told}");
    assert!(told.contains("STATUS=refreshing: registry/regcred\n"), "{told}");
    assert!(told.ends_with("STATUS=refreshed: every pull secret is good\n"), "{told}");
    assert!(!told.contains("c4n4ry"), "{told}");
}

#[test]
fn a_cluster_that_is_halted_has_nothing_to_refresh_and_that_is_no_failure() {
    let (site, manager) = site();
    site.run(&["stop"]).exits(0);
    told(&manager);
    let ran = site.run(&["creds", "refresh"]).exits(0);
    let line =
        "nothing was refreshed, because the k3s cluster `dev` is stopped; `mlup start` starts it\n";
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", line));
    assert!(told(&manager).contains(&format!("STATUS={line}")));
    let ran = site.run(&["creds", "refresh", "-o", "json"]).exits(0);
    assert_eq!(ran.stdout, "[]\n");
}

#[test]
fn a_cluster_that_is_up_and_not_reached_is_a_failure() {
    let (site, manager) = site();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let text = site.kubeconfig().replace(&format!(":{}", site.door.port), &format!(":{port}"));
    std::fs::write(site.kubeconfig_path(), text).unwrap();
    told(&manager);
    let ran = site.run(&["creds", "refresh", "--force"]);
    assert!(ran.code != Some(0) && !ran.stderr.contains("nothing was"), "{}", ran.report());
    assert!(told(&manager).contains("STATUS=failed: "), "{}", ran.report());
}

#[test]
fn under_a_real_manager_the_unit_of_the_timer_is_not_red_while_the_cluster_is_halted() {
    if !manager::can_run() {
        return;
    }
    let (site, _) = site();
    let scenario = "unit=mlup-dev-creds@compose.service\n\
                    PATH=$tools:$PATH \"$MLUP\" systemd install --no-start >/dev/null 2>&1\n\
                    systemctl start \"$unit\"\n\
                    echo \"up: $(stands Result), $(stands StatusText)\"\n\
                    PATH=$tools:$PATH \"$MLUP\" stop >/dev/null 2>&1\n\
                    systemctl start \"$unit\"\n\
                    echo \"halted: $(stands Result) $(stands NRestarts), $(stands StatusText)\"\n";
    let Some(ran) = manager::run(&site.sandbox, scenario) else { return };
    let told: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(told[0], "up: success, refreshed: every pull secret is good", "{}", ran.report());
    assert!(told[1].starts_with("halted: success 0, nothing was refreshed"), "{}", ran.report());
}
