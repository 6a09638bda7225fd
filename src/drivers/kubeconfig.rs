//! The user's kubeconfig: which files it consists of, one context of it as a file of its own, and
//! a context taken out of it. Contents never reach an error: they hold keys.

mod admit;
mod document;
mod flatten;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use admit::{Identity, Naming, admit, identity};
use document::{Document, Section};

use crate::config::suggest;
use crate::event::Fix;
use crate::host::files::{self, Entry};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// Permission bits of a kubeconfig that is not there yet: it holds keys.
const PRIVATE: u32 = 0o600;

/// How a context reaches its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Address of the API server.
    pub server: String,
    /// The context's own namespace.
    pub namespace: Option<String>,
    /// The program that fetches credentials.
    pub plugin: Option<Plugin>,
}

/// A program that a kubeconfig names for fetching credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name or path.
    pub command: String,
    /// How to get it, in the words of the kubeconfig.
    pub install_hint: Option<String>,
    /// The version of the protocol that it is spoken to by.
    pub api_version: Option<String>,
}

/// One file of the kubeconfig as it was read.
struct Part {
    path: PathBuf,
    mode: u32,
    document: Document,
}

impl Part {
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn save(&self) -> Result<(), Failure> {
        let text = self.document.to_yaml().map_err(|reason| unreadable(&self.path, &reason))?;
        files::write(&self.path, text.expose().as_bytes(), self.mode)
    }
}

/// The files that make up the kubeconfig, strongest first, whether they exist or not.
#[must_use]
pub fn files(bench: &Workbench) -> Vec<PathBuf> {
    let listed = bench.env("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = listed
        .split(':')
        .filter(|path| !path.is_empty())
        .map(|path| bench.root.join(path))
        .collect();
    if listed.is_empty() {
        let home = bench.home().unwrap_or(&bench.root);
        return vec![home.join(".kube/config")];
    }
    listed
}

/// The one file that tools are told to write.
#[must_use]
pub fn target(bench: &Workbench) -> PathBuf {
    files(bench).swap_remove(0)
}

/// A kubeconfig of this context alone: it is the current one, and no file beside it is needed.
///
/// # Errors
/// `CONTEXT_MISSING`, `KUBECONFIG_UNREADABLE`.
#[expect(clippy::unused_async, reason = "drivers that ask their tool answer the same question")]
pub async fn of_context(bench: &Workbench, context: &str) -> Result<Secret, Failure> {
    let parts = read(bench)?;
    let lead = lead(bench, &parts, context)?;
    flatten::flattened(context, &lead)
}

/// How a context reaches its cluster; nothing where there is no such context.
///
/// # Errors
/// `KUBECONFIG_UNREADABLE`; `CONTEXT_MISSING` for a context whose cluster is missing.
#[expect(clippy::unused_async, reason = "asked as the others are")]
pub async fn access(bench: &Workbench, context: &str) -> Result<Option<Access>, Failure> {
    let parts = read(bench)?;
    if !names(&parts, Section::Contexts).iter().any(|name| name == context) {
        return Ok(None);
    }
    lead(bench, &parts, context).map(|lead| Some(flatten::access(&lead)))
}

/// Takes a context out of the file that holds it, and its cluster and user where no other context
/// uses them. One that is not there is as good.
///
/// # Errors
/// `KUBECONFIG_UNREADABLE`, `FILE_UNWRITABLE`.
#[expect(clippy::unused_async, reason = "asked as the others are")]
pub async fn forget(bench: &Workbench, context: &str) -> Result<(), Failure> {
    let mut parts = read(bench)?;
    let before: Vec<Document> = parts.iter().map(|part| part.document.clone()).collect();
    let Some(holder) = part_with(&mut parts, Section::Contexts, context) else {
        return Ok(());
    };
    let cluster = holder.document.reference(context, "cluster");
    let user = holder.document.reference(context, "user");
    holder.document.remove(Section::Contexts, context);
    for (section, key, name) in
        [(Section::Clusters, "cluster", cluster), (Section::Users, "user", user)]
    {
        let Some(name) = name else { continue };
        let is_used = parts.iter().any(|part| part.document.refers_to(key, &name));
        if let (false, Some(holder)) = (is_used, part_with(&mut parts, section, &name)) {
            holder.document.remove(section, &name);
        }
    }
    for part in &mut parts {
        if part.document.current() == Some(context) {
            part.document.set_current("");
        }
    }
    let changed = parts.iter().zip(&before).filter(|(part, before)| part.document != **before);
    changed.map(|(part, _)| part).try_for_each(Part::save)
}

/// The context that is current, if one is.
pub(super) fn current(bench: &Workbench) -> Result<Option<String>, Failure> {
    let parts = read(bench)?;
    Ok(parts.iter().find_map(|part| part.document.current()).map(str::to_owned))
}

/// Makes a context the current one; whether it was not before.
pub(super) fn set_current(bench: &Workbench, context: &str) -> Result<bool, Failure> {
    let mut parts = read(bench)?;
    if !names(&parts, Section::Contexts).iter().any(|name| name == context) {
        return Err(context_missing(bench, &parts, context));
    }
    // The first file that names a current context decides; else the one that holds the context.
    let decides = parts.iter().position(|part| part.document.current().is_some());
    let part = match decides {
        Some(at) => parts.get_mut(at),
        None => part_with(&mut parts, Section::Contexts, context),
    };
    match part {
        Some(part) if part.document.current() != Some(context) => {
            part.document.set_current(context);
            part.save().map(|()| true)
        }
        _ => Ok(false),
    }
}

/// Whether a text is a kubeconfig of this context alone, as [`of_context`] makes them.
#[must_use]
pub fn is_of_context(text: &str, context: &str) -> bool {
    Document::parse(text).is_ok_and(|document| {
        document.current() == Some(context) && document.names(Section::Contexts) == [context]
    })
}

/// The entries that a context leads to, each with the folder that its paths start from.
struct Lead<'p> {
    context: &'p serde_norway::Value,
    cluster: (&'p serde_norway::Value, &'p Path),
    user: Option<(&'p serde_norway::Value, &'p Path)>,
}

/// The entries of a context, each from the first file that has it.
fn lead<'p>(bench: &Workbench, parts: &'p [Part], context: &str) -> Result<Lead<'p>, Failure> {
    let find = |section: Section, name: &str| {
        parts.iter().find_map(|part| Some((part.document.item(section, name)?, part)))
    };
    let Some((item, part)) = find(Section::Contexts, context) else {
        return Err(context_missing(bench, parts, context));
    };
    let cluster = part.document.reference(context, "cluster").unwrap_or_default();
    let Some((cluster, holder)) = find(Section::Clusters, &cluster) else {
        let summary = format!(
            "the context `{context}` is of the cluster `{cluster}`, which the kubeconfig does not have"
        );
        return Err(Failure::new(Class::Config, "CONTEXT_MISSING", summary)
            .because(part.path.display().to_string(), "the context is here"));
    };
    // A user that is missing is nobody: the API server says what it thinks of that.
    let user =
        part.document.reference(context, "user").and_then(|user| find(Section::Users, &user));
    Ok(Lead {
        context: item,
        cluster: (cluster, holder.folder()),
        user: user.map(|(user, holder)| (user, holder.folder())),
    })
}

fn read(bench: &Workbench) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    for path in files(bench) {
        let (content, mode) = match files::look(&path) {
            Ok(Entry::Absent) => continue,
            Ok(Entry::File { content, mode }) => (content, mode),
            Ok(Entry::Folder { .. }) => return Err(unreadable(&path, "it is a folder")),
            Err(failure) => {
                let reason = failure.summary.rsplit(": ").next().unwrap_or_default().to_owned();
                return Err(unreadable(&path, &reason));
            }
        };
        let text = String::from_utf8(content).map_err(|_| unreadable(&path, "it is no text"))?;
        let document = Document::parse(&text).map_err(|reason| unreadable(&path, &reason))?;
        let mode = if mode == 0 { PRIVATE } else { mode };
        parts.push(Part { path, mode, document });
    }
    Ok(parts)
}

fn names(parts: &[Part], section: Section) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in parts.iter().flat_map(|part| part.document.names(section)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn part_with<'p>(parts: &'p mut [Part], section: Section, name: &str) -> Option<&'p mut Part> {
    parts.iter_mut().find(|part| part.document.item(section, name).is_some())
}

fn context_missing(bench: &Workbench, parts: &[Part], context: &str) -> Failure {
    let known = names(parts, Section::Contexts);
    let meant = suggest::nearest(context, &known);
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let summary = format!("the kubeconfig has no context `{context}`{meant}");
    let failure = Failure::new(Class::Config, "CONTEXT_MISSING", summary)
        .fix(Fix::safe("kubectl config get-contexts"));
    if known.is_empty() {
        let looked = files(bench);
        let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
        return failure.because(looked.join(":"), "no contexts");
    }
    parts.iter().filter(|part| !part.document.names(Section::Contexts).is_empty()).take(5).fold(
        failure,
        |failure, part| {
            let names = suggest::list(&part.document.names(Section::Contexts));
            failure.because(part.path.display().to_string(), format!("contexts: {names}"))
        },
    )
}

/// A kubeconfig that cannot be used as it is; the reason never quotes it.
fn unreadable(path: &Path, reason: &str) -> Failure {
    let summary = format!("the kubeconfig `{}` cannot be used: {reason}", path.display());
    Failure::new(Class::Config, "KUBECONFIG_UNREADABLE", summary)
}
