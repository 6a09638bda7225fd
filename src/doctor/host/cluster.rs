//! Rules on the cluster as its tool sees it: halted, misled, made otherwise, broken.

use super::draft::draft;
use super::facts::{Facts, Sight, WantedCluster};
use crate::doctor::finding::Finding;
use crate::quote::quote;

/// `MK-05` to `MK-08`, `K3D-08`, `CLUSTER_BROKEN`.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let (Some(cluster), Some(sight)) = (&facts.cluster, facts.sight.seen()) else {
        return Vec::new();
    };
    of_sight(cluster, sight).into_iter().collect()
}

fn of_sight(cluster: &WantedCluster, sight: &Sight) -> Option<Finding> {
    let WantedCluster { name, tool, .. } = cluster;
    let (is_k3d, shell) = (tool == "k3d", quote(name));
    let start = if is_k3d {
        format!("k3d cluster start {shell}")
    } else {
        format!("minikube start -p {shell}")
    };
    let halted = if is_k3d { "K3D-08" } else { "MK-07" };
    let tell = |rule: &str, what: String, said: String, fix: String| {
        let summary = format!("the {tool} cluster `{name}` {what}");
        Some(draft(rule, "cluster", name, summary).because(tool.clone(), said).mended_by(fix))
    };
    match sight {
        Sight::Absent | Sight::Up => None,
        Sight::Stopped => tell(halted, "is halted".to_owned(), "Stopped".to_owned(), start),
        Sight::Paused => {
            let fix = if is_k3d { start } else { format!("minikube unpause -p {shell}") };
            tell(halted, "is paused".to_owned(), "Paused".to_owned(), fix)
        }
        Sight::Misled(why) if is_k3d => tell(
            halted,
            "runs, and the kubeconfig does not lead to it".to_owned(),
            why.clone(),
            format!("k3d kubeconfig merge {shell} --kubeconfig-merge-default"),
        ),
        Sight::Misled(why) => tell(
            "MK-06",
            "runs, and the kubeconfig does not lead to it".to_owned(),
            why.clone(),
            format!("minikube update-context -p {shell}"),
        ),
        Sight::OtherDriver(driver) => tell(
            "MK-05",
            format!("was made by the driver `{driver}`, and mlup uses `docker`"),
            format!("driver {driver}"),
            format!("minikube delete -p {shell}   # its data is lost; then mlup start"),
        ),
        Sight::Broken(why) => tell(
            if is_k3d { "CLUSTER_BROKEN" } else { "MK-08" },
            format!("is broken: {why}"),
            why.clone(),
            "mlup start".to_owned(),
        ),
    }
}
