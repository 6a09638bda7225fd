//! The units before systemd's own judge, which needs no running systemd: `systemd-analyze verify`
//! fails on what would not be started and names what it ignores.

use std::path::Path;
use std::process::Command;

use super::print::ONE_CHECK;
use crate::support::Sandbox;

/// Writes what `mlup systemd print` says to a folder, and has it judged with the units beside it.
#[track_caller]
fn verify(sandbox: &Sandbox, file: &str, args: &[&str]) {
    let mut all = vec!["--file", file, "systemd", "print"];
    all.extend(args);
    let printed = sandbox.run(&all).exits(0).stdout;
    let folder = sandbox.root().join("units");
    std::fs::create_dir_all(&folder).unwrap();
    let mut names = Vec::new();
    for unit in printed.split("\n# /").map(|unit| unit.trim_start_matches("# /")) {
        let (path, text) = unit.split_once('\n').unwrap();
        let name = Path::new(path).file_name().unwrap().to_owned();
        std::fs::write(folder.join(&name), text).unwrap();
        names.push(folder.join(name));
    }
    let analyze = which::which("systemd-analyze")
        .unwrap_or_else(|error| panic!("`systemd-analyze` (`scripts/setup systemd`): {error}"));
    let manager = if args.contains(&"--system") { "--system" } else { "--user" };
    let output = Command::new(analyze)
        .args(["verify", "--man=no", manager])
        .args(&names)
        .env("XDG_RUNTIME_DIR", sandbox.root().join("tmp"))
        .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Units of the machine itself are not at issue.
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("mlup-")).collect();
    assert!(output.status.success() && about_ours.is_empty(), "{said}\n{printed}");
}

/// An environment in a folder of this name.
fn in_folder(folder: &str, more: &str) -> (Sandbox, String) {
    let file = format!("{folder}/mlup.toml");
    let sandbox = Sandbox::new().file(&file, &format!("{ONE_CHECK}{more}"));
    (sandbox, file)
}

const REGISTRY: &str = "\n[[registry]]\nserver = \"registry.lan:5000\"\nsecret = \"pull\"\n\
    username = \"me\"\npassword = \"secret\"\n\n[cluster]\nprovider = \"existing\"\ncontext = \"lab\"\n";

#[test]
fn units_of_a_user_are_accepted() {
    let (sandbox, file) = in_folder("plain", REGISTRY);
    verify(&sandbox, &file, &[]);
    verify(&sandbox, &file, &["--watch"]);
}

#[test]
fn units_of_the_system_are_accepted() {
    let (sandbox, file) = in_folder("plain", REGISTRY);
    verify(&sandbox, &file, &["--system", "--run-as", "root"]);
    verify(&sandbox, &file, &["--system", "--run-as", "root", "--watch"]);
}

#[test]
fn nasty_project_paths_are_accepted() {
    let (sandbox, file) = in_folder("my $HOME 100% \"x\" \\ it's #1; %h", REGISTRY);
    verify(&sandbox, &file, &[]);
    verify(&sandbox, &file, &["--system", "--run-as", "root", "--watch"]);
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("mlup-wrong.service");
    std::fs::write(&unit, "[Service]\nType=oneshot\nExecStart=relative/path\n").unwrap();
    let analyze = which::which("systemd-analyze").unwrap();
    let output = Command::new(analyze)
        .args(["verify", "--man=no", "--user"])
        .arg(&unit)
        .env("XDG_RUNTIME_DIR", folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
}
