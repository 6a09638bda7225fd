//! Rules on releases of Helm, by the secrets that it keeps them in: one that a killed helm left
//! pending lets nobody change it any more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;
use crate::readiness::{Cause, Finality, Root, World};

/// How long helm may be at work, in seconds: its own default for `--timeout`.
const WORKING: i64 = 300;

/// Releases that stay pending. `taken` is when the look was.
pub(super) fn causes(world: &World, taken: Option<Timestamp>) -> Vec<Cause> {
    let mut newest: BTreeMap<(&str, &str), (i64, &Value)> = BTreeMap::new();
    let mut deployed: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for secret in world.all("Secret") {
        let label = |name: &str| read::text(secret, &format!("/metadata/labels/{name}"));
        let (true, Ok(revision)) = (label("owner") == "helm", label("version").parse::<i64>())
        else {
            continue;
        };
        let release = (read::namespace(secret), label("name"));
        let at = newest.entry(release).or_insert((revision, secret));
        if revision >= at.0 {
            *at = (revision, secret);
        }
        if ["deployed", "superseded"].contains(&label("status")) {
            let last = deployed.entry(release).or_insert(revision);
            *last = revision.max(*last);
        }
    }
    let pending = newest.into_iter().filter(|(_, (_, secret))| is_stuck(secret, taken));
    pending
        .map(|((namespace, name), (revision, secret))| {
            cause(namespace, name, (revision, secret), deployed.get(&(namespace, name)).copied())
        })
        .collect()
}

fn is_stuck(secret: &Value, taken: Option<Timestamp>) -> bool {
    let made: Option<Timestamp> = read::text(secret, "/metadata/creationTimestamp").parse().ok();
    let is_young =
        taken.zip(made).is_some_and(|(taken, made)| taken.duration_since(made).as_secs() < WORKING);
    read::text(secret, "/metadata/labels/status").starts_with("pending-") && !is_young
}

fn cause(
    namespace: &str,
    name: &str,
    (revision, secret): (i64, &Value),
    deployed: Option<i64>,
) -> Cause {
    let status = read::text(secret, "/metadata/labels/status");
    let helm = CommandLine::helm(namespace);
    let line = match deployed {
        Some(revision) => helm.args(["rollback", name, &revision.to_string()]),
        None => helm.args(["uninstall", name]).comment("then install it anew"),
    };
    Cause::new(
        "RELEASE_PENDING",
        Class::Refused,
        Finality::Fatal,
        format!(
            "release `{name}` in namespace `{namespace}` is {status} at revision {revision}: helm was ended while it worked, and refuses every change until that is settled"
        ),
    )
    .likely()
    .because(format!("secret {}", read::name(secret)), &format!("status={status}"))
    .maybe_root(Some(Root::new("Secret", namespace, read::name(secret))))
    .run(line)
}
