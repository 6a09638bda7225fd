//! What it means that the other machine was not reached, or that a script did not run there. The
//! words of the client are rows of `known_issues`; here is what needs more than one line of it.

use std::fmt;
use std::time::Duration;

use crate::event::Fix;
use crate::policy::classify::{known, last_lines};
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// The code of a machine whose host key nobody has accepted yet.
pub const HOST_KEY_UNKNOWN: &str = "SSH_HOST_KEY_UNKNOWN";

/// The code of a machine whose jump host is in the way.
const JUMP_FAILED: &str = "SSH_JUMP_FAILED";

/// What goes before a line that is told under `-v` alone.
const DEBUG: &str = "debug1: ";

/// A host key as people compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// Its kind, such as `ssh-ed25519`.
    pub kind: String,
    /// Its fingerprint, such as `SHA256:...`.
    pub fingerprint: String,
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.fingerprint)
    }
}

impl HostKey {
    /// The key in the evidence of a machine whose key nobody has accepted yet.
    #[must_use]
    pub fn of(failure: &Failure) -> Option<Self> {
        let is_unknown = failure.code == HOST_KEY_UNKNOWN;
        let mut lines = failure.evidence.iter().rev().filter(|_| is_unknown);
        let (kind, digest) = lines.find_map(|line| line.text.split_once(" SHA256:"))?;
        Some(Self { kind: kind.to_owned(), fingerprint: format!("SHA256:{digest}") })
    }
}

/// The machine shows another key than the one that somebody has just agreed to.
#[must_use]
pub fn another_key(destination: &str, agreed: &HostKey, shown: Option<&HostKey>) -> Failure {
    let summary = format!("`{destination}` does not show the host key any more that was agreed to");
    let failure = Failure::new(Class::Refused, "SSH_HOST_KEY_CHANGED", summary)
        .because("ssh", format!("agreed to {agreed}"));
    let failure = match shown {
        Some(shown) => failure.because("ssh", format!("it shows {shown}")),
        None => failure,
    };
    failure.fix(Fix::safe(format!("ssh -v {} true   # find out why", quote(destination))))
}

/// The host key that a client shows under `-v` (`sshconnect.c`, `verify_host_key`). Behind a jump
/// host that is the last one: the way there comes first.
#[must_use]
pub fn host_key(stderr: &str) -> Option<HostKey> {
    let shown = stderr.lines().filter_map(|line| line.split_once("Server host key: "));
    let (kind, fingerprint) = { shown }.next_back()?.1.trim().split_once(' ')?;
    Some(HostKey { kind: kind.to_owned(), fingerprint: fingerprint.to_owned() })
}

/// Whether the client can tell more about this when it is asked to.
#[must_use]
pub fn says_too_little(failure: &Failure) -> bool {
    [HOST_KEY_UNKNOWN, JUMP_FAILED].contains(&failure.code)
}

/// The failure with what the client tells of it under `-v`: the words of a jump host's own client,
/// and the host key that was refused.
#[must_use]
pub fn explained(destination: &str, doing: &str, before: Failure, stderr: &str) -> Failure {
    let plain: Vec<&str> = stderr.lines().filter(|line| !is_debug(line)).collect();
    let now = failure(destination, doing, &plain.join("\n"));
    let failure = if now.code == before.code { now } else { before };
    let key = plain.iter().any(|line| line.contains("Host key verification failed"));
    match host_key(stderr).filter(|_| key) {
        Some(key) => failure.because("ssh", key.to_string()),
        None => failure,
    }
}

/// Lines of `-v`: what it tells, its version, and where it read its settings.
fn is_debug(line: &str) -> bool {
    line.starts_with(DEBUG) || line.starts_with("OpenSSH_")
}

/// Why the client made no connection, by its own words.
#[must_use]
pub fn failure(destination: &str, doing: &str, stderr: &str) -> Failure {
    let doing_there = format!("{doing} on `{destination}`");
    let special = || jump(destination, &doing_there, stderr);
    if let Some(failure) = changed_key(&doing_there, stderr).or_else(special) {
        return failure;
    }
    if let Some(mut failure) = known(Tool::Ssh, &doing_there, stderr) {
        if let Some(fix) = &mut failure.fix {
            fix.command = fix.command.replace("{destination}", &quote(destination));
        }
        return failure;
    }
    let summary = format!("could not {doing_there}: `ssh` could not connect");
    let mut failure = Failure::new(Class::Permanent, "SSH_FAILED", summary);
    failure.evidence = last_lines(Tool::Ssh.name(), stderr, "");
    failure.fix(Fix::safe(format!("ssh -v {} true", quote(destination))))
}

/// A machine that shows another key than the one it is known by.
fn changed_key(doing: &str, stderr: &str) -> Option<Failure> {
    let banner = stderr.lines().find(|line| line.contains("HOST IDENTIFICATION HAS CHANGED"))?;
    let value = |before: &str, after: &str| {
        let rest = stderr.lines().find_map(|line| line.trim().strip_prefix(before))?;
        Some(rest.split_once(after).map_or(rest, |(value, _)| value).to_owned())
    };
    let summary =
        format!("could not {doing}: the machine shows another host key than the known one");
    let failure = Failure::new(Class::Refused, "SSH_HOST_KEY_CHANGED", summary)
        .because("ssh", banner.trim_matches(['@', ' ']));
    let fingerprint = stderr.lines().map(str::trim).find(|line| line.starts_with("SHA256:"));
    let failure = match fingerprint {
        Some(key) => failure.because("ssh", format!("it shows {}", key.trim_end_matches('.'))),
        None => failure,
    };
    // `Offending ED25519 key in /home/dev/.ssh/known_hosts:3`, `Host key for [vm]:2222 has changed`
    let known = stderr.lines().find(|line| line.trim_start().starts_with("Offending "));
    let place = known.and_then(|line| line.rsplit_once(" key in ")).map(|(_, place)| place.trim());
    let failure = match place {
        Some(place) => failure.because("ssh", format!("the known one is in {place}")),
        None => failure,
    };
    let host = value("Host key for ", " has changed").unwrap_or_else(|| "HOST".to_owned());
    let file = place.and_then(|place| place.rsplit_once(':')).map(|(file, _)| file);
    let file = file.map_or(String::new(), |file| format!(" -f {}", quote(file)));
    let command = format!(
        "ssh-keygen -R {}{file}   # only once you know why: a new machine has a new key, and so has \
         one that only pretends to be it",
        quote(&host)
    );
    Some(failure.fix(Fix::destructive(command)))
}

/// A way through a jump host or a proxy command that ends on the way: the client has no name for its
/// other end then (`sshconnect.c`, `ssh_packet_set_connection` without a socket).
fn jump(destination: &str, doing: &str, stderr: &str) -> Option<Failure> {
    let is_symptom = |line: &&str| line.contains("UNKNOWN port 65535");
    stderr.lines().find(is_symptom)?;
    let summary = format!(
        "could not {doing}: the way there, through a jump host or a proxy command, ends too early"
    );
    let mut failure = Failure::new(Class::Prerequisite, JUMP_FAILED, summary);
    let own: Vec<&str> = stderr.lines().filter(|line| !is_symptom(line)).collect();
    failure.evidence = last_lines(Tool::Ssh.name(), &own.join("\n"), "");
    let destination = quote(destination);
    let command =
        format!("ssh -G {destination} | grep -i ^proxy   # then `ssh` to what is named there");
    Some(failure.fix(Fix::safe(command)))
}

/// The machine did not answer within the script's time.
#[must_use]
pub fn silent(destination: &str, doing: &str, limit: Duration) -> Failure {
    let seconds = limit.as_secs();
    let summary =
        format!("could not {doing} on `{destination}`: no shell answered there within {seconds} s");
    Failure::new(Class::Timeout, "SSH_TIMEOUT", summary)
        .fix(Fix::safe(format!("ssh -v {} true", quote(destination))))
}

/// The script ran longer than its time.
#[must_use]
pub fn slow(destination: &str, doing: &str, limit: Duration) -> Failure {
    let seconds = limit.as_secs();
    let summary =
        format!("could not {doing} on `{destination}`: it did not end within {seconds} s");
    Failure::new(Class::Timeout, "SSH_SCRIPT_SLOW", summary)
}

/// The connection broke while the script ran.
#[must_use]
pub fn lost(destination: &str, doing: &str, stderr: &str) -> Failure {
    let summary =
        format!("could not {doing} on `{destination}`: the connection was lost on the way");
    let mut failure = Failure::new(Class::Transient, "SSH_CONNECTION_LOST", summary);
    failure.evidence = last_lines(Tool::Ssh.name(), stderr, "");
    failure
}

/// The script's shell was killed over there.
#[must_use]
pub fn killed(destination: &str, doing: &str) -> Failure {
    let summary = format!("could not {doing} on `{destination}`: its shell was killed there");
    Failure::new(Class::Permanent, "SSH_SCRIPT_KILLED", summary).fix(Fix::safe(format!(
        "ssh {} 'dmesg | tail; journalctl -n 20'   # short of memory, or ended by somebody?",
        quote(destination)
    )))
}

/// The machine was reached, and no POSIX shell took the script.
#[must_use]
pub fn no_shell(destination: &str, doing: &str, stdout: &str, stderr: &str) -> Failure {
    let summary = format!("could not {doing} on `{destination}`: no `sh` ran the script there");
    let mut failure = Failure::new(Class::Prerequisite, "SSH_SHELL_UNUSABLE", summary);
    failure.evidence = last_lines(Tool::Ssh.name(), stderr, stdout);
    failure.fix(Fix::safe(format!(
        "ssh {} 'sh -c \"echo works\"'   # the account needs a login shell that runs commands",
        quote(destination)
    )))
}

/// What it means that a script of mlup's own failed over there.
#[must_use]
pub fn far_side(destination: &str, doing: &str, stderr: &str) -> Failure {
    let doing = format!("{doing} on `{destination}`");
    if let Some(mut failure) = known(Tool::FarSide, &doing, stderr) {
        if let Some(fix) = &mut failure.fix {
            fix.command = fix.command.replace("{destination}", &quote(destination));
        }
        return failure;
    }
    let mut failure =
        Failure::new(Class::Permanent, "SSH_SCRIPT_FAILED", format!("could not {doing}"));
    failure.evidence = last_lines(destination, stderr, "");
    failure
}
