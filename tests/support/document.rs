//! Code blocks of documents, and the commands that a document claims to work: those in a block
//! under a mark, `<!-- test: ... -->` for what needs no machine and `<!-- cluster: ... -->` for what
//! needs one.

use std::fs;
use std::path::Path;

use super::Sandbox;

/// The text of a file of this repository.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks of a document in one language, each with the line before it.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut open: Option<String> = None;
    for line in text.lines() {
        match &mut open {
            Some(block) if line == "```" => {
                blocks.push((before.to_owned(), std::mem::take(block)));
                open = None;
            }
            Some(block) => block.extend([line, "\n"]),
            None if line == format!("```{language}") => open = Some(String::new()),
            None => before = line,
        }
    }
    blocks
}

/// Runs the commands under a mark of a document, in order; each exits 0, and there is at least one.
#[track_caller]
pub(crate) fn run_marked(sandbox: &Sandbox, path: &str, mark: &str) {
    let mark = format!("<!-- {mark}:");
    let marked =
        blocks(&read(path), "sh").into_iter().filter(|(before, _)| before.starts_with(&mark));
    let lines: Vec<String> = marked
        .flat_map(|(_, block)| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(!lines.is_empty(), "{path} has nothing under {mark}");
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "mlup", "{path}: {line}");
        sandbox.run(&words[1..]).exits(0);
    }
}

/// Copies a folder of this repository into the project, without what is made or put there later.
pub(crate) fn copy_example(example: &str, sandbox: &Sandbox) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    copy(&from, &sandbox.project());
}

fn copy(from: &Path, to: &Path) {
    const MADE: [&str; 4] = [".kube", "busybox", "generated", "mlup.local.toml"];
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
