//! Images on the nodes: imported by k3d, and then looked for on every node, because an import can
//! report success and have brought nothing.

use std::time::Duration;

use crate::drivers::crictl;
use crate::drivers::k3d::list::Node;
use crate::drivers::k3d::{argv, gone, reasons, tool};
use crate::drivers::references::{NodeImage, familiar};
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::workbench::Workbench;
use crate::policy::escalate::Onset;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};

/// How long an image may take: several gigabytes to several nodes.
const IMPORT: Duration = Duration::from_secs(10 * 60);

pub(super) async fn load(bench: &Workbench, spec: &Spec, image: &str) -> Result<(), Failure> {
    // With its tag: k3d takes a name that is also that of a file for the file.
    let image = familiar(image);
    let doing = format!("load image `{image}` into cluster `{}`", spec.name);
    let cmd = argv::import_image(&spec.name, &image);
    let output = tool::change(bench, cmd, IMPORT).await?;
    if !output.success() {
        return Err(import_failure(
            &reasons::failure(&output, &doing, &spec.name),
            &output.stderr,
            &image,
        ));
    }
    for node in nodes(bench, spec).await? {
        if of_node(bench, &node).await?.iter().all(|listed| listed.name != image) {
            let summary = format!(
                "could not {doing}: k3d says that it did, and `{node}` does not have the image"
            );
            return Err(Failure::new(Class::Permanent, "CLUSTER_IMAGE_NOT_LOADED", summary)
                .because(format!("{node}: crictl images"), format!("no `{image}`"))
                .fix(Fix::safe(format!("docker image save {image} | docker exec -i {node} ctr -n k8s.io images import -")))
                .curable(Onset::Transient));
        }
    }
    Ok(())
}

/// The images that every node has, and the same ones: a pod may come to any of them.
pub(super) async fn list(bench: &Workbench, spec: &Spec) -> Result<Vec<NodeImage>, Failure> {
    let mut on_all: Option<Vec<NodeImage>> = None;
    for node in nodes(bench, spec).await? {
        let images = of_node(bench, &node).await?;
        on_all = Some(match on_all {
            Some(known) => known.into_iter().filter(|image| images.contains(image)).collect(),
            None => images,
        });
    }
    Ok(on_all.unwrap_or_default())
}

async fn nodes(bench: &Workbench, spec: &Spec) -> Result<Vec<String>, Failure> {
    let cluster = tool::cluster(bench, spec).await?.ok_or_else(|| gone(spec))?;
    let name = |node: &Node| node.name.clone();
    Ok(cluster.servers().map(name).chain(cluster.agents().map(name)).collect())
}

async fn of_node(bench: &Workbench, node: &str) -> Result<Vec<NodeImage>, Failure> {
    let output = tool::docker(bench, argv::node_images(node), tool::LOOK).await?;
    if !output.success() {
        return Err(output.failure(Tool::Docker, &format!("list the images of `{node}`")));
    }
    crictl::images(&output.stdout).ok_or_else(|| {
        let summary = format!("`crictl images` on `{node}` printed something that is no list");
        Failure::new(Class::Permanent, "CLUSTER_LIST_UNREADABLE", summary)
            .fix(Fix::safe(format!("docker exec {node} crictl images")))
    })
}

/// What an import says that fails for the image itself, and not for the cluster.
fn import_failure(failure: &Failure, stderr: &str, image: &str) -> Failure {
    let mut known = failure.clone();
    if stderr.contains("no valid images specified")
        || stderr.contains("found in the container runtime")
    {
        known.class = Class::Prerequisite;
        known.code = "IMAGE_MISSING";
        known.summary = format!("image `{image}` is not on this machine");
        known.fix =
            Some(Fix::safe("docker image ls   # then build it with `[[image]]`, or pull it"));
        known.onset = None;
    } else if stderr.contains("content digest") {
        known.class = Class::Permanent;
        known.code = "IMAGE_PLATFORM";
        known.summary = format!(
            "image `{image}` names platforms whose layers are not on this machine, and k3d asks for all"
        );
        known.fix = Some(Fix::safe(format!(
            "docker pull --platform linux/$(docker version -f '{{{{.Server.Arch}}}}') {image}"
        )));
        known.onset = None;
    }
    known
}
