//! A compose project as resolved once in a run: how to call compose for it, its model, its
//! hashes. Asking compose is here, deciding on the answer is not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::model::Model;
use super::{plugin, tool};
use crate::drivers::compose::{self, Invocation};
use crate::event::Fix;
use crate::host::cmd::{End, Output};
use crate::host::docker::compose_plugin;
use crate::host::files::read_text;
use crate::plan::ComposeDeploy;
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::StepCtx;

/// Compose projects as resolved so far in this run, by deploy name: preflight, images and the
/// deploy itself ask compose once.
#[derive(Debug, Default)]
pub struct Projects {
    resolved: Mutex<HashMap<String, Arc<OnceCell<Arc<Project>>>>>,
}

impl Projects {
    /// The project of a deploy, resolved on the first call. A failure is not remembered.
    pub(super) async fn resolve(
        &self,
        deploy: &ComposeDeploy,
        ctx: &StepCtx,
    ) -> Result<Arc<Project>, Failure> {
        let cell = {
            let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(resolved.entry(deploy.name.clone()).or_default())
        };
        let project = cell.get_or_try_init(|| async { resolve(deploy, ctx).await.map(Arc::new) });
        project.await.cloned()
    }
}

/// One resolved project.
#[derive(Clone, Debug)]
pub(super) struct Project {
    /// How to call compose for it.
    pub(super) invocation: Invocation,
    /// What it consists of.
    pub(super) model: Model,
    /// The model as compose printed it; values of variables in it may be secret.
    pub(super) resolved: Secret,
    /// Service to the hash of its configuration, as `config --hash` tells it; see `hashes`.
    pub(super) hashes: BTreeMap<String, String>,
    /// The services that are wanted, with everything that they depend on.
    pub(super) selected: BTreeSet<String>,
    /// The services that the configuration names; empty means all.
    pub(super) wanted: Vec<String>,
    /// Services that another one needs completed: one-shots by declaration.
    pub(super) one_shots: BTreeSet<String>,
    /// Version of the compose plugin.
    pub(super) compose: String,
    /// Services that may stay unready.
    pub(super) optional: BTreeSet<String>,
    /// Variables that the files use and nobody sets.
    pub(super) unset_variables: Vec<String>,
}

impl Project {
    /// Folder of the compose files, as compose labels containers with it.
    pub(super) fn working_dir(&self) -> PathBuf {
        let first = self.invocation.files.first();
        first.and_then(|file| file.parent()).map_or_else(PathBuf::new, PathBuf::from)
    }
}

async fn resolve(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Project, Failure> {
    let invocation = invocation(deploy, ctx);
    let (compose, model, hashes) = tokio::join!(
        plugin::version(ctx),
        tool::run(ctx, invocation.config()),
        tool::run(ctx, invocation.hashes())
    );
    // Without a plugin the other two failed as well, and less clearly.
    let compose = compose?;
    let (model, hashes) = (checked(deploy, model?)?, checked(deploy, hashes?)?);
    let unset_variables = compose::unset_variables(&model.stderr);
    let parsed = Model::parse(&model.stdout).map_err(|error| unreadable(&error))?;
    known_services(deploy, &parsed)?;
    Ok(Project {
        selected: parsed.closure(&deploy.compose.services),
        wanted: deploy.compose.services.clone(),
        optional: deploy.optional.iter().cloned().collect(),
        one_shots: parsed.declared_one_shots(),
        hashes: compose::parse_hashes(&hashes.stdout),
        resolved: Secret::new(model.stdout),
        model: parsed,
        compose,
        invocation,
        unset_variables,
    })
}

/// The environment's name is the project's, unless a compose file sets one.
fn invocation(deploy: &ComposeDeploy, ctx: &StepCtx) -> Invocation {
    // A file that cannot be read is left to compose to complain about.
    let texts = deploy.compose.files.iter().filter_map(|file| read_text(file).ok());
    let named = texts.into_iter().any(|text| compose::sets_name(&text));
    Invocation {
        files: deploy.compose.files.clone(),
        env_files: ctx.config.env_files.clone(),
        profiles: deploy.compose.profiles.clone(),
        project: (!named).then(|| compose::project_name(&ctx.config.name)),
        cwd: ctx.config.root.clone(),
        env: ctx.host.docker.docker_env(),
        plugin: compose_plugin(&ctx.host.env),
        stand_in: None,
    }
}

/// A failing `config` means that the files are wrong, unless compose itself is missing.
fn checked(deploy: &ComposeDeploy, output: Output) -> Result<Output, Failure> {
    if output.success() {
        return Ok(output);
    }
    if !matches!(output.end, End::Exit(_)) {
        return Err(tool::failure("read the compose files", &output));
    }
    let names: Vec<String> =
        deploy.compose.files.iter().map(|file| format!("`{}`", file.display())).collect();
    let summary = format!("docker compose does not accept {}", names.join(", "));
    let mut failure = Failure::new(Class::Config, "COMPOSE_INVALID", summary);
    for line in compose::complaints(&output.stderr).into_iter().take(5) {
        failure = failure.because("docker compose config", line);
    }
    Err(failure.fix(Fix::safe(format!(
        "correct the file, then check it with `docker compose -f {} config --quiet`",
        deploy.compose.files.first().map(|file| file.display().to_string()).unwrap_or_default()
    ))))
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(
        Class::Permanent,
        "COMPOSE_UNREADABLE",
        "the output of `docker compose config --format json` is not as expected",
    )
    .because("docker compose config", error.to_string())
    .fix(Fix::safe("install a docker compose plugin of version 2.20 or later"))
}

/// Every name in `services` and `optional` must be a service.
fn known_services(deploy: &ComposeDeploy, model: &Model) -> Result<(), Failure> {
    let keys = [("services", &deploy.compose.services), ("optional", &deploy.optional)];
    for (key, names) in keys {
        if let Some(name) = names.iter().find(|name| !model.services.contains_key(*name)) {
            return Err(unknown_service(deploy, model, key, name));
        }
    }
    Ok(())
}

fn unknown_service(deploy: &ComposeDeploy, model: &Model, key: &str, name: &str) -> Failure {
    let near = |known: &&String| strsim::jaro_winkler(known, name) > 0.8;
    let near = model
        .services
        .keys()
        .filter(near)
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let known: Vec<&str> = model.services.keys().map(String::as_str).collect();
    let summary = format!(
        "`{name}` in `{key}` of deploy `{}` is no service of the compose project, or its compose \
         profile is not enabled",
        deploy.name
    );
    let fix = near.map_or_else(
        || "correct the name, or add its compose profile to `profiles` of the deploy".to_owned(),
        |near| format!("did you mean `{near}`? Otherwise add its compose profile to `profiles`"),
    );
    Failure::new(Class::Config, "COMPOSE_SERVICE_UNKNOWN", summary)
        .because("docker compose config", format!("services: {}", known.join(", ")))
        .fix(Fix::safe(fix))
}
