//! Runs commands: each in a process group of its own, its output streamed and kept within bounds,
//! and never a process left behind. What a command means is up to the caller.

mod capture;
mod group;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio_util::sync::CancellationToken;

use crate::event::Stream;
use crate::host::Runner;
use crate::host::cmd::{Cmd, End, Leftovers, Output, SpawnError};
use crate::host::notify::VARIABLES;
use capture::Capture;
use group::Group;

/// How long a command may take to end after it was asked to.
pub const GRACE: Duration = Duration::from_secs(10);

/// How long output is still read once the command is dead: what it wrote is in the pipe already, and
/// whoever else holds the pipe open has left the group on purpose.
const DRAIN: Duration = Duration::from_millis(500);

/// The [`Runner`] that runs real commands.
pub struct ProcessRunner {
    env: Arc<BTreeMap<String, String>>,
    force: CancellationToken,
    grace: Duration,
}

impl ProcessRunner {
    /// Runs commands with this environment; `force` kills all of them at once, without grace.
    #[must_use]
    pub fn new(env: Arc<BTreeMap<String, String>>, force: CancellationToken) -> Self {
        Self { env: without_manager(env), force, grace: GRACE }
    }

    /// Sets how long a command may take to end after it was asked to; [`GRACE`] unless set.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    async fn run_to_end(&self, cmd: Cmd, cancel: CancellationToken) -> Result<Output, SpawnError> {
        let mut child = Child::spawn(&cmd, &self.env)?;
        let mut stdout = Capture::stdout();
        let mut stderr = Capture::stderr();
        let mut spoilt = None;
        let end = {
            let stop = cancel.child_token();
            let give = async {
                spoilt = feed(child.stdin, &cmd).await.err();
                if spoilt.is_some() {
                    stop.cancel();
                }
            };
            let talk = async {
                tokio::join!(
                    stdout.fill(child.stdout, Stream::Stdout, cmd.on_line.as_ref()),
                    stderr.fill(child.stderr, Stream::Stderr, cmd.on_line.as_ref()),
                    give,
                )
            };
            let life = self.supervise(&mut child.group, &cmd, stop.clone());
            tokio::pin!(talk, life);
            tokio::select! {
                end = &mut life => {
                    let _ = tokio::time::timeout(DRAIN, talk).await;
                    end
                }
                _ = &mut talk => life.await,
            }
        };
        if let Some(source) = spoilt {
            return Err(SpawnError::Input { program: cmd.program, source });
        }
        let end = end.map_err(|source| SpawnError::Refused { program: cmd.program, source })?;
        Ok(Output { end, stdout: stdout.into_text(), stderr: stderr.into_text() })
    }

    /// Waits for the first of: the end of the command, its time limit, a cancellation. The whole
    /// group is gone when this returns, but for a daemon of a command that ended by itself.
    async fn supervise(
        &self,
        group: &mut Group,
        cmd: &Cmd,
        cancel: CancellationToken,
    ) -> io::Result<End> {
        let ended = group.leader_ended();
        tokio::pin!(ended);
        let stopped = tokio::select! {
            result = &mut ended => {
                result?;
                return group.reap(cmd.leftovers);
            }
            () = cancel.cancelled() => End::Cancelled,
            () = self.force.cancelled() => End::Cancelled,
            () = expiry(cmd.timeout) => End::TimedOut,
        };
        group.terminate();
        let dead = tokio::select! {
            _ = &mut ended => true,
            () = self.force.cancelled() => false,
            () = tokio::time::sleep(self.grace) => false,
        };
        group.kill();
        if !dead {
            ended.await?;
        }
        group.reap(Leftovers::Killed)?;
        Ok(stopped)
    }
}

impl Runner for ProcessRunner {
    fn run(
        &self,
        cmd: Cmd,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<Output, SpawnError>> {
        Box::pin(self.run_to_end(cmd, cancel))
    }
}

async fn expiry(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Writes the standard input. A command that does not read it to the end is within its rights; that
/// what it is given cannot be read is an error.
async fn feed(stdin: Option<pipe::Sender>, cmd: &Cmd) -> io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    if let Some(text) = &cmd.stdin
        && stdin.write_all(text.expose().as_bytes()).await.is_err()
    {
        return Ok(());
    }
    let Some(payload) = &cmd.payload else { return Ok(()) };
    let mut payload = payload();
    while let Some(piece) = payload.next().await {
        if stdin.write_all(&piece?).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// A command that has been started, and our ends of its pipes.
struct Child {
    group: Group,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    stdin: Option<pipe::Sender>,
}

impl Child {
    fn spawn(cmd: &Cmd, base: &BTreeMap<String, String>) -> Result<Self, SpawnError> {
        let program = locate(cmd, base)?;
        Self::start(cmd, base, &program)
            .map_err(|source| SpawnError::Refused { program: cmd.program.clone(), source })
    }

    fn start(cmd: &Cmd, base: &BTreeMap<String, String>, program: &Path) -> io::Result<Self> {
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        #[expect(clippy::disallowed_methods, reason = "the one place that runs commands")]
        let mut expression = duct::cmd(program, &cmd.args)
            .full_env(cmd.full_env(base))
            .stdout_file(their_stdout)
            .stderr_file(their_stderr)
            .unchecked()
            .before_spawn(|command| {
                std::os::unix::process::CommandExt::process_group(command, 0);
                Ok(())
            });
        if let Some(cwd) = &cmd.cwd {
            expression = expression.dir(cwd);
        }
        let mut stdin = None;
        if cmd.stdin.is_some() || cmd.payload.is_some() {
            let (their_stdin, ours) = io::pipe()?;
            expression = expression.stdin_file(their_stdin);
            stdin = Some(pipe::Sender::from_owned_fd(OwnedFd::from(ours))?);
        } else {
            expression = expression.stdin_null();
        }
        let group = Group::start(&expression)?;
        // The expression holds the child's ends of the pipes: only once it is gone can reading meet
        // the end of the output.
        drop(expression);
        Ok(Self {
            group,
            stdout: pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))?,
            stderr: pipe::Receiver::from_owned_fd(OwnedFd::from(stderr))?,
            stdin,
        })
    }
}

/// Finds the program on the PATH that the command itself will see.
fn locate(cmd: &Cmd, base: &BTreeMap<String, String>) -> Result<PathBuf, SpawnError> {
    let folder = cmd.cwd.as_deref().unwrap_or(Path::new("."));
    if cmd.program.contains('/') {
        let path = folder.join(&cmd.program);
        return if path.exists() { Ok(path) } else { Err(not_found(cmd)) };
    }
    let path = cmd.env.get("PATH").map(|path| path.expose().to_owned());
    let path = path.or_else(|| base.get("PATH").cloned()).map(OsString::from);
    which::which_in(&cmd.program, path, folder).map_err(|_| not_found(cmd))
}

fn not_found(cmd: &Cmd) -> SpawnError {
    SpawnError::NotFound { program: cmd.program.clone() }
}

/// Whether this is a program that may be run.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The environment without what a service manager says to mlup alone.
fn without_manager(env: Arc<BTreeMap<String, String>>) -> Arc<BTreeMap<String, String>> {
    if !VARIABLES.iter().any(|name| env.contains_key(*name)) {
        return env;
    }
    let mut env = Arc::unwrap_or_clone(env);
    env.retain(|name, _| !VARIABLES.contains(&name.as_str()));
    Arc::new(env)
}

/// Where a program is on this PATH, if it is there.
#[must_use]
pub fn find_program(env: &BTreeMap<String, String>, program: &str) -> Option<PathBuf> {
    which::which_in_global(program, env.get("PATH")).ok()?.next()
}
