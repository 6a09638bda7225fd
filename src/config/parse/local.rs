//! The sections that concern this machine as they are meant: networks, files, images, tasks.

use std::path::Path;

use super::{Entry, Parser};
use crate::config::diagnostic::Problem;
use crate::config::expand;
use crate::config::model::{File, FileContent, Image, ImageSource, Network, NetworkOwner, Task};
use crate::config::raw::{RawFile, RawImage, RawNetwork, RawOwner, RawTask};
use crate::config::source::{SourceKind, Span};
use crate::config::units;
use crate::redact::Secret;

pub(super) fn network(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: RawNetwork) -> Network {
    if let (Some(subnet), Some(gateway)) = (&raw.subnet, &raw.gateway)
        && !units::contains(&subnet.0, &gateway.0)
    {
        let message = format!(
            "gateway `{}` of {} is not in its subnet `{}`",
            gateway.0, entry.subject, subnet.0
        );
        parser.wrong(entry.value_span(&["gateway"]), message, "take an address of the subnet");
    }
    if raw.gateway.is_some() && raw.subnet.is_none() {
        let message = format!("{} has a `gateway` without a `subnet`", entry.subject);
        parser.wrong(entry.key_span("gateway"), message, "add `subnet = \"...\"`");
    }
    if raw.owner == RawOwner::Cluster {
        parser.only_with(entry, "owner = \"mlup\"", &["driver", "subnet", "gateway", "labels"]);
    }
    Network {
        name: raw.name.0,
        owner: match raw.owner {
            RawOwner::Cluster => NetworkOwner::Cluster,
            RawOwner::Mlup => NetworkOwner::Mlup,
        },
        driver: raw.driver.map_or_else(|| "bridge".to_owned(), |driver| driver.0),
        subnet: raw.subnet.map(|subnet| subnet.0),
        gateway: raw.gateway.map(|gateway| gateway.0),
        labels: raw.labels,
    }
}

pub(super) fn file(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: RawFile) -> Option<File> {
    let content = if parser.exactly_one(entry, &["content", "template"])? == "template" {
        let template = raw.template.map(|template| template.0).unwrap_or_default();
        FileContent::Rendered(render(parser, entry, &template)?)
    } else {
        FileContent::Kubeconfig
    };
    let mode = raw.mode.map_or(0o600, |mode| mode.0);
    Some(File { path: parser.path(&raw.path.0), content, mode })
}

/// The text of a template with its variables expanded.
fn render(parser: &mut Parser<'_>, entry: &Entry<'_>, template: &str) -> Option<Secret> {
    let text = match std::fs::read_to_string(parser.path(template)) {
        Ok(text) => text,
        Err(error) => {
            let message =
                format!("template `{template}` of {} cannot be read: {error}", entry.subject);
            let problem = Problem::new("CONFIG_FILE_UNREADABLE", message)
                .help("paths are relative to the folder of `mlup.toml`");
            parser.problems.push(entry.value_span(&["template"]), problem);
            return None;
        }
    };
    let source = parser.problems.texts.add(template, &text, SourceKind::Template);
    let span = Span { source, range: 0..text.len() };
    let variables = parser.variables;
    let expanded = expand::expand(&text, &|name| variables.lookup(name));
    for error in &expanded.errors {
        variables.report(error, Some(&span), parser.problems);
    }
    expanded.errors.is_empty().then(|| Secret::new(expanded.value))
}

pub(super) fn image(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: RawImage) -> Option<Image> {
    let source = match (raw.from, raw.build) {
        (None, None) => ImageSource::Present,
        (Some(alias), None) => ImageSource::Alias(alias.0),
        (None, Some(build)) => ImageSource::Build {
            context: parser.path(&build.context.0),
            dockerfile: raw.dockerfile.or(build.dockerfile).map(|path| path.0),
        },
        (Some(_), Some(_)) => {
            parser.exactly_one(entry, &["from", "build"])?;
            return None;
        }
    };
    if !matches!(source, ImageSource::Build { .. }) {
        parser.only_with(entry, "build", &["dockerfile"]);
    }
    if source == ImageSource::Alias(raw.name.0.clone()) {
        let message = format!("{} is an alias of itself", entry.subject);
        parser.wrong(entry.value_span(&["from"]), message, "name another local image");
    }
    Some(Image { name: raw.name.0, source, platform: raw.platform.map(|platform| platform.0) })
}

pub(super) fn task(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: RawTask) -> Task {
    for key in ["run", "unless", "undo"] {
        parser.check_argv(entry, &[key]);
    }
    for name in raw.env.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("`env` of {} names no variable: `{name}`", entry.subject);
            parser.wrong(entry.key_span("env"), message, "write `env = { NAME = \"value\" }`");
        }
    }
    let needs = parser.needs(entry, &format!("task/{}", raw.name.0), &raw.needs);
    Task {
        needs,
        name: raw.name.0,
        run: raw.run.0,
        unless: raw.unless.map(|command| command.0),
        cwd: raw.cwd.map_or_else(|| parser.root.to_path_buf(), |cwd| parser.path(&cwd.0)),
        env: raw.env.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
        timeout: raw.timeout.map(|timeout| timeout.0),
        undo: raw.undo.map(|command| command.0),
    }
}

/// Whether a path names something that is there.
pub(super) fn is_missing(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}
