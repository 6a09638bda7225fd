//! What registries and this machine's images add to the cause of a failed pull: an expired token, a
//! missing permission and a missing tag look alike to a node. Asking is the step's.

use serde::{Deserialize, Serialize};

use super::cause::{Cause, PullSource};
use crate::config::suggest::nearest;
use crate::event::CommandLine;
use crate::manifest::images::ImageName;

/// Who says it: this machine, which a node need not resemble.
const SOURCE: &str = "registry, asked from this machine";

/// Most tags that are named where none is near.
const SHOWN: usize = 5;

/// What a registry said of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It may be pulled, on these platforms; none where they are not known.
    There(Vec<String>),
    /// There is no such image: the registry's words, and the tags that the repository has.
    Missing(String, Vec<String>),
    /// It may not be pulled so; the registry's words.
    Denied(String),
}

/// What was asked about one image, with which login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// With what the pod's pull secrets hold.
    pub as_pod: Option<Said>,
    /// With a fresh password of the `[[registry]]` of mlup.toml.
    pub fresh: Option<Said>,
    /// Without a login.
    pub open: Option<Said>,
    /// Images of this machine of the same or a similar name, the same first.
    pub local: Vec<String>,
}

impl Answers {
    /// Every text that a registry wrote.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let said = [&mut self.as_pod, &mut self.fresh, &mut self.open];
        said.into_iter().flatten().flat_map(Said::texts)
    }
}

impl Said {
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::There(_) => Vec::new(),
            Self::Missing(words, tags) => std::iter::once(words).chain(tags).collect(),
            Self::Denied(words) => vec![words],
        }
    }
}

/// The cause with what the answers add; the node's own word stays where they add nothing.
#[must_use]
pub fn with_answers(cause: Cause, answers: &Answers) -> Cause {
    let Some(pull) = cause.pull.clone() else { return cause };
    let name = ImageName::parse(&pull.image);
    let best = answers.fresh.as_ref().or(answers.open.as_ref()).or(answers.as_pod.as_ref());
    match (cause.code, best) {
        ("REGISTRY_UNREACHABLE" | "REGISTRY_CERTIFICATE", Some(_)) => cause.because(
            SOURCE,
            &format!("{} answers here: what differs is on the node's way to it", name.registry),
        ),
        ("IMAGE_PLATFORM", Some(Said::There(has))) if !has.is_empty() => {
            cause.because(SOURCE, &format!("it has {}", has.join(", ")))
        }
        ("IMAGE_MISSING" | "IMAGE_NOT_ON_NODE", _) => missing(cause, &pull, best, &answers.local),
        ("PULL_FAILED", Some(Said::Missing(..))) => absent(cause, &pull, best),
        (code, Some(_)) if code == "PULL_FAILED" || code.starts_with("PULL_") => {
            login(cause, &pull, answers)
        }
        _ => cause,
    }
}

/// A login that the node had, or lacked: is it that, is it the permission, or is nothing there?
fn login(cause: Cause, pull: &PullSource, answers: &Answers) -> Cause {
    match (&answers.as_pod, &answers.fresh, &answers.open) {
        (_, Some(Said::Missing(..)), _) => absent(cause, pull, answers.fresh.as_ref()),
        (_, None, Some(Said::Missing(..))) => absent(cause, pull, answers.open.as_ref()),
        (_, Some(Said::Denied(words)), _) => no_permission(cause, pull, words),
        (Some(Said::There(_)), _, _) => cause
            .because(SOURCE, "it takes the pull secret as it is now: the next try pulls the image"),
        (Some(Said::Denied(_)), _, Some(Said::There(_))) => public(cause, pull),
        (as_pod, Some(Said::There(_)), _) => renewable(cause, as_pod.as_ref()),
        (Some(Said::Denied(words)), None, _) => {
            cause.because(SOURCE, &format!("it refuses the pull secret now, too: {words}"))
        }
        _ => cause,
    }
}

/// A fresh password may do it: what the pod has is old.
fn renewable(mut cause: Cause, as_pod: Option<&Said>) -> Cause {
    if matches!(as_pod, Some(Said::Denied(_))) {
        cause = cause.because(SOURCE, "it refuses the pull secret, and takes a fresh password");
        cause.summary = cause.summary.replace("has probably expired", "has expired");
    } else {
        cause = cause.because(SOURCE, "with a fresh password the image may be pulled");
    }
    if cause.code == "PULL_CREDENTIALS_REFUSED" {
        cause = cause.run(CommandLine::tool("mlup").args(["creds", "refresh", "--force"]));
    }
    cause
}

/// Everybody may pull the image, only not with the wrong login: a kubelet never goes without one
/// that it has.
fn public(mut cause: Cause, pull: &PullSource) -> Cause {
    let registry = ImageName::parse(&pull.image).registry;
    cause.summary = format!(
        "image `{}` is open to all, and the pull secret's login for `{registry}` is refused",
        pull.image
    );
    cause
        .because(SOURCE, "it gives the image without a login, and refuses the one of the secret")
        .rule("PULL-21")
        .fix(format!("take `{registry}` out of the pull secret, or correct its login"))
}

/// A fresh login is refused as well: renewing helps nobody.
fn no_permission(mut cause: Cause, pull: &PullSource, words: &str) -> Cause {
    let name = ImageName::parse(&pull.image);
    let registry = &name.registry;
    let rule = match registry.as_str() {
        azure if azure.ends_with(".azurecr.io") => "PULL-03",
        google if google.ends_with("gcr.io") || google.ends_with(".pkg.dev") => "PULL-04",
        _ => "PULL-02",
    };
    cause.summary = format!(
        "registry `{registry}` does not let the login of mlup.toml pull `{}`, fresh as it is",
        pull.image
    );
    let fix = match rule {
        "PULL-03" => format!("give the identity of the login the role AcrPull on {registry}"),
        "PULL-04" => "give the identity of the login the role roles/artifactregistry.reader".into(),
        _ if registry.contains(".dkr.ecr.") => format!(
            "allow the identity ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on repository \
             `{}`; across accounts the repository's policy has to allow it, too",
            name.repository
        ),
        _ => format!(
            "let the user of the `[[registry]]` pull `{}`, or correct its password",
            name.repository
        ),
    };
    cause.because(SOURCE, words).rule(rule).fix(fix).by_hand()
}

/// Not there, whatever the login.
fn absent(mut cause: Cause, pull: &PullSource, said: Option<&Said>) -> Cause {
    cause.code = "IMAGE_MISSING";
    // No secret is at fault: who names the image is.
    cause.root = None;
    cause.summary = format!(
        "image `{}` is not in registry `{}`",
        pull.image,
        ImageName::parse(&pull.image).registry
    );
    missing(cause.rule("PULL-06"), pull, said, &[])
}

/// An image that the node did not find: what is near it, in the registry and here?
fn missing(cause: Cause, pull: &PullSource, said: Option<&Said>, local: &[String]) -> Cause {
    let name = ImageName::parse(&pull.image);
    let is_same = |other: &String| ImageName::parse(other).is_same(&name);
    match (said, local.first()) {
        (_, Some(own)) if is_same(own) => cause
            .because("docker image ls", &format!("{own} is on this machine"))
            .rule("PULL-11")
            .fix(format!(
                "declare `[[image]] name = \"{}\"` in mlup.toml, and set `imagePullPolicy: IfNotPresent`",
                pull.image
            )),
        (_, Some(near)) if !name.has_host => cause
            .because("docker image ls", &format!("this machine has {}", local.join(", ")))
            .rule("PULL-13")
            .run(
                CommandLine::tool("docker")
                    .args(["tag", near, &pull.image])
                    .comment("then declare it as `[[image]]` in mlup.toml"),
            ),
        (Some(Said::There(_)), _) => cause
            .because(SOURCE, "it is there now: the next try pulls it, unless the node asks a mirror")
            .fix("wait for the next try, at most 5 minutes; it was pushed after the last one"),
        (Some(Said::Missing(words, tags)), _) => {
            cause.because(SOURCE, words).fix(existing(&pull.image, &name, tags))
        }
        _ => cause,
    }
}

/// What to do about a tag that is not there: the nearest that is, else those that are.
fn existing(image: &str, name: &ImageName, tags: &[String]) -> String {
    let wanted = name.tag.as_deref().unwrap_or("latest");
    let others: Vec<&str> = tags.iter().map(String::as_str).take(SHOWN).collect();
    match (nearest(wanted, tags), others.as_slice()) {
        (Some(tag), _) => {
            let before = image.strip_suffix(&format!(":{wanted}")).unwrap_or(image);
            format!("name the tag that exists, `{before}:{tag}`, or push `{image}`")
        }
        (None, []) => format!("push `{image}`, or correct its name"),
        (None, others) => {
            format!("push `{image}`, or name a tag that exists: {}", others.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cause::Finality;
    use super::*;
    use crate::policy::Class;

    const ECR: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1";

    fn refused(code: &'static str, image: &str) -> Cause {
        let mut cause = Cause::new(
            code,
            Class::Prerequisite,
            Finality::Transient,
            "registry refuses `pull`: its token has probably expired",
        )
        .root("Secret", "shop", "pull")
        .fix("mlup creds refresh");
        cause.pull = Some(PullSource {
            namespace: "shop".to_owned(),
            image: image.to_owned(),
            secrets: vec!["pull".to_owned()],
        });
        cause
    }

    fn there() -> Said {
        Said::There(Vec::new())
    }

    fn denied() -> Said {
        Said::Denied("status 403, DENIED".to_owned())
    }

    fn gone(tags: &[&str]) -> Said {
        let tags = tags.iter().map(ToString::to_string).collect();
        Said::Missing("status 404".to_owned(), tags)
    }

    fn fix(cause: &Cause) -> &str {
        &cause.fix.as_ref().unwrap().command
    }

    #[test]
    fn an_expired_token_a_missing_permission_and_a_missing_tag_are_told_apart() {
        let expired = |answers| with_answers(refused("PULL_TOKEN_EXPIRED", ECR), &answers);
        let old =
            expired(Answers { as_pod: Some(denied()), fresh: Some(there()), ..Answers::default() });
        assert!(old.summary.ends_with("its token has expired"), "{old:?}");
        assert_eq!((old.rule, fix(&old)), (None, "mlup creds refresh"));

        let barred = expired(Answers {
            as_pod: Some(denied()),
            fresh: Some(denied()),
            ..Answers::default()
        });
        assert!(barred.summary.contains("fresh as it is"), "{barred:?}");
        assert_eq!((barred.rule, barred.is_by_hand), (Some("PULL-02"), true));
        assert!(fix(&barred).contains("ecr:BatchGetImage"), "{barred:?}");

        let absent = expired(Answers {
            as_pod: Some(denied()),
            fresh: Some(gone(&["v2"])),
            ..Answers::default()
        });
        assert_eq!(
            (absent.rule, absent.code, &absent.root),
            (Some("PULL-06"), "IMAGE_MISSING", &None)
        );
        assert!(fix(&absent).ends_with("a tag that exists: v2"), "{absent:?}");
    }

    #[test]
    fn who_has_to_give_a_permission_depends_on_the_registry() {
        for (image, rule, words) in [
            ("shop.azurecr.io/api:1", "PULL-03", "AcrPull"),
            ("europe-docker.pkg.dev/p/r/api:1", "PULL-04", "artifactregistry.reader"),
            ("registry.example:5000/api:1", "PULL-02", "let the user"),
        ] {
            let answers = Answers { fresh: Some(denied()), ..Answers::default() };
            let told = with_answers(refused("PULL_CREDENTIALS_REFUSED", image), &answers);
            assert_eq!(told.rule, Some(rule), "{image}");
            assert!(fix(&told).contains(words), "{told:?}");
        }
    }

    #[test]
    fn a_secret_that_hinders_or_is_good_by_now_is_told() {
        let open = Answers { as_pod: Some(denied()), open: Some(there()), ..Answers::default() };
        let told = with_answers(refused("PULL_CREDENTIALS_REFUSED", "acme/web:1"), &open);
        assert_eq!(told.rule, Some("PULL-21"));
        let renewed = Answers { as_pod: Some(there()), ..Answers::default() };
        let told = with_answers(refused("PULL_TOKEN_EXPIRED", ECR), &renewed);
        assert!(told.evidence[0].text.contains("as it is now"), "{told:?}");
    }

    #[test]
    fn without_the_nodes_words_the_registry_says_what_it_is() {
        let answers = Answers { open: Some(gone(&[])), ..Answers::default() };
        let told = with_answers(refused("PULL_FAILED", "ghcr.io/acme/web:1"), &answers);
        assert_eq!((told.code, told.rule), ("IMAGE_MISSING", Some("PULL-06")));
    }

    #[test]
    fn images_of_this_machine_explain_names_that_no_registry_has() {
        for (image, local, rule) in [
            ("eval:latest", "eval:latest", "PULL-11"),
            ("eval:latest", "flts-main-eval:latest", "PULL-13"),
        ] {
            let answers = Answers { local: vec![local.to_owned()], ..Answers::default() };
            let told = with_answers(refused("IMAGE_NOT_ON_NODE", image), &answers);
            assert_eq!(told.rule, Some(rule), "{local}");
            assert!(told.evidence[0].text.contains(local), "{told:?}");
        }
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        for code in ["PULL_TOKEN_EXPIRED", "IMAGE_MISSING", "PULL_FAILED", "RATE_LIMITED"] {
            let cause = refused(code, ECR);
            assert_eq!(with_answers(cause.clone(), &Answers::default()), cause);
        }
        let blind = Answers { open: Some(denied()), ..Answers::default() };
        let cause = refused("PULL_TOKEN_EXPIRED", ECR);
        assert_eq!(with_answers(cause.clone(), &blind), cause);
    }
}
