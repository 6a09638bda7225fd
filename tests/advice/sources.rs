//! The commands that stand in the sources: every text that begins with a program, whatever makes a
//! fix, a hint or the source of evidence of it.

use std::fs;
use std::path::Path;

use mlup::event::{Fix, Form};

/// Words near the beginning of sentences that only begin with the name of a program.
const PROSE: [&str; 39] = [
    "accept",
    "advises",
    "and",
    "answered",
    "applied",
    "asks",
    "built",
    "cannot",
    "chooses",
    "command",
    "could",
    "deleted",
    "did",
    "does",
    "failed",
    "gave",
    "gives",
    "has",
    "installed",
    "is",
    "it",
    "itself",
    "keeps",
    "lists",
    "loaded",
    "lost",
    "made",
    "makes",
    "names",
    "repairs",
    "reported",
    "reports",
    "runs",
    "said",
    "says",
    "started",
    "told",
    "will",
    "wrote",
];

/// A text of the sources, and where it stands.
pub(super) struct Text {
    pub(super) place: String,
    pub(super) line: String,
}

/// The texts that are commands, what is filled in later replaced by a word.
pub(super) fn commands() -> Vec<Text> {
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

fn visit(folder: &Path, found: &mut Vec<Text>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.ends_with("/tests") && !name.ends_with("/testing") {
                visit(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !name.ends_with("tests.rs")
            && !name.contains("fixture")
        {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
            for literal in literals(code) {
                let line = filled(&literal);
                if is_command(&line) {
                    found.push(Text { place: name.clone(), line });
                }
            }
        }
    }
}

fn is_command(text: &str) -> bool {
    let command = text.split("   # ").next().unwrap_or_default();
    let near: Vec<&str> = command.split(' ').skip(1).take(3).collect();
    // Where the verb is filled in later, it is one of the program's own.
    !["", "x", "compose", "--user"].contains(&near.join(" ").as_str())
        && near.first() != Some(&"x")
        && !near.iter().any(|word| PROSE.contains(word))
        && !command.contains('`')
        && Fix::safe(text).form != Some(Form::Advice)
}

/// The string literals of a source, without comments, letters and raw literals: those are patterns.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['/', '\'', 'r', '"']) {
        let here = &rest[at..];
        let skipped = [("//", "\n"), ("'\"'", ""), ("r\"", "\""), ("r#\"", "\"#")];
        if let Some((begin, end)) = skipped.iter().find(|(begin, _)| here.starts_with(begin)) {
            let inside = &here[begin.len()..];
            rest = inside.find(end).map_or("", |at| &inside[at + end.len()..]);
        } else if let Some(inside) = here.strip_prefix('"') {
            let (text, end) = literal(inside);
            found.push(text);
            rest = &inside[end..];
        } else {
            rest = &here[1..];
        }
    }
    found
}

/// A literal up to its end, escapes read, and where it ends.
fn literal(text: &str) -> (String, usize) {
    let mut read = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (read, at + 1),
            '\\' => match letters.next() {
                Some((_, 'n')) => read.push('\n'),
                Some((_, '\n')) => {
                    while letters.next_if(|(_, one)| one.is_whitespace()).is_some() {}
                }
                Some((_, other)) => read.push(other),
                None => break,
            },
            _ => read.push(letter),
        }
    }
    (read, text.len())
}

/// The text with a word in each place that a value fills.
fn filled(literal: &str) -> String {
    let mut text = String::new();
    let literal = literal.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut rest = literal.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        // Options that may be none stand right behind a word.
        if !before.ends_with(char::is_alphanumeric) {
            text.push('x');
        }
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    (text + rest).replace('\u{1}', "{").replace('\u{2}', "}")
}

#[test]
fn literals_are_read_as_the_compiler_does() {
    let code = "f(\"a\\\"b {x}\", '\"', r\"raw\");\n// \"no\"\nlet c = \"kubectl \\\n    get {}\";";
    assert_eq!(literals(code), ["a\"b {x}", "kubectl get {}"]);
    assert_eq!(filled("docker ps {x} -f '{{.Id}}'"), "docker ps x -f '{.Id}'");
}
