//! Images on the nodes. `minikube image load` exits 0 although it failed, so the list decides.

use std::time::Duration;

use serde::Deserialize;

use crate::drivers::minikube::{LOOK_LIMIT, Minikube, argv, environment, how_to_install, reasons};
use crate::event::Fix;
use crate::host::cmd::Output;
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};

/// How long one image may take: some have several gigabytes.
const LOAD_LIMIT: Duration = Duration::from_secs(10 * 60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
}

pub(super) async fn load(driver: &Minikube, bench: &Workbench, image: &str) -> Result<(), Failure> {
    bench.doing(format!("loading {image}"));
    let cmd = environment::sealed(argv::load_image(&driver.spec.name, image), bench);
    let output = bench.change(cmd, LOAD_LIMIT).await.map_err(how_to_install)?;
    let doing = format!("load the image `{image}`");
    if !output.success() {
        return Err(driver.failure(bench, &output, &doing).await);
    }
    let wanted = plain(image);
    if list(driver, bench).await?.contains(&wanted) {
        return Ok(());
    }
    Err(not_there(image, &output))
}

pub(super) async fn list(driver: &Minikube, bench: &Workbench) -> Result<Vec<String>, Failure> {
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

fn parse(stdout: &str) -> Option<Vec<String>> {
    let images: Option<Vec<Image>> = serde_json::from_str(stdout.trim()).ok()?;
    let names = |image: Image| {
        let tags = image.repo_tags.unwrap_or_default();
        tags.into_iter().chain(image.repo_digests.unwrap_or_default())
    };
    let mut found: Vec<String> =
        images.unwrap_or_default().into_iter().flat_map(names).map(|name| plain(&name)).collect();
    found.sort();
    found.dedup();
    Some(found)
}

/// The reference without what the runtimes add or leave out: Docker Hub's own name, `latest`.
fn plain(image: &str) -> String {
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
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
        let names = parse(LIST).unwrap();
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

    #[test]
    fn references_to_the_same_image_are_equal() {
        for (left, right) in [
            ("docker.io/library/api:1", "api:1"),
            ("docker.io/acme/web", "acme/web:latest"),
            ("localhost:5000/api", "localhost:5000/api:latest"),
        ] {
            assert_eq!(plain(left), plain(right));
        }
        assert_ne!(plain("quay.io/library/api:1"), plain("api:1"));
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
