//! `mlup doctor`: what is wrong in the cluster, causes only, each with what proves it and what to
//! do. The rules are `doctor/`; the look is a step's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Format;
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::doctor::cluster::findings;
use crate::doctor::finding::{Confidence, Finding, path};
use crate::doctor::rule::{Recovery, Repair};
use crate::error::{Error, Exit};
use crate::event::{Diagnosis, Evidence, Fix};
use crate::plan::StepId;
use crate::policy::Failure;
use crate::readiness::LogSource;
use crate::report::{failure, text};
use crate::steps::objects::Objects;
use crate::steps::snapshot::{self, Snapshot, Unchecked};

/// Most logs that are asked for: a thousand pods crash for the same reason.
const LOGS: usize = 20;

/// What a program is told.
#[derive(Debug, Serialize)]
struct Answer {
    /// Causes, the weightiest first.
    findings: Vec<Row>,
    /// Objects that were looked at.
    checked: usize,
    /// Kinds that could not be seen.
    unchecked: Vec<Unchecked>,
}

/// One cause.
#[derive(Debug, Serialize)]
struct Row {
    rule: &'static str,
    /// `kind/namespace/name` of the object at fault; it need not exist.
    object: String,
    summary: String,
    evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fix>,
    /// `automatic`, `confirm` or `by-hand`.
    repair: &'static str,
    recovery: &'static str,
    confidence: &'static str,
    affects: Vec<String>,
}

/// Carries out `mlup doctor`.
pub(super) fn doctor(session: &Session, format: Format) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let step = StepId::single("cluster");
    let (snapshot, found) =
        project.work(examine(&project, &step))?.map_err(Error::failure(step.as_str()))?;
    let answer = Answer {
        findings: found.iter().map(row).collect(),
        checked: snapshot.world.count(),
        unchecked: snapshot.unchecked,
    };
    let scrubbed = match format {
        Format::Json => output::json(&answer)?,
        Format::Yaml => output::yaml(&answer)?,
        Format::Table => tell(session, &answer),
    };
    let text = project.scrubber.scrub(&scrubbed);
    session::stdout().write_all(text.as_bytes())?;
    Ok(if answer.findings.is_empty() { Exit::Ok } else { Exit::Failed }.into())
}

/// One look, and what is wrong by it. The logs of containers that crash are asked for once it is
/// known which of them matter.
async fn examine(project: &Project, step: &StepId) -> Result<(Snapshot, Vec<Finding>), Failure> {
    let objects = Objects::connect(&project.reading(step)).await?;
    let snapshot = snapshot::take(&objects).await?;
    let wanted = RefCell::new(Vec::<LogSource>::new());
    let without_logs = findings(&snapshot.world, Some(snapshot.taken), |source| {
        wanted.borrow_mut().push(source.clone());
        None
    });
    let mut wanted = wanted.into_inner();
    if wanted.is_empty() {
        return Ok((snapshot, without_logs));
    }
    wanted.truncate(LOGS);
    let logs: BTreeMap<(String, String, String), String> = snapshot::logs(&objects, wanted)
        .await
        .into_iter()
        .map(|(source, log)| ((source.namespace, source.pod, source.container), log))
        .collect();
    let found = findings(&snapshot.world, Some(snapshot.taken), |source| {
        let LogSource { namespace, pod, container, .. } = source.clone();
        logs.get(&(namespace, pod, container)).cloned()
    });
    Ok((snapshot, found))
}

fn row(finding: &Finding) -> Row {
    Row {
        rule: finding.rule.id,
        object: path(&finding.root),
        summary: finding.summary.clone(),
        evidence: finding.evidence.clone(),
        fix: finding.fix.clone(),
        repair: match finding.repair() {
            Repair::Automatic => "automatic",
            Repair::Confirmed => "confirm",
            Repair::ByHand => "by-hand",
        },
        recovery: recovery(finding.recovery()),
        confidence: match finding.confidence {
            Confidence::Proven => "proven",
            Confidence::Likely => "likely",
        },
        affects: finding.affects.iter().map(path).collect(),
    }
}

fn recovery(recovery: Recovery) -> &'static str {
    match recovery {
        Recovery::ByItself => "by itself within 5 minutes",
        Recovery::NewPod => "needs a new pod",
        Recovery::AtOnce => "at once",
    }
}

/// The answer for people: a block for each cause, then what was looked at.
fn tell(session: &Session, answer: &Answer) -> String {
    let terminal = session.terminal;
    let width = output::table_width(session).unwrap_or(100);
    let style = terminal.style_of_stdout();
    let blocks =
        answer.findings.iter().map(|row| failure::render_alone(&block(row), width, style) + "\n");
    let unchecked = answer
        .unchecked
        .iter()
        .map(|Unchecked { kind, why }| format!("not checked: {kind} ({why})\n"));
    let checked = text::count(answer.checked, "object");
    let end = match answer.findings.len() {
        0 => format!("{checked} checked, nothing wrong\n"),
        count => format!("{checked} checked, {} found\n", text::count(count, "cause")),
    };
    blocks.chain(unchecked).chain([end]).collect()
}

/// A cause as the block that a failed run shows, with what it keeps down and how that comes back.
fn block(row: &Row) -> Diagnosis {
    let mut evidence = row.evidence.clone();
    if !row.affects.is_empty() {
        evidence.retain(|line| line.source != "affects");
        evidence.truncate(4);
        let shown = row.affects.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
        let more = if row.affects.len() > 4 { ", ..." } else { "" };
        evidence.push(Evidence::new("affects", format!("{shown}{more}")));
    }
    Diagnosis {
        step: row.object.clone(),
        code: row.rule.to_owned(),
        summary: format!("{}; recovers {}", row.summary, row.recovery),
        evidence,
        tried: Vec::new(),
        fix: row.fix.clone(),
        blocks: Vec::new(),
        findings: Vec::new(),
    }
}
