//! What the probe makes of the answers of a real registry.

use std::time::Duration;

use mlup::host::registry::{Depth, Login, Question, Verdict, ask};
use mlup::manifest::images::ImageName;
use mlup::manifest::platform::Platform;
use mlup::redact::Secret;

use crate::support::registry::{GUEST, GUEST_PASSWORD, PASSWORD, Registry, USER};

const RIGHT: Option<(&str, &str)> = Some((USER, PASSWORD));

/// What a registry says of an image to who logs in so.
fn asked(image: &str, login: Option<(&str, &str)>, depth: Depth) -> Verdict {
    let login = login.map(|(user, password)| Login {
        username: user.to_owned(),
        password: Secret::new(password),
    });
    let limit = Duration::from_secs(60);
    let question = Question { image: ImageName::parse(image), login, depth, limit };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask(&question))
}

fn platforms(image: &str) -> Verdict {
    asked(image, RIGHT, Depth::Platforms)
}

fn found(platforms: &[&str]) -> Verdict {
    Verdict::Found(platforms.iter().map(|platform| Platform::parse(platform)).collect())
}

/// What both kinds of registries say alike.
fn says_what_it_has(registry: &Registry) {
    let single = registry.push_empty("team/api:1", "linux/arm64");
    let list = registry.push_index("team/web:1", &["linux/amd64", "linux/arm/v7", "linux/arm64"]);
    assert_eq!(platforms(&single), found(&["linux/arm64"]));
    assert_eq!(platforms(&list), found(&["linux/amd64", "linux/arm/v7", "linux/arm64"]));
    assert_eq!(asked(&list, RIGHT, Depth::Presence), found(&[]));
    for absent in ["team/api:2", "team/none:1"] {
        let image = format!("{}/{absent}", registry.server());
        let words = "status 404, MANIFEST_UNKNOWN: manifest unknown";
        assert_eq!(platforms(&image), Verdict::Missing(words.to_owned()), "{absent}");
    }
    let wrong = asked(&single, Some((USER, "no")), Depth::Platforms);
    assert!(matches!(&wrong, Verdict::Denied(_)), "{wrong:?}");
    // Nobody is told whether it is there.
    for image in [single, format!("{}/team/none:1", registry.server())] {
        let told = asked(&image, None, Depth::Platforms);
        assert!(matches!(&told, Verdict::Denied(_)), "{told:?}");
    }
}

#[test]
fn a_registry_with_passwords_says_what_it_has_and_to_whom() {
    let registry = Registry::start();
    says_what_it_has(&registry);
    let image = format!("{}/team/api:1", registry.server());
    let denied = |words: &str| Verdict::Denied(words.to_owned());
    let refused = denied("status 401, UNAUTHORIZED: authentication required");
    assert_eq!(asked(&image, Some((USER, "no")), Depth::Presence), refused);
    assert_eq!(asked(&image, Some(("nobody", PASSWORD)), Depth::Presence), refused);
    assert_eq!(asked(&image, None, Depth::Presence), denied("it wants a login"));
}

#[test]
fn a_registry_with_tokens_says_what_it_has_and_to_whom() {
    let registry = Registry::with_tokens();
    says_what_it_has(&registry);
    let image = format!("{}/team/api:1", registry.server());
    let denied = |words: &str| Verdict::Denied(words.to_owned());
    let refused = denied("status 401, UNAUTHORIZED: incorrect username or password");
    assert_eq!(asked(&image, Some((USER, "no")), Depth::Presence), refused);
    // Who may log in and may not see it gets a token that is good for nothing.
    let refused = denied("status 401, UNAUTHORIZED: authentication required");
    assert_eq!(asked(&image, Some((GUEST, GUEST_PASSWORD)), Depth::Presence), refused);
    assert_eq!(asked(&image, None, Depth::Presence), refused);
}

#[test]
fn a_digest_is_asked_for_as_a_tag_is() {
    let registry = Registry::start();
    let image = registry.push_untagged("team/api", "linux/s390x");
    assert_eq!(platforms(&image), found(&["linux/s390x"]));
    let absent = format!("{}/team/api@sha256:{}", registry.server(), "0".repeat(64));
    let words = "status 404, MANIFEST_UNKNOWN: manifest unknown";
    assert_eq!(platforms(&absent), Verdict::Missing(words.to_owned()));
}

#[test]
fn a_registry_that_is_gone_says_nothing() {
    let gone = Registry::start().server().to_owned();
    assert_eq!(platforms(&format!("{gone}/team/api:1")), Verdict::Unclear);
}
