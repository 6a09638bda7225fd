//! The units, word for word, and what must hold for each of them.

use super::*;
use crate::cli::Cli;
use clap::Parser;

fn blueprint(keeper: Keeper) -> Blueprint {
    Blueprint {
        project: "demo".into(),
        profile: "k3d".into(),
        file: "/home/dev/demo/mlup.toml".into(),
        program: "/usr/local/bin/mlup".into(),
        deadline: Duration::from_secs(900),
        env: [("PATH".to_owned(), "/usr/local/bin:/usr/bin".to_owned())].into(),
        scope: Scope::User,
        keeper,
        docker: Docker::Used,
        privileges: Privileges::Kept,
    }
}

fn system(keeper: Keeper) -> Blueprint {
    Blueprint { scope: Scope::System { user: "dev".into() }, ..blueprint(keeper) }
}

fn text_of(blueprint: &Blueprint, role: Role) -> String {
    blueprint.units().into_iter().find(|unit| unit.role == role).unwrap().text
}

fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.next().unwrap_or_else(|| panic!("no {key} in\n{text}"))
}

#[test]
fn the_start_of_a_user_word_for_word() {
    let expected = "\
# Made by `mlup systemd install` of /home/dev/demo/mlup.toml; `mlup systemd uninstall` removes it.
[Unit]
Description=demo with profile k3d, brought up by mlup
After=docker.service
StartLimitIntervalSec=165min
StartLimitBurst=10

[Service]
Type=oneshot
RemainAfterExit=yes
NotifyAccess=exec
ExecStart=:/usr/local/bin/mlup --file /home/dev/demo/mlup.toml --profile k3d start
ExecStop=:/usr/local/bin/mlup --file /home/dev/demo/mlup.toml --profile k3d stop
TimeoutStartSec=3min
TimeoutStopSec=3min
Restart=on-failure
RestartSec=30s
SuccessExitStatus=6
RestartPreventExitStatus=2 3 7 8 70 130 143
KillMode=mixed
SyslogIdentifier=mlup
Environment=PATH=/usr/local/bin:/usr/bin
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
";
    assert_eq!(text_of(&blueprint(Keeper::Nobody), Role::Start), expected);
}

#[test]
fn the_watch_of_the_system_word_for_word() {
    let expected = "\
# Made by `mlup systemd install` of /home/dev/demo/mlup.toml; `mlup systemd uninstall` removes it.
[Unit]
Description=demo with profile k3d, watched by mlup
Wants=network-online.target docker.service
After=network-online.target time-sync.target docker.service
Wants=mlup-demo@k3d.service
After=mlup-demo@k3d.service
PartOf=mlup-demo@k3d.service
StartLimitIntervalSec=165min
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart=:/usr/local/bin/mlup --file /home/dev/demo/mlup.toml --profile k3d watch
TimeoutStartSec=3min
WatchdogSec=2min
Restart=on-failure
RestartSec=30s
SuccessExitStatus=130 143
RestartPreventExitStatus=2 3 7 8 70
KillMode=mixed
SyslogIdentifier=mlup
User=dev
Environment=PATH=/usr/local/bin:/usr/bin
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=full

[Install]
WantedBy=multi-user.target
";
    assert_eq!(text_of(&system(Keeper::Watch), Role::Watch), expected);
}

#[test]
fn the_timer_and_what_it_starts_word_for_word() {
    let expected = "\
# Made by `mlup systemd install` of /home/dev/demo/mlup.toml; `mlup systemd uninstall` removes it.
[Unit]
Description=Pull secrets of demo with profile k3d
After=docker.service
After=mlup-demo@k3d.service
StartLimitIntervalSec=65min
StartLimitBurst=10

[Service]
Type=oneshot
NotifyAccess=main
ExecStart=:/usr/local/bin/mlup --file /home/dev/demo/mlup.toml --profile k3d creds refresh
TimeoutStartSec=5min
Restart=on-failure
RestartSec=2min
SuccessExitStatus=6
RestartPreventExitStatus=2 3 8 70 130 143
KillMode=mixed
SyslogIdentifier=mlup
Environment=PATH=/usr/local/bin:/usr/bin
";
    let blueprint = Blueprint { privileges: Privileges::Gained, ..blueprint(Keeper::Timer) };
    assert_eq!(text_of(&blueprint, Role::Creds), expected);
    let expected = "\
# Made by `mlup systemd install` of /home/dev/demo/mlup.toml; `mlup systemd uninstall` removes it.
[Unit]
Description=Pull secrets of demo with profile k3d

[Timer]
OnStartupSec=2min
OnCalendar=*-*-* 00/4:00:00
Persistent=yes
RandomizedDelaySec=10min
AccuracySec=1min
Unit=mlup-demo-creds@k3d.service

[Install]
WantedBy=timers.target
";
    assert_eq!(text_of(&blueprint, Role::CredsTimer), expected);
}

#[test]
fn each_keeper_has_its_units() {
    let names = |keeper| -> Vec<String> {
        blueprint(keeper).units().into_iter().map(|unit| unit.name).collect()
    };
    assert_eq!(names(Keeper::Nobody), ["mlup-demo@k3d.service"]);
    let timed =
        ["mlup-demo@k3d.service", "mlup-demo-creds@k3d.service", "mlup-demo-creds@k3d.timer"];
    assert_eq!(names(Keeper::Timer), timed);
    assert_eq!(names(Keeper::Watch), ["mlup-demo@k3d.service", "mlup-demo-watch@k3d.service"]);
}

#[test]
fn nothing_waits_for_docker_where_it_is_not_used() {
    for keeper in [Keeper::Timer, Keeper::Watch] {
        for base in [blueprint(keeper), system(keeper)] {
            let unused = Blueprint { docker: Docker::Unused, ..base };
            for unit in unused.units() {
                assert!(!unit.text.contains("docker"), "{}", unit.text);
            }
        }
    }
}

#[test]
fn nasty_paths_reach_the_program_whole() {
    let nasty = Blueprint {
        file: "/home/dev/my $HOME 100% \"x\" \\ it's/mlup.toml".into(),
        program: "/opt/my tools/100%/mlup".into(),
        profile: "a b".into(),
        ..blueprint(Keeper::Nobody)
    };
    let text = text_of(&nasty, Role::Start);
    let expected = r#":"/opt/my tools/100%%/mlup" --file "/home/dev/my $HOME 100%% \"x\" \\ it's/mlup.toml" --profile "a b" start"#;
    assert_eq!(value(&text, "ExecStart"), expected);
}

#[test]
fn a_program_that_systemd_would_refuse_is_known() {
    for path in ["/opt/my tools/mlup", "/opt/100%/$x/mlup"] {
        assert!(can_start(Path::new(path)), "{path}");
    }
    for path in ["mlup", "/opt/it's/mlup", "/opt/\"x\"/mlup", r"/opt/\/mlup", "/opt/\n/mlup"] {
        assert!(!can_start(Path::new(path)), "{path}");
    }
}

#[test]
fn what_the_units_run_is_what_the_command_line_takes() {
    for keeper in [Keeper::Timer, Keeper::Watch] {
        for unit in blueprint(keeper).units() {
            let commands = unit.text.lines().filter_map(|line| {
                line.strip_prefix("ExecStart=:").or_else(|| line.strip_prefix("ExecStop=:"))
            });
            for command in commands {
                let parsed = Cli::try_parse_from(command.split(' '));
                assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
            }
        }
    }
}
