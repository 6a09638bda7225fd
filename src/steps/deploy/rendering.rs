//! The objects that a deploy wants, read from its files or rendered by its tool, once a run: the
//! preflight, the loading of images and the deploy itself ask for the same.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::{helm, kustomize, namespace_of};
use crate::config::model::{Deploy, DeployKind, Manifests};
use crate::drivers::helm::rendering as charts;
use crate::event::Fix;
use crate::host::files;
use crate::manifest::parse::{self, Source};
use crate::manifest::vars;
use crate::manifest::{Object, Scope};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// What manifests are called.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// What deploys want, by their names, as known so far in this run.
#[derive(Debug, Default)]
pub struct Renderings {
    wanted: Memo<String, Rendering>,
    templates: Memo<String, Rendering>,
    revisions: Memo<(String, u64), Vec<Object>>,
}

/// What one deploy wants.
#[derive(Debug)]
pub(in crate::steps) struct Rendering {
    /// Its objects in the order of their files. Those that name no namespace are in the deploy's,
    /// as far as it is known without asking the cluster that their kind has namespaces.
    pub(in crate::steps) objects: Vec<Object>,
    /// Where they come from.
    pub(in crate::steps) origin: Origin,
}

/// Where objects come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::steps) enum Origin {
    /// The files of the deploy, or what its tool makes of them.
    Files,
    /// The release of a chart that this run would not change. Hooks are left out: they do not run.
    Release,
}

impl Renderings {
    /// What this deploy wants, found out on the first call. A failure is not remembered. A chart is
    /// not rendered whose release has the same inputs already: what it wants is what is there, also
    /// where it would render to something else by now.
    pub(in crate::steps) async fn of(
        &self,
        deploy: &Deploy,
        ctx: &StepCtx,
    ) -> Result<Arc<Rendering>, Failure> {
        let DeployKind::Helm(chart) = &deploy.kind else { return self.template(deploy, ctx).await };
        let find = async {
            if let Some(objects) = helm::unchanged(deploy, chart, ctx).await? {
                return Ok(Rendering { objects: objects.to_vec(), origin: Origin::Release });
            }
            let objects = self.template(deploy, ctx).await?.objects.clone();
            Ok(Rendering { objects, origin: Origin::Files })
        };
        self.wanted.get(deploy.name.clone(), find.boxed()).await
    }

    /// What the files of this deploy say, hooks of a chart included, found out on the first call.
    pub(in crate::steps) async fn template(
        &self,
        deploy: &Deploy,
        ctx: &StepCtx,
    ) -> Result<Arc<Rendering>, Failure> {
        self.templates.get(deploy.name.clone(), render(deploy, ctx).boxed()).await
    }

    /// The objects of a revision of a chart's release, read on the first call.
    pub(super) async fn revision(
        &self,
        deploy: &str,
        number: u64,
        read: BoxFuture<'_, Result<Vec<Object>, Failure>>,
    ) -> Result<Arc<Vec<Object>>, Failure> {
        self.revisions.get((deploy.to_owned(), number), read).await
    }
}

/// What is found out once, by its key; a failure is not remembered.
#[derive(Debug)]
struct Memo<K, V>(Mutex<HashMap<K, Arc<OnceCell<Arc<V>>>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Memo<K, V> {
    async fn get(
        &self,
        key: K,
        find: BoxFuture<'_, Result<V, Failure>>,
    ) -> Result<Arc<V>, Failure> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(key).or_default())
        };
        cell.get_or_try_init(|| async { find.await.map(Arc::new) }).await.cloned()
    }
}

async fn render(deploy: &Deploy, ctx: &StepCtx) -> Result<Rendering, Failure> {
    let sources = match &deploy.kind {
        DeployKind::Manifests(manifests) => sources(manifests, &ctx.config.root)?,
        DeployKind::Kustomize(folder) => {
            let text = kustomize::render(deploy, folder, ctx).await?;
            vec![Source { file: shown(folder, &ctx.config.root), text: text.expose().to_owned() }]
        }
        DeployKind::Helm(chart) => {
            let text = helm::render(deploy, chart, ctx).await?;
            charts::sources(text.expose(), &chart.chart)
        }
        DeployKind::Argocd(_) | DeployKind::Compose(_) => Vec::new(),
    };
    let nothing = BTreeMap::new();
    let vars = match &deploy.kind {
        DeployKind::Manifests(manifests) => &manifests.vars,
        _ => &nothing,
    };
    let filled = vars::fill(sources, vars);
    let mut objects = parse::objects(&filled.sources)?;
    filled.settle(&mut objects);
    settle(&mut objects, namespace_of(deploy, ctx));
    parse::demand_distinct(&objects)?;
    Ok(Rendering { objects, origin: Origin::Files })
}

/// Puts objects where they belong, as far as their kinds are known.
pub(super) fn settle(objects: &mut [Object], namespace: &str) {
    let scopes: Vec<Option<Scope>> =
        objects.iter().map(|object| Scope::of(&object.id, objects)).collect();
    for (object, scope) in objects.iter_mut().zip(scopes) {
        match scope {
            Some(Scope::Cluster) => object.take_out(),
            Some(Scope::Namespaced) => object.put_into(namespace),
            None => {}
        }
    }
}

/// The text of all manifest files, those of folders in the order of their names.
pub(super) fn sources(manifests: &Manifests, root: &Path) -> Result<Vec<Source>, Failure> {
    let mut files = Vec::new();
    for path in &manifests.paths {
        collect(path, &mut files, root)?;
    }
    let read =
        |path: PathBuf| Ok(Source { file: shown(&path, root), text: files::read_text(&path)? });
    files.into_iter().map(read).collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>, root: &Path) -> Result<(), Failure> {
    if !path.exists() {
        let summary = format!("`{}` is not there", shown(path, root));
        return Err(Failure::new(Class::Config, "MANIFEST_MISSING", summary)
            .fix(Fix::safe("correct `manifests` of the deploy in mlup.toml")));
    }
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let before = files.len();
    gather(path, files)?;
    if files.len() == before {
        let summary = format!("the folder `{}` holds no manifest", shown(path, root));
        return Err(Failure::new(Class::Config, "MANIFESTS_MISSING", summary)
            .fix(Fix::safe("name files that end in .yaml, .yml or .json, or their folder")));
    }
    Ok(())
}

/// The manifests in a folder and in those below it; hidden folders are no manifests'.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for name in files::names_in(folder)? {
        let path = folder.join(&name);
        let is_manifest = path
            .extension()
            .is_some_and(|own| EXTENSIONS.iter().any(|known| own.eq_ignore_ascii_case(known)));
        if path.is_dir() {
            if !name.starts_with('.') {
                gather(&path, files)?;
            }
        } else if is_manifest {
            files.push(path);
        }
    }
    Ok(())
}

/// The path as the configuration would write it.
fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
