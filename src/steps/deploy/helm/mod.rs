//! Deploys by Helm: upgraded where an input changed, and followed until their objects are ready.
//! Helm's objects are helm's: mlup neither labels nor prunes them.

mod hooks;
mod inputs;
mod missing;
mod records;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::Value;

use super::wait::{self, Seen};
use super::{namespace_of, rendering};
use crate::config::model::{Chart, Deploy};
use crate::drivers::helm::argv::{self, Hooks};
use crate::drivers::helm::release::{self, History, Stand};
use crate::drivers::helm::rendering as charts;
use crate::drivers::helm::{failure, tool};
use crate::drivers::spec::Spec;
use crate::host::cmd::Output;
use crate::host::kube::error::may_pass;
use crate::manifest::{Object, parse};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::redact::Secret;
use crate::steps::objects::Objects;
use crate::steps::{StepCtx, Teardown};
use inputs::Inputs;

/// One release, and what is needed to work on it.
struct Work<'c> {
    deploy: &'c Deploy,
    chart: &'c Chart,
    ctx: &'c StepCtx,
    context: String,
}

impl<'c> Work<'c> {
    fn new(deploy: &'c Deploy, chart: &'c Chart, ctx: &'c StepCtx) -> Self {
        let context = Spec::of(&ctx.config).map(|spec| spec.context).unwrap_or_default();
        Self { deploy, chart, ctx, context }
    }

    fn release(&self) -> argv::Release<'_> {
        argv::Release {
            name: self.chart.release.as_deref().unwrap_or(&self.deploy.name),
            namespace: namespace_of(self.deploy, self.ctx),
            context: &self.context,
        }
    }

    fn inputs(&self) -> Result<Inputs<'c>, Failure> {
        Inputs::read(self.deploy, self.chart, &self.ctx.config.root)
    }

    fn change(&self, op: Op, why: &str) -> Change {
        let release = self.release();
        Change::new(op, format!("release {}/{}", release.namespace, release.name), why)
    }

    fn project(&self) -> &'c str {
        &self.ctx.config.name
    }

    /// What it means that helm did not succeed; `doing` is what to do with the release.
    fn refused(&self, output: &Output, doing: &str) -> Failure {
        let doing = format!("{doing} release `{}`", self.release().name);
        failure(output, &doing, &self.chart.chart).within(self.release().namespace)
    }
}

pub(super) async fn probe(
    deploy: &Deploy,
    chart: &Chart,
    ctx: &StepCtx,
) -> Result<Probed, Failure> {
    let work = Work::new(deploy, chart, ctx);
    let inputs = work.inputs()?;
    let later = || Probed::Needed(vec![work.change(Op::Create, "after the cluster is up")]);
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(later()) };
    let history = match records::history(&work, &objects).await {
        // The step comes after the cluster's, so that in a run this is told when it writes.
        Err(failure) if may_pass(&failure) => return Ok(later()),
        history => history?,
    };
    let change = match history.stand(&inputs.hash, work.project()) {
        Stand::Absent => work.change(Op::Create, "there is no such release"),
        Stand::Current => return as_it_is(&work, &history, &objects).await,
        Stand::Outdated(why) => work.change(Op::Update, why),
        Stand::Interrupted(_) => work.change(Op::Update, "an earlier run was stopped half way"),
        Stand::Busy(state) => return Err(records::busy(&work, &state)),
    };
    Ok(Probed::Needed(vec![change]))
}

/// Whether the release has these inputs already.
pub(super) async fn is_current(
    deploy: &Deploy,
    chart: &Chart,
    objects: &Objects,
) -> Result<bool, Failure> {
    let work = Work::new(deploy, chart, objects.step());
    let Ok(inputs) = work.inputs() else { return Ok(false) };
    match records::history(&work, objects).await {
        Err(failure) if may_pass(&failure) || failure.is_cancelled() => Err(failure),
        // The step of the deploy tells what is wrong with it.
        history => Ok(history
            .is_ok_and(|history| history.stand(&inputs.hash, work.project()) == Stand::Current)),
    }
}

/// What is left to do for a release whose inputs are unchanged.
async fn as_it_is(
    work: &Work<'_>,
    history: &History,
    objects: &Objects,
) -> Result<Probed, Failure> {
    let revision = history.last().map_or(1, |last| last.number);
    let mut wanted = deployed(work, revision).await?.to_vec();
    let settled = wait::ready_already(work.deploy, &wanted, Seen::NotYet, objects).await?;
    if settled.is_some() && work.deploy.optional.is_empty() {
        // What is ready is there.
        wanted.retain(|object| !wait::is_awaited(&object.id));
    }
    let gone = missing::first(&wanted, objects).await?;
    Ok(match (gone, settled) {
        (Some(id), _) => Probed::Needed(vec![work.change(Op::Update, &format!("{id} is gone"))]),
        (None, Some(settled)) => Probed::Satisfied(settled),
        (None, None) => Probed::Needed(vec![work.change(Op::Wait, "its inputs are unchanged")]),
    })
}

pub(super) async fn apply(deploy: &Deploy, chart: &Chart, ctx: &StepCtx) -> Result<(), Failure> {
    let work = Work::new(deploy, chart, ctx);
    let inputs = work.inputs()?;
    let objects = Objects::connect(ctx).await?;
    let mut history = records::history(&work, &objects).await?;
    let mut stand = history.stand(&inputs.hash, work.project());
    if let Stand::Interrupted(way) = stand {
        records::recover(&work, way).await?;
        history = records::history(&work, &objects).await?;
        stand = history.stand(&inputs.hash, work.project());
    }
    if let Stand::Busy(state) = &stand {
        return Err(records::busy(&work, state));
    }
    let release = work.release();
    objects.namespace(release.namespace).await?;
    let labels = release::labels(&stand, history.next(), &inputs.hash, work.project());
    let limit = ctx.time_left();
    let cmd = argv::upgrade(&release, &inputs.argv(), &labels, tool::patience(limit));
    let ended = hooks::run(&work, cmd, limit, &objects).await;
    ctx.listings.forget_all();
    let output = ended?;
    if !output.success() {
        return Err(work.refused(&output, "upgrade"));
    }
    let history = records::history(&work, &objects).await?;
    match history.stand(&inputs.hash, work.project()) {
        Stand::Current => Ok(()),
        other => Err(records::unverified(&work, &other)),
    }
}

pub(super) async fn verify(
    deploy: &Deploy,
    chart: &Chart,
    ctx: &StepCtx,
) -> Result<Settled, Failure> {
    let work = Work::new(deploy, chart, ctx);
    let objects = Objects::connect(ctx).await?;
    let history = records::history(&work, &objects).await?;
    let Some(last) = history.last() else {
        return Err(records::unverified(&work, &Stand::Absent));
    };
    let wanted = deployed(&work, last.number).await?;
    wait::until_ready(deploy, &wanted, &objects).await
}

/// The objects of a revision as helm made them: a chart may render differently the next time. Read
/// once a run.
async fn deployed(work: &Work<'_>, revision: u64) -> Result<Arc<Vec<Object>>, Failure> {
    let read = read(work, revision).boxed();
    work.ctx.renderings.revision(&work.deploy.name, revision, read).await
}

async fn read(work: &Work<'_>, revision: u64) -> Result<Vec<Object>, Failure> {
    let (bench, release) = (work.ctx.workbench(), work.release());
    let cmd = argv::manifest(&release, revision);
    let output = tool::look(&bench, cmd, work.ctx.time_left()).await?;
    if !output.success() {
        return Err(work.refused(&output, "read"));
    }
    let mut objects = parse::objects(&charts::sources(&output.stdout, &work.chart.chart))?;
    rendering::settle(&mut objects, release.namespace);
    Ok(charts::without_hooks(&objects))
}

pub(super) async fn removals(
    deploy: &Deploy,
    chart: &Chart,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let work = Work::new(deploy, chart, ctx);
    if how == Teardown::Stop {
        return Ok(Vec::new());
    }
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(Vec::new()) };
    let history = records::history(&work, &objects).await?;
    let is_there = history.stand("", work.project()) != Stand::Absent;
    // A release that was there before mlup stays.
    if !is_there || !history.is_ours(work.project()) {
        return Ok(Vec::new());
    }
    if how == Teardown::Reset && holds_data(&work, &history).await? {
        return Ok(Vec::new());
    }
    Ok(vec![work.change(Op::Remove, "it was installed by mlup")])
}

/// Whether claims would go with the release, and their data with them: a reset keeps data, so then
/// the release stays, with a word.
async fn holds_data(work: &Work<'_>, history: &History) -> Result<bool, Failure> {
    let Some(last) = history.last() else { return Ok(false) };
    let objects = deployed(work, last.number).await?;
    let claims: Vec<String> = objects
        .iter()
        .filter(|object| object.id.kind == "PersistentVolumeClaim" && !is_kept(&object.value))
        .map(|object| object.id.name.clone())
        .collect();
    if claims.is_empty() {
        return Ok(false);
    }
    let name = work.release().name;
    work.ctx.say(Progress::Warning {
        code: "RELEASE_HOLDS_DATA",
        message: format!(
            "Release `{name}` stays: helm would remove {} and the data with it",
            claims.join(", ")
        ),
        hint: Some("`mlup reset --purge`, or `helm.sh/resource-policy: keep` on the claim".into()),
    });
    Ok(true)
}

/// Whether helm leaves the object in the cluster when its release goes.
fn is_kept(object: &Value) -> bool {
    let policy = object.pointer("/metadata/annotations/helm.sh~1resource-policy");
    policy.and_then(Value::as_str) == Some("keep")
}

pub(super) async fn remove(
    deploy: &Deploy,
    chart: &Chart,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let removed = removals(deploy, chart, ctx, how).await?;
    if removed.is_empty() {
        return Ok(removed);
    }
    let work = Work::new(deploy, chart, ctx);
    let limit = ctx.time_left();
    let cmd = argv::uninstall(&work.release(), Hooks::Run, tool::patience(limit));
    let output = tool::change(&ctx.workbench(), cmd, limit).await?;
    ctx.listings.forget_all();
    if output.success() { Ok(removed) } else { Err(work.refused(&output, "remove")) }
}

/// What a release has, where a run would leave it as it is; nothing where there is none, or none that
/// can be looked at. Its hooks are not among it.
///
/// # Errors
/// The run is over.
pub(super) async fn unchanged(
    deploy: &Deploy,
    chart: &Chart,
    ctx: &StepCtx,
) -> Result<Option<Arc<Vec<Object>>>, Failure> {
    let work = Work::new(deploy, chart, ctx);
    let look = async {
        let inputs = work.inputs()?;
        let Some(objects) = Objects::if_there(ctx).await? else { return Ok(None) };
        let history = records::history(&work, &objects).await?;
        match (history.stand(&inputs.hash, work.project()), history.last()) {
            (Stand::Current, Some(last)) => deployed(&work, last.number).await.map(Some),
            _ => Ok(None),
        }
    };
    match look.await {
        Err(failure) if failure.is_cancelled() => Err(failure),
        // Whoever needs the release tells what is wrong with it.
        found => Ok(found.unwrap_or_default()),
    }
}

/// The objects of a chart, as `helm template` renders them: what is checked before a deploy.
pub(super) async fn render(
    deploy: &Deploy,
    chart: &Chart,
    ctx: &StepCtx,
) -> Result<Secret, Failure> {
    let work = Work::new(deploy, chart, ctx);
    let inputs = work.inputs()?;
    let version = Spec::of(&ctx.config).and_then(|spec| spec.kubernetes_version);
    // `stable` and `latest` are versions to minikube alone.
    let version = version.filter(|version| version.contains('.'));
    let cmd = argv::template(&work.release(), &inputs.argv(), version.as_deref());
    let output = tool::look(&ctx.workbench(), cmd, ctx.time_left()).await?;
    if output.success() {
        return Ok(Secret::new(output.stdout));
    }
    Err(failure(&output, &format!("render chart `{}`", chart.chart), &chart.chart))
}
