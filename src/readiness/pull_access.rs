//! Which credentials are at fault when a registry wants other ones than it got. The runtimes say
//! "401 Unauthorized" for a missing secret, a wrong one and a wrong password alike: which it is, the
//! objects tell.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::pull::Pull;
use super::pull_secret::flaw;
use super::pull_words::{Trouble, trouble};
use super::workload::called;
use super::world;
use crate::event::{CommandLine, Fix};
use crate::manifest::images::PullPolicy;
use crate::manifest::{containers, keyring, read};
use crate::policy::Class;

impl Pull<'_, '_> {
    /// The names of the secrets that the pod takes credentials from.
    pub(super) fn secret_names(&self) -> Vec<&str> {
        let secrets = read::list(self.container.pod, "/spec/imagePullSecrets").iter();
        secrets.map(|secret| read::text(secret, "/name")).filter(|name| !name.is_empty()).collect()
    }

    pub(super) fn absent_secret(&self) -> Option<&str> {
        let world = self.container.world;
        let names = self.secret_names();
        let listed = names.iter().find(|name| world.lacks("Secret", self.namespace(), name));
        listed.copied().or_else(|| {
            let said = world
                .events(self.container.pod)
                .filter(|event| read::text(event, "/reason") == "FailedToRetrieveImagePullSecret")
                .map(world::message)
                .last()?;
            names.into_iter().find(|name| !world.knows("Secret") && said.contains(*name))
        })
    }

    /// The pod's service account.
    fn account(&self) -> &str {
        match read::text(self.container.pod, "/spec/serviceAccountName") {
            "" => "default",
            name => name,
        }
    }

    /// The pod's service account, if it names pull secrets that the pod has not.
    fn account_with_secrets(&self) -> Option<&str> {
        let name = self.account();
        let account = self.container.world.find("ServiceAccount", self.namespace(), name)?;
        let named = !read::list(account, "/imagePullSecrets").is_empty();
        (named && self.secret_names().is_empty()).then_some(name)
    }

    /// The pod's secrets that are there and of no use for this image, and why. One that is for the
    /// image of another container is not meant for this one.
    fn flawed(&self) -> Option<(&str, String)> {
        let world = self.container.world;
        let found = self.secret_names().into_iter().filter_map(|name| {
            let secret = world.find("Secret", self.namespace(), name)?;
            let flaw = flaw(secret, &self.image)?;
            let is_for_another = containers(self.container.pod.get("spec")?)
                .map(|(_, _, container)| read::text(container, "/image"))
                .filter(|image| *image != self.image)
                .any(|image| super::pull_secret::flaw(secret, image).is_none());
            (!is_for_another).then_some((name, flaw))
        });
        found.into_iter().next()
    }

    /// The registry wants other credentials than it got: which secret is at fault?
    pub(super) fn denied(&self) -> Cause {
        let world = self.container.world;
        // Docker Hub says this of what it does not have, whoever asks.
        let is_nowhere = self.name.registry == "docker.io"
            && ["insufficient_scope", "does not exist"].iter().any(|say| self.words.contains(say));
        if is_nowhere && let Some(cause) = self.misnamed() {
            return cause;
        }
        let usable = self.secret_names().into_iter().find(|name| {
            let secret = world.find("Secret", self.namespace(), name);
            secret.is_some_and(|secret| flaw(secret, &self.image).is_none())
        });
        if let Some(name) = usable.filter(|_| !is_nowhere) {
            return self.refused(name);
        }
        if let Some(name) = self.absent_secret() {
            return self.secret_missing(name);
        }
        match (self.flawed(), self.secret_names().first()) {
            (Some((name, flaw)), _) if usable.is_none() => self.unusable(name, &flaw),
            // The secret was not listed: that it is at fault is all that can be said.
            (None, Some(name)) if !world.knows("Secret") => self.refused(name),
            _ => self.no_credentials(),
        }
    }

    /// What the objects tell where nobody remembers the runtime's words.
    pub(super) fn without_words(&self) -> Option<Cause> {
        if let Some(secret) = self.absent_secret() {
            return Some(self.secret_missing(secret).likely());
        }
        let flawed = self.flawed().map(|(name, flaw)| self.unusable(name, &flaw));
        flawed.or_else(|| self.misnamed()).map(Cause::likely)
    }

    pub(super) fn secret_missing(&self, secret: &str) -> Cause {
        self.told(
            "PULL_SECRET_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!(
                "{} cannot pull from `{}`: its pull secret `{secret}` is not in namespace `{}`",
                called(self.container.pod),
                self.name.registry,
                self.namespace()
            ),
        )
        .maybe_because(self.container.world.elsewhere("Secret", self.namespace(), secret).map(
            |other| {
                (
                    format!("namespace {other}"),
                    "has a pull secret of this name; pods take those of their own namespace alone"
                        .to_owned(),
                )
            },
        ))
        .maybe_because(self.other_secret().map(|name| {
            (
                format!("namespace {}", self.namespace()),
                format!("has pull secret `{name}`, which is for this registry"),
            )
        }))
        .root("Secret", self.namespace(), secret)
        .fix(self.declare(secret))
    }

    /// A pull secret of the namespace that is for the image, and that the pod does not name.
    fn other_secret(&self) -> Option<&str> {
        let secrets = self.container.world.within("Secret", self.namespace());
        secrets
            .filter(|secret| read::text(secret, "/type").starts_with("kubernetes.io/dockerc"))
            .filter(|secret| secret.get("data").is_some() && flaw(secret, &self.image).is_none())
            .map(read::name)
            .find(|name| !self.secret_names().contains(name))
    }

    fn declare(&self, secret: &str) -> String {
        let (server, namespace) = (&self.name.registry, self.namespace());
        let login = if server.contains(".dkr.ecr.") {
            "ecr = true"
        } else {
            "username = \"...\"\npassword = \"${REGISTRY_PASSWORD}\""
        };
        format!(
            "declare it in mlup.toml, then mlup start:\n[[registry]]\nserver = \"{server}\"\nsecret = \"{secret}\"\nnamespaces = [\"{namespace}\"]\n{login}"
        )
    }

    fn unusable(&self, secret: &str, flaw: &str) -> Cause {
        self.told(
            "PULL_SECRET_UNUSABLE",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!(
                "pull secret `{secret}` in namespace `{}` gives nothing for `{}`: {flaw}",
                self.namespace(),
                self.name.registry
            ),
        )
        .root("Secret", self.namespace(), secret)
        .fix(self.declare(secret))
    }

    fn refused(&self, secret: &str) -> Cause {
        let Self { name, .. } = self;
        let aws = name.registry.contains(".dkr.ecr.");
        let is_forbidden = trouble(&self.words) == Trouble::Expired;
        let namespace = self.namespace();
        let (code, why) = match (aws, is_forbidden) {
            (true, true) => {
                ("PULL_TOKEN_EXPIRED", "its token has probably expired, as ECR's do after 12 hours")
            }
            (false, true) => (
                "PULL_CREDENTIALS_REFUSED",
                "its user may not pull this image (403), or its token has expired",
            ),
            _ => ("PULL_CREDENTIALS_REFUSED", "its user or password is not accepted"),
        };
        let refresh = CommandLine::tool("mlup").args(["creds", "refresh"]);
        let fix = if name.registry == "docker.io" {
            Fix::advice(format!(
                "correct the login of Docker Hub in secret `{secret}` in namespace `{namespace}`, or take `{}` out of it: without a login public images are pulled all the same",
                keyring::HUB
            ))
        } else if aws {
            let words = format!("renews secret `{secret}` in namespace `{namespace}`");
            Fix::run(refresh.comment(words))
        } else {
            Fix::advice(format!(
                "correct the `[[registry]]` in mlup.toml that makes secret `{secret}` in namespace `{namespace}`"
            ))
        };
        let cause = self.told(
            code,
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!(
                "registry `{}` refuses pull secret `{secret}` in namespace `{namespace}`: {why}",
                name.registry
            ),
        )
        .rule(refusal_of(&name.registry, Login::Given))
        .root("Secret", namespace, secret);
        Cause { fix: Some(fix), ..cause }
    }

    fn no_credentials(&self) -> Cause {
        let Self { image, name, .. } = self;
        if let Some(account) = self.account_with_secrets() {
            return self.older_than_account(account);
        }
        if let Some(other) = self.runs_elsewhere() {
            return self.not_shared(other);
        }
        if name.registry == "docker.io" {
            return self.nowhere_on_hub();
        }
        self.told(
            "PULL_CREDENTIALS_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!(
                "registry `{}` wants credentials for `{image}`, and {} names no pull secret for it",
                name.registry,
                called(self.container.pod)
            ),
        )
        .maybe_because(self.other_secret().map(|name| {
            (format!("namespace {}", self.namespace()), format!("has pull secret `{name}`, which is for this registry"))
        }))
        .rule(refusal_of(&name.registry, Login::None))
        .fix(format!(
            "declare `[[registry]] server = \"{}\", namespaces = [\"{}\"], service_accounts = [\"{}\"]` in mlup.toml, then mlup start, or name a pull secret in the pod's `imagePullSecrets`; either takes new pods",
            name.registry,
            self.namespace(),
            self.account()
        ))
    }

    /// A repository that Docker Hub shows to nobody, or not to this pod.
    fn nowhere_on_hub(&self) -> Cause {
        let image = &self.image;
        self.told(
            "PULL_CREDENTIALS_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!("Docker Hub has no image `{image}`, or does not show it to {}", called(self.container.pod)),
        )
        .rule("PULL-05")
        .fix(format!(
            "correct the name if `{image}` is misspelt; declare `[[image]] name = \"{image}\"` in mlup.toml if it is built here; `[[registry]] server = \"docker.io\", namespaces = [\"{}\"]` if it is private",
            self.namespace()
        ))
    }

    /// A pod that was made before its account got its pull secrets.
    fn older_than_account(&self, account: &str) -> Cause {
        let pod = self.container.pod;
        self.told(
            "PULL_CREDENTIALS_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!(
                "{} is older than the pull secrets of its service account `{account}`, and took none along",
                called(pod)
            ),
        )
        .because(format!("serviceaccount {account}"), &self.secrets_of(account))
        .rule("PULL-20")
        .run(self.new_pods())
    }

    fn secrets_of(&self, account: &str) -> String {
        let found = self.container.world.find("ServiceAccount", self.namespace(), account);
        let secrets = found.map(|found| read::list(found, "/imagePullSecrets")).unwrap_or_default();
        let names: Vec<&str> = secrets.iter().map(|secret| read::text(secret, "/name")).collect();
        format!("imagePullSecrets: {}", names.join(", "))
    }

    /// Makes pods that have what their service account has by now.
    fn new_pods(&self) -> CommandLine {
        let pod = self.container.pod;
        let line = match commands::workload(pod, self.container.world) {
            Some(workload) => commands::restart(workload),
            None => CommandLine::kubectl(self.namespace()).args(["delete", "pod", read::name(pod)]),
        };
        line.comment("new pods take the secrets along")
    }

    /// A pod with a pull secret that runs the same image on the same node.
    fn runs_elsewhere(&self) -> Option<&Value> {
        let pod = self.container.pod;
        let policy = self.container.spec().map(PullPolicy::of);
        if policy != Some(PullPolicy::IfNotPresent) {
            return None;
        }
        self.container.world.lender(read::text(pod, "/spec/nodeName"), &self.image)
    }

    /// An image that is on the node for pods with another secret alone (Kubernetes 1.35:
    /// `KubeletEnsureSecretPulledImages`).
    fn not_shared(&self, other: &Value) -> Cause {
        let secrets = read::list(other, "/spec/imagePullSecrets");
        let secret = secrets.first().map_or("", |secret| read::text(secret, "/name"));
        self.told(
            "PULL_CREDENTIALS_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!(
                "image `{}` is on the node for pods with its pull secret alone, and {} has none",
                self.image,
                called(self.container.pod)
            ),
        )
        .because(called(other), &format!("runs the same image with pull secret {secret}"))
        .rule("PULL-18")
        .fix(format!(
            "give the pods pull secret `{secret}` as well, in namespace `{}`",
            self.namespace()
        ))
    }
}

/// Whether a pod had a login for the registry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Login {
    Given,
    None,
}

/// The rule for a login that a registry does not accept, or misses.
fn refusal_of(registry: &str, login: Login) -> &'static str {
    let google = ["gcr.io", "pkg.dev"];
    match (registry, login) {
        ("docker.io", Login::Given) => "PULL-21",
        (azure, _) if azure.ends_with(".azurecr.io") => "PULL-03",
        (other, _) if google.iter().any(|end| other.ends_with(end)) => "PULL-04",
        (_, Login::Given) => "PULL-02",
        (_, Login::None) => "PULL-01",
    }
}
