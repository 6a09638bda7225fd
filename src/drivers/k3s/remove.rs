//! Halts K3s, or takes off the machine what mlup installed there. Somebody else's is never touched.

use crate::drivers::k3s::convergence::Standing;
use crate::drivers::k3s::installed::Unit;
use crate::drivers::k3s::machine::{Machine, Seen};
use crate::drivers::k3s::scripts;
use crate::drivers::kubeconfig;
use crate::event::Fix;
use crate::plan::change::{Change, Op};
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// Halts the service, and looks whether it is.
pub(super) async fn stop(machine: &Machine<'_>) -> Result<(), Failure> {
    let seen = machine.look().await?;
    machine.check_rights(&seen)?;
    let host = &machine.wanted.host;
    match seen.standing {
        Standing::Absent => return Ok(()),
        Standing::Foreign => {
            let message =
                format!("mlup did not install the K3s on `{host}`, and leaves it running");
            let hint = format!("ssh -t {} sudo systemctl stop k3s", quote(host));
            machine.bench.warn("K3S_NOT_OURS", message, Some(hint));
            return Ok(());
        }
        Standing::Unfinished if seen.facts.k3s.unit == Unit::Missing => return Ok(()),
        Standing::Unfinished | Standing::Ours => {}
    }
    let output = machine.run(&scripts::stop()).await?;
    let state = output.stdout.trim();
    if matches!(state, "active" | "activating" | "reloading") {
        let summary = format!("K3s on `{host}` was told to stop and is {state}");
        let fix = Fix::safe(format!("ssh -t {} sudo systemctl status k3s", quote(host)));
        return Err(Failure::new(Class::Permanent, "CLUSTER_NOT_STOPPED", summary).fix(fix));
    }
    Ok(())
}

/// What a purge takes away; nothing of somebody else's.
pub(super) async fn doomed(machine: &Machine<'_>) -> Result<Vec<Change>, Failure> {
    let seen = machine.look().await?;
    machine.check_rights(&seen)?;
    let host = &machine.wanted.host;
    if seen.standing == Standing::Foreign {
        let message = format!("mlup did not install the K3s on `{host}`, and it stays");
        machine.bench.warn("K3S_NOT_OURS", message, None);
    }
    if !is_removable(&seen) {
        return Ok(Vec::new());
    }
    let mut changes = vec![
        Change::new(Op::Remove, format!("K3s on {host}"), "mlup installed it"),
        Change::new(
            Op::Remove,
            format!("/var/lib/rancher/k3s on {host}"),
            "the cluster's data, its volumes and images",
        ),
    ];
    if kubeconfig::identity(machine.bench, &machine.spec.context)?.is_some() {
        let object = format!("kubeconfig context {}", machine.spec.context);
        changes.push(Change::new(Op::Remove, object, "it leads to the cluster"));
    }
    Ok(changes)
}

/// Takes it off, and looks whether it is gone.
pub(super) async fn purge(machine: &Machine<'_>) -> Result<(), Failure> {
    let seen = machine.look().await?;
    machine.check_rights(&seen)?;
    match seen.standing {
        Standing::Foreign => return Err(machine.not_ours("nothing of it is removed")),
        Standing::Absent => {}
        Standing::Ours | Standing::Unfinished => {
            machine.bench.doing(format!("taking K3s off `{}`", machine.wanted.host));
            machine.run(&scripts::uninstall()).await?;
            let left = machine.look().await?;
            if left.standing != Standing::Absent {
                let summary =
                    format!("K3s on `{}` was taken off, and parts are left", machine.wanted.host);
                let fix =
                    "ls /usr/local/bin/k3s* /etc/systemd/system/k3s* /etc/rancher /var/lib/rancher";
                let fix = format!("ssh -t {} {}", quote(&machine.wanted.host), quote(fix));
                return Err(Failure::new(Class::Permanent, "CLUSTER_LEFTOVERS", summary)
                    .fix(Fix::safe(fix)));
            }
        }
    }
    kubeconfig::forget(machine.bench, &machine.spec.context).await
}

fn is_removable(seen: &Seen) -> bool {
    matches!(seen.standing, Standing::Ours | Standing::Unfinished)
}
