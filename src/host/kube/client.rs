//! A connection to one API server, by one context of a kubeconfig. The environment is read from
//! the workbench alone, and every call has a limit of its own.

use std::time::Duration;

use kube::client::Body;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use kube::core::Status;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{error, from_base64, plugin, proxy};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// How long an answer may take to begin and to end; the stream of a watch is not meant.
pub(super) const READ: Duration = Duration::from_secs(10);

/// One API server, as the user of one context.
#[derive(Clone)]
pub struct Api {
    client: Client,
    server: String,
    context: String,
    namespace: String,
}

/// Prepares a connection by this context; the credential plugin that the context names is run, the
/// server is not asked anything yet.
///
/// # Errors
/// `KUBECONFIG_UNREADABLE`, `CONTEXT_MISSING`, `EXEC_PLUGIN_MISSING`, `EXEC_PLUGIN_FAILED`.
pub async fn connect(
    bench: &Workbench,
    kubeconfig: &Secret,
    context: &str,
) -> Result<Api, Failure> {
    let entries = entries(kubeconfig, context)?;
    let server = entries.cluster.server.clone().unwrap_or_default();
    let user = plugin::credentials(bench, context, &entries.cluster, entries.user).await?;
    let mut config = Config::new(address(&server, context)?);
    config.default_namespace.clone_from(&entries.namespace);
    config.proxy_url = proxy::of(&entries.cluster, &config.cluster_url, &bench.host.env);
    config.root_cert = authorities(&entries.cluster, context)?;
    config.accept_invalid_certs = entries.cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = entries.cluster.tls_server_name;
    config.auth_info = user;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = None;
    config.default_retry = false;
    // Without one the TLS library asks which provider is meant; a second time is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::try_from(config).map_err(|e| error::failure(&e, &server, context))?;
    Ok(Api { client, server, context: context.to_owned(), namespace: entries.namespace })
}

impl Api {
    /// The client, for what has no function here; errors of it go through [`Api::call`].
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Address of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The context's name.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The context's own namespace, `default` unless it names one.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The result of one request, within the limit of one; not for the stream of a watch.
    ///
    /// # Errors
    /// Classified.
    pub async fn call<T>(
        &self,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(READ, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error::failure(&error, &self.server, &self.context)),
            Err(_) => Err(error::unanswered(&self.server, READ)),
        }
    }

    /// What it means that a path answered with this status instead of its own text.
    pub(super) fn refused(&self, status: u16, text: &str) -> Failure {
        let answer: Status = serde_json::from_str(text).unwrap_or(Status::failure(text, ""));
        let answer = answer.with_code(status).boxed();
        error::failure(&kube::Error::Api(answer), &self.server, &self.context)
    }

    /// Status and text of a path that answers in plain text.
    pub(super) async fn text(&self, path: &str) -> Result<(u16, String), Failure> {
        self.dated(path).await.map(|(status, text, _)| (status, text))
    }

    /// The same with the `Date` of the answer.
    pub(super) async fn dated(&self, path: &str) -> Result<(u16, String, Option<String>), Failure> {
        let request = hyper::Request::get(path).body(Body::empty());
        let ask = async {
            let answer = self.client.send(request.map_err(kube::Error::HttpError)?).await?;
            let status = answer.status().as_u16();
            let date = answer.headers().get(hyper::header::DATE);
            let date = date.and_then(|date| date.to_str().ok()).map(str::to_owned);
            let body = answer.into_body().collect_bytes().await?;
            Ok((status, String::from_utf8_lossy(&body).into_owned(), date))
        };
        self.call(ask).await
    }
}

struct Entries {
    cluster: Cluster,
    user: AuthInfo,
    namespace: String,
}

fn entries(kubeconfig: &Secret, context: &str) -> Result<Entries, Failure> {
    // What the parser says quotes the text, which holds keys.
    let config = Kubeconfig::from_yaml(kubeconfig.expose())
        .map_err(|_| unusable(context, "it is not a kubeconfig"))?;
    let found = config.contexts.into_iter().find(|named| named.name == context);
    let Some(found) = found.and_then(|named| named.context) else {
        let summary = format!("the kubeconfig has no context `{context}`");
        return Err(Failure::new(Class::Config, "CONTEXT_MISSING", summary));
    };
    let cluster = config.clusters.into_iter().find(|named| named.name == found.cluster);
    let user = config.auth_infos.into_iter().find(|named| Some(&named.name) == found.user.as_ref());
    Ok(Entries {
        cluster: cluster
            .and_then(|named| named.cluster)
            .ok_or_else(|| unusable(context, "its cluster is missing"))?,
        user: user.and_then(|named| named.auth_info).unwrap_or_default(),
        namespace: found.namespace.filter(|name| !name.is_empty()).unwrap_or("default".to_owned()),
    })
}

fn address(server: &str, context: &str) -> Result<hyper::Uri, Failure> {
    let uri = server.parse::<hyper::Uri>().ok();
    let uri = uri.filter(|uri| uri.host().is_some() && uri.scheme().is_some());
    uri.ok_or_else(|| unusable(context, "the address of its API server cannot be right"))
}

fn authorities(cluster: &Cluster, context: &str) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let Some(data) = cluster.certificate_authority_data.as_deref().filter(|data| !data.is_empty())
    else {
        return Ok(None);
    };
    let wrong = || unusable(context, "its certificate authority cannot be read");
    let pem = from_base64(data).ok_or_else(wrong)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all: Vec<Vec<u8>> = all.map_err(|_| wrong())?.iter().map(|der| der.to_vec()).collect();
    if all.is_empty() { Err(wrong()) } else { Ok(Some(all)) }
}

fn unusable(context: &str, why: &str) -> Failure {
    let summary = format!("the kubeconfig of the context `{context}` cannot be used: {why}");
    Failure::new(Class::Config, "KUBECONFIG_UNREADABLE", summary)
}
