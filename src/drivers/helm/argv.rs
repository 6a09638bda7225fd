//! Command lines of helm. Values that may hold secrets go through standard input: anybody on the
//! machine can read arguments.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::cmd::Cmd;
use crate::redact::Secret;

/// Which release, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Context of the kubeconfig.
    pub context: &'a str,
}

/// What a release is made of.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Path or reference of the chart.
    pub chart: &'a str,
    /// Values files, weakest first.
    pub values: &'a [PathBuf],
    /// The single values as a document, stronger than all files.
    pub set: Option<Secret>,
}

/// Renders a chart without asking a cluster. Objects that only `helm test` makes are left out;
/// `kubernetes` is the version that charts choose their API versions by.
#[must_use]
pub fn template(release: &Release<'_>, inputs: &Inputs<'_>, kubernetes: Option<&str>) -> Cmd {
    let cmd = Cmd::new("helm").args(["template", "--namespace", release.namespace]);
    let cmd = cmd.args(["--include-crds", "--skip-tests"]);
    let cmd = match kubernetes {
        Some(version) => cmd.args(["--kube-version", version]),
        None => cmd,
    };
    with_inputs(cmd, release, inputs)
}

/// Installs a release, or upgrades it to these inputs. Helm gives up on its hooks after `limit`;
/// for everything else mlup waits itself.
#[must_use]
pub fn upgrade(
    release: &Release<'_>,
    inputs: &Inputs<'_>,
    labels: &[(&str, String)],
    limit: Duration,
) -> Cmd {
    let labels: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cmd = pinned("upgrade", release).args(["--install", "--labels", &labels.join(",")]);
    with_inputs(cmd.arg("--timeout").arg(seconds(limit)), release, inputs)
}

/// Prints the objects of a revision as helm made them, hooks left out.
#[must_use]
pub fn manifest(release: &Release<'_>, revision: u64) -> Cmd {
    let context = ["--kube-context", release.context, "--namespace", release.namespace];
    let cmd = Cmd::new("helm").args(["get", "manifest"]).args(context);
    cmd.args(["--revision", &revision.to_string(), "--", release.name])
}

/// Takes a release back to a revision, hooks left out: they are of an upgrade that never ended.
#[must_use]
pub fn rollback(release: &Release<'_>, revision: u64, limit: Duration) -> Cmd {
    let cmd = pinned("rollback", release).args(["--no-hooks", "--timeout"]).arg(seconds(limit));
    cmd.args(["--", release.name, &revision.to_string()])
}

/// Removes a release; `hooks` says whether the chart's own clean-up runs.
#[must_use]
pub fn uninstall(release: &Release<'_>, hooks: Hooks, limit: Duration) -> Cmd {
    let cmd = pinned("uninstall", release).arg("--timeout").arg(seconds(limit));
    let cmd = match hooks {
        Hooks::Run => cmd,
        Hooks::LeftOut => cmd.arg("--no-hooks"),
    };
    cmd.args(["--", release.name])
}

/// Whether hooks of a chart run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    /// They run.
    Run,
    /// They do not: the release was never complete.
    LeftOut,
}

fn pinned(verb: &str, release: &Release<'_>) -> Cmd {
    let context = ["--kube-context", release.context, "--namespace", release.namespace];
    Cmd::new("helm").arg(verb).args(context)
}

fn with_inputs(cmd: Cmd, release: &Release<'_>, inputs: &Inputs<'_>) -> Cmd {
    let cmd = inputs.values.iter().fold(cmd, |cmd, file| cmd.arg("--values").arg(field(file)));
    let mut cmd = match inputs.set {
        Some(_) => cmd.args(["--values", "-"]),
        None => cmd,
    };
    cmd.stdin.clone_from(&inputs.set);
    cmd.args(["--", release.name, inputs.chart])
}

/// A path as a field of a comma-separated list, as which helm reads `--values`.
fn field(path: &Path) -> String {
    let path = path.display().to_string();
    if path.contains([',', '"']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path }
}

fn seconds(limit: Duration) -> String {
    format!("{}s", limit.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: Release<'_> =
        Release { name: "flts", namespace: "default", context: "docker-desktop" };

    #[test]
    fn command_lines_name_context_and_namespace_and_no_value() {
        let values = [PathBuf::from("/p/values.yaml"), PathBuf::from("/p/a,b.yaml")];
        let set = Some(Secret::new("pw: canary"));
        let inputs = Inputs { chart: ".helm", values: &values, set };
        let rows = [
            (
                template(&RELEASE, &inputs, Some("v1.36.2")),
                "helm template --namespace default --include-crds --skip-tests --kube-version \
                 v1.36.2 --values /p/values.yaml --values '\"/p/a,b.yaml\"' --values - -- flts .helm",
            ),
            (
                upgrade(&RELEASE, &inputs, &[("a.b", "c".to_owned())], Duration::from_millis(2500)),
                "helm upgrade --kube-context docker-desktop --namespace default --install \
                 --labels a.b=c --timeout 2s --values /p/values.yaml --values \
                 '\"/p/a,b.yaml\"' --values - -- flts .helm",
            ),
            (
                manifest(&RELEASE, 7),
                "helm get manifest --kube-context docker-desktop --namespace default --revision 7 \
                 -- flts",
            ),
            (
                rollback(&RELEASE, 3, Duration::ZERO),
                "helm rollback --kube-context docker-desktop --namespace default --no-hooks \
                 --timeout 1s -- flts 3",
            ),
            (
                uninstall(&RELEASE, Hooks::LeftOut, Duration::from_secs(60)),
                "helm uninstall --kube-context docker-desktop --namespace default --timeout 60s \
                 --no-hooks -- flts",
            ),
        ];
        for (cmd, wanted) in rows {
            assert_eq!(cmd.to_string(), wanted);
        }
        assert_eq!(template(&RELEASE, &inputs, None).stdin.unwrap().expose(), "pw: canary");
    }

    #[test]
    fn without_single_values_nothing_is_read_from_standard_input() {
        let inputs = Inputs { chart: "repo/chart", values: &[], set: None };
        let cmd = template(&RELEASE, &inputs, None);
        assert_eq!(
            cmd.to_string(),
            "helm template --namespace default --include-crds --skip-tests -- flts repo/chart"
        );
        assert!(cmd.stdin.is_none());
    }
}
