//! Manifests that are right, and each way in which they are not.

use super::*;

fn source(file: &str, text: &str) -> Source {
    Source { file: file.to_owned(), text: text.to_owned() }
}

fn read_one(text: &str) -> Result<Vec<Object>, Failure> {
    objects(&[source("k8s/api.yaml", text)])
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

#[test]
fn documents_know_their_lines() {
    let text = format!(
        "# heading\n---\n# Source: chart/a.yaml\n{}---\n---\n\n--- # b\n{}...\n# end\n",
        config_map("a"),
        config_map("b")
    );
    let found = read_one(&text).unwrap();
    let places: Vec<_> = found.iter().map(|o| (o.id.name.as_str(), o.place.to_string())).collect();
    assert_eq!(places, [("a", "k8s/api.yaml:4".to_owned()), ("b", "k8s/api.yaml:12".to_owned())]);
    for (object, line) in found.iter().zip([4, 12]) {
        assert_eq!(text.lines().nth(line - 1), Some("apiVersion: v1"), "{}", object.id);
    }
}

#[test]
fn a_separator_inside_a_block_of_text_is_no_separator() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    ---\n    b\n";
    let found = read_one(text).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(read::text(&found[0].value, "/data/x"), "---\nb\n");
}

#[test]
fn lists_in_yaml_and_json_stand_for_their_items() {
    let json = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "ConfigMapList", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}]}]}"#;
    for file in ["list.json", "list.yaml"] {
        let found = objects(&[source(file, json)]).unwrap();
        let names: Vec<_> = found.iter().map(|o| o.id.short()).collect();
        assert_eq!(names, ["secret/a", "configmap/b"], "{file}");
    }
    assert!(read_one("apiVersion: v1\nkind: List\nitems: []\n").unwrap().is_empty());
}

#[test]
fn an_empty_file_holds_nothing() {
    for text in ["", "---\n", "# nothing\n---\n...\n", "%YAML 1.2\n"] {
        assert_eq!(read_one(text), Ok(vec![]), "{text:?}");
    }
}

#[test]
fn unreadable_yaml_is_told_with_file_line_and_column() {
    let text = format!("{}---\napiVersion: v1\nkind: Pod\n  metadata: x\n", config_map("a"));
    let failure = read_one(&text).unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "MANIFEST_UNREADABLE"));
    assert_eq!(
        failure.summary,
        "k8s/api.yaml:8:11: it is no YAML: mapping values are not allowed in this context"
    );
    assert_eq!(failure.evidence[0].source, "k8s/api.yaml:8:11");
    assert_eq!(failure.evidence[0].text, "  metadata: x");
}

#[test]
fn unreadable_json_is_told_with_file_line_and_column() {
    let failure = objects(&[source("a.json", "{\n  \"kind\": \"Pod\",\n  oops\n}")]).unwrap_err();
    assert!(failure.summary.starts_with("a.json:3:3: it is no JSON: "), "{}", failure.summary);
    assert_eq!(failure.evidence[0].text, "  oops");
}

#[test]
fn a_secrets_line_is_not_shown() {
    let text =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: hunter2: x\n";
    let failure = read_one(text).unwrap_err();
    assert_eq!(failure.evidence[0].text, "  password: [redacted]");
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[test]
fn a_chart_template_is_known_as_one() {
    let failure = read_one("apiVersion: v1\nkind: {{ .Values.kind }}\nmetadata: {name: {{ x }}}\n")
        .unwrap_err();
    assert!(failure.fix.unwrap().command.contains("`helm`"));
}

#[test]
fn what_an_object_lacks_is_named() {
    for (text, what) in [
        ("kind: Pod\n", "the Pod has no `apiVersion` and `metadata.name`"),
        ("a: b\n", "the document has no `apiVersion`, `kind` and `metadata.name`"),
        ("just text\n", "it holds no Kubernetes object"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: 12}\n",
            "`metadata.name` of the Pod is no text",
        ),
        (
            "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\n",
            "the Job has `generateName`, so that each apply would make another one",
        ),
        (
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
            "it is a kustomization and no object",
        ),
    ] {
        let failure = read_one(text).unwrap_err();
        assert_eq!(failure.code, "MANIFEST_INVALID");
        assert_eq!(failure.summary, format!("k8s/api.yaml:1: {what}"));
    }
}

#[test]
fn the_same_object_twice_names_both_places() {
    let failure =
        objects(&[source("a.yaml", &config_map("x")), source("b.yaml", &config_map("x"))])
            .unwrap_err();
    assert_eq!(failure.code, "MANIFEST_DUPLICATE");
    assert_eq!(failure.summary, "b.yaml:1: ConfigMap `x` is at a.yaml:1 already");
}

#[test]
fn all_problems_are_told_at_once() {
    let failure = objects(&[
        source("a.yaml", "a: [\n"),
        source("b.yaml", "kind: Pod\n"),
        source("c.yaml", "c: d\n"),
    ])
    .unwrap_err();
    assert!(failure.summary.ends_with("(and 2 more problems)"), "{}", failure.summary);
    assert_eq!(failure.evidence.len(), 3);
}

#[test]
fn octal_modes_and_merge_keys_read_as_kubectl_reads_them() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: &x {b: 1}\nspec:\n  <<: *x\n  volumes:\n  \
                - secret: {defaultMode: 0400, items: [{key: k, path: p, mode: 0644}]}\n  mode: '0644'\n";
    let found = read_one(text).unwrap();
    let value = &found[0].value;
    assert_eq!(read::number(value, "/spec/volumes/0/secret/defaultMode"), Some(0o400));
    assert_eq!(read::number(value, "/spec/volumes/0/secret/items/0/mode"), Some(0o644));
    assert_eq!(read::text(value, "/spec/mode"), "0644");
    assert_eq!(read::number(value, "/spec/b"), Some(1));
}
