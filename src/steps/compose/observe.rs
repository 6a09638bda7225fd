//! Looks at everything that decides what a project needs: containers, the ids of its images and
//! of the networks. Reads only; what follows from it is `decide`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::decide::Observed;
use super::hashes;
use super::project::Project;
use crate::event::Fix;
use crate::host::clock::rfc3339_now;
use crate::host::containers::{self, Container};
use crate::host::docker::{Engine, classify};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Image inspections under way at a time.
const PARALLEL: usize = 8;

/// What the engine knows of a project.
///
/// # Errors
/// The engine could not be asked, or the containers belong to somebody else's project.
pub(super) async fn observe(project: &Project, ctx: &StepCtx) -> Result<Observed, Failure> {
    let engine = &ctx.host.docker;
    let (containers, images, networks) = tokio::try_join!(
        containers::of_project(engine, &project.model.name),
        image_ids(engine, image_names(project)),
        network_ids(engine),
    )?;
    not_foreign(project, &containers)?;
    let hashes = hashes::comparable(project, ctx, &containers).await?;
    let images = images.into_iter().filter_map(|(name, id)| Some((name, id?))).collect();
    Ok(Observed { containers, hashes, images, networks, now: rfc3339_now().parse().ok() })
}

fn image_names(project: &Project) -> BTreeSet<String> {
    let selected = project.selected.iter().filter_map(|name| project.model.services.get(name));
    selected.map(|service| service.image.clone()).collect()
}

/// The id of each image, `None` for those that are not on this machine.
pub(super) async fn image_ids(
    engine: &Engine,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let client = engine.client().await?;
    let ids = stream::iter(names).map(|name| async move {
        match client.inspect_image(&name).await {
            Ok(image) => Ok((name, image.id)),
            Err(error) if containers::is_missing(&error) => Ok((name, None)),
            Err(error) => Err(classify(&error, &format!("inspect image `{name}`"))),
        }
    });
    ids.buffer_unordered(PARALLEL).try_collect().await
}

async fn network_ids(engine: &Engine) -> Result<BTreeMap<String, String>, Failure> {
    let listed = engine.client().await?.list_networks(None).await;
    let listed = listed.map_err(|error| classify(&error, "list the networks"))?;
    Ok(listed.into_iter().filter_map(|network| Some((network.name?, network.id?))).collect())
}

/// Refuses a project of the same name that was started from another folder: compose would take
/// its containers for ours.
pub(super) fn not_foreign(project: &Project, containers: &[Container]) -> Result<(), Failure> {
    let ours = project.working_dir();
    let foreign = containers.iter().find(|container| {
        !container.working_dir.is_empty()
            && !containers::same_folder(Path::new(&container.working_dir), &ours)
    });
    let Some(foreign) = foreign else { return Ok(()) };
    let name = &project.model.name;
    Err(Failure::new(
        Class::Refused,
        "PROJECT_FOREIGN",
        format!("a compose project `{name}` from another folder is on this machine"),
    )
    .because(
        format!("docker inspect {}", foreign.name),
        format!("started from {}, ours is {}", foreign.working_dir, ours.display()),
    )
    .fix(Fix::safe(format!(
        "give this environment another `name`, or remove the other one from its own folder: \
         `cd {} && docker compose down`",
        foreign.working_dir
    ))))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{container, project};
    use super::*;

    #[test]
    fn containers_from_another_folder_are_refused_and_both_folders_named() {
        let project = project(r#"{"api":{"image":"x"}}"#);
        assert_eq!(not_foreign(&project, &[container("api")]), Ok(()));
        let mut other = container("api");
        other.working_dir = "/elsewhere".to_owned();
        let failure = not_foreign(&project, &[other]).expect_err("a refusal");
        assert_eq!((failure.code, failure.class), ("PROJECT_FOREIGN", Class::Refused));
        assert_eq!(failure.evidence[0].text, "started from /elsewhere, ours is /p");
    }
}
