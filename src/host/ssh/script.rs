//! One POSIX shell script for the far side, with the values that it works on: how both become the
//! text on standard input, and what of the answer is its own. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::quote::quote;
use crate::redact::Secret;

/// Stands before the answer: what a login shell's own files print comes before it.
const BEGIN: &str = "@mlup begin";

/// Stands behind the answer, before the script's exit code.
const END: &str = "@mlup end";

/// How long a script may take unless it says otherwise.
const LIMIT: Duration = Duration::from_secs(60);

/// A script and its data. Neither is ever part of a command line: the data are shell variables, and
/// all of it goes through standard input.
#[derive(Clone, Debug)]
pub struct Script {
    doing: String,
    text: Cow<'static, str>,
    data: BTreeMap<&'static str, Secret>,
    limit: Duration,
}

impl Script {
    /// A script in POSIX sh; it runs under `set -eu` with an empty standard input, in the C locale.
    /// `doing` completes "could not ...".
    pub fn new(doing: impl Into<String>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { doing: doing.into(), text: text.into(), data: BTreeMap::new(), limit: LIMIT }
    }

    /// Gives the script a value as the shell variable of this name, which is not exported. A byte
    /// that no variable can hold ends the value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.data.insert(name, Secret::new(value));
        self
    }

    /// As [`Script::with`], for a value that nobody may see.
    #[must_use]
    pub fn secret(mut self, name: &'static str, value: Secret) -> Self {
        self.data.insert(name, value);
        self
    }

    /// Sets how long it may take; a minute unless set.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What it does, so that "could not" goes before it.
    #[must_use]
    pub fn doing(&self) -> &str {
        &self.doing
    }

    /// How long it may take.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.limit
    }

    /// The text for `sh -s`. The script stands in a subshell, so that the shell has read all of it
    /// before it runs a word of it, and so that `exit` in it still leaves the last line to us.
    pub(super) fn input(&self) -> Secret {
        self.render("</dev/null")
    }

    /// The text for a shell that reads the script from elsewhere and leaves its standard input, the
    /// payload, to the script.
    pub(super) fn input_before_payload(&self) -> Secret {
        self.render("")
    }

    fn render(&self, redirection: &str) -> Secret {
        let mut head = String::from("LC_ALL=C\nexport LC_ALL\n");
        for (name, value) in &self.data {
            let value = value.expose().split('\0').next().unwrap_or_default();
            head.push_str(name);
            head.push('=');
            head.push_str(&quote(value));
            head.push('\n');
        }
        Secret::new(format!(
            "{head}printf '%s\\n' '{BEGIN}'\n(\nset -eu\n{}\n) {redirection}\nmlup_code=$?\n\
             printf '\\n%s %s\\n' '{END}' \"$mlup_code\"\nexit \"$mlup_code\"\n",
            self.text
        ))
    }
}

/// What came back on standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// No shell ran the script; this is what was said instead.
    None,
    /// The script began and did not come to its end.
    Broken,
    /// The script ran to its end.
    Whole {
        /// Its exit code.
        code: i32,
        /// Its standard output.
        text: String,
    },
}

/// Takes the script's own output out of all that came.
pub(super) fn answer(stdout: &str) -> Answer {
    let Some((_, begun)) = stdout.split_once(&format!("{BEGIN}\n")) else { return Answer::None };
    let whole = begun.rsplit_once(&format!("\n{END} "));
    match whole.and_then(|(text, rest)| Some((text, rest.lines().next()?.parse().ok()?))) {
        Some((text, code)) => Answer::Whole { code, text: text.to_owned() },
        None => Answer::Broken,
    }
}

/// What a far side prints that runs a script: for tests of those who send scripts.
#[cfg(test)]
pub(crate) fn answering(code: i32, text: &str) -> String {
    format!("{BEGIN}\n{text}\n{END} {code}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_quoted_at_the_head_and_never_in_the_script() {
        let script = Script::new("look", "echo \"$A\"")
            .with("A", "it's $(reboot) `x`\nline two")
            .secret("B", Secret::new("~/c4n4ry; rm"));
        let text = script.input();
        let head = text.expose().split("printf").next().unwrap();
        assert_eq!(
            head,
            "LC_ALL=C\nexport LC_ALL\nA='it'\\''s $(reboot) `x`\nline two'\nB='~/c4n4ry; rm'\n"
        );
        assert!(!format!("{script:?}").contains("c4n4ry"));
    }

    #[test]
    fn a_byte_that_no_variable_holds_ends_the_value() {
        let text = Script::new("look", ":").with("A", "front\0back").input();
        assert!(text.expose().contains("A=front\n"), "{}", text.expose());
    }

    #[test]
    fn noise_of_a_login_shell_is_not_the_answer() {
        let stdout = format!("Welcome!\n{BEGIN}\nno line yet\n{}", answering(3, "{\"a\":1}\n"));
        let text = format!("no line yet\n{BEGIN}\n{{\"a\":1}}\n");
        assert_eq!(answer(&stdout), Answer::Whole { code: 3, text });
    }

    #[test]
    fn the_last_mark_ends_the_answer() {
        let inner = format!("a\n{END} 7\nb");
        assert_eq!(answer(&answering(0, &inner)), Answer::Whole { code: 0, text: inner });
    }

    #[test]
    fn an_answer_without_its_end_is_broken_off() {
        assert_eq!(answer(&format!("{BEGIN}\nhalf")), Answer::Broken);
        assert_eq!(answer(&format!("{BEGIN}\nhalf\n{END} ")), Answer::Broken);
        assert_eq!(answer("This account is currently not available.\n"), Answer::None);
    }
}
