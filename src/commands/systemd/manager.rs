//! Speaks with a manager of systemd, and believes what it says about units, not what its client
//! exits with.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::drivers::systemd::manager::{
    Init, OLDEST, Standing, linger_query, lingers, standing_query, systemctl, unreachable, version,
    version_query,
};
use crate::drivers::systemd::unit::Scope;
use crate::event::Fix;
use crate::host::Host;
use crate::host::cmd::{Cmd, Output, SpawnError};
use crate::host::kernel;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};

/// How long a manager may take for an answer: a watch that it stops may end what it began.
const LIMIT: Duration = Duration::from_secs(120);

/// A manager of systemd.
pub(super) struct Manager<'a> {
    host: &'a Host,
    scope: &'a Scope,
}

impl<'a> Manager<'a> {
    /// The manager of this scope, which answers and is new enough.
    ///
    /// # Errors
    /// `SYSTEMD_MISSING`, `SYSTEMD_NOT_RUNNING`, `SYSTEMD_UNREACHABLE`, `SYSTEMD_TOO_OLD`.
    pub(super) async fn reach(host: &'a Host, scope: &'a Scope) -> Result<Self, Failure> {
        let manager = Self { host, scope };
        let output = manager.call(version_query(scope)).await?;
        let Some(version) = version(&output.stdout).filter(|_| output.success()) else {
            return Err(unreachable(scope, init(), &output));
        };
        if version < OLDEST {
            let summary = format!("systemd is version {version}, and the units need {OLDEST}");
            let failure = Failure::new(Class::Prerequisite, "SYSTEMD_TOO_OLD", summary);
            return Err(failure.fix(Fix::safe("upgrade the distribution, or use `mlup start`")));
        }
        Ok(manager)
    }

    /// Runs `systemctl` with these words.
    ///
    /// # Errors
    /// It failed; `doing` completes "could not ...".
    pub(super) async fn tell(&self, doing: &str, words: &[&str]) -> Result<(), Failure> {
        let output = self.call(systemctl(self.scope, words)).await?;
        if output.success() { Ok(()) } else { Err(output.failure(Tool::Other, doing)) }
    }

    /// How a unit stands.
    ///
    /// # Errors
    /// The manager does not say.
    pub(super) async fn standing(&self, unit: &str) -> Result<Standing, Failure> {
        let output = self.call(standing_query(self.scope, unit)).await?;
        if !output.success() {
            return Err(output.failure(Tool::Other, &format!("ask about {unit}")));
        }
        Ok(Standing::read(&output.stdout))
    }

    /// Whether the user's units outlive the last login; not known is no.
    pub(super) async fn lingers(&self, user: &str) -> bool {
        self.call(linger_query(user)).await.is_ok_and(|output| lingers(&output))
    }

    async fn call(&self, cmd: Cmd) -> Result<Output, Failure> {
        let program = cmd.program.clone();
        let ran = self.host.runner.run(cmd.timeout(LIMIT), CancellationToken::new()).await;
        ran.map_err(|error| match error {
            SpawnError::NotFound { .. } => {
                let summary = format!("there is no `{program}`, so this is no system with systemd");
                let failure = Failure::new(Class::Prerequisite, "SYSTEMD_MISSING", summary);
                failure.fix(Fix::safe(
                    "mlup systemd print   # and give that to whatever starts programs here",
                ))
            }
            error => Failure::new(Class::Permanent, "TOOL_FAILED", error.to_string()),
        })
    }
}

/// What this machine was started with: `sd_booted(3)`, and the name of Microsoft's kernel.
fn init() -> Init {
    if Path::new("/run/systemd/system").is_dir() {
        return Init::Systemd;
    }
    if kernel::release().to_ascii_lowercase().contains("microsoft") {
        Init::Wsl
    } else {
        Init::Other
    }
}
