//! The client against real sockets.

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::test_server::{Server, answer, converse};
use super::*;

fn get(url: impl Into<String>) -> Request {
    Request {
        url: url.into(),
        headers: BTreeMap::new(),
        post: None,
        trust: Trust::Known,
        connect_to: None,
        timeout: Duration::from_secs(5),
    }
}

async fn kind(request: Request) -> HttpErrorKind {
    send(&request).await.unwrap_err().kind
}

async fn send_insecurely(url: String) -> HttpError {
    let mut request = get(url);
    request.trust = Trust::Any;
    send(&request).await.unwrap_err()
}

#[tokio::test]
async fn localhost_reaches_a_server_that_listens_on_ipv4_alone() {
    let server = Server::start(&[&answer(200, "hello")]).await;
    let got = send(&get(server.url("/a?b=c"))).await.unwrap();
    assert_eq!(got, Answer { status: 200, body: "hello".into() });
    let requests = server.requests();
    assert!(requests.is_empty() || requests[0].starts_with("GET /a?b=c HTTP/1.1\r\n"));
}

#[tokio::test]
async fn another_address_keeps_the_host_header() {
    let server = Server::start(&[&answer(200, "1"), &answer(200, "2")]).await;
    let mut request = get(format!("http://db:{}/x", server.address.port()));
    request.connect_to = Some(server.address.ip());
    send(&request).await.unwrap();
    send(&request).await.unwrap();
    let wanted = format!("host: db:{}", server.address.port());
    assert!(server.requests()[0].contains(&wanted), "{:?}", server.requests());
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(&[moved]).await;
    assert_eq!(send(&get(server.url("/"))).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_post_carries_body_headers_and_content_type() {
    let server = Server::start(&[&answer(200, "1"), &answer(200, "2")]).await;
    let mut request = get(server.url("/"));
    request.post = Some(r#"{"a":1}"#.into());
    request.headers.insert("X-Token".into(), Secret::new("canary"));
    send(&request).await.unwrap();
    send(&request).await.unwrap();
    let first = server.requests().remove(0);
    assert!(first.starts_with("POST / HTTP/1.1"), "{first}");
    assert!(first.contains("x-token: canary") && first.ends_with(r#"{"a":1}"#), "{first}");
    assert!(first.contains("content-type: application/json"), "{first}");
    assert!(!format!("{request:?}").contains("canary"));
}

#[tokio::test]
async fn a_long_body_is_cut() {
    let server = Server::start(&[&answer(200, &"x".repeat(BODY_LIMIT + 10))]).await;
    assert_eq!(send(&get(server.url("/"))).await.unwrap().body.len(), BODY_LIMIT);
}

#[tokio::test]
async fn nobody_listening_is_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = send(&get(url)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (HttpErrorKind::Refused, "connection refused")
    );
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut request = get(format!("http://{}/", listener.local_addr().unwrap()));
    request.timeout = Duration::from_millis(100);
    let error = send(&request).await.unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (HttpErrorKind::Timeout, "no answer within 0.1 s")
    );
}

#[tokio::test]
async fn a_body_that_never_ends_still_has_a_status() {
    let server = Server::start(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart"]).await;
    let got = send(&get(server.url("/"))).await.unwrap();
    assert_eq!(got, Answer { status: 200, body: "part".into() });
}

#[tokio::test]
async fn other_troubles_have_their_own_kinds() {
    let closed = Server::start(&[""]).await;
    assert_eq!(kind(get(closed.url("/"))).await, HttpErrorKind::Reset);
    let no_http = Server::start(&["SSH-2.0-OpenSSH_9.2\r\n"]).await;
    assert_eq!(kind(get(no_http.url("/"))).await, HttpErrorKind::Other);
    let no_tls = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/", no_tls.local_addr().unwrap());
    let plain = async {
        let (mut stream, _) = no_tls.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let (error, _stream) = tokio::join!(send_insecurely(url), plain);
    assert_eq!(error.to_string(), "what answers there speaks no TLS");
    assert_eq!(kind(get("http://no-such-name.invalid/")).await, HttpErrorKind::Dns);
    assert_eq!(kind(get("ftp://localhost/")).await, HttpErrorKind::Invalid);
    assert_eq!(kind(get("http://a b/")).await, HttpErrorKind::Invalid);
}

#[tokio::test]
async fn an_unknown_certificate_counts_only_when_asked_for() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut request = get(format!("https://localhost:{}/", listener.local_addr().unwrap().port()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, &answer(200, "secure")).await;
            }
        }
    });
    let error = send(&request).await.unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Tls);
    assert!(error.to_string().starts_with("the certificate is not accepted: "), "{error}");
    request.trust = Trust::Any;
    assert_eq!(send(&request).await.unwrap().body, "secure");
}
