//! The Docker Engine: where it is, and a client that speaks its version. What is asked of it is
//! `containers` and the steps.

pub mod endpoint;
mod error;
pub mod events;
mod facts;
mod node_env;
mod plugin;
#[cfg(test)]
pub(crate) mod proxy;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

use crate::event::Fix;
use crate::policy::{Class, Failure};
use endpoint::{Address, Endpoint, Lookup};

pub use error::classify;
pub use facts::{EngineFacts, engine_facts};
pub(in crate::host) use facts::{LOOK_LIMIT, silent};
pub use node_env::outside_of_nodes;
pub use plugin::compose_plugin;

/// How long the engine may take to say its version.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Seconds until the answer to a request begins; the client library's own default.
const REQUEST_TIMEOUT: u64 = 120;

/// Oldest API that is spoken: Docker Engine 19.03 (Docker API version history, v1.40).
const OLDEST_API: (usize, usize) = (1, 40);

/// A lazily connected engine; cheap to clone, one client for all clones.
#[derive(Clone)]
pub struct Engine {
    env: Arc<BTreeMap<String, String>>,
    endpoint: Arc<OnceLock<Result<Endpoint, Failure>>>,
    client: Arc<OnceCell<Docker>>,
}

impl Engine {
    /// The engine that this environment names. Nothing is read or connected to yet.
    #[must_use]
    pub fn new(env: Arc<BTreeMap<String, String>>) -> Self {
        Self { env, endpoint: Arc::default(), client: Arc::default() }
    }

    /// The client, connected and version-negotiated on the first call. A failure is not kept: the
    /// next call tries again.
    ///
    /// # Errors
    /// `DOCKER_UNREACHABLE`, `DOCKER_PERMISSION`, `DOCKER_CONTEXT`, `DOCKER_UNSUPPORTED_ENDPOINT`,
    /// `DOCKER_TOO_OLD`: all class `Prerequisite`.
    pub async fn client(&self) -> Result<&Docker, Failure> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    /// Where the engine is, for people.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.resolved().map_or_else(|failure| failure.summary, ToString::to_string)
    }

    /// The variables that make the docker command line speak to this same engine; empty where it
    /// finds it by itself.
    #[must_use]
    pub fn docker_env(&self) -> BTreeMap<String, String> {
        self.resolved().map(Endpoint::docker_env).unwrap_or_default()
    }

    fn resolved(&self) -> Result<&Endpoint, Failure> {
        let resolve = || {
            endpoint::endpoint(&Lookup {
                env: &self.env,
                read: &|path: &Path| std::fs::read_to_string(path),
                exists: &|path: &Path| path.exists(),
            })
        };
        self.endpoint.get_or_init(resolve).as_ref().map_err(Clone::clone)
    }

    async fn connect(&self) -> Result<Docker, Failure> {
        let endpoint = self.resolved()?;
        let client = match &endpoint.address {
            Address::Unix(path) => Docker::connect_with_unix(
                &path.to_string_lossy(),
                REQUEST_TIMEOUT,
                API_DEFAULT_VERSION,
            ),
            Address::Tcp(address) => {
                Docker::connect_with_http(address, REQUEST_TIMEOUT, API_DEFAULT_VERSION)
            }
        };
        let client = client.map_err(|error| error::connect(&error, endpoint))?;
        let negotiated = tokio::time::timeout(CONNECT_TIMEOUT, client.negotiate_version()).await;
        let client = negotiated
            .map_err(|_| error::silent(endpoint, CONNECT_TIMEOUT))?
            .map_err(|error| error::connect(&error, endpoint))?;
        let spoken = client.client_version();
        if (spoken.major_version, spoken.minor_version) < OLDEST_API {
            let (major, minor) = OLDEST_API;
            return Err(Failure::new(
                Class::Prerequisite,
                "DOCKER_TOO_OLD",
                format!("the Docker Engine at `{endpoint}` speaks API {spoken}, and mlup needs {major}.{minor} (Docker 19.03) or newer"),
            )
            .fix(Fix::safe("upgrade Docker Engine: https://docs.docker.com/engine/install/")));
        }
        Ok(client)
    }
}

#[cfg(test)]
mod docker_tests {
    use super::*;

    fn engine(env: &[(&str, &str)]) -> Engine {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Engine::new(Arc::new(env.iter().map(owned).collect()))
    }

    #[tokio::test]
    async fn speaks_the_version_of_the_engine() {
        let engine = engine(&[]);
        let client = engine.client().await.unwrap();
        let version = client.version().await.unwrap();
        assert_eq!(version.api_version, Some(client.client_version().to_string()));
    }

    #[tokio::test]
    async fn an_absent_socket_is_unreachable_and_named() {
        let failure = engine(&[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
        let failure = failure.client().await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "DOCKER_UNREACHABLE"));
        assert!(failure.summary.contains("unix:///nowhere/docker.sock"), "{}", failure.summary);
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_unreachable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let failure = engine(&[("DOCKER_HOST", &format!("unix://{}", path.display()))]);
        assert_eq!(failure.client().await.unwrap_err().code, "DOCKER_UNREACHABLE");
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let failure = engine(&[("DOCKER_HOST", &format!("tcp://{address}"))]);
        assert_eq!(failure.client().await.unwrap_err().code, "DOCKER_UNREACHABLE");
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_says_nothing_is_unreachable_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let failure = engine(&[("DOCKER_HOST", &format!("unix://{}", path.display()))]);
        let failure = failure.client().await.unwrap_err();
        assert_eq!(failure.code, "DOCKER_UNREACHABLE");
        assert!(failure.summary.contains("did not answer"), "{}", failure.summary);
    }
}
