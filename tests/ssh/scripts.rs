//! Scripts over there: what reaches them, what comes back, and over how many connections.

use std::fs;
use std::time::Duration;

use mlup::host::cmd::End;
use mlup::host::ssh::Script;
use mlup::redact::Secret;

use super::Site;
use crate::support::sshd::Sshd;
use crate::support::wire::Wire;

/// What a shell could take for something else.
const NASTY: &str = "it's \"two\"  words\n$(touch /tmp/no) `id` \\ * ~ ä \t; exit 9 # ";

/// Prints the value in a form that shows each byte.
const SHOW: &str = "printf '%s' \"$value\" | od -An -c; printf '<%s>' \"$value\"";

/// A client whose other half stays in the process group for as long as it likes, as one does on a busy
/// machine.
const SLOW_TO_LEAVE: &str = r#"
case " $* " in *" -f "*) ;; *) exec SSH "$@" ;; esac
for word do
    shift
    case $word in
    -f) continue ;;
    ControlPath=*) socket=${word#ControlPath=} ;;
    esac
    set -- "$@" "$word"
done
SSH -o ControlPersist=no "$@" </dev/null >/dev/null 2>&1 &
until [ -S "$socket" ]; do :; done
"#;

#[tokio::test]
async fn a_connection_whose_process_is_slow_to_leave_is_shared() {
    let site = Site::new();
    let client = site.sandbox.root().join("bin/ssh");
    let usual = fs::read_to_string(&client).unwrap();
    let ssh = usual.lines().nth(1).unwrap().trim_start_matches("exec ").trim_end_matches(" \"$@\"");
    fs::write(&client, format!("#!/bin/sh\n{}", SLOW_TO_LEAVE.replace("SSH", ssh))).unwrap();
    site.ssh().connect().await.unwrap();
    site.run("true").await.unwrap();
    assert_eq!(site.sshd.connections(), 1, "{}", site.sshd.log());
    site.close().await;
}

#[tokio::test]
async fn sessions_that_begin_together_share_one_connection() {
    let site = Site::new();
    let runs = (0..8).map(|_| site.run("true"));
    for ran in futures_util::future::join_all(runs).await {
        assert!(ran.unwrap().success());
    }
    assert_eq!((site.sshd.connections(), site.sshd.sessions()), (1, 8), "{}", site.sshd.log());
    site.close().await;
}

#[tokio::test]
async fn values_arrive_as_they_are_whatever_shell_is_there() {
    let busybox = which::which("busybox").unwrap();
    let busybox = format!("#!/bin/sh\nexec {} sh \"$@\"\n", busybox.display());
    for shell in [None, Some(busybox.as_str())] {
        let site = Site::new();
        if let Some(shell) = shell {
            site.sshd.command("sh", shell);
        }
        let script = Script::new("show", SHOW).with("value", NASTY);
        let output = site.ssh().script(&script).await.unwrap();
        assert!(output.stdout.ends_with(&format!("<{NASTY}>")), "{}", output.stdout);
        assert!(!site.sshd.far("/tmp/no").exists());
    }
}

#[tokio::test]
async fn all_scripts_of_a_run_share_one_connection_also_the_first_ones() {
    let site = Site::new();
    let (one, two) = tokio::join!(site.run("echo one"), site.run("echo two"));
    let three = site.run("echo three").await;
    let said: Vec<String> = [one, two, three].map(|output| output.unwrap().stdout).to_vec();
    assert_eq!(said, ["one\n", "two\n", "three\n"]);
    assert_eq!((site.sshd.connections(), site.sshd.sessions()), (1, 3), "{}", site.sshd.log());
    site.close().await;
    site.sshd.wait_log("Disconnected from user dev");
}

#[tokio::test]
async fn what_a_login_prints_is_not_the_answer() {
    let noisy = "ForceCommand echo Welcome; echo beware >&2; eval \"$SSH_ORIGINAL_COMMAND\"";
    let site = Site::at(Sshd::with(noisy));
    let output = site.run("printf '{\"a\":1}'; echo note >&2").await.unwrap();
    assert_eq!(output.stdout, "{\"a\":1}");
    assert_eq!(*site.told.lock().unwrap(), ["beware", "note"]);
}

#[tokio::test]
async fn a_script_that_reads_gets_nothing_and_goes_on() {
    let site = Site::new();
    let output = site.run("read -r line || echo empty; cat; echo after").await.unwrap();
    assert_eq!(output.stdout, "empty\nafter\n");
}

#[tokio::test]
async fn a_script_stops_at_its_first_error_and_at_an_unset_variable() {
    let site = Site::new();
    let output = site.run("echo before; false; echo after").await.unwrap();
    assert_eq!((output.end, output.stdout.as_str()), (End::Exit(1), "before\n"));
    let output = site.run("echo before; : \"$unset\"; echo after").await.unwrap();
    assert_eq!((output.end, output.stdout.as_str()), (End::Exit(2), "before\n"));
    let output = site.run("exit 255").await.unwrap();
    assert_eq!(output.end, End::Exit(255));
}

#[tokio::test]
async fn a_secret_is_on_no_command_line_over_there() {
    let site = Site::new();
    let text = "for list in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <\"$list\" || :; done; env";
    let script = Script::new("look", text).secret("token", Secret::new("c4n4ry-token"));
    let output = site.ssh().script(&script).await.unwrap();
    assert!(output.stdout.contains("sh -s"), "{}", output.stdout);
    assert!(!output.stdout.contains("c4n4ry-token"), "{}", output.stdout);
}

#[tokio::test]
async fn the_users_own_settings_for_the_host_are_no_obstacle() {
    let site = Site::new();
    site.configure(
        "Host vm\n  ControlMaster yes\n  ControlPath /nonexistent/%C\n  ControlPersist no\n  \
         RequestTTY force\n  RemoteCommand echo no\n  LocalForward 1 127.0.0.1:1\n  LogLevel QUIET\n  \
         BatchMode no\n  PermitLocalCommand yes\n  LocalCommand echo no",
    );
    assert_eq!(site.run("echo yes").await.unwrap().stdout, "yes\n");
    assert_eq!(site.run("echo again").await.unwrap().stdout, "again\n");
    assert_eq!(site.sshd.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_named_and_the_next_script_makes_another() {
    let site = Site::new();
    let wire = Wire::to(site.sshd.port());
    site.sshd.write("config", &site.sshd.client_config("vm", wire.port()));
    let script = Script::new("wait", "echo half; echo ready >&2; sleep 600");
    let ssh = site.ssh();
    let waiting = ssh.script(&script);
    let cut = async {
        site.until(|| site.told.lock().unwrap().contains(&"ready".to_owned())).await;
        wire.cut();
    };
    let (broken, ()) = tokio::join!(waiting, cut);
    let failure = broken.unwrap_err();
    assert_eq!(failure.code, "SSH_CONNECTION_LOST", "{failure:?}");
    wire.mend();
    assert_eq!(site.run("echo back").await.unwrap().stdout, "back\n");
}

#[tokio::test]
async fn a_shell_that_is_killed_is_told_from_a_connection_that_breaks() {
    let site = Site::new();
    let output = site.run("sh -c 'kill -KILL $PPID'; echo not killed").await.unwrap();
    assert_eq!(output.end, End::Exit(137), "a part of the script was killed, not its shell");
    let failure = site.run("kill -KILL $$").await.unwrap_err();
    assert_eq!(failure.code, "SSH_SCRIPT_KILLED", "{failure:?}");
}

#[tokio::test]
async fn a_script_that_takes_too_long_is_stopped() {
    let site = Site::new();
    let script = Script::new("wait", "echo half; sleep 600").limit(Duration::from_secs(3));
    let failure = site.ssh().script(&script).await.unwrap_err();
    assert_eq!(failure.code, "SSH_SCRIPT_SLOW", "{failure:?}");
}

#[tokio::test]
async fn the_clients_settings_are_known_without_the_machine() {
    let site = Site::new();
    let ssh = site.ssh();
    assert_eq!(ssh.setting("hostname").await.unwrap().as_deref(), Some("127.0.0.1"));
    assert_eq!(ssh.setting("port").await.unwrap(), Some(site.sshd.port().to_string()));
    assert_eq!(site.sshd.connections(), 0);
}
