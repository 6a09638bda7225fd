//! Whether the images of pods get onto the nodes, and run there: those of this machine, those that
//! the nodes have, and those that would be pulled.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};

use super::stock::Stock;
use super::view::View;
use crate::config::model::{Image, Provider};
use crate::drivers::references::familiar;
use crate::event::Fix;
use crate::host::registry::Verdict;
use crate::manifest::images::{ImageName, ImageUse, PullPolicy, images};
use crate::manifest::platform::Platform;
use crate::manifest::requests::NodeRoom;
use crate::manifest::{Object, pod_spec};
use crate::policy::{Class, Failure};
use crate::steps::registry::pulls::{Pulls, Told};
use crate::steps::{StepCtx, image};

/// Registries that are asked at the same time.
const AT_ONCE: usize = 16;

/// What is wrong with the images of these objects.
pub(super) async fn failures(subset: &[Object], view: &View, ctx: &StepCtx) -> Vec<Failure> {
    let mut uses: BTreeMap<String, Vec<ImageUse>> = BTreeMap::new();
    for one in subset.iter().flat_map(images) {
        // Empty ones and those with variables are told already.
        if !one.image.trim().is_empty() && !one.image.contains('$') {
            uses.entry(familiar(&one.image)).or_default().push(one);
        }
    }
    if uses.is_empty() {
        return Vec::new();
    }
    let undeclared: Vec<&str> =
        uses.keys().map(String::as_str).filter(|image| declared(image, ctx).is_none()).collect();
    let nodes = view.nodes.as_deref().unwrap_or_default();
    let case = Case {
        ctx,
        subset,
        nodes: view.empty_nodes(),
        stock: Stock::of(nodes, &undeclared, ctx).await,
        pulls: Pulls::new(ctx),
    };
    let mut judged: Vec<BoxFuture<'_, Option<Failure>>> = Vec::new();
    for (image, uses) in &uses {
        judged.push(Box::pin(case.judge(image, uses)));
    }
    let judged: Vec<Option<Failure>> = stream::iter(judged).buffered(AT_ONCE).collect().await;
    judged.into_iter().flatten().collect()
}

/// The `[[image]]` of this name.
fn declared<'c>(image: &str, ctx: &'c StepCtx) -> Option<&'c Image> {
    let name = ImageName::parse(image);
    ctx.config.images.iter().find(|own| ImageName::parse(&own.name).is_same(&name))
}

struct Case<'c> {
    ctx: &'c StepCtx,
    subset: &'c [Object],
    nodes: Vec<NodeRoom>,
    stock: Stock,
    pulls: Pulls<'c>,
}

impl Case<'_> {
    async fn judge(&self, image: &str, uses: &[ImageUse]) -> Option<Failure> {
        if let Some(own) = declared(image, self.ctx) {
            return self.of_this_machine(own, uses).await;
        }
        let is_there = self.stock.has(image);
        let with = |policy: PullPolicy| uses.iter().find(|one| one.policy == policy);
        if let Some(never) = with(PullPolicy::Never).filter(|_| !is_there && self.stock.is_whole) {
            return Some(self.not_on_node(image, never).await);
        }
        let always = with(PullPolicy::Always);
        let pulled = always.or_else(|| with(PullPolicy::IfNotPresent).filter(|_| !is_there))?;
        let told = self.pulls.ask(image).await;
        self.weigh(image, pulled, uses, told).await
    }

    /// An image that the run puts onto the nodes.
    async fn of_this_machine(&self, own: &Image, uses: &[ImageUse]) -> Option<Failure> {
        let is_local = !ImageName::parse(&own.name).has_host;
        if let Some(always) = uses.iter().find(|one| one.policy == PullPolicy::Always && is_local) {
            let told = self.pulls.ask(&own.name).await;
            if !matches!(told.verdict, Verdict::Found(_)) {
                return Some(pulled_although_local(own, always));
            }
        }
        let found = image::inspect(&own.name, self.ctx).await.ok().flatten()?;
        let has = image::platform::of(&found);
        let failure = self.unfit(&own.name, std::slice::from_ref(&has), uses)?;
        // Somebody who asks for another platform, or has Docker Desktop, can run it by emulation.
        let provider = self.ctx.config.cluster.as_ref().map(|cluster| cluster.provider);
        let may_emulate = own.platform.is_some() || provider == Some(Provider::DockerDesktop);
        if may_emulate {
            return None;
        }
        let name = &own.name;
        Some(failure.fix(Fix::safe(format!(
            "build `{name}` for the nodes: leave `platform` of the [[image]] out, and mlup start"
        ))))
    }

    /// What follows from the registry's answer.
    async fn weigh(
        &self,
        image: &str,
        pulled: &ImageUse,
        uses: &[ImageUse],
        told: Told,
    ) -> Option<Failure> {
        let name = ImageName::parse(image);
        let is_official = name.registry == "docker.io" && name.repository.starts_with("library/");
        match (told.verdict, told.registry) {
            (Verdict::Found(platforms), _) => {
                let wanted = self.platforms(uses);
                let platform = wanted.first().map_or_else(String::new, ToString::to_string);
                let failure = self.unfit(image, &platforms, uses)?;
                let push = format!("docker buildx build --platform {platform} -t {image} --push .");
                Some(failure.fix(Fix::safe(push)))
            }
            (Verdict::Missing(words), _) => Some(self.missing(image, pulled, &words).await),
            // Docker Hub says so of what is not there: official images are open to all.
            (Verdict::Denied(words), None) if is_official => {
                Some(self.missing(image, pulled, &words).await)
            }
            (Verdict::Denied(words), Some(registry)) => {
                let summary = format!(
                    "registry `{}` does not let the login of [[registry]] `{}` pull image `{image}`",
                    name.registry, registry.secret
                );
                let failure =
                    Failure::new(Class::Prerequisite, "PULL_CREDENTIALS_REFUSED", summary);
                Some(used(failure.because("registry", words), pulled).fix(Fix::safe(
                    "mlup creds refresh --force   # or correct user and password of the [[registry]]",
                )))
            }
            (Verdict::Denied(_), None) => None,
            (Verdict::Unclear, _) => self.built_here(image, pulled).await,
        }
    }

    /// Without a word of the registry: an image that was built on this machine, and was never pushed
    /// or pulled, is in no registry.
    async fn built_here(&self, image: &str, pulled: &ImageUse) -> Option<Failure> {
        if ImageName::parse(image).has_host || !self.stock.is_whole {
            return None;
        }
        let found = image::inspect(image, self.ctx).await.ok().flatten()?;
        let is_local = found.repo_digests.is_none_or(|digests| digests.is_empty());
        if !is_local {
            return None;
        }
        Some(self.not_on_node(image, pulled).await)
    }

    async fn missing(&self, image: &str, pulled: &ImageUse, words: &str) -> Failure {
        let registry = ImageName::parse(image).registry;
        let summary = format!("image `{image}` is not in registry `{registry}`");
        let failure =
            Failure::new(Class::Prerequisite, "IMAGE_MISSING", summary).because("registry", words);
        self.advised(used(failure, pulled), image).await
    }

    async fn not_on_node(&self, image: &str, one: &ImageUse) -> Failure {
        let summary = format!("image `{image}` is on no node, and nothing brings it there");
        let failure = Failure::new(Class::Prerequisite, "IMAGE_NOT_ON_NODE", summary);
        self.advised(used(failure, one), image).await
    }

    /// The failure with the nearest image of this machine.
    async fn advised(&self, failure: Failure, image: &str) -> Failure {
        if ImageName::parse(image).has_host {
            return failure
                .fix(Fix::safe(format!("correct the image, or push it: docker push {image}")));
        }
        let near = image::near_names(image, self.ctx).await;
        let Some(first) = near.first() else {
            return failure.fix(Fix::safe(format!(
                "declare an `[[image]]` with name = \"{image}\" and build = \"...\" in mlup.toml"
            )));
        };
        let is_it = familiar(first) == familiar(image);
        let failure = failure.because("docker image ls", format!("alike: {}", near.join(", ")));
        failure.fix(Fix::safe(if is_it {
            format!("declare an `[[image]]` with name = \"{image}\" in mlup.toml, which puts it on the nodes")
        } else {
            format!("declare an `[[image]]` with name = \"{image}\" and from = \"{first}\" in mlup.toml")
        }))
    }

    /// The platforms of the nodes that the pods may run on.
    fn platforms(&self, uses: &[ImageUse]) -> Vec<Platform> {
        let specs = uses.iter().filter_map(|one| {
            let object = self.subset.iter().find(|object| object.id.is_same(&one.object))?;
            pod_spec(&object.value)
        });
        let mut found = Vec::new();
        for (spec, _) in specs {
            let open = self.nodes.iter().filter(|node| node.excludes(spec).is_none());
            for platform in open.filter_map(|node| node.platform.clone()) {
                if !found.contains(&platform) {
                    found.push(platform);
                }
            }
        }
        found
    }

    /// An image for none of the platforms that it may have to run on.
    fn unfit(&self, image: &str, has: &[Platform], uses: &[ImageUse]) -> Option<Failure> {
        let wanted = self.platforms(uses);
        let fits = |wanted: &Platform| has.iter().any(|has| has.fits(wanted));
        if has.is_empty() || wanted.is_empty() || wanted.iter().any(fits) {
            return None;
        }
        let shown = |platforms: &[Platform]| {
            platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let summary =
            format!("image `{image}` is for {}, and the nodes are {}", shown(has), shown(&wanted));
        let failure = Failure::new(Class::Prerequisite, "IMAGE_PLATFORM", summary);
        Some(used(failure, uses.first()?))
    }
}

fn used(failure: Failure, one: &ImageUse) -> Failure {
    failure.because(one.place.to_string(), format!("{} uses it: {}", one.object, one.path))
}

fn pulled_although_local(own: &Image, one: &ImageUse) -> Failure {
    let name = &own.name;
    let summary = format!(
        "image `{name}` is of this machine alone, and the kubelet asks a registry for it each time"
    );
    let why = format!("{}: imagePullPolicy is Always, which `:latest` implies", one.object);
    Failure::new(Class::Prerequisite, "IMAGE_PULLED_ALWAYS", summary)
        .because(one.place.to_string(), why)
        .fix(Fix::safe(format!("set `imagePullPolicy: IfNotPresent` beside `{}`", one.path)))
}
