//! Asks Docker Desktop and starts it. It is never reset, and its settings are never written: it
//! belongs to all projects of this machine.

use std::time::Duration;

use crate::drivers::docker_desktop::settings;
use crate::drivers::docker_desktop::status::{self, Desktop, Kubernetes, Mode};
use crate::event::Fix;
use crate::host::cmd::Cmd;
use crate::host::docker::engine_facts;
use crate::host::files::{self, Entry};
use crate::host::workbench::Workbench;
use crate::policy::escalate::Onset;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// What the engine of Docker Desktop calls its operating system.
const NAME: &str = "Docker Desktop";

/// How long a question to the command line may take.
const LOOK: Duration = Duration::from_secs(20);

/// How long Docker Desktop may take to start.
const START: Duration = Duration::from_secs(120);

/// Which engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// Docker Desktop's, with this memory in bytes.
    Desktop(u64),
    /// Another one.
    Other(String),
    /// None, for this reason.
    Silent(Failure),
}

/// Whose engine answers.
pub(super) async fn engine(bench: &Workbench) -> Engine {
    match engine_facts(&bench.host.docker).await {
        Ok(facts) if facts.operating_system.starts_with(NAME) => Engine::Desktop(facts.memory),
        Ok(facts) => Engine::Other(facts.operating_system),
        Err(failure) => Engine::Silent(failure),
    }
}

/// Whether an engine that is silent for this reason may answer once it is started; a socket that this
/// user may not open does not.
pub(super) fn may_come(failure: &Failure) -> bool {
    matches!(failure.code, "DOCKER_UNREACHABLE" | "DOCKER_CONNECTION_LOST" | "DOCKER_TIMEOUT")
}

/// Where Docker Desktop itself stands.
pub(super) async fn desktop(bench: &Workbench) -> Result<Desktop, Failure> {
    let text = ask(bench, &["desktop", "status", "--format", "json"]).await?;
    Ok(text.map_or(Desktop::Unknown, |text| status::desktop(&text)))
}

/// Where its Kubernetes stands, and who makes the nodes.
pub(super) async fn kubernetes(bench: &Workbench) -> Result<(Kubernetes, Option<Mode>), Failure> {
    let text = ask(bench, &["desktop", "kubernetes", "status", "--format", "json"]).await?;
    let text = text.unwrap_or_default();
    Ok((status::kubernetes(&text), status::mode(&text)))
}

/// Whether Docker Desktop is installed for this user, as far as its settings file tells.
pub(super) fn settings(bench: &Workbench) -> Option<String> {
    let places = bench.home().map(settings::places).unwrap_or_default();
    places.iter().find_map(|path| match files::look(path) {
        Ok(Entry::File { content, .. }) => String::from_utf8(content).ok(),
        _ => None,
    })
}

/// Starts Docker Desktop and waits until its engine answers.
pub(super) async fn start(bench: &Workbench) -> Result<(), Failure> {
    bench.doing("starting Docker Desktop");
    let limit = START.as_secs().to_string();
    let cmd = with_engine(bench, Cmd::new("docker"));
    let cmd = cmd.args(["desktop", "start", "--timeout", &limit]);
    let output = bench.change(cmd, START + LOOK).await?;
    if !output.success() && knows_no_desktop(&output.stderr) {
        launch(bench).await?;
    }
    wait(bench).await
}

/// Starts Docker Desktop anew; containers of all projects are away meanwhile.
pub(super) async fn restart(bench: &Workbench) -> Result<(), Failure> {
    let message = "Docker Desktop is restarted: the containers of all projects are away meanwhile";
    bench.warn("DOCKER_DESKTOP_RESTARTED", message, None);
    let limit = START.as_secs().to_string();
    let cmd = with_engine(bench, Cmd::new("docker"));
    let cmd = cmd.args(["desktop", "restart", "--timeout", &limit]);
    let output = bench.change(cmd, START + LOOK).await?;
    if !output.success() {
        return Err(output.failure(Tool::Docker, "restart Docker Desktop"));
    }
    wait(bench).await
}

/// Before Docker Desktop 4.37 its command line cannot start it.
async fn launch(bench: &Workbench) -> Result<(), Failure> {
    let service = Cmd::new("systemctl").args(["--user", "start", "docker-desktop"]);
    if matches!(bench.change(service, START).await, Ok(output) if output.success()) {
        return Ok(());
    }
    let app = Cmd::new("open").args(["-g", "-a", "Docker"]);
    match bench.change(app, LOOK).await {
        Ok(output) if output.success() => Ok(()),
        Err(failure) if failure.is_cancelled() => Err(failure),
        _ => Err(Failure::new(
            Class::Prerequisite,
            "DOCKER_DESKTOP_NOT_STARTED",
            "Docker Desktop does not run, and cannot be started from here",
        )
        .fix(Fix::safe("open Docker Desktop, wait until it says that it runs, then mlup start"))),
    }
}

async fn wait(bench: &Workbench) -> Result<(), Failure> {
    const POLLS: u32 = 60;
    let mut last = engine(bench).await;
    for _ in 0..POLLS {
        match last {
            Engine::Desktop(_) => return Ok(()),
            Engine::Other(system) => return Err(not_desktop(bench, &system)),
            Engine::Silent(_) => bench.pause(START / POLLS).await?,
        }
        last = engine(bench).await;
    }
    let failure = Failure::new(
        Class::Prerequisite,
        "DOCKER_DESKTOP_NOT_STARTED",
        format!(
            "Docker Desktop was started, and its engine did not answer within {} s",
            START.as_secs()
        ),
    );
    let failure = match last {
        Engine::Silent(silent) => failure.because("docker", silent.summary),
        Engine::Desktop(_) | Engine::Other(_) => failure,
    };
    Err(failure.fix(Fix::safe("docker desktop logs")).curable(Onset::Wait))
}

/// The failure of an engine that is not Docker Desktop's.
pub(super) fn not_desktop(bench: &Workbench, system: &str) -> Failure {
    let endpoint = bench.host.docker.endpoint();
    let summary = format!("the Docker Engine at `{endpoint}` is not Docker Desktop's");
    Failure::new(Class::Prerequisite, "DOCKER_DESKTOP_MISSING", summary)
        .because("docker info", format!("operating system: {system}"))
        .fix(Fix::safe("docker context use desktop-linux   # or choose another `provider`"))
}

/// The output of a question; `None` when this version cannot be asked it.
async fn ask(bench: &Workbench, args: &[&str]) -> Result<Option<String>, Failure> {
    let cmd = with_engine(bench, Cmd::new("docker")).args(args.iter().copied());
    let output = bench.look(cmd, LOOK).await?;
    let says_nothing = output.stdout.trim().is_empty() || knows_no_desktop(&output.stderr);
    Ok((!says_nothing).then_some(output.stdout))
}

/// A command line without the plugin, or with an older one, does not know the words.
fn knows_no_desktop(stderr: &str) -> bool {
    let said = stderr.to_lowercase();
    ["is not a docker command", "unknown command", "unknown flag", "unknown shorthand flag"]
        .iter()
        .any(|words| said.contains(words))
}

fn with_engine(bench: &Workbench, cmd: Cmd) -> Cmd {
    let engine = bench.host.docker.docker_env();
    engine.into_iter().fold(cmd, |cmd, (name, value)| cmd.env(name, Secret::new(value)))
}
