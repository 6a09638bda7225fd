//! The command lines of the ssh client: what mlup asks of every connection. Everything else is the
//! user's own configuration. Options as of OpenSSH 8.4 and later, `ssh_config(5)`.

use crate::config::destination::Destination;
use crate::host::cmd::Cmd;
use crate::redact::Secret;

/// Seconds that a connection nobody uses outlives the run that made it, should that be killed.
const PERSIST: u32 = 30;

/// Seconds until a machine that does not answer counts as unreachable.
const CONNECT: u32 = 10;

/// What runs over there: a shell that reads its script from standard input.
pub(super) const SHELL: &str = "exec sh -s";

/// As [`SHELL`], where more than the script is on standard input: exactly the script's bytes are
/// read, one by one, for a shell reads ahead. A login shell that is no POSIX shell takes it too.
pub(super) fn shell_before_payload(length: usize) -> String {
    format!("exec sh -c 's=$(dd bs=1 count={length} 2>/dev/null); eval \"$s\"'")
}

/// A session on the shared connection, which is made if it does not stand. The remote command is
/// still to come.
pub(super) fn session(control: &str, destination: &Destination) -> Cmd {
    let cmd = asking_nobody(Cmd::new("ssh"))
        .args(["-T", "-x", "-a"])
        .args(["-o", "BatchMode=yes"])
        .args(["-o", &format!("ConnectTimeout={CONNECT}")])
        .args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"])
        .args(["-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no"])
        .args(["-o", "RemoteCommand=none", "-o", "LogLevel=INFO"]);
    cmd.args(["-o", "ControlMaster=auto", "-o", &format!("ControlPath={}", escaped(control))])
        .args(["-o", &format!("ControlPersist={PERSIST}")])
        .args(["--", destination.as_str()])
}

/// A word to the process that holds the connection: `check`, `exit`. The user's configuration has
/// no part in it.
pub(super) fn master(control: &str, word: &str, destination: &Destination) -> Cmd {
    asking_nobody(Cmd::new("ssh"))
        .args(["-F", "none", "-o", &format!("ControlPath={}", escaped(control))])
        .args(["-O", word, "--", destination.as_str()])
}

/// What the client's configuration makes of the destination.
pub(super) fn settings(destination: &Destination) -> Cmd {
    asking_nobody(Cmd::new("ssh")).args(["-G", "--", destination.as_str()])
}

/// A connection that ends at the host key, and says which it is (`-v` is a level of its own).
pub(super) fn introduction(destination: &Destination) -> Cmd {
    asking_nobody(Cmd::new("ssh"))
        .args(["-v", "-N", "-T", "-x", "-a", "-o", "BatchMode=yes"])
        .args(["-o", &format!("ConnectTimeout={CONNECT}")])
        .args(["-o", "ControlPath=none", "-o", "ClearAllForwardings=yes"])
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "PermitLocalCommand=no"])
        .args(["-o", "RemoteCommand=none"])
        .args(["--", destination.as_str()])
}

/// In the words that are known, and without a question: batch mode is not handed on to the client
/// that leads to a jump host, and that one would wait for an answer at the terminal.
fn asking_nobody(cmd: Cmd) -> Cmd {
    cmd.env("LC_ALL", Secret::new("C"))
        .env("SSH_ASKPASS", Secret::new("false"))
        .env("SSH_ASKPASS_REQUIRE", Secret::new("force"))
}

/// The path with the client's own placeholders left out of it.
fn escaped(path: &str) -> String {
    path.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_asks_nobody_and_shares_the_connection() {
        let destination = Destination::parse("dev@vm").unwrap();
        let cmd = session("/run/x%/0", &destination).arg(SHELL);
        assert_eq!(
            cmd.to_string(),
            "ssh -T -x -a -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 \
             -o ServerAliveCountMax=3 -o ClearAllForwardings=yes -o PermitLocalCommand=no \
             -o RemoteCommand=none -o LogLevel=INFO -o ControlMaster=auto -o ControlPath=/run/x%%/0 -o ControlPersist=30 -- dev@vm \
             'exec sh -s'"
        );
        assert_eq!(cmd.env["SSH_ASKPASS_REQUIRE"].expose(), "force");
    }
}
