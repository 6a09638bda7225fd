//! What an error of the Docker client means: by its structure first, by the engine's words last.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use bollard::errors::Error;

use crate::event::Fix;
use crate::host::docker::endpoint::{Endpoint, Origin};
use crate::policy::classify::known;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};

/// What an error of a connected client means; `doing` completes "could not ...", such as
/// "create network `mlnet`".
#[must_use]
pub fn classify(error: &Error, doing: &str) -> Failure {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            answered(*status_code, message, doing)
        }
        Error::DockerStreamError { error } => said(Class::Permanent, "DOCKER_FAILED", error, doing),
        Error::RequestTimeoutError => Failure::new(
            Class::Transient,
            "DOCKER_TIMEOUT",
            format!("could not {doing}: the Docker Engine did not answer in time"),
        ),
        _ if io_kind(error) == Some(io::ErrorKind::PermissionDenied) => {
            permission("the engine", doing)
        }
        _ if is_lost_connection(error) => Failure::new(
            Class::Transient,
            "DOCKER_CONNECTION_LOST",
            format!("could not {doing}: the connection to the Docker Engine was lost"),
        )
        .because("docker", chain(error))
        .fix(Fix::safe("systemctl status docker")),
        _ => said(Class::Permanent, "DOCKER_FAILED", &chain(error), doing),
    }
}

/// An answer of the engine that says no.
fn answered(status: u16, message: &str, doing: &str) -> Failure {
    let (class, code) = match status {
        404 => (Class::Permanent, "DOCKER_NOT_FOUND"),
        409 => (Class::Permanent, "DOCKER_CONFLICT"),
        502..=504 => (Class::Transient, "DOCKER_BUSY"),
        _ => (Class::Permanent, "DOCKER_FAILED"),
    };
    said(class, code, message, doing)
}

/// A known issue that the words name, or else the given class with the words themselves.
fn said(class: Class, code: &'static str, words: &str, doing: &str) -> Failure {
    let words = words.trim();
    known(Tool::Docker, doing, words).unwrap_or_else(|| {
        Failure::new(class, code, format!("could not {doing}: {}", words.trim_end_matches('.')))
    })
}

/// What an error means that stopped the client from connecting at all.
pub(super) fn connect(error: &Error, endpoint: &Endpoint) -> Failure {
    if io_kind(error) == Some(io::ErrorKind::PermissionDenied) {
        return permission(&format!("`{endpoint}`"), "talk to the Docker Engine");
    }
    if let Error::DockerResponseServerError { message, .. } = error
        && let Some(failure) = known(Tool::Docker, "talk to the Docker Engine", message)
    {
        return failure;
    }
    let absent = matches!(error, Error::SocketNotFoundError(_));
    let why = match io_kind(error) {
        _ if absent => "there is no such socket".to_owned(),
        Some(io::ErrorKind::NotFound) => "there is no such socket".to_owned(),
        Some(io::ErrorKind::ConnectionRefused) => "nothing answers there".to_owned(),
        _ => chain(error),
    };
    unreachable(endpoint, &why)
}

/// The engine accepted the connection and then said nothing.
pub(super) fn silent(endpoint: &Endpoint, after: Duration) -> Failure {
    unreachable(endpoint, &format!("it did not answer within {} s", after.as_secs()))
}

fn unreachable(endpoint: &Endpoint, why: &str) -> Failure {
    let (origin, fix) = match &endpoint.origin {
        Origin::Context(name) => {
            (format!("docker context `{name}`"), "docker context use default".to_owned())
        }
        Origin::DockerHost => ("`DOCKER_HOST`".to_owned(), "unset DOCKER_HOST".to_owned()),
        Origin::Default => (
            "the default".to_owned(),
            "sudo systemctl start docker   # or open Docker Desktop".to_owned(),
        ),
        Origin::Found => (
            "found there".to_owned(),
            "systemctl --user start docker   # or open Docker Desktop".to_owned(),
        ),
    };
    Failure::new(
        Class::Prerequisite,
        "DOCKER_UNREACHABLE",
        format!("the Docker Engine at `{endpoint}` cannot be reached: {why}"),
    )
    .because("endpoint", format!("{endpoint} ({origin})"))
    .fix(Fix::safe(fix))
}

fn permission(place: &str, doing: &str) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "DOCKER_PERMISSION",
        format!("could not {doing}: this user may not open the socket of {place}; members of the group `docker` may, and that group is as powerful as root"),
    )
    .fix(Fix::safe("sudo usermod -aG docker $USER   # then log in again"))
}

/// The kind of the first I/O error in the chain of causes.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
}

fn is_lost_connection(error: &Error) -> bool {
    let broken = causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(|cause| cause.is_incomplete_message() || cause.is_closed() || cause.is_canceled());
    let kinds = [
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::NotFound,
        io::ErrorKind::TimedOut,
        io::ErrorKind::UnexpectedEof,
    ];
    broken || io_kind(error).is_some_and(|kind| kinds.contains(&kind))
}

/// The error and what caused it. The client's wrappers are left out: they hide what they wrap.
fn causes(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = match error {
        Error::HyperLegacyError { err } => err,
        Error::HyperResponseError { err } => err,
        Error::IOError { err } => err,
        other => other,
    };
    std::iter::successors(Some(first), |cause| (**cause).source())
}

fn chain(error: &Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in causes(error).map(ToString::to_string) {
        if !words.last().is_some_and(|last| last.contains(&cause)) {
            words.push(cause);
        }
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(status_code: u16, message: &str) -> Failure {
        let error = Error::DockerResponseServerError { status_code, message: message.to_owned() };
        classify(&error, "create network `mlnet`")
    }

    fn failed(kind: io::ErrorKind) -> Failure {
        classify(&Error::IOError { err: kind.into() }, "list containers")
    }

    #[test]
    fn status_decides_where_the_words_say_nothing() {
        let failure = server(404, "No such thing.");
        assert_eq!((failure.class, failure.code), (Class::Permanent, "DOCKER_NOT_FOUND"));
        assert_eq!(failure.summary, "could not create network `mlnet`: No such thing");
        assert_eq!(server(409, "x").code, "DOCKER_CONFLICT");
        assert_eq!(server(503, "x").class, Class::Transient);
        assert_eq!(server(500, "x").code, "DOCKER_FAILED");
    }

    #[test]
    fn known_words_win() {
        assert_eq!(server(500, "write /var/lib/x: no space left on device").code, "DISK_FULL");
    }

    #[test]
    fn a_lost_connection_may_pass() {
        for kind in
            [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::NotFound]
        {
            let failure = failed(kind);
            assert_eq!((failure.class, failure.code), (Class::Transient, "DOCKER_CONNECTION_LOST"));
        }
    }

    #[test]
    fn a_closed_socket_names_the_group() {
        let failure = failed(io::ErrorKind::PermissionDenied);
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "DOCKER_PERMISSION"));
        assert!(failure.summary.contains("`docker`"), "{}", failure.summary);
    }
}
