//! `[[deploy]]` as it is meant.

use std::path::PathBuf;

use super::local::is_missing;
use super::{Entry, Parser};
use crate::config::diagnostic::Problem;
use crate::config::model::{Compose, Deploy, DeployKind};
use crate::config::raw::RawDeploy;
use crate::config::raw::scalar::{OneOrMany, Word};

const KINDS: [&str; 5] = ["compose", "manifests", "kustomize", "helm", "argocd"];

pub(super) fn deploy(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    mut raw: RawDeploy,
) -> Option<Deploy> {
    let own = format!("deploy/{}", raw.name.0);
    let needs = raw.needs.take().map(|needs| parser.needs(entry, &own, &needs));
    let key = parser.exactly_one(entry, &KINDS)?;
    if key == "compose" {
        parser.only_with(
            entry,
            "manifests`, `kustomize`, `helm` or `argocd",
            &["namespace", "keep"],
        );
    } else {
        parser.only_with(entry, "compose", &["profiles", "services"]);
        parser.not_yet(entry.key_span(key), &format!("a `[[deploy]]` with `{key}`"));
    }
    if key != "helm" {
        parser.only_with(entry, "helm", &["release", "values", "set"]);
    }
    Some(Deploy {
        kind: kind(parser, entry, &mut raw)?,
        name: raw.name.0,
        namespace: raw.namespace.map(|namespace| namespace.0),
        optional: words(Some(raw.optional)),
        keep: words(Some(raw.keep)),
        needs,
        timeout: raw.timeout.map(|timeout| timeout.0),
    })
}

fn kind(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &mut RawDeploy) -> Option<DeployKind> {
    if let Some(files) = raw.compose.take() {
        return Some(DeployKind::Compose(Compose {
            files: compose_files(parser, entry, &files),
            profiles: words(raw.profiles.take()),
            services: words(raw.services.take()),
        }));
    }
    if let Some(paths) = raw.manifests.take() {
        return Some(DeployKind::Manifests(paths_of(parser, Some(paths))));
    }
    if let Some(folder) = raw.kustomize.take() {
        return Some(DeployKind::Kustomize(parser.path(&folder.0)));
    }
    if let Some(applications) = raw.argocd.take() {
        return Some(DeployKind::Argocd(applications.0));
    }
    let set = raw.set.take().unwrap_or_default();
    Some(DeployKind::Helm {
        chart: raw.helm.take()?.0,
        release: raw.release.take().map(|release| release.0),
        values: paths_of(parser, raw.values.take()),
        set: set.into_iter().map(|(key, value)| (key, value.0)).collect(),
    })
}

/// The compose files; one that is not there is an error unless a step of the plan may write it.
fn compose_files(parser: &mut Parser<'_>, entry: &Entry<'_>, files: &OneOrMany) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = files.0.iter().map(|file| parser.path(file)).collect();
    if parser.steps.may_write_files() {
        return paths;
    }
    for (index, path) in paths.iter().enumerate() {
        if !is_missing(path) {
            continue;
        }
        let at = index.to_string();
        let in_list = entry.node.find(&["compose", &at]).and_then(|node| node.span.as_ref());
        let span = in_list.or_else(|| entry.value_span(&["compose"]));
        let message =
            format!("compose file `{}` of {} is not there", files.0[index], entry.subject);
        let problem = Problem::new("CONFIG_FILE_UNREADABLE", message)
            .help("paths are relative to the folder of `mlup.toml`");
        parser.problems.push(span, problem);
    }
    paths
}

fn paths_of(parser: &Parser<'_>, paths: Option<OneOrMany>) -> Vec<PathBuf> {
    paths.map(|paths| paths.0).unwrap_or_default().iter().map(|path| parser.path(path)).collect()
}

fn words(words: Option<Vec<Word>>) -> Vec<String> {
    words.unwrap_or_default().into_iter().map(|word| word.0).collect()
}
