//! A machine that ssh reaches, with the stand-ins that K3s needs of it, a project that wants K3s there,
//! and an API server that answers while K3s runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::door::Door;
use crate::support::kube::FakeKube;
use crate::support::sshd::{Lent, Sshd};
use crate::support::{Ran, Sandbox};

/// The programs that `far/machine` answers for.
const TELLING: [&str; 10] = [
    "df",
    "firewall-cmd",
    "getenforce",
    "ip",
    "journalctl",
    "modprobe",
    "nproc",
    "ss",
    "ufw",
    "uname",
];

/// The version that tests want.
pub(super) const VERSION: &str = "v1.33.5+k3s1";

/// Where K3s listens unless it is told otherwise.
const API_PORT: u16 = 6443;

/// A project and its machine.
pub(super) struct Site {
    pub(super) sandbox: Sandbox,
    pub(super) sshd: Sshd,
    pub(super) door: Door,
    /// The API server behind the door.
    pub(super) kube: FakeKube,
}

impl Site {
    /// A good machine without K3s, and a project that wants one there.
    pub(super) fn new() -> Self {
        Self::in_sandbox(Sandbox::new())
    }

    /// As [`Site::new`], with a sandbox that has more in it.
    pub(super) fn in_sandbox(sandbox: Sandbox) -> Self {
        Self::at(Sshd::start(), sandbox)
    }

    /// As [`Site::new`], on this machine's Docker Engine.
    pub(super) fn with_docker() -> Self {
        Self::in_sandbox(Sandbox::new().real_docker())
    }

    /// As [`Site::new`], with a machine that is reached through its ssh service alone: K3s listens at the
    /// usual port of it while the second value lives. None where such a machine cannot be made.
    pub(super) fn apart() -> Option<(Self, Lent)> {
        let site = Self::at(Sshd::apart()?, Sandbox::new());
        let lent = site.sshd.lend(&format!("127.0.0.1:{API_PORT}"), site.door.port);
        let own = site.door.port.to_string();
        site.world("k3s.yaml", &site.admin_config().replace(&own, &API_PORT.to_string()));
        Some((site, lent))
    }

    fn at(sshd: Sshd, sandbox: Sandbox) -> Self {
        for folder in ["/var/fake", "/run/systemd/system", "/usr/local/bin", "/etc/systemd/system"]
        {
            fs::create_dir_all(sshd.far(folder)).unwrap();
        }
        sshd.command("systemctl", include_str!("far/systemctl"));
        sshd.command("curl", include_str!("far/curl"));
        sshd.command("machine", include_str!("far/machine"));
        for name in TELLING {
            symlink("machine", sshd.path("bin").join(name)).unwrap();
        }
        // Debian's `awk` is a link by way of `/etc`, which the machine has of its own.
        let awk = fs::canonicalize(which::which("awk").unwrap()).unwrap();
        symlink(awk, sshd.path("bin/awk")).unwrap();
        let kube = FakeKube::start();
        let target = kube.url().rsplit_once(':').unwrap().1.parse().unwrap();
        let door = Door::to(target, sshd.far("/var/fake/k3s.active"));
        let sandbox = sandbox.ssh(&sshd);
        let site = Self { sandbox, sshd, door, kube };
        for (name, text) in [
            ("install.sh", include_str!("far/install.sh")),
            ("k3s", include_str!("far/k3s")),
            ("uname-m", "x86_64\n"),
            ("uname-n", "vm\n"),
            ("uname-r", "5.14.0\n"),
            ("routes", "default via 10.9.0.1 dev eth0\n10.9.0.0/24 dev eth0 scope link\n"),
            ("listening", "LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"),
            ("room", "80000000\n"),
            ("selinux", "Disabled\n"),
            ("firewall.ports", ""),
            ("firewall.trusted", ""),
            ("journal", ""),
            ("k3s.yaml", &site.admin_config()),
        ] {
            site.world(name, text);
        }
        site.config("");
        site
    }

    /// Writes `mlup.toml` again; `more` goes on with `[cluster]`.
    pub(super) fn config(&self, more: &str) {
        self.config_of(VERSION, more);
    }

    /// As [`Site::config`], with another version of K3s.
    pub(super) fn config_of(&self, version: &str, more: &str) {
        let text = format!(
            "name = \"dev\"\n[cluster]\nprovider = \"k3s\"\nhost = \"vm\"\nversion = \"{version}\"\n\
             api_port = {}\nrecover = {{ attempts = 3, backoff = \"1ms..2ms\" }}\n{more}",
            self.door.port
        );
        self.sandbox.write("mlup.toml", &text);
    }

    /// Writes a file of the machine's world.
    pub(super) fn world(&self, name: &str, text: &str) {
        fs::write(self.sshd.far("/var/fake").join(name), text).unwrap();
    }

    /// Removes a file of the machine's world.
    pub(super) fn unworld(&self, name: &str) {
        fs::remove_file(self.sshd.far("/var/fake").join(name)).unwrap();
    }

    /// A file of the machine; nothing where it is not there.
    pub(super) fn far(&self, path: &str) -> String {
        fs::read_to_string(self.sshd.far(path)).unwrap_or_default()
    }

    /// The permission bits of a file of the machine.
    pub(super) fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.sshd.far(path)).unwrap().permissions().mode() & 0o777
    }

    /// What was done on the machine, without what only looks.
    pub(super) fn changes(&self) -> Vec<String> {
        let calls = self.far("/var/fake/calls");
        let looks = ["systemctl is-", "systemctl show"];
        let changing =
            calls.lines().filter(|call| !looks.iter().any(|look| call.starts_with(look)));
        changing.map(str::to_owned).collect()
    }

    /// How often the installer ran, each with what it was told.
    pub(super) fn installs(&self) -> Vec<String> {
        self.far("/var/fake/installs").lines().map(|line| line.trim().to_owned()).collect()
    }

    /// The user's kubeconfig.
    pub(super) fn kubeconfig_path(&self) -> PathBuf {
        self.sandbox.root().join("home/.kube/config")
    }

    /// What stands in it.
    pub(super) fn kubeconfig(&self) -> String {
        fs::read_to_string(self.kubeconfig_path()).unwrap_or_default()
    }

    /// Runs mlup.
    #[track_caller]
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        self.sandbox.run(args)
    }

    /// Puts K3s there as a colleague would have, with no mark of mlup's.
    pub(super) fn installed_by_hand(&self) {
        let program = include_str!("far/k3s").replace("VERSION", VERSION);
        for (path, text) in [
            ("/usr/local/bin/k3s", program.as_str()),
            (
                "/etc/systemd/system/k3s.service",
                "[Service]\nExecStart=/usr/local/bin/k3s server --disable traefik\n",
            ),
            ("/etc/rancher/k3s/k3s.yaml", &self.admin_config()),
            ("/var/fake/k3s.active", ""),
        ] {
            let path = self.sshd.far(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// The kubeconfig that K3s writes on the machine.
    fn admin_config(&self) -> String {
        let Door { port, authority, client: (certificate, key) } = &self.door;
        format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n    \
             server: https://127.0.0.1:{port}\n  name: default\ncontexts:\n- context:\n    cluster: default\n    \
             user: default\n  name: default\ncurrent-context: default\nkind: Config\nusers:\n- name: default\n  \
             user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unscripted = self.far("/var/fake/unscripted");
            assert!(unscripted.is_empty(), "unscripted calls on the machine:\n{unscripted}");
        }
    }
}
