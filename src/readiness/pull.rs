//! Why an image does not get onto a node, by what its runtime says. Where that is about credentials,
//! [`super::pull_access`] goes on.

use serde_json::Value;

use super::cause::{Cause, Finality, PullSource, Remedy};
use super::commands;
use super::pods::Container;
use super::pull_words::{Trouble, trouble};
use super::world;
use crate::manifest::images::{ImageName, PullPolicy};
use crate::manifest::read;
use crate::policy::Class;
use crate::quote::quote;

/// A pull that failed, with what the cause's words need.
pub(super) struct Pull<'c, 'w> {
    pub(super) container: &'c Container<'w>,
    pub(super) image: String,
    pub(super) name: ImageName,
    /// What the runtime said, if anybody remembers.
    pub(super) words: String,
}

/// Why a container's image is not there, if that is what it waits for.
pub(super) fn cause(container: &Container<'_>) -> Option<Cause> {
    let image =
        container.spec().map(|spec| read::text(spec, "/image")).unwrap_or_default().to_owned();
    let name = ImageName::parse(&image);
    match container.waits_for() {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => {
            let words = told_by_another(container).unwrap_or_else(|| words(container));
            let pull = Pull { container, image, name, words };
            Some(Cause { pull: Some(pull.source()), ..pull.cause()? })
        }
        "ErrImageNeverPull" if container.words().contains("proper auth") => {
            Some(lent_to_others(container, &image))
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
            .fix(if container.words().contains("must be lowercase") {
                format!("write the image in small letters: `{}`", image.to_lowercase())
            } else {
                "correct the image; a tag or a registry that comes from a variable may be empty"
                    .to_owned()
            }),
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

/// An image that was pulled with another pod's secret (Kubernetes 1.35 and later).
fn lent_to_others(container: &Container<'_>, image: &str) -> Cause {
    let cause = Cause::new(
        "PULL_CREDENTIALS_MISSING",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::PullSecret),
        format!(
            "image `{image}` is on the node for pods with its pull secret alone, and {} has none",
            container.called()
        ),
    );
    finish(container, cause).rule("PULL-18").fix(format!(
        "give the pod in namespace `{}` the pull secret that the image was pulled with",
        read::namespace(container.pod)
    ))
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
    let image = container.spec().map(|spec| read::text(spec, "/image")).unwrap_or_default();
    // Two containers of one image, or two replicas, are told the same, and not each by an event.
    let own = container.world.events(container.pod).filter_map(world::pull_failure);
    let own = own.filter(|(of, _)| *of == image).last().map(|(_, why)| why);
    let near = || container.world.said_of_image(read::namespace(container.pod), image);
    let throttled = || container.events("Failed").map(world::message).find_map(throttled);
    own.or_else(throttled).or_else(near).unwrap_or_default().to_owned()
}

/// A pull that waits for others.
fn throttled(message: &str) -> Option<&str> {
    message.contains("pull QPS exceeded").then_some(message)
}

/// What the node says of the same container in another pod of the same owner, where of this one it
/// says only that it pulls too much at once.
fn told_by_another(container: &Container<'_>) -> Option<String> {
    if trouble(&words(container)) != Trouble::Throttled {
        return None;
    }
    let owner = read::list(container.pod, "/metadata/ownerReferences").first()?;
    let Container { world, is_init, .. } = *container;
    let list = if is_init { "/status/initContainerStatuses" } else { "/status/containerStatuses" };
    world.owned("Pod", read::text(owner, "/uid")).find_map(|pod| {
        let mut statuses = read::list(pod, list).iter();
        let status = statuses.find(|one| read::text(one, "/name") == container.name())?;
        let other = Container { pod, world, status, is_init };
        let is_pulling = ["ErrImagePull", "ImagePullBackOff"].contains(&other.waits_for());
        let words = if is_pulling { words(&other) } else { String::new() };
        (!words.is_empty() && trouble(&words) != Trouble::Throttled).then_some(words)
    })
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
            ).root("Registry", "", registry).fix(format!("declare a `[[registry]]` for {registry} in mlup.toml with an account, or wait until the limit is over")),
            Trouble::PlainHttp => self.told(
                "REGISTRY_PLAIN_HTTP",
                Class::Prerequisite,
                Finality::Fatal,
                format!("registry `{registry}` speaks plain HTTP, and the node asks it by HTTPS"),
            ).root("Registry", "", registry).fix(format!("let the nodes take {registry} as an insecure registry, or give it a certificate")),
            Trouble::Certificate => self.certificate(),
            Trouble::Unreachable => self.told(
                "REGISTRY_UNREACHABLE",
                Class::Transient,
                Finality::Transient,
                format!("the node does not reach registry `{registry}`"),
            ).root("Registry", "", registry).fix(format!("check name and address of {registry} from the node: name service, proxy, firewall")),
            Trouble::NotFound => self.not_found(),
            Trouble::Outage => self.told(
                "REGISTRY_UNREACHABLE",
                Class::Transient,
                Finality::Transient,
                format!("registry `{registry}` is out of order"),
            ).root("Registry", "", registry).fix(format!("wait until {registry} answers again; the node goes on asking")),
            Trouble::Expired | Trouble::Denied => self.denied(),
            Trouble::Unknown if self.words.is_empty() => {
                self.without_words().unwrap_or_else(|| self.unknown())
            }
            Trouble::Unknown => self.unknown(),
        };
        Some(cause.affecting(self.container.pod))
    }

    fn certificate(&self) -> Cause {
        let registry = &self.name.registry;
        let (why, fix) = if self.words.contains("certificate is valid for") {
            (
                "is for another name",
                format!(
                    "give {registry} a certificate for this name, or name the registry as its certificate does"
                ),
            )
        } else if self.words.contains("expired or is not yet valid") {
            (
                "is out of date",
                format!("renew the certificate of {registry}, and look at the clock of the node"),
            )
        } else {
            (
                "is of an authority that the node does not know",
                format!("give the nodes the certificate authority of {registry}"),
            )
        };
        let told = self.told(
            "REGISTRY_CERTIFICATE",
            Class::Prerequisite,
            Finality::Fatal,
            format!("the node does not trust registry `{registry}`: its certificate {why}"),
        );
        told.root("Registry", "", registry).fix(fix)
    }

    fn source(&self) -> PullSource {
        PullSource {
            namespace: self.namespace().to_owned(),
            image: self.image.clone(),
            secrets: self.secret_names().into_iter().map(str::to_owned).collect(),
        }
    }

    /// A cause with the runtime's words as evidence.
    pub(super) fn told(
        &self,
        code: &'static str,
        class: Class,
        finality: Finality,
        summary: String,
    ) -> Cause {
        Cause::new(code, class, finality, summary).because(self.container.source(), &self.words)
    }

    fn unknown(&self) -> Cause {
        let tail = self.words.rsplit(": ").next().unwrap_or_default();
        let tail = if tail.is_empty() { "the cluster no longer says why" } else { tail };
        let summary = format!("image `{}` could not be pulled: {tail}", self.image);
        let cause =
            self.told("PULL_FAILED", Class::Permanent, Finality::Transient, summary).likely();
        if self.words.contains("manifest.v1+prettyjws") {
            return cause.rule("PULL-17").fix(format!(
                "push `{}` anew with a current Docker (docker buildx build --push): the node's containerd takes no manifest of schema 1 any more",
                self.image
            ));
        }
        let broken = [
            "no space left on device",
            "unexpected commit digest",
            "unexpected EOF",
            "short read",
            "failed to extract layer",
            "failed size validation",
        ];
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

    pub(super) fn namespace(&self) -> &str {
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
        if let Some(cause) = self.vanished() {
            return cause;
        }
        let cause = self.told(
            "IMAGE_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Image),
            format!("image `{image}` is not in registry `{}`", name.registry),
        );
        if let Some(cause) = self.near_name() {
            return cause;
        }
        if let Some(account) = name.registry.strip_suffix(".amazonaws.com") {
            let region = account.rsplit('.').next().unwrap_or_default();
            return cause.fix(format!(
                "push `{image}`, or name a tag that exists; if the repository is missing: aws ecr create-repository --region {region} --repository-name {}",
                quote(&name.repository)
            ));
        }
        let other = if image.contains('@') { "a digest or tag" } else { "a tag" };
        cause.fix(format!("push `{image}`, or name {other} that exists"))
    }

    /// What is wrong with the image's name itself, whatever credentials the pod has.
    pub(super) fn misnamed(&self) -> Option<Cause> {
        self.vanished().or_else(|| self.near_name()).or_else(|| self.local_only())
    }

    /// An image that its makers took from Docker Hub.
    fn vanished(&self) -> Option<Cause> {
        let Self { image, name, .. } = self;
        if name.registry != "docker.io" {
            return None;
        }
        let fix = if let Some(rest) = name.repository.strip_prefix("bitnami/") {
            format!(
                "name `bitnamilegacy/{rest}` instead: the bitnami images were moved there in 2025"
            )
        } else {
            let rest = name.repository.strip_prefix("minio/")?;
            format!(
                "name `quay.io/minio/{rest}` instead: MinIO's images were taken from Docker Hub in 2026"
            )
        };
        let cause = self.told(
            "IMAGE_MISSING",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Image),
            format!("image `{image}` is no longer in registry `{}`", name.registry),
        );
        Some(cause.rule("PULL-12").fix(fix))
    }

    /// An image without a registry in its name that Docker Hub does not have: one that was built
    /// here.
    fn local_only(&self) -> Option<Cause> {
        let Self { image, name, .. } = self;
        if name.has_host || !name.repository.starts_with("library/") {
            return None;
        }
        let policy = self.container.spec().map(PullPolicy::of);
        let always = if policy == Some(PullPolicy::Always) {
            ", which its pull policy Always asks each time,"
        } else {
            ""
        };
        let cause = self.told(
            "IMAGE_NOT_ON_NODE",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Image),
            format!(
                "image `{image}` is not on the node, and Docker Hub{always} has none of this name"
            ),
        );
        let policy =
            if always.is_empty() { "" } else { ", and set `imagePullPolicy: IfNotPresent`" };
        Some(cause.rule("PULL-11").fix(format!("{}{policy}", load(image))))
    }

    /// An image on a node whose name only has something put before it: compose names what it
    /// builds after its project.
    fn near_name(&self) -> Option<Cause> {
        let Self { image, name, .. } = self;
        let short = name.repository.strip_prefix("library/").filter(|_| !name.has_host)?;
        let nodes = self.container.world.all("Node").iter();
        let near = nodes
            .flat_map(|node| read::list(node, "/status/images"))
            .flat_map(|image| read::list(image, "/names"))
            .filter_map(Value::as_str)
            .find(|known| {
                let known = ImageName::parse(known);
                known.registry == "docker.io"
                    && known.tag.as_deref() == Some(name.tag.as_deref().unwrap_or("latest"))
                    && known.repository.strip_prefix("library/").is_some_and(|other| {
                        other.strip_suffix(short).is_some_and(|lead| lead.ends_with(['-', '_']))
                    })
            })?;
        let near = near.strip_prefix("docker.io/library/").unwrap_or(near);
        let cause = self.told(
            "IMAGE_NOT_ON_NODE",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Image),
            format!("image `{image}` is nowhere, and the node has `{near}`: its name lacks what compose put before it"),
        );
        Some(cause.rule("PULL-13").fix(format!(
            "name `{near}` in what is deployed, or docker tag {} {}",
            quote(near),
            quote(image)
        )))
    }
}
