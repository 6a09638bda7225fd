//! The failure block: one root cause, what it rests on, what was tried, what to do. Pure text; the
//! cause itself is found in `policy/` and the steps.

use crate::event::{Diagnosis, Evidence, Finding, Fix, Form, Safety};
use crate::quote::quote;
use crate::report::style::{Line, Style, Tone, paint_all};
use crate::report::text;

/// Lines of evidence that a block shows.
const EVIDENCE: usize = 5;
/// Columns of the source beside a line of evidence, at most.
const SOURCE_WIDTH: usize = 20;
/// Columns that one of several findings stands further in than their block.
const INDENT: usize = 2;
/// A first line with less room than this leaves the sentence to the next one.
const LEAST_ROOM: usize = 24;

/// The block of one root cause, wrapped at `width` columns; commands stay whole.
#[must_use]
pub fn render(diagnosis: &Diagnosis, width: usize, style: Style) -> String {
    paint_all(&lines(diagnosis, width), style)
}

/// The same for a cause outside of any run, which no other command knows more about.
#[must_use]
pub fn render_alone(diagnosis: &Diagnosis, width: usize, style: Style) -> String {
    paint_all(&cause(diagnosis, width), style)
}

pub(super) fn lines(diagnosis: &Diagnosis, width: usize) -> Vec<Line> {
    let mut lines = cause(diagnosis, width);
    lines.push(detail("more: ").with(Tone::Normal, more(diagnosis)));
    lines
}

fn cause(diagnosis: &Diagnosis, width: usize) -> Vec<Line> {
    let mut lines = headline(diagnosis, width);
    lines.extend(evidence(&diagnosis.evidence, width));
    let mut label = "tried: ".to_owned();
    for tried in tried(&diagnosis.tried) {
        lines.extend(labelled(&label, &tried, width));
        label = " ".repeat(label.len());
    }
    lines.extend(fix(diagnosis.fix.as_ref(), width));
    lines.extend(diagnosis.findings.iter().flat_map(|finding| one_of_several(finding, width)));
    lines.extend(blocks(&diagnosis.blocks, width));
    lines
}

/// One of the things that are wrong at once: as a block of its own, further in.
fn one_of_several(finding: &Finding, width: usize) -> Vec<Line> {
    let room = width.saturating_sub(INDENT);
    let rest = room.saturating_sub(2);
    let mut lines = vec![Line::default().with(Tone::Bad, &finding.code)];
    let summary = text::wrap(&text::clean(&finding.summary), rest, rest);
    lines.extend(summary.into_iter().map(|line| detail("").with(Tone::Normal, line)));
    lines.extend(evidence(&finding.evidence, room));
    lines.extend(fix(finding.fix.as_ref(), room));
    lines.into_iter().map(|line| line.indented(INDENT)).collect()
}

fn detail(label: &str) -> Line {
    Line::default().with(Tone::Dim, format!("  {label}"))
}

fn headline(diagnosis: &Diagnosis, width: usize) -> Vec<Line> {
    let head = Line::default()
        .with(Tone::Bad, &diagnosis.code)
        .with(Tone::Normal, "  ")
        .with(Tone::Strong, &diagnosis.step);
    let room = width.saturating_sub(head.width() + 2);
    let rest = width.saturating_sub(2);
    let summary = text::clean(&diagnosis.summary);
    if room < LEAST_ROOM {
        let wrapped = text::wrap(&summary, rest, rest);
        let wrapped =
            wrapped.iter().map(|line| Line::default().with(Tone::Normal, format!("  {line}")));
        return std::iter::once(head).chain(wrapped).collect();
    }
    let mut wrapped = text::wrap(&summary, room, rest).into_iter();
    let first = wrapped.next().unwrap_or_default();
    let first = head.with(Tone::Normal, format!("  {first}"));
    let others = wrapped.map(|line| Line::default().with(Tone::Normal, format!("  {line}")));
    std::iter::once(first).chain(others).collect()
}

/// Two columns, source and text; nothing of the text is left out.
fn evidence(evidence: &[Evidence], width: usize) -> Vec<Line> {
    let shown = &evidence[..evidence.len().min(EVIDENCE)];
    let widths = shown.iter().map(|evidence| text::width(&evidence.source));
    let column = widths.filter(|width| *width <= SOURCE_WIDTH).max().unwrap_or(0);
    let room = width.saturating_sub(column + 4);
    let mut lines = Vec::new();
    for Evidence { source, text } in shown {
        if text::width(source) > SOURCE_WIDTH {
            lines.extend(beneath(source, text, width));
            continue;
        }
        let mut label = text::pad(source, column);
        for wrapped in text.lines().flat_map(|line| text::wrap(&text::clean(line), room, room)) {
            lines.push(detail(&label).with(Tone::Normal, format!("  {wrapped}")));
            label = " ".repeat(column);
        }
    }
    lines
}

/// A source that is too long for the column: in front of a text that still fits, else above it.
fn beneath(source: &str, text: &str, width: usize) -> Vec<Line> {
    let line = format!("{source}  {}", text::clean(text.trim_end()));
    if text::width(&line) + 2 <= width && !text.trim_end().contains('\n') {
        return vec![detail(source).with(Tone::Normal, &line[source.len()..])];
    }
    let room = width.saturating_sub(4);
    let wrapped = text.lines().flat_map(|line| text::wrap(&text::clean(line), room, room));
    let below = wrapped.map(|line| detail("  ").with(Tone::Normal, line));
    std::iter::once(detail(source)).chain(below).collect()
}

/// What was tried, once for those in a row that ended the same.
fn tried(tried: &[String]) -> Vec<String> {
    let mut told: Vec<(String, &str)> = Vec::new();
    for entry in tried {
        let (attempt, end) = entry.split_once(": ").unwrap_or((entry, ""));
        match told.last_mut() {
            Some((attempts, same)) if *same == end && !end.is_empty() => {
                attempts.extend([", ", attempt.strip_prefix("attempt ").unwrap_or(attempt)]);
            }
            _ => told.push((attempt.to_owned(), end)),
        }
    }
    let whole = |(attempt, end): (String, &str)| {
        if end.is_empty() { attempt } else { format!("{attempt}: {end}") }
    };
    told.into_iter().map(whole).collect()
}

fn labelled(label: &str, words: &str, width: usize) -> Vec<Line> {
    let room = width.saturating_sub(2 + label.len());
    let mut label = label.to_owned();
    let mut lines = Vec::new();
    for wrapped in text::wrap(&text::clean(words), room, room) {
        lines.push(detail(&label).with(Tone::Normal, wrapped));
        label = " ".repeat(label.len());
    }
    lines
}

fn fix(fix: Option<&Fix>, width: usize) -> Vec<Line> {
    let Some(fix) = fix else { return Vec::new() };
    match fix.safety {
        Safety::Safe => fix_lines("fix (safe): ", Tone::Good, fix, width),
        Safety::Destructive => fix_lines("fix (destructive): ", Tone::Bad, fix, width),
    }
}

/// A command as it is to be typed: never wrapped, never clipped. Words are wrapped.
fn fix_lines(label: &str, tone: Tone, fix: &Fix, width: usize) -> Vec<Line> {
    let room = width.saturating_sub(2 + label.len());
    let shown: Vec<String> = match fix.form {
        Some(Form::Advice) => text::wrap(&text::clean(&fix.command), room, room),
        _ => fix.command.lines().map(str::to_owned).collect(),
    };
    let mut label = label.to_owned();
    let mut lines = Vec::new();
    for line in shown {
        lines.push(Line::default().with(tone, format!("  {label}")).with(Tone::Strong, line));
        label = " ".repeat(label.len());
    }
    lines
}

/// What to do about a cause, who may do it (`safe`, `confirm`, `by hand`), and what happens then.
#[must_use]
pub fn render_mending(
    (fix, repair, then): (Option<&Fix>, &str, &str),
    width: usize,
    style: Style,
) -> String {
    let tone = if repair == "confirm" { Tone::Bad } else { Tone::Good };
    let label = format!("fix ({repair}): ");
    let mut lines = fix.map_or_else(Vec::new, |fix| fix_lines(&label, tone, fix, width));
    lines.push(detail("then: ").with(Tone::Normal, then));
    paint_all(&lines, style)
}

/// What could not run because of it, in one line however much it is.
fn blocks(blocks: &[String], width: usize) -> Option<Line> {
    let total = format!(" ({})", blocks.len());
    let room = width.saturating_sub(2 + "blocks: ".len() + total.len() + ", 999 more".len());
    let (mut named, mut shown) = (String::new(), 0);
    for step in blocks {
        let longer = if shown == 0 { step.clone() } else { format!("{named}, {step}") };
        if shown > 0 && text::width(&longer) > room {
            break;
        }
        (named, shown) = (longer, shown + 1);
    }
    if shown < blocks.len() {
        named = format!("{named}, {} more", blocks.len() - shown);
    }
    (!blocks.is_empty()).then(|| detail("blocks: ").with(Tone::Normal, named + &total))
}

/// Where to read on: the step's story, and the log of the service that the evidence quotes.
fn more(diagnosis: &Diagnosis) -> String {
    let quoted = diagnosis.evidence.iter().find_map(|evidence| {
        let service = evidence.source.strip_prefix("log ")?;
        service.split_whitespace().next()
    });
    let why = format!("mlup why {}", quote(&diagnosis.step));
    match quoted {
        Some(service) => format!("{why}, mlup logs {service}"),
        None => why,
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            line,
            "  blocks: check/service-0, check/service-1, check/service-2, 97 more (100)"
        );
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
        diagnosis.evidence =
            (0..9).map(|n| Evidence::new("probe http", format!("try{n}"))).collect();
        let block = plain(&diagnosis, 80);
        assert!(block.contains("try4") && !block.contains("try5"), "{block}");
    }
}
