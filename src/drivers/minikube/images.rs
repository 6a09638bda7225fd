//! Images on the nodes. `minikube image load` exits 0 although it failed, so the list decides.

use std::time::Duration;

use crate::drivers::minikube::{LOOK_LIMIT, Minikube, argv, environment, how_to_install, reasons};
use crate::drivers::references::{self, ListedImage, NodeImage, familiar};
use crate::event::Fix;
use crate::host::cmd::Output;
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};

/// How long one image may take: some have several gigabytes.
const LOAD_LIMIT: Duration = Duration::from_secs(10 * 60);

pub(super) async fn load(driver: &Minikube, bench: &Workbench, image: &str) -> Result<(), Failure> {
    bench.doing(format!("loading {image}"));
    let cmd = environment::sealed(argv::load_image(&driver.spec.name, image), bench);
    let output = bench.change(cmd, LOAD_LIMIT).await.map_err(how_to_install)?;
    let doing = format!("load the image `{image}`");
    if !output.success() {
        return Err(driver.failure(bench, &output, &doing).await);
    }
    let wanted = familiar(image);
    if list(driver, bench).await?.iter().any(|listed| listed.name == wanted) {
        return Ok(());
    }
    Err(not_there(image, &output))
}

pub(super) async fn list(driver: &Minikube, bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
    let output = driver.look(bench, argv::list_images(&driver.spec.name), LOOK_LIMIT).await?;
    if !output.success() {
        return Err(driver.failure(bench, &output, "list the images of the nodes").await);
    }
    parse(&output.stdout).ok_or_else(|| {
        let summary = "`minikube image ls` prints something that is no list of images";
        Failure::new(Class::Permanent, "CLUSTER_IMAGES_UNKNOWN", summary)
            .because("minikube image ls", output.stdout.lines().next().unwrap_or("nothing"))
    })
}

fn parse(stdout: &str) -> Option<Vec<NodeImage>> {
    let images: Option<Vec<ListedImage>> = serde_json::from_str(stdout.trim()).ok()?;
    Some(references::of(images.unwrap_or_default()))
}

fn not_there(image: &str, output: &Output) -> Failure {
    let mut failure = Failure::new(
        Class::Permanent,
        "CLUSTER_IMAGE_NOT_LOADED",
        format!("minikube loaded the image `{image}`, and the nodes do not have it"),
    );
    failure.evidence = reasons::last_words("minikube image load", output);
    failure.evidence.truncate(4);
    failure.because("minikube image ls", "the image is not listed").fix(Fix::safe(format!(
        "docker image inspect {image}   # a damaged or foreign-platform image cannot be saved"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::cluster::ClusterDriver;
    use crate::drivers::minikube::tests::{driver, spec};
    use crate::host::testing::{TestBench, on};

    const LIST: &str = include_str!("../../../tests/corpus/minikube/1.38/image-ls.json");
    const LS: &str = "minikube image ls -p dev --format json";

    #[test]
    fn names_are_listed_as_people_write_them() {
        let images = parse(LIST).unwrap();
        assert_eq!(images[1], NodeImage::new("api:1", "7d1c"));
        let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
        let wanted = [
            "acme/web:latest",
            "api:1",
            "registry.k8s.io/pause:3.10",
            "registry.k8s.io/pause@sha256:278f",
        ];
        assert_eq!(names, wanted);
        assert_eq!(parse("null"), Some(Vec::new()));
        assert_eq!(parse("[]"), Some(Vec::new()));
        assert_eq!(parse("E0101 klog"), None);
    }

    #[tokio::test]
    async fn a_loaded_image_is_looked_for() {
        let load = "minikube image load --daemon -p dev api:1";
        let bed = TestBench::new([on(load, 0, "", ""), on(LS, 0, LIST, "")]);
        driver(spec("dev")).load_image(&bed.bench, "api:1").await.unwrap();
        assert_eq!(bed.doings(), ["loading api:1"]);
    }

    #[tokio::test]
    async fn exit_0_without_the_image_is_a_failure() {
        let load = "minikube image load --daemon -p dev api:2";
        let stderr = "X Failed to load image: content digest sha256:1: not found\n";
        let bed = TestBench::new([on(load, 0, "", stderr), on(LS, 0, LIST, "")]);
        let failure = driver(spec("dev")).load_image(&bed.bench, "api:2").await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Permanent, "CLUSTER_IMAGE_NOT_LOADED"));
        assert!(failure.evidence[0].text.contains("content digest"), "{:?}", failure.evidence);
    }
}
