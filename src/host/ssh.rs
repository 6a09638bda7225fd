//! The way to another machine: the system's `ssh` with its own configuration, keys, agent and
//! known hosts, one connection a run. What its words mean is `policy::ssh`; which scripts run over
//! there is up to the drivers.

mod control;
mod copy;
mod options;
mod script;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::destination::Destination;
use crate::event::{Fix, Stream};
use crate::host::Runner;
use crate::host::cmd::{Cmd, End, Output, Payload};
use crate::host::workbench::Workbench;
use crate::policy::ssh as words;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

pub use copy::{Mode, RemotePath, Rights};
pub use script::Script;
#[cfg(test)]
pub(crate) use script::answering;
#[cfg(test)]
mod tests;

use control::Folder;
use script::Answer;

/// How long the end of a connection may take: it is asked of a process of this machine.
const CLOSING: Duration = Duration::from_secs(5);

/// The connections of a run, one a destination. Made on first use, ended by [`Connections::close`].
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    folder: Option<Folder>,
    links: BTreeMap<Destination, Arc<Link>>,
}

/// The connection to one destination.
struct Link {
    /// Where its socket is.
    control: String,
    /// Whether it was made. Held while it is being made, so that two scripts do not make two.
    made: tokio::sync::Mutex<bool>,
}

impl Connections {
    /// Connections whose sockets have the same paths in every test: `/run/mlup/0`.
    #[cfg(test)]
    pub(crate) fn scripted() -> Self {
        let folder = Some(Folder::scripted("/run/mlup"));
        Self(Arc::new(Mutex::new(Open { folder, links: BTreeMap::new() })))
    }

    fn link(
        &self,
        destination: &Destination,
        env: &BTreeMap<String, String>,
    ) -> Result<Arc<Link>, Failure> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = open.links.get(destination) {
            return Ok(Arc::clone(link));
        }
        let folder = match open.folder.take() {
            Some(folder) => folder,
            None => Folder::create(env)?,
        };
        let control = folder.socket(open.links.len());
        open.folder = Some(folder);
        let link = Arc::new(Link { control, made: tokio::sync::Mutex::new(false) });
        open.links.insert(destination.clone(), Arc::clone(&link));
        Ok(link)
    }

    /// Ends every connection and removes what belongs to them. A connection that does not listen
    /// ends by itself soon after.
    pub async fn close(&self, runner: &dyn Runner) {
        let open = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (destination, link) in open.links {
            if *link.made.lock().await {
                let exit = options::master(&link.control, "exit", &destination).timeout(CLOSING);
                let _ = runner.run(exit, CancellationToken::new()).await;
            }
        }
    }
}

/// The command line by which a script runs over there, on [`Connections::scripted`].
#[cfg(test)]
pub(crate) fn script_call(destination: &str) -> String {
    let destination = Destination::parse(destination).unwrap_or_else(|why| panic!("{why}"));
    options::session("/run/mlup/0", &destination).arg(options::SHELL).to_string()
}

/// One machine that ssh reaches, during one attempt of one step.
#[derive(Clone)]
pub struct Ssh {
    destination: Destination,
    bench: Workbench,
}

impl Ssh {
    /// The machine at this destination. Nothing is connected before it is needed.
    #[must_use]
    pub fn new(destination: &Destination, bench: &Workbench) -> Self {
        Self { destination: destination.clone(), bench: bench.clone() }
    }

    /// The destination.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Runs a script over there, in one round trip: its exit code, its standard output without
    /// anything that a login shell adds, and standard error, which is also told line by line.
    ///
    /// # Errors
    /// The machine cannot be reached, or has no shell: classified. A script that fails is none.
    pub async fn script(&self, script: &Script) -> Result<Output, Failure> {
        self.send(script, options::SHELL.to_owned(), script.input(), None).await
    }

    /// As [`Ssh::script`], with bytes on the script's standard input. That the script got all of
    /// them is up to the script to find out: it knows how many there are to be.
    ///
    /// # Errors
    /// As [`Ssh::script`]; `FILE_UNREADABLE` when the bytes end in an error.
    pub async fn feed(&self, script: &Script, payload: Payload) -> Result<Output, Failure> {
        let input = script.input_before_payload();
        let shell = options::shell_before_payload(input.expose().len());
        self.send(script, shell, input, Some(payload)).await
    }

    /// What the ssh client's own configuration makes of the destination: the value of this keyword
    /// of `ssh -G`, such as `hostname`. Asks nobody but the client.
    ///
    /// # Errors
    /// The client is missing, or its configuration is broken: classified.
    pub async fn setting(&self, keyword: &str) -> Result<Option<String>, Failure> {
        let cmd = options::settings(&self.destination);
        let output = self.run("read the ssh configuration", cmd, CLOSING).await?;
        if !output.success() {
            return Err(words::failure(self.destination.as_str(), "reach it", &output.stderr));
        }
        let mut pairs = output.stdout.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.find(|(name, _)| *name == keyword).map(|(_, value)| value.to_owned()))
    }

    async fn send(
        &self,
        script: &Script,
        shell: String,
        input: Secret,
        payload: Option<Payload>,
    ) -> Result<Output, Failure> {
        let env = &self.bench.host.env;
        let link = self.bench.host.ssh.link(&self.destination, env)?;
        let mut cmd = options::session(&link.control, &self.destination).arg(shell);
        cmd.stdin = Some(input);
        cmd.payload = payload;
        let lines = Arc::clone(&self.bench.lines);
        cmd.on_line = Some(Arc::new(move |stream, line| {
            if stream == Stream::Stderr {
                lines(stream, line);
            }
        }));
        let mut made = link.made.lock().await;
        let limit = script.time_limit();
        let output = if *made {
            drop(made);
            self.run(script.doing(), cmd, limit).await?
        } else {
            let output = self.run(script.doing(), cmd, limit).await?;
            *made = script::answer(&output.stdout) != Answer::None;
            drop(made);
            output
        };
        self.understand(script, &link, output).await
    }

    /// Tells the script's own end from everything that may happen on the way.
    async fn understand(
        &self,
        script: &Script,
        link: &Link,
        output: Output,
    ) -> Result<Output, Failure> {
        let (destination, doing) = (self.destination.as_str(), script.doing());
        let answer = script::answer(&output.stdout);
        if let Answer::Whole { code, text } = answer {
            return Ok(Output { end: End::Exit(code), stdout: text, stderr: output.stderr });
        }
        let began = answer == Answer::Broken;
        Err(match output.end {
            End::TimedOut if began => words::slow(destination, doing, script.time_limit()),
            End::TimedOut => words::silent(destination, doing, script.time_limit()),
            _ if began && self.is_connected(link).await => words::killed(destination, doing),
            _ if began => words::lost(destination, doing, &output.stderr),
            End::Exit(CLIENT_FAILED) => self.refused(doing, &output.stderr).await,
            End::Exit(_) | End::Signal(_) | End::Cancelled => {
                words::no_shell(destination, doing, &output.stdout, &output.stderr)
            }
        })
    }

    /// Why the client made no connection. A host key that it does not know is asked for once more,
    /// because in batch mode the client does not show it.
    async fn refused(&self, doing: &str, stderr: &str) -> Failure {
        let failure = words::failure(self.destination.as_str(), doing, stderr);
        if failure.code != words::HOST_KEY_UNKNOWN {
            return failure;
        }
        let cmd = options::introduction(&self.destination);
        let shown = self.run(doing, cmd, CLOSING * 2).await;
        let key = shown.ok().and_then(|output| words::host_key(&output.stderr));
        match key {
            Some(key) => failure.because("ssh", key.to_string()),
            None => failure,
        }
    }

    /// Whether the connection stands, by the client's own word.
    async fn is_connected(&self, link: &Link) -> bool {
        let check = options::master(&link.control, "check", &self.destination);
        self.run("look at the connection", check, CLOSING).await.is_ok_and(|out| out.success())
    }

    async fn run(&self, doing: &str, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
        self.bench.look(cmd, limit).await.map_err(|failure| match failure.code {
            "TOOL_MISSING" => {
                let summary = format!(
                    "could not {doing} on `{}`: there is no `ssh` on PATH",
                    self.destination
                );
                Failure::new(Class::Prerequisite, "SSH_MISSING", summary)
                    .fix(Fix::safe("sudo apt-get install openssh-client"))
            }
            _ => failure,
        })
    }
}

/// The exit code by which the client speaks of itself; scripts' own codes come with their answer.
const CLIENT_FAILED: i32 = 255;
