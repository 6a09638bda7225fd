//! The command lines of the ssh client: what mlup asks of every connection. Everything else is the
//! user's own configuration. Options as of OpenSSH 8.4 and later, `ssh_config(5)`.

use super::forward::Forward;
use crate::config::destination::Destination;
use crate::host::cmd::Cmd;
use crate::redact::Secret;

/// What is done about a machine whose host key is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strangers {
    /// It is not spoken to.
    Refuse,
    /// Its key is taken for its own from now on: somebody has compared it.
    Accept,
}

/// Seconds that a connection nobody uses stands, also after the run that made it was killed.
pub(super) const PERSIST: u64 = 30;

/// Seconds until a machine that does not answer counts as unreachable.
const CONNECT: u32 = 10;

/// What runs over there: a shell that reads its script from standard input.
pub(super) const SHELL: &str = "exec sh -s";

/// As [`SHELL`], where more than the script is on standard input: exactly the script's bytes are
/// read, one by one, for a shell reads ahead. A login shell that is no POSIX shell takes it too.
pub(super) fn shell_before_payload(length: usize) -> String {
    format!("exec sh -c 's=$(dd bs=1 count={length} 2>/dev/null); eval \"$s\"'")
}

/// What the far side says once a tunnel's connection stands.
pub(super) const UP: &str = "@mlup up";

/// A session on the shared connection, which is made if it does not stand. The remote command is
/// still to come.
pub(super) fn session(control: &str, destination: &Destination) -> Cmd {
    connection(control, "auto", &PERSIST.to_string()).args(["--", destination.as_str()])
}

/// The shared connection alone: the client goes into the background once it stands.
pub(super) fn connect(control: &str, destination: &Destination) -> Cmd {
    // The client ends before its other half has left the process group (`daemon(3)`).
    connection(control, "auto", &PERSIST.to_string())
        .args(["-f", "-N", "--", destination.as_str()])
        .with_daemon()
}

/// The connection of a tunnel: nothing but its command keeps it, and that ends with its input.
pub(super) fn keeper(control: &str, destination: &Destination) -> Cmd {
    connection(control, "yes", "no")
        .args(["--", destination.as_str()])
        .arg(format!("exec sh -c 'echo \"{UP}\"; exec cat >/dev/null'"))
}

/// Gives a tunnel's connection ports. The user's configuration has no part in it: its own forwards
/// would come with it.
pub(super) fn forward(control: &str, ports: &[Forward], destination: &Destination) -> Cmd {
    let ports = ports.iter().flat_map(|port| ["-L".to_owned(), port.argument()]);
    asking_nobody(Cmd::new("ssh"))
        .args(["-F", "none", "-o", &format!("ControlPath={}", escaped(control))])
        .args(["-O", "forward"])
        .args(ports)
        .args(["--", destination.as_str()])
}

fn connection(control: &str, master: &str, persist: &str) -> Cmd {
    let cmd = asking_nobody(Cmd::new("ssh"))
        .args(["-T", "-x", "-a"])
        .args(["-o", "BatchMode=yes"])
        .args(["-o", &format!("ConnectTimeout={CONNECT}")])
        .args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"])
        .args(["-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no"])
        .args(["-o", "RemoteCommand=none", "-o", "LogLevel=INFO"]);
    cmd.args(["-o", &format!("ControlMaster={master}")])
        .args(["-o", &format!("ControlPath={}", escaped(control))])
        .args(["-o", &format!("ControlPersist={persist}")])
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

/// A connection that nobody shares and that does nothing, telling all that happens on the way: the
/// host keys that it meets, and the words of the client that leads to a jump host, which a shared
/// connection leaves out (`sshconnect.c`, `ssh_proxy_fdpass_connect` and its sister).
pub(super) fn introduction(destination: &Destination, strangers: Strangers) -> Cmd {
    let checking = match strangers {
        Strangers::Refuse => "yes",
        Strangers::Accept => "accept-new",
    };
    asking_nobody(Cmd::new("ssh"))
        .args(["-v", "-n", "-T", "-x", "-a", "-o", "BatchMode=yes"])
        .args(["-o", &format!("ConnectTimeout={CONNECT}")])
        .args(["-o", "ControlPath=none", "-o", "ClearAllForwardings=yes"])
        .args(["-o", &format!("StrictHostKeyChecking={checking}")])
        .args(["-o", "PermitLocalCommand=no"])
        .args(["-o", "RemoteCommand=none"])
        .args(["--", destination.as_str(), "true"])
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
        let forward = Forward { local: 30_500, host: "fd00::5".to_owned(), port: 30_500 };
        assert_eq!(
            self::forward("/run/x/0t", &[forward], &destination).to_string(),
            "ssh -F none -o ControlPath=/run/x/0t -O forward -L '127.0.0.1:30500:[fd00::5]:30500' \
             -- dev@vm"
        );
        assert_eq!(cmd.env["SSH_ASKPASS_REQUIRE"].expose(), "force");
    }
}
