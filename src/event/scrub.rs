//! Takes secrets out of an event: every text that a tool, a server or a file may have put in.
//! Identifiers and codes stay as they are; they come from mlup or from names in `mlup.toml`.

use crate::event::{Diagnosis, Event, EventKind, Finding, StepInfo, Url};
use crate::redact::Scrubber;

impl Event {
    /// Replaces every known secret in the texts of this event.
    pub fn scrub(&mut self, scrubber: &Scrubber) {
        self.amend(&|text| scrubber.scrub(text));
    }

    /// Changes the texts of this event; identifiers and codes stay.
    pub fn amend(&mut self, change: &dyn Fn(&str) -> String) {
        for text in self.kind.texts() {
            let changed = change(text);
            *text = changed;
        }
    }
}

impl EventKind {
    /// Every text that did not come from a fixed vocabulary.
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::RunStarted { steps, .. } => steps.iter_mut().map(StepInfo::text).collect(),
            Self::StepState(state) => state.reason.iter_mut().collect(),
            Self::StepOutput { line, .. } => vec![line],
            Self::Probe(probe) => vec![&mut probe.detail],
            Self::Diagnosis(diagnosis) => diagnosis.texts(),
            Self::Escalation { reason, .. } => vec![reason],
            Self::Warning { message, hint, .. } => {
                std::iter::once(message).chain(hint.iter_mut()).collect()
            }
            Self::TunnelState(state) => {
                std::iter::once(&mut state.destination).chain(state.reason.iter_mut()).collect()
            }
            Self::WatchState(state) => vec![&mut state.reason],
            Self::RunFinished { urls, recovered, .. } => {
                let reasons = recovered.iter_mut().map(|recovery| &mut recovery.reason);
                urls.iter_mut().flat_map(Url::texts).chain(reasons).collect()
            }
        }
    }
}

impl StepInfo {
    fn text(&mut self) -> &mut String {
        &mut self.title
    }
}

impl Diagnosis {
    fn texts(&mut self) -> Vec<&mut String> {
        let evidence = self.evidence.iter_mut().flat_map(|line| [&mut line.source, &mut line.text]);
        let fix = self.fix.iter_mut().map(|fix| &mut fix.command);
        std::iter::once(&mut self.summary)
            .chain(evidence)
            .chain(&mut self.tried)
            .chain(fix)
            .chain(self.findings.iter_mut().flat_map(Finding::texts))
            .collect()
    }
}

impl Finding {
    /// Every text that did not come from a fixed vocabulary.
    pub fn texts(&mut self) -> Vec<&mut String> {
        let evidence = self.evidence.iter_mut().flat_map(|line| [&mut line.source, &mut line.text]);
        let fix = self.fix.iter_mut().map(|fix| &mut fix.command);
        std::iter::once(&mut self.summary).chain(evidence).chain(fix).collect()
    }
}

impl Url {
    fn texts(&mut self) -> Vec<&mut String> {
        std::iter::once(&mut self.url).chain(self.login.iter_mut()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::event::{
        Evidence, Fix, Outcome, Probe, Recovery, State, StepState, Stream, TunnelStage,
        TunnelState, VERSION, Verb, WatchState, Watching,
    };
    use crate::redact::Secret;

    const CANARY: &str = "c4n4ry-v4lue";

    /// Fields whose text is an identifier, a code or a word of the schema.
    const FIXED: [&str; 26] = [
        "ts",
        "run",
        "type",
        "rule",
        "action",
        "project",
        "profile",
        "version",
        "id",
        "needs",
        "step",
        "code",
        "kind",
        "from",
        "to",
        "blocks",
        "blocked_by",
        "stream",
        "name",
        "rung",
        "safety",
        "form",
        "outcome",
        "phase",
        "state",
        "next_at",
    ];

    fn say() -> String {
        format!("before {CANARY} after")
    }

    fn fixed() -> String {
        "fixed".to_owned()
    }

    fn kinds() -> Vec<EventKind> {
        vec![
            EventKind::RunStarted {
                action: Verb::Start,
                project: fixed(),
                profile: fixed(),
                version: fixed(),
                deadline_ms: 1,
                steps: vec![StepInfo {
                    id: fixed(),
                    title: say(),
                    needs: vec![fixed()],
                    optional: true,
                }],
            },
            EventKind::StepState(StepState {
                step: fixed(),
                from: State::Running,
                to: State::Failed,
                reason: Some(say()),
                attempt: 1,
                duration_ms: 1,
                phase: None,
                changed: None,
                code: Some(fixed()),
                retry_in_ms: None,
                blocked_by: vec![fixed()],
            }),
            EventKind::StepOutput { step: fixed(), stream: Stream::Stderr, line: say() },
            EventKind::Probe(Probe {
                step: fixed(),
                kind: fixed(),
                from: fixed(),
                ok: false,
                detail: say(),
                latency_ms: 1,
                n: 1,
            }),
            EventKind::Diagnosis(Diagnosis {
                step: fixed(),
                code: fixed(),
                rule: Some(fixed()),
                summary: say(),
                evidence: vec![Evidence::new(say(), say())],
                tried: vec![say()],
                fix: Some(Fix::safe(say())),
                blocks: vec![fixed()],
                findings: vec![Finding {
                    code: fixed(),
                    rule: Some(fixed()),
                    summary: say(),
                    evidence: vec![Evidence::new(say(), say())],
                    fix: Some(Fix::safe(say())),
                }],
            }),
            EventKind::Escalation { step: fixed(), rung: fixed(), reason: say(), attempt: 1 },
            EventKind::Warning {
                step: Some(fixed()),
                code: fixed(),
                message: say(),
                hint: Some(say()),
            },
            EventKind::TunnelState(TunnelState {
                destination: say(),
                from: TunnelStage::Up,
                to: TunnelStage::Down,
                reason: Some(say()),
                code: Some(fixed()),
                attempt: 0,
            }),
            EventKind::WatchState(WatchState {
                state: Watching::Degraded,
                reason: say(),
                step: Some(fixed()),
                code: Some(fixed()),
                next_at: Some(fixed()),
            }),
            EventKind::RunFinished {
                outcome: Outcome::Ready,
                exit_code: 0,
                critical_path: Vec::new(),
                urls: vec![Url { name: fixed(), url: say(), login: Some(say()) }],
                recovered: vec![Recovery {
                    step: fixed(),
                    attempt: 2,
                    rung: fixed(),
                    reason: say(),
                }],
            },
        ]
    }

    /// Puts the canary into every text of the JSON form that is not fixed, however deep.
    fn poison(value: &mut Value, field: &str) {
        match value {
            Value::String(text) if !FIXED.contains(&field) => *text = say(),
            Value::Array(items) => items.iter_mut().for_each(|item| poison(item, field)),
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(name, value)| poison(value, name));
            }
            _ => {}
        }
    }

    #[test]
    fn no_text_of_any_event_lets_a_secret_through() {
        let scrubber = Scrubber::new(&[Secret::new(CANARY)]);
        for kind in kinds() {
            let event =
                Event { v: VERSION, seq: 0, ts: fixed(), elapsed_ms: 0, run: fixed(), kind };
            let mut value = serde_json::to_value(&event).unwrap();
            poison(&mut value, "");
            let mut event: Event = serde_json::from_value(value).unwrap();
            assert!(serde_json::to_string(&event).unwrap().contains(CANARY), "{event:?}");
            event.scrub(&scrubber);
            let text = serde_json::to_string(&event).unwrap();
            assert!(!text.contains(CANARY), "{text}");
            assert!(text.contains("before [redacted] after"), "{text}");
        }
    }
}
