//! Looks at a cluster: the tool's word, then the API's where the nodes run. Changes nothing.

use super::Case;
use super::decide::{self, Act};
use super::drift;
use super::kubernetes::{Ask, Kubernetes};
use super::outage::or_wait;
use super::view::{Api, View};
use crate::drivers::cluster::{ClusterDriver, ClusterState, Sighting};
use crate::host::kube::{ClusterFacts, Look};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::Failure;

impl<D: ClusterDriver, K: Kubernetes> Case<'_, D, K> {
    /// Satisfied by a cluster that runs, answers and needs nothing that may be given it.
    pub(super) async fn probe(&self) -> Result<Probed, Failure> {
        let view = self.view().await?;
        let mut changes = self.changes(&view);
        if let Some(switch) = self.context_change(&view.sighting).await? {
            changes.push(switch);
        }
        match &view.api {
            Api::Ready(facts) if changes.is_empty() => {
                Ok(Probed::Satisfied(self.settled(facts, &view.sighting)))
            }
            _ => Ok(Probed::Needed(changes)),
        }
    }

    pub(super) async fn view(&self) -> Result<View, Failure> {
        let sighting = self.driver.probe(&self.bench).await.map_err(or_wait)?;
        let api = if sighting.state == ClusterState::Running {
            self.ask_api(&sighting).await
        } else {
            Api::Unasked
        };
        Ok(View { sighting, api })
    }

    async fn ask_api(&self, sighting: &Sighting) -> Api {
        let look = match self.driver.kubeconfig(&self.bench).await {
            Ok(kubeconfig) => self.kubernetes.look(self.ask(sighting), &kubeconfig).await,
            Err(failure) => Err(failure),
        };
        match look {
            Err(failure) => Api::Lacking { why: failure.summary, facts: None },
            Ok(Look { facts: Some(facts), missing }) if missing.is_empty() => Api::Ready(facts),
            Ok(Look { facts, missing }) => Api::Lacking { why: missing.join(", "), facts },
        }
    }

    /// A question about the cluster as it was seen.
    pub(super) fn ask(&self, sighting: &Sighting) -> Ask<'_> {
        let nodes = self.expected_nodes(sighting);
        Ask { bench: &self.bench, spec: self.spec, nodes }
    }

    /// How many nodes must be ready; not known of a cluster that mlup does not make, nor of one
    /// that was made with another number.
    fn expected_nodes(&self, sighting: &Sighting) -> Option<u32> {
        let differs = sighting
            .drift
            .iter()
            .any(|drift| matches!(drift.what.as_str(), "agents" | "nodes" | "servers"));
        let known = self.spec.is_made_by_mlup() && !differs;
        known.then(|| self.spec.servers + self.spec.agents)
    }

    /// What is done about it, as `mlup plan` shows it.
    fn changes(&self, view: &View) -> Vec<Change> {
        let object = self.object();
        let change = |op, why: String| vec![Change::new(op, object.as_str(), why)];
        match decide::act(view, self.ctx.rung, self.ctx.recreate, self.spec.purge) {
            Act::Nothing => Vec::new(),
            Act::Wait => change(Op::Wait, reason(view)),
            Act::Amend => change(Op::Update, reason(view)),
            Act::Start | Act::Recreate if view.sighting.state == ClusterState::Absent => {
                change(Op::Create, reason(view))
            }
            Act::Start | Act::Restart => change(Op::Start, reason(view)),
            Act::Recreate | Act::Purge | Act::Escalate(..) => change(Op::Recreate, reason(view)),
        }
    }

    /// Whether the current context has to change, for a cluster that its tool does not switch to.
    async fn context_change(&self, sighting: &Sighting) -> Result<Option<Change>, Failure> {
        if !self.switches_context() {
            return Ok(None);
        }
        let current = self.kubernetes.current_context(self.ask(sighting)).await?;
        let context = &self.spec.context;
        let why = match current {
            Some(current) if current == *context => return Ok(None),
            Some(current) => format!("it is `{current}`, and `switch_context` is set"),
            None => "none is set, and `switch_context` is".to_owned(),
        };
        let object = format!("current context to `{context}`");
        Ok(Some(Change::new(Op::Update, object, why)))
    }

    /// The tools of clusters that mlup makes switch by themselves when they start one; to switch at
    /// every start would undo what the user chose since.
    pub(super) fn switches_context(&self) -> bool {
        self.spec.switch_context && !self.spec.is_made_by_mlup()
    }

    /// `minikube v1.34.0, 1 node, https://192.168.49.2:8443`
    pub(super) fn settled(&self, facts: &ClusterFacts, sighting: &Sighting) -> Settled {
        drift::warn(&self.bench, &self.object(), sighting);
        let nodes = match facts.nodes.len() {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        };
        let (tool, version, server) = (self.spec.tool(), &facts.version, &facts.server);
        let detail = format!("{tool} {version}, {nodes}, {server}");
        Settled::ready(match drift::note(sighting) {
            Some(note) => format!("{detail}; {note}"),
            None => detail,
        })
    }
}

/// What was seen that asks for a change.
fn reason(view: &View) -> String {
    let differences = || {
        let lines: Vec<String> = view.sighting.drift.iter().map(drift::line).collect();
        lines.join(", ")
    };
    match (&view.sighting.state, &view.api) {
        (ClusterState::Absent, _) => "it does not exist".to_owned(),
        (ClusterState::Stopped, _) => "it is stopped".to_owned(),
        (ClusterState::Paused, _) => "it is paused".to_owned(),
        (ClusterState::Starting, _) => "it is coming up".to_owned(),
        (ClusterState::Misconfigured { why } | ClusterState::Broken { why, .. }, _)
        | (ClusterState::Running, Api::Lacking { why, .. }) => why.clone(),
        (ClusterState::Running, Api::Unasked | Api::Ready(_)) => differences(),
    }
}
