//! What is wrong with a machine for K3s, all of it at once and each with its fix. Pure: a table over
//! the facts. What is already there and runs is not judged as if it were still to be installed.

mod guards;
mod host;
mod network;

pub(super) use guards::lacking;
pub(super) use host::architecture;

use crate::drivers::k3s::convergence::Standing;
use crate::drivers::k3s::facts::{Facts, Sudo};
use crate::drivers::k3s::wanted::Wanted;
use crate::event::Fix;
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// What a look found.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// What keeps K3s from being installed or from working.
    pub(super) wrong: Vec<Failure>,
    /// What may.
    pub(super) doubtful: Vec<Failure>,
}

/// One machine under judgement.
pub(super) struct Case<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) facts: &'a Facts,
    /// Seconds since 1970 on this machine's clock.
    pub(super) now: i64,
    /// The networks that this machine itself reaches by a route, each with the device.
    pub(super) routes_here: &'a [(String, String)],
}

impl Case<'_> {
    /// A failure of this machine.
    fn failure(&self, class: Class, code: &'static str, what: &str) -> Failure {
        Failure::new(class, code, format!("`{}` {what}", self.wanted.host))
    }

    /// A command for the machine, as it is typed here.
    fn there(&self, command: &str) -> Fix {
        Fix::safe(format!("ssh -t {} {}", quote(&self.wanted.host), quote(command)))
    }
}

/// Everything that is wrong.
pub(super) fn findings(case: &Case<'_>, standing: Standing) -> Findings {
    let mut found = Findings::default();
    if let Sudo::Refused(words) = &case.facts.sudo {
        found.wrong.push(sudo(case, words));
    }
    host::clock(case, &mut found);
    host::disk(case, standing, &mut found);
    network::overlaps(case, standing, &mut found);
    if matches!(standing, Standing::Ours | Standing::Foreign) {
        // It was let through once, or nobody comes by there.
        let mut now = Findings::default();
        guards::firewalls(case, &mut now);
        found.doubtful.extend(now.wrong);
        return found;
    }
    host::machine(case, &mut found);
    host::kernel(case, &mut found);
    network::ports(case, &mut found);
    network::routes(case, &mut found);
    guards::selinux(case, &mut found);
    guards::firewalls(case, &mut found);
    network::egress(case, &mut found);
    found
}

/// mlup never types a password.
fn sudo(case: &Case<'_>, words: &str) -> Failure {
    let rule = "echo \"$(id -un) ALL=(ALL) NOPASSWD: ALL\" | sudo tee /etc/sudoers.d/mlup";
    case.failure(
        Class::Prerequisite,
        "SUDO_PASSWORD_NEEDED",
        "has no `sudo` without a password for this user",
    )
    .because("sudo -n true", words)
    .fix(case.there(rule))
}

/// One failure for all that is wrong.
pub(super) fn together(host: &str, failures: Vec<Failure>) -> Option<Failure> {
    Failure::together("K3S_HOST_UNFIT", failures, |count| {
        format!("{count} things keep K3s from working on `{host}`; nothing was changed there")
    })
}
