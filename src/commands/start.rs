//! `mlup start`: brings the environment up and waits until it is ready.

use std::process::ExitCode;

use crate::cli::{PlanFormat, Start};
use crate::commands::session::Session;
use crate::commands::{greet, plan, run};
use crate::error::Error;
use crate::event::Verb;
use crate::plan::{self as planning, Selection};

/// Carries out `mlup start`.
pub(super) fn start(session: &Session, args: &Start) -> Result<ExitCode, Error> {
    if args.dry_run {
        return plan::plan(session, &args.aim, PlanFormat::Table);
    }
    let project = session.project_with(args.aim.cluster.consent(), args.aim.prune(session))?;
    let selected = planning::start(&project.config)?.select(&Selection::from(&args.aim.steps))?;
    let wanted = run::Wanted {
        verb: Verb::Start,
        selected,
        jobs: usize::from(args.jobs),
        strict: args.strict,
    };
    greet::greet(session, &project)?;
    run::run(session, &project, wanted)
}
