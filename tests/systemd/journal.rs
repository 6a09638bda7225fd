//! What mlup says to a standard error that systemd's journal reads. The journal's own socket is where
//! it is: where one listens on this machine, entries go there, and lines are what is left elsewhere.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::print::ONE_CHECK;
use crate::support::Sandbox;

/// Runs mlup with a standard error of this test's own, which `JOURNAL_STREAM` may or may not name.
fn run(sandbox: &Sandbox, args: &[&str], is_named: bool) -> (Option<i32>, String) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let stat = rustix::fs::fstat(&theirs).unwrap();
    let inode = if is_named { stat.st_ino } else { stat.st_ino + 1 };
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlup"));
    command.args(args).env_clear().envs(sandbox.environment()).current_dir(sandbox.project());
    command.env("JOURNAL_STREAM", format!("{}:{inode}", stat.st_dev));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(OwnedFd::from(theirs));
    let mut child = command.spawn().unwrap();
    // It holds the far end of the stream.
    drop(command);
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}

fn has_journal() -> bool {
    Path::new("/run/systemd/journal/socket").exists()
}

#[test]
fn a_run_under_the_journal_gives_each_line_its_priority() {
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK);
    let (code, text) = run(&sandbox, &["start"], true);
    assert_eq!(code, Some(0), "{text}");
    if has_journal() {
        assert_eq!(text, "", "entries go to the socket");
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "<6>start demo (profile compose): 1 step, deadline 2m");
    assert!(lines.last().unwrap().starts_with("<5>ready in "), "{text}");
    assert!(lines.iter().all(|line| line.starts_with('<')), "{text}");
}

#[test]
fn an_error_before_any_run_has_a_priority_too() {
    let sandbox = Sandbox::new();
    let (code, text) = run(&sandbox, &["start"], true);
    assert_eq!(code, Some(3));
    assert!(text.lines().count() > 1 && text.lines().all(|line| line.starts_with("<3>")), "{text}");
}

#[test]
fn a_stream_that_is_not_the_journals_gets_plain_lines() {
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK);
    let (code, text) = run(&sandbox, &["start"], false);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("[  0.0] start demo"), "{text}");
    assert!(!text.contains("<6>"), "{text}");
}
