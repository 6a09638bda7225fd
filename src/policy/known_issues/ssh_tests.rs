//! What the ssh client prints when it makes no connection, recorded of OpenSSH 9.2 where nothing
//! else is said, and the code and the words that it must give.

use regex::Regex;

use super::ssh::ISSUES;
use crate::event::Safety;
use crate::policy::Class;
use crate::policy::ssh::{explained, failure, far_side, host_key, says_too_little};

/// The code, words of the sentence or of the fix, and what was printed.
const CLIENT: &[(&str, &str, &str)] = &[
    (
        "SSH_HOST_UNKNOWN",
        "nobody knows a machine called `nosuch.invalid`",
        "ssh: Could not resolve hostname nosuch.invalid: Name or service not known\r\n",
    ),
    // macOS 14.
    (
        "SSH_HOST_UNKNOWN",
        "`nosuch`",
        "ssh: Could not resolve hostname nosuch: nodename nor servname provided, or not known\r\n",
    ),
    (
        "SSH_HOST_UNKNOWN",
        "cannot be looked up now",
        "ssh: Could not resolve hostname vm.lan: Temporary failure in name resolution\r\n",
    ),
    (
        "SSH_REFUSED",
        "no ssh service listens on port 1 of `127.0.0.1`",
        "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n",
    ),
    (
        "SSH_TIMEOUT",
        "does not answer",
        "ssh: connect to host 10.255.255.1 port 22: Connection timed out\r\n",
    ),
    (
        "SSH_TIMEOUT",
        "does not answer",
        "Connection timed out during banner exchange\r\nConnection to 10.255.255.1 port 22 timed out\r\n",
    ),
    (
        "SSH_NO_ROUTE",
        "no way to `10.9.9.9`",
        "ssh: connect to host 10.9.9.9 port 22: No route to host\r\n",
    ),
    (
        "SSH_NO_ROUTE",
        "no way to `fd00::1`",
        "ssh: connect to host fd00::1 port 22: Network is unreachable\r\n",
    ),
    (
        "SSH_DENIED",
        "none of your keys (publickey)",
        "dev@127.0.0.1: Permission denied (publickey).\r\n",
    ),
    (
        "SSH_DENIED",
        "mlup types no passwords",
        "dev@127.0.0.1: Permission denied (publickey,password).\r\n",
    ),
    (
        "SSH_TOO_MANY_KEYS",
        "the agent has too many",
        "Received disconnect from 127.0.0.1 port 22022:2: Too many authentication failures\r\nDisconnected from 127.0.0.1 port 22022\r\n",
    ),
    (
        "SSH_AGENT_REFUSED",
        "does not sign",
        "sign_and_send_pubkey: signing failed for ED25519 \"/home/dev/.ssh/id\" from agent: agent refused operation\r\ndev@127.0.0.1: Permission denied (publickey).\r\n",
    ),
    (
        "SSH_KEY_UNUSABLE",
        "`/home/dev/.ssh/id` cannot be used: bad permissions",
        "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\r\nLoad key \"/home/dev/.ssh/id\": bad permissions\r\ndev@127.0.0.1: Permission denied (publickey).\r\n",
    ),
    ("SSH_HOST_KEY_UNKNOWN", "not known yet", "Host key verification failed.\r\n"),
    (
        "SSH_HOST_KEY_UNKNOWN",
        "not known yet",
        "No ED25519 host key is known for [127.0.0.1]:22022 and you have requested strict checking.\r\nHost key verification failed.\r\n",
    ),
    (
        "SSH_ALGORITHMS",
        "no host key type in common; the machine offers ssh-ed25519",
        "Unable to negotiate with 127.0.0.1 port 22022: no matching host key type found. Their offer: ssh-ed25519\r\n",
    ),
    (
        "SSH_CONFIG_INVALID",
        "configuration of the ssh client",
        "/home/dev/.ssh/config: line 2: Bad configuration option: foo\r\n/home/dev/.ssh/config: terminating, 1 bad configuration options\r\n",
    ),
    (
        "SSH_CONFIG_INVALID",
        "configuration of the ssh client",
        "Bad owner or permissions on /home/dev/.ssh/config\r\n",
    ),
    (
        "SSH_CONFIG_INVALID",
        "configuration of the ssh client",
        "Can't open user config file /nonexist: No such file or directory\r\n",
    ),
    (
        "SSH_JUMP_FAILED",
        "ends too early",
        "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\nbanner exchange: Connection to UNKNOWN port 65535: Broken pipe\r\n",
    ),
    (
        "SSH_JUMP_FAILED",
        "ends too early",
        "/bin/bash: line 1: exec: nosuchprog: not found\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n",
    ),
    (
        "SSH_CLOSED",
        "hung up",
        "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 127.0.0.1 port 22\r\n",
    ),
    // `sshconnect.c`, `check_host_key`.
    (
        "SSH_HOST_KEY_REVOKED",
        "was revoked",
        "@       WARNING: REVOKED HOST KEY DETECTED!               @\r\nThe ED25519 host key for vm is marked as revoked.\r\nHost key verification failed.\r\n",
    ),
    // `authfile.c`, `sshkey_check_revoked` by way of `sshconnect.c`.
    (
        "SSH_HOST_KEY_REVOKED",
        "was revoked",
        "Host key ED25519 SHA256:NzCKR72D9iFqTJmk1yDXeYEHrc9gF+TEQzDaN8/CeE4 revoked by file /home/dev/.ssh/revoked\r\nHost key verification failed.\r\n",
    ),
    ("SSH_FAILED", "could not connect", "something that nobody has heard of\r\n"),
];

/// The same of programs of the far side: sudo 1.9, coreutils 9.1.
const FAR: &[(&str, &str, &str)] = &[
    ("SUDO_PASSWORD_NEEDED", "asks for a password", "sudo: a password is required\n"),
    (
        "REMOTE_DISK_FULL",
        "a disk of the machine is full",
        "cat: write error: No space left on device\n",
    ),
    (
        "REMOTE_FILE_UNWRITABLE",
        "cannot be written",
        "sh: 1: cannot create /etc/x: Permission denied\n",
    ),
    ("SSH_SCRIPT_FAILED", "could not copy", "mv: something new\n"),
];

const CHANGED: &str = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n\
    @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n\
    @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n\
    The fingerprint for the ED25519 key sent by the remote host is\r\n\
    SHA256:NzCKR72D9iFqTJmk1yDXeYEHrc9gF+TEQzDaN8/CeE4.\r\n\
    Offending ED25519 key in /home/dev/.ssh/known_hosts:3\r\n\
    Host key for [127.0.0.1]:22022 has changed and you have requested strict checking.\r\n\
    Host key verification failed.\r\n";

#[test]
fn each_row_of_the_client_is_what_it_says() {
    for (code, words, printed) in CLIENT {
        let failure = failure("vm", "look round", printed);
        assert_eq!(failure.code, *code, "{printed}");
        assert!(failure.summary.contains(words), "{}", failure.summary);
        assert!(failure.summary.starts_with("could not look round on `vm`: "), "{failure:?}");
        assert!(!failure.evidence.is_empty(), "{failure:?}");
        assert!(failure.fix.is_some_and(|fix| !fix.command.contains('{')), "{code}");
    }
}

#[test]
fn each_row_of_the_far_side_is_what_it_says() {
    for (code, words, printed) in FAR {
        let failure = far_side("vm", "copy `k3s`", printed);
        assert_eq!(failure.code, *code, "{printed}");
        assert!(failure.summary.contains(words), "{}", failure.summary);
        let fix = failure.fix.map_or(String::new(), |fix| fix.command);
        assert!(!fix.contains("{destination}"), "{fix}");
    }
}

#[test]
fn a_changed_host_key_is_refused_with_the_line_to_remove() {
    let failure = failure("vm", "look round", CHANGED);
    assert_eq!((failure.class, failure.code), (Class::Refused, "SSH_HOST_KEY_CHANGED"));
    let lines: Vec<&str> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        [
            "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!",
            "it shows SHA256:NzCKR72D9iFqTJmk1yDXeYEHrc9gF+TEQzDaN8/CeE4",
            "the known one is in /home/dev/.ssh/known_hosts:3",
        ]
    );
    let fix = failure.fix.unwrap();
    let command = "ssh-keygen -R '[127.0.0.1]:22022' -f /home/dev/.ssh/known_hosts ";
    assert!(fix.command.starts_with(command), "{}", fix.command);
    assert_eq!(fix.safety, Safety::Destructive);
}

#[test]
fn the_host_key_behind_a_jump_host_is_the_last_one() {
    let shown = "debug1: Server host key: ssh-rsa SHA256:jump\r\ndebug1: more\r\n\
                 debug1: Server host key: ssh-ed25519 SHA256:vm\r\n";
    assert_eq!(host_key(shown).map(|key| key.to_string()), Some("ssh-ed25519 SHA256:vm".into()));
    assert_eq!(host_key("Host key verification failed."), None);
}

#[test]
fn what_a_client_tells_when_asked_again_goes_with_the_failure() {
    let unknown = failure("vm", "look round", "Host key verification failed.\r\n");
    assert!(says_too_little(&unknown));
    let verbose = "OpenSSH_9.2p1\r\ndebug1: Server host key: ssh-ed25519 SHA256:vm\r\n\
                   No ED25519 host key is known for vm and you have requested strict checking.\r\n\
                   Host key verification failed.\r\n";
    let told = explained("vm", "look round", unknown, verbose);
    assert_eq!(told.code, "SSH_HOST_KEY_UNKNOWN");
    assert_eq!(told.evidence.last().unwrap().text, "ssh-ed25519 SHA256:vm");
    let jump = failure("vm", "look round", "Connection closed by UNKNOWN port 65535\r\n");
    let verbose = "debug1: x\r\nssh: connect to host 10.0.0.1 port 1: Connection refused\r\n\
                   banner exchange: Connection to UNKNOWN port 65535: Broken pipe\r\n";
    let told = explained("vm", "look round", jump, verbose);
    assert_eq!(told.code, "SSH_JUMP_FAILED");
    let lines: Vec<&str> = told.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["ssh: connect to host 10.0.0.1 port 1: Connection refused"]);
}

#[test]
fn each_row_has_a_fixture_and_names_only_what_is_filled_in() {
    let group = Regex::new(r"(?:^|[^{])\{([a-z]+)\}").unwrap();
    for issue in ISSUES {
        let mut printed = CLIENT.iter().chain(FAR).map(|(.., printed)| printed);
        let is_known = printed.any(|printed| issue.find(printed).is_some());
        assert!(is_known, "no fixture for {} {}", issue.code, issue.pattern);
        for text in [issue.cause, issue.fix.0] {
            for name in group.captures_iter(text).map(|found| found[1].to_owned()) {
                let known = issue.pattern.contains(&format!("(?P<{name}>"));
                assert!(known || name == "destination", "{}: {{{name}}} in {text}", issue.code);
            }
        }
    }
}
