//! The verbs on an environment of tasks and files alone: no Docker, so what is seen here is mlup.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mlup::event::{EventKind, Outcome, State, Verb};

use crate::support::{Ran, Sandbox};

/// One task that is done once its file is there, one check that asks for the file.
const TASKS: &str = r#"name = "demo"

[[task]]
name = "seed"
run = ["/bin/sh", "-c", "echo seeding; echo data > data.txt"]
unless = ["/usr/bin/test", "-e", "data.txt"]
undo = ["/bin/rm", "data.txt"]

[[check]]
name = "data"
exec = ["/usr/bin/test", "-s", "data.txt"]
"#;

fn demo() -> Sandbox {
    Sandbox::new().file("mlup.toml", TASKS)
}

fn has_data(sandbox: &Sandbox) -> bool {
    sandbox.project().join("data.txt").exists()
}

/// The steps that say that they changed something.
pub(crate) fn changed(ran: &Ran) -> Vec<String> {
    let states = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::StepState(state) if state.changed == Some(true) => Some(state.step),
        _ => None,
    });
    states.collect()
}

/// The state that a step ended in.
pub(crate) fn last_state(ran: &Ran, step: &str) -> Option<State> {
    ran.kinds().into_iter().rev().find_map(|kind| match kind {
        EventKind::StepState(state) if state.step == step => Some(state.to),
        _ => None,
    })
}

#[test]
fn start_makes_it_so_and_a_second_start_changes_nothing() {
    let sandbox = demo();
    let first = sandbox.run(&["start"]);
    let first = first.exits(0);
    assert!(first.stderr.contains("ready in"), "{}", first.stderr);
    assert_eq!(first.stdout, "", "stdout is for data");
    let second = sandbox.run(&["start", "--progress", "json"]);
    assert_eq!(changed(&second.exits(0)), Vec::<String>::new());
}

#[test]
fn events_count_without_gaps_from_started_to_finished() {
    let ran = demo().run(&["start", "--progress", "json"]);
    let ran = ran.exits(0);
    let events = ran.events();
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (0..events.len() as u64).collect::<Vec<_>>());
    assert!(matches!(events[0].kind, EventKind::RunStarted { action: Verb::Start, .. }));
    let last = &events.last().unwrap().kind;
    assert!(
        matches!(last, EventKind::RunFinished { outcome: Outcome::Ready, exit_code: 0, .. }),
        "{last:?}"
    );
    assert!(events.iter().all(|event| event.v == 1));
}

#[test]
fn plan_says_what_would_change_and_why_and_changes_nothing() {
    let sandbox = demo();
    let ran = sandbox.run(&["plan"]);
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("task/seed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("run"), "{}", ran.stdout);
    assert!(!has_data(&sandbox));
}

#[test]
fn dry_run_is_the_plan() {
    let sandbox = demo();
    assert_eq!(sandbox.run(&["start", "--dry-run"]).stdout, sandbox.run(&["plan"]).stdout);
    assert!(!has_data(&sandbox));
}

#[test]
fn plan_as_json_names_each_change_with_its_cause() {
    let ran = demo().run(&["plan", "-o", "json"]);
    let ran = ran.exits(0);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    let seed = steps.iter().find(|step| step["id"] == "task/seed").unwrap();
    assert_eq!(seed["changes"][0]["op"], "run");
    assert!(seed["changes"][0]["why"].as_str().unwrap().contains("unless"), "{seed}");
}

#[test]
fn plan_is_a_graph_for_graphviz_and_mermaid() {
    let sandbox = demo();
    let dot = sandbox.run(&["plan", "-o", "dot"]).stdout;
    assert!(dot.starts_with("digraph"), "{dot}");
    assert!(dot.contains("\"task/seed\" -> \"check/data\""), "{dot}");
    let mermaid = sandbox.run(&["plan", "-o", "mermaid"]).stdout;
    assert!(mermaid.starts_with("graph") || mermaid.starts_with("flowchart"), "{mermaid}");
}

#[test]
fn status_is_8_before_and_0_after() {
    let sandbox = demo();
    sandbox.run(&["status"]).exits(8);
    sandbox.run(&["start"]).exits(0);
    let ran = sandbox.run(&["status", "-o", "json"]);
    let ran = ran.exits(0);
    let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(status["ready"], true);
}

#[test]
fn only_takes_what_it_needs_along_and_skip_leaves_out() {
    let sandbox = demo();
    let ran =
        sandbox.run(&["start", "--skip", "task/seed", "--progress", "json", "--timeout", "2s"]);
    ran.exits(5);
    assert!(!has_data(&sandbox));
    sandbox.run(&["start", "data"]).exits(0);
    assert!(has_data(&sandbox));
}

#[test]
fn until_stops_before_what_comes_after() {
    let ran = demo().run(&["start", "--until", "task/seed", "--progress", "json"]);
    let ran = ran.exits(0);
    assert_eq!(last_state(&ran, "check/data"), Some(State::Skipped));
}

#[test]
fn reset_takes_tasks_back_and_stop_does_not() {
    let sandbox = demo();
    sandbox.run(&["start"]).exits(0);
    sandbox.run(&["stop"]).exits(0);
    assert!(has_data(&sandbox));
    sandbox.run(&["reset"]).exits(0);
    assert!(!has_data(&sandbox));
}

#[test]
fn purge_without_a_terminal_needs_yes() {
    let sandbox = demo();
    sandbox.run(&["start"]).exits(0);
    let refused = sandbox.run(&["reset", "--purge"]);
    let refused = refused.exits(7);
    assert!(
        refused.stderr.contains("undo of task `seed`"),
        "the list comes first:\n{}",
        refused.stderr
    );
    assert!(has_data(&sandbox));
    sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    assert!(!has_data(&sandbox));
}

#[test]
fn a_failure_is_one_block_and_why_repeats_it() {
    let sandbox = Sandbox::new().file(
        "mlup.toml",
        "name = \"demo\"\n[[task]]\nname = \"bad\"\nrun = [\"/bin/sh\", \"-c\", \"echo no luck >&2; exit 3\"]\n\
         [[check]]\nname = \"after\"\nexec = [\"/bin/true\"]\n",
    );
    let ran = sandbox.run(&["start"]);
    let ran = ran.exits(1);
    assert_eq!(ran.stderr.matches("\nTASK_FAILED  ").count(), 1, "{}", ran.stderr);
    for words in ["task/bad", "no luck", "check/after"] {
        assert!(ran.stderr.contains(words), "`{words}` is missing in:\n{}", ran.stderr);
    }
    let why = sandbox.run(&["why"]);
    let why = why.exits(0);
    assert!(why.stdout.contains("TASK_FAILED"), "{}", why.stdout);
    let story = sandbox.run(&["why", "bad"]);
    assert!(story.stdout.contains("no luck"), "{}", story.stdout);
}

#[test]
fn why_without_a_run_says_so() {
    let ran = demo().run(&["why"]);
    let ran = ran.exits(1);
    assert!(ran.stderr.contains("no run of demo"), "{}", ran.stderr);
}

#[test]
fn an_optional_failure_is_degraded_and_strict_makes_it_a_failure() {
    let sandbox = Sandbox::new().file(
        "mlup.toml",
        "name = \"demo\"\n[[check]]\nname = \"model\"\nexec = [\"/bin/false\"]\noptional = true\ntimeout = \"200ms\"\n",
    );
    sandbox.run(&["start"]).exits(6);
    sandbox.run(&["start", "--strict"]).exits(1);
}

#[test]
fn the_last_ten_runs_are_kept_private() {
    let sandbox = demo();
    for _ in 0..12 {
        sandbox.run(&["start", "--progress", "quiet"]).exits(0);
    }
    let project = fs::read_dir(sandbox.state().join("mlup")).unwrap().next().unwrap().unwrap();
    let runs: Vec<_> =
        fs::read_dir(project.path().join("runs")).unwrap().map(Result::unwrap).collect();
    assert_eq!(runs.len(), 10, "{runs:?}");
    for file in fs::read_dir(runs.last().unwrap().path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}

#[test]
fn origin_of_each_value_is_shown() {
    let sandbox =
        demo().file("mlup.local.toml", "deadline = \"3m\"\n").file(".env", "MLUP_NAMESPACE=lab\n");
    let ran = sandbox.run(&["config", "show", "--origin"]);
    let ran = ran.exits(0);
    let line = |key: &str| {
        ran.stdout.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned()
    };
    assert!(line("deadline").contains("mlup.local.toml:1"), "{}", ran.stdout);
    assert!(line("namespace").contains(".env"), "{}", ran.stdout);
    assert!(line("name ").contains("mlup.toml:1"), "{}", ran.stdout);
}

#[test]
fn schema_is_json_schema_for_editors() {
    let ran = demo().run(&["config", "schema"]);
    let ran = ran.exits(0);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    for section in
        ["cluster", "network", "file", "registry", "secret", "image", "deploy", "check", "task"]
    {
        assert!(schema["properties"][section].is_object(), "{section} is missing");
    }
}

#[test]
fn help_lists_every_exit_code() {
    let ran = Sandbox::new().run(&["--help"]);
    let ran = ran.exits(0);
    for code in
        [" 0 ", " 1 ", " 2 ", " 3 ", " 4 ", " 5 ", " 6 ", " 7 ", " 8 ", " 70 ", " 130 ", " 143 "]
    {
        assert!(ran.stdout.contains(code), "{code} is missing in:\n{}", ran.stdout);
    }
}

#[test]
fn completions_and_man_page_are_made_from_the_grammar() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = sandbox.run(&["completions", shell]);
        let ran = ran.exits(0);
        assert!(ran.stdout.contains("mlup"), "{shell}");
    }
    let man = sandbox.run(&["man"]);
    let man = man.exits(0);
    assert!(man.stdout.contains(".TH mlup"), "{}", man.stdout);
}

#[test]
fn a_wrong_command_line_is_2() {
    Sandbox::new().run(&["strat"]).exits(2);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = demo();
    let script = "\"$MLUP\" config schema | true; exit ${PIPESTATUS[0]}";
    assert_eq!(sandbox.spawn_shell(script).wait().exits(0).stderr, "");
}
