//! How causes read for people: on a terminal of 80 columns, in a pipe, and without colours.

use regex::Regex;

use super::doctor::recorded;
use super::explained::applied;
use crate::support::assert_same;
use crate::support::kubernetes::Kubernetes;

const COLUMNS: u16 = 80;

/// What a terminal of 80 columns shows, colours included.
fn drawn(site: &Kubernetes, args: &[&str]) -> String {
    let end = site.sandbox.spawn_on_terminal(args, COLUMNS, 24).wait();
    assert!(end.modes_restored, "{}", end.drawn);
    end.drawn.replace("\r\n", "\n")
}

fn without_colour(drawn: &str) -> String {
    Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(drawn, "").into_owned()
}

/// Nothing is wider than the terminal but commands, which stay whole, and single words.
#[track_caller]
fn fits(text: &str) {
    for line in text.lines().filter(|line| line.chars().count() > usize::from(COLUMNS)) {
        let is_command = line.trim_start().starts_with("fix (") || line.starts_with("log: ");
        assert!(is_command || !line.trim().contains(' '), "too wide: {line}\n{text}");
    }
}

const NARROW: &str = "\
CRASH-01  deployment/training/train-gru  container `train-gru` of pod
  training/train-gru-5ffddff7d8-4lc45 needs more memory than its limit of 48Mi
  (OOMKilled)
  pod train-gru-5ffddff7d8-4lc45, container train-gru
    restarted 4 times, last exit code 137 (OOMKilled)
  log train-gru-5ffddff7d8-4lc45/train-gru
    epoch 1/50 loading 3.1 GiB of features
  fix (confirm): kubectl --context test -n training set resources deployment/train-gru -c train-gru --limits=memory=...
  then: needs a new pod

11 objects checked, 1 cause found
";

#[test]
fn a_cause_stands_in_80_columns_and_its_command_stays_whole() {
    let site = recorded("crash-oom-killed");
    let colourful = drawn(&site, &["doctor", "--offline"]);
    assert!(colourful.contains('\u{1b}'), "{colourful}");
    assert_same(&without_colour(&colourful), NARROW);
    fits(NARROW);
    let plain = recorded("crash-oom-killed").env("NO_COLOR", "1");
    assert_same(&drawn(&plain, &["doctor", "--offline"]), NARROW);
    let dumb = recorded("crash-oom-killed").env("TERM", "dumb").env("LANG", "C");
    assert_same(&without_colour(&drawn(&dumb, &["doctor", "--offline"])), NARROW);
}

#[test]
fn a_pipe_gets_the_same_without_colours() {
    let ran = recorded("crash-oom-killed").sandbox.run(&["doctor", "--offline"]).exits(1);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&ran.stdout), words(NARROW));
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    let well = recorded("healthy-completed-jobs").sandbox.run(&["doctor"]).exits(0);
    let passed = Regex::new(r"^\d{2,} checks passed on \d+ objects, nothing wrong\n$").unwrap();
    assert!(passed.is_match(&well.stdout), "{}", well.stdout);
}

#[test]
fn a_table_that_is_missing_in_mlup_toml_can_be_copied_out_of_the_advice() {
    let ran = recorded("two-faults-secret-and-selector").sandbox.run(&["doctor", "--offline"]);
    let advice = "\
  fix (safe): declare it in mlup.toml, then mlup start:
              [[registry]]
              server = \"111122223333.dkr.ecr.us-east-1.amazonaws.com\"
              secret = \"ecr-registry-key\"
              namespaces = [\"shop\"]
              ecr = true
";
    assert!(ran.stdout.contains(advice), "{}", ran.stdout);
    let table = advice.split_once(":\n").unwrap().1;
    let table: toml_edit::DocumentMut = table.parse().unwrap();
    assert_eq!(table["registry"].as_array_of_tables().map(toml_edit::ArrayOfTables::len), Some(1));
}

#[test]
fn status_why_and_a_failed_start_stand_in_80_columns() {
    let site = applied("cfg-command-not-found");
    let start = drawn(&site, &["start", "--progress", "plain", "--timeout", "40s"]);
    let cause = "CONTAINER_COMMAND  deploy/all";
    assert!(without_colour(&start).contains(cause), "{start}");
    for args in [vec!["status"], vec!["why", "deploy/all"], vec!["why"]] {
        let text = without_colour(&drawn(&site, &args));
        fits(&text);
        assert!(text.contains("CFG-04") || text.contains(cause), "{args:?}: {text}");
        let plain = site.sandbox.run(&args);
        assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
    }
    let table = without_colour(&drawn(&site, &["status"]));
    assert!(table.contains("what proves it, and the fix: mlup doctor"), "{table}");
    let plain = applied("cfg-command-not-found").env("NO_COLOR", "1");
    for args in [["status"], ["doctor"]] {
        let text = drawn(&plain, &args);
        assert!(!text.contains('\u{1b}') && text.contains("CFG-04"), "{text}");
    }
}
