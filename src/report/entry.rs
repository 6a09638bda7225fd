//! Which events are worth a line of their own, and what that line says. Shared by the plain report
//! and the lines that the live view leaves behind.

use crate::event::{
    EventKind, FIRST_RUNG, Phase, Probe, State, StepState, TunnelStage, TunnelState, WatchState,
    Watching,
};
use crate::report::board::doing;
use crate::report::mode::Detail;
use crate::report::style::{Line, Style, Tone, word};
use crate::report::text;

/// Columns that words get beside the columns of a line, at least; else they go below it.
const LEAST_ROOM: usize = 40;
/// How far they are moved in there.
const NARROW_INDENT: usize = 5;

/// One thing worth saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The step, or who speaks.
    pub(super) subject: String,
    pub(super) mark: Mark,
    pub(super) duration_ms: Option<u64>,
    /// A failure's or warning's code.
    pub(super) code: Option<String>,
    pub(super) text: String,
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A line that a tool printed.
    Output,
    /// An attempt of a check.
    Probe,
    /// A stronger remedy was chosen.
    Rung,
    /// A step is in this state now.
    State(State),
    /// A tunnel is in this state now.
    Tunnel(TunnelStage),
    /// Worth knowing.
    Warning,
    /// A watch stands like this.
    Watch(Watching),
}

impl Mark {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Output => "|",
            Self::Probe => "probe",
            Self::Rung => "escalate",
            Self::State(state) => word(state),
            Self::Tunnel(stage) => stage.as_str(),
            Self::Warning => "warning",
            Self::Watch(Watching::Ready) => "ready",
            Self::Watch(Watching::Mending) => "mending",
            Self::Watch(Watching::Degraded) => "degraded",
            Self::Watch(Watching::Paused) => "paused",
            Self::Watch(Watching::Ended) => "ended",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Output | Self::Probe => Tone::Dim,
            Self::State(state) => Tone::of(state),
            Self::Tunnel(TunnelStage::Up) | Self::Watch(Watching::Ready) => Tone::Good,
            Self::Tunnel(TunnelStage::Down | TunnelStage::Over)
            | Self::Watch(Watching::Degraded) => Tone::Bad,
            Self::Rung | Self::Tunnel(_) | Self::Warning | Self::Watch(_) => Tone::Busy,
        }
    }

    fn glyph(self, style: Style) -> char {
        match self {
            Self::Output
            | Self::Probe
            | Self::Tunnel(TunnelStage::Connecting | TunnelStage::Up)
            | Self::Watch(_) => ' ',
            Self::State(state) => style.glyph(state, 0),
            Self::Rung => style.glyph(State::Escalating, 0),
            Self::Tunnel(TunnelStage::Down | TunnelStage::Over) | Self::Warning => '!',
        }
    }
}

/// What an event says to people, if it is worth a line at this level of detail.
pub(super) fn entry(kind: &EventKind, detail: Detail) -> Option<Entry> {
    if detail == Detail::Quiet {
        return None;
    }
    let verbose = detail == Detail::Verbose;
    let said = |subject: &str, mark: Mark, text: String| Entry {
        subject: subject.to_owned(),
        mark,
        duration_ms: None,
        code: None,
        text,
    };
    match kind {
        EventKind::StepState(state) => step(state, detail),
        // No stronger remedy: the warning that the cluster is lost has said it.
        EventKind::Escalation { rung, .. } if rung == FIRST_RUNG => None,
        EventKind::Escalation { step, rung, reason, attempt } => {
            Some(said(step, Mark::Rung, format!("{rung} (attempt {attempt}): {reason}")))
        }
        EventKind::Warning { step, code, message, hint } => {
            let advice = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            let subject = step.as_deref().unwrap_or("mlup");
            let entry = said(subject, Mark::Warning, format!("{message}{advice}"));
            Some(Entry { code: Some(code.clone()), ..entry })
        }
        EventKind::StepOutput { step, line, .. } if verbose => {
            Some(said(step, Mark::Output, text::spoken(line)))
        }
        EventKind::TunnelState(state) => {
            let text = leads(state, verbose)?;
            let entry = said("tunnel", Mark::Tunnel(state.to), text);
            Some(Entry { code: state.code.clone(), ..entry })
        }
        EventKind::WatchState(state) => Some(Entry {
            code: state.code.clone(),
            ..said("watch", Mark::Watch(state.state), stands(state))
        }),
        EventKind::Probe(probe) if verbose => Some(said(&probe.step, Mark::Probe, found(probe))),
        _ => None,
    }
}

/// What there is to say of a tunnel. That it came up at all is said by the step that wanted it.
fn leads(state: &TunnelState, verbose: bool) -> Option<String> {
    let TunnelState { destination, from, to, attempt, .. } = state;
    let reason = state.reason.as_deref().unwrap_or("it broke");
    match (from, to) {
        (TunnelStage::Down, TunnelStage::Up) => {
            Some(format!("to {destination} is back, at attempt {attempt}"))
        }
        (_, TunnelStage::Down) => {
            Some(format!("to {destination} broke and is being made again: {reason}"))
        }
        (TunnelStage::Up | TunnelStage::Down, TunnelStage::Over) => {
            Some(format!("to {destination} is given up: {reason}"))
        }
        _ => verbose.then(|| format!("to {destination}")),
    }
}

fn stands(state: &WatchState) -> String {
    let next = state.next_at.as_deref().and_then(|at| at.split_once('T'));
    let next = next.map(|(_, time)| format!("; next look at {time}")).unwrap_or_default();
    format!("{}{next}", state.reason)
}

fn step(state: &StepState, detail: Detail) -> Option<Entry> {
    if !is_news(state, detail == Detail::Verbose) {
        return None;
    }
    let took = state.to.is_end() && state.attempt > 0;
    Some(Entry {
        subject: state.step.clone(),
        mark: Mark::State(state.to),
        duration_ms: took.then_some(state.duration_ms),
        code: state.code.clone(),
        text: words(state),
    })
}

/// Whether people want to hear of it: looking is silent, so is what only follows from a failure
/// (the failure block counts it). An escalation has its own event.
fn is_news(state: &StepState, verbose: bool) -> bool {
    match state.to {
        State::Pending | State::Blocked | State::Escalating => false,
        State::Skipped => verbose,
        State::Running => verbose || state.phase == Some(Phase::Apply),
        State::Cancelled => verbose || !matches!(state.from, State::Pending | State::Blocked),
        State::Waiting
        | State::Retrying
        | State::Ready
        | State::Succeeded
        | State::Degraded
        | State::Failed => true,
    }
}

fn words(state: &StepState) -> String {
    let reason = state.reason.as_deref().unwrap_or_default();
    match state.to {
        State::Retrying => {
            let next = state.attempt + 1;
            let delay = text::duration(state.retry_in_ms.unwrap_or(0));
            format!("attempt {next} in {delay}: {reason}")
        }
        State::Running if reason.is_empty() => state.phase.map_or("", doing).to_owned(),
        State::Ready | State::Succeeded if state.changed == Some(true) => {
            format!("{reason} (changed)").trim_start().to_owned()
        }
        _ => reason.to_owned(),
    }
}

fn found(probe: &Probe) -> String {
    let verdict = if probe.ok { "ok" } else { "not yet" };
    let Probe { kind, from, detail, latency_ms, n, .. } = probe;
    format!("{n}: {kind} from {from}: {verdict}, {detail} ({latency_ms}ms)")
}

impl Entry {
    /// The line of the plain report after its time.
    pub(super) fn plain(&self, id_width: usize) -> Line {
        let subject = text::pad(&self.subject, id_width);
        if self.mark == Mark::Output {
            let text = format!("{subject}  | {}", self.text);
            return Line::default().with(Tone::Dim, text);
        }
        self.columns(Line::default().with(Tone::Normal, subject + "  "))
    }

    /// The lines that the live view leaves behind in a window of this width.
    pub(super) fn left_behind(&self, id_width: usize, style: Style, width: usize) -> Vec<Line> {
        if self.mark == Mark::Output {
            let text = format!("   {}  | {}", text::pad(&self.subject, id_width), self.text);
            return vec![Line::default().with(Tone::Dim, text)];
        }
        let glyph = format!(" {} ", self.mark.glyph(style));
        let subject = text::pad(&self.subject, id_width) + "  ";
        let head = Line::default().with(self.mark.tone(), glyph).with(Tone::Normal, subject);
        if self.is_told_once() {
            return self.wrapped(self.head(head), width);
        }
        // One step, one line: the run log has it all, and so has the block of a failure.
        vec![self.columns(head).clip(width, style)]
    }

    /// Whether nothing else on the screen says it: then it is not cut.
    fn is_told_once(&self) -> bool {
        matches!(
            self.mark,
            Mark::Rung | Mark::Tunnel(_) | Mark::Warning | Mark::State(State::Retrying)
        )
    }

    /// The words under one another, beside the columns where there is room, else below them.
    fn wrapped(&self, head: Line, width: usize) -> Vec<Line> {
        let column = head.width();
        let is_beside = width >= column + LEAST_ROOM;
        let indent = if is_beside { column } else { NARROW_INDENT };
        let room = width.saturating_sub(indent);
        let code = self.code.as_ref().map(|code| format!("{code}  ")).unwrap_or_default();
        let mut words = text::wrap(&text::clean(&self.text), room.saturating_sub(code.len()), room);
        let rest = words.split_off(1);
        let begin = Line::default();
        let begin =
            if is_beside { head.clone() } else { begin.with(Tone::Normal, " ".repeat(indent)) };
        let begin = begin.with(self.mark.tone(), code).with(Tone::Normal, words.concat());
        let rest = rest.iter().map(|words| format!("{}{words}", " ".repeat(indent)));
        let rest = rest.map(|words| Line::default().with(Tone::Normal, words));
        (!is_beside).then_some(head).into_iter().chain([begin]).chain(rest).collect()
    }

    fn columns(&self, line: Line) -> Line {
        let line = self.head(line);
        match &self.code {
            Some(code) => {
                line.with(self.mark.tone(), code).with(Tone::Normal, format!("  {}", self.text))
            }
            None => line.with(Tone::Normal, &self.text),
        }
    }

    /// What kind of thing it is, and how long it took.
    fn head(&self, line: Line) -> Line {
        let duration = self.duration_ms.map(text::duration).unwrap_or_default();
        line.with(self.mark.tone(), text::pad(self.mark.word(), 9))
            .with(Tone::Dim, format!("  {duration:>5}  "))
    }
}
