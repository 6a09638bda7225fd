//! Files of templates and kubeconfigs, in folders of their own.

use std::path::Path;

use super::*;
use crate::steps::testing::TestBed;

fn file(path: &Path, text: &str) -> File {
    File { path: path.to_owned(), content: FileContent::Rendered(Secret::new(text)), mode: 0o600 }
}

async fn ops(file: &File, bed: &TestBed) -> Vec<Op> {
    match probe(file, &bed.ctx).await.unwrap() {
        Probed::Satisfied(_) => Vec::new(),
        Probed::Needed(changes) => changes.into_iter().map(|change| change.op).collect(),
    }
}

#[tokio::test]
async fn is_created_then_left_alone_then_updated() {
    let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("conf/app.ini");
    let wanted = file(&path, "a=1");
    assert_eq!(ops(&wanted, &bed).await, [Op::Create]);
    apply(&wanted, &bed.ctx).await.unwrap();
    assert_eq!(ops(&wanted, &bed).await, []);
    assert_eq!(ops(&file(&path, "a=2"), &bed).await, [Op::Update]);
    let other_mode = File { mode: 0o644, ..wanted };
    assert_eq!(ops(&other_mode, &bed).await, [Op::Update]);
    apply(&other_mode, &bed.ctx).await.unwrap();
    assert!(verify(&other_mode, &bed.ctx).await.is_ok());
}

mod kubeconfigs {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::config::fixture;
    use crate::config::model::{Cluster, Provider};

    /// A context `theirs` at this server.
    fn config(server: &str) -> String {
        format!(
            "clusters: [{{name: theirs, cluster: {{server: '{server}'}}}}]\n\
             contexts: [{{name: theirs, context: {{cluster: theirs}}}}]\n"
        )
    }

    struct Scene {
        bed: TestBed,
        folder: TempDir,
        file: File,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut bed = TestBed::new();
            let home = folder.path().to_string_lossy().into_owned();
            bed.ctx.host.env = Arc::new(BTreeMap::from([("HOME".to_owned(), home)]));
            bed.config(|config| config.cluster = Some(existing()));
            let path = folder.path().join("out/kubeconfig");
            let file = File { path, content: FileContent::Kubeconfig, mode: 0o600 };
            Self { bed, folder, file }
        }

        fn write(&self, text: &str) {
            let path = self.folder.path().join(".kube/config");
            files::write(&path, text.as_bytes(), 0o600).unwrap();
        }

        async fn change(&self) -> Option<(Op, String)> {
            match probe(&self.file, &self.bed.ctx).await.unwrap() {
                Probed::Satisfied(_) => None,
                Probed::Needed(mut changes) => changes.pop().map(|change| (change.op, change.why)),
            }
        }
    }

    fn existing() -> Cluster {
        let context = Some("theirs".to_owned());
        Cluster { context, ..fixture::cluster(Provider::Existing) }
    }

    #[tokio::test]
    async fn is_written_once_the_cluster_is_there_and_again_when_it_moves() {
        let scene = Scene::new();
        let later = (Op::Create, "after the cluster is up".to_owned());
        assert_eq!(scene.change().await, Some(later));
        let missing = apply(&scene.file, &scene.bed.ctx).await.unwrap_err();
        assert_eq!(missing.code, "CONTEXT_MISSING");

        scene.write(&config("https://10.0.0.1"));
        assert_eq!(scene.change().await, Some((Op::Create, "it does not exist".to_owned())));
        apply(&scene.file, &scene.bed.ctx).await.unwrap();
        assert!(verify(&scene.file, &scene.bed.ctx).await.is_ok());
        let text = files::read_text(&scene.file.path).unwrap();
        assert!(text.contains("current-context: theirs"), "{text}");

        scene.write(&config("https://10.0.0.2"));
        let moved = "the cluster's address or certificate changed".to_owned();
        assert_eq!(scene.change().await, Some((Op::Update, moved)));
        apply(&scene.file, &scene.bed.ctx).await.unwrap();
        assert_eq!(scene.change().await, None);
    }

    #[tokio::test]
    async fn goes_with_the_environment_even_after_the_cluster_has_gone() {
        let scene = Scene::new();
        scene.write(&config("https://10.0.0.1"));
        apply(&scene.file, &scene.bed.ctx).await.unwrap();
        scene.write("");
        let removed = remove(&scene.file, &scene.bed.ctx, Teardown::Reset).await.unwrap();
        assert_eq!(removed.len(), 1);
        assert!(!scene.file.path.exists());
    }

    #[tokio::test]
    async fn never_takes_the_place_of_the_users_own() {
        let mut scene = Scene::new();
        scene.write(&config("https://10.0.0.1"));
        scene.file.path = scene.folder.path().join(".kube/config");
        let failure = probe(&scene.file, &scene.bed.ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Config, "FILE_IS_KUBECONFIG"));
        let removed = remove(&scene.file, &scene.bed.ctx, Teardown::Purge).await.unwrap();
        assert!(removed.is_empty() && scene.file.path.exists());
    }
}

#[tokio::test]
async fn a_folder_in_its_place_is_refused_with_a_way_out() {
    let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
    let failure = probe(&file(folder.path(), "x"), &bed.ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "FILE_IS_DIRECTORY"));
    assert_eq!(failure.fix.unwrap().command, format!("rmdir {}", folder.path().display()));
}

#[tokio::test]
async fn is_removed_only_while_it_is_what_was_written() {
    let (mut bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
    let wanted = file(&folder.path().join("app.ini"), "a=1");
    apply(&wanted, &bed.ctx).await.unwrap();
    assert!(remove(&wanted, &bed.ctx, Teardown::Stop).await.unwrap().is_empty());
    assert_eq!(remove(&wanted, &bed.ctx, Teardown::Reset).await.unwrap().len(), 1);
    assert!(!wanted.path.exists());

    apply(&file(&wanted.path, "edited"), &bed.ctx).await.unwrap();
    assert!(remove(&wanted, &bed.ctx, Teardown::Purge).await.unwrap().is_empty());
    assert!(wanted.path.exists());
    assert_eq!(bed.warnings(), ["FILE_KEPT"]);
}
