//! Why an image does not get onto a node. The runtimes say "401 Unauthorized" for a missing secret,
//! a wrong one and a wrong password alike: which it is, the objects tell.

use serde_json::Value;

use super::cause::{Cause, Finality, PullSource, Remedy};
use super::commands;
use super::pods::Container;
use super::pull_secret::flaw;
use super::pull_words::{Trouble, trouble};
use super::workload::called;
use super::world;
use crate::event::{CommandLine, Fix};
use crate::manifest::images::ImageName;
use crate::manifest::read;
use crate::policy::Class;

/// A pull that failed, with what the cause's words need.
struct Pull<'c, 'w> {
    container: &'c Container<'w>,
    image: String,
    name: ImageName,
    /// What the runtime said, if anybody remembers.
    words: String,
}

/// Why a container's image is not there, if that is what it waits for.
pub(super) fn cause(container: &Container<'_>) -> Option<Cause> {
    let image =
        container.spec().map(|spec| read::text(spec, "/image")).unwrap_or_default().to_owned();
    let name = ImageName::parse(&image);
    match container.waits_for() {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => {
            let pull = Pull { words: words(container), container, image, name };
            Some(Cause { pull: Some(pull.source()), ..pull.cause()? })
        }
        "ErrImageNeverPull" => Some(
            finish(
                container,
                Cause::new(
                    "IMAGE_NOT_ON_NODE",
                    Class::Prerequisite,
                    Finality::CurableBy(Remedy::Image),
                    format!(
                        "image `{image}` is not on the node, and the pull policy of {} is Never",
                        container.called()
                    ),
                ),
            )
            .fix(load(&image)),
        ),
        "InvalidImageName" => Some(
            finish(
                container,
                Cause::new(
                    "IMAGE_NAME_INVALID",
                    Class::Config,
                    Finality::Fatal,
                    format!("`{image}` is no image name, in {}", container.called()),
                ),
            )
            .fix("correct the image; a tag or a registry that comes from a variable may be empty"),
        ),
        "ImageInspectError" | "SignatureValidationFailed" => Some(finish(
            container,
            Cause::new(
                "PULL_FAILED",
                Class::Permanent,
                Finality::Transient,
                format!("the node cannot use image `{image}` ({})", container.waits_for()),
            ),
        )),
        _ => None,
    }
}

fn load(image: &str) -> String {
    format!("declare `[[image]] name = \"{image}\"` in mlup.toml, which puts it on the node")
}

/// What the runtime said: in the status since Kubernetes 1.32, else in the last event.
fn words(container: &Container<'_>) -> String {
    let status = container.words();
    let status = status.split_once("ErrImagePull: ").map_or(status, |(_, cause)| cause);
    if !status.is_empty() && !status.starts_with("Back-off pulling image") {
        return status.to_owned();
    }
    container
        .events("Failed")
        .map(world::message)
        .filter(|message| message.starts_with("Failed to pull image"))
        .last()
        .map(|message| message.split_once("\": ").map_or(message, |(_, cause)| cause).to_owned())
        .unwrap_or_default()
}

fn finish(container: &Container<'_>, cause: Cause) -> Cause {
    cause.because(container.source(), container.words()).affecting(container.pod)
}

impl Pull<'_, '_> {
    fn cause(&self) -> Option<Cause> {
        let Self { image, name, .. } = self;
        let registry = &name.registry;
        let cause = match trouble(&self.words) {
            Trouble::Throttled => return None,
            Trouble::Platform => self.platform(),
            Trouble::RateLimit => self.told(
                "RATE_LIMITED",
                Class::Prerequisite,
                Finality::Transient,
                format!("the rate limit of registry `{registry}` stops the pull of `{image}`"),
            ).fix(format!("declare a `[[registry]]` for {registry} in mlup.toml with an account, or wait until the limit is over")),
            Trouble::PlainHttp => self.told(
                "REGISTRY_PLAIN_HTTP",
                Class::Prerequisite,
                Finality::Fatal,
                format!("registry `{registry}` speaks plain HTTP, and the node asks it by HTTPS"),
            ).root("Registry", "", registry).fix(format!("let the nodes take {registry} as an insecure registry, or give it a certificate")),
            Trouble::Certificate => self.told(
                "REGISTRY_CERTIFICATE",
                Class::Prerequisite,
                Finality::Fatal,
                format!("the node does not trust the certificate of registry `{registry}`"),
            ).root("Registry", "", registry).fix(format!("give the nodes the certificate authority of {registry}")),
            Trouble::Unreachable => self.told(
                "REGISTRY_UNREACHABLE",
                Class::Transient,
                Finality::Transient,
                format!("the node does not reach registry `{registry}`"),
            ).root("Registry", "", registry).fix(format!("check name and address of {registry} from the node: name service, proxy, firewall")),
            Trouble::NotFound => self.not_found(),
            Trouble::Expired | Trouble::Denied => self.denied(),
            Trouble::Unknown => match self.absent_secret() {
                Some(secret) if self.words.is_empty() => self.secret_missing(secret),
                _ => self.unknown(),
            },
        };
        Some(cause.affecting(self.container.pod))
    }

    fn source(&self) -> PullSource {
        PullSource {
            namespace: self.namespace().to_owned(),
            image: self.image.clone(),
            secrets: self.secret_names().into_iter().map(str::to_owned).collect(),
        }
    }

    /// A cause with the runtime's words as evidence.
    fn told(&self, code: &'static str, class: Class, finality: Finality, summary: String) -> Cause {
        Cause::new(code, class, finality, summary).because(self.container.source(), &self.words)
    }

    fn unknown(&self) -> Cause {
        let tail = self.words.rsplit(": ").next().unwrap_or_default();
        let tail = if tail.is_empty() { "the cluster no longer says why" } else { tail };
        let summary = format!("image `{}` could not be pulled: {tail}", self.image);
        let cause = self.told("PULL_FAILED", Class::Permanent, Finality::Transient, summary);
        if self.words.contains("manifest.v1+prettyjws") {
            return cause.rule("PULL-17").fix(format!(
                "push `{}` anew with a current Docker: the node's containerd takes no manifest of schema 1 any more",
                self.image
            ));
        }
        let broken = ["no space left on device", "unexpected commit digest", "unexpected EOF"];
        if let Some(words) = broken.iter().find(|words| self.words.contains(*words)) {
            let full = *words == broken[0];
            return cause.rule("PULL-22").fix(if full {
                "free space on the node: docker system df, then docker builder prune"
            } else {
                "try again; a proxy or the link to the registry cuts the download short"
            });
        }
        cause.run(commands::describe(self.container.pod))
    }

    fn namespace(&self) -> &str {
        read::namespace(self.container.pod)
    }

    fn platform(&self) -> Cause {
        let architecture = self.container.world.architecture(self.container.pod);
        let platform = format!("linux/{}", architecture.as_deref().unwrap_or("amd64"));
        self.told(
            "IMAGE_PLATFORM",
            Class::Permanent,
            Finality::CurableBy(Remedy::Image),
            format!("image `{}` does not exist for the node's platform {platform}", self.image),
        )
        .run(commands::build(&platform, &self.image))
    }

    fn not_found(&self) -> Cause {
        let Self { image, name, .. } = self;
        let cause = self.told(
            "IMAGE_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Image),
            format!("image `{image}` is not in registry `{}`", name.registry),
        );
        if !name.has_host && name.repository.starts_with("library/") {
            return cause.rule("PULL-11").fix(load(image));
        }
        match name.repository.strip_prefix("bitnami/").filter(|_| name.registry == "docker.io") {
            Some(rest) => cause.rule("PULL-12").fix(format!(
                "name `bitnamilegacy/{rest}` instead: the bitnami images were moved there in 2025"
            )),
            None => cause.fix(format!("push `{image}`, or name a tag that exists")),
        }
    }

    /// The names of the secrets that the pod takes credentials from.
    fn secret_names(&self) -> Vec<&str> {
        let secrets = read::list(self.container.pod, "/spec/imagePullSecrets").iter();
        secrets.map(|secret| read::text(secret, "/name")).filter(|name| !name.is_empty()).collect()
    }

    fn absent_secret(&self) -> Option<&str> {
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

    /// The pod's service account, if it names pull secrets that the pod has not.
    fn account_with_secrets(&self) -> Option<&str> {
        let pod = self.container.pod;
        let name = match read::text(pod, "/spec/serviceAccountName") {
            "" => "default",
            name => name,
        };
        let account = self.container.world.find("ServiceAccount", self.namespace(), name)?;
        let named = !read::list(account, "/imagePullSecrets").is_empty();
        (named && self.secret_names().is_empty()).then_some(name)
    }

    /// Makes pods that have what their service account has by now.
    fn new_pods(&self) -> CommandLine {
        let pod = self.container.pod;
        match commands::workload(pod, self.container.world) {
            Some(workload) => commands::restart(workload),
            None => CommandLine::kubectl(self.namespace()).args(["delete", "pod", read::name(pod)]),
        }
    }

    /// The registry wants other credentials than it got: which secret is at fault?
    fn denied(&self) -> Cause {
        let world = self.container.world;
        let secrets: Vec<(&str, Option<&Value>)> = self
            .secret_names()
            .into_iter()
            .map(|name| (name, world.find("Secret", self.namespace(), name)))
            .collect();
        let usable = secrets
            .iter()
            .find(|(_, secret)| secret.is_some_and(|secret| flaw(secret, &self.image).is_none()));
        if let Some((name, _)) = usable {
            return self.refused(name);
        }
        if let Some(name) = self.absent_secret() {
            return self.secret_missing(name);
        }
        let flawed =
            secrets.iter().find_map(|(name, secret)| Some((name, flaw((*secret)?, &self.image)?)));
        match (flawed, secrets.first()) {
            (Some((name, flaw)), _) => self.unusable(name, &flaw),
            // The secret was not listed: that it is at fault is all that can be said.
            (None, Some((name, _))) => self.refused(name),
            (None, None) => self.no_credentials(),
        }
    }

    fn secret_missing(&self, secret: &str) -> Cause {
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
        .root("Secret", self.namespace(), secret)
        .fix(self.declare(secret))
    }

    fn declare(&self, secret: &str) -> String {
        format!(
            "declare `[[registry]] server = \"{}\", secret = \"{secret}\", namespaces = [\"{}\"]` in mlup.toml, then mlup start",
            self.name.registry,
            self.namespace()
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
        let aws = name.registry.contains(".dkr.ecr.") && trouble(&self.words) == Trouble::Expired;
        let namespace = self.namespace();
        let (code, why) = if aws {
            ("PULL_TOKEN_EXPIRED", "its token has probably expired, as ECR's do after 12 hours")
        } else {
            ("PULL_CREDENTIALS_REFUSED", "its user or password is not accepted")
        };
        let refresh = CommandLine::tool("mlup").args(["creds", "refresh"]);
        let fix = if aws {
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
        .rule(refusal_of(&name.registry, aws))
        .root("Secret", namespace, secret);
        Cause { fix: Some(fix), ..cause }
    }

    fn no_credentials(&self) -> Cause {
        let Self { image, name, .. } = self;
        if let Some(account) = self.account_with_secrets() {
            return self
                .told(
                    "PULL_CREDENTIALS_MISSING",
                    Class::Prerequisite,
                    Finality::CurableBy(Remedy::PullSecret),
                    format!(
                        "{} is older than the pull secrets of its service account `{account}`, and took none along",
                        called(self.container.pod)
                    ),
                )
                .rule("PULL-20")
                .run(self.new_pods());
        }
        if !name.has_host && name.repository.starts_with("library/") {
            return self
                .told(
                    "IMAGE_NOT_ON_NODE",
                    Class::Prerequisite,
                    Finality::CurableBy(Remedy::Image),
                    format!(
                        "image `{image}` is not on the node, and Docker Hub has none of this name"
                    ),
                )
                .rule("PULL-11")
                .fix(load(image));
        }
        self.told(
            "PULL_CREDENTIALS_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::PullSecret),
            format!("registry `{}` wants credentials for `{image}`, and {} names no pull secret", name.registry, called(self.container.pod)),
        )
        .rule(match name.registry.as_str() {
            "docker.io" => "PULL-05",
            registry => refusal_of(registry, false),
        })
        .fix(format!(
            "declare `[[registry]] server = \"{}\", namespaces = [\"{}\"], service_accounts = [...]` in mlup.toml",
            name.registry, self.namespace()
        ))
    }
}

/// The rule for a login that a registry does not accept.
fn refusal_of(registry: &str, expired: bool) -> &'static str {
    let google = ["gcr.io", "pkg.dev"];
    match registry {
        _ if expired => "PULL-02",
        "docker.io" => "PULL-21",
        azure if azure.ends_with(".azurecr.io") => "PULL-03",
        other if google.iter().any(|end| other.ends_with(end)) => "PULL-04",
        _ => "PULL-02",
    }
}
