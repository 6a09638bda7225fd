//! Whether the docker command line has the compose plugin, new enough: asked once a run. Where the
//! plugin lies is `host::docker`.

use std::path::Path;
use std::time::Duration;

use crate::event::Fix;
use crate::host::cmd::{Cmd, SpawnError};
use crate::host::files;
use crate::host::process::find_program;
use crate::policy::classify::last_lines;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::StepCtx;

/// Oldest compose that is used: the first with `include` and `depends_on.required` (compose
/// release notes, 2.20.2).
const OLDEST_COMPOSE: (u32, u32) = (2, 20);

/// A version is known at once, or something is badly wrong.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// The version of the plugin, such as `2.26.1`. What the command line prints is the truth: plugins
/// may lie in many folders.
///
/// # Errors
/// `DOCKER_CLI_MISSING`, `COMPOSE_MISSING`, `COMPOSE_V1_ONLY`, `COMPOSE_TOO_OLD`.
pub(in crate::steps) async fn version(ctx: &StepCtx) -> Result<String, Failure> {
    let cmd = Cmd::new("docker").args(["compose", "version", "--short"]).timeout(VERSION_TIMEOUT);
    let cmd = ctx
        .host
        .docker
        .docker_env()
        .into_iter()
        .fold(cmd, |cmd, (name, value)| cmd.env(name, Secret::new(value)));
    let output = match ctx.host.runner.run(cmd, ctx.cancel.clone()).await {
        Ok(output) => output,
        Err(error) => return Err(no_client(&error)),
    };
    if output.success() {
        return checked_version(output.stdout.trim());
    }
    if !says_no_plugin(&output.stderr) {
        return Err(output.failure(Tool::Docker, "ask docker compose for its version"));
    }
    let standalone = standalone_version(ctx).await;
    let mut failure = no_plugin(standalone.as_deref());
    failure.evidence = last_lines("docker compose version", &output.stderr, &output.stdout);
    failure.evidence.truncate(2);
    Err(failure)
}

/// A docker command line without the plugin takes `compose` for a command that it does not know,
/// or `--short` for a flag of its own (docker/cli 20.10 to 28).
fn says_no_plugin(stderr: &str) -> bool {
    let said = stderr.to_lowercase();
    ["is not a docker command", "unknown command", "unknown flag", "unknown shorthand flag"]
        .iter()
        .any(|words| said.contains(words))
}

/// What a `docker-compose` of its own calls itself, if there is one.
async fn standalone_version(ctx: &StepCtx) -> Option<String> {
    find_program(&ctx.host.env, "docker-compose")?;
    let cmd = Cmd::new("docker-compose").args(["version", "--short"]).timeout(VERSION_TIMEOUT);
    let output = ctx.host.runner.run(cmd, ctx.cancel.clone()).await.ok()?;
    Some(output.stdout.trim().to_owned())
}

fn checked_version(text: &str) -> Result<String, Failure> {
    let plain = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or(text);
    let mut numbers = plain.split('.').map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().flatten(), numbers.next().flatten());
    let (Some(major), Some(minor)) = version else {
        return Err(Failure::new(
            Class::Prerequisite,
            "COMPOSE_UNKNOWN",
            format!("`docker compose version --short` printed `{text}`, which is no version"),
        )
        .fix(Fix::safe("docker compose version")));
    };
    if (major, minor) >= OLDEST_COMPOSE {
        return Ok(plain.to_owned());
    }
    let (oldest_major, oldest_minor) = OLDEST_COMPOSE;
    Err(Failure::new(
        Class::Prerequisite,
        "COMPOSE_TOO_OLD",
        format!(
            "docker compose {plain} is too old: mlup needs {oldest_major}.{oldest_minor} or newer"
        ),
    )
    .fix(Fix::safe(how_to_install())))
}

fn no_client(error: &SpawnError) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "DOCKER_CLI_MISSING",
        format!("the docker command line is needed for compose: {error}"),
    )
    .fix(Fix::safe("install it: https://docs.docker.com/engine/install/ (Debian 13: docker-cli, Ubuntu: docker.io)"))
}

fn no_plugin(standalone: Option<&str>) -> Failure {
    match standalone {
        None => Failure::new(
            Class::Prerequisite,
            "COMPOSE_MISSING",
            "the docker command line has no compose plugin",
        )
        .fix(Fix::safe(how_to_install())),
        Some(version) if version.trim_start_matches('v').starts_with(|c: char| ('2'..='9').contains(&c)) => {
            Failure::new(
                Class::Prerequisite,
                "COMPOSE_MISSING",
                format!("the docker command line has no compose plugin; `docker-compose` {version} is there, but not as a plugin"),
            )
            .fix(Fix::safe("mkdir -p ~/.docker/cli-plugins && ln -s \"$(command -v docker-compose)\" ~/.docker/cli-plugins/docker-compose"))
        }
        Some(version) => {
            let version = if version.is_empty() { "1" } else { version };
            Failure::new(
                Class::Prerequisite,
                "COMPOSE_V1_ONLY",
                format!("only `docker-compose` {version} is there; version 1 reached its end of life in 2023 and breaks on newer engines, and mlup needs the plugin, version 2"),
            )
            .fix(Fix::safe(how_to_install()))
        }
    }
}

fn how_to_install() -> &'static str {
    let release = files::read_text(Path::new("/etc/os-release")).unwrap_or_default();
    install_command(&release)
}

/// The command that installs the plugin on this distribution, by its `os-release` file.
fn install_command(release: &str) -> &'static str {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let version = value("VERSION_ID=");
    match value("ID=").as_str() {
        "ubuntu" => "sudo apt-get install docker-compose-v2",
        "debian" if version == "12" => {
            "sudo apt-get install -t trixie docker-compose   # after adding the suite `trixie`; or docker-compose-plugin from https://docs.docker.com/engine/install/debian/"
        }
        "debian" => "sudo apt-get install docker-compose",
        "fedora" => "sudo dnf install docker-compose",
        "arch" => "sudo pacman -S docker-compose",
        _ => "install the plugin: https://docs.docker.com/compose/install/linux/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Script, TestBench, missing, on};
    use crate::steps::testing::TestBed;

    const ASK: &str = "docker compose version --short";
    const STANDALONE: &str = "docker-compose version --short";

    /// A world whose PATH has a `docker-compose` or not, and whose commands answer as scripted.
    async fn compose(path: &str, script: Vec<Script>) -> Result<String, Failure> {
        let scripted = TestBench::with_env(script, &[("PATH", path)]);
        version(&TestBed::with_host(scripted.bench.host.clone()).ctx).await
    }

    const NO_PLUGIN: &str = "docker: 'compose' is not a docker command.\nSee 'docker --help'\n";

    #[tokio::test]
    async fn a_version_is_read_without_the_distributions_marks() {
        for (printed, version) in
            [("2.26.1-4\n", "2.26.1"), ("v2.40.0", "2.40.0"), ("5.0.1+ds", "5.0.1")]
        {
            assert_eq!(compose("", vec![on(ASK, 0, printed, "")]).await.unwrap(), version);
        }
    }

    #[tokio::test]
    async fn an_old_plugin_is_refused() {
        let failure = compose("", vec![on(ASK, 0, "2.17.3", "")]).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "COMPOSE_TOO_OLD"));
    }

    #[tokio::test]
    async fn a_missing_command_line_is_told_from_a_missing_plugin() {
        assert_eq!(compose("", vec![missing(ASK)]).await.unwrap_err().code, "DOCKER_CLI_MISSING");
        for stderr in
            [NO_PLUGIN, "docker: unknown command: docker compose\n", "unknown flag: --short\n"]
        {
            let failure = compose("", vec![on(ASK, 1, "", stderr)]).await.unwrap_err();
            assert_eq!((failure.class, failure.code), (Class::Prerequisite, "COMPOSE_MISSING"));
        }
    }

    #[tokio::test]
    async fn version_one_alone_is_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-compose");
        files::write(&path, b"#!/bin/sh\n", 0o755).unwrap();
        let path = folder.path().to_str().unwrap();
        let answers = vec![on(ASK, 1, "", NO_PLUGIN), on(STANDALONE, 0, "1.29.2\n", "")];
        let failure = compose(path, answers).await.unwrap_err();
        assert_eq!(failure.code, "COMPOSE_V1_ONLY");
        assert!(failure.summary.contains("1.29.2"), "{}", failure.summary);
        let answers = vec![on(ASK, 1, "", NO_PLUGIN), on(STANDALONE, 0, "2.30.0\n", "")];
        assert_eq!(compose(path, answers).await.unwrap_err().code, "COMPOSE_MISSING");
    }

    #[test]
    fn the_fix_fits_the_distribution() {
        let ubuntu = install_command("NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"24.04\"\n");
        assert_eq!(ubuntu, "sudo apt-get install docker-compose-v2");
        assert!(install_command("ID=debian\nVERSION_ID=\"12\"\n").contains("trixie"));
        assert_eq!(
            install_command("ID=debian\nVERSION_ID=\"13\"\n"),
            "sudo apt-get install docker-compose"
        );
        assert!(install_command("").contains("https://"));
    }

    mod docker_tests {
        use super::*;

        #[tokio::test]
        async fn the_real_one_is_named_with_its_version() {
            let found = version(&TestBed::new().ctx).await.unwrap();
            assert!(found.starts_with(|c: char| ('2'..='9').contains(&c)), "{found}");
        }
    }
}
