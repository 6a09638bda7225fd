//! Text in columns: how wide it is, how it is cut and wrapped, how a duration reads.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that the text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to `columns`, with `mark` in place of what is missing.
#[must_use]
pub fn clip(text: &str, columns: usize, mark: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(mark));
    let mut kept = head(text, room).trim_end().to_owned();
    kept.push_str(head(mark, columns));
    kept
}

/// What a line that a tool printed says to people: the message of a `CloudEvent`, else the line.
#[must_use]
pub fn spoken(line: &str) -> String {
    let event = line.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(line));
    let Some(Ok(event)) = event else { return line.to_owned() };
    let field = |name: &str| event["data"][name].as_str().unwrap_or_default();
    match (field("message").trim(), field("exitcode")) {
        ("", _) => line.to_owned(),
        (message, "") => message.to_owned(),
        (message, _) => format!("{}: {message}", field("name")),
    }
}

/// The longest beginning that fits in `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The text padded with spaces to `columns`.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks text between words: at most `first` columns on the first line, `rest` on the others. A
/// word that is longer than a line stays whole, so that paths and commands can be copied.
#[must_use]
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    wrap_chunks(&words, first, rest)
}

/// Like [`wrap`], but breaks only between the given chunks.
#[must_use]
pub fn wrap_chunks<S: AsRef<str>>(chunks: &[S], first: usize, rest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for chunk in chunks {
        let chunk = chunk.as_ref();
        let room = if lines.is_empty() { first } else { rest };
        if !line.is_empty() && width(&line) + 1 + width(chunk) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(chunk);
    }
    lines.push(line);
    lines
}

/// The text without control characters and terminal sequences: what a tool prints must not move
/// our cursor or colour our lines.
#[must_use]
pub fn clean(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\t' | '\n' => kept.push(' '),
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    kept
}

/// Skips what follows an escape character: CSI up to its final byte, OSC up to BEL or ST, else one
/// character (ECMA-48).
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            chars.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            let end = chars.find(|c| matches!(c, '\u{7}' | '\u{1b}'));
            if end == Some('\u{1b}') {
                chars.next_if_eq(&'\\');
            }
        }
        _ => {}
    }
}

/// A duration for people: `0.1s`, `12.3s`, `1m59s`, `1h02m`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let tenths = (ms + 50) / 100;
    if tenths < 600 {
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    let seconds = (ms + 500) / 1000;
    if seconds < 3600 {
        return format!("{}m{:02}s", seconds / 60, seconds % 60);
    }
    format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60)
}

/// An age as kubectl shows it: `45s`, `12m`, `5h`, `3d`.
#[must_use]
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A duration that still grows: whole seconds from ten on, so that the eye can rest.
#[must_use]
pub fn running_duration(ms: u64) -> String {
    if (10_000..60_000).contains(&ms) { format!("{}s", ms / 1000) } else { duration(ms) }
}

/// A limit as people write it: `90s`, `15m`, `2h`.
#[must_use]
pub fn limit(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => duration(ms),
    }
}

/// `1 step`, `2 steps`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let ages = [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(age);
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "1h", "47h", "2d"]);
    }

    #[test]
    fn clips_by_columns_not_by_characters() {
        assert_eq!(clip("deploy/stack", 12, "…"), "deploy/stack");
        assert_eq!(clip("deploy/stack", 8, "…"), "deploy/…");
        assert_eq!(clip("日本語テスト", 7, "…"), "日本語…");
        assert_eq!(clip("日本語テスト", 6, "…"), "日本…");
        assert_eq!(clip("abcdef", 2, "..."), "..");
    }

    #[test]
    fn wraps_between_words_and_keeps_long_words_whole() {
        assert_eq!(wrap("aa bb cc", 5, 2), ["aa bb", "cc"]);
        assert_eq!(wrap("a /very/long/path b", 6, 6), ["a", "/very/long/path", "b"]);
        assert_eq!(wrap("", 5, 5), [""]);
    }

    #[test]
    fn of_a_cloud_event_people_read_the_message() {
        let step = r#"{"type":"x.step","data":{"message":"Done! ","name":"Done"}}"#;
        assert_eq!(spoken(step), "Done!");
        let error = r#"{"data":{"exitcode":"80","message":"no node","name":"GUEST_START"}}"#;
        assert_eq!(spoken(error), "GUEST_START: no node");
        for other in ["{not json", "#5 building", r#"{"data":{"progress":"0.1"}}"#, "{}", "[1]"] {
            assert_eq!(spoken(other), other);
        }
    }

    #[test]
    fn terminal_sequences_of_tools_are_dropped() {
        assert_eq!(clean("\u{1b}[1;31mred\u{1b}[0m\ttab\r"), "red tab");
        assert_eq!(clean("\u{1b}]0;title\u{7}x\u{1b}]8;;u\u{1b}\\y"), "xy");
        assert_eq!(clean("\u{1b}[2J\u{1b}[?25lx"), "x");
        assert_eq!(clean("cut \u{1b}[31"), "cut ");
    }

    #[test]
    fn durations_read_well_at_every_size() {
        let read: Vec<String> =
            [0, 49, 50, 12_345, 59_940, 59_950, 119_000, 3_599_499, 3_720_000].map(duration).into();
        assert_eq!(
            read,
            ["0.0s", "0.0s", "0.1s", "12.3s", "59.9s", "1m00s", "1m59s", "59m59s", "1h02m"]
        );
        assert_eq!([900_000, 7_200_000, 90_000, 500].map(limit), ["15m", "2h", "90s", "0.5s"]);
        assert_eq!([9_900, 10_900, 61_000].map(running_duration), ["9.9s", "10s", "1m01s"]);
    }
}
