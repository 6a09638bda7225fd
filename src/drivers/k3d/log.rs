//! The lines that k3d and k3s print: `time="…" level=fatal msg="…"`. Pure; what a message means is
//! `reasons`.

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Progress, and what is for developers.
    Info,
    /// Something failed, and the tool went on.
    Warning,
    /// Something failed.
    Error,
    /// The tool gave up.
    Fatal,
    /// Not a log line: an error of the command line, a panic.
    Plain,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) level: Level,
    pub(super) message: String,
}

/// One line as it was printed.
pub(super) fn entry(line: &str) -> Entry {
    let plain = || Entry { level: Level::Plain, message: line.trim_end().to_owned() };
    let (Some(level), Some(message)) = (value(line, "level="), value(line, "msg=")) else {
        return plain();
    };
    let level = match level.as_str() {
        "fatal" | "panic" => Level::Fatal,
        "error" => Level::Error,
        "warning" | "warn" => Level::Warning,
        "info" | "debug" | "trace" => Level::Info,
        _ => return plain(),
    };
    Entry { level, message }
}

/// What is wrong, line by line: warnings, errors and what is no log line; the usage text that
/// follows an error of the command line is left out.
pub(super) fn complaints(text: &str) -> Vec<Entry> {
    let said = text.lines().filter(|line| !line.trim().is_empty()).map(entry);
    said.take_while(|entry| entry.level != Level::Plain || entry.message != "Usage:")
        .filter(|entry| entry.level != Level::Info)
        .collect()
}

/// The value behind `key`, quoted or bare.
fn value(line: &str, key: &str) -> Option<String> {
    let start = line.match_indices(key).map(|(at, _)| at).find(|at| {
        let before = line[..*at].chars().next_back();
        before.is_none_or(char::is_whitespace)
    })?;
    let rest = &line[start + key.len()..];
    match rest.strip_prefix('"') {
        Some(quoted) => Some(unquote(quoted)),
        None => Some(rest.split_whitespace().next().unwrap_or_default().to_owned()),
    }
}

/// The text up to the closing quote, its escapes resolved.
fn unquote(text: &str) -> String {
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(other) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const PULL: &str = include_str!("../../../tests/corpus/k3d/create-image-missing/stderr.txt");
    const FLAG: &str = include_str!("../../../tests/corpus/k3d/bad-flag/stderr.txt");
    const OK: &str = include_str!("../../../tests/corpus/k3d/create-ok/stdout.txt");

    #[test]
    fn escaped_quotes_are_resolved() {
        let said = complaints(PULL);
        assert_eq!(said.len(), 2);
        assert_eq!(said[0].level, Level::Error);
        assert!(said[0].message.contains("Get \"https://registry-1.docker.io/v2/\": dial tcp"));
        assert_eq!(said[1].level, Level::Fatal);
        assert_eq!(said[1].message, "Cluster creation FAILED, rollback deactivated.");
    }

    #[test]
    fn progress_is_no_complaint() {
        assert_eq!(complaints(OK).iter().filter(|said| said.level != Level::Plain).count(), 0);
        let first = entry(OK.lines().next().unwrap());
        assert_eq!((first.level, first.message.as_str()), (Level::Info, "Prep: Network"));
    }

    #[test]
    fn an_error_of_the_command_line_is_told_without_the_usage_text() {
        let said = complaints(FLAG);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].message, "Error: unknown flag: --nope");
    }

    #[test]
    fn a_word_that_ends_like_a_key_is_no_key() {
        assert_eq!(entry("loglevel=fatal xmsg=1").level, Level::Plain);
        assert_eq!(entry("level=error msg=short").message, "short");
    }
}
