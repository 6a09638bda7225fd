//! The events that minikube prints, one JSON object a line: progress for people, and the error that
//! decides. What an error means is `reasons`.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Everything before the kind of an event.
const TYPE: &str = "io.k8s.sigs.minikube.";

/// The words by which minikube says that it made the control plane anew: all objects are gone, and
/// it still exits 0.
const RESET: &str = "will reset cluster";

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A step begins.
    Step {
        /// Its name, such as `Creating Container`.
        name: String,
        /// Its number and the number of all; empty on detours.
        count: Option<(u32, u32)>,
    },
    /// A download begins or goes on.
    Download {
        /// What is downloaded.
        artifact: String,
        /// How much of it is there.
        percent: Option<u8>,
    },
    /// Something that changes nothing.
    Info(String),
    /// A warning.
    Warning(String),
    /// An error, fatal or not.
    Error(ErrorEvent),
}

/// An error event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorEvent {
    /// The exit code that goes with it; none for an error that minikube goes on after.
    pub(super) exit: Option<i32>,
    /// The reason id, such as `GUEST_PROVISION`; empty without an exit code.
    pub(super) name: String,
    /// What happened.
    pub(super) message: String,
    /// What minikube advises; empty where it holds placeholders that were not filled in.
    pub(super) advice: String,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Map<String, Value>,
}

/// The event on this line, if it is one.
pub(super) fn parse(line: &str) -> Option<Event> {
    let wire: Wire = serde_json::from_str(line.trim()).ok()?;
    let field = |name: &str| match wire.data.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let number = |name: &str| field(name).parse().ok();
    Some(match wire.kind.strip_prefix(TYPE)? {
        "step" => Event::Step {
            name: field("name"),
            count: number("currentstep").zip(number("totalsteps")),
        },
        "download" => Event::Download { artifact: field("artifact"), percent: None },
        "download.progress" => {
            Event::Download { artifact: field("artifact"), percent: percent(&field("progress")) }
        }
        "warning" => Event::Warning(field("message")),
        "error" => Event::Error(ErrorEvent {
            exit: field("exitcode").parse().ok(),
            name: field("name"),
            message: field("message"),
            advice: Some(field("advice")).filter(|text| !text.contains("{{")).unwrap_or_default(),
        }),
        _ => Event::Info(field("message")),
    })
}

/// A fraction as whole tenths of a hundred: more would only flicker.
fn percent(fraction: &str) -> Option<u8> {
    let digits = fraction.strip_prefix("0.").or_else(|| fraction.strip_prefix('.'))?;
    Some(digits.chars().next()?.to_digit(10)?.try_into().ok()?).map(|tenth: u8| tenth * 10)
}

/// What the event says about what is done now.
pub(super) fn progress(event: &Event) -> Option<String> {
    match event {
        Event::Step { name, .. } if name == "Done" || name.is_empty() => None,
        Event::Step { name, count: Some((step, all)) } => {
            Some(format!("{} ({step}/{all})", in_a_sentence(name)))
        }
        Event::Step { name, count: None } => Some(in_a_sentence(name)),
        Event::Download { artifact, percent: None } => Some(format!("downloading {artifact}")),
        Event::Download { artifact, percent: Some(percent) } => {
            Some(format!("downloading {artifact} ({percent}%)"))
        }
        Event::Info(_) | Event::Warning(_) | Event::Error(_) => None,
    }
}

/// `Creating Container` as it stands within a sentence; abbreviations keep their capitals.
fn in_a_sentence(name: &str) -> String {
    let word = |word: &str| {
        let short = word.len() > 1 && word.chars().all(char::is_uppercase);
        if short { word.to_owned() } else { word.to_lowercase() }
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The error that decides: the last one with an exit code.
pub(super) fn deciding(stdout: &str) -> Option<ErrorEvent> {
    errors(stdout).filter(|error| error.exit.is_some()).last()
}

/// Whether minikube gave the control plane up and made it anew.
pub(super) fn was_reset(stdout: &str) -> bool {
    errors(stdout).any(|error| error.exit.is_none() && error.message.contains(RESET))
}

fn errors(stdout: &str) -> impl Iterator<Item = ErrorEvent> {
    stdout.lines().filter_map(parse).filter_map(|event| match event {
        Event::Error(error) => Some(error),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = include_str!("../../../tests/corpus/minikube/1.38/start.jsonl");
    const RESET: &str = include_str!("../../../tests/corpus/minikube/1.38/start-reset.jsonl");
    const DOWN: &str = include_str!("../../../tests/corpus/minikube/1.35/start-docker-down.jsonl");
    const FAILED: &str = include_str!("../../../tests/corpus/minikube/1.34/start-failed.jsonl");

    fn told(stdout: &str) -> Vec<String> {
        stdout.lines().filter_map(parse).filter_map(|event| progress(&event)).collect()
    }

    #[test]
    fn a_start_tells_its_steps_and_downloads() {
        assert_eq!(
            told(START),
            [
                "initial minikube setup (0/19)",
                "selecting driver (1/19)",
                "starting node (3/19)",
                "pulling base image (5/19)",
                "downloading preloaded-images-k8s-v18-v1.36.2-docker-overlay2-amd64.tar.lz4",
                "downloading preloaded-images-k8s-v18-v1.36.2-docker-overlay2-amd64.tar.lz4 (40%)",
                "creating container (8/19)",
                "preparing kubernetes (11/19)",
                "configuring RBAC rules (14/19)",
                "verifying kubernetes (17/19)",
                "enabling addons (18/19)",
            ]
        );
        assert_eq!(deciding(START), None);
        assert!(!was_reset(START));
    }

    #[test]
    fn a_detour_has_no_number() {
        let line = r#"{"type":"io.k8s.sigs.minikube.step","data":{"currentstep":"","name":"Stopping","totalsteps":""}}"#;
        assert_eq!(told(line), ["stopping"]);
    }

    #[test]
    fn the_last_error_with_an_exit_code_decides() {
        let error = deciding(DOWN).unwrap();
        assert_eq!((error.exit, error.name.as_str()), (Some(14), "MK_USAGE"));
        let error = deciding(FAILED).unwrap();
        assert_eq!((error.exit, error.name.as_str()), (Some(80), "GUEST_PROVISION"));
        assert!(error.message.starts_with("error provisioning guest:"), "{}", error.message);
    }

    #[test]
    fn a_reset_is_an_error_that_is_not_fatal() {
        assert!(was_reset(RESET));
        assert_eq!(deciding(RESET), None);
    }

    #[test]
    fn advice_with_open_placeholders_is_not_shown() {
        let line = r#"{"type":"io.k8s.sigs.minikube.error","data":{"exitcode":"30","name":"X","message":"m","advice":"run {{.cmd}}"}}"#;
        assert_eq!(deciding(line).unwrap().advice, "");
    }

    #[test]
    fn lines_that_are_no_events_are_passed_over() {
        for line in ["", "null", "Error: unknown flag: --x", r#"{"Name":"dev"}"#, "{", "[]"] {
            assert_eq!(parse(line), None, "{line}");
        }
        assert_eq!((percent("0.47"), percent("1"), percent("")), (Some(40), None, None));
    }
}
