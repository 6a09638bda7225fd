//! One machine during one question or change: what is wanted of it, and the way there.

use crate::config::destination::Destination;
use crate::config::model::Install;
use crate::drivers::k3s::convergence::{self, Standing};
use crate::drivers::k3s::facts::{Facts, Sudo};
use crate::drivers::k3s::findings::{self, Case, Findings};
use crate::drivers::k3s::wanted::Wanted;
use crate::drivers::k3s::{access, local, scripts, server_config, survey, tunnel};
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::cmd::Output;
use crate::host::ssh::{Script, Ssh};
use crate::host::workbench::Workbench;
use crate::host::{clock, routes};
use crate::policy::{Class, Failure, ssh as words};
use crate::quote::quote;
use crate::redact::Secret;

/// A machine and the means.
pub(super) struct Machine<'a> {
    pub(super) bench: &'a Workbench,
    pub(super) spec: &'a Spec,
    pub(super) wanted: Wanted,
    pub(super) ssh: Ssh,
    destination: &'a Destination,
}

/// A machine as it was seen.
pub(super) struct Seen {
    pub(super) facts: Facts,
    pub(super) standing: Standing,
    /// What mlup wants in the configuration file.
    pub(super) config: serde_norway::Mapping,
    /// The way of this machine to the API server.
    pub(super) server: access::Server,
    /// The port on which the API server listens over there.
    pub(super) listens: u16,
}

impl<'a> Machine<'a> {
    /// The machine of this cluster; nothing is asked of it yet.
    ///
    /// # Errors
    /// The configuration names none.
    pub(super) fn of(spec: &'a Spec, bench: &'a Workbench) -> Result<Self, Failure> {
        let destination = spec.k3s.host.as_ref().ok_or_else(|| {
            let summary = "`[cluster]` with provider `k3s` has no `host`";
            Failure::new(Class::Config, "CLUSTER_FIELD_UNSUPPORTED", summary)
                .fix(Fix::safe("add `host = \"user@machine\"` to `[cluster]` in mlup.toml"))
        })?;
        let ssh = Ssh::new(destination, bench);
        Ok(Self { bench, spec, wanted: Wanted::of(spec), ssh, destination })
    }

    /// Looks at the machine, in one round trip.
    pub(super) async fn look(&self) -> Result<Seen, Failure> {
        let said = self.ask().await?;
        self.seen(&said).await
    }

    /// As [`Machine::look`], and leaves what it saw to the next step.
    pub(super) async fn look_for_next(&self) -> Result<Seen, Failure> {
        let said = self.ask().await?;
        let seen = self.seen(&said).await?;
        self.bench.host.ssh.leave(self.destination, said);
        Ok(seen)
    }

    /// What the step before saw, or else a look.
    pub(super) async fn look_unless_seen(&self) -> Result<Seen, Failure> {
        match self.bench.host.ssh.take(self.destination) {
            Some(said) => self.seen(&said).await,
            None => self.look().await,
        }
    }

    /// What the survey prints; a configuration with secrets is in it.
    async fn ask(&self) -> Result<Secret, Failure> {
        let script = scripts::survey(&self.wanted);
        let output = self.ssh.script(&script).await?;
        if !output.success() {
            return Err(words::far_side(&self.wanted.host, script.doing(), &output.stderr));
        }
        Ok(Secret::new(output.stdout))
    }

    async fn seen(&self, said: &Secret) -> Result<Seen, Failure> {
        let Some(facts) = survey::parse(said.expose()) else {
            let summary = format!("`{}` answered something that is no survey", self.wanted.host);
            let fix = format!("ssh {} 'uname -a; command -v awk sed tr'", quote(&self.wanted.host));
            return Err(
                Failure::new(Class::Prerequisite, "SSH_SCRIPT_FAILED", summary).fix(Fix::safe(fix))
            );
        };
        let name = self.ssh.setting("hostname").await?;
        let name = name.unwrap_or_else(|| self.wanted.host.clone());
        let there = access::Server::of(&name, self.wanted.api_port, &facts);
        Ok(Seen {
            listens: there.port,
            server: tunnel::near_end(self.spec).unwrap_or(there),
            standing: convergence::standing(&self.wanted, &facts),
            config: server_config::wanted(&self.wanted, &facts, &name),
            facts,
        })
    }

    /// Runs a script that changes something, and hands on what it means that it fails.
    pub(super) async fn run(&self, script: &Script) -> Result<Output, Failure> {
        let output = self.ssh.script(script).await?;
        if output.success() {
            return Ok(output);
        }
        Err(words::far_side(&self.wanted.host, script.doing(), &output.stderr))
    }

    /// Everything that is wrong with it, and what only may be.
    pub(super) fn findings(&self, seen: &Seen) -> Findings {
        let here = routes::here();
        let case = Case {
            wanted: &self.wanted,
            facts: &seen.facts,
            now: clock::now().as_second(),
            routes_here: &here,
        };
        let mut found = findings::findings(&case, seen.standing);
        if let Err(wrong) = server_config::parse_args(&self.wanted.args) {
            let summary = format!("`args` of [cluster] has `{wrong}`, which is no flag of K3s");
            let failure = Failure::new(Class::Config, "K3S_FLAG_UNKNOWN", summary);
            let fix = Fix::safe("write flags as `--name=value`, one a word");
            found.wrong.push(failure.fix(fix));
        }
        let installs = matches!(seen.standing, Standing::Absent | Standing::Unfinished);
        if let (Install::Local(path), true) = (&self.wanted.install, installs) {
            found.wrong.extend(local::find(path, &seen.facts.arch).err());
        }
        found
    }

    /// Whether root's rights can be had: without them nothing that is seen is sure.
    pub(super) fn check_rights(&self, seen: &Seen) -> Result<(), Failure> {
        match &seen.facts.sudo {
            Sudo::Refused(_) => {
                let first = self.findings(seen).wrong.into_iter().next();
                first.map_or(Ok(()), Err)
            }
            Sudo::Root | Sudo::Free | Sudo::Unknown => Ok(()),
        }
    }

    /// The refusal to change what somebody else installed.
    pub(super) fn not_ours(&self, doing: &str) -> Failure {
        let host = &self.wanted.host;
        let summary = format!("mlup did not install the K3s on `{host}`: {doing}");
        Failure::new(Class::Refused, "K3S_NOT_OURS", summary)
            .because("/etc/rancher/k3s/mlup.json", "it names no cluster of this configuration")
    }
}
