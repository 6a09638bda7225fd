//! Who keeps an object as it is: Helm, Argo CD, Flux, or a deploy of mlup's. What is changed in the
//! cluster behind their back is lost, so that advice names the place from which they take it.

use serde_json::Value;

use super::World;
use super::cause::{Cause, Root};
use super::commands::top;
use super::sources::of_application;
use crate::event::{BLANK, CommandLine, Fix, Form};
use crate::manifest::labels::{DEPLOY, label};
use crate::manifest::read;

/// Who applies an object again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper<'w> {
    /// An application of Argo CD.
    Argo(&'w str),
    /// A `Kustomization` or `HelmRelease` of Flux: kind, namespace, name.
    Flux(&'static str, &'w str, &'w str),
    /// A Helm release: its name, its namespace.
    Helm(&'w str, &'w str),
    /// A `[[deploy]]` of this or another `mlup.toml`.
    Deploy(&'w str),
}

/// Who keeps this object, or the one at the top of its owners.
#[must_use]
pub fn keeper<'w>(object: &'w Value, world: &'w World) -> Option<Keeper<'w>> {
    let top = top(object, world);
    of_marks(object).or_else(|| of_marks(top))
}

/// What the object's own marks say. Argo CD and Flux install charts, too, and stand above Helm then.
fn of_marks(object: &Value) -> Option<Keeper<'_>> {
    let annotation = |name: &str| object.pointer("/metadata/annotations")?.get(name)?.as_str();
    let namespace = read::namespace(object);
    let application = annotation("argocd.argoproj.io/tracking-id")
        .and_then(|id| id.split(':').next())
        .or_else(|| label(object, "argocd.argoproj.io/instance"));
    if let Some(application) = application.filter(|name| !name.is_empty()) {
        return Some(Keeper::Argo(application));
    }
    for (kind, group) in [("Kustomization", "kustomize"), ("HelmRelease", "helm")] {
        let mark = |field: &str| label(object, &format!("{group}.toolkit.fluxcd.io/{field}"));
        if let Some(name) = mark("name") {
            return Some(Keeper::Flux(kind, mark("namespace").unwrap_or(namespace), name));
        }
    }
    let is_helms = label(object, "app.kubernetes.io/managed-by") == Some("Helm");
    let release = annotation("meta.helm.sh/release-name")
        .or_else(|| label(object, "app.kubernetes.io/instance").filter(|_| is_helms));
    if let Some(release) = release {
        let place = annotation("meta.helm.sh/release-namespace").unwrap_or(namespace);
        return Some(Keeper::Helm(release, place));
    }
    label(object, DEPLOY).map(Keeper::Deploy)
}

impl Keeper<'_> {
    /// Where to change this field of the object, in place of in the cluster.
    #[must_use]
    pub fn fix(&self, field: &Field, object: &Value, world: &World) -> Fix {
        let begin = field.begin();
        let sources = world.sources();
        match self {
            Self::Helm(release, namespace) => match sources.release(namespace, release) {
                Some(deploy) => of_deploy(deploy, field, object, world),
                None => of_release(release, namespace, field),
            },
            Self::Argo(application) => {
                let source =
                    world.all("Application").iter().find(|one| read::name(one) == *application);
                let source = source.and_then(of_application).or_else(|| {
                    sources.followed("Application", "", application).map(str::to_owned)
                });
                let source = source.map_or_else(
                    || "the source".to_owned(),
                    |source| format!("{source}, the source"),
                );
                Fix::advice(format!(
                    "{begin} in {source} of Argo CD application `{application}`: it takes back what is changed in the cluster"
                ))
            }
            Self::Flux(kind, namespace, name) => {
                let source = match sources.followed(kind, namespace, name) {
                    Some(source) => format!("{source}, the source"),
                    None => "the source".to_owned(),
                };
                Fix::advice(format!(
                    "{begin} in {source} of Flux {kind} `{name}` in namespace `{namespace}`: it takes back what is changed in the cluster"
                ))
            }
            Self::Deploy(deploy) => of_deploy(deploy, field, object, world),
        }
    }
}

/// What `mlup start` applies: the file, where it is known.
fn of_deploy(deploy: &str, field: &Field, object: &Value, world: &World) -> Fix {
    let sources = world.sources();
    let place = sources.place(object).or_else(|| sources.place(top(object, world)));
    let place = place.map(|place| format!("`{place}`"));
    let begin = field.begin();
    let what = match (place.or_else(|| sources.deploy(deploy).map(str::to_owned)), field.value) {
        (None, _) => {
            return Fix::advice(format!(
                "{begin} in what `[[deploy]]` `{deploy}` of mlup.toml applies, then mlup start"
            ));
        }
        (Some(place), Some(path)) if place.starts_with("chart") => {
            format!("most likely as `{path}`, in {place}")
        }
        (Some(place), _) => format!("in {place}"),
    };
    Fix::advice(format!("{begin} {what} (`[[deploy]]` `{deploy}` of mlup.toml), then mlup start"))
}

/// What somebody else's helm applies.
fn of_release(release: &str, namespace: &str, field: &Field) -> Fix {
    let Field { what, value, .. } = field;
    let Some(path) = value else {
        let begin = field.begin();
        return Fix::advice(format!(
            "{begin} in the values or templates of Helm release `{release}` in namespace `{namespace}`: what is changed in the cluster goes with the next upgrade"
        ));
    };
    let line = CommandLine::helm(namespace)
        .args(["upgrade", release, BLANK, "--reuse-values", "--set"])
        .arg(format!("{path}={BLANK}"));
    Fix::run(line.comment(format!(
        "{what}: first the chart, then the value, which the chart may name in another way"
    )))
}

/// What is to be changed about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// In words.
    pub what: String,
    /// The path by which most charts take it.
    pub value: Option<&'static str>,
    /// What to do about it, where more is known than that it has to be changed.
    advice: Option<String>,
}

impl Field {
    /// A field that is to be changed.
    pub fn new(what: impl Into<String>, value: Option<&'static str>) -> Self {
        Self { what: what.into(), value, advice: None }
    }

    /// What to do, up to the place where it is done.
    fn begin(&self) -> String {
        match &self.advice {
            Some(advice) => format!("{advice}:"),
            None => format!("change {}", self.what),
        }
    }
}

/// What a cause wants changed in a manifest, if that is what helps.
fn field(cause: &Cause) -> Option<Field> {
    let (what, value) = match (cause.code, cause.rule) {
        ("OOM_KILLED", _) => {
            ("`resources.limits.memory` of the container", Some("resources.limits.memory"))
        }
        ("NODE_RESOURCES", _) => ("`resources.requests` or the replicas", None),
        ("IMAGE_MISSING", Some("PULL-12")) => ("the image's repository", Some("image.repository")),
        ("IMAGE_MISSING", Some("PULL-11")) => return None,
        ("IMAGE_MISSING", _) => ("the image's tag", Some("image.tag")),
        ("IMAGE_NAME_INVALID", _) => ("the image's repository and tag", Some("image.tag")),
        ("STORAGE_CLASS_MISSING", None) => ("the storage class", Some("global.storageClass")),
        ("SERVICE_SELECTS_NOTHING", _) => ("the service's `selector`", None),
        ("PROBE_KILLS", _) => ("`livenessProbe` and `startupProbe` of the container", None),
        ("PROBE_FAILING", _) => ("`readinessProbe` of the container", None),
        ("CONTAINER_COMMAND" | "CONTAINER_START", _) => ("`command` and `args`", None),
        ("CONTAINER_CONFIG" | "POD_SECURITY", _) => ("`securityContext` of the pod", None),
        ("HOST_PORT_TAKEN", _) => ("`hostPort`", None),
        ("SECRET_KEY_MISSING" | "CONFIG_MAP_KEY_MISSING", _) => {
            let Root { kind, name, .. } = cause.root.as_ref()?;
            return Some(Field::new(format!("the keys of {kind} `{name}`"), None));
        }
        _ => return None,
    };
    Some(Field::new(what, value))
}

/// The cause with advice that leaves alone what somebody else keeps as it is.
#[must_use]
pub fn respecting(cause: Cause, world: &World) -> Cause {
    let Some(field) = field(&cause) else { return cause };
    let at_fault = cause.root.as_ref().and_then(|root| at(root, world));
    let shows_in = || {
        let (namespace, name) = cause.affects.first()?.split_once('/')?;
        at(&Root::new("Pod", namespace, name), world)
            .or_else(|| at(&Root::new("PersistentVolumeClaim", namespace, name), world))
    };
    let kept = at_fault.or_else(shows_in).and_then(|object| Some((object, keeper(object, world)?)));
    let Some((object, keeper)) = kept else { return cause };
    // What words advise is worth as much beside the place.
    let field = match &cause.fix {
        Some(own) if own.form == Some(Form::Advice) => {
            Field { advice: Some(own.command.clone()), ..field }
        }
        _ => field,
    };
    let fix = keeper.fix(&field, object, world);
    Cause { fix: Some(fix), ..cause }
}

fn at<'w>(root: &Root, world: &'w World) -> Option<&'w Value> {
    world.find(&root.kind, &root.namespace, &root.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(labels: &Value, annotations: &Value) -> Value {
        json!({ "kind": "Deployment", "metadata": { "name": "api", "namespace": "shop",
            "labels": labels, "annotations": annotations } })
    }

    #[test]
    fn marks_tell_who_keeps_an_object() {
        let world = World::default();
        for (labels, annotations, wanted) in [
            (json!({}), json!({}), None),
            (json!({ "app.kubernetes.io/instance": "shop" }), json!({}), None),
            (
                json!({ "app.kubernetes.io/managed-by": "Helm" }),
                json!({ "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "ops" }),
                Some(Keeper::Helm("web", "ops")),
            ),
            (
                json!({ "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web" }),
                json!({}),
                Some(Keeper::Helm("web", "shop")),
            ),
            (
                json!({ "app.kubernetes.io/managed-by": "Helm" }),
                json!({ "meta.helm.sh/release-name": "web",
                    "argocd.argoproj.io/tracking-id": "core:apps/Deployment:shop/api" }),
                Some(Keeper::Argo("core")),
            ),
            (
                json!({ "argocd.argoproj.io/instance": "core" }),
                json!({}),
                Some(Keeper::Argo("core")),
            ),
            (
                json!({ "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system" }),
                json!({}),
                Some(Keeper::Flux("Kustomization", "flux-system", "apps")),
            ),
            (
                json!({ "helm.toolkit.fluxcd.io/name": "web" }),
                json!({ "meta.helm.sh/release-name": "web" }),
                Some(Keeper::Flux("HelmRelease", "shop", "web")),
            ),
            (json!({ "dev.mlup.deploy": "api" }), json!({}), Some(Keeper::Deploy("api"))),
        ] {
            let object = object(&labels, &annotations);
            assert_eq!(keeper(&object, &world), wanted, "{object}");
        }
    }
    #[test]
    fn advice_names_the_file_the_values_or_the_repository() {
        let deployment = |mark: Value| {
            json!({ "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "api", "namespace": "shop", "labels": mark } })
        };
        let mut world = World::default();
        let sources = world.sources_mut();
        sources.add_deploy("web", "kustomization `overlays/dev`");
        sources.add_deploy("api", "manifests `k8s`");
        sources.add_deploy("db", "chart `./db` with the values `db.yaml`");
        sources.add_release("shop", "db", "db");
        sources.add_followed("Application", "", "core", "`apps` of https://git/x".to_owned());
        sources.add_followed("Kustomization", "flux", "k", "`./k` of ssh://git/k".to_owned());
        let field = Field::new("the tag", Some("image.tag"));
        for (keeper, words) in [
            (
                Keeper::Deploy("web"),
                "change the tag in kustomization `overlays/dev` (`[[deploy]]` `web`",
            ),
            (
                Keeper::Deploy("other"),
                "change the tag in what `[[deploy]]` `other` of mlup.toml applies",
            ),
            (
                Keeper::Helm("db", "shop"),
                "most likely as `image.tag`, in chart `./db` with the values `db.yaml`",
            ),
            (
                Keeper::Helm("db", "else"),
                "helm -n else upgrade db ... --reuse-values --set image.tag=...",
            ),
            (
                Keeper::Argo("core"),
                "in `apps` of https://git/x, the source of Argo CD application `core`",
            ),
            (Keeper::Argo("else"), "change the tag in the source of Argo CD application `else`"),
            (
                Keeper::Flux("Kustomization", "flux", "k"),
                "in `./k` of ssh://git/k, the source of Flux",
            ),
        ] {
            let fix = keeper.fix(&field, &deployment(json!({})), &world);
            assert!(fix.command.contains(words), "{keeper:?}: {}", fix.command);
        }
        let object = deployment(json!({ "dev.mlup.deploy": "api" }));
        world.sources_mut().add_place(&Root::of(&object), "k8s/api.yaml:12");
        let fix = Keeper::Deploy("api").fix(&field, &object, &world);
        assert!(
            fix.command.starts_with("change the tag in `k8s/api.yaml:12` ("),
            "{}",
            fix.command
        );
    }
}
