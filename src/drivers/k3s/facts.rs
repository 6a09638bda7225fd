//! What is known of the machine after one look: typed, and nothing of it judged. What it follows from
//! is `survey`, what follows from it `findings` and `convergence`.

use std::net::IpAddr;

use crate::config::subnet::Subnet;
use crate::drivers::k3s::installed::Installed;

/// The machine as it was seen. What could not be found out is `None`, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) sudo: Sudo,
    pub(super) os: Os,
    /// As `uname -m` names it.
    pub(super) arch: String,
    pub(super) kernel: String,
    pub(super) hostname: String,
    /// The program that is process 1.
    pub(super) init: String,
    pub(super) cpus: Option<u32>,
    /// In KiB.
    pub(super) memory: Option<u64>,
    /// In KiB.
    pub(super) swap: Option<u64>,
    /// Seconds since 1970 on its clock.
    pub(super) clock: Option<i64>,
    pub(super) disk: Disk,
    /// Kernel modules that K3s loads and the machine does not have.
    pub(super) missing_modules: Vec<String>,
    pub(super) cgroups: Option<Cgroups>,
    /// The address at which ssh reached it, as it sees that itself.
    pub(super) address: Option<IpAddr>,
    pub(super) network: Network,
    pub(super) guards: Guards,
    /// What of `prepare` is there already and shows: `iscsid`, `nfs`.
    pub(super) prepared: Vec<String>,
    /// Whether it can download at all.
    pub(super) downloads: bool,
    /// What was tried to reach; nothing where K3s is there already.
    pub(super) egress: Vec<Reach>,
    /// What is there of K3s.
    pub(super) k3s: Installed,
    /// Other distributions of Kubernetes, of which something is there.
    pub(super) others: Vec<String>,
}

/// Whether root's rights can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sudo {
    /// It is not known.
    #[default]
    Unknown,
    /// The user is root.
    Root,
    /// `sudo` asks for no password.
    Free,
    /// `sudo` does not, in its words.
    Refused(String),
}

/// Which Linux it is, after `/etc/os-release`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Os {
    /// `rocky`, `ubuntu`.
    pub(super) id: String,
    /// What it is like: `rhel centos fedora`.
    pub(super) like: String,
    /// `Rocky Linux 9.4 (Blue Onyx)`.
    pub(super) name: String,
}

impl Os {
    /// Whether its packages are those of Red Hat's family.
    pub(super) fn is_red_hat(&self) -> bool {
        let family = ["rhel", "fedora", "centos", "rocky", "almalinux"];
        family.iter().any(|name| self.id == *name || self.like.split(' ').any(|id| id == *name))
    }
}

/// Room on the disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Disk {
    /// Free KiB of each folder that K3s writes to.
    pub(super) room: Vec<(String, u64)>,
    /// Free inodes below `/var/lib`; none where the file system does not count them.
    pub(super) inodes: Option<u64>,
    /// Whether programs below `/usr/local` cannot be run.
    pub(super) is_noexec: bool,
}

/// How the kernel groups processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cgroups {
    /// The first version.
    V1,
    /// The second, with or without the controller of memory.
    V2 {
        /// Whether memory can be limited.
        memory: bool,
    },
}

/// Addresses, routes and ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Network {
    /// The routes beside the default one; those of K3s itself left out.
    pub(super) routes: Vec<Route>,
    /// Whether there is a default route; unknown without `ip`.
    pub(super) has_default_route: Option<bool>,
    /// Ports that are listened on.
    pub(super) listeners: Vec<Listener>,
    /// Whether `nm-cloud-setup` rewrites routes.
    pub(super) cloud_setup: bool,
    /// Variables of a proxy that services are given, by their names.
    pub(super) proxies: Vec<String>,
    /// What is reached without the proxy, as it is written.
    pub(super) no_proxy: Option<String>,
}

/// One network that a device leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) subnet: Subnet,
    pub(super) device: String,
}

/// One port that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) port: u16,
    /// The program, where root could look.
    pub(super) program: Option<String>,
}

/// Firewalls and `SELinux`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guards {
    pub(super) selinux: Selinux,
    /// Whether the policy of K3s is installed.
    pub(super) has_policy: bool,
    /// firewalld, where it is active.
    pub(super) firewalld: Option<Firewalld>,
    /// What `ufw status` lists, where it is active.
    pub(super) ufw: Option<String>,
}

/// What `SELinux` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Selinux {
    /// It is not there, or switched off.
    #[default]
    Off,
    /// It only tells.
    Permissive,
    /// It refuses.
    Enforcing,
}

/// What firewalld lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Firewalld {
    /// The default zone.
    pub(super) zone: String,
    /// `6443/tcp`, `30000-32767/tcp`.
    pub(super) ports: Vec<String>,
    /// Named services of the default zone.
    pub(super) services: Vec<String>,
    /// Networks of the zone `trusted`.
    pub(super) trusted: Vec<String>,
}

/// What came of an attempt to reach a host over https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) host: String,
    /// Nothing where any answer came, which is all that is asked; else the downloader's words.
    pub(super) trouble: Option<String>,
}
