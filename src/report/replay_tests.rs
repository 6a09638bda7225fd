//! One recorded run through every report for people, and the exact text that comes out.

use super::fixture::{self, Sink};
use super::plain::Plain;
use super::*;

const LOG: &str = "~/.local/state/mlup/demo-1a2b3c4d/runs/20261121T103000Z-r1";

/// Feeds the events with a tick every 100 ms, as the engine does.
pub(super) fn replay(report: &mut dyn Report, events: &[Event]) {
    let mut now_ms = 0;
    for event in events {
        while now_ms + 100 < event.elapsed_ms {
            now_ms += 100;
            report.tick(now_ms);
        }
        report.event(event);
    }
    report.finish();
}

fn plain(events: &[Event], detail: Detail) -> String {
    let sink = Sink::default();
    let look = Look { detail, style: Style::default(), run_log: Some(LOG.to_owned()) };
    replay(&mut Plain::new(Box::new(sink.clone()), look, 80), events);
    sink.text()
}

#[test]
fn a_cold_start_in_plain_lines() {
    let expected = "\
[  0.0] start demo (profile local): 6 steps, deadline 15m
[  0.0] docker           ready       0.1s  Docker 20.10.24, compose 2.26.1
[  0.0] network/mlnet    running           making changes
[  0.1] network/mlnet    ready       0.1s  bridge 172.30.0.0/16 (changed)
[  0.2] preflight/stack  ready       0.1s  5 services
[  0.2] images/stack     running           making changes
[  5.3] waiting 1: images/stack (making changes)
[  8.4] images/stack     ready       8.1s  5 images (changed)
[  8.4] deploy/stack     running           making changes
[  9.9] deploy/stack     waiting           api: health starting
[ 10.9] deploy/stack     waiting           db: health starting
[ 12.0] deploy/stack     ready       3.6s  5 of 5 services up (changed)
[ 12.0] check/api        ready       0.0s  http 200

ready in 12.0s: 6 steps, 3 changed
critical path: docker 0.1s > images/stack 8.1s > deploy/stack 3.6s
run log: ~/.local/state/mlup/demo-1a2b3c4d/runs/20261121T103000Z-r1

  api      http://localhost:8080
  grafana  http://localhost:3000  login: admin, password in `.env`
";
    assert_eq!(plain(&fixture::cold_start(), Detail::Normal), expected);
}

#[test]
fn a_warm_start_in_plain_lines() {
    let expected = "\
[  0.0] start demo (profile local): 2 steps, deadline 15m
[  0.0] docker         ready       0.1s  Docker 20.10.24
[  0.0] network/mlnet  ready       0.0s  bridge 172.30.0.0/16

ready in 0.1s: 2 steps, nothing changed
run log: ~/.local/state/mlup/demo-1a2b3c4d/runs/20261121T103000Z-r1

  api      http://localhost:8080
  grafana  http://localhost:3000  login: admin, password in `.env`
";
    assert_eq!(plain(&fixture::warm_start(), Detail::Normal), expected);
}

const FAILED: &str = "\
PORT_TAKEN  deploy/stack  host port 8080 is taken by container `old-web`
  docker ps  old-web 0.0.0.0:8080->80/tcp
  tried: 2 attempts
  fix (safe): docker stop old-web
  blocks: check/api (1)
  more: mlup why deploy/stack

failed after 2.0s: 4 of 6 steps ready, 1 changed, 1 failed, 1 not run
critical path: docker 0.1s > deploy/stack 1.5s
run log: ~/.local/state/mlup/demo-1a2b3c4d/runs/20261121T103000Z-r1
";

#[test]
fn a_failed_start_in_plain_lines() {
    let expected = "\
[  0.0] start demo (profile local): 6 steps, deadline 15m
[  0.0] docker           ready       0.1s  Docker 20.10.24, compose 2.26.1
[  0.0] network/mlnet    running           making changes
[  0.1] network/mlnet    ready       0.1s  bridge 172.30.0.0/16 (changed)
[  0.2] preflight/stack  ready       0.1s  5 services
[  0.2] images/stack     running           making changes
[  0.4] images/stack     warning           IMAGE_STALE  `api` is older than its build context; run `mlup start images/stack`
[  0.5] images/stack     ready       0.2s  5 images
[  0.5] deploy/stack     running           making changes
[  0.9] deploy/stack     retrying          DOCKER_BUSY  attempt 2 in 0.5s: the engine closed the connection
[  1.4] deploy/stack     running           making changes
[  2.0] deploy/stack     failed      1.5s  PORT_TAKEN  host port 8080 is taken by container `old-web`

";
    assert_eq!(plain(&fixture::failed_start(), Detail::Normal), format!("{expected}{FAILED}"));
}

#[test]
fn each_rung_of_recovery_is_a_line_and_the_summary_says_which_one_worked() {
    let expected = "\
[  0.0] start demo (profile local): 2 steps, deadline 15m
[  0.0] cluster       running           making changes
[  3.0] cluster       escalate          restart (attempt 2): it does not answer: no answer within 2s
[  4.5] cluster       escalate          recreate (attempt 3): a restart did not help: no answer within 2s
[  8.0] cluster       ready       7.9s  1 node, v1.34.0 (changed)
[  9.0] deploy/stack  ready       1.0s  5 services (changed)

ready in 9.0s: 2 steps, 2 changed
recovered: cluster is up since attempt 3 (recreate); the last failure: no answer
  within 2s
critical path: cluster 7.9s
run log: ~/.local/state/mlup/demo-1a2b3c4d/runs/20261121T103000Z-r1
";
    assert_eq!(plain(&fixture::recovered_start(), Detail::Normal), expected);
}

#[test]
fn quiet_is_the_failure_and_the_summary_alone() {
    assert_eq!(plain(&fixture::failed_start(), Detail::Quiet), FAILED);
}

#[test]
fn verbose_has_output_and_probes_without_the_colours_of_tools() {
    let text = plain(&fixture::cold_start(), Detail::Verbose);
    assert!(text.contains("\n[  0.9] images/stack     | #5 building\n"), "{text}");
    let probe =
        "\n[ 12.0] check/api        probe             1: http from host: ok, http 200 (14ms)\n";
    assert!(text.contains(probe), "{text}");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let sink = Sink::default();
    let style = Style { colour: true, unicode: true };
    let look = Look { detail: Detail::Normal, style, run_log: Some(LOG.to_owned()) };
    let events = fixture::failed_start();
    replay(&mut Plain::new(Box::new(sink.clone()), look, 80), &events);
    let without: String = sink.text().lines().map(|line| text::clean(line) + "\n").collect();
    assert!(sink.text().contains("\u{1b}[1;31mfailed"), "{}", sink.text());
    assert_eq!(without, plain(&events, Detail::Normal));
}

#[test]
fn a_recorded_stream_renders_like_the_live_one() {
    let events = fixture::failed_start();
    let sink = Sink::default();
    replay(&mut json::Json::new(sink.clone()), &events);
    let recorded: Vec<Event> =
        sink.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(plain(&recorded, Detail::Normal), plain(&events, Detail::Normal));
}
