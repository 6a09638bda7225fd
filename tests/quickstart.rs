//! The environment of `examples/quickstart` on the real engine, under a name and ports of its own:
//! cold, warm, killed at every step boundary, stopped, reset and purged.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mlup::event::{Event, EventKind};
use rustix::process::Signal;

use crate::commands::changed;
use crate::support::stack::docker;
use crate::support::{DockerGuard, Sandbox, require_docker};

/// Its ports are fixed, so one test has them at a time.
static PORTS: Mutex<()> = Mutex::new(());

/// A value that must be seen nowhere.
const CANARY: &str = "canary-7c41f0aa93";

/// A copy of the example, renamed throughout.
struct Quickstart {
    sandbox: Sandbox,
    guard: DockerGuard,
    _ports: MutexGuard<'static, ()>,
}

impl Quickstart {
    fn new() -> Self {
        let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = DockerGuard::new();
        let sandbox = Sandbox::new().real_docker().env("PATH", &path_with_docker());
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
        copy(&example, &sandbox.project(), guard.name());
        let busybox =
            std::env::var("MLUP_TEST_BUSYBOX").unwrap_or_else(|_| "/bin/busybox".to_owned());
        fs::copy(busybox, sandbox.project().join("image/busybox")).unwrap();
        Self { sandbox, guard, _ports: ports }
    }

    /// Everything of the world that a start decides: containers, networks, and the data.
    fn world(&self) -> BTreeMap<String, String> {
        let mut world = BTreeMap::new();
        for container in self.guard.list("container") {
            let format = "{{.Name}} {{.State.Status}} {{.State.ExitCode}} {{.Config.Image}} \
                {{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
            let line = docker(&["inspect", "--format", format, &container]).unwrap();
            let (name, rest) = line.trim().split_once(' ').unwrap();
            world.insert(name.to_owned(), rest.to_owned());
        }
        world.insert("networks".to_owned(), self.guard.list("network").len().to_string());
        world.insert("volumes".to_owned(), self.guard.list("volume").len().to_string());
        world.insert("schema".to_owned(), ask_db("GET schema"));
        world.insert("written by hand".to_owned(), ask_db("GET mine"));
        world
    }

    /// Identifier and start of every container: the same as long as nobody touched them.
    fn starts(&self) -> BTreeMap<String, String> {
        let mut starts = BTreeMap::new();
        for container in self.guard.list("container") {
            let format = "{{.Id}} {{.State.StartedAt}} {{.State.FinishedAt}}";
            starts.insert(
                container.clone(),
                docker(&["inspect", "--format", format, &container]).unwrap(),
            );
        }
        starts
    }
}

/// The system's folders, with the one that has the real docker first.
fn path_with_docker() -> String {
    let docker = which::which("docker").unwrap();
    format!("{}:/usr/local/bin:/usr/bin:/bin", docker.parent().unwrap().display())
}

/// Copies a folder; names, ports and the subnet in it become the test's own.
fn copy(from: &Path, to: &Path, name: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_name() == "generated" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, name);
        } else if entry.file_name() != "busybox" {
            fs::copy(entry.path(), &target).unwrap();
            if let Ok(text) = fs::read_to_string(&target) {
                let text = text.replace("mlup-quickstart", name).replace("1808", "2808");
                fs::write(&target, text.replace("10.213.7.", "10.214.9.")).unwrap();
            }
        }
    }
}

/// One command to the example's database, as a client of it would send it.
fn ask_db(command: &str) -> String {
    let Ok(mut stream) = TcpStream::connect("127.0.0.1:28081") else {
        return "no answer".to_owned();
    };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "{command}\nQUIT\n").unwrap();
    let mut answer = String::new();
    // The server may close with a reset after QUIT; what it said before is what counts.
    let _ = stream.read_to_string(&mut answer);
    answer.trim().to_owned()
}

/// Whether a step ended with this event.
fn is_boundary(event: &Event) -> bool {
    matches!(&event.kind, EventKind::StepState(state) if state.to.is_end())
}

#[test]
fn cold_then_warm_then_changed_then_gone() {
    require_docker!();
    let quickstart = Quickstart::new();
    let sandbox = &quickstart.sandbox;
    sandbox.run(&["status"]).exits(8);
    let cold = sandbox.run(&["start"]).exits(0);
    assert!(
        cold.stderr.contains("http://127.0.0.1:28082"),
        "URLs come with the summary:\n{}",
        cold.stderr
    );
    sandbox.run(&["status"]).exits(0);
    assert_eq!(ask_db("GET schema"), "3");

    let before = quickstart.starts();
    let warm = sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "a second start changes nothing");
    assert_eq!(
        quickstart.starts(),
        before,
        "no container was touched, the finished one-shot included"
    );

    let compose = fs::read_to_string(sandbox.project().join("compose.yml")).unwrap();
    let edited = compose.replace(
        "[/srv/services/web, dashboard]\n",
        "[/srv/services/web, dashboard]\n    environment: {EDITED: \"1\"}\n",
    );
    assert_ne!(edited, compose);
    sandbox.write("compose.yml", &edited);
    let plan = sandbox.run(&["plan"]).exits(0);
    assert!(plan.stdout.contains("dashboard"), "{}", plan.stdout);
    let third = sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&third), ["deploy/stack"]);
    let after = quickstart.starts();
    let kept = before.iter().filter(|(id, start)| after.get(*id) == Some(start)).count();
    assert_eq!((kept, after.len()), (before.len() - 1, before.len()), "only the dashboard is new");

    sandbox.run(&["stop"]).exits(0);
    sandbox.run(&["status"]).exits(8);
    assert_eq!(quickstart.guard.list("container").len(), before.len(), "stop keeps containers");
    sandbox.run(&["start"]).exits(0);
    sandbox.run(&["reset"]).exits(0);
    assert_eq!(quickstart.guard.list("container"), Vec::<String>::new());
    assert_eq!(quickstart.guard.list("network"), Vec::<String>::new());
    assert_eq!(quickstart.guard.list("volume").len(), 2, "reset keeps volumes");
    assert!(!sandbox.project().join("generated/dashboard/index.html").exists());
    sandbox.run(&["reset", "--purge"]).exits(7);
    assert_eq!(quickstart.guard.list("volume").len(), 2, "refused means untouched");
    sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    assert_eq!(quickstart.guard.list("volume"), Vec::<String>::new());
}

#[test]
fn killed_at_any_step_boundary_the_next_start_ends_in_the_same_world() {
    require_docker!();
    let quickstart = Quickstart::new();
    let sandbox = &quickstart.sandbox;
    let reference = sandbox.run(&["start", "--progress", "json"]).exits(0);
    let boundaries = reference.events().iter().filter(|event| is_boundary(event)).count();
    assert!(boundaries > 10, "{boundaries}");
    assert_eq!(ask_db("SET mine precious"), "OK");
    let world = quickstart.world();
    for boundary in 1..=boundaries {
        sandbox.run(&["reset", "--progress", "quiet"]).exits(0);
        let mut seen = 0;
        let mut running = sandbox.spawn(&["start", "--progress", "json"]);
        running.wait_event(|event| {
            seen += usize::from(is_boundary(event));
            seen == boundary
        });
        running.signal(Signal::KILL);
        running.wait_exit();
        sandbox.run(&["start", "--progress", "plain"]).exits(0);
        assert_eq!(quickstart.world(), world, "killed after step end {boundary} of {boundaries}");
    }
}

#[test]
fn a_secret_is_in_no_argv_event_log_or_error() {
    require_docker!();
    let quickstart = Quickstart::new();
    let sandbox = &quickstart.sandbox;
    let env =
        format!("MODEL_API_KEY={CANARY}\nPLAIN_SETTING={CANARY}-plain\nDASHBOARD_TITLE=mlup\n");
    sandbox.write(".env", &env);
    let mut running = sandbox.spawn(&["start", "--progress", "json", "-v"]);
    let mut leaks = Vec::new();
    running.wait_event(|event| {
        leaks.extend(command_lines_with(CANARY));
        matches!(event.kind, EventKind::RunFinished { .. })
    });
    let ran = running.wait().exits(0);
    assert_eq!(leaks, Vec::<String>::new(), "on a command line");
    let mut texts = vec![ran.stdout, ran.stderr];
    for args in [
        &["plan", "-o", "json"][..],
        &["status"],
        &["config", "show"],
        &["config", "show", "--origin"],
        &["why"],
        &["logs"],
    ] {
        let ran = sandbox.run(args);
        texts.extend([ran.stdout, ran.stderr]);
    }
    // The check's answer is an error now, with the key among what was sent.
    let config = fs::read_to_string(sandbox.project().join("mlup.toml")).unwrap();
    sandbox.write("mlup.toml", &config.replace("model = \"champion\"", "model = \"challenger\""));
    let failed = sandbox.run(&["start", "-v", "--timeout", "3s"]);
    assert_ne!(failed.code, Some(0));
    texts.extend([failed.stdout, failed.stderr]);
    for file in files_below(&sandbox.state()) {
        texts.push(String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned());
    }
    assert!(texts.len() > 14, "{}", texts.len());
    for text in texts {
        assert!(!text.contains(CANARY), "{text}");
    }
}

/// Command lines of all processes of this machine that hold the text; this test's own is exempt.
fn command_lines_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().map(Result::unwrap) {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

#[test]
fn reads_answer_about_a_running_environment() {
    require_docker!();
    let quickstart = Quickstart::new();
    let sandbox = &quickstart.sandbox;
    sandbox.run(&["start"]).exits(0);
    let urls = sandbox.run(&["urls"]).exits(0);
    assert!(urls.stdout.contains("http://127.0.0.1:28080/"), "{}", urls.stdout);
    assert!(urls.stdout.contains("tcp://127.0.0.1:28081"), "{}", urls.stdout);
    let logs = sandbox.run(&["logs", "migrate"]).exits(0);
    assert!(logs.stdout.contains("schema version 3"), "{}", logs.stdout);
    assert!(!logs.stdout.contains("scheduler"), "{}", logs.stdout);
    let unknown = sandbox.run(&["logs", "migrat"]);
    assert!(unknown.stderr.contains("migrate"), "{}", unknown.stderr);
    let mut following = sandbox.spawn(&["logs", "-f", "migrate"]);
    following.wait_stdout("schema version 3");
    following.signal(Signal::INT);
    following.wait().exits(0);
    let why = sandbox.run(&["why"]).exits(0);
    assert!(why.stdout.contains("ready"), "{}", why.stdout);
}
