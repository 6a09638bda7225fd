//! The units themselves: which there are for an environment, and their text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::exits::{finals, successes};
use super::name::{Role, unit_name};
use super::owner::header;
use super::sandboxing;
use super::word::{command, line, word};

/// How often a start is tried in a row. What is missing at boot, Docker first of all, comes late.
const TRIES: u32 = 10;
/// Time between two tries.
const PAUSE: Duration = Duration::from_secs(30);
/// What mlup may need beside its own deadline, to end what it began.
const GRACE: Duration = Duration::from_secs(60);
/// How long `start` and `stop` may be silent. mlup asks for more time while it works, so that one
/// which hangs is ended early and one which works is not.
const SILENCE: &str = "3min";
/// How long a watch may be silent once it is ready.
const WATCHDOG: &str = "2min";

/// Whose manager runs the units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The user's own, from login on, or from boot on where the user lingers.
    User,
    /// The system's, from boot on.
    System {
        /// Name or number of the user that mlup runs as.
        user: String,
    },
}

/// What looks after the environment once it is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Nothing: there is nothing that expires.
    Nobody,
    /// A timer that renews pull secrets.
    Timer,
    /// `mlup watch`.
    Watch,
}

/// Whether Docker is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Docker {
    /// It must run first.
    Used,
    /// Nothing of it is needed.
    Unused,
}

/// Whether something that mlup runs gains rights, as `sudo` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privileges {
    /// Nothing gains any.
    Kept,
    /// Something does.
    Gained,
}

/// Everything that the units of an environment say.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// Name of the environment.
    pub project: String,
    /// Its profile.
    pub profile: String,
    /// Its `mlup.toml`, absolute.
    pub file: PathBuf,
    /// The program, absolute.
    pub program: PathBuf,
    /// How long a start may take.
    pub deadline: Duration,
    /// Variables of the units.
    pub env: BTreeMap<String, String>,
    /// Whose manager runs them.
    pub scope: Scope,
    /// What looks after the environment.
    pub keeper: Keeper,
    /// Whether Docker must run first.
    pub docker: Docker,
    /// Whether rights are gained.
    pub privileges: Privileges,
}

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What it is for.
    pub role: Role,
    /// Its name, which is that of its file.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Blueprint {
    /// The units of this environment, in the order in which they are started.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let keepers: &[Role] = match self.keeper {
            Keeper::Nobody => &[],
            Keeper::Timer => &[Role::Creds, Role::CredsTimer],
            Keeper::Watch => &[Role::Watch],
        };
        [Role::Start].iter().chain(keepers).map(|role| self.unit(*role)).collect()
    }

    /// Name of the unit for this role, whether or not it is to be there.
    #[must_use]
    pub fn name_of(&self, role: Role) -> String {
        unit_name(role, &self.project, &self.profile)
    }

    fn unit(&self, role: Role) -> Unit {
        let sections = match role {
            Role::Start => self.start(),
            Role::Watch => self.watch(),
            Role::Creds => self.creds(),
            Role::CredsTimer => self.timer(),
        };
        let text = format!("{}\n{}", header(&self.file), sections.join("\n"));
        Unit { role, name: self.name_of(role), text: text + "\n" }
    }

    fn start(&self) -> Vec<String> {
        let what = format!("{} with profile {}, brought up by mlup", self.project, self.profile);
        let mut lines = self.head(&what);
        lines.extend(limit(self.deadline));
        lines.extend(texts(&["", "[Service]", "Type=oneshot", "RemainAfterExit=yes"]));
        // The control process of `ExecStop=` asks for time too.
        lines.push("NotifyAccess=exec".to_owned());
        lines.push(format!("ExecStart={}", self.command(&["start"])));
        lines.push(format!("ExecStop={}", self.command(&["stop"])));
        lines.push(format!("TimeoutStartSec={SILENCE}"));
        lines.push(format!("TimeoutStopSec={SILENCE}"));
        lines.extend(self.service(Role::Start, PAUSE));
        lines.extend(self.installed());
        lines
    }

    fn watch(&self) -> Vec<String> {
        let what = format!("{} with profile {}, watched by mlup", self.project, self.profile);
        let start = self.name_of(Role::Start);
        let mut lines = self.head(&what);
        // Stopped before the environment is, and brought back by its start.
        lines.push(format!("Wants={start}"));
        lines.push(format!("After={start}"));
        lines.push(format!("PartOf={start}"));
        lines.extend(limit(self.deadline));
        lines.extend(texts(&["", "[Service]", "Type=notify", "NotifyAccess=main"]));
        lines.push(format!("ExecStart={}", self.command(&["watch"])));
        lines.push(format!("TimeoutStartSec={SILENCE}"));
        lines.push(format!("WatchdogSec={WATCHDOG}"));
        lines.extend(self.service(Role::Watch, PAUSE));
        lines.extend(self.installed());
        lines
    }

    fn creds(&self) -> Vec<String> {
        const LIMIT: Duration = Duration::from_secs(5 * 60);
        let what = format!("Pull secrets of {} with profile {}", self.project, self.profile);
        let mut lines = self.head(&what);
        // Not while the start writes them itself.
        lines.push(format!("After={}", self.name_of(Role::Start)));
        lines.extend(limit(LIMIT));
        lines.extend(texts(&["", "[Service]", "Type=oneshot", "NotifyAccess=main"]));
        lines.push(format!("ExecStart={}", self.command(&["creds", "refresh"])));
        lines.push(format!("TimeoutStartSec={}", span(LIMIT)));
        lines.extend(self.service(Role::Creds, Duration::from_secs(120)));
        lines
    }

    /// Every four hours, so that a password of twelve is asked for twice before it ends. A time of
    /// day, not a distance: what passed while the machine slept is made up for at once.
    fn timer(&self) -> Vec<String> {
        let what = format!("Pull secrets of {} with profile {}", self.project, self.profile);
        let mut lines = texts(&["[Unit]"]);
        lines.push(format!("Description={}", line(&what)));
        lines.extend(texts(&["", "[Timer]", "OnStartupSec=2min", "OnCalendar=*-*-* 00/4:00:00"]));
        lines.extend(texts(&["Persistent=yes", "RandomizedDelaySec=10min", "AccuracySec=1min"]));
        lines.push(format!("Unit={}", self.name_of(Role::Creds)));
        lines.extend(texts(&["", "[Install]", "WantedBy=timers.target"]));
        lines
    }

    /// The `[Unit]` section up to what is one unit's own. The manager of a user does not know the
    /// system's units: there the tries of [`TRIES`] are what waits for Docker.
    fn head(&self, what: &str) -> Vec<String> {
        let mut lines = vec!["[Unit]".to_owned(), format!("Description={}", line(what))];
        let docker = if self.docker == Docker::Used { " docker.service" } else { "" };
        match self.scope {
            Scope::System { .. } => {
                lines.push(format!("Wants=network-online.target{docker}"));
                lines.push(format!("After=network-online.target time-sync.target{docker}"));
            }
            // The Docker of a user alone is a unit of this manager.
            Scope::User if self.docker == Docker::Used => {
                lines.push(format!("After={}", docker.trim_start()));
            }
            Scope::User => {}
        }
        lines
    }

    /// What every service has.
    fn service(&self, role: Role, pause: Duration) -> Vec<String> {
        let codes = |codes: Vec<u8>| codes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
        let mut lines =
            vec!["Restart=on-failure".to_owned(), format!("RestartSec={}", span(pause))];
        lines.push(format!("SuccessExitStatus={}", codes(successes(role))));
        lines.push(format!("RestartPreventExitStatus={}", codes(finals(role))));
        // mlup ends its children itself, in good order.
        lines.push("KillMode=mixed".to_owned());
        lines.push("SyslogIdentifier=mlup".to_owned());
        if let Scope::System { user } = &self.scope {
            lines.push(format!("User={}", line(user)));
        }
        let variables = self.env.iter().map(|(name, value)| word(&format!("{name}={value}")));
        lines.extend(variables.map(|variable| format!("Environment={variable}")));
        lines.extend(texts(&sandboxing::settings(&self.scope, self.privileges)));
        lines
    }

    fn installed(&self) -> [String; 3] {
        let target = match self.scope {
            Scope::User => "default.target",
            Scope::System { .. } => "multi-user.target",
        };
        [String::new(), "[Install]".to_owned(), format!("WantedBy={target}")]
    }

    fn command(&self, verb: &[&str]) -> String {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut words = vec![text(&self.program), "--file".to_owned(), text(&self.file)];
        words.extend(["--profile".to_owned(), self.profile.clone()]);
        words.extend(texts(verb));
        command(&words)
    }
}

/// So many tries in a row, each of which may take this long. A longer time than they can take
/// together, or the limit would never be met.
fn limit(each: Duration) -> [String; 2] {
    let all = (each + GRACE + PAUSE) * TRIES;
    [format!("StartLimitIntervalSec={}", span(all)), format!("StartLimitBurst={TRIES}")]
}

/// Whether systemd can start a program at this path: it takes none with quotes, a backslash or
/// control characters in it, however they are quoted.
#[must_use]
pub fn can_start(program: &Path) -> bool {
    let text = program.to_string_lossy();
    program.is_absolute() && !text.chars().any(|c| c.is_control() || "\"'\\".contains(c))
}

fn texts(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|text| (*text).to_owned()).collect()
}

/// A time span as systemd reads it.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 60, seconds % 60) {
        (minutes, 0) if minutes > 0 => format!("{minutes}min"),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;
