//! minikube and k3d for tests on the real Docker Engine: linked under a tool's name, it makes and
//! removes what the tool would, with nodes of busybox and an API on loopback, and goes wrong as
//! `fake-cluster.json` beside the link says. What the tools print is in `minikube` and `k3d`.

#![expect(clippy::disallowed_methods, reason = "a program of its own, outside mlup's layers")]

mod api;
mod calls;
mod engine;
mod flags;
mod k3d;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "tests use the rest"))]
#[path = "../support/kube/mod.rs"]
mod kube;
mod kubeconfig;
mod minikube;
mod objects;
mod pods;
mod script;
mod stage;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use script::{Answer, Fate, Fault, Relief, Script};

/// Exit code of a call that the stand-in does not know.
const UNSCRIPTED: u8 = 97;
/// Exit code of a stand-in that is itself broken.
const BROKEN: u8 = 98;
/// Longest stay of what hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// One call of a tool.
pub(crate) struct Call {
    /// Folder of the link, where script and lists are.
    pub(crate) folder: PathBuf,
    /// Arguments without the program.
    pub(crate) argv: Vec<String>,
    /// The command without its flags: `start`, `cluster create`.
    pub(crate) command: String,
    /// What the test says.
    pub(crate) script: Script,
    /// What goes wrong this time.
    pub(crate) fault: Option<Fault>,
    /// How often the command was called before.
    earlier: usize,
}

/// What a command ends with: its exit code, or a stand-in that is broken.
pub(crate) type Ended = Result<u8, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut argv = std::env::args();
    let program = argv.next().unwrap_or_default();
    let argv: Vec<String> = argv.collect();
    let ended = match argv.as_slice() {
        [serve, serving] if serve == api::SERVE => api::serve(serving).map(|()| 0),
        [stage] if stage == stage::STAGE => stage::serve().map(|()| 0),
        _ => answer(&program, argv),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fake-cluster {program}: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

fn answer(program: &str, argv: Vec<String>) -> Ended {
    let link = link(program).ok_or("not found on PATH under its own name")?;
    let tool = link.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let folder = link.parent().unwrap_or(Path::new("/")).to_owned();
    let script = std::fs::read_to_string(folder.join("fake-cluster.json"))?;
    let script: Script = serde_json::from_str(&script)?;
    let mut stdin = String::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().take(1 << 20).read_to_string(&mut stdin)?;
    }
    let known = match tool.as_str() {
        "minikube" => flags::command(&argv, &minikube::COMMANDS),
        "k3d" => flags::command(&argv, &k3d::COMMANDS),
        _ => None,
    };
    let heard = ["MINIKUBE_", "K3D_", "KUBECONFIG", "DOCKER_HOST", "LOG_COLORS"];
    let env: BTreeMap<String, String> = std::env::vars()
        .filter(|(name, _)| heard.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    let record = serde_json::json!({
        "tool": tool, "argv": argv, "stdin": stdin, "cwd": std::env::current_dir()?,
        "pid": std::process::id(), "rule": known.as_ref().map(|_| 0), "grandchild": null,
        "command": known, "env": env,
    });
    let before = calls::append(&folder, &record)?;
    let Some(command) = known else {
        writeln!(std::io::stderr(), "fake-cluster: unknown call: {tool} {}", argv.join(" "))?;
        return Ok(UNSCRIPTED);
    };
    let fault = script.faults.iter().find(|fault| {
        fault.command == command && (fault.calls.is_empty() || fault.calls.contains(&(before + 1)))
    });
    let fault = fault.cloned();
    let mut call = Call { folder, argv, command, script, fault, earlier: before };
    match tool.as_str() {
        "minikube" => minikube::run(&mut call),
        _ => k3d::run(&mut call),
    }
}

impl Call {
    /// Lets a fault pass once all that ends it holds.
    pub(crate) fn relieve(&mut self, is_forced: bool, is_purged: bool) {
        let passes = self.fault.as_ref().is_some_and(|fault| {
            !fault.until.is_empty()
                && fault.until.iter().all(|relief| match relief {
                    Relief::Forced => is_forced,
                    Relief::Purged => is_purged && self.earlier > 0,
                })
        });
        if passes {
            self.fault = None;
        }
    }

    /// How long the test says that this call takes.
    pub(crate) fn own_duration(&self) -> Duration {
        let own = self.fault.as_ref().and_then(|fault| fault.takes_ms);
        Duration::from_millis(own.unwrap_or(0))
    }

    /// Whether an answer stands in for the work.
    pub(crate) fn is_answered_at_once(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.answer.is_some() && !fault.works_first)
    }

    /// How long the work takes.
    pub(crate) fn duration(&self) -> Duration {
        let own = self.fault.as_ref().and_then(|fault| fault.takes_ms);
        Duration::from_millis(own.unwrap_or(self.script.start_ms))
    }

    /// Gives the answer that stands in for the work, if there is one for now: `before` the work or
    /// after it. The nodes meet their fate with it.
    pub(crate) fn scripted(
        &self,
        is_after_work: bool,
        nodes: &[String],
    ) -> Result<Option<u8>, Box<dyn Error>> {
        let Some(fault) = &self.fault else { return Ok(None) };
        let Some(answer) = fault.answer.as_ref().filter(|_| fault.works_first == is_after_work)
        else {
            return Ok(None);
        };
        for node in nodes {
            // A node that is not there has met its fate.
            let _ = match fault.node {
                Fate::Stays => Ok(String::new()),
                Fate::Stops => engine::docker(&["stop", node]),
                Fate::Vanishes => engine::docker(&["rm", "--force", node]),
            };
        }
        say(answer)?;
        Ok(Some(answer.exit))
    }

    /// Stays, where the test wants the call to hang.
    pub(crate) fn hang(&self) {
        if self.fault.as_ref().is_some_and(|fault| fault.hangs) {
            std::thread::sleep(LONGEST);
        }
    }

    /// Whether a name is one that this stand-in's daemon would know.
    pub(crate) fn is_family(&self, name: &str) -> bool {
        let name = name.strip_prefix("k3d-").unwrap_or(name);
        let rest = name.strip_prefix(&self.script.family);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.']))
    }
}

/// Prints an answer.
fn say(answer: &Answer) -> std::io::Result<()> {
    write!(std::io::stdout(), "{}", answer.stdout)?;
    std::io::stdout().flush()?;
    write!(std::io::stderr(), "{}", answer.stderr)
}

/// The link that this program was called by: its own path leads to the program behind it.
fn link(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists())
}
