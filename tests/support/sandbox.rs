//! A sealed place to run the program in: own home, own folders, an empty environment, and a PATH
//! of stand-in tools that fail on an unscripted call.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::output::{Ran, without_differences};
use super::pty::Terminal;
use super::rule::Rule;
use super::running::Running;
use super::tool::Call;

/// The program under test.
const MLUP: &str = env!("CARGO_BIN_EXE_mlup");
/// The stand-in for every tool.
const FAKE_TOOL: &str = env!("CARGO_BIN_EXE_fake-tool");
/// The stand-in for cluster tools that acts on the real engine.
const FAKE_CLUSTER: &str = env!("CARGO_BIN_EXE_fake-cluster");

/// Where a tool of this machine is, or the one that `scripts/setup` installed.
pub(crate) fn real_program(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kubernetes").join(name);
    let real = which::which(name).or_else(|error| own.exists().then_some(own).ok_or(error));
    real.unwrap_or_else(|error| panic!("`{name}` (`scripts/setup {name}`): {error}"))
}

/// A folder tree and an environment of one test. When it goes, an unscripted call of a stand-in
/// tool fails the test.
pub(crate) struct Sandbox {
    root: TempDir,
    env: BTreeMap<String, String>,
}

impl Sandbox {
    /// An empty project, no tools, and nothing in the environment but the folders.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("mlup-test-").tempdir().unwrap();
        let mut sandbox = Self { root, env: BTreeMap::new() };
        let folders = [("HOME", "home"), ("XDG_STATE_HOME", "state"), ("TMPDIR", "tmp")];
        for (variable, folder) in folders.into_iter().chain([("PATH", "bin")]) {
            let path = sandbox.root().join(folder);
            std::fs::create_dir(&path).unwrap();
            sandbox.env.insert(variable.to_owned(), path.display().to_string());
        }
        std::fs::create_dir(sandbox.project()).unwrap();
        sandbox.env.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
        sandbox
    }

    /// The folder that holds everything.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The folder that the program runs in.
    pub(crate) fn project(&self) -> PathBuf {
        self.root().join("project")
    }

    /// Where run logs and locks go.
    pub(crate) fn state(&self) -> PathBuf {
        self.root().join("state")
    }

    /// Writes a file below the project folder; folders on the way are made.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a file below the project folder of a sandbox that is in use.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The environment that everything here runs in.
    pub(crate) fn environment(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts a stand-in on PATH that answers by these rules, the first that matches.
    pub(crate) fn tool(self, name: &str, rules: &[Rule]) -> Self {
        let bin = self.root().join("bin");
        let json = serde_json::to_string_pretty(rules).unwrap();
        std::fs::write(bin.join(format!("{name}.rules.json")), json).unwrap();
        symlink(FAKE_TOOL, bin.join(name)).unwrap();
        self
    }

    /// Puts a stand-in of a cluster tool on PATH that acts on the real engine, by the script in
    /// `bin/fake-cluster.json`.
    pub(crate) fn cluster_tool(self, name: &str) -> Self {
        symlink(FAKE_CLUSTER, self.root().join("bin").join(name)).unwrap();
        self
    }

    /// Puts a tool of this machine on PATH, or the one that `scripts/setup` installed.
    pub(crate) fn real_tool(self, name: &str) -> Self {
        symlink(real_program(name), self.root().join("bin").join(name)).unwrap();
        self
    }

    /// Puts the real `docker` on PATH, and leads it to the engine of this machine.
    pub(crate) fn real_docker(self) -> Self {
        let sandbox = self.real_tool("docker");
        match std::env::var("DOCKER_HOST") {
            Ok(host) => sandbox.env("DOCKER_HOST", &host),
            Err(_) => sandbox,
        }
    }

    /// Runs mlup in the project folder to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.spawn(args).wait()
    }

    /// Starts mlup in the project folder.
    #[track_caller]
    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        Running::spawn(self.command(Path::new(MLUP), args))
    }

    /// Starts a copy of mlup as a user without any rights; everything here is opened to that user
    /// first. Where the test has no rights itself, that is simply this user.
    pub(crate) fn spawn_unprivileged(&self, args: &[&str]) -> Running {
        if !rustix::process::geteuid().is_root() {
            return self.spawn(args);
        }
        let copy = self.root().join("mlup");
        std::fs::copy(MLUP, &copy).unwrap();
        let mut opening = Command::new("chmod");
        assert!(opening.args(["-R", "a+rwX"]).arg(self.root()).status().unwrap().success());
        // The socket keeps the mode that the test gave it.
        for entry in std::fs::read_dir(self.root()).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_socket() {
                std::fs::set_permissions(entry.path(), Permissions::from_mode(0o000)).unwrap();
            }
        }
        let mut command = self.command(&copy, args);
        command.uid(65534).gid(65534);
        Running::spawn(command)
    }

    /// Starts mlup with a state folder on a file system that has no byte left, in a mount namespace
    /// of its own.
    pub(crate) fn spawn_on_full_disk(&self, args: &[&str]) -> Running {
        const SCRIPT: &str = "/bin/mount -t tmpfs -o size=4k none \"$XDG_STATE_HOME\" \
            && echo x > \"$XDG_STATE_HOME/fill\" && exec \"$@\"";
        let unshare = which::which("unshare").unwrap();
        let mut all = vec!["--mount", "--map-root-user", "/bin/sh", "-c", SCRIPT, "sh", MLUP];
        all.extend(args);
        Running::spawn(self.command(&unshare, &all))
    }

    /// Starts mlup in the project folder, on a terminal of this many columns and rows.
    pub(crate) fn spawn_on_terminal(&self, args: &[&str], columns: u16, rows: u16) -> Terminal {
        let mut args_of_setsid = vec!["--ctty", MLUP];
        args_of_setsid.extend(args);
        let setsid = which::which("setsid").unwrap();
        let mut command = self.command(&setsid, &args_of_setsid);
        command.env("TERM", "xterm-256color");
        Terminal::spawn(command, columns, rows)
    }

    /// Starts a tool of this sandbox, as mlup would.
    #[track_caller]
    pub(crate) fn spawn_tool(&self, name: &str, args: &[&str]) -> Running {
        Running::spawn(self.command(&self.root().join("bin").join(name), args))
    }

    /// Starts a bash script in the project folder, with the program under test in `$MLUP`.
    pub(crate) fn spawn_shell(&self, script: &str) -> Running {
        let mut command = self.command(Path::new("/bin/bash"), &["-c", script]);
        command.env("MLUP", MLUP);
        Running::spawn(command)
    }

    /// Starts a program of this machine on a terminal, to try the terminal itself.
    pub(crate) fn spawn_shell_on_terminal(&self, script: &str) -> Terminal {
        let setsid = which::which("setsid").unwrap();
        let command = self.command(&setsid, &["--ctty", "/bin/sh", "-c", script]);
        Terminal::spawn(command, 80, 24)
    }

    fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.env).current_dir(self.project());
        command.stdin(Stdio::null());
        command
    }

    /// The calls of one stand-in tool, in order.
    pub(crate) fn calls(&self, tool: &str) -> Vec<Call> {
        self.all_calls().into_iter().filter(|call| call.tool == tool).collect()
    }

    /// The calls of all stand-in tools, in order.
    pub(crate) fn all_calls(&self) -> Vec<Call> {
        let path = self.root().join("bin/calls.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // A last line without an end is still being written.
        let complete = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        complete.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The text with everything replaced that differs between two runs.
    pub(crate) fn tidy(&self, text: &str) -> String {
        without_differences(text, self.root())
    }
}

impl Sandbox {
    /// Ends what the stand-ins of cluster tools left running, by the numbers that they wrote down.
    fn end_left_processes(&self) {
        let path = self.root().join("bin/fake-cluster.pids");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for pid in text.lines().filter_map(|line| line.parse::<i32>().ok()) {
            // The number may be another process's by now.
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let is_own = String::from_utf8_lossy(&command).contains("fake-cluster\0serve\0");
            if let Some(pid) = Pid::from_raw(pid).filter(|_| is_own) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end_left_processes();
        if std::thread::panicking() {
            return;
        }
        let calls = self.all_calls();
        let unscripted: Vec<String> =
            calls.iter().filter(|call| call.rule.is_none()).map(Call::line).collect();
        assert!(unscripted.is_empty(), "unscripted calls:\n{}", unscripted.join("\n"));
    }
}
