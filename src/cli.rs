//! The grammar of the command line; its doc comments are the help. Types only: what a command does
//! is `commands/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "Exit codes:
    0  ready, or nothing to do
    1  a required step failed
    2  usage
    3  configuration invalid
    4  prerequisite missing (tool, daemon, login, resources)
    5  the deadline passed
    6  ready but degraded: an optional part failed (--strict makes it 1)
    7  refused: consent needed, a foreign object in the way, or another run holds the lock
    8  status only: not ready
   70  a bug in mlup
  130  interrupted
  143  terminated";

/// Brings a local MLOps environment up from one file, in dependency order.
#[derive(Debug, Parser)]
#[command(name = "mlup", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// Read this file in place of the nearest mlup.toml
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Use this profile [env: MLUP_PROFILE]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Give up after this long, such as 90s or 15m
    #[arg(long, global = true, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Override one value of the configuration
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How to show progress
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressArg,
    /// Answer yes to every question
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Show what the tools print
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Use no colour [env: NO_COLOR]
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// The live view on a terminal, lines elsewhere
    Auto,
    /// The live view
    Tty,
    /// A line for each change
    Plain,
    /// Events as JSON lines on standard output
    Json,
    /// Failures and the summary alone
    Quiet,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the environment up and wait until it is ready
    #[command(visible_alias = "up")]
    Start(Start),
    /// Halt the environment and keep everything in it
    #[command(visible_alias = "down")]
    Stop(Stop),
    /// Remove what mlup made; volumes stay unless --purge is given
    Reset(Reset),
    /// Bring the environment up and keep it up, until stopped
    Watch(Watch),
    /// Show what is up (exit 8 when not everything is)
    Status(Status),
    /// Show what start would change, and why
    Plan(Plan),
    /// Show where the environment answers
    Urls(Read),
    /// Show the logs of compose services
    Logs(Logs),
    /// Explain how the last run ended, or one step of it
    Why(Why),
    /// Find what is wrong here and in the cluster: causes with their fix, not symptoms
    Doctor(Doctor),
    /// Show or renew the pull secrets of registries
    #[command(subcommand)]
    Creds(Creds),
    /// Show, check or describe the configuration
    #[command(subcommand)]
    Config(Config),
    /// Let systemd bring the environment up, and keep it up
    #[command(subcommand)]
    Systemd(Systemd),
    /// Print a completion script
    Completions {
        /// For this shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// `-f FILE` after the command.
#[derive(Args, Clone, Debug)]
pub struct File {
    /// Read this file in place of the nearest mlup.toml
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Which steps a command is about.
#[derive(Args, Clone, Debug)]
pub struct Steps {
    /// Only these steps and what they need, such as deploy/stack
    #[arg(value_name = "STEP")]
    pub steps: Vec<String>,
    /// Only this step and what it needs (may be repeated)
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// Leave this step out and take it as done (may be repeated)
    #[arg(long, value_name = "STEP")]
    pub skip: Vec<String>,
    /// Leave out everything that comes after this step
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
}

/// What the user agrees to for the cluster.
#[derive(Args, Clone, Copy, Debug)]
pub struct OnCluster {
    /// Delete the cluster and make it again where its settings differ
    #[arg(long)]
    pub recreate: bool,

    /// Start the cluster again where its settings differ, with another version too
    #[arg(long)]
    pub restart: bool,
}

/// What a start is about, done or only planned.
#[derive(Args, Debug)]
pub struct Aim {
    /// Which file.
    #[command(flatten)]
    pub file: File,
    /// Which steps.
    #[command(flatten)]
    pub steps: Steps,
    /// What may happen to the cluster.
    #[command(flatten)]
    pub cluster: OnCluster,
    /// Remove objects that an earlier start applied and that no deploy wants any more; those that
    /// hold data only with --yes
    #[arg(long)]
    pub prune: bool,
}

/// `mlup start`.
#[derive(Args, Debug)]
pub struct Start {
    /// What it is about.
    #[command(flatten)]
    pub aim: Aim,
    /// Show what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Steps that may run at a time
    #[arg(short, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// Count a degraded environment as a failure
    #[arg(long)]
    pub strict: bool,
}

/// `mlup watch`.
#[derive(Args, Debug)]
pub struct Watch {
    /// Which file.
    #[command(flatten)]
    pub file: File,
    /// Which steps.
    #[command(flatten)]
    pub steps: Steps,
    /// Steps that may run at a time
    #[arg(short, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
}

/// `mlup stop`.
#[derive(Args, Debug)]
pub struct Stop {
    /// Which file.
    #[command(flatten)]
    pub file: File,
}

/// `mlup reset`.
#[derive(Args, Debug)]
pub struct Reset {
    /// Which file.
    #[command(flatten)]
    pub file: File,
    /// Remove volumes and their data too; asks for the environment's name
    #[arg(long)]
    pub purge: bool,
}

/// A command that only reads.
#[derive(Args, Debug)]
pub struct Read {
    /// Which file.
    #[command(flatten)]
    pub file: File,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// `mlup doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// How it reads.
    #[command(flatten)]
    pub read: Read,
    /// Ask nobody but this machine and the cluster: no registry about images
    #[arg(long)]
    pub offline: bool,
    /// Write what was seen, without secrets, into this .tar.gz to send to somebody
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub bundle: Option<PathBuf>,
    /// Decide from such a file in place of this machine and its cluster
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    pub from: Option<PathBuf>,
    /// Repair what mlup can by itself, as a start would, then look again
    #[arg(long, conflicts_with_all = ["bundle", "from"])]
    pub fix: bool,
}

/// `mlup status`.
#[derive(Args, Debug)]
pub struct Status {
    /// How it reads.
    #[command(flatten)]
    pub read: Read,
    /// Show it again at each change, until interrupted
    #[arg(short, long)]
    pub watch: bool,
}

/// `mlup plan`.
#[derive(Args, Debug)]
pub struct Plan {
    /// What it is about.
    #[command(flatten)]
    pub aim: Aim,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: PlanFormat,
    /// Accepted as on start; a plan never does anything
    #[arg(long, hide = true)]
    pub dry_run: bool,
}

/// `mlup logs`.
#[derive(Args, Debug)]
pub struct Logs {
    /// Services; all unless named
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Go on as lines come
    #[arg(short, long)]
    pub follow: bool,
    /// Begin with this many lines of each service
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<usize>,
    /// Read this file in place of the nearest mlup.toml
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `mlup why`.
#[derive(Args, Debug)]
pub struct Why {
    /// How it reads.
    #[command(flatten)]
    pub read: Read,
    /// The step; everything that failed unless named
    #[arg(value_name = "STEP")]
    pub step: Option<String>,
}

/// `mlup creds`.
#[derive(Debug, Subcommand)]
pub enum Creds {
    /// Show each pull secret, how old it is, how long it lives and which pods use it
    Status(Read),
    /// Renew the pull secrets that are past half of their life, and retry pods that wait for one
    Refresh {
        /// How it reads.
        #[command(flatten)]
        read: Read,
        /// Renew all of them
        #[arg(long)]
        force: bool,
    },
}

/// `mlup config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the resolved configuration, secrets hidden
    Show {
        /// How it reads.
        #[command(flatten)]
        read: Read,
        /// Print each value with the layer and line that it came from
        #[arg(long)]
        origin: bool,
    },
    /// Check the configuration and touch nothing
    Check(File),
    /// Print the JSON Schema of mlup.toml for editors
    Schema,
}

/// `mlup systemd`.
#[derive(Debug, Subcommand)]
pub enum Systemd {
    /// Write the units of this environment and profile, enable and start them
    Install {
        /// Which units.
        #[command(flatten)]
        units: Units,
        /// Enable them for the next login or boot only
        #[arg(long)]
        no_start: bool,
    },
    /// Print the units; needs no systemd
    Print(Units),
    /// Disable and remove the units; the environment stays as it is
    Uninstall {
        /// Which file.
        #[command(flatten)]
        file: File,
        /// Whose units.
        #[command(flatten)]
        manager: Manager,
    },
}

/// Whose manager runs units.
#[derive(Args, Clone, Copy, Debug)]
pub struct Manager {
    /// Units of your own manager (the default)
    #[arg(long, conflicts_with = "system")]
    pub user: bool,
    /// Units of the system, from boot on; needs root
    #[arg(long)]
    pub system: bool,
}

/// The units of an environment.
#[derive(Args, Debug)]
pub struct Units {
    /// Which file.
    #[command(flatten)]
    pub file: File,
    /// Whose units.
    #[command(flatten)]
    pub manager: Manager,
    /// Run system units as this user; who calls, through sudo too, unless named
    #[arg(long, value_name = "USER", requires = "system")]
    pub run_as: Option<String>,
    /// Keep the environment up with `mlup watch`; without it a timer renews pull secrets
    #[arg(long)]
    pub watch: bool,
}

/// Output of a command that only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs and people
    Yaml,
}

/// Output of `mlup plan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs and people
    Yaml,
    /// The graph for Graphviz
    Dot,
    /// The graph for Mermaid
    Mermaid,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn file_may_stand_before_or_after_the_command() {
        for args in [["mlup", "-f", "x.toml", "start"], ["mlup", "start", "-f", "x.toml"]] {
            let cli = Cli::try_parse_from(args).unwrap();
            let Command::Start(start) = cli.command else { panic!("not start") };
            assert_eq!(start.aim.file.file.or(cli.file), Some(PathBuf::from("x.toml")));
        }
    }

    #[test]
    fn f_follows_in_logs() {
        let cli = Cli::try_parse_from(["mlup", "logs", "-f", "api"]).unwrap();
        let Command::Logs(logs) = cli.command else { panic!("not logs") };
        assert!(logs.follow);
        assert_eq!(logs.services, ["api"]);
    }

    #[test]
    fn aliases_of_other_tools_work() {
        assert!(matches!(Cli::try_parse_from(["mlup", "up"]).unwrap().command, Command::Start(_)));
        assert!(matches!(Cli::try_parse_from(["mlup", "down"]).unwrap().command, Command::Stop(_)));
    }

    #[test]
    fn a_cluster_is_given_away_by_a_flag_of_its_own() {
        let cli = Cli::try_parse_from(["mlup", "plan", "--recreate"]).unwrap();
        let Command::Plan(plan) = cli.command else { panic!("not plan") };
        assert!(plan.aim.cluster.recreate);
        let cli = Cli::try_parse_from(["mlup", "start", "--yes"]).unwrap();
        let Command::Start(start) = cli.command else { panic!("not start") };
        assert!(!start.aim.cluster.recreate);
    }

    #[test]
    fn zero_jobs_is_a_usage_error() {
        assert!(Cli::try_parse_from(["mlup", "start", "-j", "0"]).is_err());
    }
}
