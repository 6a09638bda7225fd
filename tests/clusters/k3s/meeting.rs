//! A machine that is met for the first time: its host key is shown, and somebody has to agree to it.

use std::fs;

use super::site::Site;

/// A machine whose host key nobody has accepted yet.
fn stranger() -> Site {
    let site = Site::new();
    site.sshd.write("known_hosts", "");
    site
}

fn known_hosts(site: &Site) -> String {
    fs::read_to_string(site.sshd.path("known_hosts")).unwrap()
}

#[test]
fn without_a_terminal_it_is_refused_with_what_to_do_also_where_yes_is_said() {
    let site = stranger();
    let ran = site.run(&["start"]).exits(7);
    assert!(ran.stderr.contains("SSH_HOST_KEY_UNKNOWN"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&site.sshd.fingerprint()), "{}", ran.stderr);
    assert!(ran.stderr.contains("ssh vm true"), "{}", ran.stderr);
    site.run(&["start", "--yes"]).exits(7);
    assert_eq!((known_hosts(&site), site.changes()), (String::new(), Vec::new()));
}

#[test]
fn at_a_terminal_it_is_asked_about_and_only_yes_is_yes() {
    let site = stranger();
    let mut terminal = site.sandbox.spawn_on_terminal(&["start", "--progress", "plain"], 120, 40);
    terminal.wait_drawn("type `yes`");
    assert!(terminal.drawn().contains(&site.sshd.fingerprint()), "{}", terminal.drawn());
    terminal.type_text("no\n");
    assert_eq!(terminal.wait().code, Some(7));
    assert_eq!((known_hosts(&site), site.changes()), (String::new(), Vec::new()));
    let mut terminal = site.sandbox.spawn_on_terminal(&["start", "--progress", "plain"], 120, 40);
    terminal.wait_drawn("type `yes`");
    terminal.type_text("yes\n");
    let end = terminal.wait();
    assert_eq!(end.code, Some(0), "{}", end.drawn);
    assert!(known_hosts(&site).contains("ssh-ed25519"), "{}", known_hosts(&site));
    // It is known now.
    site.run(&["start"]).exits(0);
}
