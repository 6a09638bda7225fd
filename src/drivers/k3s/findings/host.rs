//! The machine itself: architecture, size, disk, clock and kernel.

use super::{Case, Findings};
use crate::config::model::Prepare;
use crate::drivers::k3s::convergence::Standing;
use crate::drivers::k3s::facts::Cgroups;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Architectures that K3s is built for, as `uname -m` names them, with K3s's own names.
const ARCHITECTURES: [(&str, &str); 5] = [
    ("x86_64", "amd64"),
    ("aarch64", "arm64"),
    ("arm64", "arm64"),
    ("armv7l", "arm"),
    ("armv8l", "arm"),
];

/// K3s's own name of an architecture; none for one that it is not built for.
pub(in crate::drivers::k3s) fn architecture(machine: &str) -> Option<&'static str> {
    ARCHITECTURES.iter().find(|(name, _)| *name == machine).map(|(_, own)| *own)
}

const MIB: u64 = 1024;
const GIB: u64 = 1024 * MIB;

/// Free KiB without which the installation itself fails, and below which images will soon not fit.
const ROOM: [(&str, u64, u64); 3] = [
    ("/var/lib", 2 * GIB, 10 * GIB),
    ("/usr/local", 200 * MIB, 200 * MIB),
    ("/tmp", 100 * MIB, 100 * MIB),
];

/// Free inodes below which unpacking images fails.
const INODES: u64 = 50_000;

/// Memory in KiB below which the server does not start, and below which it has no room for pods
/// (docs.k3s.io, requirements: 2 GB).
const MEMORY: (u64, u64) = (700 * MIB, 1_800 * MIB);

/// Seconds by which clocks may differ before certificates are in danger, and before they fail.
const SKEW: (u64, u64) = (30, 300);

pub(super) fn machine(case: &Case<'_>, found: &mut Findings) {
    let facts = case.facts;
    let missing = |code: &'static str, what: &str| case.failure(Class::Prerequisite, code, what);
    if architecture(&facts.arch).is_none() {
        let what = format!("is of the architecture {}, for which there is no K3s", facts.arch);
        let fix = Fix::safe("take a machine with x86_64, aarch64 or armv7l");
        found
            .wrong
            .push(missing("K3S_ARCHITECTURE", &what).because("uname -m", &facts.arch).fix(fix));
    }
    if facts.init != "systemd" && !facts.init.is_empty() {
        let what = format!("is not run by systemd but by `{}`", facts.init);
        let fix = Fix::safe("take a machine with systemd: mlup starts and halts K3s with it");
        let failure = missing("K3S_NO_SYSTEMD", &what).because("/proc/1/comm", &facts.init);
        found.wrong.push(failure.fix(fix));
    }
    if let Some(memory) = facts.memory.filter(|memory| *memory < MEMORY.1) {
        let what = format!("has {} MiB of memory, and K3s needs 2048", memory / MIB);
        let fix = Fix::safe("give the machine 2 GiB or more");
        let failure = missing("K3S_SMALL_MACHINE", &what).fix(fix);
        if memory < MEMORY.0 { found.wrong.push(failure) } else { found.doubtful.push(failure) }
    }
    if facts.cpus == Some(1) {
        let fix = Fix::safe("give the machine 2 CPUs or more");
        found.doubtful.push(missing("K3S_SMALL_MACHINE", "has 1 CPU, and K3s needs 2").fix(fix));
    }
    let name = &facts.hostname;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !name.chars().all(fits) {
        let what = format!("is called `{name}`, which no node can be called");
        let fix = case.there("sudo hostnamectl set-hostname ...   # lower-case letters, digits, -");
        found.wrong.push(missing("K3S_HOSTNAME", &what).because("uname -n", name).fix(fix));
    }
    if facts.swap.is_some_and(|swap| swap > 0) {
        let what = "has swap, which makes memory limits of pods inexact";
        let fix = case.there("sudo swapoff -a   # and take it out of /etc/fstab");
        found.doubtful.push(missing("K3S_SWAP", what).fix(fix));
    }
    if !facts.others.is_empty() {
        let what = format!("has something of {} already", facts.others.join(", "));
        let fix = Fix::safe("remove it, or take another machine: two Kubernetes share no node");
        found.doubtful.push(missing("K3S_OTHER_KUBERNETES", &what).fix(fix));
    }
}

pub(super) fn disk(case: &Case<'_>, standing: Standing, found: &mut Findings) {
    let is_there = matches!(standing, Standing::Ours | Standing::Foreign);
    let full = |what: &str| {
        let failure = case.failure(Class::Prerequisite, "REMOTE_DISK_FULL", what);
        failure.fix(case.there("df -h; sudo du -xh -d 2 /var | sort -h | tail"))
    };
    for (folder, least, wise) in ROOM {
        let room = case.facts.disk.room.iter().find(|(name, _)| name == folder);
        let Some((_, free)) = room.filter(|(_, free)| *free < wise) else { continue };
        let what = format!("has {} MiB free at `{folder}`", free / MIB);
        let needs = format!("{} MiB are needed, {} MiB are wise", least / MIB, wise / MIB);
        let failure = full(&what).because(format!("df {folder}"), needs);
        // What runs goes on until it is really full.
        let is_wrong = if is_there { *free < least / 10 } else { *free < least };
        if is_wrong { found.wrong.push(failure) } else { found.doubtful.push(failure) }
    }
    if let Some(free) = case.facts.disk.inodes.filter(|free| *free < INODES) {
        let failure = full(&format!("has {free} inodes free at `/var/lib`"));
        if is_there { found.doubtful.push(failure) } else { found.wrong.push(failure) }
    }
    if case.facts.disk.is_noexec && !is_there {
        let what = "does not let programs run from `/usr/local`";
        let failure = case.failure(Class::Prerequisite, "K3S_NOEXEC", what);
        let failure = failure.because("/proc/mounts", "noexec");
        found.wrong.push(failure.fix(case.there("sudo mount -o remount,exec /usr/local")));
    }
}

pub(super) fn clock(case: &Case<'_>, found: &mut Findings) {
    let Some(skew) = case.facts.clock.map(|clock| clock.abs_diff(case.now)) else { return };
    if skew <= SKEW.0 {
        return;
    }
    let what = format!("has a clock that differs from this machine's by {skew} s");
    let failure = case
        .failure(Class::Prerequisite, "K3S_CLOCK", &what)
        .fix(case.there("sudo timedatectl set-ntp true"));
    if skew > SKEW.1 { found.wrong.push(failure) } else { found.doubtful.push(failure) }
}

pub(super) fn kernel(case: &Case<'_>, found: &mut Findings) {
    let facts = case.facts;
    let missing = |code: &'static str, what: &str| case.failure(Class::Prerequisite, code, what);
    if !facts.missing_modules.is_empty() && !case.wanted.prepares(Prepare::KernelModules) {
        let what = format!("lacks the kernel modules {}", facts.missing_modules.join(", "));
        let fix = Fix::safe("add `kernel-modules` to `prepare` of `[cluster]` in mlup.toml");
        let failure = missing("K3S_MODULES_MISSING", &what);
        let kernel = format!("{} of {}", facts.kernel, facts.os.name);
        found.wrong.push(failure.because("kernel", kernel).fix(fix));
    }
    match facts.cgroups {
        Some(Cgroups::V2 { memory: false }) => {
            let what = "has no cgroup controller of memory";
            let fix = case.there(
                "sudo sed -i 's/$/ cgroup_memory=1 cgroup_enable=memory/' /boot/cmdline.txt && sudo reboot",
            );
            found.wrong.push(missing("K3S_CGROUPS", what).fix(fix));
        }
        // Kubernetes 1.35 asks for the second version.
        Some(Cgroups::V1) => found.doubtful.push(cgroups_v1(case)),
        _ => {}
    }
}

fn cgroups_v1(case: &Case<'_>) -> Failure {
    let what = "has cgroups of version 1, which Kubernetes 1.35 and later refuse";
    let command =
        "sudo grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1 && sudo reboot";
    case.failure(Class::Prerequisite, "K3S_CGROUPS", what).fix(case.there(command))
}
