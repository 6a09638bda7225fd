//! `mlup systemd install` and `uninstall` against strict stand-ins of systemd's clients: which files
//! and calls there are, in which order, and what is left alone.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::print::ONE_CHECK;
use crate::support::{Sandbox, on};

const UNIT: &str = "mlup-demo@compose.service";
const SHOWN: &str = "--property=LoadState,UnitFileState,ActiveState,SubState,LoadError";

fn standing(load: &str, file: &str, active: &str) -> String {
    format!("LoadState={load}\nActiveState={active}\nSubState=x\nUnitFileState={file}\n")
}

/// A machine whose manager answers to this, with units that are enabled at the second look.
fn machine(lingers: &str) -> Sandbox {
    let show = || on(["--user", "--no-pager", "--no-ask-password", "show", SHOWN, "--", "*"]);
    let tell = |verb| on(["--user", "--no-pager", "--no-ask-password", verb, "..."]);
    Sandbox::new()
        .file("mlup.toml", ONE_CHECK)
        .tool(
            "systemctl",
            &[
                on(["--user", "--no-pager", "--no-ask-password", "show", "--property=Version"])
                    .stdout("Version=252.38-1~deb12u1\n"),
                show().stdout(&standing("loaded", "disabled", "inactive")).times(1),
                show().stdout(&standing("loaded", "enabled", "active")),
                tell("daemon-reload"),
                tell("enable"),
                tell("start"),
                tell("restart"),
                tell("stop"),
                tell("disable"),
            ],
        )
        .tool(
            "loginctl",
            &[on(["show-user", "--property=Linger", "--", "*"])
                .stdout(&format!("Linger={lingers}\n"))],
        )
}

fn folder(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("home/.config/systemd/user")
}

/// The words of each call of `systemctl` that changes something, after its flags.
fn changes(sandbox: &Sandbox) -> Vec<String> {
    let calls = sandbox.calls("systemctl");
    let words = calls.iter().map(|call| call.argv[3..].join(" "));
    words.filter(|words| !words.starts_with("show")).collect()
}

#[test]
fn install_writes_enables_and_starts_and_a_second_time_changes_nothing() {
    let sandbox = machine("yes");
    let ran = sandbox.run(&["systemd", "install"]).exits(0);
    let unit = folder(&sandbox).join(UNIT);
    assert_eq!(ran.stdout, format!("written   {}\n", unit.display()));
    assert!(
        ran.stderr.contains("systemctl --user status mlup-demo@compose.service"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("linger"), "{}", ran.stderr);
    assert_eq!(unit.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    let expected = [
        "daemon-reload".to_owned(),
        format!("enable -- {UNIT}"),
        format!("start --no-block -- {UNIT}"),
    ];
    assert_eq!(changes(&sandbox), expected);
    let again = sandbox.run(&["systemd", "install"]).exits(0);
    assert_eq!(again.stdout, format!("unchanged {}\n", unit.display()));
    assert_eq!(changes(&sandbox), expected, "nothing more");
}

#[test]
fn a_user_who_does_not_linger_is_told() {
    let sandbox = machine("no");
    let ran = sandbox.run(&["systemd", "install", "--no-start"]).exits(0);
    assert!(ran.stderr.contains("loginctl enable-linger"), "{}", ran.stderr);
    assert_eq!(changes(&sandbox), ["daemon-reload".to_owned(), format!("enable -- {UNIT}")]);
}

#[test]
fn uninstall_leaves_the_environment_as_it_is() {
    let sandbox = machine("yes");
    sandbox.run(&["systemd", "install"]).exits(0);
    let before = changes(&sandbox).len();
    let ran = sandbox.run(&["systemd", "uninstall"]).exits(0);
    assert!(!folder(&sandbox).join(UNIT).exists());
    assert!(ran.stderr.contains("`mlup stop` halts it"), "{}", ran.stderr);
    // The stop comes once the unit has no `ExecStop=` any more.
    let expected =
        [format!("disable -- {UNIT}"), "daemon-reload".to_owned(), format!("stop -- {UNIT}")];
    assert_eq!(changes(&sandbox)[before..], expected);
    let again = sandbox.run(&["systemd", "uninstall"]).exits(0);
    assert!(again.stderr.contains("there are no units"), "{}", again.stderr);
}

#[test]
fn the_watch_gives_way_to_nothing_and_comes_back() {
    let sandbox = machine("yes");
    sandbox.run(&["systemd", "install", "--watch"]).exits(0);
    let watch = folder(&sandbox).join("mlup-demo-watch@compose.service");
    assert!(watch.exists());
    let ran = sandbox.run(&["systemd", "install"]).exits(0);
    assert!(!watch.exists());
    assert!(ran.stdout.contains(&format!("removed   {}", watch.display())), "{}", ran.stdout);
    let changes = changes(&sandbox);
    let stopped = "stop -- mlup-demo-watch@compose.service".to_owned();
    assert!(changes.contains(&stopped), "{changes:?}");
    assert!(!changes.contains(&format!("stop -- {UNIT}")), "{changes:?}");
}

#[test]
fn a_foreign_unit_of_the_same_name_is_refused_and_stays() {
    let sandbox = machine("yes");
    let unit = folder(&sandbox).join(UNIT);
    std::fs::create_dir_all(folder(&sandbox)).unwrap();
    std::fs::write(&unit, "[Unit]\nDescription=mine\n").unwrap();
    for verb in ["install", "uninstall"] {
        let ran = sandbox.run(&["systemd", verb]).exits(7);
        assert!(ran.stderr.contains("UNIT_FOREIGN"), "{}", ran.stderr);
        assert_eq!(std::fs::read_to_string(&unit).unwrap(), "[Unit]\nDescription=mine\n");
    }
    assert_eq!(sandbox.all_calls().len(), 0);
}

#[test]
fn the_unit_of_another_folder_with_the_same_name_is_refused() {
    let sandbox = machine("yes").file("other/mlup.toml", ONE_CHECK);
    sandbox.run(&["systemd", "install"]).exits(0);
    let ran = sandbox.run(&["-f", "other/mlup.toml", "systemd", "install"]).exits(7);
    assert!(ran.stderr.contains("UNIT_FOREIGN"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the unit of the environment of"), "{}", ran.stderr);
}

#[test]
fn a_machine_without_systemd_is_told_and_nothing_is_written() {
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK);
    let ran = sandbox.run(&["systemd", "install"]).exits(4);
    assert!(ran.stderr.contains("SYSTEMD_MISSING"), "{}", ran.stderr);
    assert!(!folder(&sandbox).exists());
    let bus = "Failed to connect to bus: No medium found\n";
    let rules = [on(["--user", "..."]).stderr(bus).exit(1)];
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK).tool("systemctl", &rules);
    let ran = sandbox.run(&["systemd", "install"]).exits(4);
    assert!(
        ran.stderr.contains("SYSTEMD_NOT_RUNNING") || ran.stderr.contains("SYSTEMD_UNREACHABLE")
    );
    assert!(ran.stderr.contains("No medium found"), "{}", ran.stderr);
    assert!(!folder(&sandbox).exists());
}

#[test]
fn an_old_systemd_and_a_unit_that_it_does_not_take_are_told() {
    let rules = [on(["--user", "..."]).stdout("Version=239 (239-82.el8)\n")];
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK).tool("systemctl", &rules);
    let ran = sandbox.run(&["systemd", "install"]).exits(4);
    assert!(ran.stderr.contains("SYSTEMD_TOO_OLD"), "{}", ran.stderr);
    let base = ["--user", "--no-pager", "--no-ask-password"];
    let rules = [
        on([base[0], base[1], base[2], "show", "--property=Version"]).stdout("Version=252\n"),
        on([base[0], base[1], base[2], "daemon-reload"]),
        on([base[0], base[1], base[2], "show", "..."]).stdout(
            &(standing("bad-setting", "", "inactive") + "LoadError=x \"a bad setting.\"\n"),
        ),
    ];
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK).tool("systemctl", &rules);
    let ran = sandbox.run(&["systemd", "install"]).exits(1);
    assert!(
        ran.stderr.contains("UNIT_REFUSED") && ran.stderr.contains("a bad setting"),
        "{}",
        ran.stderr
    );
}

#[test]
fn units_of_the_system_need_consent_and_what_the_shell_alone_has_set_is_refused() {
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK);
    let ran = sandbox.run(&["systemd", "install", "--system", "--run-as", "dev"]).exits(7);
    let path = format!("/etc/systemd/system/{UNIT}");
    assert!(ran.stderr.contains(&path) && ran.stderr.contains("run as dev"), "{}", ran.stderr);
    assert!(!PathBuf::from(path).exists());
    let config = ONE_CHECK.replace("/bin/true", "/bin/${WHICH}");
    let sandbox = Sandbox::new().file("mlup.toml", &config).env("WHICH", "true");
    sandbox.run(&["systemd", "install"]).exits(3);
    assert!(!folder(&sandbox).exists());
}
