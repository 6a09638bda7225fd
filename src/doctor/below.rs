//! The edges from what is below a cluster to what shows inside of it: a disk, a halted cluster, a
//! clock, a login, a network. A finding inside that follows along such an edge is told under its cause.

use super::finding::Finding;
use super::host::facts::{Cloud, Container, Facts};
use crate::event::{CommandLine, Evidence, Fix};
use crate::readiness::Root;

/// The tools whose nodes are containers, or the machine, of the engine.
const IN_DOCKER: [&str; 3] = ["docker-desktop", "k3d", "minikube"];

/// An edge: a cause below, a finding inside, and what is known of the machine.
type Edge = fn(&Finding, &Finding, &Facts) -> bool;

const EDGES: [Edge; 5] = [disk, halted, clock, login, network];

/// The findings inside a cluster that follow from none below it. Those that do are told there by what
/// they keep down.
#[must_use]
pub fn folded(below: &mut [Finding], inside: Vec<Finding>, facts: &Facts) -> Vec<Finding> {
    let mut kept = Vec::new();
    for one in inside {
        let leads = |cause: &&mut Finding| EDGES.iter().any(|edge| edge(cause, &one, facts));
        match below.iter_mut().find(leads) {
            Some(cause) => spread(cause, one),
            None => kept.push(with_container(one, facts)),
        }
    }
    kept
}

/// What a finding keeps down becomes what its cause keeps down.
fn spread(cause: &mut Finding, one: Finding) {
    cause.pods += one.pods;
    cause.affects.extend(one.affects);
    cause.affects.push(one.root);
    cause.affects.sort();
    cause.affects.dedup();
}

/// Whether the nodes of the cluster are made of the engine of this machine.
fn is_in_docker(facts: &Facts) -> bool {
    facts.cluster.as_ref().is_some_and(|cluster| IN_DOCKER.contains(&cluster.tool.as_str()))
}

fn says(finding: &Finding, words: &str) -> bool {
    finding.summary.contains(words) || finding.evidence.iter().any(|line| line.text.contains(words))
}

/// The disk with Docker's data is the disk of such nodes.
fn disk(cause: &Finding, one: &Finding, facts: &Facts) -> bool {
    let is_dockers =
        |path: &str| facts.disks.iter().any(|disk| disk.is_dockers && disk.path == path);
    let is_about_disk = match one.rule.id {
        "NODE-03" => one.root.kind == "Node",
        "PULL-22" => says(one, "no space left on device"),
        _ => false,
    };
    ["DOC-04", "K3D-04"].contains(&cause.rule.id)
        && is_dockers(&cause.root.name)
        && is_in_docker(facts)
        && is_about_disk
}

/// Nodes of a cluster that is halted or broken do not answer, nor do those of an engine that is down.
fn halted(cause: &Finding, one: &Finding, facts: &Facts) -> bool {
    let is_cluster = ["MK-07", "MK-08", "K3D-08", "CLUSTER_BROKEN"].contains(&cause.rule.id);
    let is_engine = ["DOC-01", "DOC-13"].contains(&cause.rule.id);
    one.rule.id == "NODE-01" && (is_cluster || is_engine && is_in_docker(facts))
}

/// Such nodes have the engine's clock; what they sign or check fails by it.
fn clock(cause: &Finding, one: &Finding, facts: &Facts) -> bool {
    let by_time = match one.rule.id {
        "PULL-10" => says(one, "certificate has expired or is not yet valid"),
        "CRASH-12" => {
            let words = ["Signature expired", "RequestTimeTooSkewed", "Signature not yet current"];
            words.iter().any(|words| says(one, words))
        }
        _ => false,
    };
    cause.rule.id == "DOC-12" && is_in_docker(facts) && by_time
}

/// A token that has run out is renewed by an account that nobody can log in to now.
fn login(cause: &Finding, one: &Finding, facts: &Facts) -> bool {
    let (true, Some(registry)) = (one.rule.id == "PULL-02", &one.registry) else { return false };
    let mut clouds = facts.clouds.iter().filter(|cloud| cloud.servers.contains(registry));
    match cause.rule.id {
        "CLD-01" | "CLD-02" | "CLD-03" | "CLD-05" => {
            clouds.any(|cloud| cloud.servers.contains(&cause.root.name))
        }
        "DOC-12" => clouds.any(is_refused_by_time),
        _ => false,
    }
}

fn is_refused_by_time(cloud: &Cloud) -> bool {
    let refused = cloud.identity.refused().or(cloud.token.refused());
    refused.is_some_and(|refused| refused.code == "CLOCK_WRONG")
}

/// A registry that is a container on a network that is gone answers no node.
fn network(cause: &Finding, one: &Finding, facts: &Facts) -> bool {
    let (true, Some(registry)) = (one.rule.id == "PULL-08", &one.registry) else { return false };
    let host = registry.split(':').next().unwrap_or_default();
    let is_registry = |container: &&Container| {
        [Some(&container.name), container.service.as_ref()]
            .into_iter()
            .flatten()
            .any(|name| name == host)
    };
    let known = facts.networks.seen().map(Vec::as_slice).unwrap_or_default();
    let is_gone = |(name, id): &(String, String)| {
        *name == cause.root.name && !id.is_empty() && known.iter().all(|network| network.id != *id)
    };
    let mut all = facts.containers.seen().into_iter().flatten().filter(is_registry);
    cause.rule.id == "CMP-02" && all.any(|container| container.networks.iter().any(is_gone))
}

/// A node that does not answer, with the container that it is, where that does not run.
fn with_container(mut finding: Finding, facts: &Facts) -> Finding {
    let Root { kind, name, .. } = &finding.root;
    let all = facts.containers.seen().into_iter().flatten();
    let mut halted = all.filter(|one| one.is_node && !one.runs && one.name == *name);
    if finding.rule.id == "NODE-01" && kind == "Node" && halted.next().is_some() {
        finding.evidence.push(Evidence::new(format!("container {name}"), "it does not run"));
        finding.evidence.truncate(5);
        finding.fix = Some(Fix::run(CommandLine::tool("docker").args(["start", name])));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::{Confidence, Whose, path};
    use crate::doctor::host::facts::{Disk, Look, Network, WantedCluster};
    use crate::doctor::rule::by_id;
    use crate::event;

    const ECR: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

    fn finding(rule: &str, kind: &str, name: &str, words: &str) -> Finding {
        let namespace = if ["Secret", "Deployment"].contains(&kind) { "shop" } else { "" };
        Finding {
            rule: by_id(rule),
            root: Root::new(kind, namespace, name),
            summary: words.to_owned(),
            evidence: Vec::new(),
            fix: None,
            confidence: Confidence::Proven,
            whose: Whose::Environment,
            affects: vec![Root::new("Deployment", "shop", "web")],
            pods: 2,
            needs: None,
            registry: None,
            is_by_hand: false,
        }
    }

    /// What a machine is on which a cluster of this tool stands.
    fn facts(tool: &str) -> Facts {
        let text = str::to_owned;
        let refused = event::Finding {
            code: text("ECR_CREDENTIALS_EXPIRED"),
            rule: None,
            summary: String::new(),
            evidence: Vec::new(),
            fix: None,
        };
        let registry = Container {
            name: text("stack-registry-1"),
            service: Some(text("registry")),
            networks: vec![(text("stack"), text("dead"))],
            ..Container::default()
        };
        let node =
            Container { name: text("k3d-lab-agent-0"), is_node: true, ..Container::default() };
        Facts {
            cluster: Some(WantedCluster {
                tool: text(tool),
                name: text("lab"),
                context: text("lab"),
                version: None,
                memory: None,
                nodes: 1,
            }),
            disks: vec![
                Disk { path: text("/var/lib/docker"), is_dockers: true, ..Disk::default() },
                Disk { path: text("/project"), ..Disk::default() },
            ],
            clouds: vec![Cloud {
                servers: vec![text("other.example"), text(ECR)],
                identity: Look::Refused(refused),
                token: Look::Unneeded,
            }],
            networks: Look::Seen(vec![Network {
                id: text("alive"),
                name: text("stack"),
                ..Network::default()
            }]),
            containers: Look::Seen(vec![registry, node]),
            ..Facts::default()
        }
    }

    /// Whether a cause below explains a finding inside of a cluster of this tool.
    fn explains(tool: &str, cause: &Finding, one: &Finding) -> bool {
        let mut below = [cause.clone()];
        let kept = folded(&mut below, vec![one.clone()], &facts(tool));
        if kept.is_empty() {
            let affects: Vec<String> = below[0].affects.iter().map(path).collect();
            assert!(affects.contains(&path(&one.root)), "{affects:?}");
            assert!(affects.contains(&"deployment/shop/web".to_owned()) && below[0].pods == 4);
        } else {
            assert_eq!(below.first(), Some(cause));
        }
        kept.is_empty()
    }

    #[test]
    fn a_cause_below_explains_what_shows_inside_along_its_own_edge() {
        let pressure = finding("NODE-03", "Node", "lab", "DiskPressure");
        let evicted = finding("NODE-03", "Deployment", "web", "exceeds the limit of its own");
        let full = finding("PULL-22", "Deployment", "web", "no space left on device");
        let cut = finding("PULL-22", "Deployment", "web", "unexpected EOF");
        let silent = finding("NODE-01", "Node", "lab", "Kubelet stopped posting node status");
        let crash = finding("CRASH-12", "Deployment", "web", "Signature expired");
        let rights = finding("CRASH-12", "Deployment", "web", "AccessDenied");
        let invalid = finding(
            "PULL-10",
            "Deployment",
            "web",
            "x509: certificate has expired or is not yet valid",
        );
        let unknown = finding(
            "PULL-10",
            "Deployment",
            "web",
            "x509: certificate signed by unknown authority",
        );
        let at =
            |registry: &str, one: Finding| Finding { registry: Some(registry.to_owned()), ..one };
        let token = at(ECR, finding("PULL-02", "Secret", "pull", ""));
        let elsewhere = at("ghcr.io", token.clone());
        let missing = at(ECR, finding("PULL-01", "Secret", "pull", ""));
        let local = at("registry:5000", finding("PULL-08", "Registry", "registry:5000", ""));
        let far = at("far.example", local.clone());

        let docker = finding("DOC-04", "disk", "/var/lib/docker", "");
        let project = finding("DOC-04", "disk", "/project", "");
        let stopped = finding("K3D-08", "cluster", "lab", "");
        let engine = finding("DOC-01", "docker", "engine", "");
        let skewed = finding("DOC-12", "clock", "machine", "");
        let login = finding("CLD-02", "registry", "other.example", "");
        let rights_lacking = finding("CLD-04", "registry", "other.example", "");
        let dead = finding("CMP-02", "network", "stack", "");
        let alive = finding("CMP-02", "network", "other", "");
        for (tool, cause, one, wanted) in [
            ("k3d", &docker, &pressure, true),
            ("minikube", &docker, &full, true),
            ("existing", &docker, &pressure, false),
            ("k3d", &project, &pressure, false),
            ("k3d", &docker, &evicted, false),
            ("k3d", &docker, &cut, false),
            ("k3d", &docker, &silent, false),
            ("k3d", &stopped, &silent, true),
            ("k3d", &stopped, &pressure, false),
            ("docker-desktop", &engine, &silent, true),
            ("k3s", &engine, &silent, false),
            ("minikube", &skewed, &crash, true),
            ("minikube", &skewed, &rights, false),
            ("minikube", &skewed, &invalid, true),
            ("minikube", &skewed, &unknown, false),
            ("existing", &skewed, &crash, false),
            ("existing", &login, &token, true),
            ("existing", &login, &elsewhere, false),
            ("existing", &login, &missing, false),
            ("existing", &rights_lacking, &token, false),
            // The account was refused for another reason than the time.
            ("minikube", &skewed, &token, false),
            ("k3d", &dead, &local, true),
            ("k3d", &dead, &far, false),
            ("k3d", &alive, &local, false),
        ] {
            let case = format!("{tool}: {} {} and {one:?}", cause.rule.id, cause.root.name);
            assert_eq!(explains(tool, cause, one), wanted, "{case}");
        }
    }

    #[test]
    fn a_wrong_clock_is_why_an_account_was_refused_and_a_token_ran_out() {
        let mut facts = facts("existing");
        if let Look::Refused(refused) = &mut facts.clouds[0].identity {
            refused.code = "CLOCK_WRONG".to_owned();
        }
        let token = finding("PULL-02", "Secret", "pull", "");
        let token = Finding { registry: Some(ECR.to_owned()), ..token };
        let mut below = [finding("DOC-12", "clock", "machine", "")];
        assert_eq!(folded(&mut below, vec![token], &facts), []);
    }

    #[test]
    fn a_node_whose_container_does_not_run_is_started_by_its_name() {
        let node = finding("NODE-01", "Node", "k3d-lab-agent-0", "not ready");
        let other = finding("NODE-01", "Node", "k3d-lab-agent-1", "not ready");
        let kept = folded(&mut [], vec![node, other.clone()], &facts("k3d"));
        assert_eq!(kept[0].fix.as_ref().unwrap().command, "docker start k3d-lab-agent-0");
        assert!(kept[0].evidence.iter().any(|line| line.text == "it does not run"));
        assert_eq!(kept[1], other);
    }
}
