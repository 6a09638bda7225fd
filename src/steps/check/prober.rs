//! Makes the tries of one check, from wherever it is made, and waits between them: for what a try
//! lacked where that can be watched, else for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::cluster::{Cluster, Filled};
use super::finding::{Finding, Verdict};
use super::lacking::{Lacking, Trouble};
use super::words::{from, kind};
use super::{Ask, Pause, TRY_LIMIT, host, inside, log, pause, pod};
use crate::config::model::{Check, CheckProbe, Vantage};
use crate::event::Probe;
use crate::plan::change::Settled;
use crate::policy::Failure;
use crate::steps::StepCtx;
#[cfg(test)]
use crate::steps::objects::Objects;

/// A watch that ends sooner than this told nothing new.
const MOMENT: Duration = Duration::from_millis(50);

/// One try and how long it took.
pub(super) struct Tried {
    pub(super) finding: Finding,
    pub(super) number: u32,
    pub(super) latency: Duration,
}

impl Tried {
    pub(super) fn settled(&self) -> Settled {
        Settled::ready(format!("{} in {} ms", self.finding.detail, self.latency.as_millis()))
    }

    /// Whether the step's end broke it off. It tells less than the tries before it did.
    pub(super) fn was_cut_short(&self, ctx: &StepCtx) -> bool {
        let unmet = self.finding.verdict == Verdict::Unmet;
        unmet && ctx.time_left().is_zero() && self.latency < TRY_LIMIT
    }

    pub(super) fn tell(&self, check: &Check, ctx: &StepCtx) {
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
pub(super) struct Prober<'a> {
    check: &'a Check,
    ctx: &'a StepCtx,
    pub(super) number: u32,
    /// What the container offers, once it was asked.
    clients: Option<inside::Clients>,
    cluster: Cluster<'a>,
    /// What the last try lacked, where it could not be made.
    pub(super) lacking: Option<Lacking>,
}

impl<'a> Prober<'a> {
    pub(super) fn new(check: &'a Check, ctx: &'a StepCtx) -> Self {
        let cluster = Cluster::new(ctx);
        Self { check, ctx, number: 0, clients: None, cluster, lacking: None }
    }

    /// The same with a connection that is there.
    #[cfg(test)]
    pub(super) fn with(check: &'a Check, ctx: &'a StepCtx, objects: Objects) -> Self {
        Self { cluster: Cluster::with(ctx, objects), ..Self::new(check, ctx) }
    }

    /// Makes one try.
    pub(super) async fn attempt(&mut self) -> Result<Tried, Failure> {
        self.number += 1;
        self.lacking = None;
        let begun = Instant::now();
        let finding = match self.look().await {
            Ok(finding) => finding,
            // What may pass by itself is waited for here, with the other results.
            Err(Trouble::Lacking(lacking)) => {
                if lacking.until.is_none() {
                    self.cluster.forget();
                }
                let finding = Finding::unmet(&lacking.why);
                self.lacking = Some(lacking);
                finding
            }
            Err(Trouble::Failed(failure)) => return Err(failure),
        };
        Ok(Tried { finding, number: self.number, latency: begun.elapsed() })
    }

    async fn look(&mut self) -> Result<Finding, Trouble> {
        let (ask, filled) = self.filled().await?;
        let finding = self.ask(&ask).await?;
        let Some(Filled { text, doubt }) = filled else { return Ok(finding) };
        let doubt = doubt.filter(|_| finding.verdict == Verdict::Unmet);
        Ok(finding.noting(&doubt.map_or(text.clone(), |doubt| format!("{text}, {doubt}"))))
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Finding, Trouble> {
        let (check, ctx) = (self.check, self.ctx);
        Ok(match (ask, &check.from) {
            (CheckProbe::Log { service, pattern }, _) => {
                log::Watch { check, ctx, service, pattern }.look_once().await?
            }
            (probe, Vantage::Compose(service)) => {
                inside::Inside { ctx, service, clients: &mut self.clients }.look(probe).await?
            }
            (CheckProbe::Http(probe), Vantage::Pod(port)) => {
                pod::Inside { ctx, port, cluster: &mut self.cluster }.http(probe).await?
            }
            (CheckProbe::Tcp(_), Vantage::Pod(port)) => {
                pod::Inside { ctx, port, cluster: &mut self.cluster }.tcp().await?
            }
            (CheckProbe::Exec(command), _) => host::exec(command, ctx).await?,
            (CheckProbe::Http(probe), _) => host::http(probe, ctx).await?,
            (CheckProbe::Tcp(address), _) => host::tcp(address, ctx).await,
        })
    }

    /// What to ask now, and the address where only the cluster knew it.
    async fn filled(&mut self) -> Result<(Ask, Option<Filled>), Trouble> {
        let address = match &self.check.probe {
            CheckProbe::Exec(command) => return Ok((CheckProbe::Exec(command.clone()), None)),
            CheckProbe::Log { service, pattern } => {
                let (service, pattern) = (service.clone(), pattern.clone());
                return Ok((CheckProbe::Log { service, pattern }, None));
            }
            CheckProbe::Http(probe) => &probe.url,
            CheckProbe::Tcp(address) => address,
        };
        let filled = self.cluster.fill(address).await?;
        let text = filled.text.clone();
        let ask = match &self.check.probe {
            CheckProbe::Http(probe) => CheckProbe::Http(probe.at(text)),
            _ => CheckProbe::Tcp(text),
        };
        Ok((ask, Some(filled).filter(|_| address.is_live())))
    }

    /// Waits until the next try is worth making.
    pub(super) async fn rest(&mut self, delay: Duration) -> Pause {
        let until = self.lacking.as_ref().and_then(|lacking| lacking.until.clone());
        let (Some(until), Ok(objects)) = (until, self.cluster.objects().await) else {
            return pause(self.ctx, delay).await;
        };
        let begun = Instant::now();
        tokio::select! {
            over = pause(self.ctx, self.ctx.time_left()) => return over,
            () = until.changed(&objects) => {}
        }
        if begun.elapsed() < MOMENT { pause(self.ctx, delay).await } else { Pause::Done }
    }
}
