//! `mlup systemd print`: the units as text, on a machine without systemd.

use crate::support::{Ran, Sandbox, assert_same};

/// An environment of one check, without anything outside of it.
pub(super) const ONE_CHECK: &str = r#"name = "demo"
deadline = "2m"

[[check]]
name = "always"
exec = ["/bin/true"]
"#;

/// The text with the program's own path replaced.
fn tidy(sandbox: &Sandbox, ran: &Ran) -> String {
    sandbox.tidy(&ran.stdout.replace(env!("CARGO_BIN_EXE_mlup"), "[MLUP]"))
}

#[test]
fn print_needs_no_systemd() {
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK);
    let ran = sandbox.run(&["systemd", "print"]).exits(0);
    let expected = "\
# [ROOT]/home/.config/systemd/user/mlup-demo@compose.service
# Made by `mlup systemd install` of [ROOT]/project/mlup.toml; `mlup systemd uninstall` removes it.
[Unit]
Description=demo with profile compose, brought up by mlup
StartLimitIntervalSec=35min
StartLimitBurst=10

[Service]
Type=oneshot
RemainAfterExit=yes
NotifyAccess=exec
ExecStart=:[MLUP] --file [ROOT]/project/mlup.toml --profile compose start
ExecStop=:[MLUP] --file [ROOT]/project/mlup.toml --profile compose stop
TimeoutStartSec=3min
TimeoutStopSec=3min
Restart=on-failure
RestartSec=[MS]
SuccessExitStatus=6
RestartPreventExitStatus=2 3 7 8 70 130 143
KillMode=mixed
SyslogIdentifier=mlup
Environment=PATH=[ROOT]/bin
Environment=XDG_STATE_HOME=[ROOT]/state
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
";
    assert_same(&tidy(&sandbox, &ran), expected);
    assert_eq!(ran.stderr, "");
}

#[test]
fn registries_bring_a_timer_and_a_watch_takes_its_place() {
    let config = format!(
        "{ONE_CHECK}\n[[registry]]\nserver = \"registry.lan:5000\"\nsecret = \"pull\"\n\
         username = \"me\"\npassword = \"${{REGISTRY_PASSWORD}}\"\n\n[cluster]\nprovider = \"existing\"\n\
         context = \"lab\"\n"
    );
    let sandbox =
        Sandbox::new().file("mlup.toml", &config).file(".env", "REGISTRY_PASSWORD=canary\n");
    let timed = sandbox.run(&["systemd", "print", "--system", "--run-as", "dev"]).exits(0).stdout;
    let places: Vec<&str> = timed.lines().filter(|line| line.starts_with("# /")).collect();
    let expected = [
        "# /etc/systemd/system/mlup-demo@compose.service",
        "# /etc/systemd/system/mlup-demo-creds@compose.service",
        "# /etc/systemd/system/mlup-demo-creds@compose.timer",
    ];
    assert_eq!(places, expected);
    assert_eq!(timed.matches("User=dev\n").count(), 2, "{timed}");
    assert!(!timed.contains("canary"), "{timed}");
    let watched = sandbox.run(&["systemd", "print", "--watch"]).exits(0).stdout;
    assert!(watched.contains("mlup-demo-watch@compose.service\n"), "{watched}");
    assert!(!watched.contains("OnCalendar"), "{watched}");
}

#[test]
fn what_only_the_shell_has_set_is_told() {
    let config = ONE_CHECK.replace("/bin/true", "/bin/${WHICH}");
    let sandbox = Sandbox::new().file("mlup.toml", &config).env("WHICH", "true");
    let ran = sandbox.run(&["systemd", "print"]).exits(0);
    assert!(ran.stderr.contains("`WHICH`"), "{}", ran.report());
    assert!(
        ran.stderr.contains("a unit sees nothing that only your shell has set"),
        "{}",
        ran.stderr
    );
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK).env("MLUP_NAMESPACE", "mine");
    let ran = sandbox.run(&["systemd", "print"]).exits(0);
    assert!(ran.stderr.contains("`namespace` would differ"), "{}", ran.report());
}

#[test]
fn what_no_unit_can_hold_is_a_usage_error() {
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK);
    sandbox.run(&["systemd", "print", "--set", "namespace=x"]).exits(2);
    sandbox.run(&["systemd", "print", "--run-as", "dev"]).exits(2);
    sandbox.run(&["systemd", "print", "--system", "--run-as", "a b"]).exits(2);
    sandbox.run(&["systemd", "print", "--system", "--user"]).exits(2);
}
