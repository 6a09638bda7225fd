//! Whether a cluster can be worked with: the API server says that it is ready, its nodes take work,
//! the default service account is there. `look` asks once, `wait_ready` until it is so.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::ResourceExt;
use tokio::time::Instant;

use super::client::Api;
use super::error::may_pass;
use super::follow::{Follow, Unmet};
use super::nodes::{NodeFacts, facts, judge, nodes};
use super::watch::patient;
use crate::host::workbench::Workbench;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// The service account without which no pod starts in the namespace `default`.
const ACCOUNT: &str = "default";

/// Pauses between two questions whether the API server is ready.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// What the API server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiVerdict {
    /// It is ready.
    Ready,
    /// It is not, and these of its own checks fail.
    NotReady(Vec<String>),
}

/// What an API server says of itself to anybody whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its version, such as `v1.34.0`.
    pub version: String,
    /// What its clock said.
    pub date: Option<Timestamp>,
}

/// The version of the API server, and its time.
///
/// # Errors
/// Classified.
pub async fn version(api: &Api) -> Result<Version, Failure> {
    let (status, text, date) = api.dated("/version").await?;
    if status != 200 {
        return Err(api.refused(status, &text));
    }
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let version = answer.get("gitVersion").and_then(serde_json::Value::as_str).unwrap_or_default();
    let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    Ok(Version { version: version.to_owned(), date })
}

/// What is worth knowing of a cluster that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Address of the API server.
    pub server: String,
    /// Its version, such as `v1.34.0`.
    pub version: String,
    /// The nodes in alphabetical order; none where this user may not see them.
    pub nodes: Vec<NodeFacts>,
    /// Whether the default service account is there, or this user may not see it.
    pub default_service_account: bool,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What the cluster tells; nothing while its API server is not ready.
    pub facts: Option<ClusterFacts>,
    /// What is missing until it can be worked with.
    pub missing: Vec<String>,
}

impl Look {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.missing.is_empty()
    }
}

/// How long to wait for each part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For an API server that is ready.
    pub(super) api: Duration,
    /// For the nodes: they may pull the images of their network first.
    pub(super) nodes: Duration,
    /// For the service account, which a controller makes.
    pub(super) account: Duration,
    /// For an API server that was ready and is gone.
    pub(super) outage: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            api: Duration::from_secs(120),
            nodes: Duration::from_secs(360),
            account: Duration::from_secs(60),
            outage: Duration::from_secs(30),
        }
    }
}

/// What the API server says of itself.
///
/// # Errors
/// Classified; `API_UNREACHABLE` while nothing answers.
pub async fn ready(api: &Api) -> Result<ApiVerdict, Failure> {
    let (status, text) = api.text("/readyz?verbose").await?;
    match status {
        // Who is known and may not ask this has reached a server that works.
        200 | 403 => Ok(ApiVerdict::Ready),
        401 => Err(api.refused(status, &text)),
        // Each check is a line: `[-]etcd failed: reason withheld`.
        _ => {
            let failing = text.lines().filter_map(|line| line.strip_prefix("[-]"));
            let failing = failing.filter_map(|line| line.split_whitespace().next());
            let failing: Vec<String> = failing.map(str::to_owned).collect();
            if status == 500 || !failing.is_empty() {
                return Ok(ApiVerdict::NotReady(failing));
            }
            Err(api.refused(status, &text))
        }
    }
}

/// What there is now and what is missing; `expected` as for [`wait_ready`].
///
/// # Errors
/// It could not be asked.
pub async fn look(api: &Api, expected: Option<u32>) -> Result<Look, Failure> {
    if let ApiVerdict::NotReady(failing) = ready(api).await? {
        return Ok(Look { facts: None, missing: vec![unready(&failing)] });
    }
    look_inside(api, expected).await
}

/// The same for an API server that has just said of itself that it is ready.
///
/// # Errors
/// It could not be asked.
pub async fn look_inside(api: &Api, expected: Option<u32>) -> Result<Look, Failure> {
    let accounts: kube::Api<ServiceAccount> =
        kube::Api::namespaced(api.client().clone(), "default");
    let (version, nodes, account) = tokio::join!(
        api.call(api.client().apiserver_version()),
        nodes(api),
        api.call(accounts.get_opt(ACCOUNT)),
    );
    let nodes = visible(nodes)?;
    let account = visible(account)?.is_none_or(|account| account.is_some());
    let mut missing = Vec::new();
    let judged = nodes.as_deref().map_or(Ok(()), |nodes| judge(nodes, expected));
    missing.extend(judged.err());
    if !account {
        missing.push(NO_ACCOUNT.to_owned());
    }
    let facts = ClusterFacts {
        server: api.server().to_owned(),
        version: version?.git_version,
        nodes: nodes.unwrap_or_default(),
        default_service_account: account,
    };
    Ok(Look { facts: Some(facts), missing })
}

/// Waits until the cluster can be worked with. `expected` nodes have to be ready, further ones may
/// be in any state; without a number all nodes have to be.
///
/// # Errors
/// What recovery can cure says so: `API_UNREACHABLE`, `API_NOT_READY`, `NODE_NOT_READY`,
/// `SERVICE_ACCOUNT_MISSING`; others as classified.
pub async fn wait_ready(
    api: &Api,
    bench: &Workbench,
    expected: Option<u32>,
) -> Result<ClusterFacts, Failure> {
    wait_within(api, bench, expected, Limits::default()).await
}

/// As [`wait_ready`], within these limits.
pub(super) async fn wait_within(
    api: &Api,
    bench: &Workbench,
    expected: Option<u32>,
    limits: Limits,
) -> Result<ClusterFacts, Failure> {
    wait_for_api(api, bench, limits.api).await?;
    let nodes = visible(wait_for_nodes(api, bench, expected, limits).await)?;
    if nodes.is_none() {
        let message = format!("the context `{}` may not see nodes: taken as ready", api.context());
        bench.warn("NODES_NOT_CHECKED", message, None);
    }
    visible(wait_for_account(api, bench, limits).await)?;
    let version = api.call(api.client().apiserver_version()).await?;
    Ok(ClusterFacts {
        server: api.server().to_owned(),
        version: version.git_version,
        nodes: nodes.unwrap_or_default(),
        default_service_account: true,
    })
}

async fn wait_for_api(api: &Api, bench: &Workbench, limit: Duration) -> Result<(), Failure> {
    let ends = Instant::now() + limit.min(bench.time_left());
    let mut pause = SHORTEST;
    let mut said = String::new();
    loop {
        let answer = tokio::select! {
            biased;
            () = bench.cancel.cancelled() => return Err(Failure::cancelled()),
            answer = ready(api) => answer,
        };
        let (missing, failure) = match answer {
            Ok(ApiVerdict::Ready) => return Ok(()),
            Ok(ApiVerdict::NotReady(failing)) => {
                (unready(&failing), api_not_ready(api, &failing, limit))
            }
            Err(failure) if may_pass(&failure) => (failure.summary.clone(), failure),
            Err(failure) => return Err(failure),
        };
        if Instant::now() >= ends {
            return Err(failure);
        }
        if said != missing {
            bench.doing(missing.as_str());
            said = missing;
        }
        bench.pause(pause.min(ends.saturating_duration_since(Instant::now()))).await?;
        pause = (pause * 2).min(LONGEST);
    }
}

async fn wait_for_nodes(
    api: &Api,
    bench: &Workbench,
    expected: Option<u32>,
    limits: Limits,
) -> Result<Vec<NodeFacts>, Failure> {
    let objects = kube::Api::all(patient(api.client()));
    let (limit, outage) = (limits.nodes, limits.outage);
    let follow = Follow::<Node> { api, bench, objects, name: None, limit, outage };
    let mut last: Vec<NodeFacts> = Vec::new();
    let met = follow
        .until(|present| {
            last = present.values().map(facts).collect();
            judge(&last, expected)
        })
        .await;
    match met {
        Ok(()) => Ok(last),
        Err(Unmet::Failed(failure)) => Err(failure),
        Err(Unmet::Overdue(missing)) => Err(node_not_ready(&last, &missing, limit)),
    }
}

async fn wait_for_account(api: &Api, bench: &Workbench, limits: Limits) -> Result<(), Failure> {
    let follow = Follow::<ServiceAccount> {
        api,
        bench,
        objects: kube::Api::namespaced(patient(api.client()), "default"),
        name: Some(ACCOUNT),
        limit: limits.account,
        outage: limits.outage,
    };
    let met = follow
        .until(|present| {
            let is_there = present.values().any(|account| account.name_any() == ACCOUNT);
            if is_there { Ok(()) } else { Err(NO_ACCOUNT.to_owned()) }
        })
        .await;
    match met {
        Ok(()) => Ok(()),
        Err(Unmet::Failed(failure)) => Err(failure),
        Err(Unmet::Overdue(_)) => Err(Failure::new(
            Class::Timeout,
            "SERVICE_ACCOUNT_MISSING",
            format!(
                "the default service account did not appear within {} s: the cluster's \
                 controllers do not work",
                limits.account.as_secs()
            ),
        )
        .curable(Onset::Unresponsive)),
    }
}

const NO_ACCOUNT: &str = "the default service account is not there yet";

/// What this user may not see is nothing that is missing.
fn visible<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.code == "API_FORBIDDEN" => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn unready(failing: &[String]) -> String {
    if failing.is_empty() {
        return "API server: not ready".to_owned();
    }
    format!("API server: not ready ({})", failing.join(", "))
}

fn api_not_ready(api: &Api, failing: &[String], limit: Duration) -> Failure {
    let summary =
        format!("the API server at `{}` was not ready within {} s", api.server(), limit.as_secs());
    let failure = Failure::new(Class::Timeout, "API_NOT_READY", summary);
    let failure = match failing {
        [] => failure,
        failing => failure.because("/readyz", format!("failing: {}", failing.join(", "))),
    };
    failure.curable(Onset::Unresponsive)
}

fn node_not_ready(nodes: &[NodeFacts], missing: &str, limit: Duration) -> Failure {
    let summary = format!("not ready within {} s: {missing}", limit.as_secs());
    let failure = Failure::new(Class::Timeout, "NODE_NOT_READY", summary);
    let unready = nodes.iter().filter(|node| !node.ready).take(5);
    let failure = unready.fold(failure, |failure, node| {
        let why = node.trouble.as_deref().unwrap_or("NotReady");
        failure.because(format!("node {}", node.name), why)
    });
    failure.curable(Onset::Unresponsive)
}
