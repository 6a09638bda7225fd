//! `mlup plan`: each step, what would change and why, without changing anything.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crate::cli::{Aim, OnCluster, PlanFormat, Steps};
use crate::commands::observe::{Seen, observe};
use crate::commands::output;
use crate::commands::session::{self, Session};
use crate::error::{Error, Exit};
use crate::plan::change::Probed;
use crate::plan::explain::{Explained, Status};
use crate::plan::{self as planning, Selected, Selection, StepId};
use crate::policy::Failure;
use crate::report::table;
use crate::steps::{Consent, Prune};

/// Carries out `mlup plan`. The exit code is that of the first thing that could not be read: a plan
/// with holes in it is no plan.
pub(super) fn plan(session: &Session, aim: &Aim, format: PlanFormat) -> Result<ExitCode, Error> {
    let project = session.project_with(aim.cluster.consent(), aim.prune(session))?;
    let selected = planning::start(&project.config)?.select(&Selection::from(&aim.steps))?;
    let seen = project.work(observe(&project, &selected))?;
    let broken = selected.plan().steps().iter().find_map(|step| match seen.get(&step.id) {
        Some(Seen::Failed(failure)) => Some((step.id.to_string(), failure.clone())),
        _ => None,
    });
    let explained = explain(&selected, seen);
    let text = match format {
        PlanFormat::Table => table(session, &explained),
        PlanFormat::Json => output::json(&explained.to_json())?,
        PlanFormat::Yaml => output::yaml(&explained.to_json())?,
        PlanFormat::Dot => explained.to_dot(),
        PlanFormat::Mermaid => explained.to_mermaid(),
    };
    let text = project.scrubber.scrub(&text);
    session::stdout().write_all(text.as_bytes())?;
    match broken {
        Some((step, failure)) => Err(Error::failure(step)(failure)),
        None => Ok(Exit::Ok.into()),
    }
}

fn explain(selected: &Selected, mut seen: BTreeMap<StepId, Seen>) -> Explained {
    Explained::new(selected, |step| match seen.remove(&step.id) {
        None => Status::Unknown("not looked at".to_owned()),
        Some(Seen::Probed(Probed::Satisfied(settled))) => Status::Satisfied(settled.detail),
        Some(Seen::Probed(Probed::Needed(changes))) => Status::Needed(changes),
        Some(Seen::Failed(Failure { summary, .. })) => Status::Unknown(summary),
        Some(Seen::Behind(root)) => Status::Unknown(format!("needs {root}")),
    })
}

fn table(session: &Session, explained: &Explained) -> String {
    let rows: Vec<Vec<String>> = explained.rows().into_iter().map(Vec::from).collect();
    let width = output::table_width(session);
    let mut text = table::render(&["step", "state", "change", "why"], &rows, width);
    let lines = explained.path_lines();
    if !lines.is_empty() {
        text = format!("{text}\n{}\n", lines.join("\n"));
    }
    text
}

impl OnCluster {
    /// What the user agrees to lose.
    pub(super) fn consent(self) -> Consent {
        match (self.recreate, self.restart) {
            (true, _) => Consent::Given,
            (false, true) => Consent::Restart,
            (false, false) => Consent::NotGiven,
        }
    }
}

impl Aim {
    /// What happens to objects that nothing wants any more.
    pub(super) fn prune(&self, session: &Session) -> Prune {
        match (self.prune, session.global.yes) {
            (false, _) => Prune::No,
            (true, false) => Prune::KeepData,
            (true, true) => Prune::All,
        }
    }
}

impl From<&Steps> for Selection {
    fn from(steps: &Steps) -> Self {
        Self {
            only: steps.steps.iter().chain(&steps.only).cloned().collect(),
            skip: steps.skip.clone(),
            until: steps.until.clone(),
        }
    }
}
