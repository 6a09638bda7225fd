//! What helm says when something well known is wrong, the refusals of the API server that it hands
//! on included. The codes of those are the same as for mlup's own requests.

use super::KnownIssue;
use crate::event::Safety;
use crate::policy::Class;
use crate::policy::tool::Tool;

const HELM: &[Tool] = &[Tool::Helm];

/// The rows of helm. The first that matches wins.
pub(super) const ISSUES: &[KnownIssue] = &[
    KnownIssue {
        code: "CHART_DEPENDENCIES_MISSING",
        tools: HELM,
        pattern: r"missing in charts/ directory: (?P<charts>.+)$",
        class: Class::Config,
        cause: "charts that it needs are not in its `charts` folder: {charts}",
        fix: ("helm dependency build CHART   # CHART is the folder of the chart", Safety::Safe),
    },
    KnownIssue {
        code: "CHART_MISSING",
        tools: HELM,
        pattern: r#"path "(?P<path>[^"]+)" not found|chart\.yaml file is missing|unable to detect chart at (?P<file>\S+):|repo (?P<repo>\S+) not found|non-absolute urls should be in form of repo_name/path_to_chart, got: (?P<name>\S+)|chart "(?P<chart>[^"]+)" (matching \S+ )?not found in"#,
        class: Class::Config,
        cause: "there is no chart at `helm` of the `[[deploy]]`",
        fix: (
            "name the folder that holds Chart.yaml, or `helm repo add` the repository that is named",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "CHART_INVALID",
        tools: HELM,
        pattern: r"cannot load (?P<file>chart\.yaml|values\.yaml|chart\.lock|\S+\.json)|validation: chart\.metadata|(?P<gzip>gzip: invalid header|does not appear to be a gzipped archive)",
        class: Class::Config,
        cause: "the chart itself cannot be read",
        fix: ("helm lint CHART   # CHART is the folder of the chart", Safety::Safe),
    },
    KnownIssue {
        code: "CHART_KUBERNETES_VERSION",
        tools: HELM,
        pattern: r"chart requires kubeversion: (?P<wanted>.+) which is incompatible with kubernetes (?P<has>\S+)",
        class: Class::Prerequisite,
        cause: "the chart wants Kubernetes {wanted}, and the cluster has {has}",
        fix: (
            "set `kubernetes_version` of `[cluster]`, or take another version of the chart",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "VALUES_INVALID",
        tools: HELM,
        pattern: r"open (?P<missing>\S+): no such file or directory|failed to parse (?P<file>\S+): ",
        class: Class::Config,
        cause: "the values file `{missing}{file}` cannot be read",
        fix: ("correct `values` of the `[[deploy]]`, or the file", Safety::Safe),
    },
    KnownIssue {
        code: "RELEASE_NAME_INVALID",
        tools: HELM,
        pattern: r#"release name \\?"(?P<name>[^"\\]+)\\?": invalid release name"#,
        class: Class::Config,
        cause: "`{name}` cannot be the name of a release: small letters, digits and dashes, at most 53 of them",
        fix: ("set `release` of the `[[deploy]]`", Safety::Safe),
    },
    KnownIssue {
        code: "HELM_TOO_OLD",
        tools: HELM,
        pattern: r"unknown flag: (?P<flag>\S+)",
        class: Class::Prerequisite,
        cause: "this helm does not know `{flag}`: version 3.13 or later is needed",
        fix: ("helm version --short   # then upgrade helm", Safety::Safe),
    },
    KnownIssue {
        code: "RELEASE_BUSY",
        tools: HELM,
        pattern: r"another operation \(install/upgrade/rollback\) is in progress",
        class: Class::Refused,
        cause: "another helm works on this release, or died while it did",
        fix: (
            "helm history ...   # the release; then, if no helm runs: helm rollback, or helm uninstall",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "RELEASE_TAKEN",
        tools: HELM,
        pattern: r"cannot re-?use a name that is still in use",
        class: Class::Refused,
        cause: "a release of this name is in the way",
        fix: (
            "helm history ...   # of that release; then set another `release`, or helm uninstall it",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "RELEASE_BROKEN",
        tools: HELM,
        pattern: r#""?(?P<release>[^\s"]+)"? has no deployed releases"#,
        class: Class::Refused,
        cause: "no revision of release `{release}` was ever complete, so that helm cannot upgrade it",
        fix: ("helm uninstall {release}   # then mlup start", Safety::Destructive),
    },
    KnownIssue {
        code: "RELEASE_OBJECT_FOREIGN",
        tools: HELM,
        pattern: r#"(?P<kind>\S+) "(?P<name>[^"]+)" in namespace "(?P<namespace>[^"]*)" exists and cannot be imported into the current release"#,
        class: Class::Refused,
        cause: "{kind} `{name}` is there already and belongs to no release",
        fix: (
            "kubectl -n {namespace} delete {kind} {name}   # or take it over: helm upgrade --take-ownership",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "KIND_UNKNOWN",
        tools: HELM,
        pattern: r#"no matches for kind "(?P<kind>[^"]+)" in version "(?P<version>[^"]+)""#,
        class: Class::Prerequisite,
        cause: "the cluster does not know the kind {kind} of {version}",
        fix: (
            "deploy first what brings the CustomResourceDefinition of {kind}, and let this deploy need it",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "NAMESPACE_TERMINATING",
        tools: HELM,
        pattern: r"because it is being terminated",
        class: Class::Refused,
        cause: "its namespace is being deleted",
        fix: ("kubectl get namespaces   # and what still holds it: -o yaml", Safety::Safe),
    },
    KnownIssue {
        code: "NAMESPACE_MISSING",
        tools: HELM,
        pattern: r#"namespaces "(?P<namespace>[^"]+)" not found"#,
        class: Class::Prerequisite,
        cause: "there is no namespace `{namespace}`",
        fix: ("kubectl create namespace {namespace}", Safety::Safe),
    },
    KnownIssue {
        code: "WEBHOOK_UNREACHABLE",
        tools: HELM,
        pattern: r#"failed calling webhook "(?P<webhook>[^"]+)""#,
        class: Class::Transient,
        cause: "webhook `{webhook}` does not answer yet",
        fix: (
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "API_FORBIDDEN",
        tools: HELM,
        pattern: r#"user "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in api group "[^"]*"( in the namespace "(?P<namespace>[^"]+)")?"#,
        class: Class::Prerequisite,
        cause: "user `{user}` may not {verb} {resource} in namespace `{namespace}`",
        fix: (
            "kubectl auth can-i {verb} {resource} --namespace {namespace}   # and ask the cluster's owner for that right",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "API_UNAUTHORIZED",
        tools: HELM,
        pattern: r"the server has asked for the client to provide credentials|: unauthorized$",
        class: Class::Prerequisite,
        cause: "the credentials of the context are not accepted",
        fix: ("log in again with the tool that wrote the kubeconfig", Safety::Safe),
    },
    KnownIssue {
        code: "FIELD_IMMUTABLE",
        tools: HELM,
        pattern: r#"(?P<kind>[A-Za-z]+)(\.[\w.]+)? "(?P<name>[^"]+)" is invalid: (?P<field>[\w.\[\]]+): .*(field is immutable|forbidden after creation|updates to statefulset spec)"#,
        class: Class::Refused,
        cause: "field `{field}` of {kind} `{name}` cannot be changed once it is there",
        fix: (
            "kubectl delete {kind} {name}   # then mlup start; or put the old value back",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "NODE_PORT_TAKEN",
        tools: HELM,
        pattern: r"invalid value: (?P<port>\d+): provided port is already allocated",
        class: Class::Refused,
        cause: "node port {port} belongs to another service",
        fix: (
            "kubectl get services -A   # then choose another `nodePort` than {port}",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "FIELD_OWNED",
        tools: HELM,
        pattern: r#"applying object (?P<object>\S+).*conflict with "(?P<manager>[^"]+)"[^:]*: (?P<field>\S+)"#,
        class: Class::Refused,
        cause: "field `{field}` of `{object}` is owned by `{manager}`",
        fix: (
            "take `{field}` out of the chart's values, or let `{manager}` give it up: helm upgrade --force-conflicts",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "OBJECT_INVALID",
        tools: HELM,
        pattern: r#"(?P<kind>[A-Za-z]+)(\.[\w.]+)? "(?P<name>[^"]+)" is invalid: (?P<field>[\w.\[\]]+): (?P<why>.+)$"#,
        class: Class::Config,
        cause: "{kind} `{name}` is not valid: `{field}`: {why}",
        fix: ("correct that field in the chart or its values", Safety::Safe),
    },
    KnownIssue {
        code: "RELEASE_HOOK_FAILED",
        tools: HELM,
        pattern: r"failed (?P<phase>(pre|post)-(install|upgrade|delete|rollback)): ",
        class: Class::Permanent,
        cause: "a {phase} hook of the chart did not succeed",
        fix: (
            "kubectl get jobs,pods   # in the deploy's namespace; then: kubectl logs",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "API_UNREACHABLE",
        tools: HELM,
        pattern: r"kubernetes cluster unreachable",
        class: Class::Transient,
        cause: "the cluster does not answer",
        fix: ("mlup status", Safety::Safe),
    },
    KnownIssue {
        code: "CHART_REPOSITORY_UNREACHABLE",
        tools: HELM,
        pattern: r#"(looks like "(?P<url>[^"]+)" is not a valid chart repository or cannot be reached|dial tcp:? .*(no such host|i/o timeout|connection refused|network is unreachable|server misbehaving)|tls handshake timeout)"#,
        class: Class::Transient,
        cause: "the repository of the chart could not be reached",
        fix: (
            "check network and proxy, or keep the chart in a folder of the project",
            Safety::Safe,
        ),
    },
];
