//! Checks of a service's log: every line of its container's present run, followed
//! while it goes on, and picked up again when the container is replaced or restarted.

use std::collections::VecDeque;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::models::ContainerState;
use bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use regex::Regex;
use tokio::time::Instant;

use super::container::{Which, engine_trouble, find};
use super::finding::{Finding, Verdict, excerpt};
use super::history::{History, News};
use super::prober::Tried;
use super::{Pause, failed, pause, wanted, within};
use crate::config::model::Check;
use crate::event::Evidence;
use crate::plan::change::Settled;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Lines that are kept as evidence.
const KEPT: usize = 3;

/// A log and the line that is looked for in it.
pub(super) struct Watch<'a> {
    pub(super) check: &'a Check,
    pub(super) ctx: &'a StepCtx,
    pub(super) service: &'a str,
    pub(super) pattern: &'a Regex,
}

/// Whether to wait for lines that are still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    Yes,
    No,
}

type LogStream = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

impl Watch<'_> {
    /// Looks through the lines that are there.
    pub(super) async fn look_once(&self) -> Result<Finding, Failure> {
        let mut last = VecDeque::new();
        let looked = self.read(Follow::No, &mut last);
        Ok(within(self.ctx, super::try_limit(self.ctx), looked)
            .await
            .transpose()?
            .unwrap_or_else(|| Finding::unmet("the log could not be read in time")))
    }

    /// Reads on until the line comes or the time is over.
    pub(super) async fn until_met(&self) -> Result<Settled, Failure> {
        let mut history = History::default();
        let mut last = VecDeque::new();
        let begun = Instant::now();
        self.ctx.waiting(format!("{} in the log of `{}`", wanted(self.check), self.service));
        for number in 2.. {
            let left = self.ctx.time_left();
            let finding = match within(self.ctx, left, self.read(Follow::Yes, &mut last)).await {
                None => break,
                Some(Ok(finding)) => finding,
                Some(Err(failure)) if failure.class.is_retryable() => {
                    Finding::unmet(failure.summary)
                }
                Some(Err(failure)) => return Err(failure),
            };
            let news = history.note(&finding);
            let tried = Tried { finding, number, latency: begun.elapsed() };
            if news != News::None {
                tried.tell(self.check, self.ctx);
            }
            if tried.finding.verdict == Verdict::Met {
                return Ok(Settled::ready(tried.finding.detail));
            }
            if pause(self.ctx, history.next_delay()).await == Pause::Over {
                break;
            }
        }
        if history.last().is_none() {
            history.note(&Finding::unmet("no such line"));
        }
        let mut failure = failed(self.check, &history, None);
        let source = format!("log {}", self.service);
        failure.evidence.truncate(2);
        failure.evidence.extend(last.iter().map(|line| Evidence::new(&source, line)));
        Err(failure)
    }

    /// Reads one container's log to its end, or to the line; remembers the last lines.
    async fn read(&self, follow: Follow, last: &mut VecDeque<String>) -> Result<Finding, Failure> {
        let Some(container) = find(self.ctx, self.service, Which::Any).await? else {
            return Ok(Finding::unmet(format!("`{}` has no container", self.service)));
        };
        let (mut log, since) = self.open(&container, follow).await?;
        let mut lines = Lines::new(since);
        last.clear();
        while let Some(part) = log.next().await {
            let part = part.map_err(|error| engine_trouble(&error))?;
            for line in lines.push(&part) {
                if self.pattern.is_match(&line) {
                    return Ok(Finding::met(excerpt(&line).unwrap_or_default()));
                }
                last.extend(excerpt(&line));
                last.drain(..last.len().saturating_sub(KEPT));
            }
        }
        Ok(Finding::unmet("no such line so far"))
    }

    async fn open(
        &self,
        container: &str,
        follow: Follow,
    ) -> Result<(LogStream, Option<Timestamp>), Failure> {
        let docker = self.ctx.host.docker.client().await?;
        let inspected = docker
            .inspect_container(container, None::<InspectContainerOptions>)
            .await
            .map_err(|error| engine_trouble(&error))?;
        let since = inspected.state.and_then(|state| run_before(&state));
        let seconds = since.and_then(|time| i32::try_from(time.as_second()).ok()).unwrap_or(0);
        let options = LogsOptionsBuilder::new()
            .follow(follow == Follow::Yes)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(seconds.max(0))
            .tail("all")
            .build();
        Ok((Box::pin(docker.logs(container, Some(options))), since))
    }
}

/// The moment that parts the run before from this one: halfway between the end of the one and the
/// start of the other. Neither is a boundary itself: the engine stamps the last lines of a run a
/// little after the end that it notes, and notes the start only after the first lines may have come
/// (Docker 20.10).
fn run_before(state: &ContainerState) -> Option<Timestamp> {
    let time = |text: &Option<String>| text.as_ref()?.parse::<Timestamp>().ok();
    let (started, finished) = (time(&state.started_at)?, time(&state.finished_at)?);
    // Of a container that has ended, the end of its last run is all that is known.
    let is_another_run = finished < started && finished > Timestamp::UNIX_EPOCH;
    let halfway = finished.duration_until(started) / 2;
    is_another_run.then_some(finished).and_then(|end| end.checked_add(halfway).ok())
}

/// Puts lines together from what the engine sends, and drops those of the run before: `since`
/// counts in seconds, and a restart takes less.
struct Lines {
    since: Option<Timestamp>,
    stdout: String,
    stderr: String,
}

impl Lines {
    fn new(since: Option<Timestamp>) -> Self {
        Self { since, stdout: String::new(), stderr: String::new() }
    }

    fn push(&mut self, part: &LogOutput) -> Vec<String> {
        let buffer = match part {
            LogOutput::StdErr { .. } => &mut self.stderr,
            _ => &mut self.stdout,
        };
        buffer.push_str(&String::from_utf8_lossy(part.as_ref()));
        let Some(end) = buffer.rfind('\n') else { return Vec::new() };
        let whole: String = buffer.drain(..=end).collect();
        whole.lines().filter_map(|line| self.of_this_run(line)).collect()
    }

    /// The line without its time, unless the run before wrote it.
    fn of_this_run(&self, line: &str) -> Option<String> {
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        match (time.parse::<Timestamp>(), self.since) {
            (Ok(time), Some(since)) if time <= since => None,
            (Ok(_), _) => Some(text.to_owned()),
            (Err(_), _) => Some(line.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &'static str) -> LogOutput {
        LogOutput::StdOut { message: text.into() }
    }

    #[test]
    fn lines_are_put_together_and_lose_their_time() {
        let mut lines = Lines::new(None);
        assert_eq!(lines.push(&out("2026-11-21T10:00:00.5Z rea")), Vec::<String>::new());
        let error = LogOutput::StdErr { message: "2026-11-21T10:00:00.6Z oops\r\n".into() };
        assert_eq!(lines.push(&error), ["oops"]);
        assert_eq!(lines.push(&out("dy\n2026-11-21T10:00:01Z \n")), ["ready", ""]);
    }

    #[test]
    fn the_runs_part_halfway_between_an_end_and_a_start() {
        let state = |started: &str, finished: &str| ContainerState {
            started_at: Some(started.into()),
            finished_at: Some(finished.into()),
            ..ContainerState::default()
        };
        let ended = "2026-11-21T10:00:00.1Z";
        let again = state("2026-11-21T10:00:00.5Z", ended);
        assert_eq!(run_before(&again), "2026-11-21T10:00:00.3Z".parse().ok());
        assert_eq!(run_before(&state("2026-11-21T09:00:00Z", ended)), None, "it has ended");
        assert_eq!(run_before(&state(ended, "0001-01-01T00:00:00Z")), None, "its first run");
    }

    #[test]
    fn lines_of_the_run_before_are_dropped() {
        let mut lines = Lines::new("2026-11-21T10:00:00.500Z".parse().ok());
        let text = "2026-11-21T10:00:00.499Z ready\n2026-11-21T10:00:00.501Z starting\n";
        assert_eq!(lines.push(&out(text)), ["starting"]);
    }
}
