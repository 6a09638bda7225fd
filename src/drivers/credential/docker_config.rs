//! The files in which Docker and podman keep registry logins: which there are, and what one says
//! about a registry. A helper that a file names is asked by `steps/registry`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Login, keychain};
use crate::event::Fix;
use crate::manifest::keyring::HUB;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// One of the files.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
struct Entry {
    #[serde(default)]
    auth: Option<Hidden>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<Hidden>,
    #[serde(default)]
    identitytoken: Option<Hidden>,
}

#[derive(Clone, Deserialize)]
#[serde(from = "String")]
struct Hidden(Secret);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a file says about a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// This login.
    Login(Login),
    /// This helper has to be asked for this server; where it knows nothing, `or` counts.
    Helper {
        /// Name of the helper, without `docker-credential-`.
        helper: String,
        /// The server as the helper knows it.
        server: String,
        /// What the file itself says.
        or: Option<Login>,
    },
}

/// The files that may hold logins, in the order in which they are asked.
#[must_use]
pub fn paths(env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = var("HOME");
    let docker = var("DOCKER_CONFIG").or(home.as_ref().map(|home| home.join(".docker")));
    let config = var("XDG_CONFIG_HOME").or(home.map(|home| home.join(".config")));
    let all = [
        var("REGISTRY_AUTH_FILE"),
        docker.map(|folder| folder.join("config.json")),
        var("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        config.map(|folder| folder.join("containers/auth.json")),
    ];
    all.into_iter().flatten().collect()
}

/// Reads a file; the message of a failure quotes nothing of it.
///
/// # Errors
/// `DOCKER_CONFIG_INVALID`.
pub fn parse(path: &str, text: &str) -> Result<DockerConfig, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let summary = format!("`{path}` cannot be read as a file of registry logins");
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::new(Class::Config, "DOCKER_CONFIG_INVALID", summary).because(path, place)
    })
}

impl DockerConfig {
    /// What this file says about a registry: its own helper, the store of all, then the file itself.
    ///
    /// # Errors
    /// `DOCKER_CONFIG_INVALID`; `REGISTRY_IDENTITY_TOKEN`.
    pub fn find(&self, server: &str) -> Result<Found, Failure> {
        let entry = best(&self.auths, server);
        let own = best(&self.cred_helpers, server).map(|(_, name)| name);
        let store = own.or(self.creds_store.as_ref()).filter(|name| !name.is_empty());
        let Some(store) = store else {
            let login = entry.map(|(_, entry)| login(server, entry)).transpose()?.flatten();
            return Ok(login.map_or(Found::Nothing, Found::Login));
        };
        // A store knows a server by the name that `docker login` was given.
        let known = entry.map(|(name, _)| name.clone());
        Ok(Found::Helper {
            helper: store.clone(),
            server: known.unwrap_or_else(|| asked_name(server)),
            or: entry.and_then(|(_, entry)| login(server, entry).ok().flatten()),
        })
    }
}

/// The failure of a registry that no file knows.
#[must_use]
pub fn missing(server: &str, asked: &[String]) -> Failure {
    let summary = format!("no login for `{server}` is kept on this machine");
    let asked = if asked.is_empty() { "no file".to_owned() } else { asked.join(", ") };
    Failure::new(Class::Prerequisite, "REGISTRY_CREDENTIALS_MISSING", summary)
        .because("looked in", asked)
        .fix(Fix::safe(format!("docker login {server}")))
}

/// The entry for a registry: under its own name, else under the longest path above it.
fn best<'a, T>(entries: &'a BTreeMap<String, T>, server: &str) -> Option<(&'a String, &'a T)> {
    let wanted = plain(server);
    let covers = |name: &str| {
        let name = plain(name);
        wanted == name || wanted.strip_prefix(&name).is_some_and(|rest| rest.starts_with('/'))
    };
    entries.iter().filter(|(name, _)| covers(name)).max_by_key(|(name, _)| plain(name).len())
}

/// A server's name without what tools write around it; the names of Docker Hub become one.
fn plain(server: &str) -> String {
    let name = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/');
    let name = name.strip_suffix("/v1").or(name.strip_suffix("/v2")).unwrap_or(name);
    match name {
        "docker.io" | "registry-1.docker.io" | "hub.docker.com" => "index.docker.io".to_owned(),
        _ => name.to_owned(),
    }
}

fn asked_name(server: &str) -> String {
    match plain(server) {
        name if name == "index.docker.io" => HUB.to_owned(),
        name => name,
    }
}

/// The login that an entry holds; entries of a store are empty.
fn login(server: &str, entry: &Entry) -> Result<Option<Login>, Failure> {
    let text = |hidden: &Option<Hidden>| {
        hidden.as_ref().map(|hidden| hidden.0.clone()).filter(|text| !text.expose().is_empty())
    };
    if text(&entry.identitytoken).is_some() {
        return Err(keychain::identity_token(server));
    }
    if let Some(auth) = text(&entry.auth) {
        return decoded(auth.expose()).map(Some).ok_or_else(|| {
            let summary =
                format!("the login of `{server}` cannot be read: `auth` is no base64 pair");
            Failure::new(Class::Config, "DOCKER_CONFIG_INVALID", summary)
                .fix(Fix::safe(format!("docker login {server}")))
        });
    }
    let pair = entry.username.clone().zip(text(&entry.password));
    Ok(pair.map(|(username, password)| Login { username, password }))
}

/// A user name and password in base64; the password may hold colons.
fn decoded(auth: &str) -> Option<Login> {
    let bytes = STANDARD.decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.trim_end_matches('\0').split_once(':')?;
    if username.is_empty() || password.is_empty() {
        return None;
    }
    Some(Login { username: username.to_owned(), password: Secret::new(password) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, server: &str) -> Result<Found, Failure> {
        parse("config.json", text).unwrap().find(server)
    }

    fn pair(text: &str, server: &str) -> (String, String) {
        match find(text, server).unwrap() {
            Found::Login(login) => (login.username, login.password.expose().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    fn auths(name: &str, pair: &str) -> String {
        format!(r#"{{"auths":{{"{name}":{{"auth":"{}"}}}}}}"#, STANDARD.encode(pair))
    }

    #[test]
    fn the_pair_is_split_at_its_first_colon() {
        let text = auths("ghcr.io", "ann:pa:ss");
        assert_eq!(pair(&text, "ghcr.io"), ("ann".to_owned(), "pa:ss".to_owned()));
    }

    #[test]
    fn docker_hub_is_known_by_all_of_its_names() {
        let text = auths("https://index.docker.io/v1/", "ann:pw");
        for server in ["docker.io", "index.docker.io", "https://index.docker.io/v1/"] {
            assert_eq!(pair(&text, server).0, "ann", "{server}");
        }
    }

    #[test]
    fn ports_are_part_of_the_name() {
        let text = auths("localhost:5000", "ann:pw");
        assert_eq!(pair(&text, "localhost:5000").0, "ann");
        assert_eq!(find(&text, "localhost").unwrap(), Found::Nothing);
    }

    #[test]
    fn podman_logs_in_to_paths_and_the_longest_wins() {
        let (all, team) = (STANDARD.encode("all:pw"), STANDARD.encode("team:pw"));
        let text = format!(
            r#"{{"auths":{{"quay.io":{{"auth":"{all}"}},"quay.io/team":{{"auth":"{team}"}}}}}}"#
        );
        assert_eq!(pair(&text, "quay.io/team").0, "team");
        assert_eq!(pair(&text, "quay.io/teamwork").0, "all");
    }

    #[test]
    fn a_helper_of_its_own_wins_over_the_store_and_the_store_over_the_file() {
        let auth = STANDARD.encode("ann:pw");
        let text = format!(
            r#"{{"credHelpers":{{"gcr.io":"gcloud"}},"credsStore":"desktop",
                "auths":{{"https://ghcr.io":{{"auth":"{auth}"}},"gcr.io":{{}}}}}}"#
        );
        let helper = |server: &str| match find(&text, server).unwrap() {
            Found::Helper { helper, server, or } => (helper, server, or.is_some()),
            other => panic!("{other:?}"),
        };
        assert_eq!(helper("gcr.io"), ("gcloud".to_owned(), "gcr.io".to_owned(), false));
        assert_eq!(helper("ghcr.io"), ("desktop".to_owned(), "https://ghcr.io".to_owned(), true));
        assert_eq!(helper("docker.io"), ("desktop".to_owned(), HUB.to_owned(), false));
    }

    #[test]
    fn an_identity_token_cannot_be_used() {
        let text = r#"{"auths":{"x.azurecr.io":{"auth":"MDAwOg==","identitytoken":"t0ken"}}}"#;
        let failure = find(text, "x.azurecr.io").unwrap_err();
        assert_eq!(failure.code, "REGISTRY_IDENTITY_TOKEN");
        assert!(!format!("{failure:?}").contains("t0ken"));
    }

    #[test]
    fn what_cannot_be_read_is_said_without_quoting_it() {
        let failure = parse("/x/config.json", "{\"auths\": s3cret").unwrap_err();
        assert_eq!(failure.code, "DOCKER_CONFIG_INVALID");
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        for auth in ["%%%", "bm8tY29sb24=", "Og=="] {
            let text = format!(r#"{{"auths":{{"r":{{"auth":"{auth}"}}}}}}"#);
            assert_eq!(find(&text, "r").unwrap_err().code, "DOCKER_CONFIG_INVALID", "{auth}");
        }
    }

    #[test]
    fn files_are_asked_in_their_order() {
        let env = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            paths(&pairs.collect())
        };
        assert_eq!(
            env(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/1")]),
            [
                PathBuf::from("/h/.docker/config.json"),
                PathBuf::from("/run/1/containers/auth.json"),
                PathBuf::from("/h/.config/containers/auth.json"),
            ]
        );
        let first = &env(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("REGISTRY_AUTH_FILE", "/r")]);
        assert_eq!(first[..2], [PathBuf::from("/r"), PathBuf::from("/d/config.json")]);
    }

    #[test]
    fn debug_shows_no_password() {
        let config = parse("c", &auths("r", "ann:s3cret")).unwrap();
        assert!(!format!("{config:?}").contains(&STANDARD.encode("ann:s3cret")));
    }
}
