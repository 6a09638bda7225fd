//! Checks against real sockets and commands; those against real containers are `docker_tests`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::address::Address;
use crate::config::fixture;
use crate::config::model::{Config, Deploy, DeployKind, Vantage};
use crate::event::Fix;
use crate::host::Host;
use crate::host::cmd::Cmd;
use crate::host::docker::Engine;
use crate::host::http::test_server::{Server, answer};
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
use crate::plan::StepId;
use crate::plan::progress::Progress;
use crate::policy::Class;
use crate::redact::Secret;

mod cluster_tests;
mod docker_tests;

type Said = UnboundedReceiver<(StepId, Progress)>;

fn config(root: PathBuf) -> Config {
    let compose = fixture::compose(root.join("compose.yaml"));
    let deploy = Deploy { kind: DeployKind::Compose(compose), ..fixture::deploy("stack", None) };
    Config {
        root,
        env: BTreeMap::from([("TOKEN".to_owned(), Secret::new("canary"))]),
        deploys: vec![deploy],
        ..fixture::config()
    }
}

fn context(root: PathBuf, time: Duration) -> (StepCtx, Said) {
    let (progress, said) = unbounded_channel();
    let path = std::env::split_paths("/usr/local/bin:/usr/bin:/bin");
    let path = std::env::join_paths(path).unwrap().into_string().unwrap();
    let env = Arc::new(BTreeMap::from([("PATH".to_owned(), path)]));
    let runner = ProcessRunner::new(Arc::clone(&env), CancellationToken::new());
    let ctx = StepCtx {
        id: StepId::named("check", "api"),
        host: Host {
            runner: Arc::new(runner),
            docker: Engine::new(Arc::clone(&env)),
            ssh: Connections::default(),
            env,
        },
        config: Arc::new(config(root)),
        projects: Arc::default(),
        passwords: Arc::default(),
        renderings: Arc::default(),
        listings: Arc::default(),
        others: crate::steps::Others::default(),
        rung: crate::policy::escalate::Rung::Start,
        recreate: crate::steps::Consent::NotGiven,
        prune: crate::steps::Prune::No,
        deadline: Instant::now() + time,
        cancel: CancellationToken::new(),
        progress,
    };
    (ctx, said)
}

fn here(time: Duration) -> (StepCtx, Said) {
    context(PathBuf::from("/"), time)
}

fn check(probe: CheckProbe, from: Vantage) -> Check {
    Check { probe, from, ..fixture::check("api") }
}

fn get(url: impl Into<String>) -> HttpProbe {
    HttpProbe {
        url: Address::plain(url),
        status: vec![],
        json: BTreeMap::new(),
        body: None,
        post: None,
        headers: BTreeMap::new(),
        insecure: false,
    }
}

fn tcp(address: impl Into<String>) -> CheckProbe {
    CheckProbe::Tcp(Address::plain(address))
}

fn exec_check(command: &[&str]) -> Check {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    check(CheckProbe::Exec(command), Vantage::Host)
}

/// Looks and, where that is not enough, waits: what `bring_up` does.
async fn attempt(check: &Check, ctx: &StepCtx) -> Result<Settled, Failure> {
    match probe(check, ctx).await? {
        Probed::Satisfied(settled) => Ok(settled),
        Probed::Needed(_) => verify(check, ctx).await,
    }
}

fn probes(said: &mut Said) -> Vec<(u32, bool, String)> {
    let mut probes = Vec::new();
    while let Ok((_, progress)) = said.try_recv() {
        if let Progress::Probe(probe) = progress {
            probes.push((probe.n, probe.ok, probe.detail));
        }
    }
    probes
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_service_that_answers_is_ready_at_once() {
    let server = Server::start(&[&answer(200, "{}")]).await;
    let check = check(CheckProbe::Http(get(server.url("/health"))), Vantage::Host);
    let (ctx, mut said) = here(LONG);
    let Probed::Satisfied(settled) = probe(&check, &ctx).await.unwrap() else {
        panic!("not ready")
    };
    assert!(settled.detail.starts_with("http 200 in ") && settled.detail.ends_with(" ms"));
    assert_eq!(probes(&mut said), [(1, true, "http 200".to_owned())]);
}

#[tokio::test]
async fn a_try_that_the_deadline_cuts_short_hides_nothing() {
    const SCRIPT: &str = "echo x >> tries\n[ $(wc -l < tries) -ge 3 ] && exec sleep 600\n\
                          echo 'no route' >&2\nexit 3";
    let folder = tempfile::tempdir().unwrap();
    let (ctx, _said) = context(folder.path().to_path_buf(), Duration::from_secs(2));
    let failure = attempt(&exec_check(&["sh", "-c", SCRIPT]), &ctx).await.unwrap_err();
    assert_eq!(failure.code, "CHECK_FAILED");
    let evidence: Vec<&str> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(evidence, ["exit 3 ×1", "no route"]);
}

#[tokio::test]
async fn a_service_that_comes_up_is_noticed_and_told_by_change() {
    let (busy, up) = (answer(503, "loading"), answer(200, r#"{"status":"ok"}"#));
    let server = Server::start(&[&busy, &busy, &busy, &up]).await;
    let json = BTreeMap::from([("status".to_owned(), "ok".to_owned())]);
    let http = HttpProbe { json, ..get(server.url("/")) };
    let check = check(CheckProbe::Http(http), Vantage::Host);
    let (ctx, mut said) = here(LONG);
    let Probed::Needed(changes) = probe(&check, &ctx).await.unwrap() else { panic!("too early") };
    assert_eq!(changes, [Change::new(Op::Wait, "check api", "http 503")]);
    attempt(&check, &ctx).await.unwrap();
    let told = probes(&mut said);
    assert_eq!(told.first(), Some(&(1, false, "http 503".to_owned())));
    assert_eq!(told.last().map(|(_, ok, detail)| (*ok, detail.as_str())), Some((true, "http 200")));
}

#[tokio::test]
async fn a_deadline_names_what_came_and_what_was_wanted() {
    let server = Server::start(&[&answer(503, "model\n is loading")]).await;
    let url = server.url("/");
    let check = check(CheckProbe::Http(get(url.clone())), Vantage::Host);
    let (ctx, mut said) = here(Duration::from_millis(400));
    let failure = verify(&check, &ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Timeout, "CHECK_FAILED"));
    assert_eq!(
        failure.summary,
        format!(
            "`{url}` did not give what check `api` wants in time: last came http 503, wanted http \
             200..399"
        )
    );
    assert_eq!(failure.evidence[0].source, "probe http");
    assert!(failure.evidence[0].text.starts_with("http 503 ×"), "{:?}", failure.evidence);
    assert_eq!(failure.evidence[1].text, "model is loading");
    let (_, waiting) = said.recv().await.unwrap();
    assert!(matches!(waiting, Progress::Probe(_)));
    let (_, waiting) = said.recv().await.unwrap();
    assert_eq!(waiting, Progress::Waiting("http 503, wanted http 200..399".into()));
}

#[tokio::test]
async fn a_port_is_open_or_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let check = check(tcp(address), Vantage::Host);
    let (ctx, mut said) = here(LONG);
    attempt(&check, &ctx).await.unwrap();
    drop(listener);
    assert!(matches!(probe(&check, &ctx).await.unwrap(), Probed::Needed(_)));
    let details: Vec<String> = probes(&mut said).into_iter().map(|(_, _, detail)| detail).collect();
    assert_eq!(details, ["connected", "connection refused"]);
}

#[tokio::test]
async fn a_command_gets_the_env_files_variables_and_must_exit_0() {
    let (ctx, _said) = here(Duration::from_millis(300));
    let good = exec_check(&["sh", "-c", "test \"$TOKEN\" = canary"]);
    assert!(attempt(&good, &ctx).await.unwrap().detail.starts_with("exit 0 in "));
    let bad = exec_check(&["sh", "-c", "echo first; echo 'no route' >&2; exit 3"]);
    let failure = attempt(&bad, &ctx).await.unwrap_err();
    assert!(failure.summary.contains("last came exit 3, wanted exit 0"), "{}", failure.summary);
    assert!(failure.evidence.iter().any(|line| line.text == "no route"), "{:?}", failure.evidence);
}

#[tokio::test]
async fn a_command_that_hangs_ends_with_the_deadline() {
    let (ctx, _said) = here(Duration::from_millis(200));
    let failure = attempt(&exec_check(&["sleep", "600"]), &ctx).await.unwrap_err();
    assert!(failure.summary.contains("still running"), "{}", failure.summary);
}

#[tokio::test]
async fn a_command_that_is_not_there_fails_at_once() {
    let (ctx, _said) = here(LONG);
    let failure = attempt(&exec_check(&["no-such-tool"]), &ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "CHECK_COMMAND_MISSING"));
}

#[tokio::test]
async fn cancelling_ends_the_wait() {
    let check = check(tcp("127.0.0.1:1"), Vantage::Host);
    let (ctx, mut said) = here(LONG);
    let cancel = ctx.cancel.clone();
    let waiting = tokio::spawn(async move { verify(&check, &ctx).await });
    while !matches!(said.recv().await, Some((_, Progress::Waiting(_)))) {}
    cancel.cancel();
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn an_address_that_cannot_be_right_fails_at_once() {
    let (ctx, _said) = here(LONG);
    let bad = check(CheckProbe::Http(get("localhost:80")), Vantage::Host);
    let failure = probe(&bad, &ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "CHECK_INVALID"));
}

/// The commands that run inside containers, run here: curl and Python must mean the same.
#[tokio::test]
async fn curl_and_python_ask_and_answer_alike() {
    for (program, client) in [("curl", client::Client::Curl), ("python3", client::Client::Python)] {
        if which::which(program).is_err() {
            continue;
        }
        let moved = "HTTP/1.1 302 X\r\nlocation: /login\r\ncontent-length: 2\r\n\r\nat";
        let server = Server::start(&[&answer(503, "a\nb"), moved, &answer(200, "")]).await;
        let mut http = get(format!("http://{}/x", server.address));
        http.post = Some(r#"{"a":"\"b"}"#.into());
        http.headers.insert("x-token".into(), Secret::new("canary"));
        let (ctx, _said) = here(LONG);
        let mut answers = Vec::new();
        for _ in 0..3 {
            let call = client::http_call(client, &http.at(http.url.to_string()), LONG);
            let mut cmd = Cmd::new(&call.command[0]).args(call.command[1..].to_vec());
            cmd.stdin = call.input;
            let output = ctx.host.runner.run(cmd, ctx.cancel.clone()).await.unwrap();
            let (stdout, stderr) = (output.stdout, output.stderr);
            let output = container::ExecOutput { code: 0, stdout, stderr };
            let answer = client::http_answer(client, &output).unwrap();
            answers.push((answer.status, answer.body));
        }
        let wanted = [(503, "a\nb"), (302, "at"), (200, "")];
        assert_eq!(answers, wanted.map(|(status, body)| (status, body.to_owned())), "{program}");
        let request = server.requests().remove(0).to_lowercase();
        assert!(
            request.contains("x-token: canary") && request.ends_with(r#"{"a":"\"b"}"#),
            "{request}"
        );
        assert!(request.contains("content-type: application/json"), "{request}");
    }
}

#[tokio::test]
async fn bash_and_python_connect_alike() {
    for (program, client) in [("bash", client::Client::Bash), ("python3", client::Client::Python)] {
        if which::which(program).is_err() {
            continue;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let (ctx, _said) = here(LONG);
        let mut found = Vec::new();
        for listener in [Some(listener), None] {
            let call = client::tcp_call(client, "127.0.0.1", &port, LONG);
            let cmd = Cmd::new(&call.command[0]).args(call.command[1..].to_vec());
            let output = ctx.host.runner.run(cmd, ctx.cancel.clone()).await.unwrap();
            drop(listener);
            let code = i64::from(!output.success());
            let (stdout, stderr) = (output.stdout, output.stderr);
            found.push(client::tcp_finding(&container::ExecOutput { code, stdout, stderr }).detail);
        }
        assert_eq!(found, ["connected", "connection refused"], "{program}");
    }
}
