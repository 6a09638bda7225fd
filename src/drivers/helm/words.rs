//! What it means that helm did not succeed: a chart's own errors with the file and line that helm
//! names, everything else by the table of known issues.

use std::path::Path;

use crate::event::{Evidence, Fix};
use crate::host::cmd::{End, Output};
use crate::policy::classify::{EVIDENCE_LINES, shorten};
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};

/// The failure; `doing` completes "could not ...". `chart` is as the configuration writes it.
#[must_use]
pub fn failure(output: &Output, doing: &str, chart: &str) -> Failure {
    if matches!(output.end, End::TimedOut | End::Cancelled) {
        return output.failure(Tool::Helm, doing);
    }
    let said = complaint(&output.stderr);
    let own = template(&said, doing, chart).or_else(|| schema(&said, doing));
    let mut failure = own.unwrap_or_else(|| {
        let told = Output { stderr: said.join("\n"), ..output.clone() };
        let failure = told.failure(Tool::Helm, doing);
        let mut failure = failure;
        if let Some(fix) = &mut failure.fix {
            fix.command = fix.command.replace("CHART", chart);
        }
        failure
    });
    failure.evidence =
        said.iter().take(EVIDENCE_LINES).map(|line| Evidence::new("helm", shorten(line))).collect();
    failure
}

/// The lines of helm's error; what it logged before, and its closing advice, are left out.
fn complaint(stderr: &str) -> Vec<&str> {
    let lines = || stderr.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
    let begins = |line: &&str| !line.starts_with("Error: ");
    let said: Vec<&str> =
        lines().skip_while(begins).filter(|line| !line.starts_with("Use --debug flag")).collect();
    if said.is_empty() { lines().collect() } else { said }
}

/// A template that does not render, or renders to something that is no YAML.
fn template(said: &[&str], doing: &str, chart: &str) -> Option<Failure> {
    let first = said.first()?.strip_prefix("Error: ")?;
    let found = executed(first)
        .or_else(|| parenthesised(first))
        .or_else(|| {
            let (file, why) = first.strip_prefix("YAML parse error on ")?.split_once(": ")?;
            Some((file, why.to_owned()))
        })
        // helm 4 puts place, expression and reason on lines of their own.
        .or_else(|| is_place(first).then(|| (first, reason(said))));
    let (place, why) = found?;
    let summary = format!("could not {doing}: {place}: {}", shorten(&why));
    let fix = if first.starts_with("execution error") {
        "give the value that it wants in `values` or `set` of the `[[deploy]]`".to_owned()
    } else {
        format!("correct {}", path_of(place, chart))
    };
    Some(Failure::new(Class::Config, "CHART_TEMPLATE_FAILED", summary).fix(Fix::safe(fix)))
}

/// `template: demo/templates/x.yaml:1:13: executing "demo/templates/x.yaml" at <.Values.x>: why`
fn executed(line: &str) -> Option<(&str, String)> {
    let rest = line.strip_prefix("template: ")?;
    let (place, rest) = rest.split_once(": executing ")?;
    let (expression, why) = rest.split_once(">: ")?;
    let expression = expression.split_once(" at <").map_or("", |(_, expression)| expression);
    Some((place, format!("`{expression}`: {why}")))
}

/// `parse error at (demo/templates/x.yaml:2): why`, `execution error at (...): why`
fn parenthesised(line: &str) -> Option<(&str, String)> {
    let (_, rest) = line.split_once(" error at (")?;
    let (place, why) = rest.split_once("): ")?;
    Some((place, why.to_owned()))
}

/// `demo/templates/x.yaml:1:13`
fn is_place(line: &str) -> bool {
    let mut parts = line.split(':');
    let is_file = parts.next().is_some_and(|file| file.contains('/') && !file.contains(' '));
    let numbers: Vec<&str> = parts.collect();
    let is_number = |part: &&str| part.parse::<u32>().is_ok();
    is_file && !numbers.is_empty() && numbers.iter().all(is_number)
}

fn reason(said: &[&str]) -> String {
    let expression = said.iter().find_map(|line| line.trim().split_once(" at <"));
    let why = said.last().map(|line| line.trim()).unwrap_or_default();
    match expression {
        Some((_, expression)) => format!("`{}`: {why}", expression.trim_end_matches(['>', ':'])),
        None => why.to_owned(),
    }
}

/// Values that the chart's schema does not allow.
fn schema(said: &[&str], doing: &str) -> Option<Failure> {
    let at = said.iter().position(|line| line.contains("values don't meet the specifications"))?;
    let problems: Vec<&str> =
        said[at + 1..].iter().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    let first = problems.first().copied().unwrap_or("see below");
    let more = match problems.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let summary =
        format!("could not {doing}: the chart does not allow these values: {first}{more}");
    let fix = Fix::safe("correct `values` and `set` of the `[[deploy]]`");
    Some(Failure::new(Class::Config, "VALUES_INVALID", summary).fix(fix))
}

/// Where a template is on disk: helm begins its path with the chart's name.
fn path_of(place: &str, chart: &str) -> String {
    let is_packed = Path::new(chart).extension().is_some_and(|own| own == "tgz");
    match place.split_once('/') {
        Some((_, inside)) if !is_packed && !chart.contains("://") => {
            format!("{}/{inside}", chart.trim_end_matches('/'))
        }
        _ => place.to_owned(),
    }
}
