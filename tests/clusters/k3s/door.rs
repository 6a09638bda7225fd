//! The API server of a machine as this one reaches it: TLS with an authority of its own, and shut
//! while K3s does not run over there.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use mlup::host::kube::base64;

/// An authority, and what it signed.
pub(super) struct Door {
    pub(super) port: u16,
    /// PEM in base64, as a kubeconfig has it.
    pub(super) authority: String,
    /// Certificate and key of an administrator, each PEM in base64.
    pub(super) client: (String, String),
}

impl Door {
    /// Leads to this port of loopback while that file is there.
    pub(super) fn to(target: u16, open_while: PathBuf) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        let issuer = Issuer::new(params, key);
        let of_client = KeyPair::generate().unwrap();
        let client = CertificateParams::new(Vec::new()).unwrap();
        let client = client.signed_by(&of_client, &issuer).unwrap();
        let client =
            (pem("CERTIFICATE", client.der()), pem("PRIVATE KEY", &of_client.serialize_der()));
        let of_server = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let server = server.signed_by(&of_server, &issuer).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(of_server.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(serve(listener, target, acceptor, open_while));
        });
        Self { port, authority, client }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    target: u16,
    acceptor: TlsAcceptor,
    open_while: PathBuf,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        // The folder goes away with the test, and then so does this thread's reason.
        if !open_while.exists() {
            continue;
        }
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let (Ok(mut here), Ok(mut there)) =
                (acceptor.accept(stream).await, TcpStream::connect(("127.0.0.1", target)).await)
            else {
                return;
            };
            let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
        });
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    let body = base64(der);
    let text = format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n");
    base64(text.as_bytes())
}
