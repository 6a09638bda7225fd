//! The recorded rejections, each by its words alone.

use std::fs;
use std::path::Path;

use super::*;

fn strings(table: &toml_edit::Table, field: &str) -> Vec<String> {
    let array = table.get(field).and_then(toml_edit::Item::as_array);
    let strings = array.into_iter().flatten().filter_map(toml_edit::Value::as_str);
    strings.map(str::to_lowercase).collect()
}

#[test]
fn each_recorded_rejection_is_its_rule_with_its_words_and_fix() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/rejections");
    let mut seen = 0;
    for entry in fs::read_dir(corpus).unwrap().map(Result::unwrap) {
        let id = entry.file_name().into_string().unwrap();
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap();
        let expect: toml_edit::DocumentMut = read("expect.toml").parse().unwrap();
        let wanted = expect["finding"].as_array_of_tables().unwrap().get(0).unwrap();
        let told = classify(&read("stderr.txt")).unwrap_or_else(|| panic!("{id}: not known"));
        let mut rules = strings(wanted, "accept_rules");
        rules.push(wanted["rule"].as_str().unwrap().to_lowercase());
        let rule = told.rule.id.to_lowercase();
        assert!(rules.contains(&rule), "{id}: {rule} and not {rules:?}");
        let lines: Vec<&str> = told.evidence.iter().map(|line| line.text.as_str()).collect();
        let all = format!("{}\n{}", told.summary, lines.join("\n")).to_lowercase();
        let fix = told.fix.command.to_lowercase();
        for (text, field) in [(&all, "must_mention"), (&fix, "fix_must_contain")] {
            for part in strings(wanted, field) {
                assert!(text.contains(&part), "{id}: no {part:?} in {text}");
            }
        }
        for part in strings(wanted, "must_not_say") {
            assert!(!all.contains(&part) && !fix.contains(&part), "{id}: {part}");
        }
        seen += 1;
    }
    assert_eq!(seen, 18);
}

#[test]
fn every_pattern_is_valid_its_rule_is_known_and_its_templates_are_filled() {
    for row in ROWS {
        let pattern = Regex::new(row.pattern).unwrap();
        assert_ne!(by_id(row.rule).id, "unknown", "{}", row.rule);
        for text in [row.cause, row.fix] {
            for name in text.split('{').skip(1).filter_map(|rest| rest.split_once('}')) {
                let known = pattern.capture_names().flatten().any(|group| group == name.0);
                assert!(known, "{}: {}", row.rule, name.0);
            }
        }
    }
}

#[test]
fn words_of_mlup_itself_and_of_other_versions_are_known_and_others_are_not() {
    for (words, rule) in [
        ("the API server at `https://a` does not answer: its host name does not resolve", "API-02"),
        ("dial tcp: lookup x.azmk8s.io on 127.0.0.53:53: no such host", "API-02"),
        ("Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout", "API-03"),
        (
            "Unable to connect to the server: dial tcp 10.0.0.1:6443: connect: no route to host",
            "API-03",
        ),
        ("the API server at `https://a` does not answer: connection refused", "API-01"),
        ("x509: certificate is valid for 10.0.0.1, 127.0.0.1, not 203.0.113.7", "API-09"),
        ("exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"", "API-08"),
        ("error: context \"prod\" does not exist", "API-10"),
    ] {
        assert_eq!(classify(words).map(|told| told.rule.id), Some(rule), "{words}");
    }
    for words in ["", "deployment.apps/api configured", "error: something new"] {
        assert_eq!(classify(words), None, "{words}");
    }
}
