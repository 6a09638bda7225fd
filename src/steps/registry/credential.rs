//! Gets the password of a registry from where the configuration says: AWS, a command, Docker's
//! files or the configuration itself. A password is asked for once a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OnceCell};

use super::memory::{Memory, is_paced};
use crate::config::model::{Credential, Registry};
use crate::drivers::credential::docker_config::{self, Found};
use crate::drivers::credential::{Login, ecr_host, exec, expiry, keychain};
use crate::drivers::pull_secret::Part;
use crate::event::Fix;
use crate::host::cmd::{Cmd, End, Output, SpawnError};
use crate::host::{clock, ecr, files};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::StepCtx;

/// Time for a command that prints a password: it may ask a cloud for it.
const EXEC: Duration = Duration::from_secs(60);

/// Time for a credential helper: a keychain that asks a person hangs for ever.
const HELPER: Duration = Duration::from_secs(20);

/// The passwords of this run, each asked for once. A failure is not kept.
#[derive(Debug, Default)]
pub struct Passwords {
    known: Mutex<BTreeMap<String, Arc<OnceCell<Part>>>>,
    /// What earlier runs of the same process were answered.
    memory: Option<Arc<Memory>>,
}

impl Passwords {
    /// The password of this registry.
    pub async fn of(&self, registry: &Registry, ctx: &StepCtx) -> Result<Part, Failure> {
        let cell = Arc::clone(self.known.lock().await.entry(key(registry)).or_default());
        cell.get_or_try_init(|| self.ask(registry, ctx)).await.cloned()
    }

    /// Passwords of a run of a watch, which remembers those of the runs before.
    #[must_use]
    pub fn remembered(memory: Arc<Memory>) -> Self {
        Self { known: Mutex::default(), memory: Some(memory) }
    }

    async fn ask(&self, registry: &Registry, ctx: &StepCtx) -> Result<Part, Failure> {
        let memory = self.memory.as_ref().filter(|_| is_paced(&registry.credential));
        // In a box: the layers of an ECR request are as deep as the compiler follows.
        let asked = obtain(registry, ctx).boxed();
        let Some(memory) = memory else { return asked.await };
        let key = key(registry);
        if let Some(known) = memory.answer(&key) {
            return known;
        }
        let answer = asked.await;
        memory.note(&key, &answer);
        answer
    }

    /// Whether none of these would have to be asked for.
    pub async fn has_all(&self, registries: &[Registry]) -> bool {
        let known = self.known.lock().await;
        let has =
            |registry: &Registry| known.get(&key(registry)).is_some_and(|cell| cell.initialized());
        registries.iter().all(has)
    }
}

/// What tells the passwords of two registries apart.
pub(super) fn key(registry: &Registry) -> String {
    format!("{} {}", registry.server, source(registry))
}

/// Where a registry's password comes from, as the secret's annotation says it. Arguments of a
/// command are not shown there: only that they changed can be told.
pub fn source(registry: &Registry) -> String {
    match &registry.credential {
        Credential::DockerConfig => "docker-config".to_owned(),
        Credential::Static { .. } => "mlup.toml".to_owned(),
        Credential::Ecr { region, profile, .. } => {
            let region = ecr_host::region(&registry.server, region.as_deref()).ok().flatten();
            let parts = [Some("ecr"), region.as_deref(), profile.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        Credential::Exec { command, username, .. } => {
            let program = command.first().map_or("", String::as_str);
            let name = Path::new(program).file_name().map(|name| name.to_string_lossy());
            let mut hash = Sha256::new();
            for word in command.iter().chain([username]) {
                hash.update(word.as_bytes());
                hash.update([0]);
            }
            let mut print = String::new();
            for byte in hash.finalize().iter().take(4) {
                let _ = write!(print, "{byte:02x}");
            }
            format!("exec {} {print}", name.unwrap_or_default())
        }
    }
}

/// Asks for the password of this registry.
///
/// # Errors
/// What the source says; never an empty password.
pub async fn obtain(registry: &Registry, ctx: &StepCtx) -> Result<Part, Failure> {
    let now = clock::now();
    let server = &registry.server;
    let (login, expires_at) = match &registry.credential {
        Credential::Static { username, password } => {
            (Login { username: username.clone(), password: password.clone() }, None)
        }
        Credential::Ecr { region, profile, endpoint } => {
            let region = ecr_host::region(server, region.as_deref())?;
            let identity = ecr::Identity {
                region: region.as_deref(),
                profile: profile.as_deref(),
                endpoint: endpoint.as_deref(),
            };
            ctx.waiting(format!("a token for {server}"));
            let environment = environment(ctx);
            let asked = ecr::token(&identity, &environment);
            let token = ctx.in_time("get a token from ECR", asked).await?;
            let end = believed(token.expires_at, now, ctx);
            (Login { username: token.username, password: token.password }, end)
        }
        Credential::Exec { command, username, ttl } => {
            ctx.waiting(format!("a password for {server}"));
            let password = printed(command, username, ctx).await?;
            let login = Login { username: username.clone(), password };
            let end = ttl.and_then(|ttl| now.checked_add(ttl).ok());
            let end = end.or_else(|| expiry::of(&login, now));
            (login, end)
        }
        Credential::DockerConfig => {
            let login = kept(server, ctx).await?;
            let end = expiry::of(&login, now);
            (login, end)
        }
    };
    if login.password.expose().is_empty() {
        let summary = format!("the password of `{server}` is empty");
        return Err(Failure::new(Class::Config, "REGISTRY_PASSWORD_EMPTY", summary)
            .fix(Fix::safe("set `password` of the registry, or the variable it comes from")));
    }
    Ok(Part { server: server.clone(), login, expires_at, source: source(registry) })
}

/// When an ECR token ends. One that has ended already when it comes says that a clock is wrong,
/// here or there: its documented life counts then, so that nobody asks again and again.
fn believed(end: Option<Timestamp>, now: Timestamp, ctx: &StepCtx) -> Option<Timestamp> {
    let documented = now.checked_add(expiry::ECR).ok();
    match end {
        Some(end) if end <= now => {
            ctx.say(Progress::Warning {
                code: "CLOCK_SKEW",
                message: format!(
                    "ECR gave a token that ended at {end}, before it was asked for: this machine's \
                     clock or the service's is wrong; it is taken to live 12 h"
                ),
                hint: Some("compare `date -u` with the right time".to_owned()),
            });
            documented
        }
        Some(end) => Some(end),
        None => documented,
    }
}

/// The environment of the process over that of the env files.
pub(in crate::steps) fn environment(ctx: &StepCtx) -> BTreeMap<String, String> {
    let files = ctx.config.env.iter();
    let mut all: BTreeMap<String, String> =
        files.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
    all.extend(ctx.host.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}

async fn printed(command: &[String], username: &str, ctx: &StepCtx) -> Result<Secret, Failure> {
    let program = command.first().map_or("", String::as_str);
    let cmd = Cmd::new(program).args(command.iter().skip(1)).timeout(EXEC.min(ctx.time_left()));
    let (cmd, output) = run(cmd, ctx).await?;
    exec::password(&cmd, username, &output)
}

/// What Docker or podman keeps for this registry.
async fn kept(server: &str, ctx: &StepCtx) -> Result<Login, Failure> {
    let mut asked = Vec::new();
    for path in docker_config::paths(&environment(ctx)) {
        let shown = path.display().to_string();
        let files::Entry::File { content, .. } = files::look(&path)? else { continue };
        asked.push(shown.clone());
        let config = docker_config::parse(&shown, &String::from_utf8_lossy(&content))?;
        match config.find(server)? {
            Found::Nothing => {}
            Found::Login(login) => return Ok(login),
            Found::Helper { helper, server, or } => {
                let cmd = keychain::question(&helper, &server).timeout(HELPER.min(ctx.time_left()));
                let (cmd, output) = run(cmd, ctx).await?;
                if let Some(login) = keychain::answer(&cmd, &server, &output)?.or(or) {
                    return Ok(login);
                }
            }
        }
    }
    Err(docker_config::missing(server, &asked))
}

/// Runs a command whose output nobody is shown: it may be a password.
async fn run(cmd: Cmd, ctx: &StepCtx) -> Result<(Cmd, Output), Failure> {
    let mut cmd = cmd.cwd(&ctx.config.root);
    let missing = ctx.config.env.iter().filter(|(name, _)| !ctx.host.env.contains_key(*name));
    cmd.env = missing.map(|(name, value)| (name.clone(), value.clone())).collect();
    match ctx.host.runner.run(cmd.clone(), ctx.cancel.clone()).await {
        Ok(output) if output.end == End::Cancelled => Err(Failure::cancelled()),
        Ok(output) => Ok((cmd, output)),
        Err(error) => {
            let code = match &error {
                SpawnError::NotFound { .. } => "TOOL_MISSING",
                SpawnError::Refused { .. } | SpawnError::Input { .. } => "TOOL_REFUSED",
            };
            let failure = Failure::new(Class::Prerequisite, code, error.to_string());
            Err(failure.fix(Fix::safe(format!("install `{}`", cmd.program))))
        }
    }
}
