//! A kubeconfig from elsewhere taken into the user's own: renamed as a whole, its server set, and put
//! in the place of what an earlier one left.

use serde_norway::{Mapping, Value};

use super::document::{Document, Section};
use super::{PRIVATE, Part, files, read, target, unreadable};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// How a context that is taken in is called and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming<'a> {
    /// Name of context, cluster and user.
    pub context: &'a str,
    /// Address of the API server.
    pub server: &'a str,
}

/// One context of the user's kubeconfig by what stays the same while it is the same cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Address of the API server.
    pub server: String,
    /// The certificate authority, in base64.
    pub authority: String,
    /// The client certificate, in base64.
    pub client: String,
}

/// What the user's kubeconfig has for a context; nothing where it has no such context.
///
/// # Errors
/// `KUBECONFIG_UNREADABLE`.
pub fn identity(bench: &Workbench, context: &str) -> Result<Option<Identity>, Failure> {
    let parts = read(bench)?;
    let find = |section: Section, name: &str| {
        parts.iter().find_map(|part| part.document.item(section, name)?.get(section.body()))
    };
    let Some(lead) = find(Section::Contexts, context) else { return Ok(None) };
    let named = |section: Section, key: &str| {
        find(section, lead.get(key).and_then(Value::as_str).unwrap_or_default())
    };
    let text = |of: Option<&Value>, key: &str| {
        of.and_then(|of| of.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (cluster, user) = (named(Section::Clusters, "cluster"), named(Section::Users, "user"));
    Ok(Some(Identity {
        server: text(cluster, "server"),
        authority: text(cluster, "certificate-authority-data"),
        client: text(user, "client-certificate-data"),
    }))
}

/// Takes the current context of a kubeconfig into the user's own, under this name. The file is then
/// private: there is a key in it.
///
/// # Errors
/// `KUBECONFIG_UNREADABLE` for either file, `FILE_UNWRITABLE`.
pub fn admit(bench: &Workbench, kubeconfig: &Secret, naming: &Naming<'_>) -> Result<(), Failure> {
    let foreign = Document::parse(kubeconfig.expose()).map_err(|reason| strange(&reason))?;
    let items = renamed(&foreign, naming).ok_or_else(|| strange("it leads to no cluster"))?;
    let path = target(bench);
    let mut parts = read(bench)?;
    if !parts.iter().any(|part| part.path == path) {
        let document = Document::parse("").map_err(|reason| unreadable(&path, &reason))?;
        parts.insert(0, Part { path: path.clone(), mode: PRIVATE, document });
    }
    for (section, item) in items {
        // The first file that has the name counts, so that a second one would never be seen.
        for part in &mut parts {
            let had = part.document.item(section, naming.context).is_some();
            if part.path == path {
                part.document.put(section, naming.context, item.clone());
            } else if had {
                part.document.remove(section, naming.context);
            }
        }
    }
    for part in &mut parts {
        if part.path == path {
            part.mode = PRIVATE;
        }
    }
    let listed = files(bench);
    parts.iter().filter(|part| listed.contains(&part.path)).try_for_each(Part::save)
}

/// The entries of a kubeconfig's current context under another name.
fn renamed(foreign: &Document, naming: &Naming<'_>) -> Option<[(Section, Value); 3]> {
    let current = foreign.current()?;
    let body = |section: Section, key: &str| {
        let name = foreign.reference(current, key)?;
        foreign.item(section, &name)?.get(section.body()).cloned()
    };
    let mut cluster = body(Section::Clusters, "cluster")?;
    cluster.as_mapping_mut()?.insert("server".into(), naming.server.into());
    let user = body(Section::Users, "user")?;
    let mut context = Mapping::new();
    context.insert("cluster".into(), naming.context.into());
    context.insert("user".into(), naming.context.into());
    let entry = |section: Section, body: Value| {
        let mut entry = Mapping::new();
        entry.insert(section.body().into(), body);
        entry.insert("name".into(), naming.context.into());
        (section, Value::Mapping(entry))
    };
    Some([
        entry(Section::Clusters, cluster),
        entry(Section::Contexts, context.into()),
        entry(Section::Users, user),
    ])
}

/// A kubeconfig from elsewhere that cannot be used; the reason never quotes it.
fn strange(reason: &str) -> Failure {
    let summary = format!("the kubeconfig of the cluster cannot be used: {reason}");
    Failure::new(Class::Permanent, "KUBECONFIG_UNREADABLE", summary)
}
