//! The programs that the configuration needs, and the versions of those that have to fit others.

use serde_json::Value;

use super::{LIMIT, docker, within};
use crate::config::model::{CheckProbe, Config, DeployKind, Provider};
use crate::doctor::host::facts::{Look, Tool};
use crate::host::cmd::{Cmd, Output};
use crate::host::process::find_program;
use crate::policy::classify::known;
use crate::policy::tool::Tool as Known;
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::StepCtx;
use crate::steps::compose::plugin;

/// What was seen of the programs.
pub(super) struct Seen {
    pub(super) programs: Vec<Tool>,
    pub(super) client: Look<String>,
    pub(super) compose: Look<String>,
    pub(super) kubectl: Look<String>,
}

pub(super) async fn look(ctx: &StepCtx) -> Seen {
    let config = &ctx.config;
    let programs = programs(ctx);
    let is_there = |name: &str| find_program(&ctx.host.env, name).is_some();
    let has_docker = docker::is_command_needed(config) && is_there("docker");
    let composes = config.deploys.iter().any(|one| matches!(one.kind, DeployKind::Compose(_)));
    let (client, compose, kubectl) = tokio::join!(
        when(has_docker, within("`docker version`", client(ctx))),
        when(composes && has_docker, within("`docker compose`", plugin::version(ctx))),
        when(
            runs_kubectl(config) && is_there("kubectl"),
            within("`kubectl version`", kubectl(ctx))
        ),
    );
    Seen { programs, client, compose, kubectl }
}

async fn when<T>(is_wanted: bool, look: impl Future<Output = Look<T>>) -> Look<T> {
    if is_wanted { look.await } else { Look::Unneeded }
}

/// The programs by name, each with the first part of the configuration that needs it.
fn programs(ctx: &StepCtx) -> Vec<Tool> {
    let config = &ctx.config;
    let mut wanted: Vec<(&str, String)> = Vec::new();
    if let Some(cluster) = &config.cluster {
        match cluster.provider {
            Provider::Minikube => wanted.push(("minikube", "[cluster]".to_owned())),
            Provider::K3d => wanted.push(("k3d", "[cluster]".to_owned())),
            Provider::K3s if cluster.k3s.host.is_some() => {
                wanted.push(("ssh", "[cluster]".to_owned()));
            }
            _ => {}
        }
    }
    if docker::is_command_needed(config) {
        wanted.push(("docker", "a compose project or an image that is built".to_owned()));
    }
    for deploy in &config.deploys {
        let by = || format!("[[deploy]] `{}`", deploy.name);
        match &deploy.kind {
            DeployKind::Helm(_) => wanted.push(("helm", by())),
            // Either of the two builds a kustomization.
            DeployKind::Kustomize(_) if find_program(&ctx.host.env, "kustomize").is_none() => {
                wanted.push(("kubectl", by()));
            }
            _ => {}
        }
    }
    let mut tools: Vec<Tool> = Vec::new();
    for (name, by) in wanted {
        if !tools.iter().any(|tool| tool.name == name) {
            let is_there = find_program(&ctx.host.env, name).is_some();
            tools.push(Tool { name: name.to_owned(), by, is_there });
        }
    }
    tools
}

/// Whether a task or a check of this machine runs kubectl against the cluster.
fn runs_kubectl(config: &Config) -> bool {
    let is_kubectl = |words: &[String]| {
        words.iter().any(|word| word == "kubectl" || word.starts_with("kubectl "))
    };
    let tasks = config.tasks.iter().any(|task| is_kubectl(&task.run));
    let checks = config.checks.iter().any(|check| match &check.probe {
        CheckProbe::Exec(words) => is_kubectl(words),
        _ => false,
    });
    config.cluster.is_some() && (tasks || checks)
}

/// The newest API that the docker command line speaks. It exits 1 where the engine does not answer,
/// and has said its own part then.
async fn client(ctx: &StepCtx) -> Result<String, Failure> {
    let cmd = Cmd::new("docker").args(["version", "--format", "{{json .}}"]);
    let engine = ctx.host.docker.docker_env();
    let cmd = engine.into_iter().fold(cmd, |cmd, (name, value)| cmd.env(name, Secret::new(value)));
    let output = asked(ctx, cmd).await?;
    if let Some(failure) = known(Known::Docker, "talk to the Docker Engine", &output.stderr)
        .filter(|failure| failure.code == "DOCKER_API_MISMATCH")
    {
        return Err(failure);
    }
    let answer: Value = serde_json::from_str(output.stdout.trim()).unwrap_or_default();
    let api = ["DefaultAPIVersion", "ApiVersion"]
        .iter()
        .find_map(|key| answer.get("Client")?.get(*key)?.as_str());
    api.map(str::to_owned).ok_or_else(|| unread("docker version"))
}

async fn kubectl(ctx: &StepCtx) -> Result<String, Failure> {
    let cmd = Cmd::new("kubectl").args(["version", "--client", "-o", "json"]);
    let output = asked(ctx, cmd).await?;
    let answer: Value = serde_json::from_str(output.stdout.trim()).unwrap_or_default();
    let version = answer.pointer("/clientVersion/gitVersion").and_then(Value::as_str);
    version.map(str::to_owned).ok_or_else(|| unread("kubectl version"))
}

async fn asked(ctx: &StepCtx, cmd: Cmd) -> Result<Output, Failure> {
    ctx.workbench().look(cmd, LIMIT).await
}

/// A program that says nothing of itself: what it is, is not known.
fn unread(command: &str) -> Failure {
    let summary = format!("`{command}` printed nothing that can be read");
    Failure::new(Class::Transient, "TOOL_FAILED", summary)
}
