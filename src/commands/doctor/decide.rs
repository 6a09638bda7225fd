//! From a look to an answer: the rules, and what they leave of the symptoms. Nothing here asks
//! anybody anything, so that the same look gives the same answer wherever it is read.

use super::answer::{Answer, Row, of_cluster, of_step};
use crate::doctor::below::folded;
use crate::doctor::cluster::findings;
use crate::doctor::finding::Finding;
use crate::doctor::host::judge;
use crate::doctor::leftover::leftovers;
use crate::doctor::look::{Cluster, Look, Sight, Unchecked};
use crate::doctor::rule::{RULES, all};

/// What is wrong by a look. What the cluster's own objects explain is not told a second time as what
/// keeps a step from its work.
pub(super) fn decide(look: &Look) -> Answer {
    let mut below = judge(&look.machine, &look.steps);
    let mut inside = Vec::new();
    if let Some(Sight::Seen(cluster)) = &look.cluster {
        let found = found(cluster, |_| true);
        let kept = folded(&mut below.findings, found, &look.machine);
        inside.extend(kept.iter().map(of_cluster));
    }
    let mut rows: Vec<Row> = below.findings.iter().map(of_cluster).collect();
    rows.extend(below.steps.iter().map(|one| of_step(&one.step, one.finding.clone())));
    let mut left = Vec::new();
    let below_it = all().count() - RULES.len();
    let checks =
        if matches!(look.cluster, Some(Sight::Seen(_))) { all().count() } else { below_it };
    let (checked, more) = match &look.cluster {
        None => (0, Vec::new()),
        Some(Sight::Seen(cluster)) => {
            rows.retain(|row| !inside.iter().any(|cause| explains(cause, row)));
            rows.extend(inside);
            left = leftovers(&cluster.world);
            (cluster.world.count(), cluster.unchecked.clone())
        }
        Some(Sight::Unseen(finding)) => {
            // What is below the cluster, and its steps, say better why it does not answer.
            let is_told =
                below.tells_of_cluster() || rows.iter().any(|row| row.object.ends_with("cluster"));
            if !is_told && finding.code != "CONTEXT_MISSING" {
                rows.push(of_step("cluster", finding.clone()));
            }
            (0, vec![Unchecked::new("cluster", &finding.summary)])
        }
    };
    let unchecked = below.unchecked.into_iter().chain(more).collect();
    Answer { findings: rows, checked, checks, unchecked, leftovers: left, applied: None }
}

/// What is wrong inside a cluster, as far as somebody asked about it.
pub(in crate::commands) fn inside(
    cluster: &Cluster,
    is_asked: impl Fn(&Finding) -> bool,
) -> Vec<Row> {
    found(cluster, is_asked).iter().map(of_cluster).collect()
}

fn found(cluster: &Cluster, is_asked: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    let found = findings(&cluster.world, Some(cluster.taken), cluster).into_iter();
    found.filter(is_asked).map(|finding| finding.pinned(&cluster.context)).collect()
}

/// Whether a cause inside the cluster says what a step complains of: both name the same object.
fn explains(cause: &Row, row: &Row) -> bool {
    let name = cause.object.rsplit('/').next().unwrap_or_default();
    let named = [format!("`{name}`"), format!("/{name}`")];
    // What is wrong with the machine is no step's, and may well bear the name of a node.
    row.object.starts_with("step/")
        && !name.is_empty()
        && named.iter().any(|named| row.summary.contains(named))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::host::facts::{self, Disk, Facts, WantedCluster};
    use crate::doctor::look::{Answered, Logs};
    use crate::readiness::World;

    /// The rules and objects told of a minikube whose node runs out of disk.
    fn told(machine: Facts) -> Vec<(String, String)> {
        let cluster = WantedCluster {
            tool: "minikube".to_owned(),
            name: "minikube".to_owned(),
            context: "minikube".to_owned(),
            version: None,
            memory: None,
            nodes: 1,
        };
        let node = json!({ "kind": "Node", "metadata": { "name": "minikube" }, "status": {
            "conditions": [{ "type": "Ready", "status": "True" },
                { "type": "DiskPressure", "status": "True", "reason": "KubeletHasDiskPressure" }] } });
        let seen = Cluster {
            context: "minikube".to_owned(),
            world: World::of([node]),
            taken: jiff::Timestamp::UNIX_EPOCH,
            unchecked: Vec::new(),
            logs: Logs::new(),
            answers: Answered::new(),
        };
        let look = Look {
            machine: Facts { cluster: Some(cluster), ..machine },
            steps: Vec::new(),
            cluster: Some(Sight::Seen(Box::new(seen))),
        };
        let answer = decide(&look);
        answer.findings.into_iter().map(|row| (row.rule, row.object)).collect()
    }

    #[test]
    fn a_cause_on_the_machine_stands_beside_a_node_of_its_name_and_above_what_it_explains() {
        let misled = facts::Look::Seen(facts::Sight::Misled("port 1".to_owned()));
        let rows = told(Facts { sight: misled, ..Facts::default() });
        let row = |rule: &str, object: &str| (rule.to_owned(), object.to_owned());
        assert_eq!(rows, [row("MK-06", "cluster//minikube"), row("NODE-03", "node//minikube")]);
        let disk = Disk {
            path: "/var/lib/docker".to_owned(),
            is_dockers: true,
            size: 1 << 40,
            free: 1 << 20,
            ..Disk::default()
        };
        let rows = told(Facts { disks: vec![disk], ..Facts::default() });
        assert_eq!(rows, [row("DOC-04", "disk///var/lib/docker")]);
    }
}
