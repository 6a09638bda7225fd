//! A real sshd on loopback, in front of a machine of its own: a root folder that is thrown away,
//! with this machine's `/usr` in it, read-only, and a network of its own where a test wants that. It runs
//! as whoever runs the tests, in a user namespace, where that is the user `dev`; `sudo` over there does it.
//!
//! The client is the real one too. It finds the home folder in the user database, not in `HOME`, so
//! the sandbox has an `ssh` on its PATH that adds `-F` with a configuration of the test's own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::Sandbox;

/// The destination by which the client's configuration knows the machine.
pub(crate) const HOST: &str = "vm";

/// The address of a machine on a network of its own.
pub(crate) const APART: &str = "10.9.0.20";

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the root folder and runs sshd in it.
const ENTER: &str = include_str!("sshd/enter.sh");

/// The way into a machine with a network of its own.
const PIPE: &str = include_str!("sshd/pipe.sh");

/// The only user.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:dev:/home/dev:/bin/sh\n";

/// What every far side runs where `sudo` is called for; the options that mlup gives alone.
const SUDO: &str = "#!/bin/sh\n[ \"$1\" = -n ] || { echo \"sudo: not scripted: $*\" >&2; exit 64; }\n\
                    shift\nexec \"$@\"\n";

/// A machine with an ssh service, ended and thrown away with this value.
pub(crate) struct Sshd {
    folder: TempDir,
    port: u16,
    service: Option<Child>,
    options: String,
    network: Network,
}

/// Whose network a machine has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    /// That of this machine.
    Shared,
    /// One that nobody else reaches.
    Own,
}

impl Network {
    /// Where the machine is.
    fn address(self) -> &'static str {
        match self {
            Self::Shared => "127.0.0.1",
            Self::Own => APART,
        }
    }
}

impl Sshd {
    /// A machine that knows the test's key, and is known to the client.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// As [`Sshd::start`], with these lines before its own in `sshd_config`; the first word on a
    /// matter counts.
    pub(crate) fn with(options: &str) -> Self {
        Self::on(Network::Shared, options)
    }

    /// A machine on a network of its own: what listens there is reached through its ssh service alone.
    /// None, which is said, where no such network can be made.
    pub(crate) fn apart() -> Option<Self> {
        let can = Command::new("unshare")
            .args(["--net", "--map-root-user", "sh", "-c"])
            .arg("PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && command -v nsenter")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !can {
            eprintln!("not run: no network namespace can be made here, or `ip` is missing");
        }
        can.then(|| Self::on(Network::Own, "GatewayPorts clientspecified"))
    }

    fn on(network: Network, options: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("mlup-test-sshd-").tempdir().unwrap();
        for place in
            ["root/etc", "root/home/dev", "root/tmp", "root/root", "bin", "local/bin", "service"]
        {
            fs::create_dir_all(folder.path().join(place)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = options.to_owned();
        let mut sshd = Self { folder, port, service: None, options, network };
        sshd.write("root/etc/passwd", PASSWD);
        sshd.write("root/etc/group", "root:x:0:\ndev:x:1000:\n");
        sshd.write("root/etc/hosts", "127.0.0.1 localhost vm\n");
        sshd.write("root/etc/hostname", "vm\n");
        sshd.write("enter.sh", ENTER);
        sshd.write("pipe.sh", PIPE);
        sshd.command("sudo", SUDO);
        sshd.make_key("service/host_key");
        sshd.make_key("key");
        fs::copy(sshd.path("key.pub"), sshd.path("service/authorized_keys")).unwrap();
        sshd.write("known_hosts", &sshd.known_host());
        sshd.write("config", &sshd.client_config(HOST, port));
        sshd.boot();
        sshd
    }

    /// The root folder of the machine.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// Where a path of the machine is on this one; `/usr/local` is the machine's own.
    pub(crate) fn far(&self, path: &str) -> PathBuf {
        match path.strip_prefix("/usr/local/") {
            Some(rest) => self.path("local").join(rest),
            None => self.root().join(path.trim_start_matches('/')),
        }
    }

    /// Puts a program on the machine, before all others of its name on PATH.
    pub(crate) fn command(&self, name: &str, script: &str) {
        self.write(&format!("bin/{name}"), script);
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path("bin").join(name), open).unwrap();
    }

    /// The port that the service listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What the service has logged so far. It writes before it answers, so all that a client has seen
    /// is in it.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// How many connections the service has taken so far.
    pub(crate) fn connections(&self) -> usize {
        self.log().matches("Connection from ").count()
    }

    /// How many commands were run over there so far: the round trips.
    pub(crate) fn sessions(&self) -> usize {
        self.log().matches("Starting session: ").count()
    }

    /// Waits until the service has logged this.
    #[track_caller]
    pub(crate) fn wait_log(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            let log = self.log();
            assert!(Instant::now() < deadline, "waited in vain for {text:?} of sshd:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Has an address of the machine lead to a port of this one, for as long as the value lives.
    pub(crate) fn lend(&self, far: &str, near: u16) -> Lent {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.path("config")).args(["-o", "ExitOnForwardFailure=yes", "-R"]);
        ssh.arg(format!("{far}:127.0.0.1:{near}")).args([HOST, "echo lent; exec cat"]);
        let mut ssh = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let read = BufReader::new(ssh.stdout.take().unwrap()).read_line(&mut line);
        assert!(read.is_ok() && line == "lent\n", "{far} is not lent: {}", self.log());
        Lent(ssh)
    }

    /// Ends every connection over there, as a line does that is cut; new ones are taken.
    pub(crate) fn hang_up(&self) {
        let service = self.service.as_ref().map(Child::id);
        for pid in self.processes() {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if comm.starts_with("sshd") && Some(pid.unsigned_abs()) != service {
                end(pid);
            }
        }
    }

    /// All that runs on the machine: every process whose root folder it is.
    fn processes(&self) -> Vec<i32> {
        let root = self.root();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let here = entries.filter(|entry| {
            fs::read_link(entry.path().join("root")).is_ok_and(|link| link == root)
        });
        here.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// A file of the test beside the root folder: `known_hosts`, `config`, `key`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes such a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The machine comes up again with another host key, as one that was made anew does.
    pub(crate) fn renew_host_key(&mut self) {
        self.shut_down();
        fs::remove_file(self.path("service/host_key")).unwrap();
        self.make_key("service/host_key");
        self.boot();
    }

    /// The line by which the client knows the machine.
    pub(crate) fn known_host(&self) -> String {
        let key = fs::read_to_string(self.path("service/host_key.pub")).unwrap();
        format!("{HOST} {key}")
    }

    /// The fingerprint of the host key.
    pub(crate) fn fingerprint(&self) -> String {
        let key = self.path("service/host_key.pub");
        let output = Command::new("ssh-keygen").arg("-lf").arg(key).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }

    /// The client's configuration for the machine under this name, at this port.
    pub(crate) fn client_config(&self, name: &str, port: u16) -> String {
        let (key, known) = (self.path("key"), self.path("known_hosts"));
        let mut text = format!("Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User dev\n");
        let _ = writeln!(text, "  IdentityFile {}\n  IdentitiesOnly yes", key.display());
        let _ = writeln!(text, "  UserKnownHostsFile {}\n  HostKeyAlias {HOST}", known.display());
        if self.network == Network::Own {
            let (pipe, folder) = (self.path("pipe.sh"), self.folder.path());
            let (pipe, folder) = (pipe.display(), folder.display());
            let _ =
                writeln!(text, "  ProxyCommand /bin/bash {pipe} {folder} {APART} {}", self.port);
        }
        text + "  GlobalKnownHostsFile none\n  CheckHostIP no\n"
    }

    /// Makes a key and its public half.
    pub(crate) fn make_key(&self, name: &str) {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(self.path(name));
        assert!(keygen.stdin(Stdio::null()).status().unwrap().success(), "ssh-keygen");
    }

    /// Starts the service.
    fn boot(&mut self) {
        let address = self.network.address();
        let own = [
            format!("Port {}", self.port),
            format!("ListenAddress {address}\nHostKey /far/service/host_key"),
            "AuthorizedKeysFile /far/service/authorized_keys\nPidFile none\nUsePAM no".to_owned(),
            "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no".to_owned(),
            "LogLevel VERBOSE\nSetEnv PATH=/far/bin:/usr/local/bin:/usr/bin:/bin".to_owned(),
        ];
        self.write("service/sshd_config", &format!("{}\n{}\n", self.options, own.join("\n")));
        let log = File::create(self.path("log")).unwrap();
        let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sshd");
        let mut service = Command::new("unshare");
        if self.network == Network::Own {
            service.arg("--net");
        }
        let service = service
            .args(["--mount", "--map-root-user", "sh"])
            .arg(self.path("enter.sh"))
            .arg(self.folder.path())
            .arg(unpacked)
            .arg(if self.network == Network::Own { APART } else { "" })
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("no `unshare` (package util-linux): {error}"));
        self.service = Some(service);
        self.wait_log("Server listening on ");
    }

    /// Ends the service and all that runs on the machine.
    fn shut_down(&mut self) {
        if let Some(mut service) = self.service.take() {
            // With it goes who holds its network.
            let _ = kill_process_group(Pid::from_child(&service), Signal::KILL);
            let _ = service.wait();
        }
        self.processes().into_iter().for_each(end);
    }
}

/// A port of this machine that the other one has too.
pub(crate) struct Lent(Child);

impl Drop for Lent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn end(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Sandbox {
    /// Puts the real ssh client on PATH, with the configuration that leads to this machine.
    pub(crate) fn ssh(self, sshd: &Sshd) -> Self {
        let ssh = which::which("ssh").unwrap_or_else(|error| panic!("no `ssh`: {error}"));
        let config = sshd.path("config");
        let wrapper = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), config.display());
        let path = self.root().join("bin/ssh");
        fs::write(&path, wrapper).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }
}
