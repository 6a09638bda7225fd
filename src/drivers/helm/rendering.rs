//! What `helm template` prints, taken apart by the template that each object comes from, and what
//! of it is an object of the release: hooks come and go by themselves.

use serde_json::Value;

use crate::manifest::Object;
use crate::manifest::parse::Source;

/// Begins the line that names a template.
const ORIGIN: &str = "# Source: ";

/// Annotation of objects that helm makes and removes while it installs or upgrades.
const HOOK: &str = "helm.sh/hook";

/// The rendered text, one source a document or run of documents of one template.
#[must_use]
pub fn sources(text: &str, chart: &str) -> Vec<Source> {
    let named = |name: &str| format!("{name} (rendered)");
    let mut sources = vec![Source { file: named(chart), text: String::new() }];
    let mut separator = "";
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            if let Some(last) = sources.last_mut() {
                last.text.push_str(separator);
            }
            separator = line;
            continue;
        }
        let origin = if separator.is_empty() { None } else { line.strip_prefix(ORIGIN) };
        match (origin, sources.last_mut()) {
            (Some(name), _) => {
                sources.push(Source { file: named(name.trim()), text: String::new() });
            }
            (None, Some(last)) => {
                last.text.push_str(separator);
                last.text.push_str(line);
            }
            (None, None) => {}
        }
        separator = "";
    }
    sources.retain(|source| !source.text.trim().is_empty());
    sources
}

/// Whether an object has a part in an installation or an upgrade: it is of the release, or a hook
/// of those; not of a test, a rollback or a removal.
#[must_use]
pub fn is_deployed(object: &Value) -> bool {
    let hooks = object.pointer("/metadata/annotations").and_then(|all| all.get(HOOK)?.as_str());
    let runs = |hook: &str| {
        ["pre-install", "post-install", "pre-upgrade", "post-upgrade"].contains(&hook.trim())
    };
    hooks.is_none_or(|hooks| hooks.split(',').any(runs))
}

/// Whether an object is a hook and so no part of the release.
#[must_use]
pub fn is_hook(object: &Value) -> bool {
    object.pointer("/metadata/annotations").is_some_and(|all| all.get(HOOK).is_some())
}

/// Whether helm's error is about a hook (helm 3 and 4: `pre-upgrade hooks failed: ...`, `failed
/// post-install: ...`).
#[must_use]
pub fn blames_hook(stderr: &str) -> bool {
    let is_it = |line: &str| {
        line.contains("hooks failed")
            || ["failed pre-install", "failed post-install"].iter().any(|own| line.contains(own))
    };
    stderr.lines().any(is_it)
}

/// The objects of the release itself.
#[must_use]
pub fn without_hooks(objects: &[Object]) -> Vec<Object> {
    objects.iter().filter(|object| !is_hook(&object.value)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse;

    const PRINTED: &str = "\
---
# Source: demo/crds/pool.yaml
kind: A
---
kind: B
---
# Source: demo/templates/job.yaml
# what it is for
apiVersion: batch/v1
kind: Job
metadata:
  name: init
  annotations:
    \"helm.sh/hook\": post-install
---
# Source: demo/templates/cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: cm
data:
  text: |
    # Source: nothing
";

    #[test]
    fn each_object_is_known_by_its_template() {
        let sources = sources(PRINTED, "./demo");
        let files: Vec<&str> = sources.iter().map(|source| source.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "demo/crds/pool.yaml (rendered)",
                "demo/templates/job.yaml (rendered)",
                "demo/templates/cm.yaml (rendered)"
            ]
        );
        assert_eq!(sources[0].text, "kind: A\n---\nkind: B\n");
        let objects = parse::objects(&sources[1..]).unwrap();
        assert_eq!(objects[0].place.to_string(), "demo/templates/job.yaml (rendered):2");
        assert_eq!(objects[1].value["data"]["text"], "# Source: nothing\n");
        let own: Vec<String> = without_hooks(&objects).iter().map(|own| own.id.short()).collect();
        assert_eq!(own, ["configmap/cm"]);
    }

    #[test]
    fn a_chart_that_renders_nothing_has_no_source() {
        assert_eq!(sources("", "x"), []);
        assert_eq!(sources("---\n# Source: x/templates/a.yaml\n", "x"), []);
        let plain = sources("kind: A\n", "x");
        assert_eq!((plain[0].file.as_str(), plain[0].text.as_str()), ("x (rendered)", "kind: A\n"));
    }

    #[test]
    fn errors_about_hooks_are_known() {
        for line in [
            "Error: UPGRADE FAILED: pre-upgrade hooks failed: 1 error occurred:",
            "Error: INSTALLATION FAILED: failed post-install: 1 error occurred:",
            "Error: failed pre-install: job failed: BackoffLimitExceeded",
        ] {
            assert!(blames_hook(line), "{line}");
        }
        assert!(!blames_hook("Error: UPGRADE FAILED: cannot patch \"api\" with kind Deployment"));
    }

    #[test]
    fn hooks_of_tests_and_removals_are_not_deployed() {
        for (hooks, deployed) in [
            (serde_json::Value::Null, true),
            ("post-install, post-upgrade".into(), true),
            ("test".into(), false),
            ("pre-delete,pre-rollback".into(), false),
        ] {
            let object = serde_json::json!({"metadata": {"annotations": {"helm.sh/hook": hooks}}});
            assert_eq!(is_deployed(&object), deployed, "{object}");
        }
    }
}
