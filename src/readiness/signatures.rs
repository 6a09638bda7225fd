//! What lines of logs mean: words that programs print when they end, as data. How a log is searched
//! for them is [`super::crash_log`].

mod application;
mod environment;

use super::cause::Whose;

/// Words of a log and what they mean.
#[derive(Debug)]
pub(super) struct Signature {
    /// Any of these stands in one line; `*` stands for any text, `#` for a digit.
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
    /// The same two with the name that the line quotes in the place of `{}`, where it quotes one.
    named: Option<(&'static str, &'static str)>,
    /// What another line before it says, where the words alone would fit too much.
    among: &'static [&'static str],
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
    Signature { words, code: None, why, rule, whose, fix, named: None, among: &[] }
}

impl Signature {
    const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    const fn named(mut self, why: &'static str, fix: &'static str) -> Self {
        self.named = Some((why, fix));
        self
    }

    const fn among(mut self, words: &'static [&'static str]) -> Self {
        self.among = words;
        self
    }

    /// Whether a line holds any of the words.
    pub(super) fn is_in(&self, line: &str) -> bool {
        self.words.iter().any(|words| holds(line, words))
    }

    /// Whether the lines around one that holds the words leave it its meaning.
    pub(super) fn is_among(&self, lines: &[&str]) -> bool {
        let says = |line: &&str| self.among.iter().any(|words| line.contains(words));
        self.among.is_empty() || lines.iter().any(says)
    }

    /// What a line means, and what helps.
    pub(super) fn told(&self, line: &str) -> (String, Option<String>) {
        match self.named.zip(quoted(line, self.words)) {
            Some(((why, fix), name)) => (why.replace("{}", name), Some(fix.replace("{}", name))),
            None => (self.why.to_owned(), self.fix.map(str::to_owned)),
        }
    }
}

/// The first name in quotes from the words on.
fn quoted<'l>(line: &'l str, words: &[&str]) -> Option<&'l str> {
    let lead = |words: &&str| line.find(words.split('*').next()?);
    let from = words.iter().find_map(lead).unwrap_or_default();
    let open = from + line[from..].find(['\'', '"'])?;
    let quote = line[open..].chars().next()?;
    let name = line[open + 1..].split(quote).next()?;
    let is_name = |c: char| c.is_alphanumeric() || "._-/@".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

/// Whether the parts between the `*` of a pattern stand in a line, in their order.
fn holds(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('*').all(|part| match place(rest, part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Where a part stands in a text.
fn place(text: &str, part: &str) -> Option<usize> {
    if !part.contains('#') {
        return text.find(part);
    }
    let fits = |at: usize| {
        let here = text.as_bytes().get(at..at + part.len());
        here.is_some_and(|here| {
            here.iter().zip(part.bytes()).all(|(&is, wanted)| match wanted {
                b'#' => is.is_ascii_digit(),
                wanted => is == wanted,
            })
        })
    };
    text.char_indices().map(|(at, _)| at).find(|&at| fits(at))
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
        assert!(holds("KeyError: 118", "KeyError: #"));
        assert!(!holds("KeyError: 'price' of 3", "KeyError: #"));
        assert!(!holds("KeyError: ", "KeyError: #"));
    }

    #[test]
    fn the_name_that_a_line_quotes_is_told() {
        for (line, told) in [
            ("NameError: name 'asyncio' is not defined", "its code uses `asyncio`"),
            ("ModuleNotFoundError: No module named 'torch'", "`torch`"),
            ("E ImportError: cannot import name 'A' from 'b' (/c.py)", "`A`"),
            ("ModuleNotFoundError: what has no name", "a module that its code imports"),
            ("psycopg2.OperationalError: x: FATAL:  database \"m\" does not exist", "`m`"),
        ] {
            let signature = all().find(|one| one.is_in(line)).unwrap();
            assert!(signature.told(line).0.contains(told), "{:?}", signature.told(line));
        }
    }

    #[test]
    fn no_signature_hides_behind_an_earlier_one() {
        for (at, signature) in all().enumerate() {
            for words in signature.words {
                let line = words.replace('*', " ").replace('#', "7");
                let first = all().position(|one| one.is_in(&line)).unwrap();
                assert_eq!(first, at, "{words}");
            }
        }
    }
}
