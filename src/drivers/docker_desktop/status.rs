//! What `docker desktop` prints about itself and its Kubernetes. Pure. The documents are described
//! nowhere, so that fields are looked for by name and anything else is "unknown".

use serde_json::Value;

/// Where Docker Desktop stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desktop {
    Running,
    Starting,
    Stopped,
    /// The command does not exist, or says something else.
    Unknown,
}

/// Where its Kubernetes stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kubernetes {
    Running,
    Starting,
    Disabled,
    /// It gave up starting.
    Failed(String),
    /// The command does not exist, or says something else.
    Unknown,
}

/// Who makes the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One node that shares the engine's images.
    Kubeadm,
    /// Nodes in containers, with image stores of their own.
    Kind,
}

/// `docker desktop status --format json`.
pub(super) fn desktop(text: &str) -> Desktop {
    match field(text, &["status", "state"]).unwrap_or_default().to_lowercase().as_str() {
        "running" => Desktop::Running,
        "starting" | "resuming" => Desktop::Starting,
        "stopped" | "stopping" | "paused" => Desktop::Stopped,
        _ => Desktop::Unknown,
    }
}

/// `docker desktop kubernetes status --format json`.
pub(super) fn kubernetes(text: &str) -> Kubernetes {
    let state = field(text, &["state", "status"]).unwrap_or_default().to_lowercase();
    if state.starts_with("failed") {
        let why = field(text, &["error", "progressmessage", "message"]).unwrap_or(state);
        return Kubernetes::Failed(why);
    }
    match state.as_str() {
        "running" | "started" => Kubernetes::Running,
        "starting" | "creating" | "updating" => Kubernetes::Starting,
        "disabled" | "stopped" | "not enabled" => Kubernetes::Disabled,
        _ => Kubernetes::Unknown,
    }
}

/// Who makes the nodes, from the same document.
pub(super) fn mode(text: &str) -> Option<Mode> {
    match field(text, &["mode"])?.to_lowercase().as_str() {
        "kubeadm" => Some(Mode::Kubeadm),
        "kind" => Some(Mode::Kind),
        _ => None,
    }
}

/// The first of these fields that says something, in a JSON object or in lines of `Name: value`;
/// names are compared without case and blanks.
fn field(text: &str, names: &[&str]) -> Option<String> {
    let found = |name: &str, wanted: &str| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        plain.eq_ignore_ascii_case(wanted)
    };
    let fields: Vec<(String, String)> = match serde_json::from_str::<Value>(text.trim()) {
        Ok(Value::Object(object)) => object
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
            .collect(),
        _ => lines(text),
    };
    names.iter().find_map(|wanted| {
        let value = fields.iter().find(|(name, _)| found(name, wanted)).map(|(_, value)| value)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

/// `State: running`, or a table of two columns.
fn lines(text: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').or_else(|| line.trim().split_once("  "))?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_from_json_and_from_lines() {
        assert_eq!(desktop(r#"{"Status":"running","SessionID":"x"}"#), Desktop::Running);
        assert_eq!(
            desktop("Name                Value\nStatus              stopped\n"),
            Desktop::Stopped
        );
        assert_eq!(desktop("Status: starting"), Desktop::Starting);
        assert_eq!(kubernetes("State: running\nMode: kubeadm\nNode Count: 1"), Kubernetes::Running);
        assert_eq!(kubernetes(r#"{"state":"starting"}"#), Kubernetes::Starting);
        assert_eq!(kubernetes(r#"{"state":"disabled"}"#), Kubernetes::Disabled);
    }

    #[test]
    fn a_failed_start_carries_its_error() {
        let text = r#"{"state":"failed to start","mode":"kind","error":"deadline exceeded"}"#;
        assert_eq!(kubernetes(text), Kubernetes::Failed("deadline exceeded".to_owned()));
        assert_eq!(mode(text), Some(Mode::Kind));
        let bare = kubernetes("State: failed to start");
        assert_eq!(bare, Kubernetes::Failed("failed to start".to_owned()));
    }

    #[test]
    fn an_unknown_command_says_nothing() {
        let text = "docker: unknown command: docker desktop kubernetes status\n\nRun 'docker --help' for more information";
        assert_eq!(desktop(text), Desktop::Unknown);
        assert_eq!(kubernetes(text), Kubernetes::Unknown);
        assert_eq!(mode(text), None);
        assert_eq!(kubernetes(""), Kubernetes::Unknown);
    }
}
