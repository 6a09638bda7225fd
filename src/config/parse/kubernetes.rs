//! `[[registry]]` and `[[secret]]` as they are meant.

use super::{Entry, Parser};
use crate::config::model::{Credential, KubeSecret, Registry, SecretValue};
use crate::config::raw::{RawRegistry, RawSecret, RawSecretValue};
use crate::redact::Secret;

pub(super) fn registry(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    mut raw: RawRegistry,
) -> Option<Registry> {
    parser.check_argv(entry, &["exec"]);
    for (key, value) in [("ecr", raw.ecr), ("docker_config", raw.docker_config)] {
        if value == Some(false) {
            let message = format!("`{key}` of {} can only be `true`", entry.subject);
            parser.wrong(entry.value_span(&[key]), message, &format!("remove `{key}`"));
            return None;
        }
    }
    let credential = credential(parser, entry, &mut raw)?;
    Some(Registry {
        server: raw.server.0,
        secret: raw.secret.0,
        namespaces: raw.namespaces.into_iter().map(|name| name.0).collect(),
        service_accounts: raw.service_accounts.into_iter().map(|name| name.0).collect(),
        credential,
    })
}

fn credential(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    raw: &mut RawRegistry,
) -> Option<Credential> {
    let kind = parser.exactly_one(entry, &["ecr", "exec", "password", "docker_config"])?;
    if kind != "ecr" {
        parser.only_with(entry, "ecr", &["region", "profile", "endpoint"]);
    }
    if kind != "exec" {
        parser.only_with(entry, "exec", &["ttl"]);
    }
    let text = |word: &mut Option<crate::config::raw::scalar::Word>| word.take().map(|word| word.0);
    if kind == "ecr" || kind == "docker_config" {
        parser.only_with(entry, "exec` or `password", &["username"]);
        return Some(match kind {
            "ecr" => Credential::Ecr {
                region: text(&mut raw.region),
                profile: text(&mut raw.profile),
                endpoint: text(&mut raw.endpoint),
            },
            _ => Credential::DockerConfig,
        });
    }
    let Some(username) = text(&mut raw.username) else {
        let message = format!("{} has `{kind}` without `username`", entry.subject);
        parser.wrong(entry.key_span(kind), message, "add `username = \"...\"`");
        return None;
    };
    Some(match (raw.exec.take(), raw.password.take()) {
        (Some(command), _) => {
            let ttl = raw.ttl.take().map(|ttl| ttl.0);
            Credential::Exec { command: command.0, username, ttl }
        }
        (None, password) => {
            Credential::Static { username, password: Secret::new(password.unwrap_or_default()) }
        }
    })
}

pub(super) fn secret(parser: &mut Parser<'_>, raw: RawSecret) -> KubeSecret {
    let keys = raw.keys.into_iter().map(|(key, value)| {
        let value = match value {
            RawSecretValue::File(path) => SecretValue::File(parser.path(&path.0)),
            RawSecretValue::Generate(generator) => SecretValue::Generate(generator.into()),
            RawSecretValue::Literal(text) => SecretValue::Literal(Secret::new(text)),
        };
        (key, value)
    });
    KubeSecret {
        keys: keys.collect(),
        name: raw.name.0,
        namespace: raw.namespace.map(|namespace| namespace.0),
        kind: raw.kind.map(|kind| kind.0),
    }
}
