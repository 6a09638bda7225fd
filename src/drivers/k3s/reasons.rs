//! What it means that the work on the machine failed: how far it came, and the words of the installer
//! and of K3s itself. Pure.

use crate::event::{Fix, Safety};
use crate::policy::classify::shorten;
use crate::policy::{Class, Failure, ssh};
use crate::quote::quote;

/// Lines of evidence that are shown.
const LINES: usize = 5;

/// Advice where an item of `prepare` failed.
const PREPARE: &str = " do it by hand over there, or take the item out of `prepare` in mlup.toml";

/// One cause by its words, those of the installer (get.k3s.io) and of K3s v1.33.
struct Reason {
    /// All of them are said, in lower case.
    says: &'static [&'static str],
    class: Class,
    code: &'static str,
    /// Completes "could not ... on `host`: ".
    cause: &'static str,
    /// A command for the machine, or, with a blank before it, advice.
    fix: (&'static str, Safety),
}

const REASONS: [Reason; 11] = [
    Reason {
        says: &["failed to find the k3s-selinux policy"],
        class: Class::Prerequisite,
        code: "K3S_SELINUX_POLICY",
        cause: "SELinux is enforcing and there is no policy for K3s",
        fix: (" add `selinux` to `prepare` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["failed to apply container_runtime_exec_t"],
        class: Class::Prerequisite,
        code: "K3S_SELINUX_POLICY",
        cause: "SELinux is enforcing and there is no policy for K3s",
        fix: (" add `selinux` to `prepare` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["download sha256 does not match"],
        class: Class::Transient,
        code: "K3S_DOWNLOAD_FAILED",
        cause: "what was downloaded is not what was released",
        fix: ("curl -vI https://github.com", Safety::Safe),
    },
    Reason {
        says: &["[error]", "download failed"],
        class: Class::Transient,
        code: "K3S_DOWNLOAD_FAILED",
        cause: "the release could not be downloaded",
        fix: (
            "curl -vI https://github.com/k3s-io/k3s/releases   # and is the version right?",
            Safety::Safe,
        ),
    },
    Reason {
        says: &["address already in use"],
        class: Class::Refused,
        code: "K3S_PORT_TAKEN",
        cause: "a port that K3s needs is held by another program",
        fix: ("sudo ss -ltnp", Safety::Safe),
    },
    Reason {
        says: &["no default routes found"],
        class: Class::Prerequisite,
        code: "K3S_NO_DEFAULT_ROUTE",
        cause: "it has no default route",
        fix: ("ip route", Safety::Safe),
    },
    Reason {
        says: &["flag provided but not defined"],
        class: Class::Config,
        code: "K3S_FLAG_UNKNOWN",
        cause: "this release of K3s does not know a key of its configuration",
        fix: (" correct `args` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["invalid value", "for flag"],
        class: Class::Config,
        code: "K3S_FLAG_UNKNOWN",
        cause: "a value of its configuration is not what K3s takes there",
        fix: (" correct `args` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["failed to find memory cgroup"],
        class: Class::Prerequisite,
        code: "K3S_CGROUPS",
        cause: "the cgroup controller of memory is off",
        fix: (
            "sudo sed -i 's/$/ cgroup_memory=1 cgroup_enable=memory/' /boot/cmdline.txt && sudo reboot",
            Safety::Safe,
        ),
    },
    Reason {
        says: &["could not resolve host"],
        class: Class::Transient,
        code: "K3S_NO_EGRESS",
        cause: "it cannot look up names of the internet",
        fix: ("getent hosts github.com", Safety::Safe),
    },
    Reason {
        says: &["no space left on device"],
        class: Class::Prerequisite,
        code: "REMOTE_DISK_FULL",
        cause: "a disk of the machine is full",
        fix: ("df -h", Safety::Safe),
    },
];

/// The failure of work on the machine. `stdout` ends with how far it came.
pub(super) fn failure(host: &str, stdout: &str, stderr: &str) -> Failure {
    let stage = stdout.lines().rev().find_map(|line| line.strip_prefix("stage "));
    let doing = match stage.unwrap_or_default() {
        "prepare" => "prepare the machine for K3s",
        "configure" => "write the configuration of K3s",
        "download" => "download the installer of K3s",
        "start" => "start K3s",
        _ => "install K3s",
    };
    let mut failure =
        known(host, doing, stderr).unwrap_or_else(|| other(host, doing, stage, stderr));
    failure.evidence.clear();
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        failure = failure.because(host, shorten(line));
    }
    failure
}

/// A cause that is known by its words.
pub(super) fn known(host: &str, doing: &str, words: &str) -> Option<Failure> {
    let said = words.to_lowercase();
    let reason =
        REASONS.iter().find(|reason| reason.says.iter().all(|part| said.contains(part)))?;
    let summary = format!("could not {doing} on `{host}`: {}", reason.cause);
    Some(Failure::new(reason.class, reason.code, summary).fix(fix(host, reason.fix)))
}

fn other(host: &str, doing: &str, stage: Option<&str>, stderr: &str) -> Failure {
    let (class, code, command) = match stage {
        Some("prepare") => (Class::Prerequisite, "K3S_PREPARE_FAILED", PREPARE),
        Some("download") => {
            (Class::Transient, "K3S_DOWNLOAD_FAILED", "curl -vI https://get.k3s.io")
        }
        Some("version") => {
            let why = stderr.lines().rev().find_map(|line| line.strip_prefix("mlup: "));
            let summary =
                format!("could not {doing} on `{host}`: {}", why.unwrap_or("it is another"));
            return Failure::new(Class::Config, "K3S_VERSION_DIFFERS", summary).fix(Fix::safe(
                "write the same `version` into `[cluster]` of mlup.toml, or bring another program",
            ));
        }
        Some("install") => (Class::Permanent, "K3S_INSTALL_FAILED", "sudo journalctl -u k3s -n 50"),
        Some("start") => (Class::Permanent, "K3S_START_FAILED", "sudo journalctl -u k3s -n 50"),
        _ => return ssh::far_side(host, doing, stderr),
    };
    let summary = format!("could not {doing} on `{host}`");
    Failure::new(class, code, summary).fix(fix(host, (command, Safety::Safe)))
}

/// Advice begins with a blank, everything else is typed over there.
fn fix(host: &str, (command, safety): (&str, Safety)) -> Fix {
    let text = match command.strip_prefix(' ') {
        Some(advice) => advice.to_owned(),
        None => format!("ssh -t {} {}", quote(host), quote(command)),
    };
    Fix::written(text, safety)
}
