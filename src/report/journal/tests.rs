//! Recorded runs as entries of the journal.

use std::sync::{Arc, Mutex};

use super::*;
use crate::report::fixture::{self, Recorder, Sink};
use crate::report::replay_tests::replay;

/// The datagrams that a journal was sent.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<Vec<u8>>>>);

impl Inbox {
    fn sender(&self, takes: bool) -> SendDatagram {
        let inbox = Arc::clone(&self.0);
        Box::new(move |datagram| {
            inbox.lock().unwrap().push(datagram.to_vec());
            takes
        })
    }

    fn texts(&self) -> Vec<String> {
        let inbox = self.0.lock().unwrap();
        inbox.iter().map(|datagram| String::from_utf8_lossy(datagram).into_owned()).collect()
    }
}

fn look(detail: Detail) -> Look {
    Look { detail, style: Style::default(), run_log: Some("/log".to_owned()) }
}

fn sent(events: &[Event], detail: Detail) -> Vec<String> {
    let (inbox, stream) = (Inbox::default(), Sink::default());
    let mut journal =
        Journal::new(Some(inbox.sender(true)), Box::new(stream.clone()), look(detail));
    replay(&mut journal, events);
    assert_eq!(stream.text(), "", "what was sent is not written too");
    inbox.texts()
}

fn lines(events: &[Event], detail: Detail) -> String {
    let stream = Sink::default();
    replay(&mut Journal::new(None, Box::new(stream.clone()), look(detail)), events);
    stream.text()
}

fn field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn a_failed_start_as_lines_with_priorities() {
    let expected = "\
<6>start demo (profile local): 6 steps, deadline 15m
<6>docker ready after 0.1s: Docker 20.10.24, compose 2.26.1
<6>network/mlnet running: making changes
<6>network/mlnet ready after 0.1s: bridge 172.30.0.0/16 (changed)
<6>preflight/stack ready after 0.1s: 5 services
<6>images/stack running: making changes
<4>images/stack warning IMAGE_STALE: `api` is older than its build context; run `mlup start images/stack`
<6>images/stack ready after 0.2s: 5 images
<6>deploy/stack running: making changes
<4>deploy/stack retrying DOCKER_BUSY: attempt 2 in 0.5s: the engine closed the connection
<6>deploy/stack running: making changes
<3>deploy/stack failed after 1.5s PORT_TAKEN: host port 8080 is taken by container `old-web`
<3>PORT_TAKEN  deploy/stack  host port 8080 is taken by container `old-web`
<3>  docker ps  old-web 0.0.0.0:8080->80/tcp
<3>  tried: 2 attempts
<3>  fix (safe): docker stop old-web
<3>  blocks: check/api (1)
<3>  more: mlup why deploy/stack
<3>failed after 2.0s: 4 of 6 steps ready, 1 changed, 1 failed, 1 not run
";
    assert_eq!(lines(&fixture::failed_start(), Detail::Normal), expected);
}

#[test]
fn every_entry_can_be_found_by_run_project_and_step() {
    let entries = sent(&fixture::failed_start(), Detail::Normal);
    for entry in &entries {
        assert_eq!(field(entry, "MLUP_RUN"), Some("r1"), "{entry}");
        assert_eq!(field(entry, "MLUP_PROJECT"), Some("demo"), "{entry}");
        assert_eq!(field(entry, "MLUP_PROFILE"), Some("local"), "{entry}");
    }
    let failed = entries.iter().find(|entry| field(entry, "MLUP_STATE") == Some("failed")).unwrap();
    assert_eq!(field(failed, "MLUP_STEP"), Some("deploy/stack"));
    assert_eq!(field(failed, "MLUP_CODE"), Some("PORT_TAKEN"));
    assert_eq!(field(failed, "PRIORITY"), Some("3"));
    assert_eq!(field(failed, "MLUP_ATTEMPT"), Some("2"));
    assert_eq!(field(failed, "MLUP_DURATION_MS"), Some("1490"));
    let cause = entries.iter().find(|entry| field(entry, "MLUP_FIX").is_some()).unwrap();
    assert!(cause.starts_with("MESSAGE\n"), "a block has lines: {cause}");
    let last = entries.last().unwrap();
    assert_eq!(field(last, "MLUP_OUTCOME"), Some("failed"));
    assert_eq!(field(last, "MLUP_EXIT_CODE"), Some("1"));
    assert_eq!(field(last, "MLUP_RUN_LOG"), Some("/log"));
}

#[test]
fn a_journal_that_does_not_take_a_datagram_gets_the_line() {
    let (inbox, stream) = (Inbox::default(), Sink::default());
    let send = Some(inbox.sender(false));
    let mut journal = Journal::new(send, Box::new(stream.clone()), look(Detail::Normal));
    replay(&mut journal, &fixture::warm_start());
    let text = stream.text();
    assert!(text.ends_with("<5>ready in 0.1s: 2 steps, nothing changed\n"), "{text}");
    assert_eq!(inbox.texts().len(), text.lines().count());
}

#[test]
fn a_probe_that_counts_does_not_fill_the_journal() {
    let mut recorder = Recorder::default();
    for n in 0..600 {
        recorder.at(n * 100).waiting("check/x", n * 100, &format!("http 503, try {n}"));
    }
    let entries = sent(&recorder.events(), Detail::Normal);
    assert!(!entries.is_empty() && entries.len() < 15, "{entries:?}");
}

#[test]
fn quiet_means_causes_and_the_verdict() {
    let text = lines(&fixture::failed_start(), Detail::Quiet);
    assert!(text.starts_with("<3>PORT_TAKEN"), "{text}");
    assert_eq!(lines(&fixture::warm_start(), Detail::Quiet).lines().count(), 1);
}

#[test]
fn output_of_tools_is_for_debugging() {
    let text = lines(&fixture::cold_start(), Detail::Verbose);
    assert!(text.contains("<7>images/stack | #5 building\n"), "{text}");
    assert!(text.contains("<7>check/api probe: "), "{text}");
}

#[test]
fn how_a_watch_stands_is_worth_an_entry() {
    let mut recorder = Recorder::default();
    recorder.push(EventKind::WatchState(WatchState {
        state: Watching::Degraded,
        reason: "docker does not answer".to_owned(),
        step: Some("docker".to_owned()),
        code: Some("DOCKER_UNREACHABLE".to_owned()),
        next_at: None,
    }));
    let entries = sent(&recorder.events(), Detail::Normal);
    assert_eq!(field(&entries[0], "MESSAGE"), Some("watch degraded: docker does not answer"));
    assert_eq!(field(&entries[0], "MLUP_CODE"), Some("DOCKER_UNREACHABLE"));
    assert_eq!(field(&entries[0], "PRIORITY"), Some("4"));
}

#[test]
fn a_second_run_of_a_watch_has_forgotten_what_the_first_failed_of() {
    let events: Vec<Event> =
        fixture::failed_start().into_iter().chain(fixture::warm_start()).collect();
    let text = lines(&events, Detail::Normal);
    assert!(text.ends_with("<5>ready in 0.1s: 2 steps, nothing changed\n"), "{text}");
    assert_eq!(text.matches("<3>PORT_TAKEN").count(), 1, "{text}");
}

#[test]
fn what_is_no_part_of_a_run_has_its_priority_too() {
    assert_eq!(complaint("error: no\n  help: yes\n"), "<3>error: no\n<3>  help: yes\n");
    assert_eq!(remark("taking over"), "<6>taking over\n");
    assert_eq!(remark("warning: X: late"), "<4>warning: X: late\n");
}

#[test]
fn a_tunnel_that_breaks_is_a_warning_with_a_field_of_its_own() {
    let mut recorder = Recorder::default();
    recorder.tunnel_cut_and_back();
    let sent = sent(&recorder.events(), Detail::Normal);
    let fields = |name| sent.iter().map(|entry| field(entry, name)).collect::<Vec<_>>();
    assert_eq!(fields("MLUP_TUNNEL"), [Some("down"), Some("up")]);
    assert_eq!(fields("PRIORITY"), [Some("4"), Some("6")]);
    assert_eq!(fields("MLUP_CODE"), [Some("SSH_CONNECTION_LOST"), None]);
    assert_eq!(fields("MLUP_STEP"), [None, None]);
    assert_eq!(
        fields("MESSAGE")[0],
        Some(
            "tunnel down SSH_CONNECTION_LOST: to vm broke and is being made again: the line went dead"
        )
    );
}
