//! Runs helm, in an environment that cannot lead it to another cluster or make it print values.

use std::time::Duration;

use crate::event::Fix;
use crate::host::cmd::{Cmd, Output};
use crate::host::workbench::Workbench;
use crate::policy::Failure;

/// How to install helm.
const INSTALL: &str = "install helm: https://helm.sh/docs/intro/install/";

/// Variables that would lead helm elsewhere, keep releases elsewhere, or make it print values.
const HIDDEN: [&str; 4] = ["HELM_KUBE", "HELM_NAMESPACE", "HELM_DRIVER", "HELM_DEBUG"];

/// Runs a command of helm that only looks.
///
/// # Errors
/// `TOOL_MISSING`; helm could not be started; `CANCELLED`.
pub async fn look(bench: &Workbench, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
    bench.look(sealed(cmd), limit).await.map_err(installable)
}

/// Runs a command of helm that changes something.
///
/// # Errors
/// As [`look`].
pub async fn change(bench: &Workbench, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
    bench.change(sealed(cmd), limit).await.map_err(installable)
}

/// How long helm itself may wait when it is stopped from outside after `limit`: it shall give up
/// first, because then it says why.
#[must_use]
pub fn patience(limit: Duration) -> Duration {
    const MARGIN: Duration = Duration::from_secs(10);
    limit.saturating_sub(MARGIN).max(limit / 2)
}

fn sealed(cmd: Cmd) -> Cmd {
    HIDDEN.iter().fold(cmd, |cmd, name| cmd.without_env(*name))
}

fn installable(failure: Failure) -> Failure {
    if failure.code == "TOOL_MISSING" { failure.fix(Fix::safe(INSTALL)) } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{TestBench, missing, on};
    use crate::policy::Class;

    #[tokio::test]
    async fn helm_sees_no_variable_that_leads_it_elsewhere() {
        let bench = TestBench::new([on("helm version", 0, "v4", "")]);
        let cmd = Cmd::new("helm").arg("version");
        look(&bench.bench, cmd, Duration::from_secs(5)).await.unwrap();
        let env = ["HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_DEBUG", "HELM_CACHE_HOME", "PATH"];
        let env = env.map(|name| (name.to_owned(), "x".to_owned())).into();
        let seen = bench.runner.seen()[0].full_env(&env);
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), ["HELM_CACHE_HOME", "PATH"]);
    }

    #[tokio::test]
    async fn a_missing_helm_is_a_prerequisite() {
        let bench = TestBench::new([missing("helm version")]);
        let cmd = Cmd::new("helm").arg("version");
        let failure = change(&bench.bench, cmd, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "TOOL_MISSING"));
        assert!(failure.fix.unwrap().command.starts_with("install helm"));
    }

    #[test]
    fn helm_gives_up_before_it_is_stopped() {
        assert_eq!(patience(Duration::from_secs(300)), Duration::from_secs(290));
        assert_eq!(patience(Duration::from_secs(4)), Duration::from_secs(2));
    }
}
