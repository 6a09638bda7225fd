//! The step that brings an `[[image]]` of this machine onto the cluster's nodes, where a deploy uses
//! it. Getting it onto this machine is `image`.

mod stale;
#[cfg(test)]
mod tests;

use crate::config::model::{DeployKind, Image, ImageSource};
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::references::familiar;
use crate::manifest::images::{ImageName, images};
use crate::manifest::{Object, ObjectId, Scope};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::objects::{Standing, standing};
use crate::steps::{StepCtx, cluster, image as local};

pub(super) async fn probe(image: &Image, ctx: &StepCtx) -> Result<Probed, Failure> {
    if let Users::Nobody = Users::of(image, ctx).await {
        return Ok(Probed::Satisfied(Settled::ready("no deploy uses it")));
    }
    Ok(match sight(image, ctx).await? {
        Sight::Same => Probed::Satisfied(settled()),
        Sight::Unknown => needed(image, "after the cluster is up"),
        Sight::Absent => needed(image, "the nodes do not have it"),
        Sight::Other => needed(image, "the nodes have an older one of this name"),
    })
}

pub(super) async fn apply(image: &Image, ctx: &StepCtx) -> Result<(), Failure> {
    let replaces = sight(image, ctx).await? == Sight::Other;
    let (_, driver) = cluster::wanted(ctx)?;
    driver.load_image(&ctx.workbench(), &image.name).await?;
    match Users::of(image, ctx).await {
        // Their pods would go on with the image that they were started with.
        Users::Objects(objects) if replaces => stale::restart(image, &objects, ctx).await,
        _ => Ok(()),
    }
}

pub(super) async fn verify(image: &Image, ctx: &StepCtx) -> Result<Settled, Failure> {
    match sight(image, ctx).await? {
        Sight::Same => Ok(settled()),
        Sight::Absent | Sight::Other | Sight::Unknown => {
            let summary =
                format!("image `{}` was loaded, and the nodes do not have it", image.name);
            Err(Failure::new(Class::Permanent, "CLUSTER_IMAGE_NOT_LOADED", summary))
        }
    }
}

fn settled() -> Settled {
    Settled::ready("on the nodes")
}

fn needed(image: &Image, why: &str) -> Probed {
    Probed::Needed(vec![Change::new(Op::Load, format!("image `{}`", image.name), why)])
}

/// What the nodes have under the name of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// The image of this machine.
    Same,
    /// Another image.
    Other,
    /// Nothing.
    Absent,
    /// The cluster does not answer yet, or this machine does not have the image yet.
    Unknown,
}

async fn sight(image: &Image, ctx: &StepCtx) -> Result<Sight, Failure> {
    let Some(here) = local::inspect(&image.name, ctx).await? else { return Ok(Sight::Unknown) };
    let (_, driver) = cluster::wanted(ctx)?;
    let listed = match driver.list_images(&ctx.workbench()).await {
        Ok(listed) => listed,
        Err(failure) if failure.is_cancelled() => return Err(failure),
        Err(failure) => {
            return match standing(ctx).await {
                Standing::Ready => Err(failure),
                Standing::Absent | Standing::Silent => Ok(Sight::Unknown),
            };
        }
    };
    let name = familiar(&image.name);
    let Some(there) = listed.iter().find(|listed| listed.name == name) else {
        return Ok(Sight::Absent);
    };
    if here.id.as_deref().is_none_or(|id| there.is(id)) {
        return Ok(Sight::Same);
    }
    if ids_mean_the_same(ctx).await {
        return Ok(Sight::Other);
    }
    if matches!(image.source, ImageSource::Build { .. }) {
        not_compared(image, ctx);
    }
    Ok(Sight::Same)
}

/// Whether the engine and the nodes name an image by its configuration. An engine that keeps its
/// images in containerd names it by its manifest.
async fn ids_mean_the_same(ctx: &StepCtx) -> bool {
    let Ok(client) = ctx.host.docker.client().await else { return true };
    let Ok(info) = client.info().await else { return true };
    let status = info.driver_status.unwrap_or_default();
    !status.iter().flatten().any(|word| word.starts_with("io.containerd.snapshotter"))
}

fn not_compared(image: &Image, ctx: &StepCtx) {
    ctx.say(Progress::Warning {
        code: "IMAGE_NOT_COMPARED",
        message: format!(
            "the nodes have an image `{}`, and whether it is the newest cannot be told: this Docker \
             Engine keeps its images in containerd",
            image.name
        ),
        hint: Some("give an image that you build anew a new tag".to_owned()),
    });
}

/// Who uses an image.
enum Users {
    /// No deploy.
    Nobody,
    /// These objects, as far as they are known.
    Objects(Vec<ObjectId>),
}

impl Users {
    async fn of(image: &Image, ctx: &StepCtx) -> Self {
        let name = ImageName::parse(&image.name);
        let (mut objects, mut is_sure) = (Vec::new(), true);
        for deploy in &ctx.config.deploys {
            match &deploy.kind {
                DeployKind::Compose(_) => {}
                // What Argo CD deploys, it alone knows.
                DeployKind::Argocd(_) => is_sure = false,
                DeployKind::Helm(_) | DeployKind::Kustomize(_) | DeployKind::Manifests(_) => {
                    match ctx.renderings.of(deploy, ctx).await {
                        Ok(rendering) => {
                            is_sure &= !rendering.objects.iter().any(hides_images);
                            objects.extend(using(&rendering.objects, &name));
                        }
                        // The preflight of the deploys tells it.
                        Err(_) => is_sure = false,
                    }
                }
            }
        }
        if objects.is_empty() && is_sure { Self::Nobody } else { Self::Objects(objects) }
    }
}

fn using<'o>(
    objects: &'o [Object],
    name: &'o ImageName,
) -> impl Iterator<Item = ObjectId> + use<'o> {
    let uses = |object: &&Object| {
        images(object).iter().any(|one| ImageName::parse(&one.image).is_same(name))
    };
    objects.iter().filter(uses).map(|object| object.id.clone())
}

/// Whether pods follow from an object that do not stand in it.
fn hides_images(object: &Object) -> bool {
    Scope::of(&object.id, &[]).is_none()
}
