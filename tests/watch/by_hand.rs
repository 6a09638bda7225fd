//! What people do beside a watch: another watch, a start, a stop, an edited file.

use mlup::event::{Event, EventKind, Watching};
use rustix::process::Signal;

use super::{until, until_mended, watch};
use crate::support::Sandbox;

/// A file that is there once a task has run, and a task that runs at each start.
const FILES: &str = r#"name = "demo"
[[task]]
name = "seed"
run = ["/bin/sh", "-c", "echo data > data.txt"]
unless = ["/usr/bin/test", "-e", "data.txt"]
[[task]]
name = "each"
run = ["/bin/sh", "-c", "echo ran >> each.txt"]
"#;

/// A task that takes long, and says so.
const LONG: &str = r#"name = "demo"
[[task]]
name = "long"
run = ["/bin/sh", "-c", "echo running; while [ ! -e enough ]; do /bin/sleep 0.05; done; echo data > data.txt"]
unless = ["/usr/bin/test", "-e", "data.txt"]
"#;

fn demo(config: &str) -> Sandbox {
    Sandbox::new().file("mlup.toml", config)
}

#[test]
fn a_second_watch_is_refused_and_told_of_the_first() {
    let sandbox = demo(FILES);
    let watch = watch(&sandbox);
    let refused = sandbox.run(&["watch"]).exits(7);
    let first = format!("`mlup watch` (pid {}) is running for this project", watch.pid());
    assert!(refused.stderr.contains(&first), "{}", refused.report());
    watch.signal(Signal::INT);
    watch.wait().exits(130);
}

#[test]
fn what_is_halted_by_hand_is_left_alone_until_a_start() {
    let sandbox = demo(&format!("{FILES}undo = [\"/bin/rm\", \"each.txt\"]\n"));
    let mut watch = watch(&sandbox);
    let stopped = sandbox.run(&["stop"]).exits(0);
    let words = format!("`mlup watch` (pid {}) leaves it alone until `mlup start`", watch.pid());
    assert!(stopped.stderr.contains(&words), "{}", stopped.report());
    until(&mut watch, Watching::Paused);
    sandbox.run(&["start"]).exits(0);
    until(&mut watch, Watching::Ready);
}

#[test]
fn a_start_by_hand_is_let_through_and_the_watch_goes_on_after_it() {
    let sandbox = demo(LONG);
    let mut watch = sandbox.spawn(&["watch", "--progress", "json"]);
    let runs = |event: &Event| matches!(&event.kind, EventKind::StepOutput { line, .. } if line == "running");
    watch.wait_event(runs);
    let mut start = sandbox.spawn(&["start", "--progress", "json"]);
    start.wait_event(runs);
    let paused = until(&mut watch, Watching::Paused);
    let words = format!("left to `mlup start` (pid {})", start.pid());
    assert_eq!(paused.reason, words);
    sandbox.write("enough", "");
    start.wait().exits(0);
    until(&mut watch, Watching::Ready);
    assert!(sandbox.project().join("data.txt").exists());
}

#[test]
fn tasks_that_run_at_each_start_do_not_run_at_each_look() {
    let sandbox = demo(FILES);
    let mut watch = watch(&sandbox);
    // A stop and a start make the watch look anew.
    sandbox.run(&["stop"]).exits(0);
    until(&mut watch, Watching::Paused);
    sandbox.run(&["start"]).exits(0);
    until(&mut watch, Watching::Ready);
    let ran = std::fs::read_to_string(sandbox.project().join("each.txt")).unwrap();
    assert_eq!(ran.lines().count(), 2, "once by the watch, once by the start");
}

#[test]
fn lines_for_people_say_what_was_noticed_and_mended() {
    let sandbox = demo(FILES);
    let mut watch = sandbox.spawn(&["watch"]);
    watch.wait_stderr("mended: task/seed, task/each");
    watch.signal(Signal::TERM);
    let ran = watch.wait().exits(143);
    assert_eq!(ran.stdout, "");
    for words in ["first look", "ended", "terminated; the environment stays as it is"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
    }
}

#[test]
fn a_file_that_is_edited_counts_from_the_next_look_on() {
    let sandbox = demo(FILES);
    let mut watch = watch(&sandbox);
    let more = "[[task]]\nname = \"more\"\nrun = [\"/usr/bin/touch\", \"more.txt\"]\n\
        unless = [\"/usr/bin/test\", \"-e\", \"more.txt\"]\n";
    sandbox.write("mlup.toml", &format!("{FILES}{more}"));
    sandbox.run(&["stop"]).exits(0);
    until(&mut watch, Watching::Paused);
    // The mark alone is taken away, so that the watch finds the edited file by itself.
    let states = std::fs::read_dir(sandbox.state().join("mlup")).unwrap();
    let folder = states.map(|entry| entry.unwrap().path()).next().unwrap();
    std::fs::remove_file(folder.join("halted")).unwrap();
    until_mended(&mut watch, "task/more");
}
