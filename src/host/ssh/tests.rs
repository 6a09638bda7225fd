//! Scripts on a scripted client: what is sent, and what each kind of answer means. The real client
//! and a real machine are in the integration tests.

use super::*;
use crate::host::testing::{Script as Call, TestBench, ended, missing, on};

const VM: &str = "dev@vm";

fn answer(call: Call) -> (Result<Output, Failure>, TestBench) {
    let bed = TestBench::new([call]);
    let script = Script::new("look round", "uname -m").secret("token", Secret::new("c4n4ry"));
    let result = block_on(ssh(&bed).script(&script));
    (result, bed)
}

fn ssh(bed: &TestBench) -> Ssh {
    Ssh::new(&Destination::parse(VM).unwrap(), &bed.bench)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn failure(exit: i32, stdout: &str, stderr: &str) -> Failure {
    answer(on(&script_call(VM), exit, stdout, stderr)).0.unwrap_err()
}

#[test]
fn a_script_goes_through_standard_input_and_its_answer_comes_back_bare() {
    let stdout = format!("Last login: today\n{}", answering(3, "x86_64\n"));
    let (output, bed) = answer(on(&script_call(VM), 3, &stdout, "warned\n"));
    let output = output.unwrap();
    assert_eq!((output.end, output.stdout.as_str()), (End::Exit(3), "x86_64\n"));
    assert_eq!(output.stderr, "warned\n");
    let sent = &bed.runner.seen()[0];
    assert!(sent.stdin.as_ref().unwrap().expose().contains("token=c4n4ry\n"));
    assert!(!sent.to_string().contains("c4n4ry"));
}

#[test]
fn a_script_that_ends_with_the_clients_own_code_is_not_the_clients_failure() {
    let (output, _) = answer(on(&script_call(VM), 255, &answering(255, ""), "Permission denied"));
    assert_eq!(output.unwrap().end, End::Exit(255));
}

#[test]
fn without_an_answer_the_clients_words_count() {
    let failure = failure(255, "", "dev@vm: Permission denied (publickey).\r\n");
    assert_eq!(failure.code, "SSH_DENIED");
    assert_eq!(failure.fix.unwrap().command.split("then: ").last(), Some("ssh dev@vm true"));
}

#[test]
fn an_account_without_a_shell_is_named() {
    let failure = failure(1, "This account is currently not available.\n", "");
    assert_eq!(failure.code, "SSH_SHELL_UNUSABLE");
    assert_eq!(failure.evidence[0].text, "This account is currently not available.");
}

#[test]
fn a_missing_client_is_named_with_its_package() {
    let (result, _) = answer(missing(&script_call(VM)));
    let failure = result.unwrap_err();
    assert_eq!(failure.code, "SSH_MISSING");
    assert_eq!(failure.fix.unwrap().command, "sudo apt-get install openssh-client");
}

#[test]
fn time_that_is_over_says_whether_the_machine_had_answered() {
    let (result, _) = answer(ended(&script_call(VM), End::TimedOut, "", ""));
    assert_eq!(result.unwrap_err().code, "SSH_TIMEOUT");
    let (result, _) = answer(ended(&script_call(VM), End::TimedOut, "@mlup begin\nx86", ""));
    assert_eq!(result.unwrap_err().code, "SSH_SCRIPT_SLOW");
}

#[test]
fn an_answer_that_breaks_off_is_a_lost_connection_unless_the_connection_stands() {
    let check = "ssh -F none -o ControlPath=/run/mlup/0 -O check -- dev@vm";
    for (exit, code) in [(255, "SSH_CONNECTION_LOST"), (0, "SSH_SCRIPT_KILLED")] {
        let broken = on(&script_call(VM), 255, "@mlup begin\nx86", "");
        let bed = TestBench::new([broken, on(check, exit, "", "")]);
        let result = block_on(ssh(&bed).script(&Script::new("look round", ":")));
        assert_eq!(result.unwrap_err().code, code);
    }
}

#[test]
fn an_unknown_host_key_is_shown() {
    let unknown = on(&script_call(VM), 255, "", "Host key verification failed.\r\n");
    let destination = Destination::parse(VM).unwrap();
    let shown =
        "debug1: Server host key: ssh-ed25519 SHA256:abc\r\nHost key verification failed.\r\n";
    let ask =
        on(&options::introduction(&destination, Strangers::Refuse).to_string(), 255, "", shown);
    let bed = TestBench::new([unknown, ask]);
    let result = block_on(ssh(&bed).script(&Script::new("look round", ":")));
    let failure = result.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "SSH_HOST_KEY_UNKNOWN"));
    assert_eq!(failure.evidence[1].text, "ssh-ed25519 SHA256:abc");
}

#[test]
fn the_connection_is_ended_with_the_run() {
    let exit = "ssh -F none -o ControlPath=/run/mlup/0 -O exit -- dev@vm";
    let bed = TestBench::new([on(&script_call(VM), 0, &answering(0, ""), ""), on(exit, 0, "", "")]);
    block_on(async {
        ssh(&bed).script(&Script::new("look round", ":")).await.unwrap();
        bed.bench.host.ssh.close(&*bed.bench.host.runner).await;
    });
}
