//! Deploys of kustomizations, built by the real `kubectl kustomize`.

use crate::commands::changed;
use crate::support::kubernetes::Kubernetes;

/// A base with a config map, and an overlay that changes it.
fn site(patch: &str) -> (Kubernetes, String) {
    let site = Kubernetes::site().real_tool("kubectl");
    let namespace = site.namespace("apps");
    site.config(&format!(
        "[[deploy]]\nname = \"web\"\nkustomize = \"overlays/dev\"\nnamespace = \"{namespace}\"\n"
    ));
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: base}\n";
    let overlay = format!("resources: [../../base]\nnamePrefix: dev-\npatches:\n- path: {patch}\n");
    for (path, text) in [
        ("base/kustomization.yaml", "resources: [settings.yaml]\n"),
        ("base/settings.yaml", base),
        ("overlays/dev/kustomization.yaml", &overlay),
        (
            "overlays/dev/mode.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: dev}\n",
        ),
    ] {
        site.sandbox.write(path, text);
    }
    (site, namespace)
}

#[test]
fn an_overlay_is_built_applied_once_and_removed_by_reset() {
    let (site, namespace) = site("mode.yaml");
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/dev-settings");
    let start = || site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&start()), ["deploy/web"]);
    assert_eq!(site.get(&path).unwrap()["data"]["mode"], "dev");
    let writes = site.writes();
    assert_eq!(changed(&start()), Vec::<String>::new());
    assert_eq!(site.writes(), writes);
    site.sandbox.run(&["reset", "--yes"]).exits(0);
    assert!(site.get(&path).is_none());
}

#[test]
fn what_kustomize_says_is_passed_on_and_nothing_is_applied() {
    let (site, _) = site("missing.yaml");
    let writes = site.writes();
    let ran = site.sandbox.run(&["start"]).exits(1);
    assert!(ran.stderr.contains("missing.yaml"), "{}", ran.report());
    assert_eq!(site.writes(), writes);
}
