//! `mlup status`: what is up, seen afresh. Exit 8 when a required step is not ready.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::cli::{Format, Status};
use crate::commands::causes::{self, Registries};
use crate::commands::doctor::answer::Row as CauseRow;
use crate::commands::observe::{Seen, observe};
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::engine;
use crate::error::{Error, Exit};
use crate::host::clock;
use crate::host::ssh::Forward;
use crate::host::ssh::record::Record;
use crate::plan::change::{Change, Op, Probed};
use crate::plan::{self, Plan, Selected, Step, StepId, StepKind};
use crate::report::{table, text};
use crate::steps::cluster::{self, ClusterStatus, NodeStatus};
use crate::steps::compose::{self, ServiceStatus};

/// How often `--watch` looks again.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The state of the whole environment.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    project: String,
    profile: String,
    ready: bool,
    steps: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<Record>,
    services: Vec<ServiceStatus>,
    /// What keeps deploys down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<CauseRow>,
}

/// The state of one step.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    step: String,
    state: &'static str,
    optional: bool,
    note: String,
}

/// Carries out `mlup status`.
pub(super) fn status(session: &Session, args: &Status) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let plan = plan::start(&project.config)?;
    if args.watch {
        return project.work(watch(session, &project, &plan, args.read.output))?;
    }
    let report = project.work(look(&project, &plan, None))?;
    print(session, &project, args.read.output, &report)?;
    Ok(verdict(&report).into())
}

fn verdict(report: &Report) -> Exit {
    if report.ready { Exit::Ok } else { Exit::NotReady }
}

/// Prints each time that something changed, until a signal comes.
async fn watch(
    session: &Session,
    project: &Project,
    plan: &Plan,
    format: Format,
) -> Result<ExitCode, Error> {
    let mut interrupts = engine::listen()?;
    let mut last: Option<Report> = None;
    loop {
        let report = look(project, plan, last.as_ref()).await;
        if last.as_ref() != Some(&report) {
            if session.terminal.terminals.stdout && format == Format::Table {
                // Home and clear: the newest state replaces the one before.
                session::stdout().write_all(b"\x1b[H\x1b[2J")?;
            }
            print(session, project, format, &report)?;
        }
        tokio::select! {
            _ = interrupts.recv() => return Ok(verdict(&report).into()),
            () = tokio::time::sleep(WATCH_INTERVAL) => last = Some(report),
        }
    }
}

/// Looks. What keeps deploys down is looked for where their steps are not as they were at the last
/// look: it takes many questions.
async fn look(project: &Project, plan: &Plan, last: Option<&Report>) -> Report {
    let seen = observe(project, &Selected::from(plan.clone())).await;
    let rows: Vec<Row> =
        plan.steps().iter().filter_map(|step| Some(row(step, seen.get(&step.id)?))).collect();
    let mut cluster = match plan.step(&StepId::single("cluster")) {
        Some(step) => cluster::status(&project.reading(&step.id)).await,
        None => None,
    };
    let nodes = cluster.as_mut().map(|found| std::mem::take(&mut found.nodes));
    let ready = rows.iter().all(|row| row.optional || row.state == "ready");
    let is = |step: &str, ready: bool| {
        rows.iter().any(|row| row.step == step && (row.state == "ready") == ready)
    };
    let is_down = |id: &StepId| is("cluster", true) && is(id.as_str(), false);
    let unchanged = last.filter(|last| last.steps == rows);
    let causes = if let Some(last) = unchanged {
        last.causes.clone()
    } else {
        let deploys = causes::deploys(plan, is_down);
        causes::of(&deploys, project, Registries::LeftAlone).await
    };
    let mut services = Vec::new();
    for step in plan.steps() {
        if let StepKind::Compose(deploy) = &step.kind {
            // The step's own row says why when services cannot be listed.
            let ctx = project.reading(&step.id);
            services.extend(compose::status(deploy, &ctx).await.unwrap_or_default());
        }
    }
    Report {
        project: project.config.name.clone(),
        profile: project.config.profile.clone(),
        ready,
        steps: rows,
        cluster,
        nodes: nodes.unwrap_or_default(),
        tunnel: project.host.ssh.tunnel_record(),
        services,
        causes,
    }
}

fn row(step: &Step, seen: &Seen) -> Row {
    let (state, note) = match seen {
        Seen::Probed(Probed::Satisfied(settled)) => ("ready", settled.detail.clone()),
        // A task that nothing can be asked about runs at each start; that is no sign of trouble.
        Seen::Probed(Probed::Needed(_)) if runs_every_time(step) => {
            ("ready", "runs at every start".to_owned())
        }
        Seen::Probed(Probed::Needed(changes)) if is_good(changes) => {
            ("ready", format!("{} to renew, half of the life is over", changes.len()))
        }
        Seen::Probed(Probed::Needed(changes)) => {
            let waits = changes.iter().all(|change| change.op == Op::Wait);
            let note = changes.first().map(|change| match changes.len() {
                1 => format!("{change}: {}", change.why),
                n => format!("{change}: {} (+{} more)", change.why, n - 1),
            });
            (if waits { "waiting" } else { "down" }, note.unwrap_or_default())
        }
        Seen::Failed(failure) => ("failed", format!("{}: {}", failure.code, failure.summary)),
        Seen::Behind(root) => ("unknown", format!("needs {root}")),
    };
    Row { step: step.id.to_string(), state, optional: step.optional, note }
}

/// Whether all that would be changed still works.
fn is_good(changes: &[Change]) -> bool {
    !changes.is_empty() && changes.iter().all(|change| change.op == Op::Renew)
}

fn runs_every_time(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Task(task) if task.unless.is_none())
}

fn print(
    session: &Session,
    project: &Project,
    format: Format,
    report: &Report,
) -> Result<(), Error> {
    let text = match format {
        Format::Json => output::json(report)?,
        Format::Yaml => output::yaml(report)?,
        Format::Table => tables(session, report),
    };
    let text = project.scrubber.scrub(&text);
    Ok(session::stdout().write_all(text.as_bytes())?)
}

fn tables(session: &Session, report: &Report) -> String {
    let width = output::table_width(session);
    let cells = |row: &Row| vec![row.step.clone(), row.state.to_owned(), row.note.clone()];
    let steps: Vec<Vec<String>> = report.steps.iter().map(cells).collect();
    let mut text = table::render(&["step", "state", "note"], &steps, width);
    if let Some(cluster) = &report.cluster {
        text.push('\n');
        let header = ["cluster", "state", "version", "address", "context"];
        text.push_str(&table::render(&header, &[cluster_cells(cluster)], width));
    }
    if !report.nodes.is_empty() {
        let nodes: Vec<Vec<String>> = report.nodes.iter().map(node_cells).collect();
        text.push('\n');
        let header = ["node", "roles", "state", "version", "address", "for"];
        text.push_str(&table::render(&header, &nodes, width));
    }
    if let Some(tunnel) = &report.tunnel {
        text.push('\n');
        let header = ["tunnel", "state", "for", "to", "restarts or reason"];
        text.push_str(&table::render(&header, &tunnel_cells(tunnel), width));
    }
    if !report.services.is_empty() {
        let services: Vec<Vec<String>> = report.services.iter().map(service_cells).collect();
        text.push('\n');
        text.push_str(&table::render(
            &["service", "state", "for", "ports or reason"],
            &services,
            width,
        ));
    }
    if !report.causes.is_empty() {
        let cells =
            |row: &CauseRow| vec![row.rule.clone(), row.object.clone(), row.summary.clone()];
        let causes: Vec<Vec<String>> = report.causes.iter().map(cells).collect();
        text.push('\n');
        text.push_str(&table::render(&["cause", "at", "what is wrong"], &causes, width));
        text.push_str("what proves it, and the fix: mlup doctor\n");
    }
    text
}

fn cluster_cells(cluster: &ClusterStatus) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut state = cluster.state.to_owned();
    for note in cluster.reason.iter().chain(&cluster.drift) {
        state.extend([", ", note]);
    }
    let name = format!("{} {}", cluster.provider, cluster.name);
    vec![name, state, or_dash(&cluster.version), or_dash(&cluster.server), cluster.context.clone()]
}

fn node_cells(node: &NodeStatus) -> Vec<String> {
    let roles = if node.roles.is_empty() { "-".to_owned() } else { node.roles.join(", ") };
    let mut state = if node.ready { "ready" } else { "not ready" }.to_owned();
    if let Some(trouble) = &node.trouble {
        state.extend([", ", trouble]);
    }
    let address = node.address.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        node.name.clone(),
        roles,
        state,
        node.version.clone(),
        address,
        age(node.created.as_deref()),
    ]
}

/// The cells of each port that leads to another machine.
fn tunnel_cells(tunnel: &Record) -> Vec<Vec<String>> {
    let restarts = || format!("restarts: {}", tunnel.restarts);
    let note = tunnel.reason.clone().unwrap_or_else(restarts);
    let (state, age) = (tunnel.state.to_string(), age(Some(&tunnel.since)));
    let cells = |port: &Forward| {
        let to = format!("{} {}:{}", tunnel.destination, port.host, port.port);
        let from = format!("127.0.0.1:{}", port.local);
        vec![from, state.clone(), age.clone(), to, note.clone()]
    };
    tunnel.forwards.iter().map(cells).collect()
}

fn age(since: Option<&str>) -> String {
    let age = since.and_then(clock::age);
    age.map_or_else(|| "-".to_owned(), |age| text::age(age.as_secs()))
}

/// The cells of one service: the state with its health or exit code, as `docker ps` words it.
fn service_cells(service: &ServiceStatus) -> Vec<String> {
    let mut state = service.state.clone();
    if let Some(health) = &service.health {
        state.extend([" (", health, ")"]);
    }
    if let Some(code) = service.exit_code {
        state.extend([" (", &code.to_string(), ")"]);
    }
    let note = service.reason.clone().unwrap_or_else(|| service.ports.join(", "));
    vec![service.service.clone(), state, age(service.since.as_deref()), note]
}
