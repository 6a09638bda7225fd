//! A server of tokens for docker-registry, which checks their signature (distribution's token
//! specification): `/token` answers the right user and password with a token for what was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertifiedKey, KeyPair, SigningKey};
use serde_json::{Value, json};

use super::{PASSWORD, USER};

/// A user who may log in, and may see nothing.
pub(crate) const GUEST: &str = "guest";
/// The guest's password.
pub(crate) const GUEST_PASSWORD: &str = "c4n4ry-guest";

/// What the registry calls itself in tokens.
const SERVICE: &str = "test-registry";
/// Who signs them.
const ISSUER: &str = "test-tokens";

/// The server; it answers as long as the test runs.
pub(super) struct Tokens {
    address: SocketAddr,
    signer: Arc<Signer>,
}

struct Signer {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

impl Tokens {
    pub(super) fn start() -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([ISSUER.to_owned()]).unwrap();
        let signer = Arc::new(Signer { key: signing_key, certificate: cert });
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let own = Arc::clone(&signer);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(stream, &own);
            }
        });
        Self { address, signer }
    }

    /// How the registry is told of it.
    pub(super) fn settings(&self, folder: &Path) -> Value {
        let bundle = folder.join("tokens.pem");
        let lines = STANDARD.encode(self.signer.certificate.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
        std::fs::write(&bundle, pem).unwrap();
        json!({ "token": { "realm": format!("http://{}/token", self.address), "service": SERVICE,
            "issuer": ISSUER, "rootcertbundle": bundle } })
    }

    /// A token for these actions on a repository.
    pub(super) fn mint(&self, repository: &str, actions: &[&str]) -> String {
        self.signer.mint(&json!([{ "type": "repository", "name": repository, "actions": actions }]))
    }
}

impl Signer {
    fn mint(&self, access: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let chain = [STANDARD.encode(self.certificate.der())];
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": chain });
        let claims = json!({ "iss": ISSUER, "sub": USER, "aud": SERVICE, "jti": "1", "iat": now,
            "nbf": now - 60, "exp": now + 600, "access": access });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = halves(&self.key.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An ECDSA signature as tokens have it (RFC 7518): both numbers in 32 bytes each, instead of DER.
fn halves(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut all = Vec::new();
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let number = &rest[2..2 + length];
        let number = &number[length.saturating_sub(32)..];
        all.extend(std::iter::repeat_n(0, 32 - number.len()));
        all.extend(number);
        rest = &rest[2 + length..];
    }
    all
}

/// Answers one request and closes.
fn answer(mut stream: TcpStream, signer: &Signer) {
    let mut head = String::new();
    let mut buffer = [0; 4096];
    while !head.contains("\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => head.push_str(&String::from_utf8_lossy(&buffer[..length])),
            Ok(0) | Err(_) => return,
        }
    }
    let (status, body) = reply(&head, signer);
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
}

fn reply(head: &str, signer: &Signer) -> (u16, String) {
    let line = head.lines().next().unwrap_or_default();
    let Some(query) = line.strip_prefix("GET /token?") else { return (404, String::new()) };
    let query = query.split(' ').next().unwrap_or_default();
    let asked = |name: &str| {
        let of = |pair: &str| Some(pair.strip_prefix(name)?.strip_prefix('=')?.to_owned());
        query.split('&').find_map(of)
    };
    let login = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": Basic ")?;
        name.eq_ignore_ascii_case("authorization").then(|| STANDARD.decode(value).unwrap())
    });
    let login = login.map(|login| String::from_utf8(login).unwrap());
    let is = |user: &str, password: &str| login == Some(format!("{user}:{password}"));
    let denied = json!({ "errors": [{ "code": "UNAUTHORIZED",
        "message": "incorrect username or password" }] });
    if asked("service").as_deref() != Some(SERVICE) {
        return (400, json!({ "errors": [{ "code": "UNSUPPORTED" }] }).to_string());
    }
    let access = if is(USER, PASSWORD) {
        let scope = asked("scope").unwrap_or_default();
        let [kind, name, actions] = scope.split(':').collect::<Vec<_>>()[..] else {
            return (400, json!({ "errors": [{ "code": "UNSUPPORTED" }] }).to_string());
        };
        let actions: Vec<&str> = actions.split(',').collect();
        json!([{ "type": kind, "name": name, "actions": actions }])
    } else if is(GUEST, GUEST_PASSWORD) || login.is_none() {
        // Whoever may see nothing gets a token for nothing.
        json!([])
    } else {
        return (401, denied.to_string());
    };
    (200, json!({ "token": signer.mint(&access), "expires_in": 300 }).to_string())
}
