//! How a block reads: what stands on which line, what is wrapped and what stays whole.

use super::*;
use crate::event::Fix;

fn port_taken() -> Diagnosis {
    Diagnosis {
        step: "deploy/stack".into(),
        code: "PORT_TAKEN".into(),
        rule: None,
        summary: "service `api` wants host port 8080, which container `old-web` holds".into(),
        evidence: vec![
            Evidence::new("docker ps", "old-web 0.0.0.0:8080->80/tcp"),
            Evidence::new("log api", "listen tcp 0.0.0.0:8080: bind: address already in use"),
        ],
        tried: vec!["started 2 times".into()],
        fix: Some(Fix::safe("docker stop old-web")),
        blocks: vec!["check/api".into(), "check/web".into()],
        findings: Vec::new(),
    }
}

fn plain(diagnosis: &Diagnosis, width: usize) -> String {
    render(diagnosis, width, Style::default())
}

#[test]
fn the_block_has_cause_evidence_tried_fix_and_what_it_blocks() {
    let expected = "\
PORT_TAKEN  deploy/stack  service `api` wants host port 8080, which container
  `old-web` holds
  docker ps  old-web 0.0.0.0:8080->80/tcp
  log api    listen tcp 0.0.0.0:8080: bind: address already in use
  tried: started 2 times
  fix (safe): docker stop old-web
  blocks: check/api, check/web (2)
  more: mlup why deploy/stack, mlup logs api
";
    assert_eq!(plain(&port_taken(), 80), expected);
}

#[test]
fn everything_that_is_wrong_at_once_is_told_with_its_own_fix() {
    let finding = |n: usize| Finding {
        code: "SECRET_MISSING".into(),
        rule: None,
        summary: format!("Secret `shop/s{n}` is nowhere"),
        evidence: vec![Evidence::new("wanted by", "Deployment `shop/api`")],
        fix: Some(Fix::safe(format!("make s{n}"))),
    };
    let diagnosis = Diagnosis {
        evidence: Vec::new(),
        tried: Vec::new(),
        fix: None,
        findings: (0..7).map(finding).collect(),
        ..port_taken()
    };
    let block = plain(&diagnosis, 80);
    let first = "
  SECRET_MISSING
    Secret `shop/s0` is nowhere
    wanted by  Deployment `shop/api`
    fix (safe): make s0
  SECRET_MISSING
    Secret `shop/s1` is nowhere
";
    assert!(block.contains(first), "{block}");
    assert!(block.contains("fix (safe): make s6\n  blocks: "), "{block}");
}

#[test]
fn what_else_is_wrong_comes_after_the_fix_of_the_first() {
    let finding = Finding {
        code: "SECRET_MISSING".into(),
        rule: None,
        summary: "Secret `shop/s` is nowhere".into(),
        evidence: Vec::new(),
        fix: Some(Fix::safe("make s")),
    };
    let block = plain(&Diagnosis { findings: vec![finding], ..port_taken() }, 80);
    let order = "
  fix (safe): docker stop old-web
  SECRET_MISSING
    Secret `shop/s` is nowhere
    fix (safe): make s
  blocks: check/api, check/web (2)
";
    assert!(block.contains(order), "{block}");
}

#[test]
fn a_narrow_window_moves_the_sentence_down_and_keeps_the_command_whole() {
    let mut diagnosis = port_taken();
    diagnosis.fix = Some(Fix::destructive("docker rm --force --volumes old-web"));
    diagnosis.evidence.truncate(1);
    let expected = "\
PORT_TAKEN  deploy/stack
  service `api` wants host port 8080,
  which container `old-web` holds
  docker ps  old-web
             0.0.0.0:8080->80/tcp
  tried: started 2 times
  fix (destructive): docker rm --force --volumes old-web
  blocks: check/api, 1 more (2)
  more: mlup why deploy/stack
";
    assert_eq!(plain(&diagnosis, 40), expected);
}

#[test]
fn what_was_tried_is_told_once_where_it_ended_the_same() {
    let mut diagnosis = port_taken();
    diagnosis.tried = vec![
        "attempt 1 (start): the node is gone".into(),
        "attempt 2 (start): the node is gone".into(),
        "attempt 3 (recreate): the node is gone".into(),
        "attempt 4 (purge): no answer".into(),
        "started 2 times".into(),
        "started 2 times".into(),
    ];
    let block = plain(&diagnosis, 80);
    let expected = "
  tried: attempt 1 (start), 2 (start), 3 (recreate): the node is gone
         attempt 4 (purge): no answer
         started 2 times
         started 2 times
";
    assert!(block.contains(expected), "{block}");
}

#[test]
fn a_hundred_blocked_steps_are_one_line() {
    let mut diagnosis = port_taken();
    diagnosis.blocks = (0..100).map(|n| format!("check/service-{n}")).collect();
    let block = plain(&diagnosis, 80);
    let line = block.lines().find(|line| line.starts_with("  blocks:")).unwrap();
    assert_eq!(line, "  blocks: check/service-0, check/service-1, check/service-2, 97 more (100)");
}

#[test]
fn a_long_source_stands_above_its_text_and_words_are_wrapped() {
    let mut diagnosis = port_taken();
    let pod = "pod api-7df676ddf6-qnvfz, container api";
    diagnosis.evidence = vec![
        Evidence::new(pod, "failed to pull image: 401 Unauthorized"),
        Evidence::new(pod, "OOMKilled"),
        Evidence::new("log api", "it ends"),
    ];
    diagnosis.fix = Some(Fix::advice("declare a `[[registry]]` for that host in mlup.toml"));
    let expected = "
  pod api-7df676ddf6-qnvfz, container api
    failed to pull image: 401 Unauthorized
  pod api-7df676ddf6-qnvfz, container api  OOMKilled
  log api  it ends
  tried: started 2 times
  fix (safe): declare a `[[registry]]` for that host
              in mlup.toml
";
    let block = plain(&diagnosis, 54);
    assert!(block.contains(expected), "{block}");
}

#[test]
fn long_evidence_is_wrapped_and_never_cut() {
    let mut diagnosis = port_taken();
    let words: Vec<String> = (0..60).map(|n| format!("word{n}")).collect();
    diagnosis.evidence = vec![Evidence::new("log api", words.join(" "))];
    let block = plain(&diagnosis, 60);
    assert!(words.iter().all(|word| block.contains(word)), "{block}");
    assert!(block.lines().all(|line| text::width(line) <= 60), "{block}");
}

#[test]
fn at_most_five_lines_of_evidence_are_shown() {
    let mut diagnosis = port_taken();
    diagnosis.evidence = (0..9).map(|n| Evidence::new("probe http", format!("try{n}"))).collect();
    let block = plain(&diagnosis, 80);
    assert!(block.contains("try4") && !block.contains("try5"), "{block}");
}
