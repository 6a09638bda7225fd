//! Helm's own words, recorded of the real one without a cluster.

use super::failure;
use crate::host::cmd::{End, Output};
use crate::policy::{Class, Failure};

fn said(stderr: &str) -> Failure {
    let output =
        Output { end: End::Exit(1), stdout: String::new(), stderr: format!("Error: {stderr}\n") };
    failure(&output, "render chart `.helm`", ".helm")
}

#[test]
fn a_chart_error_keeps_its_file_and_line() {
    let rows = [
        // helm 3.17
        (
            "template: demo/templates/x.yaml:1:13: executing \"demo/templates/x.yaml\" at <.Values.x.y>: nil pointer evaluating interface {}.y\n\nUse --debug flag to render out invalid YAML",
            "demo/templates/x.yaml:1:13: `.Values.x.y`: nil pointer evaluating interface {}.y",
            "correct .helm/templates/x.yaml:1:13",
        ),
        // helm 4.3
        (
            "demo/templates/x.yaml:1:13\n  executing \"demo/templates/x.yaml\" at <.Values.x.y>:\n    nil pointer evaluating interface {}.y\n\nUse --debug flag to render out invalid YAML",
            "demo/templates/x.yaml:1:13: `.Values.x.y`: nil pointer evaluating interface {}.y",
            "correct .helm/templates/x.yaml:1:13",
        ),
        (
            "demo/templates/x.yaml:1:9\n  executing \"demo/templates/x.yaml\" at <include \"nope\" .>:\n    error calling include:\ntemplate: no template \"nope\" associated with template \"gotpl\"",
            "demo/templates/x.yaml:1:9: `include \"nope\" .`: template: no template \"nope\" associated with template \"gotpl\"",
            "correct .helm/templates/x.yaml:1:9",
        ),
        (
            "parse error at (demo/templates/x.yaml:2): unclosed action started at demo/templates/x.yaml:1",
            "demo/templates/x.yaml:2: unclosed action started at demo/templates/x.yaml:1",
            "correct .helm/templates/x.yaml:2",
        ),
        (
            "YAML parse error on demo/templates/x.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context",
            "demo/templates/x.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context",
            "correct .helm/templates/x.yaml",
        ),
        (
            "execution error at (demo/charts/db/templates/x.yaml:1:3): image is required",
            "demo/charts/db/templates/x.yaml:1:3: image is required",
            "give the value that it wants in `values` or `set` of the `[[deploy]]`",
        ),
    ];
    for (stderr, why, fix) in rows {
        let failure = said(stderr);
        assert_eq!((failure.class, failure.code), (Class::Config, "CHART_TEMPLATE_FAILED"));
        assert_eq!(failure.summary, format!("could not render chart `.helm`: {why}"));
        assert_eq!(failure.fix.unwrap().command, fix);
        assert!(failure.evidence[0].text.starts_with("Error: "), "{:?}", failure.evidence);
        assert!(failure.evidence.iter().all(|line| !line.text.contains("--debug")));
    }
}

#[test]
fn values_that_the_schema_forbids_are_named() {
    let stderr = "values don't meet the specifications of the schema(s) in the following chart(s):\ndemo:\n- at '': missing property 'image'\n- at '/replicas': got number, want string\n";
    let failure = said(stderr);
    assert_eq!(failure.code, "VALUES_INVALID");
    assert_eq!(
        failure.summary,
        "could not render chart `.helm`: the chart does not allow these values: at '': missing property 'image' (and 1 more)"
    );
    assert_eq!(failure.evidence.len(), 4);
}

#[test]
fn other_words_are_looked_up_without_what_helm_logged_before() {
    let words = "level=WARN msg=\"upgrade failed\" name=rel error=\"no such host\"\nError: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n";
    let output = Output { end: End::Exit(1), stdout: String::new(), stderr: words.to_owned() };
    let failure = failure(&output, "upgrade release `rel`", ".helm");
    assert_eq!((failure.class, failure.code), (Class::Refused, "RELEASE_BUSY"));
    assert_eq!(failure.evidence.len(), 1);
    let missing = said("found in Chart.yaml, but missing in charts/ directory: redis");
    let command = missing.fix.unwrap().command;
    assert_eq!(command, "helm dependency build .helm   # .helm is the folder of the chart");
    let odd = said("something new");
    assert_eq!((odd.code, odd.evidence[0].text.as_str()), ("TOOL_FAILED", "Error: something new"));
}
