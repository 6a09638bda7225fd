//! Rules on the way to the API server: the kubeconfig, the program that fetches credentials, the
//! certificates, the server itself, and versions that are too far apart.

use jiff::Timestamp;

use super::draft::{draft, said};
use super::facts::{Access, Facts, Plugin, WantedCluster};
use super::machine::minor;
use super::table::of_code;
use crate::doctor::finding::Finding;
use crate::doctor::rejection;
use crate::event;
use crate::quote::quote;

/// The version of the credential protocol that kubectl gave up with 1.24.
const GIVEN_UP: &str = "client.authentication.k8s.io/v1alpha1";

/// `API-01` to `API-10`, `API-13`, `K3S-07`, `K3S-13`.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Some(cluster) = &facts.cluster else { return Vec::new() };
    let context = &cluster.context;
    let mut found: Vec<Finding> = Vec::new();
    found.extend(facts.access.refused().map(|refused| said("API-10", "context", context, refused)));
    if let Some(access) = facts.access.seen() {
        found.extend(access.plugin.as_ref().and_then(|plugin| of_plugin(plugin, context)));
        found.extend(expired(access, cluster, facts.taken));
    }
    let is_known = |rule: &str| found.iter().any(|one| one.rule.id == rule);
    let server = facts.access.seen().map(|access| access.server.as_str()).unwrap_or_default();
    if let Some(refused) = facts.api.refused()
        && let Some(finding) = of_api(refused, cluster, server)
        && !is_known(finding.rule.id)
    {
        found.push(finding);
    }
    found.extend(skew(facts));
    found
}

fn of_plugin(plugin: &Plugin, context: &str) -> Option<Finding> {
    let command = &plugin.command;
    let source = format!("kubeconfig, context {context}");
    if !plugin.is_there {
        let summary = format!(
            "the context `{context}` fetches its credentials with `{command}`, which is not on PATH"
        );
        let mut finding = draft("API-06", "context", context, summary)
            .because(source, format!("exec.command {command}"))
            .mended_by(rejection::install_plugin(command, plugin.hint.as_deref()));
        let hint = plugin.hint.as_deref().unwrap_or_default();
        for line in hint.lines().map(str::trim).filter(|line| !line.is_empty()).take(3) {
            finding = finding.because("kubeconfig, installHint", line);
        }
        return Some(finding);
    }
    (plugin.api_version == GIVEN_UP).then(|| {
        let summary = format!(
            "the context `{context}` speaks to `{command}` by {GIVEN_UP}, which kubectl and helm \
             refuse since 1.24"
        );
        draft("API-08", "context", context, summary)
            .because(source, format!("exec.apiVersion {GIVEN_UP}"))
            .mended_by(fetch_again(context, "", ""))
    })
}

/// The server says only that it wants a login; the date says why.
fn expired(access: &Access, cluster: &WantedCluster, taken: i64) -> Option<Finding> {
    let end = access.certificate_end.filter(|end| *end < taken)?;
    let date = Timestamp::from_second(end).ok()?;
    let summary =
        format!("the client certificate of the context `{}` ended on {date}", cluster.context);
    let finding = draft("API-04", "context", &cluster.context, summary)
        .because(format!("kubeconfig, context {}", cluster.context), format!("notAfter {date}"))
        .mended_by(fetch_again(&cluster.context, &access.server, &cluster.tool));
    Some(finding)
}

/// What the server, or the silence in its place, means.
fn of_api(refused: &event::Finding, cluster: &WantedCluster, server: &str) -> Option<Finding> {
    let lines = refused.evidence.iter().map(|line| line.text.as_str());
    let words = [refused.summary.as_str()].into_iter().chain(lines).collect::<Vec<_>>().join("\n");
    let is_k3s = cluster.tool == "k3s";
    let rule = match refused.code.as_str() {
        "API_UNREACHABLE" | "CLUSTER_UNREACHABLE" => unreached(&words),
        "API_CERTIFICATE_EXPIRED" if is_k3s => "K3S-13",
        "API_CERTIFICATE_UNKNOWN" if is_k3s && words.contains("another address") => "K3S-07",
        code => of_code(code)?.id,
    };
    let again = || fetch_again(&cluster.context, server, &cluster.tool);
    let finding = said(rule, "context", &cluster.context, refused);
    let finding = finding.because("kubeconfig", format!("server {server}"));
    let starts = ["k3d", "minikube"].contains(&cluster.tool.as_str());
    let finding = Finding { is_by_hand: rule == "API-01" && !starts, ..finding };
    Some(match rule {
        "API-01" => finding.mended_by(start(cluster)),
        "API-02" => finding.mended_by(still_there(server, &cluster.context)),
        "API-03" => finding.mended_by(format!(
            "curl -vk --max-time 5 {}/version   # VPN, firewall, authorised networks, or a cluster that was halted",
            quote(server)
        )),
        "API-04" | "API-09" => finding.mended_by(again()),
        "K3S-07" => finding.mended_by("mlup start   # puts the address into tls-san of /etc/rancher/k3s/config.yaml"),
        "K3S-13" => finding.mended_by("sudo systemctl restart k3s   # on the machine; then mlup start"),
        "API-07" => finding.mended_by(rejection::log_in(&words)),
        _ => finding,
    })
}

/// Which silence it is.
pub(super) fn unreached(words: &str) -> &'static str {
    match rejection::classify(words).map(|told| told.rule.id) {
        Some(rule @ ("API-01" | "API-02")) => rule,
        _ => "API-03",
    }
}

fn start(cluster: &WantedCluster) -> String {
    match cluster.tool.as_str() {
        "minikube" => format!("minikube start -p {}", quote(&cluster.name)),
        "k3d" => format!("k3d cluster start {}", quote(&cluster.name)),
        "k3s" => "sudo systemctl start k3s   # on the machine; mlup start does it too".to_owned(),
        "docker-desktop" => "start Docker Desktop, and its Kubernetes".to_owned(),
        _ => format!(
            "kubectl --context {} cluster-info   # after its owner started it",
            quote(&cluster.context)
        ),
    }
}

/// Asks a cloud whether the cluster of this address is still there.
fn still_there(server: &str, context: &str) -> String {
    let look = if server.contains(".azmk8s.io") {
        "az aks list -o table"
    } else if server.contains(".eks.amazonaws.com") {
        "aws eks list-clusters"
    } else if context.starts_with("gke_") {
        "gcloud container clusters list"
    } else {
        return format!(
            "kubectl config delete-context {}   # where the cluster is gone; else look at VPN and DNS",
            quote(context)
        );
    };
    format!("{look}   # where it is gone: kubectl config delete-context {}", quote(context))
}

/// The command that writes the kubeconfig of this cluster anew.
fn fetch_again(context: &str, server: &str, tool: &str) -> String {
    let gke: Vec<&str> = context.splitn(4, '_').collect();
    if let ["gke", project, place, name] = gke.as_slice() {
        return format!(
            "gcloud container clusters get-credentials {} --location {} --project {}",
            quote(name),
            quote(place),
            quote(project)
        );
    }
    let eks: Vec<&str> = context.splitn(6, ':').collect();
    if let ["arn", _, "eks", region, _, cluster] = eks.as_slice()
        && let Some(name) = cluster.strip_prefix("cluster/")
    {
        return format!("aws eks update-kubeconfig --name {} --region {region}", quote(name));
    }
    if server.contains(".azmk8s.io") {
        let name = quote(context);
        return format!(
            "az aks get-credentials --overwrite-existing --name {name} --resource-group ...   # az aks list -o table names the group"
        );
    }
    match tool {
        "minikube" => format!("minikube update-context -p {}", quote(context)),
        "k3d" => {
            let name = context.strip_prefix("k3d-").unwrap_or(context);
            format!("k3d kubeconfig merge {} --kubeconfig-merge-default", quote(name))
        }
        "k3s" => "mlup start   # fetches the kubeconfig from the machine".to_owned(),
        _ => "fetch the kubeconfig again from where the cluster was made".to_owned(),
    }
}

/// `API-13`: kubectl is made for servers one minor version older or newer.
fn skew(facts: &Facts) -> Option<Finding> {
    let (client, server) = (facts.kubectl.seen()?, facts.api.seen()?);
    let apart = minor(client)?.abs_diff(minor(server)?);
    if apart <= 1 {
        return None;
    }
    let summary = format!(
        "kubectl {client} is {apart} minor versions apart from the API server {server}; one is \
         supported, and steps of this configuration run kubectl"
    );
    let finding = draft("API-13", "tool", "kubectl", summary)
        .because("kubectl version --client", client.clone())
        .because("GET /version", server.clone())
        .mended_by(format!("install kubectl {server}: https://kubernetes.io/docs/tasks/tools/"))
        .likely();
    Some(finding)
}
