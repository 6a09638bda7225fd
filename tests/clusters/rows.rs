//! Every way in which minikube and k3d fail that has a class: what mlup says, with which exit code,
//! and how far it goes. The tools are scripted; nothing exists on the engine.

use mlup::event::EventKind;

use crate::support::cluster::minikube_error;
use crate::support::{DockerGuard, Ran, Sandbox, on, require_docker};

use Goes::{Anew, Deep, Nowhere, Twice, Waits};

/// How far a failure that never passes is taken.
#[derive(Clone, Copy, Debug)]
enum Goes {
    /// One attempt, then this exit code; nothing is deleted.
    Nowhere(i32),
    /// The same again until the attempts are used up; nothing is deleted.
    Waits,
    /// The same again once, then up the ladder.
    Twice,
    /// A new cluster at once.
    Anew,
    /// A purge at once.
    Deep,
}

/// The rows of minikube.
const MINIKUBE: &str = include_str!("rows/minikube.txt");
/// The rows of k3d.
const K3D: &str = include_str!("rows/k3d.txt");

/// One way to fail.
struct Row {
    /// minikube's reason id; empty for k3d.
    reason: &'static str,
    /// The tool's exit code.
    exit: u8,
    /// What the tool says.
    message: &'static str,
    /// mlup's code; empty where any will do.
    code: &'static str,
    goes: Goes,
}

/// The rows of a table; columns are separated by ` | `, comments begin with `#`.
fn rows(table: &'static str) -> Vec<Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(row).collect()
}

fn row(line: &'static str) -> Row {
    let fields: Vec<&str> = line.split(" | ").collect();
    let (reason, exit, rest) = match fields.as_slice() {
        [reason, exit, rest @ ..] if rest.len() == 3 => (*reason, exit.parse().unwrap(), rest),
        rest if rest.len() == 3 => ("", 1, rest),
        _ => panic!("no row: {line}"),
    };
    let goes = match rest[0].split_once(' ') {
        Some(("fatal", exit)) => Nowhere(exit.parse().unwrap()),
        None if rest[0] == "waits" => Waits,
        None if rest[0] == "twice" => Twice,
        None if rest[0] == "anew" => Anew,
        None if rest[0] == "deep" => Deep,
        _ => panic!("no way to go: {line}"),
    };
    Row { reason, exit, message: rest[2], code: rest[1].trim_matches('-'), goes }
}

/// Attempts that each row is given: as many as show how far it goes.
fn attempts(goes: Goes) -> usize {
    match goes {
        Nowhere(_) | Waits | Anew => 3,
        Twice => 4,
        Deep => 2,
    }
}

/// The changing calls that show it; a purge begins with the tool's own deletion.
fn calls(goes: Goes, start: &'static str, delete: &'static str) -> Vec<&'static str> {
    match goes {
        Nowhere(_) => vec![start],
        Waits => vec![start; 3],
        Twice => vec![start, start, delete, start, delete, start],
        Anew => vec![start, delete, start, delete, start],
        Deep => vec![start, delete, start],
    }
}

fn site(provider: &str, goes: Goes) -> (DockerGuard, Sandbox) {
    let guard = DockerGuard::new();
    let config = format!(
        "name = \"{name}\"\n[cluster]\nprovider = \"{provider}\"\nname = \"{name}\"\n\
         recover = {{ attempts = {}, backoff = \"1ms..2ms\", purge = \"profile\" }}\n",
        attempts(goes),
        name = guard.name(),
    );
    (guard, Sandbox::new().real_docker().file("mlup.toml", &config))
}

/// The code of the first diagnosis.
fn code(ran: &Ran) -> String {
    let diagnoses = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis.code),
        _ => None,
    });
    diagnoses.into_iter().next().unwrap_or_default()
}

/// Everything that is not as the row says; all rows are gone through before any is told.
fn wrong(row: &Row, ran: &Ran, made: &[String], wanted: &[&str]) -> Option<String> {
    let is_code = row.code.is_empty() || code(ran) == row.code;
    let is_exit = match row.goes {
        Nowhere(exit) => ran.code == Some(exit),
        Waits | Twice | Anew | Deep => !matches!(ran.code, Some(0 | 70) | None),
    };
    (made != wanted || !is_code || !is_exit).then(|| {
        let Row { reason, message, goes, code: wanted_code, .. } = row;
        let found = code(ran);
        format!(
            "{reason} {message}: exit {:?} {found}, calls {made:?}; wanted {goes:?} {wanted_code}",
            ran.code
        )
    })
}

/// Goes through the rows on as many threads as there are cores.
fn each(table: &'static str, check: impl Fn(&Row) -> Option<String> + Sync) {
    let rows = rows(table);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let part = |number: usize| -> Vec<String> {
        rows.iter().skip(number).step_by(threads).filter_map(&check).collect()
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let part = &part;
        let parts: Vec<_> = (0..threads).map(|number| scope.spawn(move || part(number))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The calls that change something, by one of their words.
fn made(sandbox: &Sandbox, tool: &str, word: usize, changing: &[&str]) -> Vec<String> {
    let calls = sandbox.calls(tool).into_iter();
    let words = calls.filter_map(|call| call.argv.get(word).cloned());
    words.filter(|word| changing.contains(&word.as_str())).collect()
}

#[test]
fn every_way_in_which_minikube_fails_goes_as_far_as_its_class_says() {
    require_docker!();
    each(MINIKUBE, |row| {
        let (guard, sandbox) = site("minikube", row.goes);
        let gone = "Nonexistent";
        let vanished = serde_json::json!({
            "Name": guard.name(), "Host": gone, "Kubelet": gone, "APIServer": gone,
            "Kubeconfig": gone, "Worker": false,
        });
        let failure = minikube_error(row.reason, row.exit, row.message);
        let sandbox = sandbox.tool(
            "minikube",
            &[
                on(["version", "..."])
                    .stdout("{\"commit\":\"x\",\"minikubeVersion\":\"v1.38.1\"}\n"),
                on(["status", "..."]).stdout(&vanished.to_string()).exit(7),
                on(["profile", "list", "..."]).stdout("{\"invalid\":[],\"valid\":[]}"),
                on(["start", "..."]).stdout(&failure).exit(row.exit),
                on(["delete", "..."]),
                on(["stop", "..."]),
            ],
        );
        let ran = sandbox.run(&["start", "--progress", "json"]);
        let made = made(&sandbox, "minikube", 0, &["start", "stop", "delete"]);
        let last = sandbox.calls("minikube").into_iter().rfind(|call| call.argv[0] == "start");
        let is_forced = last.is_some_and(|call| call.argv.iter().any(|arg| arg == "--force"));
        if matches!(row.goes, Twice | Anew | Deep) && !is_forced {
            return Some(format!("{}: the last start is not forced", row.reason));
        }
        wrong(row, &ran, &made, &calls(row.goes, "start", "delete"))
    });
}

#[test]
fn every_way_in_which_k3d_fails_goes_as_far_as_its_class_says() {
    require_docker!();
    each(K3D, |row| {
        let (guard, sandbox) = site("k3d", row.goes);
        let line = |level: &str, message: &str| {
            let message = message.replace("NAME", guard.name()).replace('"', "\\\"");
            format!("time=\"2026-11-21T10:23:12Z\" level={level} msg=\"{message}\"\n")
        };
        let mut stderr = line("error", row.message);
        if !row.message.starts_with("Cluster creation FAILED") {
            stderr.push_str(&line("fatal", "Cluster creation FAILED, rollback deactivated."));
        }
        let version = "k3d version v5.9.0\nk3s version v1.33.5-k3s1 (default)\n";
        let sandbox = sandbox.tool(
            "k3d",
            &[
                on(["version", "..."]).stdout(version),
                on(["cluster", "list", "..."]).stdout("[]\n"),
                on(["cluster", "create", "..."]).stderr(&stderr).exit(1),
                on(["cluster", "delete", "..."]).stdout(&line("info", "No clusters found")),
            ],
        );
        let ran = sandbox.run(&["start", "--progress", "json"]);
        let made = made(&sandbox, "k3d", 1, &["create", "delete"]);
        // Nothing is left of what failed, so that the same again is a new cluster.
        let wanted = match row.goes {
            Anew => vec!["create", "create", "delete", "create"],
            goes => calls(goes, "create", "delete"),
        };
        wrong(row, &ran, &made, &wanted)
    });
}
