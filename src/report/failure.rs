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
        Some(Form::Advice) => {
            let lines = fix.command.lines();
            lines.flat_map(|line| text::wrap(&text::clean(line), room, room)).collect()
        }
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
#[path = "failure_tests.rs"]
mod tests;
