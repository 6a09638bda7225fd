//! What `mlup doctor` answers: causes as rows for programs, and as blocks for people.

use serde::Serialize;

use crate::commands::output;
use crate::commands::session::Session;
use crate::doctor::finding::{Confidence, Finding, Whose, path};
use crate::doctor::look::Unchecked;
use crate::doctor::rule::{Recovery, Repair};
use crate::event::{self, Diagnosis, Evidence, Fix, Safety};
use crate::plan::repair::Leftover;
use crate::readiness::Root;
use crate::report::{Style, failure, text};

/// Most leftovers that are named to people.
const SHOWN: usize = 4;

/// What a program is told.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Answer {
    /// Causes, the weightiest first.
    pub(super) findings: Vec<Row>,
    /// Objects that were looked at.
    pub(super) checked: usize,
    /// Rules that were asked about them and about the machine.
    pub(super) checks: usize,
    /// Kinds that could not be seen.
    pub(super) unchecked: Vec<Unchecked>,
    /// Pods that failed, and without which their workloads are well: nothing is wrong with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) leftovers: Vec<Leftover>,
    /// With `--fix`: what was repaired, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applied: Option<Vec<Applied>>,
}

/// What `--fix` did about one cause.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Applied {
    pub(super) rule: String,
    pub(super) object: String,
    pub(super) outcome: Outcome,
    /// What was done, or why it could not be.
    pub(super) detail: String,
}

/// How a repair ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// The cause is gone.
    Fixed,
    /// It was done, and the cluster comes to it by itself.
    Applied,
    /// There was nothing left to do about it.
    Unchanged,
    /// It could not be done.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Row {
    /// The rule of the catalogue, or the code of a failure that `start` would tell.
    pub(in crate::commands) rule: String,
    /// `kind/namespace/name` of the object at fault; it need not exist.
    pub(in crate::commands) object: String,
    #[serde(skip)]
    pub(super) root: Root,
    /// What `affects` names.
    #[serde(skip)]
    pub(super) down: Vec<Root>,
    pub(in crate::commands) summary: String,
    pub(in crate::commands) evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) fix: Option<Fix>,
    /// `safe`, `confirm` or `by hand`.
    pub(in crate::commands) repair: &'static str,
    pub(in crate::commands) recovery: &'static str,
    pub(in crate::commands) confidence: &'static str,
    /// Who has to change something: the environment's keepers, or the application's.
    pub(in crate::commands) whose: &'static str,
    pub(in crate::commands) affects: Vec<String>,
    /// In how many pods it shows.
    pub(in crate::commands) pods: usize,
}

/// A cause that a look at the cluster found.
pub(in crate::commands) fn of_cluster(finding: &Finding) -> Row {
    Row {
        rule: finding.rule.id.to_owned(),
        object: path(&finding.root),
        root: finding.root.clone(),
        down: finding.affects.clone(),
        summary: finding.summary.clone(),
        evidence: finding.evidence.clone(),
        fix: finding.fix.clone(),
        repair: match finding.repair() {
            Repair::Automatic => "safe",
            Repair::Confirmed => "confirm",
            Repair::ByHand => "by hand",
        },
        recovery: recovery(finding.recovery()),
        confidence: match finding.confidence {
            Confidence::Proven => "proven",
            Confidence::Likely => "likely",
        },
        whose: match finding.whose {
            Whose::Environment => "environment",
            Whose::Application => "application",
        },
        affects: finding.affects.iter().map(path).collect(),
        pods: finding.pods,
    }
}

/// A cause that keeps `mlup start` from its work at this step.
pub(super) fn of_step(step: &str, finding: event::Finding) -> Row {
    let repair = match finding.fix.as_ref().map(|fix| fix.safety) {
        Some(Safety::Destructive) => "confirm",
        _ => "by hand",
    };
    Row {
        rule: finding.code,
        object: format!("step//{step}"),
        root: Root::new("step", "", step),
        down: Vec::new(),
        summary: finding.summary,
        evidence: finding.evidence,
        fix: finding.fix,
        repair,
        recovery: "mlup start",
        confidence: "proven",
        whose: "environment",
        affects: Vec::new(),
        pods: 0,
    }
}

fn recovery(recovery: Recovery) -> &'static str {
    match recovery {
        Recovery::ByItself => "recovers by itself within 5 minutes",
        Recovery::NewPod => "needs a new pod",
        Recovery::AtOnce => "works at once",
    }
}

/// The answer for people: a block for each cause, then what was looked at.
pub(super) fn tell(session: &Session, answer: &Answer) -> String {
    let terminal = session.terminal;
    let width = output::table_width(session).unwrap_or(100);
    let style = terminal.style_of_stdout();
    let blocks = answer.findings.iter().map(|row| cause_block(row, width, style) + "\n");
    let unchecked = answer
        .unchecked
        .iter()
        .map(|Unchecked { kind, why }| format!("not checked: {kind} ({why})\n"));
    let checked = text::count(answer.checked, "object");
    let end = match answer.findings.len() {
        0 if answer.unchecked.is_empty() => {
            format!("{} passed on {checked}, nothing wrong\n", text::count(answer.checks, "check"))
        }
        0 => format!("{checked} checked, nothing wrong in what could be seen\n"),
        count => format!("{checked} checked, {} found\n", text::count(count, "cause")),
    };
    let left = leftovers(&answer.leftovers);
    repairs(answer).chain(blocks).chain(unchecked).chain(left).chain([end]).collect()
}

/// Failed pods that nobody needs, in one line.
fn leftovers(all: &[Leftover]) -> Option<String> {
    let named = |one: &Leftover| format!("{}/{} ({})", one.namespace, one.name, one.reason);
    let shown: Vec<String> = all.iter().take(SHOWN).map(named).collect();
    let more = if all.len() > SHOWN { ", ..." } else { "" };
    (!all.is_empty()).then(|| {
        let count = text::count(all.len(), "failed pod");
        format!("left over: {count} of workloads that are well: {}{more}\n", shown.join(", "))
    })
}

/// What `--fix` did, a line each.
fn repairs(answer: &Answer) -> impl Iterator<Item = String> {
    answer.applied.iter().flatten().map(|Applied { rule, object, outcome, detail }| {
        format!("{}: {rule} {object}: {detail}\n", outcome.word())
    })
}

/// A cause for people: what it is, what proves it, what to do.
pub(in crate::commands) fn cause_block(row: &Row, width: usize, style: Style) -> String {
    let mending = (row.fix.as_ref(), row.repair, row.recovery);
    failure::render_alone(&block(row), width, style)
        + &failure::render_mending(mending, width, style)
}

/// A cause as the block that a failed run shows, with what it keeps down.
fn block(row: &Row) -> Diagnosis {
    let mut evidence = row.evidence.clone();
    if !row.affects.is_empty() {
        evidence.retain(|line| line.source != "affects");
        evidence.truncate(4);
        let shown = row.affects.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
        let more = match row.affects.len().saturating_sub(4) {
            0 => String::new(),
            left => format!(", {left} more"),
        };
        let pods = match row.pods {
            0 | 1 => String::new(),
            count => format!("{count} pods; "),
        };
        evidence.push(Evidence::new("affects", format!("{pods}{shown}{more}")));
    }
    Diagnosis {
        step: row.object.clone(),
        code: row.rule.clone(),
        rule: None,
        summary: row.summary.clone(),
        evidence,
        tried: Vec::new(),
        fix: None,
        blocks: Vec::new(),
        findings: Vec::new(),
    }
}
