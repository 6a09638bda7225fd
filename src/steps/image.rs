//! The step of an `[[image]]`: on this machine under its name, from the wanted source, for the
//! wanted platform. Images of compose services are `compose`'s.

pub(super) mod platform;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use bollard::errors::Error;
use bollard::models::ImageInspect;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions, TagImageOptionsBuilder};

use crate::config::model::{Image, ImageSource};
use crate::event::Fix;
use crate::host::build_context::inputs_hash;
use crate::host::cmd::{Cmd, End, Output, SpawnError};
use crate::host::docker::classify;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::classify::last_lines;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::{StepCtx, Teardown, ownership};

/// How alike a name must be, from 0 to 1, to be offered in place of a wrong one.
const ALIKE: f64 = 0.6;

pub(super) async fn probe(image: &Image, ctx: &StepCtx) -> Result<Probed, Failure> {
    let change = match &image.source {
        ImageSource::Present => {
            platform::demand(image, &existing(&image.name, ctx).await?)?;
            None
        }
        ImageSource::Alias(source) => alias_change(image, source, ctx).await?,
        ImageSource::Build { .. } => build_change(image, ctx).await?,
    };
    Ok(match change {
        Some(change) => Probed::Needed(vec![change]),
        None => Probed::Satisfied(settled(image)),
    })
}

pub(super) async fn apply(
    image: &Image,
    ctx: &StepCtx,
    _changes: &[Change],
) -> Result<(), Failure> {
    match &image.source {
        ImageSource::Present => Ok(()),
        ImageSource::Alias(source) => tag(image, source, ctx).await,
        ImageSource::Build { context, dockerfile } => {
            build(image, context, dockerfile_name(dockerfile.as_ref()), ctx).await
        }
    }
}

pub(super) async fn verify(image: &Image, ctx: &StepCtx) -> Result<Settled, Failure> {
    match probe(image, ctx).await? {
        Probed::Satisfied(settled) => Ok(settled),
        Probed::Needed(changes) => {
            let why = changes.first().map_or("it is not as wanted", |change| change.why.as_str());
            Err(Failure::new(
                Class::Permanent,
                "IMAGE_UNVERIFIED",
                format!("{} is still not as wanted: {why}", object(image)),
            ))
        }
    }
}

pub(super) async fn removals(
    image: &Image,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    if how != Teardown::Purge {
        return Ok(Vec::new());
    }
    let Some(found) = inspect(&image.name, ctx).await? else {
        return Ok(Vec::new());
    };
    let why = match &image.source {
        ImageSource::Alias(source) if is_alias(image, source, &found, ctx).await? => {
            "it is a second name that mlup gave"
        }
        ImageSource::Build { .. } if ownership::is_ours(labels(&found), &ctx.config.name) => {
            "mlup built it"
        }
        _ => return Ok(Vec::new()),
    };
    Ok(vec![Change::new(Op::Remove, object(image), why)])
}

pub(super) async fn remove(
    image: &Image,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let changes = removals(image, ctx, how).await?;
    if changes.is_empty() {
        return Ok(changes);
    }
    let doing = format!("remove {}", object(image));
    let removing = async {
        let client = ctx.host.docker.client().await?;
        match client.remove_image(&image.name, None::<RemoveImageOptions>, None).await {
            Ok(_) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(changes),
            Err(error) => Err(classify(&error, &doing)),
        }
    };
    ctx.in_time(&doing, removing).await
}

async fn alias_change(
    image: &Image,
    source: &str,
    ctx: &StepCtx,
) -> Result<Option<Change>, Failure> {
    let wanted = match inspect(source, ctx).await? {
        None if is_made(source, ctx) => {
            let why = format!("once `{source}` is there");
            return Ok(Some(Change::new(
                Op::Tag,
                format!("{} from `{source}`", object(image)),
                why,
            )));
        }
        None => return Err(missing(source, &near_names(source, ctx).await)),
        Some(wanted) => wanted,
    };
    platform::demand(image, &wanted)?;
    let why = match inspect(&image.name, ctx).await? {
        Some(found) if found.id == wanted.id => return Ok(None),
        Some(_) => format!("it is another image than `{source}`"),
        None => "it does not exist".to_owned(),
    };
    Ok(Some(Change::new(Op::Tag, format!("{} from `{source}`", object(image)), why)))
}

/// Whether another step of this project makes an image; it comes first.
fn is_made(name: &str, ctx: &StepCtx) -> bool {
    let is_it = |image: &&Image| split_tag(&image.name) == split_tag(name);
    let own = ctx.config.images.iter().find(is_it);
    own.is_some_and(|own| own.source != ImageSource::Present)
}

async fn build_change(image: &Image, ctx: &StepCtx) -> Result<Option<Change>, Failure> {
    let wanted = inputs(image, ctx).await?;
    let Some(found) = inspect(&image.name, ctx).await? else {
        return Ok(Some(Change::new(Op::Build, object(image), "it does not exist")));
    };
    let why = match labels(&found).and_then(|labels| labels.get(ownership::INPUTS)) {
        None => "mlup has not built the image of this name",
        Some(hash) if *hash != wanted => "its Dockerfile or context changed",
        Some(_) if platform::demand(image, &found).is_err() => "it is for another platform",
        Some(_) => return Ok(None),
    };
    Ok(Some(Change::new(Op::Build, object(image), why)))
}

/// Reads all of the context, away from the threads that others wait on.
async fn inputs(image: &Image, ctx: &StepCtx) -> Result<String, Failure> {
    let ImageSource::Build { context, dockerfile } = &image.source else {
        return Ok(String::new());
    };
    let (context, platform) = (context.clone(), image.platform.clone());
    let dockerfile = dockerfile_name(dockerfile.as_ref()).to_owned();
    let hashing = move || inputs_hash(&context, &dockerfile, platform.as_deref());
    let hashed = async {
        tokio::task::spawn_blocking(hashing).await.map_err(|error| {
            let summary = format!("a context was not read: {error}");
            Failure::new(Class::Internal, "HASHING_FAILED", summary)
        })?
    };
    ctx.in_time(&format!("read the context of {}", object(image)), hashed).await
}

async fn tag(image: &Image, source: &str, ctx: &StepCtx) -> Result<(), Failure> {
    let (repository, tag) = split_tag(&image.name);
    let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
    let doing = format!("tag `{source}` as {}", object(image));
    let tagging = async {
        let tagged = ctx.host.docker.client().await?.tag_image(source, Some(options)).await;
        tagged.map_err(|error| classify(&error, &doing))
    };
    ctx.in_time(&doing, tagging).await
}

/// Builds with the docker command line rather than the API: `BuildKit`, its `Dockerfile` dialect and
/// the user's registry logins live in the client.
async fn build(
    image: &Image,
    context: &Path,
    dockerfile: &str,
    ctx: &StepCtx,
) -> Result<(), Failure> {
    let mut labels: BTreeMap<_, _> = ownership::labels(&ctx.config.name).into_iter().collect();
    labels.insert(ownership::INPUTS.to_owned(), inputs(image, ctx).await?);
    let mut cmd = Cmd::new("docker").args(["build", "--tag", &image.name, "--file"]);
    cmd = cmd.arg(context.join(dockerfile).to_string_lossy());
    for (name, value) in labels {
        cmd = cmd.arg("--label").arg(format!("{name}={value}"));
    }
    if let Some(platform) = &image.platform {
        cmd = cmd.args(["--platform", platform]);
    }
    // A variable and not `--progress`, which clients without BuildKit refuse.
    cmd = cmd.env("BUILDKIT_PROGRESS", Secret::new("plain")).arg(context.to_string_lossy());
    for (name, value) in ctx.host.docker.docker_env() {
        cmd = cmd.env(name, Secret::new(value));
    }
    let cmd = cmd.on_line(ctx.line_sink()).timeout(ctx.time_left());
    let doing = format!("build {}", object(image));
    let output = ctx.host.runner.run(cmd, ctx.cancel.clone()).await;
    let output = output.map_err(|error| no_client(&doing, &error))?;
    if output.success() { Ok(()) } else { Err(failed(&doing, &output)) }
}

fn failed(doing: &str, output: &Output) -> Failure {
    let mut failure = output.failure(Tool::Docker, doing);
    if output.end == End::TimedOut {
        // The builder before BuildKit prints its steps on standard output, and on standard error
        // that it is deprecated; BuildKit prints everything on standard error.
        failure.evidence = last_lines("docker build", &output.stdout, &output.stderr);
    }
    failure
}

fn no_client(doing: &str, error: &SpawnError) -> Failure {
    Failure::new(Class::Prerequisite, "DOCKER_CLI_MISSING", format!("could not {doing}: {error}"))
        .fix(Fix::safe("install the docker command line: https://docs.docker.com/engine/install/"))
}

/// `None` is sure to mean that there is no such image.
pub(super) async fn inspect(name: &str, ctx: &StepCtx) -> Result<Option<ImageInspect>, Failure> {
    let doing = format!("look at image `{name}`");
    let looking = async {
        match ctx.host.docker.client().await?.inspect_image(name).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(classify(&error, &doing)),
        }
    };
    ctx.in_time(&doing, looking).await
}

async fn existing(name: &str, ctx: &StepCtx) -> Result<ImageInspect, Failure> {
    match inspect(name, ctx).await? {
        Some(found) => Ok(found),
        None => Err(missing(name, &near_names(name, ctx).await)),
    }
}

async fn is_alias(
    image: &Image,
    source: &str,
    found: &ImageInspect,
    ctx: &StepCtx,
) -> Result<bool, Failure> {
    let source_id = inspect(source, ctx).await?.map(|source| source.id);
    Ok(source != image.name && source_id.is_some_and(|id| id == found.id))
}

/// Names of local images that look like this one, the most alike first. Only advice: an engine that
/// does not answer offers none.
pub(in crate::steps) async fn near_names(name: &str, ctx: &StepCtx) -> Vec<String> {
    let doing = "list the images";
    let listing = async {
        let listed = ctx.host.docker.client().await?.list_images(None::<ListImagesOptions>).await;
        listed.map_err(|error| classify(&error, doing))
    };
    let images = ctx.in_time(doing, listing).await.unwrap_or_default();
    let tags = images.into_iter().flat_map(|image| image.repo_tags);
    let alike = |tag: String| (likeness(&tag, name), tag);
    let mut near: Vec<_> = tags.map(alike).filter(|(score, _)| *score >= ALIKE).collect();
    near.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    near.into_iter().take(3).map(|(_, tag)| tag).collect()
}

/// Compose puts the project's name in front of what it builds: `shop-api` for `api`.
fn likeness(tag: &str, name: &str) -> f64 {
    let (repository, _) = split_tag(tag);
    let ends = |mark: char| repository.ends_with(&format!("{mark}{}", split_tag(name).0));
    if ends('-') || ends('_') || ends('/') {
        return 1.0;
    }
    strsim::normalized_levenshtein(tag, name)
}

fn missing(name: &str, near: &[String]) -> Failure {
    let failure = Failure::new(
        Class::Prerequisite,
        "IMAGE_MISSING",
        format!("image `{name}` is not on this machine"),
    );
    let failure = match near {
        [] => failure,
        near => failure.because("docker image ls", format!("alike: {}", near.join(", "))),
    };
    failure.fix(Fix::safe(format!("docker pull {name}   # or build it: `build` in `[[image]]`")))
}

fn labels(found: &ImageInspect) -> Option<&std::collections::HashMap<String, String>> {
    found.config.as_ref()?.labels.as_ref()
}

fn dockerfile_name(dockerfile: Option<&String>) -> &str {
    dockerfile.map_or("Dockerfile", String::as_str)
}

/// Repository and tag; a colon before the last slash belongs to the registry's port.
fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

fn object(image: &Image) -> String {
    format!("image `{}`", image.name)
}

fn settled(image: &Image) -> Settled {
    Settled::ready(match &image.source {
        ImageSource::Present => "on this machine".to_owned(),
        ImageSource::Alias(source) => format!("the same as `{source}`"),
        ImageSource::Build { .. } => "built from what is there now".to_owned(),
    })
}
