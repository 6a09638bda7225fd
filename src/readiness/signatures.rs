//! What lines of logs mean: words that programs print when they end, as data. How a log is searched
//! for them is [`super::crash_log`].

mod application;
mod environment;

use super::cause::Whose;

/// Words of a log and what they mean.
#[derive(Debug)]
pub(super) struct Signature {
    /// Any of these stands in one line; `*` stands for any text.
    pub(super) words: &'static [&'static str],
    /// The code that the cause has then; `None` leaves its own.
    pub(super) code: Option<&'static str>,
    /// What it means, to follow a colon.
    pub(super) why: &'static str,
    /// The rule of the catalogue; `None` where it has none.
    pub(super) rule: Option<&'static str>,
    /// Who has to change something.
    pub(super) whose: Whose,
    /// What helps, where it is not to read the log.
    pub(super) fix: Option<&'static str>,
}

const fn application(
    rule: &'static str,
    words: &'static [&'static str],
    why: &'static str,
    fix: &'static str,
) -> Signature {
    of(rule, Whose::Application, words, why, fix)
}

const fn environment(
    rule: &'static str,
    words: &'static [&'static str],
    why: &'static str,
    fix: &'static str,
) -> Signature {
    of(rule, Whose::Environment, words, why, fix)
}

const fn of(
    rule: &'static str,
    whose: Whose,
    words: &'static [&'static str],
    why: &'static str,
    fix: &'static str,
) -> Signature {
    let rule = if rule.is_empty() { None } else { Some(rule) };
    let fix = if fix.is_empty() { None } else { Some(fix) };
    Signature { words, code: None, why, rule, whose, fix }
}

impl Signature {
    const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Whether a line holds any of the words.
    pub(super) fn is_in(&self, line: &str) -> bool {
        self.words.iter().any(|words| holds(line, words))
    }
}

/// Whether the parts between the `*` of a pattern stand in a line, in their order.
fn holds(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('*').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// The advice to look at the cluster's name service, for which there is a command.
pub(super) const DNS: &str = "see whether the cluster's name service runs";

/// The code of a crash for want of something that is not there.
pub(super) const UNREACHABLE: &str = "DEPENDENCY_UNREACHABLE";

/// All of them in the order in which they decide, the most telling first.
pub(super) fn all() -> impl Iterator<Item = &'static Signature> {
    let first = application::SPECIFIC.iter().chain(&environment::ENVIRONMENT);
    first.chain(&application::GENERAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_pattern_stand_in_their_order() {
        assert!(holds("role \"a\" does not exist", "role \"*\" does not exist"));
        assert!(!holds("does not exist: role \"a\"", "role \"*\" does not exist"));
        assert!(holds("FATAL:  database \"m\" does not exist", "database \"*\" does not exist"));
    }

    #[test]
    fn no_signature_hides_behind_an_earlier_one() {
        for (at, signature) in all().enumerate() {
            for words in signature.words {
                let line = words.replace('*', " ");
                let first = all().position(|one| one.is_in(&line)).unwrap();
                assert_eq!(first, at, "{words}");
            }
        }
    }
}
