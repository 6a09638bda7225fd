//! The fields of `tunnel.state`: how the ports of this machine stand that lead to another one. Plain
//! data only; when one is worth an event is decided in `policy/tunnel`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The fields of `tunnel.state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelState {
    /// Where it leads, as `ssh` takes it.
    pub destination: String,
    /// How it stood before.
    pub from: TunnelStage,
    /// How it stands now.
    pub to: TunnelStage,
    /// Why it is not up, where something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The failure's code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Attempts to make it again since it broke.
    pub attempt: u32,
}

/// What a tunnel is at, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TunnelStage {
    /// It is being made for the first time.
    Connecting,
    /// Its ports lead to the other machine.
    Up,
    /// It broke, and is being made again.
    Down,
    /// It is not made again.
    Over,
}

impl TunnelStage {
    /// The word that events and reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Down => "down",
            Self::Over => "over",
        }
    }
}

impl fmt::Display for TunnelStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
