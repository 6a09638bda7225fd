//! The way to another machine: the system's `ssh` with its own configuration, keys, agent and
//! known hosts, one connection a run. What its words mean is `policy::ssh`; which scripts run over
//! there is up to the drivers.

mod connections;
mod control;
mod copy;
mod forward;
mod keeper;
mod options;
pub mod record;
mod script;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::destination::Destination;
use crate::event::{Fix, Stream};
use crate::host::cmd::{Cmd, End, Output, Payload};
use crate::host::workbench::Workbench;
use crate::policy::ssh::{self as words, HostKey};
use crate::policy::{Class, Failure};
use crate::redact::Secret;

pub use connections::Connections;
pub use copy::{Mode, RemotePath, Rights};
pub use forward::Forward;
pub use script::Script;
#[cfg(test)]
pub(crate) use script::answering;
#[cfg(test)]
mod tests;

use connections::Link;
use options::Strangers;
use script::Answer;

/// How long the end of a connection may take: it is asked of a process of this machine.
const CLOSING: Duration = Duration::from_secs(5);

/// How long a connection that nobody uses is sure to stand, with room for a slow machine.
const FRESH: Duration = Duration::from_secs(options::PERSIST / 2);

/// How long the client may take to tell all that happens on the way.
const ASKING: Duration = Duration::from_secs(20);

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

    /// Makes the connection that scripts share, and runs none.
    ///
    /// # Errors
    /// As [`Ssh::script`].
    pub async fn connect(&self) -> Result<(), Failure> {
        let doing = "log in";
        let link = self.bench.host.ssh.link(&self.destination, &self.bench.host.env)?;
        let mut used = link.used.lock().await;
        if self.is_standing(&link, *used).await {
            return Ok(());
        }
        let cmd = options::connect(&link.control, &self.destination);
        let output = self.run(doing, cmd, ASKING).await?;
        *used = output.success().then(Instant::now);
        match output.end {
            End::Exit(0) => Ok(()),
            End::TimedOut => Err(words::silent(self.destination.as_str(), doing, ASKING)),
            _ => Err(self.refused(doing, &output.stderr).await),
        }
    }

    /// Takes the host key that the machine shows for its own from now on, if it is still the one
    /// that somebody has agreed to. The client writes it into the user's known hosts.
    ///
    /// # Errors
    /// `SSH_HOST_KEY_CHANGED`: it shows another one now; the machine cannot be reached.
    pub async fn accept(&self, agreed: &HostKey) -> Result<(), Failure> {
        let doing = "meet the machine";
        let ask = |strangers| options::introduction(&self.destination, strangers);
        let looked = self.run(doing, ask(Strangers::Refuse), ASKING).await?;
        let shown = words::host_key(&looked.stderr);
        if shown.as_ref() == Some(agreed) {
            let taken = self.run(doing, ask(Strangers::Accept), ASKING).await?;
            if words::host_key(&taken.stderr).as_ref() == Some(agreed) {
                return Ok(());
            }
        }
        Err(words::another_key(self.destination.as_str(), agreed, shown.as_ref()))
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
        let mut used = link.used.lock().await;
        let limit = script.time_limit();
        let output = if self.is_standing(&link, *used).await {
            *used = Some(Instant::now());
            drop(used);
            self.run(script.doing(), cmd, limit).await?
        } else {
            let output = self.run(script.doing(), cmd, limit).await?;
            *used = (script::answer(&output.stdout) != Answer::None).then(Instant::now);
            drop(used);
            output
        };
        self.understand(script, &link, output).await
    }

    /// Whether the connection stands: one that was used a moment ago does, one that nobody used for
    /// long may have ended by itself.
    async fn is_standing(&self, link: &Link, used: Option<Instant>) -> bool {
        match used {
            Some(at) if at.elapsed() < FRESH => true,
            Some(_) => self.is_connected(link).await,
            None => false,
        }
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

    /// Why the client made no connection. Where it says too little it is asked once more: in batch
    /// mode it does not show a host key, and nothing of a jump host.
    async fn refused(&self, doing: &str, stderr: &str) -> Failure {
        let failure = words::failure(self.destination.as_str(), doing, stderr);
        if !words::says_too_little(&failure) {
            return failure;
        }
        let again = self
            .run(doing, options::introduction(&self.destination, Strangers::Refuse), ASKING)
            .await;
        match again {
            Ok(output) => {
                words::explained(self.destination.as_str(), doing, failure, &output.stderr)
            }
            Err(_) => failure,
        }
    }

    /// Whether the connection stands, by the client's own word.
    async fn is_connected(&self, link: &Link) -> bool {
        let check = options::master(&link.control, "check", &self.destination);
        self.run("look at the connection", check, CLOSING).await.is_ok_and(|out| out.success())
    }

    async fn run(&self, doing: &str, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
        self.bench.look(cmd, limit).await.map_err(|failure| match failure.code {
            "TOOL_MISSING" => missing(doing, self.destination.as_str()),
            _ => failure,
        })
    }
}

fn missing(doing: &str, destination: &str) -> Failure {
    let summary = format!("could not {doing} on `{destination}`: there is no `ssh` on PATH");
    Failure::new(Class::Prerequisite, "SSH_MISSING", summary)
        .fix(Fix::safe("sudo apt-get install openssh-client"))
}

/// The exit code by which the client speaks of itself; scripts' own codes come with their answer.
const CLIENT_FAILED: i32 = 255;
