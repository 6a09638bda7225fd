//! The live view on a pseudo terminal: it survives a resize, small windows and Ctrl-C, and leaves
//! the terminal as it was.

use regex::Regex;
use rustix::process::Signal;

use crate::support::Sandbox;

/// A task that runs until a file appears, beside one that is soon done.
const WAITS: &str = r#"name = "demo"
[[task]]
name = "quick"
run = ["/bin/true"]
[[task]]
name = "waits-for-the-file"
run = ["/bin/sh", "-c", "until [ -e go ]; do /bin/sleep 0.02; done"]
[[check]]
name = "after"
exec = ["/bin/true"]
"#;

fn waiting() -> Sandbox {
    Sandbox::new().file("mlup.toml", WAITS)
}

/// The text without Select Graphic Rendition.
fn without_colour(drawn: &str) -> String {
    Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(drawn, "").into_owned()
}

#[test]
fn shows_what_runs_and_leaves_the_terminal_as_it_was() {
    let sandbox = waiting();
    let mut terminal = sandbox.spawn_on_terminal(&["start"], 80, 24);
    terminal.wait_drawn("task/waits-for-the-file");
    sandbox.write("go", "");
    let end = terminal.wait();
    assert_eq!(end.code, Some(0), "{}", end.drawn);
    assert!(without_colour(&end.drawn).contains("ready in"), "{}", end.drawn);
    assert!(end.is_cursor_shown() && end.modes_restored);
}

#[test]
fn a_resize_in_the_middle_is_harmless() {
    let sandbox = waiting();
    let mut terminal = sandbox.spawn_on_terminal(&["start"], 80, 24);
    terminal.wait_drawn("task/waits-for-the-file");
    for (columns, rows) in [(40, 6), (20, 3), (200, 50), (1, 1), (80, 24)] {
        terminal.resize(columns, rows);
        terminal.signal(Signal::WINCH);
    }
    sandbox.write("go", "");
    let end = terminal.wait();
    assert_eq!(end.code, Some(0), "{}", end.drawn);
    assert!(end.is_cursor_shown() && end.modes_restored);
}

#[test]
fn ctrl_c_at_the_keyboard_leaves_the_terminal_as_it_was() {
    let sandbox = waiting();
    let mut terminal = sandbox.spawn_on_terminal(&["start"], 80, 24);
    terminal.wait_drawn("task/waits-for-the-file");
    terminal.type_text("\u{3}");
    let end = terminal.wait();
    assert_eq!(end.code, Some(130), "{}", end.drawn);
    assert!(end.is_cursor_shown() && end.modes_restored);
}

#[test]
fn no_color_draws_without_colour() {
    let sandbox = waiting().env("NO_COLOR", "1");
    sandbox.write("go", "");
    let end = sandbox.spawn_on_terminal(&["start"], 80, 24).wait();
    assert_eq!(end.code, Some(0), "{}", end.drawn);
    for colour in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[1;31m"] {
        assert!(!end.drawn.contains(colour), "{:?}", end.drawn);
    }
}

#[test]
fn purge_asks_for_the_name_and_takes_no_other() {
    let config = "name = \"demo\"\n[[task]]\nname = \"t\"\nrun = [\"/usr/bin/touch\", \"t\"]\nundo = [\"/bin/rm\", \"t\"]\n\
        unless = [\"/usr/bin/test\", \"-e\", \"t\"]\n";
    let sandbox = Sandbox::new().file("mlup.toml", config);
    sandbox.run(&["start"]).exits(0);
    let mut terminal = sandbox.spawn_on_terminal(&["reset", "--purge"], 80, 24);
    terminal.wait_drawn("(demo)");
    terminal.type_text("yes\r");
    assert_eq!(terminal.wait().code, Some(7));
    assert!(sandbox.project().join("t").exists());
    let mut terminal = sandbox.spawn_on_terminal(&["reset", "--purge"], 80, 24);
    terminal.wait_drawn("(demo)");
    terminal.type_text("demo\r");
    assert_eq!(terminal.wait().code, Some(0));
    assert!(!sandbox.project().join("t").exists());
}
