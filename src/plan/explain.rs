//! What `mlup plan` shows: each step, whether it is as wanted, and what would change and why. Data
//! and its forms for other programs; tables for people are drawn in `report/`.

mod foreseen;

use serde_json::{Value, json};

use crate::plan::change::Change;
use crate::plan::{Selected, Step, StepId};

/// A plan together with what was found for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// All steps, in the order of the plan.
    pub steps: Vec<ExplainedStep>,
    /// The chain of steps that is expected to decide how long the run takes, first to last; empty
    /// when nothing changes.
    pub critical_path: Vec<StepId>,
    /// Steps with changes that run while that chain does.
    pub beside: Vec<StepId>,
}

/// One step and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedStep {
    /// The step.
    pub id: StepId,
    /// One line for people.
    pub title: String,
    /// Steps that must be ready first.
    pub needs: Vec<StepId>,
    /// Whether the environment counts as up without it.
    pub optional: bool,
    /// What was found.
    pub status: Status,
}

/// What is known about a step before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// These changes are needed.
    Needed(Vec<Change>),
    /// It is as wanted; what was seen.
    Satisfied(String),
    /// The user left it out; how.
    SkippedByUser(String),
    /// It could not be looked at yet; why.
    Unknown(String),
}

impl Status {
    /// One word for the column of a table: `ready`, `change`, `skip`, `unknown`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Needed(_) => "change",
            Self::Satisfied(_) => "ready",
            Self::SkippedByUser(_) => "skip",
            Self::Unknown(_) => "unknown",
        }
    }

    fn note(&self) -> &str {
        match self {
            Self::Needed(_) => "",
            Self::Satisfied(note) | Self::SkippedByUser(note) | Self::Unknown(note) => note,
        }
    }

    fn changes(&self) -> &[Change] {
        if let Self::Needed(changes) = self { changes } else { &[] }
    }
}

impl Explained {
    /// Puts together a plan and what `find` says about each step that was not left out.
    pub fn new(selected: &Selected, mut find: impl FnMut(&Step) -> Status) -> Self {
        let plan = selected.plan();
        let steps = plan.steps().iter().map(|step| ExplainedStep {
            id: step.id.clone(),
            title: step.title.clone(),
            needs: step.needs.clone(),
            optional: step.optional,
            status: selected
                .left_out(&step.id)
                .map_or_else(|| find(step), |why| Status::SkippedByUser(why.to_owned())),
        });
        let steps: Vec<ExplainedStep> = steps.collect();
        let (critical_path, beside) = foreseen::of(plan, &steps);
        Self { steps, critical_path, beside }
    }

    /// The critical path and what runs beside it, in lines for people; none when nothing changes.
    #[must_use]
    pub fn path_lines(&self) -> Vec<String> {
        let chain = |ids: &[StepId], between: &str| {
            ids.iter().map(StepId::as_str).collect::<Vec<_>>().join(between)
        };
        let mut lines = Vec::new();
        if !self.critical_path.is_empty() {
            lines.push(format!("critical path: {}", chain(&self.critical_path, " > ")));
        }
        if !self.beside.is_empty() {
            lines.push(format!("beside it: {}", chain(&self.beside, ", ")));
        }
        lines
    }

    /// Whether a run would change anything, as far as is known.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.status, Status::Needed(_)))
    }

    /// Step, state, what is done, and why: one row a change, or one for a step without changes.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 4]> {
        self.steps.iter().flat_map(ExplainedStep::rows).collect()
    }

    /// The plan as JSON, for other programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(ExplainedStep::to_json).collect();
        let ids = |ids: &[StepId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({
            "v": crate::event::VERSION,
            "changes": self.has_changes(),
            "steps": steps,
            "critical_path": ids(&self.critical_path),
            "beside": ids(&self.beside),
        })
    }

    /// The graph in the language of Graphviz; an edge leads from a need to who needs it.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut lines = vec![
            "digraph mlup {".to_owned(),
            "  rankdir=LR;".to_owned(),
            "  node [shape=box, style=rounded, fontname=\"sans-serif\"];".to_owned(),
        ];
        for step in &self.steps {
            let label = format!("{}\n{}", step.id, step.summary());
            let style = match step.status {
                Status::Needed(_) => ", style=\"rounded,bold\"",
                Status::SkippedByUser(_) => ", style=\"rounded,dashed\"",
                Status::Unknown(_) => ", style=\"rounded,dotted\"",
                Status::Satisfied(_) => "",
            };
            lines.push(format!("  {} [label={}{style}];", dot(step.id.as_str()), dot(&label)));
        }
        for (need, step) in self.edges() {
            let (need, step) = (&self.steps[need].id, &self.steps[step].id);
            lines.push(format!("  {} -> {};", dot(need.as_str()), dot(step.as_str())));
        }
        lines.push("}\n".to_owned());
        lines.join("\n")
    }

    /// The graph as a Mermaid flow chart; an edge leads from a need to who needs it.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut lines = vec!["flowchart LR".to_owned()];
        for (at, step) in self.steps.iter().enumerate() {
            let label = format!("{}<br/>{}", mermaid(step.id.as_str()), mermaid(&step.summary()));
            lines.push(format!("  s{at}[\"{label}\"]:::{}", step.status.word()));
        }
        for (need, step) in self.edges() {
            lines.push(format!("  s{need} --> s{step}"));
        }
        lines.push("  classDef ready stroke-width:1px".to_owned());
        lines.push("  classDef change stroke-width:3px".to_owned());
        lines.push("  classDef skip stroke-dasharray:5 5".to_owned());
        lines.push("  classDef unknown stroke-dasharray:2 2\n".to_owned());
        lines.join("\n")
    }

    fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.steps.iter().enumerate().flat_map(move |(at, step)| {
            let position = |id: &StepId| self.steps.iter().position(|other| other.id == *id);
            step.needs.iter().filter_map(position).map(move |need| (need, at)).collect::<Vec<_>>()
        })
    }
}

impl ExplainedStep {
    fn rows(&self) -> Vec<[String; 4]> {
        let row = |what: String, why: String| {
            [self.id.to_string(), self.status.word().to_owned(), what, why]
        };
        match self.status.changes() {
            [] => vec![row("-".to_owned(), self.status.note().to_owned())],
            changes => {
                changes.iter().map(|change| row(change.to_string(), change.why.clone())).collect()
            }
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "title": self.title,
            "needs": self.needs.iter().map(StepId::as_str).collect::<Vec<_>>(),
            "optional": self.optional,
            "status": self.status.word(),
            "detail": self.status.note(),
            "changes": self.status.changes(),
        })
    }

    fn summary(&self) -> String {
        match self.status.changes() {
            [] => self.status.word().to_owned(),
            [change] => change.to_string(),
            [change, rest @ ..] => format!("{change} and {} more", rest.len()),
        }
    }
}

/// A quoted DOT identifier: only the quote, the backslash and line ends are special in one.
fn dot(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// Text inside a quoted Mermaid label, where entities are written with `#` in place of `&`.
fn mermaid(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '&' => safe.push_str("#amp;"),
            '\n' => safe.push(' '),
            other => safe.push(other),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::change::Op;
    use crate::plan::fixture::step;
    use crate::plan::{Plan, Selection};

    fn explained() -> Explained {
        let plan = Plan::new(vec![
            step("docker", &[]),
            step("network/a\"b", &["docker"]),
            step("deploy/x", &["network/a\"b"]),
            step("check/x<y>", &["deploy/x"]),
        ])
        .unwrap();
        let selection = Selection { skip: vec!["check/*".to_owned()], ..Selection::default() };
        Explained::new(&plan.select(&selection).unwrap(), |step| match step.id.kind() {
            "docker" => Status::Satisfied("Docker 20.10.24".to_owned()),
            "network" => Status::Unknown("no answer".to_owned()),
            _ => Status::Needed(vec![
                Change::new(Op::Create, "service api", "it has no container"),
                Change::new(Op::Start, "service db", "it has stopped"),
            ]),
        })
    }

    #[test]
    fn a_step_has_a_row_for_each_change() {
        let rows = explained().rows();
        let rows: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "docker | ready | - | Docker 20.10.24",
                "network/a\"b | unknown | - | no answer",
                "deploy/x | change | create service api | it has no container",
                "deploy/x | change | start service db | it has stopped",
                "check/x<y> | skip | - | left out by `--skip`",
            ]
        );
    }

    #[test]
    fn json_carries_everything() {
        let value = explained().to_json();
        assert_eq!(value["changes"], true);
        assert_eq!(
            value["steps"][2],
            json!({
                "id": "deploy/x", "title": "step deploy/x", "needs": ["network/a\"b"],
                "optional": false, "status": "change", "detail": "",
                "changes": [
                    { "op": "create", "object": "service api", "why": "it has no container" },
                    { "op": "start", "object": "service db", "why": "it has stopped" },
                ],
            })
        );
    }

    #[test]
    fn dot_quotes_what_is_special() {
        assert_eq!(
            explained().to_dot(),
            r#"digraph mlup {
  rankdir=LR;
  node [shape=box, style=rounded, fontname="sans-serif"];
  "docker" [label="docker\nready"];
  "network/a\"b" [label="network/a\"b\nunknown", style="rounded,dotted"];
  "deploy/x" [label="deploy/x\ncreate service api and 1 more", style="rounded,bold"];
  "check/x<y>" [label="check/x<y>\nskip", style="rounded,dashed"];
  "docker" -> "network/a\"b";
  "network/a\"b" -> "deploy/x";
  "deploy/x" -> "check/x<y>";
}
"#
        );
    }

    #[test]
    fn mermaid_names_nodes_by_number_and_escapes_labels() {
        let chart = explained().to_mermaid();
        let lines: Vec<&str> = chart.lines().collect();
        assert_eq!(lines[0], "flowchart LR");
        assert_eq!(lines[2], "  s1[\"network/a#quot;b<br/>unknown\"]:::unknown");
        assert_eq!(lines[4], "  s3[\"check/x#lt;y#gt;<br/>skip\"]:::skip");
        assert_eq!(lines[5..8], ["  s0 --> s1", "  s1 --> s2", "  s2 --> s3"]);
    }

    #[test]
    fn a_world_as_wanted_has_no_changes() {
        let plan = Plan::new(vec![step("docker", &[])]).unwrap();
        let explained = Explained::new(&plan.into(), |_| Status::Satisfied(String::new()));
        assert!(!explained.has_changes());
    }
}
