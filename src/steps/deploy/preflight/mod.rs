//! What must be true before anything of any deploy is applied; everything that is not is told in one
//! pass. The single questions are answered in `manifest/`; here they are asked and put together.

mod declared;
mod images;
mod needs;
mod stock;
#[cfg(test)]
mod tests;
mod view;
mod wanted;

use crate::host::kube::error::may_pass;
use crate::manifest::{Object, node_ports, room};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::objects::Objects;
use view::View;
use wanted::Wanted;

/// Looks at files and cluster, changes nothing.
pub(in crate::steps) async fn probe(ctx: &StepCtx) -> Result<Probed, Failure> {
    let mut wanted = Wanted::gather(ctx).await?;
    let seen = match Objects::if_there(ctx).await {
        Ok(Some(objects)) => look(&mut wanted, &objects).await,
        Ok(None) => return later(&wanted),
        Err(failure) => Err(failure),
    };
    match seen {
        Ok(findings) => findings.tell(ctx).map(|()| Probed::Satisfied(settled(&wanted))),
        // The step comes after the cluster's, so that in a run this is told when it looks again.
        Err(failure) if may_pass(&failure) => later(&wanted),
        Err(failure) => Err(failure),
    }
}

/// Looks again, and at a cluster that has to answer.
pub(in crate::steps) async fn verify(ctx: &StepCtx) -> Result<Settled, Failure> {
    let mut wanted = Wanted::gather(ctx).await?;
    let objects = Objects::connect(ctx).await?;
    look(&mut wanted, &objects).await?.tell(ctx).map(|()| settled(&wanted))
}

/// What can be said without a cluster.
fn later(wanted: &Wanted) -> Result<Probed, Failure> {
    let mut findings = Findings::default();
    wanted.read_alone(&mut findings);
    if let Some(failure) = failure(findings.failures) {
        return Err(failure);
    }
    let change = Change::new(Op::Wait, "the cluster", "the rest is looked at once it is up");
    Ok(Probed::Needed(vec![change]))
}

fn settled(wanted: &Wanted) -> Settled {
    match wanted.count() {
        1 => Settled::succeeded("1 object"),
        count => Settled::succeeded(format!("{count} objects")),
    }
}

/// Everything that is wrong, of the files and of the cluster.
async fn look(wanted: &mut Wanted, objects: &Objects) -> Result<Findings, Failure> {
    wanted.leave_out_unchanged(objects).await?;
    let wanted = &*wanted;
    let mut findings = Findings::default();
    wanted.read_alone(&mut findings);
    let ctx = objects.step();
    let (changing, optional) = (wanted.changing(), wanted.optional());
    let everything = [changing.clone(), optional.clone()].concat();
    let (view, needs, declared) = tokio::try_join!(
        View::of(&everything, wanted, objects),
        needs::ask(wanted, objects),
        declared::failures(objects)
    )?;
    needs.judge(wanted, &mut findings);
    findings.failures.extend(declared);
    for (subset, is_required) in [(&changing, true), (&optional, false)] {
        let mut found = view.storage(subset, wanted, objects).await?;
        found.extend(room(subset, wanted, &view, objects, &mut findings).await);
        found.extend(images::failures(subset, &view, ctx).await);
        if is_required {
            findings.failures.extend(found);
        } else {
            findings.warnings.extend(found);
        }
    }
    if let Some(services) = &view.services {
        let range = range(ctx);
        findings.failures.extend(node_ports::failures(&everything, services, &range));
    }
    findings.warnings.extend(view::unserved_balancers(&everything, ctx));
    findings
        .warnings
        .extend(view.unchecked.iter().chain(&needs.unchecked).map(|what| unchecked(what)));
    Ok(findings)
}

/// Pods without room; where the cluster makes nodes as it needs them, that is only worth a warning.
async fn room(
    subset: &[Object],
    wanted: &Wanted,
    view: &View,
    objects: &Objects,
    findings: &mut Findings,
) -> Vec<Failure> {
    let failures = room::failures(subset, wanted.all(), &view.rooms(subset));
    if failures.is_empty() || !view.may_grow(objects).await {
        return failures;
    }
    findings.warnings.extend(failures);
    Vec::new()
}

fn range(ctx: &StepCtx) -> std::ops::RangeInclusive<i64> {
    let cluster = ctx.config.cluster.as_ref();
    cluster
        .and_then(|cluster| node_ports::range_in(&cluster.args))
        .unwrap_or(node_ports::USUAL_RANGE)
}

fn unchecked(what: &str) -> Failure {
    let summary = format!("this user may not list {what}: what depends on them was not checked");
    Failure::new(Class::Prerequisite, "NOT_CHECKED", summary)
}

/// What a look found.
#[derive(Default)]
struct Findings {
    /// What keeps the deploys from working.
    failures: Vec<Failure>,
    /// What may, or keeps only a part of them from it.
    warnings: Vec<Failure>,
}

impl Findings {
    /// Says what is worth a warning, and fails with all the rest.
    fn tell(self, ctx: &StepCtx) -> Result<(), Failure> {
        for warning in self.warnings {
            ctx.say(Progress::Warning {
                code: warning.code,
                message: warning.summary,
                hint: warning.fix.map(|fix| fix.command),
            });
        }
        failure(self.failures).map_or(Ok(()), Err)
    }
}

/// One failure for all of them.
fn failure(failures: Vec<Failure>) -> Option<Failure> {
    Failure::together("DEPLOYS_BLOCKED", failures, |count| {
        format!("{count} things are wrong in what the deploys need; nothing was applied")
    })
}
