//! The process group of one command: signals for all of it, and the guarantee that none of it is
//! left when the value is gone, but for a daemon that somebody wants.

use std::io;
use std::os::unix::process::ExitStatusExt;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::host::cmd::{End, Leftovers};

/// A running process group. Dropping it kills what is left of it.
pub(super) struct Group {
    handle: duct::Handle,
    leader: Pid,
    reaped: bool,
}

impl Group {
    /// Starts the expression, which must put its child at the head of a group of its own.
    pub(super) fn start(expression: &duct::Expression) -> io::Result<Self> {
        let handle = expression.start()?;
        let leader = handle.pids().first().and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
        let leader = leader.ok_or_else(|| io::Error::other("the child has no process id"))?;
        Ok(Self { handle, leader, reaped: false })
    }

    /// Waits until the leader is dead, and leaves it unreaped: as long as it is, its number cannot
    /// be given to another process and signals to the group reach nobody else.
    pub(super) fn leader_ended(&self) -> impl Future<Output = io::Result<()>> + use<> {
        let leader = self.leader;
        async move {
            let waited = tokio::task::spawn_blocking(move || wait_without_reaping(leader)).await;
            waited.map_err(io::Error::other)?
        }
    }

    /// Asks all of the group to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends all of the group.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Says how the leader, which must be dead, ended, and kills what is left of the group unless that
    /// is to live.
    pub(super) fn reap(&mut self, leftovers: Leftovers) -> io::Result<End> {
        if leftovers == Leftovers::Killed {
            self.kill();
        }
        self.reaped = true;
        let status = self.handle.wait()?.status;
        let signal = || status.signal().map_or(End::Exit(-1), End::Signal);
        Ok(status.code().map_or_else(signal, End::Exit))
    }

    /// A group that is gone already is as good as one that was reached.
    fn signal(&self, signal: Signal) {
        if !self.reaped {
            let _ = kill_process_group(self.leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn wait_without_reaping(leader: Pid) -> io::Result<()> {
    loop {
        match waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
