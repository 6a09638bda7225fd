//! The way to another machine, through the library, with the real client and a real sshd.

mod files;
mod refusals;
mod scripts;
mod tunnels;

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mlup::config::destination::Destination;
use mlup::event::Stream;
use mlup::host::Host;
use mlup::host::cmd::Output;
use mlup::host::docker::Engine;
use mlup::host::process::ProcessRunner;
use mlup::host::ssh::{Connections, Script, Ssh};
use mlup::host::workbench::Workbench;
use mlup::policy::Failure;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::Sandbox;
use crate::support::sshd::{HOST, Sshd};

/// A machine, and what mlup reaches it with.
struct Site {
    sshd: Sshd,
    sandbox: Sandbox,
    bench: Workbench,
    told: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn new() -> Self {
        Self::at(Sshd::start())
    }

    fn at(sshd: Sshd) -> Self {
        let sandbox = Sandbox::new().ssh(&sshd);
        let env = Arc::new(sandbox.environment().clone());
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = Arc::clone(&told);
        let host = Host {
            runner: Arc::new(ProcessRunner::new(Arc::clone(&env), CancellationToken::new())),
            docker: Engine::new(Arc::clone(&env)),
            ssh: Connections::default(),
            env,
        };
        let bench = Workbench {
            host,
            root: sandbox.project(),
            deadline: Instant::now() + Duration::from_secs(300),
            cancel: CancellationToken::new(),
            lines: Arc::new(move |stream, line: &str| {
                assert_eq!(stream, Stream::Stderr, "{line}");
                sink.lock().unwrap().push(line.to_owned());
            }),
            announce: Arc::new(|_| {}),
        };
        Self { sshd, sandbox, bench, told }
    }

    fn ssh(&self) -> Ssh {
        self.to(HOST)
    }

    fn to(&self, destination: &str) -> Ssh {
        Ssh::new(&Destination::parse(destination).unwrap(), &self.bench)
    }

    async fn run(&self, text: &'static str) -> Result<Output, Failure> {
        self.ssh().script(&Script::new("look round", text)).await
    }

    /// Adds lines to the client's configuration, before those for the machine.
    fn configure(&self, lines: &str) {
        let path = self.sshd.path("config");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{lines}\n{text}")).unwrap();
    }

    /// Waits for a condition that nobody tells of.
    async fn until(&self, condition: impl Fn() -> bool) {
        let met = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), met).await.unwrap();
    }

    async fn close(&self) {
        self.bench.host.ssh.close(&*self.bench.host.runner).await;
    }
}
