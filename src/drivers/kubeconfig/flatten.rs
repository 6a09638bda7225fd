//! One context as a kubeconfig of its own: the files that it names are put into it, paths that
//! stay are made absolute.

use std::path::Path;

use serde_norway::{Mapping, Value};

use super::document::{Section, to_yaml};
use super::{Access, Lead, Plugin, unreadable};
use crate::host::files::{self, Entry};
use crate::host::kube::base64;
use crate::policy::Failure;
use crate::redact::Secret;

/// Keys that name a file, and the key that its content goes to.
const CLUSTER_FILES: [(&str, &str); 1] = [("certificate-authority", "certificate-authority-data")];
const USER_FILES: [(&str, &str); 2] =
    [("client-certificate", "client-certificate-data"), ("client-key", "client-key-data")];

/// The kubeconfig of one context, in the order in which kubectl writes it.
pub(super) fn flattened(context: &str, lead: &Lead<'_>) -> Result<Secret, Failure> {
    let (cluster, folder) = lead.cluster;
    let mut cluster = cluster.clone();
    if let Some(body) = body(&mut cluster, Section::Clusters) {
        embed(body, folder, &CLUSTER_FILES)?;
    }
    let user = lead.user.map(|(user, folder)| user_alone(user, folder)).transpose()?;
    let mut root = Mapping::new();
    root.insert("apiVersion".into(), "v1".into());
    root.insert("clusters".into(), vec![cluster].into());
    root.insert("contexts".into(), vec![lead.context.clone()].into());
    root.insert("current-context".into(), context.into());
    root.insert("kind".into(), "Config".into());
    root.insert("users".into(), user.into_iter().collect::<Vec<_>>().into());
    to_yaml(&root).map_err(|reason| unreadable(folder, &reason))
}

/// What the entries say about reaching the cluster.
pub(super) fn access(lead: &Lead<'_>) -> Access {
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let cluster = lead.cluster.0.get(Section::Clusters.body());
    let context = lead.context.get(Section::Contexts.body());
    let plugin = lead.user.and_then(|(user, folder)| {
        let exec = user.get(Section::Users.body())?.get("exec")?;
        let command = absolute(&text(exec.get("command"))?, folder);
        let (install_hint, api_version) =
            (text(exec.get("installHint")), text(exec.get("apiVersion")));
        Some(Plugin { command, install_hint, api_version })
    });
    Access {
        server: text(cluster.and_then(|cluster| cluster.get("server"))).unwrap_or_default(),
        namespace: text(context.and_then(|context| context.get("namespace"))),
        plugin,
    }
}

fn user_alone(user: &Value, folder: &Path) -> Result<Value, Failure> {
    let mut user = user.clone();
    let Some(body) = body(&mut user, Section::Users) else { return Ok(user) };
    embed(body, folder, &USER_FILES)?;
    if let Some(path) = take_path(body, "tokenFile") {
        let token = content(&folder.join(path), "tokenFile")?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        body.insert("token".into(), token.into());
    }
    // A command with a slash is a path from the kubeconfig's folder, any other is looked up.
    if let Some(Value::String(command)) =
        body.get_mut("exec").and_then(|exec| exec.get_mut("command"))
    {
        *command = absolute(command, folder);
    }
    Ok(user)
}

fn body(item: &mut Value, section: Section) -> Option<&mut Mapping> {
    item.get_mut(section.body())?.as_mapping_mut()
}

/// Puts the content of files in the place of their paths; data that is there already wins.
fn embed(body: &mut Mapping, folder: &Path, keys: &[(&str, &str)]) -> Result<(), Failure> {
    for (key, data_key) in keys {
        let Some(path) = take_path(body, key) else { continue };
        let has_data =
            body.get(*data_key).and_then(Value::as_str).is_some_and(|data| !data.is_empty());
        if !has_data {
            let data = base64(&content(&folder.join(path), key)?);
            body.insert((*data_key).into(), data.into());
        }
    }
    Ok(())
}

fn take_path(body: &mut Mapping, key: &str) -> Option<String> {
    match body.shift_remove(key)? {
        Value::String(path) if !path.is_empty() => Some(path),
        _ => None,
    }
}

fn content(path: &Path, key: &str) -> Result<Vec<u8>, Failure> {
    match files::look(path) {
        Ok(Entry::File { content, .. }) => Ok(content),
        Ok(Entry::Absent) => Err(unreadable(path, &format!("it is named as {key} and not there"))),
        Ok(Entry::Folder { .. }) => {
            Err(unreadable(path, &format!("it is named as {key} and is a folder")))
        }
        Err(failure) => {
            let reason = failure.summary.rsplit(": ").next().unwrap_or_default().to_owned();
            Err(unreadable(path, &format!("it is named as {key}: {reason}")))
        }
    }
}

fn absolute(command: &str, folder: &Path) -> String {
    if command.contains('/') {
        folder.join(command).to_string_lossy().into_owned()
    } else {
        command.to_owned()
    }
}
