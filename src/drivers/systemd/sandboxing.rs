//! The hardening that the tools tolerate. It limits accidents, not attackers: who may talk to Docker
//! is root.
//!
//! Left out, because something that mlup drives needs it: `ProtectHome=` (`~/.kube`, `~/.docker`,
//! `~/.minikube`), `PrivateTmp=` (minikube's lock files), `PrivateDevices=` and `ProtectClock=` (a
//! device policy: virtual machines and GPUs), `MemoryDenyWriteExecute=` (helpers in Python and
//! Node.js), `UMask=` (folders that containers read), `PrivateUsers=`, `PrivateNetwork=`.

use super::unit::{Privileges, Scope};

/// What a user's own manager can do without rights: filters of system calls.
const FILTERS: [&str; 5] = [
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
];

/// What takes a view of the file system of its own.
const VIEWS: [&str; 5] = [
    "ProtectControlGroups=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectSystem=full",
];

/// The settings of a unit. Nearly all of them keep `sudo` from working, so a unit that needs it has
/// none.
pub(super) fn settings(scope: &Scope, privileges: Privileges) -> Vec<&'static str> {
    match (privileges, scope) {
        (Privileges::Gained, _) => Vec::new(),
        (Privileges::Kept, Scope::User) => FILTERS.to_vec(),
        (Privileges::Kept, Scope::System { .. }) => FILTERS.into_iter().chain(VIEWS).collect(),
    }
}
