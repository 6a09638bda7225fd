//! `mlup stop`: halts what runs, in the reverse of the order in which it came up, and keeps all of
//! it: containers, networks, volumes, files.

use std::process::ExitCode;

use crate::commands::run;
use crate::commands::session::Session;
use crate::error::Error;
use crate::event::Verb;
use crate::plan;

/// Carries out `mlup stop`.
pub(super) fn stop(session: &Session) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let teardown = plan::teardown(&project.config, Verb::Stop)?;
    run::run(session, &project, run::Wanted::teardown(Verb::Stop, teardown))
}
