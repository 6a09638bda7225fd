//! What every command begins with: the terminal, the configuration and the way to the outside
//! world. Built once from the invocation; nothing is read or connected before it is needed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::{Global, ProgressArg};
use crate::config::model::Config;
use crate::config::{self, Loaded, Sources};
use crate::error::Error;
use crate::host::Host;
use crate::host::docker::{Engine, outside_of_nodes};
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
use crate::host::state_dir::state_dir;
use crate::host::terminal;
use crate::invocation::{Invocation, Terminals};
use crate::plan::StepId;
use crate::policy::escalate::Rung;
use crate::redact::Scrubber;
use crate::report::{self, Detail, Front, Mode, Style, journal};
use crate::steps::{Consent, Listings, Others, Passwords, Projects, Prune, Renderings, StepCtx};

/// How long a command that only reads waits for an answer.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// Where output goes and how it may look.
#[derive(Clone, Copy)]
pub(super) struct Terminal {
    /// Which streams are terminals.
    pub terminals: Terminals,
    /// How the conversation on stderr looks.
    pub style: Style,
    /// How progress is shown.
    pub front: Front,
    /// How much is said.
    pub detail: Detail,
    /// Whether systemd's journal reads the conversation.
    pub journal: bool,
}

impl Terminal {
    /// What this invocation allows.
    pub(super) fn of(invocation: &Invocation, global: &Global) -> Self {
        let dumb = invocation.var("TERM").is_none_or(|term| term == "dumb");
        let wanted = match global.progress {
            ProgressArg::Auto => Mode::Auto,
            ProgressArg::Tty => Mode::Tty,
            ProgressArg::Plain => Mode::Plain,
            ProgressArg::Json => Mode::Json,
            ProgressArg::Quiet => Mode::Quiet,
        };
        let live = invocation.terminals.stderr && !dumb;
        let colour = live && !global.no_color && invocation.var("NO_COLOR").is_none();
        let ci = invocation.var("CI").is_some();
        let front = report::choose(wanted, invocation.terminals.stderr, ci, dumb);
        let detail = match front {
            Front::Quiet => Detail::Quiet,
            _ if global.verbose => Detail::Verbose,
            _ => Detail::Normal,
        };
        let style = Style { colour, unicode: speaks_utf8(invocation) };
        let journal = invocation.journal;
        Self { terminals: invocation.terminals, style, front, detail, journal }
    }

    /// Columns of the conversation; a fixed width where it goes to no terminal.
    pub(super) fn width(self) -> usize {
        const PIPE: usize = 100;
        if self.terminals.stderr { terminal::stderr_size().0 } else { PIPE }
    }

    /// How data on stdout looks when people read it.
    pub(super) fn style_of_stdout(self) -> Style {
        Style { colour: self.style.colour && self.terminals.stdout, ..self.style }
    }

    /// Says what went wrong. There is nobody left to tell when this fails too.
    pub(super) fn complain(self, error: &Error) {
        let text = error.render(self.style, self.width());
        let text = if self.journal { journal::complaint(&text) } else { text };
        let _ = stderr().write_all(text.as_bytes());
    }

    /// One line of the conversation, left out in quiet and JSON mode.
    pub(super) fn say(self, line: &str) {
        if !matches!(self.front, Front::Quiet | Front::Json) {
            let text = if self.journal { journal::remark(line) } else { format!("{line}\n") };
            let _ = stderr().write_all(text.as_bytes());
        }
    }
}

/// Whether glyphs beyond ASCII can be shown, by the locale as POSIX orders its variables.
fn speaks_utf8(invocation: &Invocation) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| invocation.var(name)).is_some_and(
        |locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        },
    )
}

/// One command being carried out.
pub(super) struct Session {
    /// How mlup was called.
    pub invocation: Invocation,
    /// Options of every command.
    pub global: Global,
    /// Where output goes.
    pub terminal: Terminal,
    file: Option<PathBuf>,
}

impl Session {
    /// A session for this invocation; `file` is what `-f` says.
    pub(super) fn new(invocation: Invocation, global: Global, file: Option<PathBuf>) -> Self {
        let terminal = Terminal::of(&invocation, &global);
        Self { invocation, global, terminal, file }
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// It is missing or wrong.
    pub(super) fn load(&self) -> Result<Loaded, Error> {
        Ok(config::load(&self.sources())?)
    }

    /// Where the configuration comes from.
    pub(super) fn sources(&self) -> Sources {
        Sources {
            cwd: self.invocation.cwd.clone(),
            file: self.file.clone(),
            profile: self.global.profile.clone(),
            deadline: self.global.timeout.clone(),
            set: self.global.set.clone(),
            env: self.invocation.env.clone(),
        }
    }

    /// Reads the configuration and prepares the way to the world.
    ///
    /// # Errors
    /// It is missing or wrong.
    pub(super) fn project(&self) -> Result<Arc<Project>, Error> {
        self.project_with(Consent::NotGiven, Prune::No)
    }

    /// As [`Session::project`], with what the user agrees to lose.
    ///
    /// # Errors
    /// As [`Session::project`].
    pub(super) fn project_with(
        &self,
        recreate: Consent,
        prune: Prune,
    ) -> Result<Arc<Project>, Error> {
        self.project_keeping(recreate, prune, Kept::default())
    }

    /// As [`Session::project_with`], with what an earlier run of this process has left.
    ///
    /// # Errors
    /// As [`Session::project`].
    pub(super) fn project_keeping(
        &self,
        recreate: Consent,
        prune: Prune,
        kept: Kept,
    ) -> Result<Arc<Project>, Error> {
        let loaded = self.load()?;
        let env = Arc::new(outside_of_nodes(self.invocation.env.clone()));
        let force = CancellationToken::new();
        let host = Host {
            runner: Arc::new(ProcessRunner::new(Arc::clone(&env), force.clone())),
            docker: Engine::new(Arc::clone(&env)),
            ssh: kept
                .ssh
                .unwrap_or_else(|| Connections::recorded(tunnel_record(&loaded.config, &env))),
            env,
        };
        let scrubber = Scrubber::new(&loaded.config.secrets_to_scrub);
        Ok(Arc::new(Project {
            config: Arc::new(loaded.config),
            host,
            projects: Arc::new(Projects::default()),
            passwords: Arc::new(kept.passwords),
            renderings: Arc::default(),
            listings: Arc::default(),
            recreate,
            prune,
            scrubber,
            force,
        }))
    }
}

/// What outlives a run in a process that makes several.
#[derive(Default)]
pub(super) struct Kept {
    /// Passwords of registries.
    pub passwords: Passwords,
    /// Connections to other machines.
    pub ssh: Option<Connections>,
}

/// Where a tunnel of this project is written down.
fn tunnel_record(config: &Config, env: &BTreeMap<String, String>) -> Option<PathBuf> {
    Some(state_dir(env, &config.name, &config.root)?.join("tunnel.json"))
}

/// Where data goes.
pub(super) fn stdout() -> Box<dyn Write + Send> {
    Box::new(std::io::stdout())
}

/// Where the conversation goes.
pub(super) fn stderr() -> Box<dyn Write + Send> {
    Box::new(std::io::stderr())
}

/// The runtime of a command that waits: one thread, for its work is waiting.
///
/// # Errors
/// The operating system has no resources left.
pub(super) fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("the runtime could not be made: {error}")))
}

/// A configuration and the way to the world that it describes.
pub(super) struct Project {
    /// The configuration.
    pub config: Arc<Config>,
    /// The outside world.
    pub host: Host,
    /// Compose projects as resolved so far.
    pub projects: Arc<Projects>,
    /// Passwords of registries as asked for so far.
    pub passwords: Arc<Passwords>,
    /// Objects of deploys as read or rendered so far.
    pub renderings: Arc<Renderings>,
    /// Objects of the cluster as listed so far.
    pub listings: Arc<Listings>,
    /// Whether a cluster may be deleted and made again for its settings.
    pub recreate: Consent,
    /// What happens to objects of earlier runs that nothing wants any more.
    pub prune: Prune,
    /// Hides this configuration's secrets.
    pub scrubber: Scrubber,
    /// Fires on the second signal.
    pub force: CancellationToken,
}

impl Project {
    /// Does this work, and ends what it has opened towards other machines.
    ///
    /// # Errors
    /// The operating system has no resources left.
    pub(super) fn work<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let done = runtime()?.block_on(async {
            let done = work.await;
            self.host.close().await;
            done
        });
        Ok(done)
    }

    /// The same project for another look: what was listed and read so far may be over.
    pub(super) fn afresh(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            host: self.host.clone(),
            projects: Arc::default(),
            passwords: Arc::clone(&self.passwords),
            renderings: Arc::default(),
            listings: Arc::default(),
            recreate: self.recreate,
            prune: self.prune,
            scrubber: self.scrubber.clone(),
            force: self.force.clone(),
        }
    }

    /// What a step works with when a command only looks: nobody listens to its progress.
    pub(super) fn reading(&self, id: &StepId) -> StepCtx {
        let (progress, _) = mpsc::unbounded_channel();
        StepCtx {
            id: id.clone(),
            host: self.host.clone(),
            config: Arc::clone(&self.config),
            projects: Arc::clone(&self.projects),
            passwords: Arc::clone(&self.passwords),
            renderings: Arc::clone(&self.renderings),
            listings: Arc::clone(&self.listings),
            others: Others::default(),
            rung: Rung::Start,
            recreate: self.recreate,
            prune: self.prune,
            deadline: Instant::now() + READ_LIMIT,
            cancel: CancellationToken::new(),
            progress,
        }
    }
}
