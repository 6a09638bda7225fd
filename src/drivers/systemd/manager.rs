//! The commands by which a manager of systemd learns of units, and what it says about them. systemd
//! 252: `src/systemctl`, `src/login/loginctl.c`.

use crate::event::Fix;
use crate::host::cmd::{Cmd, Output};
use crate::policy::{Class, Failure};

use super::unit::Scope;

/// The oldest version that knows everything in the units: `Restart=` of a oneshot, and `:` before a
/// command.
pub const OLDEST: u32 = 244;

/// Name of the client.
pub const SYSTEMCTL: &str = "systemctl";

/// `systemctl`, to the manager of this scope.
#[must_use]
pub fn systemctl(scope: &Scope, args: &[&str]) -> Cmd {
    let cmd = Cmd::new(SYSTEMCTL);
    let cmd = match scope {
        Scope::User => cmd.arg("--user"),
        Scope::System { .. } => cmd,
    };
    cmd.args(["--no-pager", "--no-ask-password"]).args(args.iter().copied())
}

/// Asks the manager who it is.
#[must_use]
pub fn version_query(scope: &Scope) -> Cmd {
    systemctl(scope, &["show", "--property=Version"])
}

/// The version of the manager that answered `Version=252.38-1~deb12u1`.
#[must_use]
pub fn version(output: &str) -> Option<u32> {
    let text = output.lines().find_map(|line| line.strip_prefix("Version="))?;
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}

/// Asks how a unit stands.
#[must_use]
pub fn standing_query(scope: &Scope, unit: &str) -> Cmd {
    let wanted = "--property=LoadState,UnitFileState,ActiveState,SubState,LoadError";
    systemctl(scope, &["show", wanted, "--", unit])
}

/// How a unit stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// `loaded`, `not-found`, `bad-setting`, `masked`.
    pub load: String,
    /// `enabled`, `disabled`, `static`; empty for a unit without a file.
    pub file: String,
    /// `active`, `activating`, `inactive`, `failed`.
    pub active: String,
    /// Why it could not be loaded, in the manager's words.
    pub error: Option<String>,
}

impl Standing {
    /// What `systemctl show` printed.
    #[must_use]
    pub fn read(output: &str) -> Self {
        let value = |name: &str| {
            let mut lines = output.lines().filter_map(|line| line.split_once('='));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
        };
        let text = |name: &str| value(name).unwrap_or_default();
        Self {
            load: text("LoadState"),
            file: text("UnitFileState"),
            active: text("ActiveState"),
            error: value("LoadError").filter(|error| !error.is_empty()),
        }
    }

    /// Whether the manager could read the unit.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.load == "loaded"
    }

    /// Whether it runs, is about to, or remains.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.active.as_str(), "active" | "activating" | "reloading")
    }
}

/// What this machine was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// systemd.
    Systemd,
    /// Something else, in the Windows Subsystem for Linux.
    Wsl,
    /// Something else.
    Other,
}

/// What it means that a manager cannot be spoken with.
#[must_use]
pub fn unreachable(scope: &Scope, init: Init, output: &Output) -> Failure {
    let said = output.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let (code, summary, fix) = match (init, scope) {
        (Init::Wsl, _) => (
            "SYSTEMD_NOT_RUNNING",
            "this WSL distribution was not started with systemd, so no unit would ever run",
            "put `[boot]` and `systemd=true` into /etc/wsl.conf, then `wsl.exe --shutdown`",
        ),
        (Init::Other, _) => (
            "SYSTEMD_NOT_RUNNING",
            "this machine was not started with systemd, so no unit would ever run",
            "mlup start",
        ),
        (Init::Systemd, Scope::User) => (
            "SYSTEMD_UNREACHABLE",
            "your own systemd manager does not answer: it runs while you are logged in, or always \
             where you linger",
            "loginctl enable-linger, then log in again",
        ),
        (Init::Systemd, Scope::System { .. }) => {
            ("SYSTEMD_UNREACHABLE", "the systemd manager does not answer", "systemctl status")
        }
    };
    let failure = Failure::new(Class::Prerequisite, code, summary);
    failure.because(SYSTEMCTL, said.trim()).fix(Fix::safe(fix))
}

/// Whether the user's manager stays without a login, as `loginctl show-user --property=Linger`
/// tells; unknown where logind does not know the user at all.
#[must_use]
pub fn lingers(output: &Output) -> bool {
    output.success() && output.stdout.lines().any(|line| line.trim() == "Linger=yes")
}

/// Asks whether a user lingers.
#[must_use]
pub fn linger_query(user: &str) -> Cmd {
    Cmd::new("loginctl").args(["show-user", "--property=Linger", "--", user])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::cmd::End;

    const SYSTEM: fn() -> Scope = || Scope::System { user: "dev".to_owned() };

    fn failed(stderr: &str) -> Output {
        Output { end: End::Exit(1), stdout: String::new(), stderr: stderr.to_owned() }
    }

    #[test]
    fn each_scope_has_its_manager() {
        let cmd = systemctl(&Scope::User, &["daemon-reload"]).to_string();
        assert_eq!(cmd, "systemctl --user --no-pager --no-ask-password daemon-reload");
        let cmd = systemctl(&SYSTEM(), &["daemon-reload"]).to_string();
        assert_eq!(cmd, "systemctl --no-pager --no-ask-password daemon-reload");
    }

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        assert_eq!(version("Version=252.38-1~deb12u1\n"), Some(252));
        assert_eq!(version("Version=v257.5-2.fc42\n"), Some(257));
        assert_eq!(version("Version=\n"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn a_standing_is_read_from_properties_in_any_order() {
        let loaded =
            "ActiveState=active\nLoadState=loaded\nSubState=exited\nUnitFileState=enabled\n";
        let standing = Standing::read(loaded);
        assert!(standing.is_loaded() && standing.is_up());
        assert_eq!((standing.file.as_str(), standing.error), ("enabled", None));
        let bad = "LoadState=bad-setting\nActiveState=inactive\nUnitFileState=\n\
                   LoadError=org.freedesktop.systemd1.BadUnitSetting \"Unit x has a bad setting.\"\n";
        let standing = Standing::read(bad);
        assert!(!standing.is_loaded() && !standing.is_up());
        assert!(standing.error.unwrap().contains("has a bad setting"));
    }

    #[test]
    fn a_manager_that_is_not_there_is_told_from_one_that_cannot_be() {
        let said = failed("Failed to connect to bus: No medium found\n");
        for (init, code, fix) in [
            (Init::Wsl, "SYSTEMD_NOT_RUNNING", "/etc/wsl.conf"),
            (Init::Other, "SYSTEMD_NOT_RUNNING", "mlup start"),
            (Init::Systemd, "SYSTEMD_UNREACHABLE", "enable-linger"),
        ] {
            let failure = unreachable(&Scope::User, init, &said);
            assert_eq!(failure.code, code);
            assert!(failure.fix.unwrap().command.contains(fix), "{init:?}");
            assert_eq!(failure.evidence[0].text, "Failed to connect to bus: No medium found");
        }
    }

    #[test]
    fn only_a_clear_yes_means_that_a_user_lingers() {
        let yes =
            Output { end: End::Exit(0), stdout: "Linger=yes\n".into(), stderr: String::new() };
        assert!(lingers(&yes));
        assert!(!lingers(&Output { stdout: "Linger=no\n".into(), ..yes }));
        assert!(!lingers(&failed(
            "Failed to get user: User ID 1000 is not logged in or lingering\n"
        )));
    }
}
