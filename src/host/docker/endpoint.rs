//! Where the Docker Engine is, decided as the docker command line decides it (docker/cli 28,
//! `cli/command/cli.go`): `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context, the default socket.
//! Pure over the two questions of [`Lookup`]; connecting is not its job.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::event::Fix;
use crate::policy::{Class, Failure};

/// The socket that the docker command line takes when nothing says otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// What the search may ask.
pub struct Lookup<'a> {
    /// The process environment.
    pub env: &'a BTreeMap<String, String>,
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// Whether a path exists.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

/// Where the engine is and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// What named it.
    pub origin: Origin,
}

/// An address that mlup can speak to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`, without TLS.
    Tcp(String),
    /// A socket on this machine.
    Unix(PathBuf),
}

/// What named the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A docker context of this name.
    Context(String),
    /// Nothing: the default socket.
    Default,
    /// The variable `DOCKER_HOST`.
    DockerHost,
    /// Found beside the default socket, where the docker command line does not look.
    Found,
}

impl Endpoint {
    /// The variables that make the docker command line take this endpoint too.
    #[must_use]
    pub fn docker_env(&self) -> BTreeMap<String, String> {
        match self.origin {
            Origin::Found => BTreeMap::from([("DOCKER_HOST".to_owned(), self.to_string())]),
            Origin::Context(_) | Origin::Default | Origin::DockerHost => BTreeMap::new(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp(address) => write!(f, "tcp://{address}"),
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// The engine's endpoint.
///
/// # Errors
/// `DOCKER_CONTEXT`: the context that was asked for cannot be read.
/// `DOCKER_UNSUPPORTED_ENDPOINT`: the address needs ssh or TLS.
pub fn endpoint(lookup: &Lookup<'_>) -> Result<Endpoint, Failure> {
    if let Some(host) = lookup.value("DOCKER_HOST") {
        let tls = lookup.value("DOCKER_TLS_VERIFY").is_some() && !host.starts_with("unix:");
        let address = if tls { Err(Unsupported::Tls) } else { parse(host) };
        let address = address.map_err(|why| why.failure(host, "`DOCKER_HOST`"))?;
        return Ok(Endpoint { address, origin: Origin::DockerHost });
    }
    match lookup.context()? {
        Some(name) => from_context(lookup, &name),
        None => Ok(local(lookup)),
    }
}

impl Lookup<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The folder of the docker command line's configuration.
    pub(crate) fn docker_config(&self) -> Option<PathBuf> {
        let home = || self.value("HOME").map(|home| Path::new(home).join(".docker"));
        self.value("DOCKER_CONFIG").map(PathBuf::from).or_else(home)
    }

    /// The context's name; `None` stands for the built-in one.
    fn context(&self) -> Result<Option<String>, Failure> {
        if let Some(name) = self.value("DOCKER_CONTEXT") {
            return Ok(Some(name.to_owned()).filter(|name| name != "default"));
        }
        let Some(path) = self.docker_config().map(|folder| folder.join("config.json")) else {
            return Ok(None);
        };
        let text = match (self.read)(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad_config(&path, &error.to_string())),
        };
        let config: ConfigFile =
            serde_json::from_str(&text).map_err(|error| bad_config(&path, &error.to_string()))?;
        Ok(config.current_context.filter(|name| !name.is_empty() && name != "default"))
    }
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints")]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host")]
    host: Option<String>,
}

fn from_context(lookup: &Lookup<'_>, name: &str) -> Result<Endpoint, Failure> {
    let missing = |why: &str| {
        Failure::new(
            Class::Prerequisite,
            "DOCKER_CONTEXT",
            format!("the docker context `{name}` cannot be used: {why}"),
        )
        .fix(Fix::safe("docker context ls   # then: docker context use, with the name"))
    };
    let folder =
        lookup.docker_config().ok_or_else(|| missing("neither HOME nor DOCKER_CONFIG is set"))?;
    let id = hash(name);
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let text = (lookup.read)(&path)
        .map_err(|error| missing(&format!("`{}` could not be read ({error})", path.display())))?;
    let meta: ContextMeta = serde_json::from_str(&text)
        .map_err(|error| missing(&format!("`{}` is not valid ({error})", path.display())))?;
    let docker =
        meta.endpoints.get("docker").ok_or_else(|| missing("it has no docker endpoint"))?;
    let Some(host) = docker.host.as_deref().filter(|host| !host.is_empty()) else {
        return Ok(local(lookup));
    };
    let tls = (lookup.exists)(&folder.join("contexts/tls").join(&id).join("docker"));
    let address = if tls { Err(Unsupported::Tls) } else { parse(host) };
    let address =
        address.map_err(|why| why.failure(host, &format!("the docker context `{name}`")))?;
    Ok(Endpoint { address, origin: Origin::Context(name.to_owned()) })
}

/// The folder name of a context: the SHA-256 of its name in hex (docker/cli 28,
/// `cli/context/store/metadatastore.go`).
fn hash(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The default socket, or else the first of those that rootless Docker and Docker Desktop make.
fn local(lookup: &Lookup<'_>) -> Endpoint {
    let default = PathBuf::from(DEFAULT_SOCKET);
    let runtime =
        lookup.value("XDG_RUNTIME_DIR").map(|folder| Path::new(folder).join("docker.sock"));
    let home = lookup.value("HOME").map(Path::new);
    let desktop = [".docker/run/docker.sock", ".docker/desktop/docker.sock"];
    let others = runtime
        .into_iter()
        .chain(home.into_iter().flat_map(|home| desktop.map(|path| home.join(path))));
    if !(lookup.exists)(&default)
        && let Some(path) = others.into_iter().find(|path| (lookup.exists)(path))
    {
        return Endpoint { address: Address::Unix(path), origin: Origin::Found };
    }
    Endpoint { address: Address::Unix(default), origin: Origin::Default }
}

fn parse(host: &str) -> Result<Address, Unsupported> {
    let (scheme, rest) = host.split_once("://").ok_or(Unsupported::Scheme)?;
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Address::Unix(PathBuf::from(rest))),
        "tcp" | "http" if !rest.is_empty() => {
            let rest = rest.trim_end_matches('/');
            let has_port =
                rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            Ok(Address::Tcp(if has_port { rest.to_owned() } else { format!("{rest}:2375") }))
        }
        "https" => Err(Unsupported::Tls),
        "ssh" => Err(Unsupported::Ssh),
        _ => Err(Unsupported::Scheme),
    }
}

/// Why an address cannot be spoken to.
enum Unsupported {
    Scheme,
    Ssh,
    Tls,
}

impl Unsupported {
    fn failure(&self, host: &str, origin: &str) -> Failure {
        // An address may carry a user and a password; only what follows them is shown.
        let (scheme, rest) = host.split_once("://").unwrap_or(("", host));
        let shown = format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or(rest));
        let (why, fix) = match self {
            Self::Scheme => (
                "which is no address of the form `unix:///path` or `tcp://host:port`",
                "export DOCKER_HOST=unix:///var/run/docker.sock".to_owned(),
            ),
            Self::Ssh => (
                "and mlup does not open ssh connections to an engine by itself",
                format!(
                    "ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock {} & export DOCKER_HOST=unix:///tmp/docker.sock",
                    rest.split('/').next().unwrap_or(rest)
                ),
            ),
            Self::Tls => (
                "over TLS, which mlup does not speak to an engine",
                "ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock ... & export DOCKER_HOST=unix:///tmp/docker.sock".to_owned(),
            ),
        };
        Failure::new(
            Class::Prerequisite,
            "DOCKER_UNSUPPORTED_ENDPOINT",
            format!("{origin} names the Docker Engine at `{shown}`, {why}"),
        )
        .fix(Fix::safe(fix))
    }
}

fn bad_config(path: &Path, why: &str) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "DOCKER_CONTEXT",
        format!("the docker context cannot be told: `{}` is not readable ({why})", path.display()),
    )
    .fix(Fix::safe("export DOCKER_CONTEXT=default"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        env: BTreeMap<String, String>,
        files: BTreeMap<PathBuf, String>,
    }

    fn world(env: &[(&str, &str)], files: &[(&str, &str)]) -> World {
        World {
            env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            files: files.iter().map(|(k, v)| (PathBuf::from(k), (*v).to_owned())).collect(),
        }
    }

    impl World {
        fn endpoint(&self) -> Result<Endpoint, Failure> {
            endpoint(&Lookup {
                env: &self.env,
                read: &|path| {
                    self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
                },
                exists: &|path| self.files.keys().any(|known| known.starts_with(path)),
            })
        }

        fn at(&self) -> (String, Origin) {
            let endpoint = self.endpoint().unwrap();
            (endpoint.to_string(), endpoint.origin)
        }

        fn code(&self) -> &'static str {
            self.endpoint().unwrap_err().code
        }
    }

    const SOCKET: (&str, &str) = ("/var/run/docker.sock", "");

    fn remote_meta() -> String {
        format!("/h/.docker/contexts/meta/{}/meta.json", hash("remote"))
    }

    #[test]
    fn context_folder_is_the_hash_of_its_name() {
        assert_eq!(
            hash("default"),
            "37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f"
        );
    }

    #[test]
    fn docker_host_wins_over_contexts() {
        let world = world(
            &[("DOCKER_HOST", "tcp://1.2.3.4:2375"), ("DOCKER_CONTEXT", "remote"), ("HOME", "/h")],
            &[SOCKET],
        );
        assert_eq!(world.at(), ("tcp://1.2.3.4:2375".to_owned(), Origin::DockerHost));
    }

    #[test]
    fn tcp_without_a_port_takes_the_engines() {
        assert_eq!(world(&[("DOCKER_HOST", "tcp://box")], &[]).at().0, "tcp://box:2375");
    }

    #[test]
    fn context_variable_wins_over_the_current_context() {
        let meta = remote_meta();
        let world = world(
            &[("DOCKER_CONTEXT", "remote"), ("HOME", "/h")],
            &[
                SOCKET,
                ("/h/.docker/config.json", r#"{"currentContext":"other"}"#),
                (&meta, r#"{"Name":"remote","Endpoints":{"docker":{"Host":"unix:///r.sock"}}}"#),
            ],
        );
        assert_eq!(world.at(), ("unix:///r.sock".to_owned(), Origin::Context("remote".to_owned())));
    }

    #[test]
    fn current_context_is_read_from_the_docker_config_folder() {
        let meta = remote_meta().replace("/h/.docker", "/cfg");
        let world = world(
            &[("DOCKER_CONFIG", "/cfg"), ("HOME", "/h")],
            &[
                SOCKET,
                ("/cfg/config.json", r#"{"currentContext":"remote"}"#),
                (&meta, r#"{"Endpoints":{"docker":{"Host":"unix:///r.sock"}}}"#),
            ],
        );
        assert_eq!(world.at().0, "unix:///r.sock");
    }

    #[test]
    fn the_default_context_is_the_default_socket() {
        let config = ("/h/.docker/config.json", r#"{"currentContext":"remote"}"#);
        let world = world(&[("DOCKER_CONTEXT", "default"), ("HOME", "/h")], &[SOCKET, config]);
        assert_eq!(world.at(), ("unix:///var/run/docker.sock".to_owned(), Origin::Default));
    }

    #[test]
    fn a_rootless_socket_is_found_and_handed_to_the_command_line() {
        let env = [("XDG_RUNTIME_DIR", "/run/user/1000"), ("HOME", "/h")];
        let world = world(&env, &[("/run/user/1000/docker.sock", "")]);
        let endpoint = world.endpoint().unwrap();
        assert_eq!(endpoint.docker_env()["DOCKER_HOST"], "unix:///run/user/1000/docker.sock");
    }

    #[test]
    fn docker_desktops_socket_is_found() {
        for path in ["/h/.docker/run/docker.sock", "/h/.docker/desktop/docker.sock"] {
            let world = world(&[("HOME", "/h")], &[(path, "")]);
            assert_eq!(world.at(), (format!("unix://{path}"), Origin::Found));
        }
    }

    #[test]
    fn the_default_socket_wins_over_found_ones_and_needs_no_variable() {
        let env = [("XDG_RUNTIME_DIR", "/run/user/1000")];
        let world = world(&env, &[SOCKET, ("/run/user/1000/docker.sock", "")]);
        assert_eq!(world.at().1, Origin::Default);
        assert!(world.endpoint().unwrap().docker_env().is_empty());
    }

    #[test]
    fn nothing_at_all_names_the_default_socket() {
        assert_eq!(
            world(&[], &[]).at(),
            ("unix:///var/run/docker.sock".to_owned(), Origin::Default)
        );
    }

    #[test]
    fn an_unknown_context_is_named() {
        let failure =
            world(&[("DOCKER_CONTEXT", "gone"), ("HOME", "/h")], &[]).endpoint().unwrap_err();
        assert_eq!(failure.code, "DOCKER_CONTEXT");
        assert!(failure.summary.contains("`gone`"), "{}", failure.summary);
    }

    #[test]
    fn broken_config_is_a_context_failure() {
        let world = world(&[("HOME", "/h")], &[("/h/.docker/config.json", "{")]);
        assert_eq!(world.code(), "DOCKER_CONTEXT");
    }

    #[test]
    fn ssh_tls_and_nonsense_are_refused_with_a_way_out() {
        for env in [
            [("DOCKER_HOST", "ssh://user@box"), ("X", "")],
            [("DOCKER_HOST", "https://box:2376"), ("X", "")],
            [("DOCKER_HOST", "tcp://box:2376"), ("DOCKER_TLS_VERIFY", "1")],
            [("DOCKER_HOST", "/var/run/docker.sock"), ("X", "")],
        ] {
            let failure = world(&env, &[]).endpoint().unwrap_err();
            assert_eq!(failure.code, "DOCKER_UNSUPPORTED_ENDPOINT", "{env:?}");
            assert!(failure.fix.is_some());
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let failure =
            world(&[("DOCKER_HOST", "https://me:canary@box")], &[]).endpoint().unwrap_err();
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }

    #[test]
    fn a_context_with_certificates_needs_tls() {
        let tls = format!("/h/.docker/contexts/tls/{}/docker/ca.pem", hash("remote"));
        let meta = remote_meta();
        let world = world(
            &[("DOCKER_CONTEXT", "remote"), ("HOME", "/h")],
            &[(&tls, ""), (&meta, r#"{"Endpoints":{"docker":{"Host":"tcp://box:2376"}}}"#)],
        );
        assert_eq!(world.code(), "DOCKER_UNSUPPORTED_ENDPOINT");
    }
}
