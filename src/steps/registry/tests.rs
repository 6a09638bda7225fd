//! Tests of pull secrets against an API server in memory.

mod answers;
mod early;
mod refreshing;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::answers::Answers;
use super::credential::Passwords;
use super::*;
use crate::config::model::Registry;
use crate::host::Host;
use crate::host::cmd::{End, Output, SpawnError};
use crate::redact::Secret;
use crate::steps::testing::TestBed;

/// A registry whose password is in the configuration.
fn fixed(server: &str, namespaces: &[&str]) -> Registry {
    let password = Secret::new("s3cret");
    registry(server, namespaces, Credential::Static { username: "ann".to_owned(), password })
}

/// A registry whose password a command prints.
fn printed(server: &str, namespaces: &[&str], ttl: Option<u64>) -> Registry {
    let credential = Credential::Exec {
        command: vec!["get-password".to_owned(), "--bare".to_owned()],
        username: "bot".to_owned(),
        ttl: ttl.map(std::time::Duration::from_secs),
    };
    registry(server, namespaces, credential)
}

fn registry(server: &str, namespaces: &[&str], credential: Credential) -> Registry {
    Registry {
        server: server.to_owned(),
        secret: "regcred".to_owned(),
        namespaces: namespaces.iter().map(|&name| name.to_owned()).collect(),
        service_accounts: Vec::new(),
        credential,
    }
}

/// The only pull secret of these registries.
fn secret_of(bed: &mut TestBed, registries: Vec<Registry>) -> PullSecret {
    bed.config(|config| config.registries = registries);
    pull_secrets(&bed.ctx.config).remove(0)
}

/// A step on a host whose commands print these.
fn bed(printed: &[&str]) -> (TestBed, Arc<Answers>) {
    let answers: Vec<Result<Output, SpawnError>> = printed
        .iter()
        .map(|&text| {
            let end = if text.is_empty() { End::Exit(1) } else { End::Exit(0) };
            Ok(Output { end, stdout: text.to_owned(), stderr: String::new() })
        })
        .collect();
    let runner = Arc::new(Answers::new(answers));
    let real = TestBed::new().ctx.host;
    let host = Host { runner: Arc::clone(&runner) as Arc<dyn crate::host::Runner>, ..real };
    (TestBed::with_host(host), runner)
}

fn path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets/regcred")
}

/// The text that the kubelet reads.
fn document(object: &Value) -> Value {
    let data = object["data"][".dockerconfigjson"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(data).unwrap()).unwrap()
}

#[test]
fn registries_of_one_secret_share_it_namespace_by_namespace() {
    let mut bed = TestBed::new();
    let mut second = fixed("quay.io", &["b"]);
    second.service_accounts = vec!["default".to_owned()];
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a", "b"]), second]);
    assert_eq!(secret.places["a"].registries, [0]);
    assert_eq!(secret.places["b"].registries, [0, 1]);
    assert_eq!(secret.places["b"].accounts.iter().collect::<Vec<_>>(), ["default"]);
    assert!(secret.places["a"].accounts.is_empty());
}

#[test]
fn the_default_namespace_counts_where_none_is_named() {
    let mut bed = TestBed::new();
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &[])]);
    assert_eq!(secret.places.keys().collect::<Vec<_>>(), ["default"]);
    bed.config(|config| config.namespace = Some("ml".to_owned()));
    let secret = pull_secrets(&bed.ctx.config).remove(0);
    assert_eq!(secret.places.keys().collect::<Vec<_>>(), ["ml"]);
}

#[test]
fn a_source_shows_no_argument_and_changes_with_the_command() {
    let one = printed("r", &[], None);
    let mut other = one.clone();
    if let Credential::Exec { command, .. } = &mut other.credential {
        command.push("--s3cret".to_owned());
    }
    let (one, other) = (credential::source(&one), credential::source(&other));
    assert!(one.starts_with("exec get-password "), "{one}");
    assert_ne!(one, other);
    assert!(!other.contains("s3cret"));
    let ecr = Credential::Ecr { region: None, profile: Some("dev".to_owned()), endpoint: None };
    let ecr = registry("123456789012.dkr.ecr.eu-west-1.amazonaws.com", &[], ecr);
    assert_eq!(credential::source(&ecr), "ecr eu-west-1 dev");
}

#[tokio::test]
async fn a_password_is_asked_for_once_a_run() {
    let (bed, runner) = bed(&["t0ken\n"]);
    let passwords = Passwords::default();
    let registry = printed("r", &[], Some(3600));
    for _ in 0..2 {
        let part = passwords.of(&registry, &bed.ctx).await.unwrap();
        assert_eq!(part.login.password.expose(), "t0ken");
        assert!(part.expires_at.is_some());
    }
    assert_eq!(runner.calls(), ["get-password --bare"]);
}

#[tokio::test]
async fn dockers_own_files_are_read_and_their_helper_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let text = json!({ "credsStore": "test", "auths": { "ghcr.io": {} } }).to_string();
    crate::host::files::write(&folder.path().join("config.json"), text.as_bytes(), 0o600).unwrap();
    let answer = r#"{"ServerURL":"ghcr.io","Username":"ann","Secret":"from-store"}"#;
    let (mut bed, runner) = bed(&[answer]);
    let env = [("DOCKER_CONFIG".to_owned(), folder.path().display().to_string())];
    bed.ctx.host.env = Arc::new(env.into_iter().collect());
    let known = registry("ghcr.io", &[], Credential::DockerConfig);
    let part = credential::obtain(&known, &bed.ctx).await.unwrap();
    assert_eq!(part.login.password.expose(), "from-store");
    assert_eq!(runner.calls(), ["docker-credential-test get"]);
    let missing = registry("quay.io", &[], Credential::DockerConfig);
    bed.ctx.host.env = Arc::new(BTreeMap::new());
    let failure = credential::obtain(&missing, &bed.ctx).await.unwrap_err();
    assert_eq!(failure.code, "REGISTRY_CREDENTIALS_MISSING");
}

#[tokio::test]
async fn a_token_that_has_ended_when_it_comes_is_warned_about_and_used() {
    use crate::host::http::test_server::{Server, answer};
    let token = STANDARD.encode("AWS:pw");
    let body = format!(
        r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":1000000000}}]}}"#
    );
    let server = Server::start(&[&answer(200, &body)]).await;
    let (mut bed, _) = bed(&[]);
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let keys = keys.map(|(name, value)| (name.to_owned(), value.to_owned()));
    bed.ctx.host.env = Arc::new(keys.into_iter().collect());
    let (region, endpoint) = (Some("us-east-1".to_owned()), Some(server.url("")));
    let ecr = Credential::Ecr { region, profile: None, endpoint };
    let part = credential::obtain(&registry("localhost:5000", &[], ecr), &bed.ctx).await.unwrap();
    let left = part.expires_at.unwrap().duration_since(crate::host::clock::now());
    assert!(left.as_hours() >= 11, "{left:?}");
    assert_eq!(bed.warnings(), ["CLOCK_SKEW"]);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_empty_password_is_no_password() {
    let (bed, _) = bed(&[]);
    let (username, password) = ("ann".to_owned(), Secret::new(""));
    let empty = registry("r", &[], Credential::Static { username, password });
    let failure = credential::obtain(&empty, &bed.ctx).await.unwrap_err();
    assert_eq!(failure.code, "REGISTRY_PASSWORD_EMPTY");
}
