//! What registries say about images that would be pulled, asked with the logins of `[[registry]]`. A
//! sure answer counts; without a network, or time, nothing is said.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::config::model::{Provider, Registry};
use crate::host::registry::protocol::is_loopback;
use crate::host::registry::{self, Depth, Login, Question, Verdict};
use crate::manifest::images::ImageName;
use crate::manifest::keyring;
use crate::steps::StepCtx;

/// Time for all registries together.
const LIMIT: Duration = Duration::from_secs(3);

/// The registries, for one look.
pub(in crate::steps) struct Pulls<'c> {
    ctx: &'c StepCtx,
    ends: Instant,
}

/// What a registry said, and whether it was asked with a login.
pub(in crate::steps) struct Told {
    pub(in crate::steps) verdict: Verdict,
    /// The `[[registry]]` whose login was used.
    pub(in crate::steps) registry: Option<Registry>,
    /// Tags of the repository where the image is not there.
    pub(in crate::steps) tags: Vec<String>,
}

impl Told {
    fn unclear() -> Self {
        Self { verdict: Verdict::Unclear, registry: None, tags: Vec::new() }
    }
}

impl<'c> Pulls<'c> {
    pub(in crate::steps) fn new(ctx: &'c StepCtx) -> Self {
        Self { ctx, ends: Instant::now() + LIMIT }
    }

    /// Asks the image's registry with the login that mlup.toml has for it.
    pub(in crate::steps) async fn ask(&self, image: &str) -> Told {
        let declared = self.ctx.config.registries.iter();
        let registry = declared
            .filter(|registry| keyring::matches(&keyring::host_key(&registry.server), image))
            .max_by_key(|registry| registry.server.len());
        let login = match registry {
            None => None,
            Some(registry) => match self.login(registry).await {
                Some(login) => Some(login),
                // Without the login that the pods will have, an answer means nothing.
                None => return Told::unclear(),
            },
        };
        Told { registry: registry.cloned(), ..self.ask_as(image, login).await }
    }

    /// Asks the image's registry with this login.
    pub(in crate::steps) async fn ask_as(&self, image: &str, login: Option<Login>) -> Told {
        let name = ImageName::parse(image);
        if self.nodes_ask_elsewhere(&name) {
            return Told::unclear();
        }
        // Docker Hub counts a look at a manifest as a pull.
        let is_counted = login.is_none() && name.registry == "docker.io";
        let question = Question {
            image: name,
            login,
            depth: if is_counted { Depth::Presence } else { Depth::Platforms },
            limit: self.ends.saturating_duration_since(Instant::now()),
        };
        let asked = timeout_at(self.ends, async {
            let verdict = registry::ask(&question).await;
            let is_missing = matches!(verdict, Verdict::Missing(_));
            let tags = if is_missing { registry::tags(&question).await } else { Vec::new() };
            Told { verdict, registry: None, tags }
        });
        tokio::select! {
            () = self.ctx.cancel.cancelled() => Told::unclear(),
            told = asked => told.unwrap_or_else(|_| Told::unclear()),
        }
    }

    /// The login of a registry, unless it takes too long: the registry's own step waits for it.
    async fn login(&self, registry: &Registry) -> Option<Login> {
        let password = self.ctx.passwords.of(registry, self.ctx);
        let part = timeout_at(self.ends, password).await.ok()?.ok()?;
        Some(Login { username: part.login.username, password: part.login.password })
    }

    /// Whether the nodes mean another registry than this machine by the same name: `localhost` is
    /// the node itself, and mirrors answer for others.
    fn nodes_ask_elsewhere(&self, name: &ImageName) -> bool {
        let Some(cluster) = &self.ctx.config.cluster else { return true };
        let in_containers = matches!(cluster.provider, Provider::K3d | Provider::Minikube);
        let has_mirrors = cluster.args.iter().any(|arg| arg.contains("registry"));
        has_mirrors || in_containers && is_loopback(&name.registry)
    }
}
