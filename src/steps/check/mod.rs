//! Checks: what must answer before the environment counts as up. One try is made at once, then
//! tries follow closely at first and every two seconds in the end. Where a try is made from is in
//! `host` and `inside`; services that are still coming up make a try fail, and that is normal.

mod bridge;
mod client;
mod container;
mod finding;
mod history;
mod host;
mod inside;
mod log;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::model::{Check, CheckProbe, Vantage};
use crate::event::{Fix, Probe};
use crate::host::cmd::Cmd;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use finding::{Finding, Verdict};
use history::{History, News};

/// Longest single try of an HTTP or TCP check.
const TRY_LIMIT: Duration = Duration::from_secs(5);

/// Tries once.
///
/// # Errors
/// The check can never be met: a placeholder that nothing resolves, no client in a container.
pub(super) async fn probe(check: &Check, ctx: &StepCtx) -> Result<Probed, Failure> {
    let tried = Prober::new(check, ctx)?.attempt().await?;
    tried.tell(check, ctx);
    Ok(match tried.finding.verdict {
        Verdict::Met => Probed::Satisfied(tried.settled()),
        Verdict::Unmet => {
            let object = format!("check {}", check.name);
            Probed::Needed(vec![Change::new(Op::Wait, object, tried.finding.detail)])
        }
    })
}

/// Tries until the check is met or its time is over.
///
/// # Errors
/// `CHECK_FAILED` at the deadline, with what came instead; else as [`probe`].
pub(super) async fn verify(check: &Check, ctx: &StepCtx) -> Result<Settled, Failure> {
    if let CheckProbe::Log { service, pattern } = &check.probe {
        return log::Watch { check, ctx, service, pattern }.until_met().await;
    }
    let mut prober = Prober::new(check, ctx)?;
    // The first one is the try of the probe before.
    prober.number = 1;
    let mut history = History::default();
    loop {
        let tried = prober.attempt().await?;
        if tried.was_cut_short(ctx) && history.last().is_some() {
            return Err(failed(check, &history));
        }
        let news = history.note(&tried.finding);
        if news != News::None || tried.finding.verdict == Verdict::Met {
            tried.tell(check, ctx);
        }
        if tried.finding.verdict == Verdict::Met {
            return Ok(tried.settled());
        }
        if news == News::Changed {
            ctx.waiting(format!("{}, wanted {}", tried.finding.detail, wanted(check)));
        }
        if pause(ctx, history.next_delay()).await == Pause::Over {
            return Err(failed(check, &history));
        }
    }
}

/// One try and how long it took.
struct Tried {
    finding: Finding,
    number: u32,
    latency: Duration,
}

impl Tried {
    fn settled(&self) -> Settled {
        Settled::ready(format!("{} in {} ms", self.finding.detail, self.latency.as_millis()))
    }

    /// Whether the step's end broke it off. It tells less than the tries before it did.
    fn was_cut_short(&self, ctx: &StepCtx) -> bool {
        let unmet = self.finding.verdict == Verdict::Unmet;
        unmet && ctx.time_left().is_zero() && self.latency < TRY_LIMIT
    }

    fn tell(&self, check: &Check, ctx: &StepCtx) {
        ctx.probed(Probe {
            step: String::new(),
            kind: kind(check).to_owned(),
            from: from(check),
            ok: self.finding.verdict == Verdict::Met,
            detail: self.finding.detail.clone(),
            latency_ms: u64::try_from(self.latency.as_millis()).unwrap_or(u64::MAX),
            n: self.number,
        });
    }
}

/// Makes the tries of one check.
struct Prober<'a> {
    check: &'a Check,
    ctx: &'a StepCtx,
    number: u32,
    /// What the container offers, once it was asked.
    clients: Option<inside::Clients>,
}

impl<'a> Prober<'a> {
    fn new(check: &'a Check, ctx: &'a StepCtx) -> Result<Self, Failure> {
        refuse_cluster(check)?;
        Ok(Self { check, ctx, number: 0, clients: None })
    }

    async fn attempt(&mut self) -> Result<Tried, Failure> {
        self.number += 1;
        let begun = Instant::now();
        let finding = match self.look().await {
            Ok(finding) => finding,
            // What may pass by itself is waited for here, with the other results.
            Err(failure) if failure.class.is_retryable() => Finding::unmet(failure.summary),
            Err(failure) => return Err(failure),
        };
        Ok(Tried { finding, number: self.number, latency: begun.elapsed() })
    }

    async fn look(&mut self) -> Result<Finding, Failure> {
        let (check, ctx) = (self.check, self.ctx);
        match (&check.probe, &check.from) {
            (CheckProbe::Log { service, pattern }, _) => {
                log::Watch { check, ctx, service, pattern }.look_once().await
            }
            (probe, Vantage::Compose(service)) => {
                inside::Inside { ctx, service, clients: &mut self.clients }.look(probe).await
            }
            (CheckProbe::Exec(command), _) => host::exec(command, ctx).await,
            (CheckProbe::Http(probe), _) => host::http(probe, ctx).await,
            (CheckProbe::Tcp(address), _) => Ok(host::tcp(address, ctx).await),
        }
    }
}

/// Whether there is time for another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    Done,
    /// The time is over, or the run is.
    Over,
}

async fn pause(ctx: &StepCtx, delay: Duration) -> Pause {
    let until = Instant::now() + delay;
    tokio::select! {
        () = ctx.cancel.cancelled() => Pause::Over,
        () = tokio::time::sleep_until(until.min(ctx.deadline)) => {
            if Instant::now() >= ctx.deadline { Pause::Over } else { Pause::Done }
        }
    }
}

/// How long one try may take.
fn try_limit(ctx: &StepCtx) -> Duration {
    ctx.time_left().min(TRY_LIMIT)
}

/// The work's result, unless the time is over or the run is cancelled first.
async fn within<T>(ctx: &StepCtx, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = ctx.cancel.cancelled() => None,
        done = tokio::time::timeout(limit, work) => done.ok(),
    }
}

fn kind(check: &Check) -> &'static str {
    match check.probe {
        CheckProbe::Exec(_) => "exec",
        CheckProbe::Http(_) => "http",
        CheckProbe::Log { .. } => "log",
        CheckProbe::Tcp(_) => "tcp",
    }
}

fn from(check: &Check) -> String {
    match (&check.probe, &check.from) {
        (CheckProbe::Log { service, .. }, _) | (_, Vantage::Compose(service)) => {
            format!("compose:{service}")
        }
        (_, Vantage::Host) => "host".to_owned(),
        (_, Vantage::Pod) => "pod".to_owned(),
    }
}

/// What the check wants, in words.
fn wanted(check: &Check) -> String {
    match &check.probe {
        CheckProbe::Exec(_) => "exit 0".to_owned(),
        CheckProbe::Http(probe) => finding::wanted(probe),
        CheckProbe::Log { pattern, .. } => format!("a line that matches `{pattern}`"),
        CheckProbe::Tcp(_) => "a connection".to_owned(),
    }
}

/// What the check asks, in words.
fn subject(check: &Check) -> String {
    match &check.probe {
        CheckProbe::Exec(command) => format!("`{}`", command_line(command)),
        CheckProbe::Http(probe) => format!("`{}`", probe.url),
        CheckProbe::Log { service, .. } => format!("the log of `{service}`"),
        CheckProbe::Tcp(address) => format!("`{address}`"),
    }
}

fn command_line(command: &[String]) -> String {
    let (program, args) = command.split_first().map_or(("", command), |(p, a)| (p.as_str(), a));
    Cmd::new(program).args(args.iter().cloned()).to_string()
}

fn failed(check: &Check, history: &History) -> Failure {
    let summary = format!(
        "{} did not give what check `{}` wants in time: last came {}, wanted {}",
        subject(check),
        check.name,
        history.last().unwrap_or("nothing"),
        wanted(check)
    );
    let mut failure =
        Failure::new(Class::Timeout, "CHECK_FAILED", summary).fix(where_to_look(check));
    failure.evidence = history.evidence(&format!("probe {}", kind(check)));
    failure
}

fn where_to_look(check: &Check) -> Fix {
    match (&check.probe, &check.from) {
        (CheckProbe::Log { service, .. }, _) | (_, Vantage::Compose(service)) => {
            Fix::safe(format!("mlup logs {}", crate::quote::quote(service)))
        }
        _ => Fix::safe("mlup logs"),
    }
}

/// What only a cluster can answer is refused while the configuration is read; this is the net
/// below.
fn refuse_cluster(check: &Check) -> Result<(), Failure> {
    let address = match &check.probe {
        CheckProbe::Http(probe) => probe.url.as_str(),
        CheckProbe::Tcp(address) => address.as_str(),
        CheckProbe::Exec(_) | CheckProbe::Log { .. } => "",
    };
    let placeholders = ["{nodeport:", "{lb:", "{cluster:"];
    let placeholder = placeholders.into_iter().find(|start| address.contains(start));
    let reason = match (placeholder, &check.from) {
        (Some(start), _) => format!("`{start}...}}` in `{address}`"),
        (None, Vantage::Pod) => "`from = \"pod\"`".to_owned(),
        (None, Vantage::Compose(_) | Vantage::Host) => return Ok(()),
    };
    let summary = format!("check `{}` needs a cluster, and there is none: {reason}", check.name);
    Err(Failure::new(Class::Config, "CHECK_NEEDS_CLUSTER", summary)
        .fix(Fix::safe("write a host address, or `from = \"host\"`, in `mlup.toml`")))
}
