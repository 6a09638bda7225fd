//! The stand-in for tools that cannot run in a test. Linked under a tool's name, it answers from
//! `<name>.rules.json` beside the link and writes down every call in `calls.jsonl`. An unscripted
//! call exits 97, and the sandbox fails the test for it.

#![expect(clippy::disallowed_methods, reason = "a program of its own, outside mlup's layers")]

#[path = "support/rule.rs"]
mod rule;

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use rule::{Hang, Rule};

/// Exit code of a call that no rule speaks about.
const UNSCRIPTED: u8 = 97;
/// Exit code of a stand-in that is itself broken: no rules, no place to write.
const BROKEN: u8 = 98;
/// The argument that makes the program its own left-behind child.
const GRANDCHILD: &str = "--stay-behind";
/// Longest stay of anything that hangs, so that a broken test leaves nothing for long.
const LONGEST: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut argv = std::env::args();
    let program = argv.next().unwrap_or_default();
    let argv: Vec<String> = argv.collect();
    if argv.first().is_some_and(|first| first == GRANDCHILD) {
        std::thread::sleep(LONGEST);
        return ExitCode::SUCCESS;
    }
    match answer(&program, &argv) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fake-tool {program}: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

fn answer(program: &str, argv: &[String]) -> Result<u8, Box<dyn Error>> {
    let link = link(program).ok_or("not found on PATH under its own name")?;
    let tool = link.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let folder = link.parent().unwrap_or(Path::new("/"));
    let text = std::fs::read_to_string(folder.join(format!("{tool}.rules.json")))?;
    let rules: Vec<Rule> = serde_json::from_str(&text)?;
    let mut stdin = String::new();
    std::io::stdin().take(1 << 20).read_to_string(&mut stdin)?;

    let mut calls = Calls::open(folder)?;
    let used = |number: usize| calls.count(&tool, number);
    let chosen = rules.iter().enumerate().find(|(number, rule)| {
        matches(&rule.argv, argv) && rule.times.is_none_or(|times| used(*number) < times)
    });
    let grandchild = match chosen {
        Some((_, rule)) if rule.grandchild => {
            Some(Command::new(&link).arg(GRANDCHILD).spawn()?.id())
        }
        _ => None,
    };
    calls.append(&serde_json::json!({
        "tool": tool, "argv": argv, "stdin": stdin, "cwd": std::env::current_dir()?,
        "pid": std::process::id(), "rule": chosen.map(|(number, _)| number), "grandchild": grandchild,
    }))?;
    drop(calls);

    let Some((_, rule)) = chosen else {
        writeln!(std::io::stderr(), "fake-tool: no rule for: {tool} {}", argv.join(" "))?;
        return Ok(UNSCRIPTED);
    };
    say(rule)?;
    Ok(rule.exit)
}

fn say(rule: &Rule) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // A handler in place of the default is all that it takes to outlive TERM.
        let _deaf = match rule.hang {
            Hang::Stubborn => {
                Some(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?)
            }
            Hang::Never | Hang::Polite => None,
        };
        tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
        write!(std::io::stdout(), "{}", rule.stdout)?;
        std::io::stdout().flush()?;
        write!(std::io::stderr(), "{}", rule.stderr)?;
        if rule.hang != Hang::Never {
            tokio::time::sleep(LONGEST).await;
        }
        Ok(())
    })
}

/// Whether the patterns speak about a call with these arguments.
fn matches(patterns: &[String], argv: &[String]) -> bool {
    let (patterns, open_ended) = match patterns.split_last() {
        Some((last, init)) if last == "..." => (init, true),
        _ => (patterns, false),
    };
    let length_fits =
        if open_ended { argv.len() >= patterns.len() } else { argv.len() == patterns.len() };
    length_fits && patterns.iter().zip(argv).all(|(pattern, arg)| matches_text(pattern, arg))
}

/// Whether the text has the pattern's shape, `*` standing for any text.
fn matches_text(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| matches_text(tail, &rest[at..]))
        }),
    }
}

/// The link that this program was called by: its own path leads to the program behind it.
fn link(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists())
}

/// The list of calls, locked while it is open: two stand-ins may be called at once.
struct Calls {
    file: File,
    so_far: Vec<serde_json::Value>,
}

impl Calls {
    fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let path = folder.join("calls.jsonl");
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let so_far = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { file, so_far })
    }

    fn count(&self, tool: &str, rule: usize) -> usize {
        self.so_far.iter().filter(|call| call["tool"] == tool && call["rule"] == rule).count()
    }

    fn append(&mut self, call: &serde_json::Value) -> std::io::Result<()> {
        // In one piece: a test may read meanwhile.
        self.file.write_all(format!("{call}\n").as_bytes())
    }
}
