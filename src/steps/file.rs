//! The step of a `[[file]]`: its content and mode are as wanted. Only a file that still is what
//! mlup wrote is removed.

use crate::config::model::{File, FileContent};
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::driver::Driver;
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::files::{self, Entry};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::quote::quote;
use crate::redact::Secret;
use crate::steps::{StepCtx, Teardown};

pub(super) async fn probe(file: &File, ctx: &StepCtx) -> Result<Probed, Failure> {
    let wanted = match wanted(file, ctx).await? {
        Wanted::Known(text) => text,
        Wanted::AfterCluster => return after_cluster(file),
    };
    let (op, why) = match files::look(&file.path)? {
        Entry::Absent => (Op::Create, "it does not exist".to_owned()),
        Entry::Folder { empty } => return Err(is_folder(file, empty)),
        Entry::File { content, .. } if content != wanted.expose().as_bytes() => {
            (Op::Update, differs(file).to_owned())
        }
        Entry::File { mode, .. } if mode != file.mode => {
            (Op::Update, format!("its mode is {mode:04o}, wanted {:04o}", file.mode))
        }
        Entry::File { .. } => return Ok(Probed::Satisfied(settled(file))),
    };
    Ok(Probed::Needed(vec![Change::new(op, object(file), why)]))
}

pub(super) async fn apply(file: &File, ctx: &StepCtx) -> Result<(), Failure> {
    let text = match wanted(file, ctx).await? {
        Wanted::Known(text) => text,
        // The step comes after the cluster's: by now the context has to be there.
        Wanted::AfterCluster => cluster_kubeconfig(ctx).await?,
    };
    files::write(&file.path, text.expose().as_bytes(), file.mode)
}

pub(super) async fn verify(file: &File, ctx: &StepCtx) -> Result<Settled, Failure> {
    match probe(file, ctx).await? {
        Probed::Satisfied(settled) => Ok(settled),
        Probed::Needed(_) => Err(Failure::new(
            Class::Permanent,
            "FILE_UNVERIFIED",
            format!("{} was written and does not hold what was written", object(file)),
        )),
    }
}

#[expect(clippy::unused_async, reason = "all steps are asked the same way")]
pub(super) async fn removals(
    file: &File,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    if how == Teardown::Stop || !is_unchanged(file, ctx)? {
        return Ok(Vec::new());
    }
    Ok(vec![Change::new(Op::Remove, object(file), "mlup wrote it")])
}

pub(super) async fn remove(
    file: &File,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let changes = removals(file, ctx, how).await?;
    if !changes.is_empty() {
        files::remove(&file.path)?;
    } else if how != Teardown::Stop && files::look(&file.path)? != Entry::Absent {
        ctx.say(Progress::Warning {
            code: "FILE_KEPT",
            message: format!("{} was changed by somebody else and is kept", object(file)),
            hint: Some(format!("rm {}", quote(&file.path.to_string_lossy()))),
        });
    }
    Ok(changes)
}

/// What a file has to hold.
enum Wanted {
    Known(Secret),
    /// There is no cluster yet that could be written about.
    AfterCluster,
}

async fn wanted(file: &File, ctx: &StepCtx) -> Result<Wanted, Failure> {
    if let FileContent::Rendered(text) = &file.content {
        return Ok(Wanted::Known(text.clone()));
    }
    if kubeconfig::files(&ctx.workbench()).contains(&file.path) {
        return Err(is_the_kubeconfig(file));
    }
    match cluster_kubeconfig(ctx).await {
        Ok(text) => Ok(Wanted::Known(text)),
        Err(failure) if failure.code == "CONTEXT_MISSING" => Ok(Wanted::AfterCluster),
        Err(failure) => Err(failure),
    }
}

/// The kubeconfig of the configuration's cluster.
async fn cluster_kubeconfig(ctx: &StepCtx) -> Result<Secret, Failure> {
    let driver = Spec::of(&ctx.config).and_then(Driver::new).ok_or_else(|| {
        let summary = "the kubeconfig of this provider is not written by this version yet";
        Failure::new(Class::Config, "NOT_RUN_YET", summary)
    })?;
    let bench = ctx.workbench();
    ctx.in_time("read the kubeconfig", driver.kubeconfig(&bench)).await
}

fn after_cluster(file: &File) -> Result<Probed, Failure> {
    let op = match files::look(&file.path)? {
        Entry::Absent => Op::Create,
        Entry::Folder { empty } => return Err(is_folder(file, empty)),
        Entry::File { .. } => Op::Update,
    };
    Ok(Probed::Needed(vec![Change::new(op, object(file), "after the cluster is up")]))
}

/// Whether it still is what mlup wrote. A kubeconfig is, whichever cluster of that context it was
/// written about: the cluster may be gone or made again since.
fn is_unchanged(file: &File, ctx: &StepCtx) -> Result<bool, Failure> {
    let Entry::File { content, .. } = files::look(&file.path)? else { return Ok(false) };
    if let FileContent::Rendered(text) = &file.content {
        return Ok(content == text.expose().as_bytes());
    }
    let context = Spec::of(&ctx.config).map(|spec| spec.context).unwrap_or_default();
    let is_the_users = kubeconfig::files(&ctx.workbench()).contains(&file.path);
    let text = String::from_utf8_lossy(&content);
    Ok(!is_the_users && kubeconfig::is_of_context(&text, &context))
}

fn differs(file: &File) -> &'static str {
    match file.content {
        FileContent::Kubeconfig => "the cluster's address or certificate changed",
        FileContent::Rendered(_) => "its content differs from the template",
    }
}

fn object(file: &File) -> String {
    format!("file `{}`", file.path.display())
}

fn settled(file: &File) -> Settled {
    let what = match file.content {
        FileContent::Kubeconfig => "leads to the cluster",
        FileContent::Rendered(_) => "as the template says",
    };
    Settled::ready(format!("{what}, mode {:04o}", file.mode))
}

/// Docker makes an empty folder where the source of a bind mount is missing.
fn is_folder(file: &File, empty: bool) -> Failure {
    let path = quote(&file.path.to_string_lossy());
    let (why, fix) = if empty {
        ("an empty folder, as Docker makes one for a missing bind mount", format!("rmdir {path}"))
    } else {
        ("a folder that holds something", format!("mv {path} {path}.old"))
    };
    Failure::new(
        Class::Refused,
        "FILE_IS_DIRECTORY",
        format!("{} cannot be written: {why} is in its place", object(file)),
    )
    .fix(Fix::safe(fix))
}

/// Writing one context there would take all others away.
fn is_the_kubeconfig(file: &File) -> Failure {
    Failure::new(
        Class::Config,
        "FILE_IS_KUBECONFIG",
        format!(
            "{} is the kubeconfig that the tools themselves use, with all of its contexts",
            object(file)
        ),
    )
    .fix(Fix::safe("give the `[[file]]` another `path`"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::steps::testing::TestBed;

    fn file(path: &Path, text: &str) -> File {
        File {
            path: path.to_owned(),
            content: FileContent::Rendered(Secret::new(text)),
            mode: 0o600,
        }
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
        use std::time::Duration;

        use tempfile::TempDir;

        use super::*;
        use crate::config::model::{Cluster, K3s, Provider, Purge, Recover};

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
                    Probed::Needed(mut changes) => {
                        changes.pop().map(|change| (change.op, change.why))
                    }
                }
            }
        }

        fn existing() -> Cluster {
            Cluster {
                provider: Provider::Existing,
                name: None,
                context: Some("theirs".to_owned()),
                kubernetes_version: None,
                cpus: None,
                memory: None,
                nodes: None,
                agents: None,
                args: Vec::new(),
                addons: Vec::new(),
                network: None,
                ports: Vec::new(),
                api_port: None,
                switch_context: None,
                recover: Recover {
                    attempts: 1,
                    backoff_min: Duration::ZERO,
                    backoff_max: Duration::ZERO,
                    purge: Purge::Never,
                },
                k3s: K3s::default(),
            }
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
}
