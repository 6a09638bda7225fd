//! Credential plugins: the program that a kubeconfig names is run like any other command, without
//! a terminal, and what it prints takes its place. Its standard output is a secret.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::config::{AuthInfo, Cluster, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;

use super::base64;
use crate::event::Fix;
use crate::host::cmd::{Cmd, Output};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// How long a plugin may take: it may ask a server far away.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// The user with what its plugin says in the plugin's place; as it is where it names none, or has
/// a token already.
pub(super) async fn credentials(
    bench: &Workbench,
    context: &str,
    cluster: &Cluster,
    mut user: AuthInfo,
) -> Result<AuthInfo, Failure> {
    let Some(exec) = user.exec.take() else { return Ok(user) };
    if user.token.is_some() {
        return Ok(user);
    }
    let Some(command) = exec.command.clone() else {
        return Err(failed(context, "?", "the kubeconfig names no command"));
    };
    if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(failed(context, &command, "it wants a terminal, which mlup does not lend"));
    }
    let output = match bench.look(call(&command, &exec, cluster), LIMIT).await {
        Err(failure) if failure.code == "TOOL_MISSING" => {
            return Err(missing(context, &command, exec.install_hint.as_deref()));
        }
        output => output?,
    };
    let status = understood(&output, context, &command)?;
    user.token = status.token.map(Into::into);
    if let (Some(certificate), Some(key)) = (status.client_certificate_data, status.client_key_data)
    {
        user.client_certificate_data = Some(base64(certificate.as_bytes()));
        user.client_key_data = Some(base64(key.as_bytes()).into());
    }
    Ok(user)
}

/// The failure of a plugin that is not installed.
#[must_use]
pub(crate) fn missing(context: &str, command: &str, install_hint: Option<&str>) -> Failure {
    let summary = format!(
        "the context `{context}` fetches its credentials with `{command}`, which was not found"
    );
    let failure = Failure::new(Class::Prerequisite, "EXEC_PLUGIN_MISSING", summary);
    // A hint may be a page of text; its first lines say it.
    let hint: Vec<&str> = install_hint.unwrap_or_default().lines().map(str::trim).collect();
    let hint: Vec<&str> = hint.into_iter().filter(|line| !line.is_empty()).take(3).collect();
    let failure = hint.iter().fold(failure, |failure, line| failure.because("kubeconfig", *line));
    failure.fix(Fix::safe(known_install(command, &hint)))
}

/// How the usual plugins are installed; the kubeconfig's own words for any other.
fn known_install(command: &str, hint: &[&str]) -> String {
    match command.rsplit('/').next().unwrap_or(command) {
        "gke-gcloud-auth-plugin" => "gcloud components install gke-gcloud-auth-plugin".to_owned(),
        "kubelogin" => "az aks install-cli".to_owned(),
        "aws" => "install the AWS CLI, version 2".to_owned(),
        name if hint.is_empty() => format!("install {name}, or put its folder on PATH"),
        _ => hint.join(" "),
    }
}

fn call(command: &str, exec: &ExecConfig, cluster: &Cluster) -> Cmd {
    let mut spec = json!({ "interactive": false });
    if exec.provide_cluster_info
        && let Ok(info) = ExecAuthCluster::try_from(cluster)
    {
        spec["cluster"] = serde_json::to_value(info).unwrap_or_default();
    }
    let info = json!({
        "apiVersion": exec.api_version,
        "kind": "ExecCredential",
        "spec": spec,
    });
    let variables: BTreeMap<&String, &String> = exec
        .env
        .iter()
        .flatten()
        .filter_map(|variable| Some((variable.get("name")?, variable.get("value")?)))
        .collect();
    let cmd = Cmd::new(command).args(exec.args.clone().unwrap_or_default());
    let cmd = variables
        .into_iter()
        .fold(cmd, |cmd, (name, value)| cmd.env(name.as_str(), Secret::new(value.as_str())));
    cmd.env("KUBERNETES_EXEC_INFO", Secret::new(info.to_string()))
}

fn understood(output: &Output, context: &str, command: &str) -> Result<Status, Failure> {
    if !output.success() {
        let lines: Vec<&str> =
            output.stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(4)..];
        let failure = failed(context, command, "it did not succeed");
        return Err(last.iter().fold(failure, |failure, line| failure.because(command, *line)));
    }
    // Plugins print JSON, a few print YAML, which JSON is a part of.
    let printed: Result<ExecCredential, _> = serde_norway::from_str(&output.stdout);
    let status = printed.ok().and_then(|credential| credential.status);
    let status = status.filter(|status| status.token.is_some() || status.client_key_data.is_some());
    status.ok_or_else(|| failed(context, command, "what it printed is no credential"))
}

fn failed(context: &str, command: &str, why: &str) -> Failure {
    let summary = format!("`{command}` gave no credentials for the context `{context}`: {why}");
    Failure::new(Class::Prerequisite, "EXEC_PLUGIN_FAILED", summary)
        .fix(Fix::safe(format!("run `{command}` by hand and log in where it asks to")))
}
