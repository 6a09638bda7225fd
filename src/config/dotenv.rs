//! Reads the text of an env file as data: one logical line at a time through dotenvy's iterator,
//! never into the process. Finding the files is `load`.
//!
//! dotenvy 0.15 replaces `$NAME` from the real process environment, knows no defaults and does not
//! say on which line it stopped. So `$` passes through it behind a marker, and is expanded after
//! that by the rules of compose, which reads the same file: process over earlier lines, unset is
//! empty, single quotes keep `$` as it is.

use std::collections::BTreeMap;

use super::expand;

/// Stands for a `$` that is to be expanded; from the private use area, so no file means it.
const MARKER: char = '\u{F8D0}';

/// One variable of an env file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
    /// Where its line begins, in bytes.
    pub(crate) start: usize,
}

/// What an env file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvFile {
    /// The variables in order; a later one of the same name counts.
    pub(crate) entries: Vec<Entry>,
    /// Where lines begin that are not `NAME=value`, in bytes.
    pub(crate) bad_lines: Vec<usize>,
}

/// Reads an env file's text.
pub(crate) fn parse(text: &str, process: &BTreeMap<String, String>) -> EnvFile {
    let mut file = EnvFile::default();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (start, line) in logical_lines(text) {
        let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        match read_line(line) {
            Ok(None) => {}
            Ok(Some((name, marked))) => {
                let lookup = |name: &str| process.get(name).or_else(|| known.get(name)).cloned();
                let value = expand_marked(&marked, &lookup);
                known.insert(name.clone(), value.clone());
                file.entries.push(Entry { name, value, start });
            }
            Err(_) => file.bad_lines.push(start),
        }
    }
    file
}

fn read_line(line: &str) -> Result<Option<(String, String)>, dotenvy::Error> {
    let marked = format!("{}\n", mark(line.trim_end_matches(['\r', '\n'])));
    dotenvy::from_read_iter(marked.as_bytes()).next().transpose()
}

/// The lines with their offsets; a quoted value may run over several.
fn logical_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !quote_is_open(&text[start..end]) {
            lines.push((start, &text[start..end]));
            start = end;
        }
    }
    if start < text.len() {
        lines.push((start, &text[start..]));
    }
    lines
}

fn quote_is_open(line: &str) -> bool {
    let mut scan = Scan::default();
    for character in line.chars() {
        scan.step(character);
    }
    scan.quote.is_some()
}

/// Replaces each `$` that is to be expanded by the marker.
fn mark(line: &str) -> String {
    let mut scan = Scan::default();
    let mut marked = String::with_capacity(line.len());
    for character in line.chars() {
        let literal = scan.quote == Some('\'') || scan.is_escaped || scan.is_comment;
        marked.push(if character == '$' && !literal { MARKER } else { character });
        scan.step(character);
    }
    marked
}

/// Follows quotes, escapes and comments through a line.
#[derive(Default)]
struct Scan {
    quote: Option<char>,
    is_escaped: bool,
    is_comment: bool,
    is_inside: bool,
}

impl Scan {
    fn step(&mut self, character: char) {
        if self.is_escaped {
            self.is_escaped = false;
            self.is_inside = true;
            return;
        }
        match (self.quote, character) {
            _ if self.is_comment => {}
            (None, '#') if !self.is_inside => self.is_comment = true,
            (None, '"' | '\'') => self.quote = Some(character),
            (Some(open), _) if open == character => self.quote = None,
            (None | Some('"'), '\\') => self.is_escaped = true,
            _ => {}
        }
        self.is_inside = !character.is_whitespace();
    }
}

/// Expands the marked dollars; a value that comes out of a variable is not read again.
fn expand_marked(marked: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    if !marked.contains(MARKER) {
        return marked.to_owned();
    }
    let template = braced(&marked.replace('$', "$$"));
    let expanded = expand::expand(&template, lookup);
    if expanded.errors.iter().all(|error| error.is_unset) {
        expanded.value
    } else {
        marked.replace(MARKER, "$")
    }
}

/// Turns `<marker>NAME` and `<marker>{NAME}` into `${NAME}`, any other marker into `$$`.
fn braced(marked: &str) -> String {
    let mut parts = marked.split(MARKER);
    let mut template = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let end = part.find(|character| !is_name(character)).unwrap_or(part.len());
        let named = part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if part.starts_with('{') {
            template.push('$');
            template.push_str(part);
        } else if named {
            template.push_str("${");
            template.push_str(&part[..end]);
            template.push('}');
            template.push_str(&part[end..]);
        } else {
            template.push_str("$$");
            template.push_str(part);
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let process = BTreeMap::from([("HOST".to_owned(), "box".to_owned())]);
        let file = parse(text, &process);
        assert_eq!(file.bad_lines, Vec::<usize>::new(), "{text}");
        file.entries.into_iter().map(|entry| (entry.name, entry.value)).collect()
    }

    fn one(text: &str) -> String {
        values(text).remove(0).1
    }

    #[test]
    fn values_come_out_as_they_are_meant() {
        for (text, value) in [
            ("A=plain", "plain"),
            ("A=x=y==", "x=y=="),
            ("A=\"with space\"\r\n", "with space"),
            ("A='single $HOST'", "single $HOST"),
            ("A=value # comment", "value"),
            ("A=value#kept", "value#kept"),
            ("export A=exported", "exported"),
            ("A=", ""),
            ("\u{FEFF}A=first", "first"),
            ("A=\"two\nlines\"\nB=1", "two\nlines"),
            ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
            ("A=trailing   ", "trailing"),
            ("A=postgres://u:p@h:5432/db?x=1", "postgres://u:p@h:5432/db?x=1"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
    }

    #[test]
    fn dollars_follow_the_rules_of_compose() {
        for (text, value) in [
            ("A=$HOST/x", "box/x"),
            ("A=${HOST}", "box"),
            ("A=\"${HOST}\"", "box"),
            ("A=${NONE:-default}", "default"),
            ("A=a${NONE}b", "ab"),
            ("A=\\$HOST", "$HOST"),
            ("A=5$", "5$"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
        assert_eq!(values("A=1\nB_C=${A}2\nD=$B_C").last().unwrap().1, "12");
    }

    #[test]
    fn a_bad_line_does_not_hide_the_others() {
        let file = parse("A=1\nnot a line\nB=2\n", &BTreeMap::new());
        assert_eq!(file.bad_lines, [4]);
        assert_eq!(file.entries.len(), 2);
    }

    #[test]
    fn an_apostrophe_in_a_comment_opens_no_quote() {
        assert_eq!(values("# it's here\nA=1 # isn't\nB=2").len(), 2);
    }

    #[test]
    fn a_quote_that_never_closes_is_a_bad_line() {
        assert_eq!(parse("A=1\nB=\"open\nC=2", &BTreeMap::new()).bad_lines, [4]);
    }
}
