//! Which report a run gets: the words of `--progress` and the rule behind `auto`.

use std::str::FromStr;

/// What `--progress` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Live on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// The live view, if there is a terminal at all.
    Tty,
    /// Lines of state changes.
    Plain,
    /// Events as JSON lines on standard output.
    Json,
    /// Failures and the summary.
    Quiet,
}

impl Mode {
    /// Every word that [`Mode`] parses from.
    pub const NAMES: [&'static str; 5] = ["auto", "tty", "plain", "json", "quiet"];
}

/// A word that is no progress mode.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no progress mode: use `auto`, `tty`, `plain`, `json` or `quiet`")]
pub struct UnknownMode(String);

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        match word {
            "auto" => Ok(Self::Auto),
            "tty" => Ok(Self::Tty),
            "plain" => Ok(Self::Plain),
            "json" => Ok(Self::Json),
            "quiet" => Ok(Self::Quiet),
            other => Err(UnknownMode(other.to_owned())),
        }
    }
}

/// The report that a mode comes down to here and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// The live view.
    Tty,
    /// Lines of state changes.
    Plain,
    /// Events as JSON lines.
    Json,
    /// Failures and the summary.
    Quiet,
}

/// The report for a mode: `auto` is live where standard error is a terminal that can move its
/// cursor and no CI system reads along. `tty` insists, but without a terminal there is nothing to
/// draw on.
#[must_use]
pub fn choose(mode: Mode, stderr_is_tty: bool, ci: bool, term_dumb: bool) -> Front {
    match mode {
        Mode::Auto if stderr_is_tty && !ci && !term_dumb => Front::Tty,
        Mode::Tty if stderr_is_tty => Front::Tty,
        Mode::Auto | Mode::Plain | Mode::Tty => Front::Plain,
        Mode::Json => Front::Json,
        Mode::Quiet => Front::Quiet,
    }
}

/// How much a report for people says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Failures and the summary.
    Quiet,
    /// State changes too.
    #[default]
    Normal,
    /// Every phase, probe and line of output too.
    Verbose,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_live_only_on_a_terminal_that_nobody_records() {
        assert_eq!(choose(Mode::Auto, true, false, false), Front::Tty);
        assert_eq!(choose(Mode::Auto, false, false, false), Front::Plain);
        assert_eq!(choose(Mode::Auto, true, true, false), Front::Plain);
        assert_eq!(choose(Mode::Auto, true, false, true), Front::Plain);
    }

    #[test]
    fn tty_insists_but_needs_a_terminal() {
        assert_eq!(choose(Mode::Tty, true, true, true), Front::Tty);
        assert_eq!(choose(Mode::Tty, false, false, false), Front::Plain);
    }

    #[test]
    fn the_other_modes_are_what_they_say() {
        assert_eq!(choose(Mode::Json, true, false, false), Front::Json);
        assert_eq!(choose(Mode::Quiet, true, false, false), Front::Quiet);
        assert_eq!(choose(Mode::Plain, true, false, false), Front::Plain);
    }

    #[test]
    fn every_name_parses_and_a_wrong_one_lists_them() {
        assert!(Mode::NAMES.iter().all(|name| name.parse::<Mode>().is_ok()));
        let error = "fancy".parse::<Mode>().unwrap_err().to_string();
        assert!(Mode::NAMES.iter().all(|name| error.contains(name)), "{error}");
    }
}
