//! The protocol of the programs that keep Docker's logins in a keychain: what they are asked and what
//! they answer.

use serde::Deserialize;

use super::Login;
use crate::event::Fix;
use crate::host::cmd::{Cmd, End, Output};
use crate::policy::classify::last_lines;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// What a helper prints, on stdout and with exit code 1, when it knows nothing of a server.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The user name that stands for "the secret is an identity token".
const IDENTITY: &str = "<token>";

/// The question about this server.
#[must_use]
pub fn question(helper: &str, server: &str) -> Cmd {
    let mut cmd = Cmd::new(format!("docker-credential-{helper}")).arg("get");
    cmd.stdin = Some(Secret::new(server));
    cmd
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// The helper's answer; none where it knows nothing of the server.
///
/// # Errors
/// `CREDENTIAL_HELPER_FAILED`, `REGISTRY_IDENTITY_TOKEN`.
pub fn answer(cmd: &Cmd, server: &str, output: &Output) -> Result<Option<Login>, Failure> {
    if !output.success() {
        let is_unknown = output.end == End::Exit(1)
            && [&output.stdout, &output.stderr].iter().any(|text| text.trim() == NOT_FOUND);
        return if is_unknown { Ok(None) } else { Err(failed(cmd, server, output)) };
    }
    let Ok(found) = serde_json::from_str::<Answer>(&output.stdout) else {
        let summary = format!("`{}` answered what is no credential of `{server}`", cmd.program);
        return Err(Failure::new(Class::Prerequisite, "CREDENTIAL_HELPER_FAILED", summary));
    };
    if found.username == IDENTITY {
        return Err(identity_token(server));
    }
    if found.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Login { username: found.username, password: Secret::new(found.secret) }))
}

/// An identity token is for exchange with the registry; the kubelet cannot use it.
pub(super) fn identity_token(server: &str) -> Failure {
    let summary = format!(
        "Docker keeps an identity token for `{server}`, which cannot be used in a pull secret"
    );
    Failure::new(Class::Prerequisite, "REGISTRY_IDENTITY_TOKEN", summary).fix(Fix::safe(
        "set `exec` and `username` of the registry in mlup.toml to a command that prints a password",
    ))
}

fn failed(cmd: &Cmd, server: &str, output: &Output) -> Failure {
    let summary = match output.end {
        End::TimedOut => format!(
            "`{}` did not answer for `{server}` in time: it may wait for a keychain to be unlocked",
            cmd.program
        ),
        _ => format!("`{}` could not be asked for `{server}`", cmd.program),
    };
    let mut failure = Failure::new(Class::Prerequisite, "CREDENTIAL_HELPER_FAILED", summary);
    // A helper that fails says why on stdout or stderr, and prints no credential then.
    failure.evidence = last_lines(Tool::Other.name(), &output.stderr, &output.stdout);
    failure.fix(Fix::safe(format!("docker login {server}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(end: End, stdout: &str) -> Result<Option<Login>, Failure> {
        let output = Output { end, stdout: stdout.to_owned(), stderr: String::new() };
        answer(&question("pass", "ghcr.io"), "ghcr.io", &output)
    }

    #[test]
    fn the_server_is_asked_for_on_stdin() {
        let cmd = question("desktop", "ghcr.io");
        assert_eq!(cmd.to_string(), "docker-credential-desktop get");
        assert_eq!(cmd.stdin.unwrap().expose(), "ghcr.io");
    }

    #[test]
    fn an_answer_is_read() {
        let text = r#"{"ServerURL":"ghcr.io","Username":"ann","Secret":"s3cret"}"#;
        let login = ask(End::Exit(0), text).unwrap().unwrap();
        assert_eq!((login.username.as_str(), login.password.expose()), ("ann", "s3cret"));
    }

    #[test]
    fn what_the_keychain_lacks_is_absent_and_no_failure() {
        let text = "credentials not found in native keychain\n";
        assert_eq!(ask(End::Exit(1), text).unwrap(), None);
    }

    #[test]
    fn any_other_end_is_a_failure() {
        let failure =
            ask(End::Exit(1), "error getting credentials - err: exit status 1").unwrap_err();
        assert_eq!(failure.code, "CREDENTIAL_HELPER_FAILED");
        assert!(ask(End::TimedOut, "").unwrap_err().summary.contains("keychain"));
        assert_eq!(ask(End::Exit(0), "no json").unwrap_err().code, "CREDENTIAL_HELPER_FAILED");
    }

    #[test]
    fn an_identity_token_is_refused() {
        let text = r#"{"ServerURL":"x.azurecr.io","Username":"<token>","Secret":"s3cret"}"#;
        let failure = ask(End::Exit(0), text).unwrap_err();
        assert_eq!(failure.code, "REGISTRY_IDENTITY_TOKEN");
        assert!(!format!("{failure:?}").contains("s3cret"));
    }
}
