//! What a failure of the work on the machine means: by the words of installer and K3s first, by how far
//! it came otherwise.

use crate::drivers::k3s::reasons::failure;
use crate::policy::Class;

/// How far it came, the words, and what they mean.
type Row = (&'static str, &'static str, Class, &'static str, &'static str);

const ROWS: [Row; 15] = [
    (
        "install",
        "[ERROR]  Failed to find the k3s-selinux policy, please install:",
        Class::Prerequisite,
        "K3S_SELINUX_POLICY",
        "`selinux`",
    ),
    ("install", "[ERROR]  Download failed", Class::Transient, "K3S_DOWNLOAD_FAILED", "releases"),
    (
        "install",
        "[ERROR]  Download sha256 does not match abc, got def",
        Class::Transient,
        "K3S_DOWNLOAD_FAILED",
        "github.com",
    ),
    (
        "install",
        "[ERROR]  Can not find systemd or openrc",
        Class::Permanent,
        "K3S_INSTALL_FAILED",
        "journalctl",
    ),
    (
        "download",
        "curl: (6) Could not resolve host: get.k3s.io",
        Class::Transient,
        "K3S_NO_EGRESS",
        "getent",
    ),
    (
        "download",
        "mlup: what https://get.k3s.io sent is no installer",
        Class::Transient,
        "K3S_DOWNLOAD_FAILED",
        "get.k3s.io",
    ),
    (
        "version",
        "mlup: the program is v1.32.1+k3s1, and v1.33.5+k3s1 is wanted",
        Class::Config,
        "K3S_VERSION_DIFFERS",
        "`version`",
    ),
    (
        "start",
        "level=fatal msg=\"listen tcp :6443: bind: address already in use\"",
        Class::Refused,
        "K3S_PORT_TAKEN",
        "ss -ltnp",
    ),
    (
        "start",
        "level=fatal msg=\"no default routes found in \\\"/proc/net/route\\\"\"",
        Class::Prerequisite,
        "K3S_NO_DEFAULT_ROUTE",
        "ip route",
    ),
    (
        "start",
        "level=fatal msg=\"flag provided but not defined: -flanel-backend\"",
        Class::Config,
        "K3S_FLAG_UNKNOWN",
        "`args`",
    ),
    (
        "start",
        "level=fatal msg=\"failed to find memory cgroup (v2)\"",
        Class::Prerequisite,
        "K3S_CGROUPS",
        "cgroup_memory=1",
    ),
    (
        "start",
        "Job for k3s.service failed.",
        Class::Permanent,
        "K3S_START_FAILED",
        "journalctl -u k3s",
    ),
    (
        "prepare",
        "No match for argument: kernel-modules-extra",
        Class::Prerequisite,
        "K3S_PREPARE_FAILED",
        "`prepare`",
    ),
    (
        "configure",
        "cat: write error: No space left on device",
        Class::Prerequisite,
        "REMOTE_DISK_FULL",
        "df -h",
    ),
    (
        "begin",
        "sudo: a password is required",
        Class::Prerequisite,
        "SUDO_PASSWORD_NEEDED",
        "NOPASSWD",
    ),
];

#[test]
fn each_cause_has_its_class_code_and_fix() {
    for (stage, words, class, code, fix) in ROWS {
        let failure =
            failure("dev@vm", &format!("noise\nstage {stage}\n"), &format!("earlier\n{words}\n"));
        assert_eq!((failure.class, failure.code), (class, code), "{words}");
        let command = failure.fix.unwrap().command;
        assert!(command.contains(fix), "{words}: {command}");
        assert!(failure.summary.contains("`dev@vm`"), "{}", failure.summary);
        assert_eq!(failure.evidence.last().unwrap().text, words);
    }
}

#[test]
fn work_of_which_nothing_is_known_is_told_in_its_own_words() {
    let failure = failure("dev@vm", "", "one\n\ntwo\n");
    assert_eq!(failure.code, "SSH_SCRIPT_FAILED");
    let lines: Vec<&str> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["one", "two"]);
}
