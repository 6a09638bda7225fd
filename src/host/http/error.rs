//! Why there was no HTTP answer: told from the types in the chain of causes, by text last.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// Which kind of reason.
    pub kind: HttpErrorKind,
    text: String,
}

/// The kinds of reasons for which there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// The name does not resolve.
    Dns,
    /// The request itself is wrong; trying again cannot help.
    Invalid,
    /// Anything else.
    Other,
    /// Nothing listens there.
    Refused,
    /// The connection ended before the answer did.
    Reset,
    /// No answer in time.
    Timeout,
    /// No secure connection.
    Tls,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for HttpError {}

impl HttpError {
    /// A reason and its words.
    pub(crate) fn new(kind: HttpErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn invalid(text: String) -> Self {
        Self::new(HttpErrorKind::Invalid, text)
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        let seconds = format!("{:.1}", limit.as_secs_f64());
        let seconds = seconds.strip_suffix(".0").unwrap_or(&seconds);
        Self::new(HttpErrorKind::Timeout, format!("no answer within {seconds} s"))
    }
}

impl From<&hyper_util::client::legacy::Error> for HttpError {
    fn from(error: &hyper_util::client::legacy::Error) -> Self {
        Self::of(error)
    }
}

impl HttpError {
    /// The reason that a chain of causes tells.
    pub(in crate::host) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error.to_string();
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(known) = known(error) {
                return known;
            }
            innermost = error.to_string();
            cause = inner(error);
        }
        Self::new(HttpErrorKind::Other, innermost)
    }
}

/// The cause of an error. `io::Error::source` skips the error that it wraps (std 1.88).
pub(in crate::host) fn inner<'a>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn known(error: &(dyn Error + 'static)) -> Option<HttpError> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(HttpError::new(HttpErrorKind::Tls, tls_text(tls)));
    }
    if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
        if hyper.is_incomplete_message() {
            let text = "the connection was closed before an answer came";
            return Some(HttpError::new(HttpErrorKind::Reset, text));
        }
        return hyper
            .is_parse()
            .then(|| HttpError::new(HttpErrorKind::Other, "what answers there speaks no HTTP"));
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return io_kind(io.kind()).map(|(kind, text)| HttpError::new(kind, text));
    }
    // The type is private; the words are those of hyper-util 0.1.21, connect/http.rs.
    error
        .to_string()
        .starts_with("dns error")
        .then(|| HttpError::new(HttpErrorKind::Dns, "the host name does not resolve"))
}

fn io_kind(kind: io::ErrorKind) -> Option<(HttpErrorKind, &'static str)> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => (HttpErrorKind::Refused, "connection refused"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            (HttpErrorKind::Reset, "connection reset")
        }
        io::ErrorKind::UnexpectedEof => {
            (HttpErrorKind::Reset, "the connection was closed before an answer came")
        }
        io::ErrorKind::HostUnreachable => (HttpErrorKind::Other, "no route to the host"),
        io::ErrorKind::NetworkUnreachable => (HttpErrorKind::Other, "no route to the network"),
        io::ErrorKind::TimedOut => (HttpErrorKind::Timeout, "the connection timed out"),
        _ => return None,
    })
}

fn tls_text(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(reason) => {
            format!("the certificate is not accepted: {reason}")
        }
        rustls::Error::InvalidMessage(_) => "what answers there speaks no TLS".to_owned(),
        other => format!("no secure connection: {other}"),
    }
}
