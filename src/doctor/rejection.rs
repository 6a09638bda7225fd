//! What kubectl and the API server say when they refuse: a table of words, one row a cause, each with
//! its rule. For text alone; where the answer has a structure, that decides.

use regex::{Captures, Regex, RegexBuilder};

use super::rule::{Rule, by_id};
use crate::event::{Evidence, Fix, Form};
use crate::policy::classify::shorten;
use crate::quote::quote;

/// What the words mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The rule.
    pub rule: &'static Rule,
    /// One sentence without a final period.
    pub summary: String,
    /// The lines that say so.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub fix: Fix,
}

/// One row: `{group}` stands for what a group of the pattern matched.
struct Row {
    rule: &'static str,
    /// Matches one line, upper and lower case alike.
    pattern: &'static str,
    cause: &'static str,
    fix: &'static str,
}

const fn row(
    rule: &'static str,
    pattern: &'static str,
    cause: &'static str,
    fix: &'static str,
) -> Row {
    Row { rule, pattern, cause, fix }
}

/// The first row that matches wins: causes come before what follows from them.
const ROWS: &[Row] = &[
    row(
        "API-06",
        r"exec: executable (?P<plugin>\S+) not found|unable to run auth exec: .*\(os error 2\)",
        "the kubeconfig fetches its credentials with `{plugin}`, which is not on PATH",
        "",
    ),
    row(
        "API-07",
        r"exec: executable (?P<plugin>\S+) failed with exit code (?P<code>\d+)",
        "`{plugin}`, which fetches the kubeconfig's credentials, gave none (exit code {code}): its login is missing or has expired",
        "",
    ),
    row(
        "API-08",
        r"invalid apiVersion .*client\.authentication\.k8s\.io/v1alpha1|exec plugin: invalid apiversion",
        "the kubeconfig names a version of the credential protocol that is no longer spoken",
        "fetch the kubeconfig again from where the cluster was made",
    ),
    row(
        "API-10",
        r#"context was not found for specified context: (?P<context>\S+)|context "(?P<named>[^"]+)" does not exist|kubeconfig has no context `(?P<told>[^`]+)`"#,
        "the kubeconfig has no context `{context}{named}{told}`",
        "kubectl config get-contexts",
    ),
    row(
        "API-04",
        r"you must be logged in to the server|\b401\b.*unauthorized|\(unauthorized\)|does not accept the credentials",
        "the API server does not accept the kubeconfig's credentials (Unauthorized): they are wrong or have expired",
        "fetch the kubeconfig again from where the cluster was made",
    ),
    row(
        "API-09",
        r#"x509: certificate (?P<why>signed by unknown authority|is valid for [^"]+|has expired[^"]*)"#,
        "the API server's certificate is not to be trusted: {why}; it is of another cluster, for another address, or old",
        "fetch the kubeconfig again from where the cluster was made",
    ),
    row(
        "REG-08",
        r#"user "(?P<user>[^"]+)" cannot (?P<verb>create|update|patch|delete) resource "(?P<resource>secrets|serviceaccounts)""#,
        "the user `{user}` may not {verb} {resource}, which pull secrets need",
        "kubectl create role mlup-pull-secrets --verb=get,create,update,patch --resource=secrets,serviceaccounts && kubectl create rolebinding mlup-pull-secrets --role=mlup-pull-secrets --user={user}   # by the cluster's owner",
    ),
    row(
        "API-05",
        r#"user "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)""#,
        "the user `{user}` may not {verb} {resource}",
        "kubectl auth can-i {verb} {resource}   # and ask the cluster's owner for that right",
    ),
    row(
        "API-14",
        r#"failed calling webhook "(?P<webhook>[^"]+)""#,
        "the webhook `{webhook}`, which the API server asks first, does not answer",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations   # then look at the pods behind it",
    ),
    row(
        "API-15",
        r#"namespaces "(?P<namespace>[^"]+)" not found"#,
        "there is no namespace `{namespace}`",
        "kubectl create namespace {namespace}",
    ),
    row(
        "API-11",
        r#"no matches for kind "(?P<kind>[^"]+)" in version "(?P<version>[^"]+)""#,
        "the cluster does not serve the kind {kind} of {version}: that API was removed, or its definition is missing",
        "kubectl api-resources   # then take a newer manifest or chart, or deploy the definition of {kind} first",
    ),
    row(
        "API-16",
        r"metadata\.annotations: too long: .*?(?P<limit>\d+) (bytes|characters)",
        "the object is too large for the annotation that a client-side apply keeps of it: {limit} bytes",
        "kubectl apply --server-side -f ...",
    ),
    row(
        "REG-07",
        r"data\[\.dockerconfigjson\]: invalid value",
        "the pull secret's .dockerconfigjson is no JSON: it was encoded twice, or broken by a shell",
        "kubectl create secret docker-registry ... --docker-server=... --docker-username=... --docker-password=...   # or declare a [[registry]]",
    ),
    row(
        "PULL-23",
        r"containers\[\d+\]\.image: required value",
        "the image of a container is empty: a variable in its name was not set",
        "set the variable that the image's name is made of",
    ),
    row(
        "SVC-07",
        r"nodeport: invalid value: (?P<port>\d+): provided port is (?P<why>already allocated|not in the valid range)",
        "node port {port} cannot be had: it is {why}",
        "kubectl get services -A   # then choose another `nodePort` than {port}",
    ),
    row(
        "API-02",
        r"lookup (?P<host>[^\s:]+)( on \S+)?: no such host|host name does not resolve",
        "no name server knows the API server's host {host}: the cluster is gone, or its name is known in a VPN alone",
        "kubectl config get-contexts   # then fetch the kubeconfig again, or connect the VPN",
    ),
    row(
        "API-01",
        r"connection to the server (?P<server>\S+) was refused|dial tcp (?P<dialled>\S+): connect: connection refused|connection refused",
        "nothing listens at the API server's address {server}{dialled}: connection refused; the cluster is halted, or its port has changed",
        "mlup start",
    ),
    row(
        "API-03",
        r#"(?P<server>https?://[^/\s"]+)\S* .*(client\.timeout|deadline exceeded|i/o timeout|no route to host)|dial tcp (?P<dialled>\S+): (i/o timeout|connect: no route to host)"#,
        "the API server at {server}{dialled} does not answer in time: a firewall or a missing VPN is in between, or it is halted",
        "look at the VPN and the firewall on the way to {server}{dialled}",
    ),
    row(
        "ROLL-01",
        r"timed out waiting for the condition",
        "the rollout was not complete in time; its pods say why",
        "mlup doctor",
    ),
];

/// What these words mean, if they are known.
#[must_use]
pub fn classify(words: &str) -> Option<Rejection> {
    ROWS.iter().find_map(|row| row.read(words))
}

impl Row {
    fn read(&self, words: &str) -> Option<Rejection> {
        let pattern = RegexBuilder::new(self.pattern).case_insensitive(true).build().ok()?;
        let line = words.lines().find(|line| pattern.is_match(line))?;
        let found = pattern.captures(line)?;
        let fill = |template: &str| fill(template, &pattern, &found, str::to_owned);
        let quoted = |template: &str| self::fill(template, &pattern, &found, quote);
        let is_words = Fix::safe(self.fix).form == Some(Form::Advice);
        let mut evidence: Vec<&str> = vec![line];
        // A plugin says first why it fails.
        if self.rule == "API-07" {
            evidence.splice(..0, words.lines().filter(|other| *other != line).take(2));
        }
        let fix = match self.rule {
            "API-06" => install_plugin(found.name("plugin").map_or("", |name| name.as_str()), None),
            "API-07" => log_in(words),
            _ if is_words => fill(self.fix),
            _ => quoted(self.fix),
        };
        Some(Rejection {
            rule: by_id(self.rule),
            summary: fill(self.cause),
            evidence: evidence
                .into_iter()
                .map(|line| Evidence::new("stderr", shorten(line)))
                .collect(),
            fix: Fix::safe(fix),
        })
    }
}

fn fill(
    template: &str,
    pattern: &Regex,
    found: &Captures<'_>,
    shown: fn(&str) -> String,
) -> String {
    pattern.capture_names().flatten().fold(template.to_owned(), |text, name| {
        let value = found.name(name).map_or("", |group| group.as_str());
        let mark = format!("{{{name}}}");
        if text.contains(&mark) { text.replace(&mark, &shown(value)) } else { text }
    })
}

/// How a program that fetches credentials is got; `hint` is what the kubeconfig says.
#[must_use]
pub fn install_plugin(command: &str, hint: Option<&str>) -> String {
    match command.rsplit('/').next().unwrap_or(command) {
        "gke-gcloud-auth-plugin" => "gcloud components install gke-gcloud-auth-plugin   # where gcloud is apt's: sudo apt-get install google-cloud-cli-gke-gcloud-auth-plugin".to_owned(),
        "kubelogin" => "az aks install-cli   # brings kubelogin and kubectl".to_owned(),
        "aws" => "install the AWS CLI, version 2: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html".to_owned(),
        "aws-iam-authenticator" => "aws eks update-kubeconfig --name ...   # which needs no aws-iam-authenticator".to_owned(),
        name => {
            let hint = hint.into_iter().flat_map(str::lines).map(str::trim);
            let hint: Vec<&str> = hint.filter(|line| !line.is_empty()).take(3).collect();
            if hint.is_empty() {
                format!("install {name}, or put its folder on PATH")
            } else {
                hint.join(" ")
            }
        }
    }
}

/// How to log in where a plugin's words say whose login it is.
#[must_use]
pub fn log_in(words: &str) -> String {
    let lower = words.to_lowercase();
    let said = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if said(&["gcloud", "gke"]) {
        "gcloud auth login".to_owned()
    } else if said(&["az login", "aadsts", "kubelogin"]) {
        "az login && kubelogin convert-kubeconfig -l azurecli".to_owned()
    } else if said(&["sso", "aws", "expiredtoken"]) {
        "aws sso login".to_owned()
    } else {
        "run the program of the kubeconfig's `exec` by hand and log in where it asks to".to_owned()
    }
}

#[cfg(test)]
#[path = "rejection_tests.rs"]
mod tests;
