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
pub(super) struct Pulls<'c> {
    ctx: &'c StepCtx,
    ends: Instant,
}

/// What a registry said, and whether it was asked with a login.
pub(super) struct Told {
    pub(super) verdict: Verdict,
    /// The `[[registry]]` whose login was used.
    pub(super) registry: Option<Registry>,
}

impl<'c> Pulls<'c> {
    pub(super) fn new(ctx: &'c StepCtx) -> Self {
        Self { ctx, ends: Instant::now() + LIMIT }
    }

    /// Asks the image's registry.
    pub(super) async fn ask(&self, image: &str) -> Told {
        let unclear = || Told { verdict: Verdict::Unclear, registry: None };
        let name = ImageName::parse(image);
        if self.nodes_ask_elsewhere(&name) {
            return unclear();
        }
        let declared = self.ctx.config.registries.iter();
        let registry = declared
            .filter(|registry| keyring::matches(&keyring::host_key(&registry.server), image))
            .max_by_key(|registry| registry.server.len());
        let login = match registry {
            None => None,
            Some(registry) => match self.login(registry).await {
                Some(login) => Some(login),
                // Without the login that the pods will have, an answer means nothing.
                None => return unclear(),
            },
        };
        // Docker Hub counts a look at a manifest as a pull.
        let is_counted = login.is_none() && name.registry == "docker.io";
        let question = Question {
            image: name,
            login,
            depth: if is_counted { Depth::Presence } else { Depth::Platforms },
            limit: self.ends.saturating_duration_since(Instant::now()),
        };
        let asked = timeout_at(self.ends, registry::ask(&question));
        let verdict = tokio::select! {
            () = self.ctx.cancel.cancelled() => Verdict::Unclear,
            answer = asked => answer.unwrap_or(Verdict::Unclear),
        };
        Told { verdict, registry: registry.cloned() }
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
