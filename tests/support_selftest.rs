//! Tests of the test support: a stand-in or a guard that is wrong would make every test above it
//! worthless.

use std::io::Write;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{DockerGuard, Hang, IMAGE, Sandbox, assert_same, on, require_docker};

#[test]
#[should_panic(expected = "unscripted calls:\ndocker rm --force all")]
fn an_unscripted_call_fails_the_test() {
    let sandbox = Sandbox::new().tool("docker", &[on(["version"])]);
    let ran = sandbox.spawn_tool("docker", &["rm", "--force", "all"]).wait();
    assert_eq!(ran.code, Some(97));
    assert_eq!(ran.stderr, "fake-tool: no rule for: docker rm --force all\n");
}

#[test]
fn a_stand_in_answers_by_its_first_matching_rule() {
    let sandbox = Sandbox::new().tool(
        "docker",
        &[
            on(["compose", "--file=*", "up", "..."]).stderr("no space left\n").exit(1).times(1),
            on(["compose", "--file=*", "up", "..."]).stdout("up\n").delay_ms(1),
        ],
    );
    let first = sandbox.spawn_tool("docker", &["compose", "--file=a", "up", "-d"]).wait().exits(1);
    let second = sandbox.spawn_tool("docker", &["compose", "--file=b", "up"]).wait().exits(0);
    assert_same(&first.stderr, "no space left\n");
    assert_same(&second.stdout, "up\n");
    let calls = sandbox.calls("docker");
    assert_eq!(calls[0].line(), "docker compose --file=a up -d");
    assert_eq!(calls[1].rule, Some(1));
    assert_eq!(
        (calls[1].cwd.as_str(), calls[1].stdin.as_str()),
        (sandbox.project().to_str().unwrap(), "")
    );
}

#[test]
fn a_hanging_stand_in_ends_by_signal_and_a_stubborn_one_by_kill() {
    let rules = [on(["stay"]).stdout("here\n").hang(Hang::Polite)];
    let sandbox = Sandbox::new().tool("polite", &rules);
    let mut polite = sandbox.spawn_tool("polite", &["stay"]);
    polite.wait_stdout("here");
    polite.signal(Signal::TERM);
    assert_eq!(polite.wait().signal, Some(15));

    let rules = [on([]).stderr("here\n").hang(Hang::Stubborn).grandchild()];
    let sandbox = Sandbox::new().tool("stubborn", &rules);
    let mut stubborn = sandbox.spawn_tool("stubborn", &[]);
    stubborn.wait_stderr("here");
    stubborn.signal(Signal::TERM);
    assert_eq!(stubborn.pid(), sandbox.calls("stubborn")[0].pid);
    stubborn.signal(Signal::KILL);
    assert_eq!(stubborn.wait_exit().signal, Some(9), "TERM must not end it");
    let call = &sandbox.calls("stubborn")[0];
    assert!(call.is_alive(), "the grandchild outlives a kill of its parent alone");
    let grandchild = i32::try_from(call.grandchild.unwrap()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(grandchild).unwrap(),
        Signal::KILL,
    )
    .unwrap();
}

#[test]
fn a_signal_to_the_group_ends_the_grandchild_too() {
    let rules = [on(["up"]).stdout("here\n").hang(Hang::Polite).grandchild()];
    let sandbox = Sandbox::new().tool("tool", &rules);
    let mut running = sandbox.spawn_tool("tool", &["up"]);
    running.wait_stdout("here");
    running.signal_group(Signal::KILL);
    assert_eq!(running.wait().signal, Some(9));
}

#[test]
fn events_are_found_in_the_output_as_they_come() {
    let event = r#"{"v":1,"seq":0,"ts":"t","elapsed_ms":4,"run":"r","type":"warning","code":"A","message":"m"}"#;
    let sandbox = Sandbox::new()
        .tool("tool", &[on([]).stdout(&format!("{event}\n")).hang(Hang::Polite)])
        .tool("quick", &[on([]).stdout(&format!("{event}\n"))]);
    let mut running = sandbox.spawn_tool("tool", &[]);
    assert_eq!(running.wait_event(|event| event.elapsed_ms == 4).run, "r");
    let ran = sandbox.spawn_tool("quick", &[]).wait();
    assert_eq!((ran.events().len(), ran.kinds().len()), (1, 1));
}

#[test]
fn what_differs_between_runs_is_filtered() {
    let sandbox = Sandbox::new();
    let text = format!(
        "2026-11-21T10:30:00.123Z {}/a {{\"run\":\"x\",\"elapsed_ms\":12}} 20261121T103000Z-1f in 1.2s 1m 3s 40 ms",
        sandbox.root().display()
    );
    let wanted = "[TIME] [ROOT]/a {\"run\":\"[RUN]\",\"elapsed_ms\":[MS]} [RUN] in [MS] [MS] [MS]";
    assert_same(&sandbox.tidy(&text), wanted);
}

#[test]
fn the_environment_is_sealed() {
    let sandbox = Sandbox::new().env("EXTRA", "1").file("a/b.txt", "text").real_tool("env");
    let ran = sandbox.spawn_tool("env", &[]).wait().exits(0);
    let names: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(names, ["EXTRA", "HOME", "LC_ALL", "PATH", "TMPDIR", "XDG_STATE_HOME"]);
    assert!(sandbox.project().join("a/b.txt").exists() && sandbox.state().is_dir());
}

#[test]
fn the_program_itself_runs() {
    let ran = Sandbox::new().run(&["--version"]);
    assert_eq!(ran.signal, None, "{}", ran.report());
}

#[test]
fn a_terminal_tells_size_keys_and_restored_modes() {
    let sandbox = Sandbox::new();
    let mut terminal = sandbox.spawn_shell_on_terminal(
        "PATH=/bin:/usr/bin; trap 'stty size' WINCH; stty size; \
         while ! read -r line; do :; done; echo got $line; stty -echo; printf '\\033[?25l'",
    );
    terminal.wait_drawn("24 80");
    terminal.resize(40, 10);
    terminal.wait_drawn("10 40");
    terminal.type_text("hello\n");
    terminal.wait_drawn("got hello");
    let end = terminal.wait();
    assert_eq!((end.code, end.signal), (Some(0), None), "{end:?}");
    assert!(!end.modes_restored && !end.is_cursor_shown(), "{end:?}");
}

#[test]
fn a_terminal_sends_ctrl_c_and_signals() {
    let sandbox = Sandbox::new();
    let mut terminal = sandbox.spawn_shell_on_terminal("trap 'exit 130' INT; echo on; read line");
    terminal.wait_drawn("on");
    terminal.type_text("\x03");
    let end = terminal.wait();
    assert_eq!(end.code, Some(130), "{end:?}");
    assert!(end.modes_restored && end.is_cursor_shown(), "{end:?}");

    let mut terminal = sandbox.spawn_shell_on_terminal("echo on; read line");
    terminal.wait_drawn("on");
    terminal.signal(Signal::HUP);
    assert_eq!(terminal.wait().signal, Some(1));

    let terminal = sandbox.spawn_on_terminal(&["--version"], 80, 24);
    assert!(terminal.wait().modes_restored);
}

#[test]
fn a_guard_removes_what_carries_its_name() {
    require_docker!();
    let guard = DockerGuard::new();
    let sandbox = Sandbox::new().real_docker();
    let docker = |args: &[&str]| sandbox.spawn_tool("docker", args).wait().exits(0);
    let name = guard.name().to_owned();
    let label = format!("com.docker.compose.project={name}");
    let volume = format!("{name}_data");
    docker(&["network", "create", &format!("{name}-net")]);
    docker(&["volume", "create", &volume]);
    docker(&["tag", IMAGE, &format!("{name}-image:dev")]);
    docker(&["run", "--detach", "--label", &label, IMAGE, "sleep", "600"]);
    let kinds = ["container", "image", "network", "volume"];
    assert_eq!(kinds.map(|kind| guard.list(kind).len()), [1, 1, 1, 1]);
    drop(guard);
    let left = docker(&["volume", "ls", "--quiet", "--filter", &format!("name={name}")]);
    assert_eq!(left.stdout, "");
    let left = docker(&["ps", "--all", "--quiet", "--filter", &format!("label={label}")]);
    assert_eq!(left.stdout, "");
}

#[test]
fn a_stage_does_what_its_lines_say_and_tells_when_it_was_written() {
    let mut stage = Command::new(env!("CARGO_BIN_EXE_fake-cluster"))
        .arg("stage")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let settings = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "settings", "namespace": "shop" } });
    let orders = [
        json!({ "do": "changes" }),
        json!({ "do": "namespaces", "names": ["shop"] }),
        json!({ "do": "simulate", "settings": { "pace": { "second": { "secs": 1, "nanos": 0 } } } }),
        json!({ "do": "delay", "calls": "PATCH ", "millis": 1, "times": 1 }),
        json!({ "do": "store", "objects": [settings] }),
        json!({ "do": "changes" }),
        json!({ "do": "asked" }),
    ];
    let before = Timestamp::now().as_microsecond();
    // What is written ends here, and with it the stage.
    let mut input = stage.stdin.take().unwrap();
    for order in &orders {
        writeln!(input, "{order}").unwrap();
    }
    drop(input);
    let done = stage.wait_with_output().unwrap();
    let after = Timestamp::now().as_microsecond();
    assert!(done.status.success(), "{:?}", done.status);
    let text = String::from_utf8(done.stdout).unwrap();
    let said: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 1 + orders.len(), "{text}");
    assert!(said[0]["kubeconfig"].as_str().unwrap().contains("http://127.0.0.1:"), "{text}");
    let changes = said[6]["changes"].as_array().unwrap();
    let own = changes.iter().find(|change| change["object"]["metadata"]["name"] == "settings");
    let at = own.unwrap()["at"].as_i64().unwrap();
    assert!((before..=after).contains(&at), "{before} {at} {after}");
    let is_old = |change: &Value| change["object"]["metadata"]["name"] == "kube-system";
    assert!(!changes.iter().any(is_old), "what was told before is not told again: {text}");
    assert_eq!(said[7], json!({ "requests": [], "at_once": 0 }));
}
