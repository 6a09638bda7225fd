//! What an error of the Kubernetes API means: told from types and status codes, by text last.

use std::error::Error;
use std::time::Duration;

use kube::core::Status;
use rustls::CertificateError;

use crate::event::Fix;
use crate::host::http::{HttpError, HttpErrorKind, cause_of};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// What an error of this server means for the user of this context.
#[must_use]
pub fn failure(error: &kube::Error, server: &str, context: &str) -> Failure {
    match error {
        kube::Error::Api(status) => answered(status, server, context),
        kube::Error::Auth(reason) => Failure::new(
            Class::Prerequisite,
            "EXEC_PLUGIN_FAILED",
            format!("the context `{context}` has no credentials that can be used: {reason}"),
        ),
        kube::Error::RustlsTls(reason) => Failure::new(
            Class::Config,
            "KUBECONFIG_UNREADABLE",
            format!("the kubeconfig of the context `{context}` cannot be used: {reason}"),
        ),
        // The address of a proxy may hold a password.
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => Failure::new(
            Class::Config,
            "KUBECONFIG_UNREADABLE",
            format!(
                "the proxy of the context `{context}` cannot be used: mlup speaks to `http` and \
                 `socks5` proxies"
            ),
        ),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            unreachable(server, "what answers there is no Kubernetes API")
        }
        _ => unanswered_because(error, server, context),
    }
}

/// No answer came in time.
pub(super) fn unanswered(server: &str, limit: Duration) -> Failure {
    unreachable(server, &format!("no answer within {} s", limit.as_secs()))
}

/// Whether the same request may succeed a little later: the server comes up, or is busy.
#[must_use]
pub fn may_pass(failure: &Failure) -> bool {
    matches!(failure.code, "API_UNREACHABLE" | "API_UNAVAILABLE")
}

/// The server answered that it will not.
fn answered(status: &Status, server: &str, context: &str) -> Failure {
    let message = match status.message.lines().next().map(str::trim) {
        Some(message) if !message.is_empty() => message,
        _ => status.reason.as_str(),
    };
    let evidence = format!("{} {message}", status.code);
    match status.code {
        401 => unauthorized(server, context).because("API server", evidence),
        403 => Failure::new(
            Class::Prerequisite,
            "API_FORBIDDEN",
            format!("the user of the context `{context}` may not do this on `{server}`"),
        )
        .because("API server", evidence)
        .fix(Fix::safe(format!("kubectl --context {} auth can-i --list", quote(context)))),
        // Busy, or one of its parts is coming up.
        408 | 429 | 500 | 502..=504 => Failure::new(
            Class::Transient,
            "API_UNAVAILABLE",
            format!("the API server at `{server}` cannot answer now"),
        )
        .because("API server", evidence),
        _ => Failure::new(
            Class::Permanent,
            "API_REQUEST_FAILED",
            format!("the API server at `{server}` refused a request"),
        )
        .because("API server", evidence),
    }
}

fn unauthorized(server: &str, context: &str) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "API_UNAUTHORIZED",
        format!("`{server}` does not accept the credentials of the context `{context}`"),
    )
    .fix(Fix::safe("log in again, or fetch the cluster's kubeconfig again"))
}

/// There was no answer: the innermost cause that is known says why.
fn unanswered_because(error: &kube::Error, server: &str, context: &str) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(reason)) => return distrusted(reason, server),
            Some(rustls::Error::AlertReceived(alert)) => {
                let text = format!("TLS alert {alert:?}");
                return unauthorized(server, context).because("API server", text);
            }
            _ => cause = cause_of(error),
        }
    }
    let reason = HttpError::of(error);
    match reason.kind {
        HttpErrorKind::Dns => unreachable(server, "its host name does not resolve"),
        _ => unreachable(server, &reason.to_string()),
    }
}

/// The server's certificate is not accepted.
fn distrusted(reason: &CertificateError, server: &str) -> Failure {
    let (code, what, onset) = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "API_CERTIFICATE_EXPIRED",
            "has expired; a restart of the cluster renews it",
            Onset::Unresponsive,
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let summary = format!(
                "the certificate of `{server}` is not valid yet: this machine's clock is behind"
            );
            return Failure::new(Class::Prerequisite, "CLOCK_WRONG", summary)
                .because("TLS", reason.to_string())
                .fix(Fix::safe("timedatectl set-ntp true"));
        }
        // The cluster moved to another address, which its tool puts into a new certificate.
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("API_CERTIFICATE_UNKNOWN", "is for another address", Onset::Unresponsive)
        }
        _ => (
            "API_CERTIFICATE_UNKNOWN",
            "is not from the authority that the kubeconfig names: it is of another cluster",
            Onset::Corrupt,
        ),
    };
    Failure::new(Class::Permanent, code, format!("the certificate of `{server}` {what}"))
        .because("TLS", reason.to_string())
        .curable(onset)
}

fn unreachable(server: &str, why: &str) -> Failure {
    Failure::new(
        Class::Transient,
        "API_UNREACHABLE",
        format!("the API server at `{server}` does not answer: {why}"),
    )
    .curable(Onset::Unresponsive)
}
