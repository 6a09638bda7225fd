//! What helm, kustomize and the command lines of clouds print, and the code and the words that it must give.

use super::{KnownIssue, clouds, helm, kustomize};
use crate::policy::classify::known;
use crate::policy::tool::Tool;

fn rows() -> impl Iterator<Item = &'static KnownIssue> {
    clouds::ISSUES.iter().chain(helm::ISSUES).chain(kustomize::ISSUES)
}

/// What the tools print, recorded of helm 3.17 and 4.3 and of kustomize 5.8, the code that it
/// must give, and words of the sentence.
const FIXTURES: &[(Tool, &str, &str, &str)] = &[
    (
        Tool::Helm,
        "CHART_DEPENDENCIES_MISSING",
        "charts` folder: redis",
        "Error: An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: redis",
    ),
    (Tool::Helm, "CHART_MISSING", "no chart", "Error: path \"./nope\" not found"),
    (Tool::Helm, "CHART_MISSING", "no chart", "Error: Chart.yaml file is missing"),
    (
        Tool::Helm,
        "CHART_MISSING",
        "no chart",
        "Error: unable to detect chart at /p/empty/Chart.yaml: open /p/empty/Chart.yaml: no such file or directory",
    ),
    (Tool::Helm, "CHART_MISSING", "no chart", "Error: repo repo not found"),
    (
        Tool::Helm,
        "CHART_MISSING",
        "no chart",
        "Error: non-absolute URLs should be in form of repo_name/path_to_chart, got: nope",
    ),
    (
        Tool::Helm,
        "CHART_INVALID",
        "cannot be read",
        "Error: cannot load Chart.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context",
    ),
    (
        Tool::Helm,
        "CHART_KUBERNETES_VERSION",
        "wants Kubernetes >=1.99, and the cluster has v1.36.2",
        "Error: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.36.2",
    ),
    (
        Tool::Helm,
        "VALUES_INVALID",
        "`missing.yaml`",
        "Error: open missing.yaml: no such file or directory",
    ),
    (
        Tool::Helm,
        "VALUES_INVALID",
        "`bad.yaml`",
        "Error: failed to parse bad.yaml: error converting YAML to JSON: yaml: line 1: did not find expected ',' or ']'",
    ),
    (
        Tool::Helm,
        "RELEASE_NAME_INVALID",
        "`R_bad`",
        "Error: release name \"R_bad\": invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ and the length must not be longer than 53",
    ),
    (
        Tool::Helm,
        "RELEASE_NAME_INVALID",
        "`R_bad`",
        "level=ERROR msg=\"release name check failed\" error=\"release name \\\"R_bad\\\": invalid release name, must match regex ^[a-z0-9]+$\"",
    ),
    (Tool::Helm, "HELM_TOO_OLD", "`--labels`", "Error: unknown flag: --labels"),
    (
        Tool::Helm,
        "RELEASE_BUSY",
        "another helm",
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
    ),
    (
        Tool::Helm,
        "RELEASE_TAKEN",
        "in the way",
        "Error: INSTALLATION FAILED: cannot re-use a name that is still in use",
    ),
    (
        Tool::Helm,
        "RELEASE_BROKEN",
        "`rel`",
        "Error: UPGRADE FAILED: \"rel\" has no deployed releases",
    ),
    (
        Tool::Helm,
        "RELEASE_OBJECT_FOREIGN",
        "ConfigMap `rel-cm`",
        "Error: unable to continue with install: ConfigMap \"rel-cm\" in namespace \"default\" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"",
    ),
    (
        Tool::Helm,
        "KIND_UNKNOWN",
        "Widget of x.io/v1",
        "Error: unable to build kubernetes objects from release manifest: resource mapping not found for name: \"w\" namespace: \"\" from \"\": no matches for kind \"Widget\" in version \"x.io/v1\"",
    ),
    (
        Tool::Helm,
        "NAMESPACE_TERMINATING",
        "being deleted",
        "Error: 1 error occurred: secrets \"a\" is forbidden: unable to create new content in namespace x because it is being terminated",
    ),
    (
        Tool::Helm,
        "NAMESPACE_MISSING",
        "`default`",
        "Error: create: failed to create: namespaces \"default\" not found",
    ),
    (
        Tool::Helm,
        "WEBHOOK_UNREACHABLE",
        "`x.y`",
        "\t* Internal error occurred: failed calling webhook \"x.y\": failed to call webhook: Post \"https://x.y.svc:443/m?timeout=10s\": dial tcp 10.0.0.1:443: connect: connection refused",
    ),
    (
        Tool::Helm,
        "API_FORBIDDEN",
        "`dev` may not list secrets in namespace `default`",
        "Error: query: failed to query with labels: secrets is forbidden: User \"dev\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"",
    ),
    (
        Tool::Helm,
        "API_UNAUTHORIZED",
        "not accepted",
        "Error: kubernetes cluster unreachable: the server has asked for the client to provide credentials",
    ),
    (
        Tool::Helm,
        "API_UNAUTHORIZED",
        "not accepted",
        "Error: query: failed to query with labels: Unauthorized",
    ),
    (
        Tool::Helm,
        "FIELD_IMMUTABLE",
        "`spec.selector` of Deployment `api`",
        "Error: server-side apply failed for object default/api apps/v1, Kind=Deployment: Deployment.apps \"api\" is invalid: spec.selector: Invalid value: {}: field is immutable",
    ),
    (
        Tool::Helm,
        "NODE_PORT_TAKEN",
        "node port 30080",
        "Error: Service \"api\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
    ),
    (
        Tool::Helm,
        "FIELD_OWNED",
        "`.data.v` of `default/rel-cm` is owned by `kubectl-edit`",
        "Error: conflict occurred while applying object default/rel-cm /v1, Kind=ConfigMap: Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.v",
    ),
    (
        Tool::Helm,
        "OBJECT_INVALID",
        "`spec.replicas`",
        "Error: Deployment.apps \"api\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    ),
    (
        Tool::Helm,
        "RELEASE_HOOK_FAILED",
        "post-install hook",
        "Error: failed post-install: 1 error occurred:",
    ),
    (
        Tool::Helm,
        "API_UNREACHABLE",
        "does not answer",
        "Error: Kubernetes cluster unreachable: Get \"http://localhost:8080/version\": dial tcp 127.0.0.1:8080: connect: connection refused",
    ),
    (
        Tool::Helm,
        "CHART_REPOSITORY_UNREACHABLE",
        "repository",
        "Error: Get \"https://127.0.0.1:1/v2/x/tags/list\": dial tcp 127.0.0.1:1: connect: connection refused",
    ),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_MISSING",
        "no kustomization",
        "error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '/p/k'",
    ),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_MISSING",
        "no kustomization",
        "error: must build at directory: not a valid directory: evalsymlink failure on 'nothere' : lstat /p/nothere: no such file or directory",
    ),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_INVALID",
        "`/p/kz/a.yaml` is outside",
        "error: accumulating resources: accumulation err='accumulating resources from '../kz/a.yaml': security; file '/p/kz/a.yaml' is not in or below '/p/k'': must build at directory: '/p/kz/a.yaml': file is not directory",
    ),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_INVALID",
        "`no.yaml`",
        "error: accumulating resources: accumulation err='accumulating resources from 'no.yaml': evalsymlink failure on '/p/k/no.yaml' : lstat /p/k/no.yaml: no such file or directory': must build at directory: not a valid directory",
    ),
    (Tool::Kustomize, "KUSTOMIZATION_INVALID", "Helm chart", "`: must specify --enable-helm"),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_INVALID",
        "unknown field",
        "error: invalid Kustomization: json: unknown field \"resourcez\"",
    ),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_INVALID",
        "in File: a.yaml",
        "error: accumulating resources: accumulating resources from 'a.yaml': MalformedYAMLError: yaml: mapping values are not allowed in this context in File: a.yaml",
    ),
    (
        Tool::Kustomize,
        "KUSTOMIZATION_INVALID",
        "no resource matches",
        "error: no resource matches strategic merge patch \"Deployment.v1.apps/zz.[noNs]\": no matches for Id Deployment.v1.apps/zz.[noNs]; failed to find unique target for patch Deployment.v1.apps/zz.[noNs]",
    ),
];

/// The same of the command lines of clouds.
const CLOUDS: &[(Tool, &str, &str, &str)] = &[
    (
        Tool::Az,
        "CLOUD_LOGIN_NEEDED",
        "login to Azure",
        "ERROR: Please run 'az login' to setup account.",
    ),
    (
        Tool::Az,
        "CLOUD_LOGIN_NEEDED",
        "login to Azure",
        "ERROR: AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2026-08-01T10:00:00.0000000Z and was inactive for 90.00:00:00.",
    ),
    (
        Tool::Az,
        "CLOUD_LOGIN_NEEDED",
        "login to Azure",
        "Interactive authentication is needed. Please run:",
    ),
    (
        Tool::Az,
        "CLOUD_LOGIN_NEEDED",
        "client secret",
        "ERROR: AADSTS7000222: The provided client secret keys for app '00000000-0000-0000-0000-000000000001' are expired.",
    ),
    (
        Tool::Az,
        "ACR_ADMIN_DISABLED",
        "`driftregistry` is switched off",
        "ERROR: Run 'az acr update -n driftregistry --admin-enabled true' to enable admin first.",
    ),
    (
        Tool::Az,
        "ACR_UNKNOWN",
        "`Dev (0000)` has no registry",
        "ERROR: The resource with name 'driftregistry' and type 'Microsoft.ContainerRegistry/registries' could not be found in subscription 'Dev (0000)'.",
    ),
    (
        Tool::Gcloud,
        "CLOUD_LOGIN_NEEDED",
        "Google Cloud",
        "ERROR: (gcloud.auth.print-access-token) You do not currently have an active account selected.",
    ),
    (
        Tool::Gcloud,
        "CLOUD_LOGIN_NEEDED",
        "Google Cloud",
        "ERROR: (gcloud.auth.print-access-token) Your current active account [ann@example.com] does not have any valid credentials",
    ),
    (
        Tool::Gcloud,
        "CLOUD_LOGIN_NEEDED",
        "Google Cloud",
        "ERROR: (gcloud.auth.print-access-token) There was a problem refreshing your current auth tokens: Reauthentication failed. cannot prompt during non-interactive execution.",
    ),
    (
        Tool::Aws,
        "CLOUD_LOGIN_NEEDED",
        "login to AWS",
        "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
    ),
    (
        Tool::Aws,
        "CLOUD_LOGIN_NEEDED",
        "login to AWS",
        "Error loading SSO Token: Token for https://example.awsapps.com/start does not exist",
    ),
];

#[test]
fn each_fixture_gives_its_code_and_its_words() {
    for (tool, code, says, words) in FIXTURES.iter().chain(CLOUDS) {
        let failure = known(*tool, "render `x`", words).unwrap_or_else(|| panic!("{words}"));
        assert_eq!(failure.code, *code, "{words}");
        assert!(failure.summary.contains(says), "{}", failure.summary);
        assert!(!failure.summary.contains(['{', '}']), "{}", failure.summary);
    }
}

#[test]
fn each_row_is_reached_by_a_fixture() {
    for issue in rows() {
        let is_first = |(tool, _, _, words): &&(Tool, &str, &str, &str)| {
            let first = rows().find(|row| row.is_said_by(*tool) && row.find(words).is_some());
            first.is_some_and(|row| row.pattern == issue.pattern)
        };
        let count = FIXTURES.iter().chain(CLOUDS).filter(is_first).count();
        assert!(count > 0, "no fixture for {} {}", issue.code, issue.pattern);
    }
}
