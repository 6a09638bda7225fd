//! The compose projects of the configuration as facts.

use std::time::Duration;

use super::{LIMIT, Projects};
use crate::plan::ComposeDeploy;
use crate::steps::StepCtx;
use crate::steps::compose::survey;

pub(super) async fn look(ctx: &StepCtx) -> Projects {
    let deploys: Vec<ComposeDeploy> =
        ctx.config.deploys.iter().filter_map(ComposeDeploy::of).collect();
    // A compose that starts cold reads its files in a second or two.
    let limit: Duration = LIMIT * 2;
    let asked = deploys.iter().map(|deploy| tokio::time::timeout(limit, survey::of(deploy, ctx)));
    let answers = futures_util::future::join_all(asked).await;
    let mut all = Projects::default();
    for (deploy, answer) in deploys.iter().zip(answers) {
        match answer {
            Ok(Ok(seen)) => {
                all.ports.extend(seen.ports.into_iter().map(|port| super::ports::Wanted {
                    port: port.port,
                    protocol: port.protocol,
                    by: format!("service `{}` of `{}`", port.service, deploy.name),
                    place: port.file,
                    project: Some(seen.project.name.clone()),
                }));
                all.networks.extend(seen.networks);
                all.images.extend(seen.images);
                all.read.push(seen.project);
            }
            Ok(Err(failure)) => all.unread.push((deploy.name.clone(), failure.summary)),
            Err(_) => {
                let why = format!("compose gave no answer within {} s", limit.as_secs());
                all.unread.push((deploy.name.clone(), why));
            }
        }
    }
    all
}
