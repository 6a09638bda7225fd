//! The step of a `[[file]]`: its content and mode are as wanted. Only a file that still is what
//! mlup wrote is removed.

#[cfg(test)]
mod tests;

use crate::config::model::{File, FileContent};
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::driver::Driver;
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::files::{self, Entry};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::quote::quote;
use crate::redact::Secret;
use crate::steps::{StepCtx, Teardown};

pub(super) async fn probe(file: &File, ctx: &StepCtx) -> Result<Probed, Failure> {
    let wanted = match wanted(file, ctx).await? {
        Wanted::Known(text) => text,
        Wanted::AfterCluster => return after_cluster(file),
    };
    let (op, why) = match files::look(&file.path)? {
        Entry::Absent => (Op::Create, "it does not exist".to_owned()),
        Entry::Folder { empty } => return Err(is_folder(file, empty)),
        Entry::File { content, .. } if content != wanted.expose().as_bytes() => {
            (Op::Update, differs(file).to_owned())
        }
        Entry::File { mode, .. } if mode != file.mode => {
            (Op::Update, format!("its mode is {mode:04o}, wanted {:04o}", file.mode))
        }
        Entry::File { .. } => return Ok(Probed::Satisfied(settled(file))),
    };
    Ok(Probed::Needed(vec![Change::new(op, object(file), why)]))
}

pub(super) async fn apply(file: &File, ctx: &StepCtx) -> Result<(), Failure> {
    let text = match wanted(file, ctx).await? {
        Wanted::Known(text) => text,
        // The step comes after the cluster's: by now the context has to be there.
        Wanted::AfterCluster => cluster_kubeconfig(ctx).await?,
    };
    files::write(&file.path, text.expose().as_bytes(), file.mode)
}

pub(super) async fn verify(file: &File, ctx: &StepCtx) -> Result<Settled, Failure> {
    match probe(file, ctx).await? {
        Probed::Satisfied(settled) => Ok(settled),
        Probed::Needed(_) => Err(Failure::new(
            Class::Permanent,
            "FILE_UNVERIFIED",
            format!("{} was written and does not hold what was written", object(file)),
        )),
    }
}

#[expect(clippy::unused_async, reason = "all steps are asked the same way")]
pub(super) async fn removals(
    file: &File,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    if how == Teardown::Stop || !is_unchanged(file, ctx)? {
        return Ok(Vec::new());
    }
    Ok(vec![Change::new(Op::Remove, object(file), "mlup wrote it")])
}

pub(super) async fn remove(
    file: &File,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let changes = removals(file, ctx, how).await?;
    if !changes.is_empty() {
        files::remove(&file.path)?;
    } else if how != Teardown::Stop && files::look(&file.path)? != Entry::Absent {
        ctx.say(Progress::Warning {
            code: "FILE_KEPT",
            message: format!("{} was changed by somebody else and is kept", object(file)),
            hint: Some(format!("rm {}", quote(&file.path.to_string_lossy()))),
        });
    }
    Ok(changes)
}

/// What a file has to hold.
enum Wanted {
    Known(Secret),
    /// There is no cluster yet that could be written about.
    AfterCluster,
}

async fn wanted(file: &File, ctx: &StepCtx) -> Result<Wanted, Failure> {
    if let FileContent::Rendered(text) = &file.content {
        return Ok(Wanted::Known(text.clone()));
    }
    if kubeconfig::files(&ctx.workbench()).contains(&file.path) {
        return Err(is_the_kubeconfig(file));
    }
    match cluster_kubeconfig(ctx).await {
        Ok(text) => Ok(Wanted::Known(text)),
        Err(failure) if failure.code == "CONTEXT_MISSING" => Ok(Wanted::AfterCluster),
        Err(failure) => Err(failure),
    }
}

/// The kubeconfig of the configuration's cluster.
async fn cluster_kubeconfig(ctx: &StepCtx) -> Result<Secret, Failure> {
    let driver = Spec::of(&ctx.config).map(Driver::new).ok_or_else(|| {
        let summary = "there is no cluster in this configuration";
        Failure::new(Class::Config, "NOT_RUN_YET", summary)
    })?;
    let bench = ctx.workbench();
    ctx.in_time("read the kubeconfig", driver.kubeconfig(&bench)).await
}

fn after_cluster(file: &File) -> Result<Probed, Failure> {
    let op = match files::look(&file.path)? {
        Entry::Absent => Op::Create,
        Entry::Folder { empty } => return Err(is_folder(file, empty)),
        Entry::File { .. } => Op::Update,
    };
    Ok(Probed::Needed(vec![Change::new(op, object(file), "after the cluster is up")]))
}

/// Whether it still is what mlup wrote. A kubeconfig is, whichever cluster of that context it was
/// written about: the cluster may be gone or made again since.
fn is_unchanged(file: &File, ctx: &StepCtx) -> Result<bool, Failure> {
    let Entry::File { content, .. } = files::look(&file.path)? else { return Ok(false) };
    if let FileContent::Rendered(text) = &file.content {
        return Ok(content == text.expose().as_bytes());
    }
    let context = Spec::of(&ctx.config).map(|spec| spec.context).unwrap_or_default();
    let is_the_users = kubeconfig::files(&ctx.workbench()).contains(&file.path);
    let text = String::from_utf8_lossy(&content);
    Ok(!is_the_users && kubeconfig::is_of_context(&text, &context))
}

fn differs(file: &File) -> &'static str {
    match file.content {
        FileContent::Kubeconfig => "the cluster's address or certificate changed",
        FileContent::Rendered(_) => "its content differs from the template",
    }
}

fn object(file: &File) -> String {
    format!("file `{}`", file.path.display())
}

fn settled(file: &File) -> Settled {
    let what = match file.content {
        FileContent::Kubeconfig => "leads to the cluster",
        FileContent::Rendered(_) => "as the template says",
    };
    Settled::ready(format!("{what}, mode {:04o}", file.mode))
}

/// Docker makes an empty folder where the source of a bind mount is missing.
fn is_folder(file: &File, empty: bool) -> Failure {
    let path = quote(&file.path.to_string_lossy());
    let (why, fix) = if empty {
        ("an empty folder, as Docker makes one for a missing bind mount", format!("rmdir {path}"))
    } else {
        ("a folder that holds something", format!("mv {path} {path}.old"))
    };
    Failure::new(
        Class::Refused,
        "FILE_IS_DIRECTORY",
        format!("{} cannot be written: {why} is in its place", object(file)),
    )
    .fix(Fix::safe(fix))
}

/// Writing one context there would take all others away.
fn is_the_kubeconfig(file: &File) -> Failure {
    Failure::new(
        Class::Config,
        "FILE_IS_KUBECONFIG",
        format!(
            "{} is the kubeconfig that the tools themselves use, with all of its contexts",
            object(file)
        ),
    )
    .fix(Fix::safe("give the `[[file]]` another `path`"))
}
