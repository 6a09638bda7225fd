//! The step that brings an `[[image]]` of this machine onto the cluster's nodes, where a deploy uses
//! it. Getting it onto this machine is `image`.

mod outdated;
mod stale;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::config::model::{Deploy, DeployKind, Image, ImageSource};
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::references::{NodeImage, familiar};
use crate::manifest::images::{ImageName, images};
use crate::manifest::{Object, ObjectId, Scope};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::deploy::rendering::{Origin, Rendering};
use crate::steps::objects::{Objects, Standing, standing};
use crate::steps::{StepCtx, cluster, image as local};

pub(super) async fn probe(image: &Image, ctx: &StepCtx) -> Result<Probed, Failure> {
    let users = match Users::of(image, ctx).await {
        Users::Nobody => return Ok(Probed::Satisfied(Settled::ready("no deploy uses it"))),
        Users::Objects(users) => users,
    };
    let sighted = sight(image, ctx).await?;
    Ok(match sighted.sight {
        Sight::Same => match sighted.outdated(image, &users, ctx).await? {
            none if none.is_empty() => Probed::Satisfied(settled()),
            some => Probed::Needed(some.iter().map(|id| restarted(image, id)).collect()),
        },
        Sight::Unknown => needed(image, "after the cluster is up"),
        Sight::Absent => needed(image, "the nodes do not have it"),
        Sight::Other => needed(image, "the nodes have an older one of this name"),
    })
}

pub(super) async fn apply(image: &Image, ctx: &StepCtx) -> Result<(), Failure> {
    let before = sight(image, ctx).await?;
    if before.sight != Sight::Same {
        let (_, driver) = cluster::wanted(ctx)?;
        driver.load_image(&ctx.workbench(), &image.name).await?;
    }
    let Users::Objects(users) = Users::of(image, ctx).await else { return Ok(()) };
    // Their pods would go on with the image that they were started with.
    let users = match before.sight {
        Sight::Same => before.outdated(image, &users, ctx).await?,
        Sight::Other => users,
        Sight::Absent | Sight::Unknown => return Ok(()),
    };
    let there = NodeImage::new(&image.name, &before.newest);
    stale::restart((image, there.id.as_deref()), &users, ctx).await
}

pub(super) async fn verify(image: &Image, ctx: &StepCtx) -> Result<Settled, Failure> {
    match sight(image, ctx).await?.sight {
        Sight::Same => Ok(settled()),
        Sight::Absent | Sight::Other | Sight::Unknown => {
            let summary =
                format!("image `{}` was loaded, and the nodes do not have it", image.name);
            Err(Failure::new(Class::Permanent, "CLUSTER_IMAGE_NOT_LOADED", summary))
        }
    }
}

fn restarted(image: &Image, id: &ObjectId) -> Change {
    let why = format!("its pods run an older image `{}`", image.name);
    Change::new(Op::Update, id.to_string(), why)
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

/// What was seen on the nodes.
struct Sighted {
    sight: Sight,
    /// The image of the name that was looked for.
    there: Option<NodeImage>,
    /// All that the nodes have.
    listed: Vec<NodeImage>,
    /// The image that the nodes have once this one is loaded, where that can be told.
    newest: String,
}

impl Sighted {
    fn nothing(sight: Sight) -> Self {
        Self { sight, there: None, listed: Vec::new(), newest: String::new() }
    }

    /// The users whose pods run another image than the nodes have.
    async fn outdated(
        &self,
        image: &Image,
        users: &[ObjectId],
        ctx: &StepCtx,
    ) -> Result<Vec<ObjectId>, Failure> {
        let Some(there) = &self.there else { return Ok(Vec::new()) };
        let Some(objects) = Objects::if_there(ctx).await? else { return Ok(Vec::new()) };
        outdated::outdated(image, users, (there, &self.listed), &objects).await
    }
}

async fn sight(image: &Image, ctx: &StepCtx) -> Result<Sighted, Failure> {
    let Some(here) = local::inspect(&image.name, ctx).await? else {
        return Ok(Sighted::nothing(Sight::Unknown));
    };
    let (_, driver) = cluster::wanted(ctx)?;
    let listed = match driver.list_images(&ctx.workbench()).await {
        Ok(listed) => listed,
        Err(failure) if failure.is_cancelled() => return Err(failure),
        Err(failure) => {
            return match standing(ctx).await {
                Standing::Ready => Err(failure),
                Standing::Absent | Standing::Silent => Ok(Sighted::nothing(Sight::Unknown)),
            };
        }
    };
    let name = familiar(&image.name);
    let there = listed.iter().find(|listed| listed.name == name).cloned();
    let sight = match &there {
        None => Sight::Absent,
        Some(there) => compared(image, here.id.as_deref(), there, ctx).await,
    };
    let known = there.as_ref().and_then(|there| there.id.clone());
    let newest = if sight == Sight::Same { known } else { here.id };
    Ok(Sighted { sight, there, listed, newest: newest.unwrap_or_default() })
}

/// What an image on the nodes is to the one of this machine.
async fn compared(image: &Image, here: Option<&str>, there: &NodeImage, ctx: &StepCtx) -> Sight {
    if here.is_none_or(|id| there.is(id)) {
        return Sight::Same;
    }
    if ids_mean_the_same(ctx).await {
        return Sight::Other;
    }
    if matches!(image.source, ImageSource::Build { .. }) {
        not_compared(image, ctx);
    }
    Sight::Same
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
                    match rendering(deploy, &name, ctx).await {
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

/// What a deploy wants. A release does not tell the images of its hooks: where it does not have this
/// one, its chart is asked as well.
async fn rendering(
    deploy: &Deploy,
    image: &ImageName,
    ctx: &StepCtx,
) -> Result<Arc<Rendering>, Failure> {
    let rendering = ctx.renderings.of(deploy, ctx).await?;
    let is_enough =
        rendering.origin == Origin::Files || using(&rendering.objects, image).next().is_some();
    if is_enough { Ok(rendering) } else { ctx.renderings.template(deploy, ctx).await }
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
