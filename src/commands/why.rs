//! `mlup why`: how the last run ended, or the story of one of its steps, from the run log.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::{Format, Why};
use crate::commands::causes::{self, Registries};
use crate::commands::doctor::answer::{Row, cause_block};
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::error::{Error, Exit};
use crate::event::{Diagnosis, Event, EventKind, Outcome, Recovery, State};
use crate::host::runlog::{self, PastRun};
use crate::plan::{self, StepId};
use crate::report::{failure, story, table};
use crate::steps::check::route::{self, Passage, Tried};

/// A run of the past and what it said.
struct Record {
    run: PastRun,
    events: Vec<Event>,
}

impl Record {
    fn id(&self) -> &str {
        self.events.first().map_or("", |event| event.run.as_str())
    }
}

/// What is known of the last run.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    run: &'a str,
    outcome: Option<Outcome>,
    diagnoses: Vec<&'a Diagnosis>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovered: Vec<&'a Recovery>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    story: Vec<&'a Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<Way>,
    /// What keeps the step's objects down, seen now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Row>,
}

/// The way to what a step asks for, walked now.
#[derive(Debug, Serialize)]
struct Way {
    address: String,
    hops: Vec<Tried>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<Diagnosis>,
}

/// Carries out `mlup why`.
pub(super) fn why(session: &Session, args: &Why) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let (env, config) = (&session.invocation.env, &project.config);
    let Some(run) = runlog::latest(env, &config.name, &config.root) else {
        let message = format!("no run of {} is on record", config.name);
        return Err(Error::Plain {
            exit: Exit::Failed,
            message,
            help: Some("mlup start".to_owned()),
        });
    };
    let record = Record { events: run.events()?, run };
    let step = args.step.as_deref().map(|name| resolve(&record, name)).transpose()?;
    let (route, causes) = match step.filter(|step| is_down(&record, step)) {
        Some(step) => project.work(seen_now(&project, step))?,
        None => (None, Vec::new()),
    };
    let answer = Answer { route, causes, ..answer(&record, step) };
    let text = match args.read.output {
        Format::Json => output::json(&answer)?,
        Format::Yaml => output::yaml(&answer)?,
        Format::Table => tell(session, &record, &answer),
    };
    let text = project.scrubber.scrub(&text);
    session::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Ok.into())
}

/// The identifier of the step that a person means: whole, or its name alone where one step has it.
fn resolve<'a>(record: &'a Record, name: &str) -> Result<&'a str, Error> {
    let steps = record.events.iter().find_map(|event| match &event.kind {
        EventKind::RunStarted { steps, .. } => Some(steps),
        _ => None,
    });
    let ids: Vec<&str> = steps.into_iter().flatten().map(|step| step.id.as_str()).collect();
    let bare = |id: &&&str| id.split_once('/').is_some_and(|(_, last)| last == name);
    let exact = ids.iter().find(|id| **id == name);
    let named: Vec<&&str> = ids.iter().filter(bare).collect();
    match (exact, named.as_slice()) {
        (Some(id), _) => Ok(id),
        (None, [id]) => Ok(id),
        (None, []) => Err(Error::usage(
            format!("the last run has no step `{name}`"),
            format!("its steps: {}", ids.join(", ")),
        )),
        (None, several) => Err(Error::usage(
            format!("`{name}` is the name of several steps"),
            several.iter().map(|id| format!("mlup why {id}")).collect::<Vec<_>>().join(", or "),
        )),
    }
}

fn answer<'a>(record: &'a Record, step: Option<&str>) -> Answer<'a> {
    let about = |id: &str| step.is_none_or(|step| step == id);
    let diagnoses = record.events.iter().filter_map(|event| match &event.kind {
        EventKind::Diagnosis(diagnosis) if about(&diagnosis.step) => Some(diagnosis),
        _ => None,
    });
    let end = record.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::RunFinished { outcome, recovered, .. } => Some((*outcome, recovered)),
        _ => None,
    });
    let (outcome, recovered) = end.unzip();
    let recovered = recovered.into_iter().flatten().filter(|recovery| about(&recovery.step));
    let story = step.map(|step| story::of(&record.events, step)).unwrap_or_default();
    let (diagnoses, recovered) = (diagnoses.collect(), recovered.collect());
    Answer {
        run: record.id(),
        outcome,
        diagnoses,
        recovered,
        story,
        route: None,
        causes: Vec::new(),
    }
}

/// Whether the last run left the step in another state than up.
fn is_down(record: &Record, step: &str) -> bool {
    let last = record.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::StepState(state) if state.step == step => Some(state.to),
        _ => None,
    });
    last.is_some_and(|last| !matches!(last, State::Ready | State::Succeeded | State::Skipped))
}

/// The way to what a step asks for, and what keeps its objects down.
async fn seen_now(project: &Project, step: &str) -> (Option<Way>, Vec<Row>) {
    let plan = plan::start(&project.config).ok();
    let deploys = plan.iter().flat_map(|plan| causes::deploys(plan, |id| id.as_str() == step));
    let deploys: Vec<_> = deploys.collect();
    tokio::join!(way(project, step), causes::of(&deploys, project, Registries::Asked))
}

/// The way to what the step asks for, where it asks for something in the cluster.
async fn way(project: &Project, step: &str) -> Option<Way> {
    let id = match step.split_once('/') {
        Some((kind, name)) => StepId::named(kind, name),
        None => StepId::single(step),
    };
    let ctx = project.reading(&id);
    let route = match id.kind() {
        "cluster" => route::to_api(&ctx).await?,
        "check" => {
            let check = project.config.checks.iter().find(|check| check.name == id.name())?;
            route::to_check(check, &ctx).await?
        }
        _ => return None,
    };
    let finding = route.failure.map(|failure| failure.diagnosis(step));
    Some(Way { address: route.address, hops: route.tried, finding })
}

/// The hops as a table, then what is wrong at the last of them.
fn tell_way(session: &Session, way: &Way, width: usize) -> String {
    let word = |passage| match passage {
        Passage::Open => "open",
        Passage::Closed => "closed",
        Passage::Unknown => "not known",
    };
    let rows = way.hops.iter().map(|tried| {
        vec![tried.hop.name().to_owned(), word(tried.passage).to_owned(), tried.detail.clone()]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut text = format!("\nthe way to {}, walked now:\n", way.address);
    text.push_str(&table::render(&["hop", "", "found"], &rows, Some(width)));
    match &way.finding {
        Some(finding) => {
            text.push('\n');
            let style = session.terminal.style_of_stdout();
            text.push_str(&failure::render_alone(finding, width, style));
        }
        None => text.push_str("\nnothing on it is closed now\n"),
    }
    text
}

fn tell(session: &Session, record: &Record, answer: &Answer) -> String {
    let width = output::table_width(session).unwrap_or(100);
    let style = session.terminal.style_of_stdout();
    let ended = match answer.outcome {
        Some(outcome) => story::outcome(outcome),
        None => "it did not end by itself; this is the last that it said",
    };
    let mut text = format!("run {}: {ended}\n", record.id());
    for diagnosis in &answer.diagnoses {
        text.push('\n');
        text.push_str(&failure::render(diagnosis, width, style));
    }
    for recovery in &answer.recovered {
        text.push_str(&story::recovered(recovery));
        text.push('\n');
    }
    let last = record.events.last().filter(|_| answer.outcome.is_none());
    let told: Vec<&Event> = answer.story.iter().copied().chain(last).collect();
    if !told.is_empty() {
        text.push('\n');
        text.push_str(&story::lines(&told, output::table_width(session)));
    }
    if let Some(way) = &answer.route {
        text.push_str(&tell_way(session, way, width));
    }
    if !answer.causes.is_empty() {
        text.push_str("\nwhat keeps it down, seen now:\n");
        for row in &answer.causes {
            text.push('\n');
            text.push_str(&cause_block(row, width, style));
        }
    }
    text + &format!("\nlog: {}\n", record.run.folder().display())
}
