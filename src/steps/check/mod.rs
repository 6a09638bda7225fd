//! Checks: what must answer before the environment counts as up. One try is made at once, then
//! tries follow closely at first and every two seconds in the end. Where a try is made from is in
//! `host`, `inside` and `pod`; services that are still coming up make a try fail, and that is normal.

mod authority;
mod bridge;
mod client;
mod cluster;
mod container;
pub mod doors;
mod endpoints;
mod finding;
mod history;
mod host;
mod inside;
mod lacking;
mod log;
mod place;
mod pod;
mod prober;
pub mod route;
#[cfg(test)]
mod tests;
mod words;

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::model::{Check, CheckProbe, HttpProbe};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::Failure;
use crate::steps::StepCtx;
use finding::Verdict;
use history::{History, News};
use prober::Prober;
use words::{command_line, failed, wanted};

/// What a try asks, placeholders filled in.
type Ask = CheckProbe<String>;

/// What a try asks over HTTP, placeholders filled in.
type HttpAsk = HttpProbe<String>;

/// Longest single try of an HTTP or TCP check.
const TRY_LIMIT: Duration = Duration::from_secs(5);

/// Tries once.
///
/// # Errors
/// The check can never be met: no client in a container, no right to ask the cluster.
pub(super) async fn probe(check: &Check, ctx: &StepCtx) -> Result<Probed, Failure> {
    let tried = Prober::new(check, ctx).attempt().await?;
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
    let mut prober = Prober::new(check, ctx);
    // The first one is the try of the probe before.
    prober.number = 1;
    until_met(prober, check, ctx).await
}

async fn until_met(
    mut prober: Prober<'_>,
    check: &Check,
    ctx: &StepCtx,
) -> Result<Settled, Failure> {
    let mut history = History::default();
    loop {
        let tried = prober.attempt().await?;
        if tried.was_cut_short(ctx) && history.last().is_some() {
            return Err(failed(check, &history, prober.lacking));
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
        if prober.rest(history.next_delay()).await == Pause::Over {
            return Err(failed(check, &history, prober.lacking));
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
