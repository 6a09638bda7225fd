//! What the ssh client says when it makes no connection, and what programs of the far side say.
//! Wording of OpenSSH 8.4 to 10, from its source; `{destination}` in a fix is filled in by `ssh`.

use super::KnownIssue;
use crate::event::Safety;
use crate::policy::Class;
use crate::policy::tool::Tool;

const SSH: &[Tool] = &[Tool::Ssh];
const FAR: &[Tool] = &[Tool::FarSide];

/// The rows of `ssh`. The first that matches wins, so causes come before what follows from them.
pub(super) const ISSUES: &[KnownIssue] = &[
    KnownIssue {
        code: "SSH_CONFIG_INVALID",
        tools: SSH,
        pattern: r"bad configuration option|terminating, \d+ bad configuration|bad owner or permissions on|can't open user config file|: (missing|unsupported|bad|invalid|extra) .*argument|(hostname|username|remote username|jump ?host) contains invalid characters|line \d+: (?i:no argument|garbage|keyword)",
        class: Class::Prerequisite,
        cause: "the configuration of the ssh client is broken",
        fix: ("ssh -G {destination}   # names the file and the line", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_HOST_KEY_REVOKED",
        tools: SSH,
        pattern: r"revoked host key|host key .* revoked by file",
        class: Class::Refused,
        cause: "the machine's host key was revoked",
        fix: ("ssh -v {destination} true   # names the file that revokes it", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_HOST_UNKNOWN",
        tools: SSH,
        pattern: r"could not resolve hostname (?P<host>\S+?): temporary failure",
        class: Class::Transient,
        cause: "the name `{host}` cannot be looked up now",
        fix: ("getent hosts {host}   # does this machine have a name server?", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_HOST_UNKNOWN",
        tools: SSH,
        pattern: r"could not resolve hostname (?P<host>\S+?):",
        class: Class::Prerequisite,
        cause: "nobody knows a machine called `{host}`",
        fix: (
            "ssh -G {destination} | grep -i ^hostname   # then correct `host` in [cluster], or ~/.ssh/config",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_REFUSED",
        tools: SSH,
        pattern: r"connect to (host|address) (?P<host>\S+) port (?P<port>\d+): connection refused",
        class: Class::Transient,
        cause: "no ssh service listens on port {port} of `{host}`",
        fix: (
            "start the machine, or give the right port: host = \"ssh://user@{host}:PORT\"",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_TIMEOUT",
        tools: SSH,
        pattern: r"connect to (host|address) (?P<host>\S+) port (?P<port>\d+): (connection|operation) timed out|connection timed out during banner exchange|^timeout, server \S+ not responding",
        class: Class::Transient,
        cause: "the machine does not answer",
        fix: (
            "start the machine; then look at the VPN, and at firewalls on the way: ssh -v {destination} true",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_NO_ROUTE",
        tools: SSH,
        pattern: r"connect to (host|address) (?P<host>\S+) port \d+: (no route to host|network is unreachable|host is down)",
        class: Class::Transient,
        cause: "there is no way to `{host}` from here",
        fix: ("ip route get {host}   # is the VPN up, and the machine on?", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_ALGORITHMS",
        tools: SSH,
        pattern: r"unable to negotiate with \S+( port \d+)?: no matching (?P<what>.+?) found\. their offer: (?P<offer>\S+)",
        class: Class::Prerequisite,
        cause: "client and machine have no {what} in common; the machine offers {offer}",
        fix: (
            "upgrade the machine's ssh service, or allow its offer for this host alone in ~/.ssh/config",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_TOO_MANY_KEYS",
        tools: SSH,
        pattern: r"too many authentication failures",
        class: Class::Prerequisite,
        cause: "the machine hung up before the right key was offered: the agent has too many",
        fix: (
            "in ~/.ssh/config for this host: IdentitiesOnly yes, and IdentityFile with the right key",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_AGENT_REFUSED",
        tools: SSH,
        pattern: r"agent refused operation|signing failed for .* from agent|agent .*communication .*failed",
        class: Class::Prerequisite,
        cause: "the ssh agent does not sign with the key",
        fix: ("ssh-add -D && ssh-add   # then: ssh {destination} true", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_KEY_UNUSABLE",
        tools: SSH,
        pattern: r#"load key "?(?P<file>[^":]+)"?: (?P<why>bad permissions|invalid format|error in libcrypto|permission denied|incorrect passphrase.*)"#,
        class: Class::Prerequisite,
        cause: "the key `{file}` cannot be used: {why}",
        fix: ("chmod 600 {file} && ssh-keygen -y -f {file}", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_HOST_KEY_UNKNOWN",
        tools: SSH,
        pattern: r"no \S+ host key is known for|host key verification failed",
        class: Class::Refused,
        cause: "its host key is not known yet",
        fix: (
            "ssh {destination} true   # compare the fingerprint with the machine's own, then answer yes",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_DENIED",
        tools: SSH,
        pattern: r"permission denied \((?P<methods>[^)]*(password|keyboard-interactive)[^)]*)\)",
        class: Class::Prerequisite,
        cause: "the machine takes none of your keys, and mlup types no passwords",
        fix: ("ssh-copy-id {destination}", Safety::Safe),
    },
    KnownIssue {
        code: "SSH_DENIED",
        tools: SSH,
        pattern: r"permission denied \((?P<methods>[^)]*)\)|no supported authentication methods available|no more authentication methods",
        class: Class::Prerequisite,
        cause: "the machine takes none of your keys ({methods})",
        fix: (
            "ssh-add -l   # is the key there, and the user right? then: ssh {destination} true",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SSH_CLOSED",
        tools: SSH,
        pattern: r"kex_exchange_identification|banner exchange: |connection (closed|reset) by |received disconnect from|not allowed at this time",
        class: Class::Transient,
        cause: "the machine hung up before anybody logged in",
        fix: (
            "ssh -v {destination} true   # busy, another service on that port, or an address that was banned",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "SUDO_PASSWORD_NEEDED",
        tools: FAR,
        pattern: r"sudo: (a password is required|a terminal is required|no tty present)|is not in the sudoers file|may not run sudo",
        class: Class::Prerequisite,
        cause: "`sudo` asks for a password there",
        fix: (
            "ssh -t {destination} 'echo \"$(id -un) ALL=(ALL) NOPASSWD: ALL\" | sudo tee /etc/sudoers.d/mlup'",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "REMOTE_DISK_FULL",
        tools: FAR,
        pattern: r"no space left on device|disk quota exceeded",
        class: Class::Prerequisite,
        cause: "a disk of the machine is full",
        fix: ("ssh {destination} df -h", Safety::Safe),
    },
    KnownIssue {
        code: "REMOTE_FILE_UNWRITABLE",
        tools: FAR,
        pattern: r"(permission denied|read-only file system|not a directory|is a directory|bytes arrived)",
        class: Class::Prerequisite,
        cause: "a file cannot be written there",
        fix: ("ssh {destination} id   # may this user write there?", Safety::Safe),
    },
];
