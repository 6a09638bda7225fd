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
