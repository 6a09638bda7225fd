//! A compose environment of one's own on the real engine: a sandbox, and a guard that takes all of
//! it away again.

use std::process::Command;

use super::{DockerGuard, IMAGE, Sandbox};

/// A sandbox whose `mlup.toml` deploys one compose file under a name of its own.
pub(crate) struct Stack {
    /// Where mlup runs. Goes first: nothing runs in it any more when the guard cleans up.
    pub(crate) sandbox: Sandbox,
    /// What Docker objects are named.
    pub(crate) guard: DockerGuard,
}

impl Stack {
    /// A project of these services, as YAML below `services:`; `IMAGE` stands for the test image
    /// and `NAME` for the stack's name.
    pub(crate) fn new(services: &str) -> Self {
        Self::with_config(services, "")
    }

    /// The same with more of `mlup.toml`.
    pub(crate) fn with_config(services: &str, more: &str) -> Self {
        let guard = DockerGuard::new();
        let name = guard.name().to_owned();
        let config = format!(
            "name = \"{name}\"\n[[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n{more}"
        );
        let compose = format!("services:\n{services}");
        let fill = |text: &str| text.replace("IMAGE", IMAGE).replace("NAME", &name);
        let sandbox = Sandbox::new()
            .real_docker()
            .file("mlup.toml", &fill(&config))
            .file("compose.yml", &fill(&compose));
        Self { sandbox, guard }
    }
}

/// Standard output of the Docker CLI, or nothing when it fails.
pub(crate) fn docker(args: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(args).output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
