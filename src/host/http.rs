//! A small HTTP/1.1 client for checks: one request, one answer, a new connection each time, no
//! redirects followed. What an answer means is decided in `steps/check`.

mod error;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::Instant;

use crate::redact::Secret;

pub(in crate::host) use error::inner as cause_of;
pub use error::{HttpError, HttpErrorKind};

/// Most of a body that is read, in bytes; the rest is left unread.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The address, `http` or `https`.
    pub url: String,
    /// Headers beside the usual ones.
    pub headers: BTreeMap<String, Secret>,
    /// Body of a POST; without it the request is a GET.
    pub post: Option<String>,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Connects to this address instead of looking up the URL's host; plain http only.
    pub connect_to: Option<IpAddr>,
    /// Time for everything, from looking up the name to the end of the body.
    pub timeout: Duration,
}

/// Which certificates are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// All of them.
    Any,
    /// Those that the machine's own authorities vouch for.
    Known,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body as text, cut at [`BODY_LIMIT`] or where the time was over.
    pub body: String,
}

type Connected = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Sends the request and reads the answer. Every status is an answer, redirects included.
///
/// # Errors
/// There is no answer; see [`HttpErrorKind`].
pub async fn send(request: &Request) -> Result<Answer, HttpError> {
    exchange(request, method_of(request)).await.map(|(_, answer)| answer)
}

/// The same with another method, and with the headers of the answer.
///
/// # Errors
/// As [`send`].
pub async fn exchange(request: &Request, method: Method) -> Result<(HeaderMap, Answer), HttpError> {
    let deadline = Instant::now() + request.timeout;
    let (url, mut message) = message(request)?;
    *message.method_mut() = method;
    let sending = async {
        if url.scheme_str() == Some("https") {
            secure(request.trust)?.request(message).await.map_err(|error| HttpError::from(&error))
        } else {
            plain().request(message).await.map_err(|error| HttpError::from(&error))
        }
    };
    match tokio::time::timeout_at(deadline, sending).await {
        Ok(response) => {
            let response = response?;
            let headers = response.headers().clone();
            Ok((headers, read(response, deadline).await))
        }
        Err(_) => Err(HttpError::timeout(request.timeout)),
    }
}

/// Reads as much of the body as there is time and room for: the status alone is an answer too.
pub async fn read<B>(response: Response<B>, deadline: Instant) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let status = response.status().as_u16();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while body.len() < BODY_LIMIT {
        match tokio::time::timeout_at(deadline, incoming.frame()).await {
            Ok(Some(Ok(frame))) => body.extend(frame.data_ref().into_iter().flatten()),
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    body.truncate(BODY_LIMIT);
    Answer { status, body: String::from_utf8_lossy(&body).into_owned() }
}

fn method_of(request: &Request) -> Method {
    if request.post.is_some() { Method::POST } else { Method::GET }
}

/// The URL and the message to send there.
///
/// # Errors
/// [`HttpErrorKind::Invalid`].
pub fn message(request: &Request) -> Result<(Uri, hyper::Request<Full<Bytes>>), HttpError> {
    let mut url: Uri = request
        .url
        .parse()
        .map_err(|error| HttpError::invalid(format!("`{}` is no URL: {error}", request.url)))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err(HttpError::invalid(format!(
            "`{}` begins with neither `http://` nor `https://`",
            request.url
        )));
    }
    let body = request.post.clone().unwrap_or_default();
    let mut message = hyper::Request::new(Full::new(Bytes::from(body)));
    *message.method_mut() = method_of(request);
    let headers = message.headers_mut();
    if let (Some(address), Some(authority)) = (request.connect_to, url.authority()) {
        let host = HeaderValue::from_str(authority.as_str());
        headers.insert(HOST, host.map_err(|error| HttpError::invalid(error.to_string()))?);
        url = moved(&url, address)?;
    }
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers
        .insert(USER_AGENT, HeaderValue::from_static(concat!("mlup/", env!("CARGO_PKG_VERSION"))));
    if let Some(post) = &request.post {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(post)));
    }
    for (name, value) in &request.headers {
        let valid = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value.expose()).ok());
        let (parsed, mut value) =
            valid.ok_or_else(|| HttpError::invalid(format!("`{name}` is no valid header")))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    *message.uri_mut() = url.clone();
    Ok((url, message))
}

/// The same URL at another address.
fn moved(url: &Uri, address: IpAddr) -> Result<Uri, HttpError> {
    let port = url.port_u16().unwrap_or(80);
    let mut parts = url.clone().into_parts();
    let authority = SocketAddr::new(address, port).to_string();
    parts.authority = Some(
        authority.parse().map_err(|_| HttpError::invalid(format!("bad address `{authority}`")))?,
    );
    Uri::from_parts(parts).map_err(|error| HttpError::invalid(error.to_string()))
}

/// What a body without a `content-type` header is taken for: JSON if it is, a form otherwise.
#[must_use]
pub fn content_type(body: &str) -> &'static str {
    if serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok() {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    }
}

fn plain() -> &'static Client<HttpConnector, Full<Bytes>> {
    static PLAIN: OnceLock<Client<HttpConnector, Full<Bytes>>> = OnceLock::new();
    PLAIN.get_or_init(|| builder().build(HttpConnector::new()))
}

/// The client for https. Reading the machine's certificates takes milliseconds, so it waits until
/// the first https check.
fn secure(trust: Trust) -> Result<&'static Connected, HttpError> {
    static ANY: OnceLock<Connected> = OnceLock::new();
    static KNOWN: OnceLock<Connected> = OnceLock::new();
    let client = match trust {
        Trust::Any => &ANY,
        Trust::Known => &KNOWN,
    };
    if let Some(client) = client.get() {
        return Ok(client);
    }
    let made = builder().build(tls::connector(trust)?);
    Ok(client.get_or_init(|| made))
}

/// No connection is kept: a check asks whether one can be made now.
fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0);
    builder
}
