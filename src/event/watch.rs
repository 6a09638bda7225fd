//! The fields of `watch.state`: how `mlup watch` stands. Plain data only; when one is worth an event
//! is decided in `engine/reconcile`.

use serde::{Deserialize, Serialize};

/// The fields of `watch.state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchState {
    /// How the environment stands.
    pub state: Watching,
    /// What was noticed or mended, or what is in the way, in a few words.
    pub reason: String,
    /// The step that is in the way, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The failure's code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it is looked at again at the latest: wall clock in RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
}

impl WatchState {
    /// A state and the reason for it.
    pub fn of(state: Watching, reason: impl Into<String>) -> Self {
        Self { state, reason: reason.into(), step: None, code: None, next_at: None }
    }
}

/// How the environment stands, as far as `mlup watch` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Watching {
    /// Everything is up.
    Ready,
    /// Something was noticed; it is being looked at and mended.
    Mending,
    /// Something is in the way; it is tried again.
    Degraded,
    /// Somebody halted the environment, or works on it: it is left alone.
    Paused,
    /// The watch is over.
    Ended,
}
