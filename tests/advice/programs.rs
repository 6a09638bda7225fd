//! What the real programs say of a command: the same words with `--help` behind them, which reads
//! all flags and finds the subcommand, and does nothing.

use std::process::{Command, Stdio};

use crate::support::real_program;

/// The programs that `scripts/setup` installs. Their plug-ins are tables, but for compose.
const REAL: [&str; 4] = ["docker", "helm", "kubectl", "mlup"];

/// Plug-ins of docker that need not be there.
const PLUGINS: [&str; 2] = ["buildx", "desktop"];

/// Subcommands that run another program.
const RUNS: [&str; 2] = ["exec", "run"];

/// Whether the real program is asked.
pub(super) fn is_asked(words: &[String]) -> bool {
    let second = words.get(1).map_or("", String::as_str);
    REAL.contains(&words[0].as_str()) && !(words[0] == "docker" && PLUGINS.contains(&second))
}

/// What of these words decides whether they are taken: flags and subcommands, not names.
pub(super) fn shape(words: &[String]) -> String {
    let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    let plain = |word: &str| word.chars().all(|letter| letter.is_ascii_lowercase());
    let mut shape: Vec<String> = words.iter().take(1).cloned().collect();
    let mut operands = 0;
    for word in &words[1..] {
        if word.starts_with('-') {
            shape.push(name(word));
        } else if plain(word) && operands < 4 {
            operands += 1;
            shape.push(word.clone());
        } else {
            shape.push("_".to_owned());
        }
    }
    shape.join(" ")
}

/// Why the program does not take these words.
pub(super) fn objection(words: &[String]) -> Option<String> {
    let program = match words[0].as_str() {
        "mlup" => env!("CARGO_BIN_EXE_mlup").into(),
        name => real_program(name),
    };
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    // What runs another program hands everything behind that one's name on to it.
    let at = words.iter().position(|word| RUNS.contains(&word.as_str())).unwrap_or(words.len() - 1);
    command.args(&words[1..=at]).arg("--help").args(&words[at + 1..]);
    command.stdin(Stdio::null()).current_dir(home.path());
    command.env("HOME", home.path()).env("KUBECONFIG", home.path().join("none"));
    command.env("XDG_CACHE_HOME", home.path()).env_remove("DOCKER_CONFIG");
    link_plugins(home.path());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if !output.status.success() {
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Some(format!("{}: {first}", words[0]));
    }
    if words[0] == "mlup" { None } else { unknown(words, &said) }
}

/// The plug-ins of docker may be in the folder of the user who runs the tests.
fn link_plugins(home: &std::path::Path) {
    let Ok(own) = std::env::var("HOME") else { return };
    let own = std::path::Path::new(&own).join(".docker/cli-plugins");
    if own.is_dir() {
        std::fs::create_dir(home.join(".docker")).unwrap();
        std::os::unix::fs::symlink(own, home.join(".docker/cli-plugins")).unwrap();
    }
}

/// Help for a group of commands where a command of it was meant: these programs print that and are
/// content.
fn unknown(words: &[String], help: &str) -> Option<String> {
    let usage = help.lines().skip_while(|line| !line.starts_with("Usage:"));
    let usage = usage.map(|line| line.trim_start_matches("Usage:").trim());
    let usage = usage.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
    let is_own = |word: &&str| word.chars().all(|one| one.is_ascii_lowercase() || one == '-');
    let known: Vec<&str> =
        usage.split(' ').take_while(is_own).filter(|word| !word.starts_with('-')).collect();
    let operand = usage.split(' ').skip_while(is_own).find(|word| *word != "[OPTIONS]");
    let mut rest = words.iter();
    if let Some(word) = known.iter().find(|known| !rest.any(|word| word == *known)) {
        return Some(format!("the help is of `{usage}`, which has `{word}`"));
    }
    let does_nothing =
        operand.is_some_and(|word| ["COMMAND", "SUBCOMMAND", "[command]"].contains(&word));
    let is_group = help.contains("\nAvailable Commands:");
    let is_meant = rest.next().is_some_and(|next| !next.starts_with('-'));
    (does_nothing || is_group && is_meant).then(|| format!("`{usage}` knows no such command"))
}

#[test]
fn unknown_flags_and_subcommands_are_refused() {
    let words = |line: &str| shlex::split(line).unwrap();
    for line in [
        "kubectl get pods --bogus",
        "kubectl bogus",
        "kubectl rollout bogus",
        "kubectl create bogus x",
        "kubectl rollout",
        "helm history web --bogus",
        "helm bogus",
        "helm get bogus web",
        "docker builder prune --bogus",
        "docker bogus",
        "docker network bogus x",
        "docker compose up --bogus",
        "docker compose bogus",
        "mlup bogus",
        "mlup start --bogus",
    ] {
        assert!(objection(&words(line)).is_some(), "{line} is taken");
    }
    for line in [
        "kubectl --context c -n a rollout restart deployment/b",
        "kubectl apply --server-side -f x",
        "kubectl --context c cluster-info",
        "docker exec -i x sh -c 'exit 1'",
        "helm --kube-context c -n a get values b",
        "docker network inspect x -f '{{.Id}}'",
        "docker compose -p a up -d --force-recreate",
        "mlup creds refresh --force",
    ] {
        assert_eq!(objection(&words(line)), None, "{line}");
    }
}
