//! `mlup completions` and `mlup man`: both are made from the grammar in `cli`.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::commands::session;
use crate::error::{Error, Exit};

/// Prints the completion script of one shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mlup", &mut script);
    session::stdout().write_all(&script)?;
    Ok(Exit::Ok.into())
}

/// Prints the man page in roff.
pub(super) fn man() -> Result<ExitCode, Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    session::stdout().write_all(&page)?;
    Ok(Exit::Ok.into())
}
