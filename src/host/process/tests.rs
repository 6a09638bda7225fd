//! Real children: how they end, and that nothing of them is left.

use std::sync::Mutex;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use super::*;
use crate::host::cmd::Payload;
use crate::redact::Secret;

fn runner() -> ProcessRunner {
    let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    ProcessRunner::new(Arc::new(env), CancellationToken::new()).grace(Duration::from_millis(300))
}

fn shell(script: &str) -> Cmd {
    Cmd::new("sh").args(["-c", script])
}

async fn run(cmd: Cmd) -> Output {
    runner().run(cmd, CancellationToken::new()).await.unwrap()
}

/// Runs until the first line came, then cancels.
async fn cancel_after_first_line(runner: ProcessRunner, script: &str) -> (Output, Duration) {
    let (sender, mut first) = unbounded_channel();
    let cmd = shell(script).on_line(Arc::new(move |_, line| {
        let _ = sender.send(line.to_owned());
    }));
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let running = tokio::spawn(async move { runner.run(cmd, token).await });
    first.recv().await.unwrap();
    let begin = Instant::now();
    cancel.cancel();
    (running.await.unwrap().unwrap(), begin.elapsed())
}

/// A killed process dies a moment after the signal was sent.
async fn assert_dies(pid: &str) {
    let gone = async {
        while is_alive(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn reports_exit_code_and_both_streams() {
    let output = run(shell("echo out; echo err >&2; exit 3")).await;
    assert_eq!(output.end, End::Exit(3));
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
}

#[tokio::test]
async fn returns_as_soon_as_the_output_ends() {
    let begin = Instant::now();
    run(shell("echo done")).await;
    assert!(begin.elapsed() < DRAIN, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn reports_the_signal_that_killed_it() {
    assert_eq!(run(shell("kill -9 $$")).await.end, End::Signal(9));
}

#[tokio::test]
async fn an_unknown_program_is_not_found() {
    let result = runner().run(Cmd::new("no-such-tool"), CancellationToken::new()).await;
    assert!(matches!(result, Err(SpawnError::NotFound { program }) if program == "no-such-tool"));
}

#[tokio::test]
async fn a_file_that_cannot_run_is_refused() {
    let result = runner().run(Cmd::new("/etc/hostname"), CancellationToken::new()).await;
    assert!(matches!(result, Err(SpawnError::Refused { .. })), "{result:?}");
}

#[tokio::test]
async fn stdin_reaches_the_command_and_is_empty_without() {
    let mut cmd = Cmd::new("cat");
    cmd.stdin = Some(Secret::new("x".repeat(200_000)));
    assert_eq!(run(cmd).await.stdout.len(), 200_000);
    assert_eq!(run(Cmd::new("cat")).await.stdout, "");
}

#[tokio::test]
async fn a_command_that_ignores_its_stdin_succeeds() {
    let mut cmd = Cmd::new("true");
    cmd.stdin = Some(Secret::new("x".repeat(200_000)));
    assert!(run(cmd).await.success());
}

fn pieces(all: &'static [Result<&'static str, &'static str>]) -> Payload {
    Arc::new(move || {
        let piece = |piece: &Result<&str, &str>| match piece {
            Ok(text) => Ok(text.as_bytes().to_vec()),
            Err(why) => Err(io::Error::other(*why)),
        };
        futures_util::stream::iter(all.iter().map(piece)).boxed()
    })
}

#[tokio::test]
async fn a_payload_follows_the_text_piece_by_piece() {
    let mut cmd = Cmd::new("cat");
    cmd.stdin = Some(Secret::new("one "));
    cmd.payload = Some(pieces(&[Ok("two "), Ok("three")]));
    assert_eq!(run(cmd).await.stdout, "one two three");
}

#[tokio::test]
async fn a_payload_that_breaks_off_is_no_end_of_the_input() {
    let mut cmd = shell("cat >/dev/null; echo whole");
    cmd.payload = Some(pieces(&[Ok("half"), Err("the disk is gone")]));
    let result = runner().run(cmd, CancellationToken::new()).await;
    assert!(
        matches!(&result, Err(SpawnError::Input { source, .. }) if source.to_string() == "the disk is gone"),
        "{result:?}"
    );
}

#[tokio::test]
async fn environment_is_the_snapshot_and_the_commands_own() {
    let output = run(Cmd::new("env").env("TOKEN", Secret::new("t"))).await;
    let mut lines: Vec<_> = output.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["PATH=/usr/bin:/bin", "TOKEN=t"]);
}

#[tokio::test]
async fn runs_in_its_folder_and_finds_programs_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    std::os::unix::fs::symlink("/bin/pwd", path.join("here")).unwrap();
    let output = run(Cmd::new("./here").cwd(&path)).await;
    assert_eq!(output.stdout.trim_end(), path.to_str().unwrap());
}

#[tokio::test]
async fn lines_come_before_the_end() {
    let fifo = tempfile::tempdir().unwrap();
    let gate = fifo.path().join("gate");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let release = gate.clone();
    let cmd = shell(&format!("mkfifo {0}; echo first; read x < {0}; echo $x", gate.display()))
        .on_line(Arc::new(move |_, line| {
            keep.lock().unwrap().push(line.to_owned());
            if line == "first" {
                // The command goes on only because this line was told while it was running.
                let mut writer = std::fs::OpenOptions::new().write(true).open(&release).unwrap();
                std::io::Write::write_all(&mut writer, b"second\n").unwrap();
            }
        }));
    assert!(run(cmd).await.success());
    assert_eq!(*seen.lock().unwrap(), ["first", "second"]);
}

#[tokio::test]
async fn a_timeout_ends_grandchildren_too() {
    let cmd = shell("sleep 600 & echo $!; wait").timeout(Duration::from_millis(200));
    let output = run(cmd).await;
    assert_eq!(output.end, End::TimedOut);
    assert_dies(output.stdout.trim()).await;
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipe_ends_with_its_parent() {
    let begin = Instant::now();
    let output = run(shell("sleep 600 & echo $!")).await;
    assert_eq!(output.end, End::Exit(0));
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_dies(output.stdout.trim()).await;
}

#[tokio::test]
async fn a_daemon_that_has_not_left_the_group_yet_lives_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (door, sign) = (folder.path().join("door"), folder.path().join("sign"));
    let (door, sign) = (door.display(), sign.display());
    let script = format!(
        "mkfifo {door}; (read -r word <{door}; echo $word >{sign}) >/dev/null 2>&1 & exit 0"
    );
    let output = run(shell(&script).with_daemon()).await;
    assert_eq!(output.end, End::Exit(0));
    // It reads, so it lives; its answer tells it from a file that only was there.
    let told =
        run(shell(&format!("echo alive >{door}; until [ -s {sign} ]; do :; done; cat {sign}")));
    assert_eq!(told.await.stdout, "alive\n");
}

#[tokio::test]
async fn one_that_left_the_group_does_not_hold_us_up() {
    let output = run(shell("setsid sleep 5 & echo started")).await;
    assert_eq!((output.end, output.stdout.as_str()), (End::Exit(0), "started\n"));
}

#[tokio::test]
async fn cancelling_asks_first() {
    let script = "trap 'echo tidy; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let (output, _) = cancel_after_first_line(runner(), script).await;
    assert_eq!(output.end, End::Cancelled);
    assert_eq!(output.stdout, "ready\ntidy\n");
}

#[tokio::test]
async fn one_that_does_not_listen_is_killed_after_the_grace() {
    let script = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    let (output, took) = cancel_after_first_line(runner(), script).await;
    assert_eq!(output.end, End::Cancelled);
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert_dies(output.stdout.trim()).await;
}

#[tokio::test]
async fn force_kills_at_once() {
    let force = CancellationToken::new();
    let runner = ProcessRunner { force: force.clone(), grace: Duration::from_secs(60), ..runner() };
    force.cancel();
    let begin = Instant::now();
    let output = runner.run(shell("trap '' TERM; sleep 600"), CancellationToken::new()).await;
    assert_eq!(output.unwrap().end, End::Cancelled);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_dropped_run_leaves_nothing_behind() {
    let (sender, mut first) = unbounded_channel();
    let cmd = shell("echo $$; sleep 600").on_line(Arc::new(move |_, line| {
        let _ = sender.send(line.to_owned());
    }));
    let running = tokio::spawn(async move { runner().run(cmd, CancellationToken::new()).await });
    let pid = first.recv().await.unwrap();
    running.abort();
    let _ = running.await;
    assert_dies(&pid).await;
}

#[tokio::test]
async fn huge_output_is_kept_within_bounds() {
    let output = run(shell("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo end")).await;
    assert!(output.stdout.len() < 5 << 20, "{}", output.stdout.len());
    assert!(output.stdout.ends_with("\nend\n"));
}

#[tokio::test]
async fn a_command_cannot_speak_to_the_service_manager() {
    let mut env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    for name in ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] {
        env.insert(name.to_owned(), "1".to_owned());
    }
    let runner = ProcessRunner::new(Arc::new(env), CancellationToken::new());
    let output = runner.run(Cmd::new("env"), CancellationToken::new()).await.unwrap();
    assert!(output.stdout.contains("PATH="), "{}", output.stdout);
    assert!(!output.stdout.contains("NOTIFY") && !output.stdout.contains("WATCHDOG"));
}
