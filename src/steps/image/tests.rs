//! Names without an engine, and images on a real one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::host::Runner;
use crate::host::files::write;
use crate::steps::testing::TestBed;

#[test]
fn tag_is_told_from_a_registrys_port() {
    assert_eq!(split_tag("api:dev"), ("api", "dev"));
    assert_eq!(split_tag("localhost:5000/api"), ("localhost:5000/api", "latest"));
    assert_eq!(split_tag("localhost:5000/api:dev"), ("localhost:5000/api", "dev"));
}

/// A builder that prints what it does and ends only at its time limit.
struct Slow;

impl Runner for Slow {
    fn run(&self, cmd: Cmd, _: CancellationToken) -> BoxFuture<'_, Result<Output, SpawnError>> {
        let end = if cmd.timeout.is_some() { End::TimedOut } else { End::Exit(0) };
        let stdout = "Step 1/2 : FROM scratch\nStep 2/2 : RUN wait-for-the-moon\n".to_owned();
        let stderr = "DEPRECATED: The legacy builder is deprecated\n".to_owned();
        Box::pin(async move { Ok(Output { end, stdout, stderr }) })
    }
}

#[tokio::test]
async fn a_build_ends_with_the_time_of_its_step_and_shows_how_far_it_came() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("Dockerfile"), b"FROM scratch\n", 0o644).unwrap();
    let image = Image {
        name: "slow".to_owned(),
        source: ImageSource::Build { context: folder.path().to_owned(), dockerfile: None },
        platform: None,
    };
    let mut bed = TestBed::new();
    bed.ctx.host.runner = Arc::new(Slow);
    let failure = apply(&image, &bed.ctx, &[]).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Timeout, "TOOL_TIMEOUT"));
    let last = failure.evidence.last().unwrap();
    assert_eq!(last.text, "Step 2/2 : RUN wait-for-the-moon");
}

mod docker_tests {
    use super::*;
    use crate::host::docker::proxy::Proxy;
    use crate::host::testing::engine::{clean_up, unique};

    /// Removes images of the engine, also when a test fails.
    struct Cleanup(Vec<String>);

    impl Drop for Cleanup {
        fn drop(&mut self) {
            let names = self.0.iter().map(String::as_str);
            clean_up(&["image", "rm", "--force"].into_iter().chain(names).collect::<Vec<_>>());
        }
    }

    struct Built {
        image: Image,
        folder: tempfile::TempDir,
        bed: TestBed,
        cleanup: Cleanup,
    }

    /// An image that is built from one file and nothing else.
    fn prepared(platform: Option<&str>) -> Built {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("Dockerfile"), b"FROM scratch\nCOPY data /data\n", 0o644)
            .unwrap();
        let name = unique("image");
        // Content of its own: tests that share an image by id would remove it under each other.
        write(&folder.path().join("data"), name.as_bytes(), 0o644).unwrap();
        let image = Image {
            name,
            source: ImageSource::Build { context: folder.path().to_owned(), dockerfile: None },
            platform: platform.map(str::to_owned),
        };
        let cleanup = Cleanup(vec![image.name.clone()]);
        Built { image, folder, bed: TestBed::new(), cleanup }
    }

    async fn why(image: &Image, bed: &TestBed) -> Option<String> {
        match probe(image, &bed.ctx).await.unwrap() {
            Probed::Satisfied(_) => None,
            Probed::Needed(changes) => Some(changes[0].why.clone()),
        }
    }

    #[tokio::test]
    async fn is_built_once_and_again_when_an_input_changes() {
        let built = prepared(None);
        let (image, bed) = (&built.image, &built.bed);
        assert_eq!(why(image, bed).await.as_deref(), Some("it does not exist"));
        apply(image, &bed.ctx, &[]).await.unwrap();
        verify(image, &bed.ctx).await.unwrap();
        assert_eq!(why(image, bed).await, None);
        write(&built.folder.path().join("data"), b"2", 0o644).unwrap();
        assert_eq!(why(image, bed).await.as_deref(), Some("its Dockerfile or context changed"));
    }

    #[tokio::test]
    async fn a_broken_dockerfile_shows_what_docker_said() {
        let built = prepared(None);
        write(&built.folder.path().join("Dockerfile"), b"FROM scratch\nCOPY gone /\n", 0o644)
            .unwrap();
        let failure = apply(&built.image, &built.bed.ctx, &[]).await.unwrap_err();
        assert_eq!(failure.code, "TOOL_FAILED", "{failure:?}");
        assert!(failure.evidence.iter().any(|line| line.text.contains("gone")), "{failure:?}");
    }

    #[tokio::test]
    async fn an_alias_is_tagged_and_purged_but_its_source_stays() {
        let mut built = prepared(None);
        apply(&built.image, &built.bed.ctx, &[]).await.unwrap();
        let source = built.image.name.clone();
        let alias = Image {
            name: format!("{source}-alias:v1"),
            source: ImageSource::Alias(source.clone()),
            platform: None,
        };
        built.cleanup.0.push(alias.name.clone());
        let ctx = &built.bed.ctx;
        assert_eq!(why(&alias, &built.bed).await.as_deref(), Some("it does not exist"));
        apply(&alias, ctx, &[]).await.unwrap();
        verify(&alias, ctx).await.unwrap();
        assert!(remove(&alias, ctx, Teardown::Reset).await.unwrap().is_empty());
        assert_eq!(remove(&alias, ctx, Teardown::Purge).await.unwrap().len(), 1);
        assert!(inspect(&alias.name, ctx).await.unwrap().is_none());
        assert!(inspect(&source, ctx).await.unwrap().is_some());
        assert_eq!(remove(&built.image, ctx, Teardown::Purge).await.unwrap().len(), 1);
        assert!(inspect(&source, ctx).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_missing_image_offers_names_that_are_alike() {
        let built = prepared(None);
        let ctx = &built.bed.ctx;
        apply(&built.image, ctx, &[]).await.unwrap();
        let wrong = Image {
            name: format!("{}x", built.image.name),
            source: ImageSource::Present,
            platform: None,
        };
        let failure = probe(&wrong, ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "IMAGE_MISSING"));
        assert!(failure.evidence[0].text.contains(&built.image.name), "{failure:?}");
    }

    #[tokio::test]
    async fn another_platform_is_told() {
        let built = prepared(None);
        apply(&built.image, &built.bed.ctx, &[]).await.unwrap();
        let foreign = Image {
            source: ImageSource::Present,
            platform: Some("linux/s390x".to_owned()),
            ..built.image.clone()
        };
        let failure = probe(&foreign, &built.bed.ctx).await.unwrap_err();
        assert_eq!(failure.code, "IMAGE_PLATFORM");
        assert!(failure.summary.contains("wants linux/s390x"), "{}", failure.summary);
    }

    #[tokio::test]
    async fn an_engine_that_falls_silent_costs_no_more_than_the_time_of_the_step() {
        let (proxy, built) = (Proxy::open(), prepared(None));
        let mut ctx = built.bed.ctx.clone();
        ctx.host.docker = proxy.engine();
        assert!(inspect(&built.image.name, &ctx).await.unwrap().is_none());
        proxy.freeze();
        ctx.deadline = Instant::now() + Duration::from_millis(200);
        let failure = probe(&built.image, &ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Timeout, "STEP_TIMEOUT"));
        ctx.cancel.cancel();
        let failure = probe(&built.image, &ctx).await.unwrap_err();
        assert_eq!(failure.code, "CANCELLED");
    }
}
