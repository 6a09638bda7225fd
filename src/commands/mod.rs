//! One file a verb. A command resolves what was typed, calls the layers below and says what came
//! of it; it decides nothing that a layer could decide.

mod causes;
mod config;
mod creds;
mod doctor;
mod greet;
mod lock;
mod logs;
mod observe;
mod output;
mod plan;
mod reset;
mod run;
mod service;
mod session;
mod shell;
mod start;
mod status;
mod stop;
mod systemd;
mod urls;
mod watch;
mod why;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::invocation::Invocation;

use session::Terminal;

/// Parses the command line and carries it out.
pub(crate) fn dispatch(invocation: Invocation) -> ExitCode {
    let cli = match Cli::try_parse_from(&invocation.args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let terminal = Terminal::of(&invocation, &cli.global);
    match carry_out(cli, invocation) {
        Ok(code) => code,
        Err(error) => {
            terminal.complain(&error);
            error.exit().into()
        }
    }
}

/// clap prints help to stdout with 0 and mistakes to stderr with 2, which is what is wanted.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when even this cannot be printed.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn carry_out(cli: Cli, invocation: Invocation) -> Result<ExitCode, Error> {
    let Cli { file, global, command } = cli;
    let session = |after: Option<std::path::PathBuf>| {
        session::Session::new(invocation, global, after.or(file))
    };
    match command {
        Command::Start(args) => start::start(&session(args.aim.file.file.clone()), &args),
        Command::Stop(args) => stop::stop(&session(args.file.file)),
        Command::Watch(args) => watch::watch(&session(args.file.file.clone()), &args),
        Command::Reset(args) => reset::reset(&session(args.file.file), args.purge),
        Command::Status(args) => status::status(&session(args.read.file.file.clone()), &args),
        Command::Plan(args) => {
            let session = session(args.aim.file.file.clone());
            plan::plan(&session, &args.aim, args.output)
        }
        Command::Urls(args) => urls::urls(&session(args.file.file), args.output),
        Command::Logs(args) => logs::logs(&session(args.file.clone()), &args),
        Command::Why(args) => why::why(&session(args.read.file.file.clone()), &args),
        Command::Doctor(args) => doctor::doctor(&session(args.read.file.file.clone()), &args),
        Command::Creds(args) => creds::creds(session, args),
        Command::Config(args) => config::config(session, args),
        Command::Systemd(args) => systemd::systemd(session, args),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man => shell::man(),
    }
}
