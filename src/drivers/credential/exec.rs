//! A command that prints a registry password: what its output means.

use crate::event::Fix;
use crate::host::cmd::{Cmd, End, Output};
use crate::policy::classify::{known, last_lines};
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// User names that take a whole key file as password.
const TAKES_KEY_FILE: [&str; 1] = ["_json_key"];

/// The password that the command printed. What it printed is never shown: it may be the password.
///
/// # Errors
/// `CLOUD_LOGIN_NEEDED`, `ACR_ADMIN_DISABLED`, `ACR_UNKNOWN` where the tool says so; else
/// `REGISTRY_EXEC_FAILED`, `REGISTRY_EXEC_EMPTY`, `REGISTRY_EXEC_FORMAT`, `REGISTRY_EXEC_TIMEOUT`.
pub fn password(cmd: &Cmd, username: &str, output: &Output) -> Result<Secret, Failure> {
    if !output.success() {
        return Err(failed(cmd, output));
    }
    let text = output.stdout.trim_matches(['\n', '\r']);
    if text.trim().is_empty() {
        let summary = format!("`{}` exited 0 and printed no password", cmd.program);
        let failure = Failure::new(Class::Prerequisite, "REGISTRY_EXEC_EMPTY", summary);
        return Err(with_stderr(failure, output).fix(Fix::safe(cmd.to_string())));
    }
    if TAKES_KEY_FILE.contains(&username) {
        return Ok(Secret::new(text));
    }
    let lines = text.lines().count();
    let problem = if lines > 1 {
        Some(format!("printed {lines} lines, and a password is one"))
    } else if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok() {
        Some("printed a JSON object, not a password".to_owned())
    } else if serde_json::from_str::<String>(text).is_ok() {
        Some("printed its password in quotes, as JSON".to_owned())
    } else {
        None
    };
    match problem {
        None => Ok(Secret::new(text.trim())),
        Some(problem) => {
            let summary = format!("`{}` {problem}", cmd.program);
            Err(Failure::new(Class::Config, "REGISTRY_EXEC_FORMAT", summary).fix(Fix::safe(
                "make `exec` print the bare password, such as with `--query accessToken -o tsv`",
            )))
        }
    }
}

fn failed(cmd: &Cmd, output: &Output) -> Failure {
    let tool = Tool::of(&cmd.program);
    let doing = format!("get a password from `{}`", cmd.program);
    if matches!(output.end, End::Exit(_))
        && let Some(failure) = known(tool, &doing, &output.stderr)
    {
        return failure;
    }
    let (class, code, how) = match output.end {
        End::Exit(code) => {
            (Class::Prerequisite, "REGISTRY_EXEC_FAILED", format!("failed with exit code {code}"))
        }
        End::Signal(signal) => {
            (Class::Prerequisite, "REGISTRY_EXEC_FAILED", format!("was killed by signal {signal}"))
        }
        End::TimedOut | End::Cancelled => (
            Class::Timeout,
            "REGISTRY_EXEC_TIMEOUT",
            "did not print a password in time and was stopped".to_owned(),
        ),
    };
    let failure = Failure::new(class, code, format!("`{}` {how}", cmd.program));
    with_stderr(failure, output).fix(Fix::safe(cmd.to_string()))
}

/// Only what was printed for people.
fn with_stderr(mut failure: Failure, output: &Output) -> Failure {
    failure.evidence = last_lines(Tool::Other.name(), &output.stderr, "");
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(end: End, stdout: &str, stderr: &str) -> Output {
        Output { end, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    fn read(username: &str, stdout: &str) -> Result<Secret, Failure> {
        let cmd = Cmd::new("az").args(["acr", "login", "--expose-token"]);
        password(&cmd, username, &output(End::Exit(0), stdout, ""))
    }

    #[test]
    fn the_end_of_the_line_is_no_part_of_the_password() {
        for printed in ["tok3n", "tok3n\n", "tok3n\r\n", "\ntok3n\n\n"] {
            assert_eq!(read("u", printed).unwrap().expose(), "tok3n", "{printed:?}");
        }
    }

    #[test]
    fn nothing_printed_is_a_failure_of_its_own() {
        for printed in ["", "\n", "  \n"] {
            let failure = read("u", printed).unwrap_err();
            assert_eq!((failure.class, failure.code), (Class::Prerequisite, "REGISTRY_EXEC_EMPTY"));
        }
    }

    #[test]
    fn a_failure_shows_what_was_printed_for_people_and_never_stdout() {
        let ended = output(End::Exit(1), "half-a-t0ken", "vault is sealed");
        let failure = password(&Cmd::new("vault"), "u", &ended).unwrap_err();
        assert_eq!(failure.code, "REGISTRY_EXEC_FAILED");
        assert_eq!(failure.evidence[0].text, "vault is sealed");
        assert!(!format!("{failure:?}").contains("half-a-t0ken"));
    }

    #[test]
    fn what_the_tools_of_clouds_say_becomes_their_own_fix() {
        let said = |program: &str, words: &str| {
            let ended = output(End::Exit(1), "half-a-t0ken", words);
            password(&Cmd::new(program), "u", &ended).unwrap_err()
        };
        for (program, words, code, fix) in [
            (
                "az",
                "ERROR: Please run 'az login' to setup account.",
                "CLOUD_LOGIN_NEEDED",
                "az login",
            ),
            (
                "/usr/bin/gcloud",
                "ERROR: (gcloud.auth.print-access-token) You do not currently have an active account \
                 selected.\nPlease run:\n\n  $ gcloud auth login\n",
                "CLOUD_LOGIN_NEEDED",
                "gcloud auth login",
            ),
            (
                "az",
                "ERROR: Run 'az acr update -n shop --admin-enabled true' to enable admin first.",
                "ACR_ADMIN_DISABLED",
                "az acr update -n shop --admin-enabled true",
            ),
        ] {
            let failure = said(program, words);
            assert_eq!((failure.class, failure.code), (Class::Prerequisite, code), "{words}");
            assert_eq!(failure.fix.as_ref().unwrap().command, fix);
            assert!(failure.summary.contains(program), "{}", failure.summary);
            assert!(!format!("{failure:?}").contains("half-a-t0ken"));
        }
        assert_eq!(said("az", "ERROR: something new").code, "REGISTRY_EXEC_FAILED");
        assert_eq!(said("mine", "Please run 'az login'").code, "REGISTRY_EXEC_FAILED");
    }

    #[test]
    fn several_lines_and_json_are_no_password() {
        for printed in ["WARNING: old\ntok3n\n", r#"{"accessToken": "tok3n"}"#, r#""tok3n""#] {
            let failure = read("u", printed).unwrap_err();
            assert_eq!((failure.class, failure.code), (Class::Config, "REGISTRY_EXEC_FORMAT"));
            assert!(!format!("{failure:?}").contains("tok3n"), "{failure:?}");
        }
    }

    #[test]
    fn a_key_file_is_a_password_where_the_user_name_says_so() {
        let key = "{\n  \"type\": \"service_account\"\n}\n";
        assert_eq!(read("_json_key", key).unwrap().expose(), key.trim_end());
    }

    #[test]
    fn one_that_hangs_is_out_of_time() {
        let failure = password(&Cmd::new("az"), "u", &output(End::TimedOut, "", "")).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Timeout, "REGISTRY_EXEC_TIMEOUT"));
    }
}
