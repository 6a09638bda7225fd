//! Readiness of what extends the API: definitions of kinds, and APIs that pods serve.

use serde_json::Value;

use super::Readiness;
use super::cause::{Cause, Finality};
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// A definition: its names are accepted and its kind is served.
pub(super) fn definition(object: &Value) -> Readiness {
    let refused = read::condition(object, "NamesAccepted").filter(|condition| {
        read::text(condition, "/status") == "False" && !read::text(condition, "/reason").is_empty()
    });
    if let Some(condition) = refused {
        let cause = Cause::new(
            "DEFINITION_REFUSED",
            Class::Refused,
            Finality::Fatal,
            format!("definition `{}` uses names that another one has", read::name(object)),
        );
        return Readiness::Failed(
            cause.because("condition NamesAccepted", read::text(condition, "/message")).run(
                CommandLine::kubectl("").args(["get", "crd"]).comment(format!(
                    "and remove the one that clashes with {}",
                    read::name(object)
                )),
            ),
        );
    }
    if read::holds(object, "Established") {
        return Readiness::Ready("established".to_owned());
    }
    Readiness::Progressing("waits to be established".to_owned())
}

/// An API that pods serve: it answers.
pub(super) fn api_service(object: &Value) -> Readiness {
    if read::holds(object, "Available") {
        return Readiness::Ready("available".to_owned());
    }
    let why = read::condition(object, "Available")
        .map_or("", |condition| read::text(condition, "/message"));
    Readiness::Progressing(if why.is_empty() {
        "waits for its service".to_owned()
    } else {
        why.to_owned()
    })
}
