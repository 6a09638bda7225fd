//! `[[deploy]]` as it is meant.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::local::is_missing;
use super::{Entry, Parser};
use crate::config::diagnostic::Problem;
use crate::config::model::{Chart, Compose, Deploy, DeployKind, Manifests};
use crate::config::raw::RawDeploy;
use crate::config::raw::scalar::{OneOrMany, Plain, Word};

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
    }
    if ["helm", "argocd"].contains(&key) {
        parser.only_with(entry, "manifests` or `kustomize", &["keep"]);
    }
    if key == "manifests" {
        demand_values(parser, entry, raw.vars.as_ref());
    } else {
        parser.only_with(entry, "manifests", &["vars"]);
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
            files: files_of(parser, entry, "compose", &files),
            profiles: words(raw.profiles.take()),
            services: words(raw.services.take()),
        }));
    }
    if let Some(paths) = raw.manifests.take() {
        let paths = files_of(parser, entry, "manifests", &paths);
        return Some(DeployKind::Manifests(Manifests { paths, vars: plain(raw.vars.take()) }));
    }
    if let Some(folder) = raw.kustomize.take() {
        return Some(DeployKind::Kustomize(parser.path(&folder.0)));
    }
    if let Some(applications) = raw.argocd.take() {
        return Some(DeployKind::Argocd(applications.0));
    }
    Some(DeployKind::Helm(Chart {
        chart: raw.helm.take()?.0,
        release: raw.release.take().map(|release| release.0),
        values: paths_of(parser, raw.values.take()),
        set: plain(raw.set.take()),
    }))
}

fn plain(pairs: Option<BTreeMap<String, Plain>>) -> BTreeMap<String, String> {
    pairs.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()
}

/// A variable without a value is an environment variable that is empty more often than it is meant.
fn demand_values(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    vars: Option<&BTreeMap<String, Plain>>,
) {
    let empty = vars.into_iter().flatten().filter(|(_, value)| value.0.is_empty());
    for name in empty.map(|(name, _)| name) {
        let message = format!("`{name}` in `vars` of {} is empty", entry.subject);
        let problem = Problem::new("CONFIG_INVALID_VALUE", message)
            .help("give it a value; what it comes from may not be set");
        parser.problems.push(entry.value_span(&["vars", name]), problem);
    }
}

/// Files and folders under a key; one that is not there is an error unless a step of the plan may
/// write it.
fn files_of(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    key: &str,
    files: &OneOrMany,
) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = files.0.iter().map(|file| parser.path(file)).collect();
    if parser.steps.may_write_files() {
        return paths;
    }
    for (index, path) in paths.iter().enumerate() {
        if !is_missing(path) {
            continue;
        }
        let at = index.to_string();
        let in_list = entry.node.find(&[key, &at]).and_then(|node| node.span.as_ref());
        let span = in_list.or_else(|| entry.value_span(&[key]));
        let what = if key == "compose" { "compose file" } else { "manifest" };
        let message = format!("{what} `{}` of {} is not there", files.0[index], entry.subject);
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
