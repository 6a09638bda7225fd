//! Brings K3s to where it is wanted and the kubeconfig to it. Everything here may be broken off and
//! begun again: what was done is seen by the next look.

use crate::config::model::Install;
use crate::drivers::cluster::{Cure, Sighting};
use crate::drivers::contexts;
use crate::drivers::k3s::access::{self, Entry};
use crate::drivers::k3s::convergence::{self, Service, Source, Standing, Work};
use crate::drivers::k3s::findings;
use crate::drivers::k3s::installed::Unit;
use crate::drivers::k3s::machine::{Machine, Seen};
use crate::drivers::k3s::version::{self, Way};
use crate::drivers::k3s::{local, reasons, scripts};
use crate::drivers::kubeconfig::{self, Naming};
use crate::event::Fix;
use crate::host::ssh::{Mode, RemotePath, Rights};
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// Where files that this machine brings go.
const STAGED: &str = "/usr/local/bin/k3s.mlup";
const INSTALLER: &str = "/etc/rancher/k3s/mlup-install.sh";
const IMAGES: &str = "/var/lib/rancher/k3s/agent/images";

/// Installs what is not there, starts what is.
pub(super) async fn start(machine: &Machine<'_>) -> Result<(), Failure> {
    let seen = machine.look().await?;
    let wrong = machine.findings(&seen).wrong;
    if let Some(failure) = findings::together(&machine.wanted.host, wrong) {
        return Err(failure);
    }
    match seen.standing {
        Standing::Absent | Standing::Unfinished => {
            let source = match machine.wanted.install {
                Install::Script => Source::Script,
                Install::Local(_) => Source::Local,
            };
            converge(machine, &seen, source, Service::Restarted).await?;
        }
        Standing::Ours => run_start(machine).await?,
        Standing::Foreign if seen.facts.k3s.unit == Unit::Active => {}
        Standing::Foreign => {
            let host = quote(&machine.wanted.host);
            let fix = format!("ssh -t {host} sudo systemctl start k3s");
            return Err(machine.not_ours("it is not started").fix(Fix::safe(fix)));
        }
    }
    let seen = machine.look().await?;
    point_kubeconfig(machine, &seen).await
}

async fn run_start(machine: &Machine<'_>) -> Result<(), Failure> {
    let script = scripts::start();
    let output = machine.ssh.script(&script).await?;
    if output.success() {
        return Ok(());
    }
    Err(reasons::failure(&machine.wanted.host, "stage start", &output.stderr))
}

/// Mends what may be mended: what is prepared, flags and version, the kubeconfig.
pub(super) async fn amend(machine: &Machine<'_>, sighting: &Sighting) -> Result<(), Failure> {
    let mut seen = machine.look().await?;
    let has = |cure: Cure| sighting.drift.iter().any(|drift| drift.cure == cure);
    if seen.standing == Standing::Ours && (has(Cure::Restart) || has(Cure::InPlace)) {
        let source = upgrade(machine, &seen, has(Cure::Restart))?;
        let service = if has(Cure::Restart) { Service::Restarted } else { Service::Kept };
        converge(machine, &seen, source, service).await?;
        seen = machine.look().await?;
    }
    point_kubeconfig(machine, &seen).await
}

/// Where the program comes from for what differs.
fn upgrade(machine: &Machine<'_>, seen: &Seen, may_restart: bool) -> Result<Source, Failure> {
    let (Some(to), Some(from)) = (&machine.wanted.version, &seen.facts.k3s.version) else {
        return Ok(Source::Unchanged);
    };
    match version::way(from, to) {
        Way::Up if may_restart => Ok(match machine.wanted.install {
            Install::Script => Source::Script,
            Install::Local(_) => Source::Local,
        }),
        Way::TooFar if may_restart => {
            let next = version::next_minor(from).unwrap_or_default();
            let summary = format!(
                "K3s on `{}` is {from}, and {to} leaves out a minor version on the way",
                machine.wanted.host
            );
            let fix = format!("write a release of {next} into `version` first, then {to}");
            Err(Failure::new(Class::Refused, "K3S_UPGRADE_TOO_FAR", summary).fix(Fix::safe(fix)))
        }
        Way::Same | Way::Up | Way::TooFar | Way::Down => Ok(Source::Unchanged),
    }
}

/// One piece of work on the machine.
async fn converge(
    machine: &Machine<'_>,
    seen: &Seen,
    source: Source,
    service: Service,
) -> Result<(), Failure> {
    let host = &machine.wanted.host;
    let work = convergence::work(&machine.wanted, &seen.facts, &seen.config, (source, service));
    let Some(work) = work else {
        let summary =
            format!("`/etc/rancher/k3s/config.yaml` on `{host}` is not YAML that mlup reads");
        let fix = format!("ssh -t {} sudoedit /etc/rancher/k3s/config.yaml", quote(host));
        return Err(
            Failure::new(Class::Refused, "K3S_CONFIG_UNREADABLE", summary).fix(Fix::safe(fix))
        );
    };
    tell(machine, seen, &work);
    if source == Source::Local {
        machine.run(&scripts::mark(&work.marker_begun)).await?;
        bring(machine, seen).await?;
    }
    machine.bench.doing(match source {
        Source::Unchanged => format!("setting up K3s on `{host}`"),
        Source::Script | Source::Local => format!("installing K3s on `{host}`"),
    });
    let output = machine.ssh.script(&scripts::converge(&machine.wanted, &work)).await?;
    if output.success() {
        return Ok(());
    }
    Err(reasons::failure(host, &output.stdout, &output.stderr))
}

/// Says what is left as it is.
fn tell(machine: &Machine<'_>, seen: &Seen, work: &Work) {
    if !work.kept_keys.is_empty() {
        let message = format!(
            "config.yaml on `{}` keeps what mlup did not write: {}",
            machine.wanted.host,
            work.kept_keys.join(", ")
        );
        machine.bench.warn("K3S_CONFIG_KEPT", message, None);
    }
    if seen.facts.k3s.has_registries {
        let message = format!("registries.yaml on `{}` is used as it is", machine.wanted.host);
        machine.bench.warn("K3S_CONFIG_KEPT", message, None);
    }
}

/// Copies program, installer and images.
async fn bring(machine: &Machine<'_>, seen: &Seen) -> Result<(), Failure> {
    let Install::Local(path) = &machine.wanted.install else { return Ok(()) };
    let found = local::find(path, &seen.facts.arch)?;
    let mut files = vec![
        (found.installer, INSTALLER.to_owned(), Mode::Program),
        (found.binary, STAGED.to_owned(), Mode::Program),
    ];
    for image in found.images {
        let name = image.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((image, format!("{IMAGES}/{name}"), Mode::Private));
    }
    for (local, remote, mode) in files {
        let Some(remote) = RemotePath::new(&remote) else { continue };
        machine.bench.doing(format!("copying `{}` to `{}`", local.display(), machine.wanted.host));
        machine.ssh.copy(&local, &remote, mode, Rights::Root).await?;
    }
    Ok(())
}

/// Makes the kubeconfig lead to the cluster, if it does not.
pub(super) async fn point_kubeconfig(machine: &Machine<'_>, seen: &Seen) -> Result<(), Failure> {
    let (bench, context) = (machine.bench, machine.spec.context.as_str());
    let found = kubeconfig::identity(bench, context)?;
    match access::entry(found.as_ref(), &seen.server, &seen.facts) {
        Entry::Right => return Ok(()),
        Entry::Foreign(server) => return Err(taken(context, &server)),
        Entry::Stale(_) => {}
    }
    let output = machine.run(&scripts::kubeconfig()).await?;
    let text = scripts::secret(output.stdout);
    let naming = Naming { context, server: &seen.server.url() };
    kubeconfig::admit(bench, &text, &naming)?;
    if found.is_none() && machine.spec.switch_context {
        contexts::switch(bench, context).await?;
    }
    Ok(())
}

/// A context of that name leads to another cluster, and is somebody's.
pub(super) fn taken(context: &str, server: &str) -> Failure {
    let summary =
        format!("the context `{context}` of the kubeconfig leads to another cluster, {server}");
    Failure::new(Class::Refused, "K3S_CONTEXT_TAKEN", summary).fix(Fix::safe(
        "write `context = \"ANOTHER\"` into `[cluster]` of mlup.toml, or rename that one: kubectl config \
         rename-context",
    ))
}
