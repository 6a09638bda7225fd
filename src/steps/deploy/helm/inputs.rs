//! What a release is made of: chart, values files and single values, and the one hash over them
//! that tells whether an upgrade is due.

use std::path::Path;

use serde_json::Value;

use crate::config::model::{Chart, Deploy};
use crate::drivers::helm::{argv, set};
use crate::event::Fix;
use crate::host::chart;
use crate::host::files::{self, Entry};
use crate::host::fingerprint::Fingerprint;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// The inputs of one release.
pub(super) struct Inputs<'c> {
    chart: &'c Chart,
    /// The single values as a document.
    set: Option<Secret>,
    /// The hash over everything.
    pub(super) hash: String,
}

impl<'c> Inputs<'c> {
    /// Reads what is on this machine. A chart of a repository counts by its reference: another
    /// version behind the same reference is not seen.
    pub(super) fn read(deploy: &Deploy, chart: &'c Chart, root: &Path) -> Result<Self, Failure> {
        let mut hash = Fingerprint::default();
        match files::look(&root.join(&chart.chart))? {
            Entry::Absent => hash.part(chart.chart.as_bytes()),
            Entry::File { .. } | Entry::Folder { .. } => {
                chart::add(&mut hash, &root.join(&chart.chart))?;
            }
        }
        let texts = values(deploy, chart, root)?;
        for text in &texts {
            hash.part(text);
        }
        let set = single_values(deploy, chart, &texts)?;
        hash.part(set.as_ref().map(|set| set.expose().as_bytes()).unwrap_or_default());
        Ok(Self { chart, set, hash: hash.hex() })
    }

    /// As helm is told.
    pub(super) fn argv(&self) -> argv::Inputs<'_> {
        let Chart { chart, values, .. } = self.chart;
        argv::Inputs { chart, values, set: self.set.clone() }
    }
}

/// The content of the values files.
fn values(deploy: &Deploy, chart: &Chart, root: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let read = |path: &std::path::PathBuf| match files::look(path)? {
        Entry::File { content, .. } => Ok(content),
        entry => {
            let shown = path.strip_prefix(root).unwrap_or(path).display();
            let why =
                if entry == Entry::Absent { "is not there" } else { "is a folder and no file" };
            let summary = format!("the values file `{shown}` of deploy `{}` {why}", deploy.name);
            let fix = Fix::safe("correct `values` of the `[[deploy]]`; paths start at mlup.toml");
            Err(Failure::new(Class::Config, "VALUES_INVALID", summary).fix(fix))
        }
    };
    chart.values.iter().map(read).collect()
}

/// `set` as one document: it goes through standard input, for it may hold secrets.
fn single_values(
    deploy: &Deploy,
    chart: &Chart,
    texts: &[Vec<u8>],
) -> Result<Option<Secret>, Failure> {
    if chart.set.is_empty() {
        return Ok(None);
    }
    let base = if set::leads_into_lists(&chart.set) {
        // What is no YAML is told by helm, with the line.
        set::merged(texts.iter().filter_map(|text| serde_norway::from_slice(text).ok()))
    } else {
        Value::Null
    };
    let document = set::document(&chart.set, &base).map_err(|why| {
        let summary = format!("a value of `set` of deploy `{}` has no path: {why}", deploy.name);
        let fix = Fix::safe("write keys as `image.tag`, `hosts[0].name`, or `a\\\\.b` for a dot");
        Failure::new(Class::Config, "VALUES_INVALID", summary).fix(fix)
    })?;
    // JSON is YAML too, and quotes every text.
    Ok(Some(Secret::new(document.to_string())))
}
