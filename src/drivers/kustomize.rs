//! Kustomize: the tool itself, or the one in kubectl; which of them is there decides.

use std::path::Path;
use std::time::Duration;

use crate::event::Fix;
use crate::host::cmd::{Cmd, Output};
use crate::host::workbench::Workbench;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// How to install either.
const INSTALL: &str = "install kubectl: https://kubernetes.io/docs/tasks/tools/";

/// The rendered text of a kustomization; `shown` is its folder as the configuration writes it.
///
/// # Errors
/// `TOOL_MISSING`: neither tool is there; `KUSTOMIZATION_MISSING`, `KUSTOMIZATION_INVALID`.
pub async fn build(
    bench: &Workbench,
    folder: &Path,
    shown: &str,
    limit: Duration,
) -> Result<Secret, Failure> {
    let folder = folder.display().to_string();
    let doing = format!("build the kustomization `{shown}`");
    for begin in [["kustomize", "build"], ["kubectl", "kustomize"]] {
        let cmd = Cmd::new(begin[0]).args([begin[1], "--", &folder]);
        match bench.look(cmd, limit).await {
            Ok(output) if output.success() => return Ok(Secret::new(output.stdout)),
            Ok(output) => return Err(refused(&output, &doing)),
            Err(failure) if failure.code == "TOOL_MISSING" => {}
            Err(failure) => return Err(failure),
        }
    }
    let summary = format!("could not {doing}: neither `kustomize` nor `kubectl` is on PATH");
    Err(Failure::new(Class::Prerequisite, "TOOL_MISSING", summary).fix(Fix::safe(INSTALL)))
}

fn refused(output: &Output, doing: &str) -> Failure {
    // Warnings of deprecated fields stand before the error.
    let told: Vec<&str> =
        output.stderr.lines().filter(|line| !line.starts_with("# Warning: ")).map(plain).collect();
    let told = Output { stderr: told.join("\n"), ..output.clone() };
    told.failure(Tool::Kustomize, doing)
}

/// A wrapper round kubectl logs its error: `E1121 ... "command failed" err="must build at ..."`.
fn plain(line: &str) -> &str {
    line.split_once("\"command failed\" err=\"").map_or(line, |(_, why)| why.trim_end_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Script, TestBench, missing, on};

    async fn build_with(script: Vec<Script>) -> Result<String, Failure> {
        let bench = TestBench::new(script);
        let limit = Duration::from_secs(5);
        let built = build(&bench.bench, Path::new("/p/k"), "k", limit).await;
        built.map(|text| text.expose().to_owned())
    }

    #[tokio::test]
    async fn kustomize_is_asked_first_and_kubectl_where_there_is_none() {
        let own = build_with(vec![on("kustomize build -- /p/k", 0, "kind: A\n", "")]).await;
        assert_eq!(own.unwrap(), "kind: A\n");
        let script = vec![
            missing("kustomize build -- /p/k"),
            on("kubectl kustomize -- /p/k", 0, "kind: B\n", "# Warning: 'bases' is deprecated."),
        ];
        assert_eq!(build_with(script).await.unwrap(), "kind: B\n");
        let script = vec![missing("kustomize build -- /p/k"), missing("kubectl kustomize -- /p/k")];
        let failure = build_with(script).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "TOOL_MISSING"));
        assert!(failure.fix.unwrap().command.contains("kubectl"));
    }

    #[tokio::test]
    async fn errors_are_passed_on() {
        let stderr = "# Warning: 'bases' is deprecated.\nerror: invalid Kustomization: json: unknown field \"resourcez\"\n";
        let script = vec![on("kustomize build -- /p/k", 1, "", stderr)];
        let failure = build_with(script).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Config, "KUSTOMIZATION_INVALID"));
        assert_eq!(
            failure.summary,
            "could not build the kustomization `k`: the kustomization does not build: \
             invalid Kustomization: json: unknown field \"resourcez\""
        );
        assert_eq!(failure.evidence.len(), 1);
    }
}
