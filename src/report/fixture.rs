//! Recorded runs for the tests of the reports: each is fed to every report and the text compared.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::event::{
    Diagnosis, Event, EventKind, Evidence, Fix, Outcome, PathEntry, Phase, Probe, Recovery, State,
    StepInfo, StepState, Stream, TunnelStage, TunnelState, Url, VERSION, Verb,
};

/// A writer whose text can be read from outside.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// What was written since the last call.
    pub(crate) fn drain(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Builds a recorded run, event by event.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Vec<Event>,
    now_ms: u64,
}

impl Recorder {
    pub(crate) fn at(&mut self, now_ms: u64) -> &mut Self {
        self.now_ms = now_ms;
        self
    }

    pub(crate) fn push(&mut self, kind: EventKind) -> &mut Self {
        let seq = self.events.len() as u64;
        let ts = "2026-11-21T10:30:00.000Z".to_owned();
        let (elapsed_ms, run) = (self.now_ms, "r1".to_owned());
        self.events.push(Event { v: VERSION, seq, ts, elapsed_ms, run, kind });
        self
    }

    /// A tunnel that comes up, breaks and comes back.
    pub(crate) fn tunnel_cut_and_back(&mut self) -> &mut Self {
        use TunnelStage::{Connecting, Down, Up};
        for (from, to, attempt) in [(Connecting, Up, 0), (Up, Down, 0), (Down, Up, 3)] {
            let is_down = to == Down;
            self.push(EventKind::TunnelState(TunnelState {
                destination: "vm".to_owned(),
                from,
                to,
                reason: is_down.then(|| "the line went dead".to_owned()),
                code: is_down.then(|| "SSH_CONNECTION_LOST".to_owned()),
                attempt,
            }));
        }
        self
    }

    pub(crate) fn state(
        &mut self,
        step: &str,
        from: State,
        to: State,
        more: impl FnOnce(&mut StepState),
    ) -> &mut Self {
        let begun = !matches!(to, State::Pending | State::Blocked | State::Skipped);
        let mut state = StepState {
            step: step.to_owned(),
            from,
            to,
            reason: None,
            attempt: u32::from(begun),
            duration_ms: 0,
            phase: None,
            changed: None,
            code: None,
            retry_in_ms: None,
            blocked_by: Vec::new(),
        };
        more(&mut state);
        self.push(EventKind::StepState(state))
    }

    pub(crate) fn running(&mut self, step: &str, phase: Phase) -> &mut Self {
        self.state(step, State::Pending, State::Running, |state| state.phase = Some(phase))
    }

    pub(crate) fn waiting(&mut self, step: &str, duration_ms: u64, reason: &str) -> &mut Self {
        self.state(step, State::Running, State::Waiting, |state| {
            state.duration_ms = duration_ms;
            state.reason = Some(reason.to_owned());
        })
    }

    pub(crate) fn ready(
        &mut self,
        step: &str,
        took: u64,
        reason: &str,
        changed: bool,
    ) -> &mut Self {
        self.state(step, State::Running, State::Ready, |state| {
            state.duration_ms = took;
            state.reason = Some(reason.to_owned());
            state.changed = Some(changed);
        })
    }

    pub(crate) fn started(&mut self, steps: &[(&str, &[&str])]) -> &mut Self {
        let info = |(id, needs): &(&str, &[&str])| StepInfo {
            id: (*id).to_owned(),
            title: format!("the step {id}"),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            optional: false,
        };
        self.push(EventKind::RunStarted {
            action: Verb::Start,
            project: "demo".into(),
            profile: "local".into(),
            version: "0.1.0".into(),
            deadline_ms: 900_000,
            steps: steps.iter().map(info).collect(),
        })
    }

    pub(crate) fn finished(&mut self, outcome: Outcome, path: &[(&str, u64)]) -> &mut Self {
        let entry = |(step, duration_ms): &(&str, u64)| PathEntry {
            step: (*step).to_owned(),
            duration_ms: *duration_ms,
        };
        let url = |name: &str, url: &str, login: Option<&str>| Url {
            name: name.to_owned(),
            url: url.to_owned(),
            login: login.map(str::to_owned),
        };
        let urls = vec![
            url("api", "http://localhost:8080", None),
            url("grafana", "http://localhost:3000", Some("admin, password in `.env`")),
        ];
        self.push(EventKind::RunFinished {
            outcome,
            exit_code: u8::from(outcome != Outcome::Ready),
            critical_path: path.iter().map(entry).collect(),
            urls: if outcome == Outcome::Ready { urls } else { Vec::new() },
            recovered: Vec::new(),
        })
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.clone()
    }
}

const STEPS: [(&str, &[&str]); 6] = [
    ("docker", &[]),
    ("network/mlnet", &["docker"]),
    ("preflight/stack", &["network/mlnet"]),
    ("images/stack", &["preflight/stack"]),
    ("deploy/stack", &["images/stack"]),
    ("check/api", &["deploy/stack"]),
];

fn begun() -> Recorder {
    let mut recorder = Recorder::default();
    recorder.started(&STEPS);
    for (step, needs) in &STEPS[1..] {
        recorder.state(step, State::Pending, State::Blocked, |state| {
            state.blocked_by = needs.iter().map(|need| (*need).to_owned()).collect();
        });
    }
    recorder.running("docker", Phase::Probe);
    recorder.at(84).ready("docker", 84, "Docker 20.10.24, compose 2.26.1", false);
    recorder.at(90).running("network/mlnet", Phase::Probe).running("network/mlnet", Phase::Apply);
    recorder.at(160).ready("network/mlnet", 70, "bridge 172.30.0.0/16", true);
    recorder.at(170).running("preflight/stack", Phase::Probe);
    recorder.at(260).ready("preflight/stack", 90, "5 services", false);
    recorder.at(270).running("images/stack", Phase::Apply);
    recorder
}

/// A first start in which everything gets ready.
pub(crate) fn cold_start() -> Vec<Event> {
    let mut recorder = begun();
    recorder.at(900).push(EventKind::StepOutput {
        step: "images/stack".into(),
        stream: Stream::Stderr,
        line: "\u{1b}[34m#5 building\u{1b}[0m".into(),
    });
    recorder.at(8_400).ready("images/stack", 8_130, "5 images", true);
    recorder.at(8_410).running("deploy/stack", Phase::Apply);
    recorder.at(9_900).waiting("deploy/stack", 1_490, "api: health starting");
    recorder.at(10_200).waiting("deploy/stack", 1_790, "db: health starting");
    recorder.at(12_000).ready("deploy/stack", 3_590, "5 of 5 services up", true);
    recorder.at(12_010).running("check/api", Phase::Probe).push(probe(true));
    recorder.at(12_030).ready("check/api", 20, "http 200", false);
    recorder.at(12_040).finished(
        Outcome::Ready,
        &[("docker", 84), ("images/stack", 8_130), ("deploy/stack", 3_590), ("check/api", 20)],
    );
    recorder.events()
}

/// A start in which everything was there.
pub(crate) fn warm_start() -> Vec<Event> {
    let mut recorder = Recorder::default();
    recorder.started(&STEPS[..2]);
    recorder.at(60).ready("docker", 60, "Docker 20.10.24", false);
    recorder.at(90).ready("network/mlnet", 30, "bridge 172.30.0.0/16", false);
    recorder.at(95).finished(Outcome::Ready, &[("docker", 60), ("network/mlnet", 30)]);
    recorder.events()
}

/// A start in which a port is taken after one retry.
pub(crate) fn failed_start() -> Vec<Event> {
    let mut recorder = begun();
    recorder.at(400).push(EventKind::Warning {
        step: Some("images/stack".into()),
        code: "IMAGE_STALE".into(),
        message: "`api` is older than its build context".into(),
        hint: Some("run `mlup start images/stack`".into()),
    });
    recorder.at(500).ready("images/stack", 230, "5 images", false);
    recorder.at(510).running("deploy/stack", Phase::Apply);
    recorder.at(900).state("deploy/stack", State::Running, State::Retrying, |state| {
        state.duration_ms = 390;
        state.reason = Some("the engine closed the connection".into());
        state.code = Some("DOCKER_BUSY".into());
        state.retry_in_ms = Some(500);
    });
    recorder.at(1_400).running("deploy/stack", Phase::Apply);
    recorder.at(2_000).state("deploy/stack", State::Running, State::Failed, |state| {
        state.attempt = 2;
        state.duration_ms = 1_490;
        state.reason = Some("host port 8080 is taken by container `old-web`".into());
        state.code = Some("PORT_TAKEN".into());
    });
    recorder.push(EventKind::Diagnosis(port_taken()));
    recorder.state("check/api", State::Blocked, State::Skipped, |_| {});
    recorder.at(2_010).finished(Outcome::Failed, &[("docker", 84), ("deploy/stack", 1_490)]);
    recorder.events()
}

/// A start in which the cluster comes up on its third attempt.
pub(crate) fn recovered_start() -> Vec<Event> {
    let mut recorder = Recorder::default();
    recorder.started(&[("cluster", &[]), ("deploy/stack", &["cluster"])]);
    recorder.running("cluster", Phase::Apply);
    let rungs = [
        ("restart", "it does not answer: no answer within 2s"),
        ("recreate", "a restart did not help: no answer within 2s"),
    ];
    for (attempt, (rung, reason)) in (2..).zip(rungs) {
        recorder.at(u64::from(attempt) * 1_500);
        recorder.state("cluster", State::Running, State::Escalating, |state| {
            state.reason = Some("no answer within 2s".into());
            state.attempt = attempt - 1;
        });
        recorder.push(EventKind::Escalation {
            step: "cluster".into(),
            rung: rung.into(),
            reason: reason.into(),
            attempt,
        });
    }
    recorder.at(8_000).ready("cluster", 7_900, "1 node, v1.34.0", true);
    recorder.at(9_000).ready("deploy/stack", 1_000, "5 services", true);
    recorder.at(9_010).finished(Outcome::Ready, &[("cluster", 7_900)]);
    let mut events = recorder.events();
    if let Some(EventKind::RunFinished { recovered, urls, .. }) =
        events.last_mut().map(|event| &mut event.kind)
    {
        urls.clear();
        recovered.push(Recovery {
            step: "cluster".into(),
            attempt: 3,
            rung: "recreate".into(),
            reason: "no answer within 2s".into(),
        });
    }
    events
}

fn port_taken() -> Diagnosis {
    Diagnosis {
        step: "deploy/stack".into(),
        code: "PORT_TAKEN".into(),
        rule: None,
        summary: "host port 8080 is taken by container `old-web`".into(),
        evidence: vec![Evidence::new("docker ps", "old-web 0.0.0.0:8080->80/tcp")],
        tried: vec!["2 attempts".into()],
        fix: Some(Fix::safe("docker stop old-web")),
        blocks: vec!["check/api".into()],
        findings: Vec::new(),
    }
}

fn probe(ok: bool) -> EventKind {
    EventKind::Probe(Probe {
        step: "check/api".into(),
        kind: "http".into(),
        from: "host".into(),
        ok,
        detail: "http 200".into(),
        latency_ms: 14,
        n: 1,
    })
}
