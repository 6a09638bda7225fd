//! The images of a compose project: what is missing is built or pulled, before and beside
//! everything else. Images that a `[[image]]` provides are left to that step.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{PullPolicy, Service};
use super::observe::image_ids;
use super::project::Project;
use super::tool;
use crate::config::model::Config;
use crate::event::Fix;
use crate::plan::ComposeDeploy;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Which services' images have to be built or pulled.
pub async fn probe(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let wanted = wanted(&project, &ctx.config);
    let ids = image_ids(&ctx.host.docker, wanted.values().cloned().collect()).await?;
    let needs = needed(&project, &wanted, &ids);
    if let Some(service) = needs.iter().find(|need| need.how == How::Never) {
        return Err(never_pulled(&service.service, &service.image));
    }
    if needs.is_empty() {
        return Ok(Probed::Satisfied(here(&wanted)));
    }
    Ok(Probed::Needed(needs.into_iter().map(Need::change).collect()))
}

/// Builds and pulls side by side.
pub async fn apply(
    deploy: &ComposeDeploy,
    ctx: &StepCtx,
    changes: &[Change],
) -> Result<(), Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let of = |op| -> Vec<String> {
        let services = changes.iter().filter(|change| change.op == op);
        let names = services.filter_map(|change| change.object.strip_prefix("image of "));
        names.map(str::to_owned).collect()
    };
    let (build, pull) = (of(Op::Build), of(Op::Pull));
    let building = async {
        if build.is_empty() {
            return Ok(());
        }
        tool::change(ctx, project.invocation.build(&build), "build images").await.map(|_| ())
    };
    let pulling = async {
        if pull.is_empty() {
            return Ok(());
        }
        tool::change(ctx, project.invocation.pull(&pull), "pull images").await.map(|_| ())
    };
    // Not `try_join`: the other command must not be dropped half way, its process would live on.
    let (build_result, pull_result) = tokio::join!(building, pulling);
    build_result.and(pull_result)
}

/// All images are here now.
pub async fn verify(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Settled, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let wanted = wanted(&project, &ctx.config);
    let ids = image_ids(&ctx.host.docker, wanted.values().cloned().collect()).await?;
    match ids.iter().find(|(_, id)| id.is_none()) {
        None => Ok(here(&wanted)),
        Some((image, _)) => Err(Failure::new(
            Class::Permanent,
            "IMAGE_MISSING",
            format!("docker compose reported success, but image `{image}` is not here"),
        )),
    }
}

fn here(wanted: &BTreeMap<String, String>) -> Settled {
    Settled::succeeded(match wanted.values().collect::<BTreeSet<_>>().len() {
        1 => "1 image here".to_owned(),
        count => format!("{count} images here"),
    })
}

/// Service to image, without the images that a `[[image]]` provides.
fn wanted(project: &Project, config: &Config) -> BTreeMap<String, String> {
    let provided: BTreeSet<String> = config.images.iter().map(|i| with_tag(&i.name)).collect();
    let services = project.selected.iter().filter_map(|name| {
        let image = &project.model.services.get(name)?.image;
        Some((name.clone(), image.clone()))
    });
    services.filter(|(_, image)| !provided.contains(&with_tag(image))).collect()
}

/// The reference with its tag spelt out.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || image.contains('@') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

/// How an image gets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Build,
    Never,
    Pull,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    service: String,
    image: String,
    how: How,
    why: &'static str,
}

impl Need {
    fn change(self) -> Change {
        let op = if self.how == How::Build { Op::Build } else { Op::Pull };
        Change::new(
            op,
            format!("image of {}", self.service),
            format!("`{}` {}", self.image, self.why),
        )
    }
}

/// What has to happen, each image once: services that share one are served by the first of them.
fn needed(
    project: &Project,
    wanted: &BTreeMap<String, String>,
    ids: &BTreeMap<String, Option<String>>,
) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for (name, image) in wanted {
        let Some(service) = project.model.services.get(name) else { continue };
        let here = ids.get(image).is_some_and(Option::is_some);
        let Some((how, why)) = how(service, here) else { continue };
        match needs.iter_mut().find(|need| need.image == *image) {
            // The one that can be built wins over the one that only names the image.
            Some(known) if how == How::Build && known.how != How::Build => {
                *known = Need { service: name.clone(), image: image.clone(), how, why };
            }
            Some(_) => {}
            None => needs.push(Need { service: name.clone(), image: image.clone(), how, why }),
        }
    }
    needs
}

fn how(service: &Service, here: bool) -> Option<(How, &'static str)> {
    match (service.pull, service.build, here) {
        (PullPolicy::Always, _, _) => Some((How::Pull, "is pulled on every start")),
        (PullPolicy::Build, true, _) => Some((How::Build, "is built on every start")),
        (_, _, true) => None,
        (_, true, false) => Some((How::Build, "is not on this machine")),
        (PullPolicy::Never, false, false) => Some((How::Never, "is never pulled")),
        (_, false, false) => Some((How::Pull, "is not on this machine")),
    }
}

fn never_pulled(service: &str, image: &str) -> Failure {
    let summary = format!(
        "image `{image}` of service `{service}` is not on this machine, and its `pull_policy` is `never`"
    );
    Failure::new(Class::Prerequisite, "IMAGE_MISSING", summary)
        .fix(Fix::safe(format!("build `{image}`, or declare it as `[[image]]` with `build`")))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::project;
    use super::*;

    fn plan(services: &str, here: &[&str]) -> Vec<String> {
        let project = project(services);
        let images = project.model.services.iter();
        let wanted: BTreeMap<String, String> =
            images.map(|(name, service)| (name.clone(), service.image.clone())).collect();
        let ids = wanted.values().map(|image| {
            (image.clone(), here.contains(&image.as_str()).then(|| "sha256:x".to_owned()))
        });
        let ids = ids.collect();
        needed(&project, &wanted, &ids).into_iter().map(|n| n.change().to_string()).collect()
    }

    #[test]
    fn missing_images_are_built_where_they_can_be_and_pulled_otherwise() {
        let services = r#"{"api":{"build":{"context":"."}},"db":{"image":"postgres:16"}}"#;
        assert_eq!(plan(services, &[]), ["build image of api", "pull image of db"]);
        assert_eq!(plan(services, &["demo-api", "postgres:16"]), Vec::<String>::new());
    }

    #[test]
    fn an_image_that_services_share_is_built_once_by_the_one_that_can() {
        let services = r#"{"a":{"image":"app"},"b":{"image":"app","build":{"context":"."}}}"#;
        assert_eq!(plan(services, &[]), ["build image of b"]);
    }

    #[test]
    fn pull_policies_are_respected() {
        let services = r#"{"a":{"image":"a","pull_policy":"always"},
            "b":{"build":{"context":"."},"pull_policy":"build"},
            "n":{"image":"n","pull_policy":"never"}}"#;
        assert_eq!(plan(services, &["a", "demo-b", "n"]), ["pull image of a", "build image of b"]);
        let project = project(services);
        assert_eq!(how(&project.model.services["n"], false).map(|(how, _)| how), Some(How::Never));
    }

    #[test]
    fn references_are_compared_with_their_tag() {
        assert_eq!(with_tag("app"), "app:latest");
        assert_eq!(with_tag("host:5000/app"), "host:5000/app:latest");
        assert_eq!(with_tag("app:dev"), "app:dev");
        assert_eq!(with_tag("app@sha256:00"), "app@sha256:00");
    }
}
