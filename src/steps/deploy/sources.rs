//! Where the deploys of the configuration come from: files with the line of each object, folders,
//! charts with their values. For advice on what they keep as it is.

use std::path::Path;

use super::namespace_of;
use super::roots::root_of;
use crate::config::model::{Config, Deploy, DeployKind};
use crate::readiness::sources::Sources;
use crate::steps::StepCtx;

/// What is known of all deploys into the cluster. What cannot be read is left out: its own step
/// tells that.
pub async fn sources(ctx: &StepCtx) -> Sources {
    let mut sources = Sources::default();
    for deploy in &ctx.config.deploys {
        add(deploy, ctx, &mut sources).await;
    }
    sources
}

/// The same of one deploy.
pub(super) async fn of_one(deploy: &Deploy, ctx: &StepCtx) -> Sources {
    let mut sources = Sources::default();
    add(deploy, ctx, &mut sources).await;
    sources
}

async fn add(deploy: &Deploy, ctx: &StepCtx, sources: &mut Sources) {
    let Some(what) = what(deploy, &ctx.config) else { return };
    sources.add_deploy(&deploy.name, what);
    match &deploy.kind {
        DeployKind::Helm(chart) => {
            let release = chart.release.as_deref().unwrap_or(&deploy.name);
            sources.add_release(namespace_of(deploy, ctx), release, &deploy.name);
        }
        DeployKind::Manifests(_) => {
            let Ok(rendering) = ctx.renderings.of(deploy, ctx).await else { return };
            for object in &rendering.objects {
                let root = root_of(object, &rendering.objects, deploy, ctx);
                sources.add_place(&root, object.place.to_string());
            }
        }
        _ => {}
    }
}

/// What a deploy applies; none for what is not in the cluster, or is Argo CD's.
fn what(deploy: &Deploy, config: &Config) -> Option<String> {
    let shown = |path: &Path| path.strip_prefix(&config.root).unwrap_or(path).display().to_string();
    let all = |paths: &[std::path::PathBuf]| {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", shown(path))).collect();
        paths.join(", ")
    };
    match &deploy.kind {
        DeployKind::Argocd(_) | DeployKind::Compose(_) => None,
        DeployKind::Kustomize(folder) => Some(format!("kustomization `{}`", shown(folder))),
        DeployKind::Manifests(manifests) => Some(all(&manifests.paths)),
        DeployKind::Helm(chart) if chart.values.is_empty() => {
            Some(format!("chart `{}`, by `values` or `set`", chart.chart))
        }
        DeployKind::Helm(chart) => {
            Some(format!("chart `{}` by the values {}", chart.chart, all(&chart.values)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::fixture::{config, deploy, manifests};
    use crate::config::model::Chart;

    #[test]
    fn each_kind_of_deploy_says_what_it_applies() {
        let config = Config { root: PathBuf::from("/p"), ..config() };
        let of = |kind: DeployKind| what(&Deploy { kind, ..manifests("a", None) }, &config);
        let chart = |values: &[&str]| {
            DeployKind::Helm(Chart {
                chart: "./db".to_owned(),
                release: None,
                values: values.iter().map(PathBuf::from).collect(),
                set: std::collections::BTreeMap::new(),
            })
        };
        for (kind, wanted) in [
            (DeployKind::Kustomize("/p/overlays/dev".into()), Some("kustomization `overlays/dev`")),
            (chart(&[]), Some("chart `./db`, by `values` or `set`")),
            (
                chart(&["/p/a.yaml", "/etc/b.yaml"]),
                Some("chart `./db` by the values `a.yaml`, `/etc/b.yaml`"),
            ),
            (DeployKind::Argocd(Vec::new()), None),
        ] {
            assert_eq!(of(kind).as_deref(), wanted);
        }
        assert_eq!(what(&deploy("stack", Some(&[])), &config), None);
    }
}
