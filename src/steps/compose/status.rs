//! Where each service of a project stands, for `mlup status`. Reads only.

use std::collections::BTreeMap;

use serde::Serialize;

use super::observe::not_foreign;
use super::readiness::{Situation, Verdict};
use crate::host::containers::{self, Container};
use crate::plan::ComposeDeploy;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// One line of `mlup status`: a container, or a service that has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// The compose service.
    pub service: String,
    /// Its container, where there is one.
    pub container: Option<String>,
    /// Docker's word for the container's state; `missing` without one.
    pub state: String,
    /// Docker's word for its health, where it has a healthcheck.
    pub health: Option<String>,
    /// Exit code, where it is over.
    pub exit_code: Option<i64>,
    /// Since when it is in this state, in RFC 3339.
    pub since: Option<String>,
    /// Published ports, as `8080->80/tcp`.
    pub ports: Vec<String>,
    /// Whether the service counts as up.
    pub ready: bool,
    /// Whether the environment counts as up without it.
    pub optional: bool,
    /// What it lacks, when it is not ready.
    pub reason: Option<String>,
}

/// Where each service of the project stands.
///
/// # Errors
/// The compose files are wrong, or the engine could not be asked.
pub async fn status(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Vec<ServiceStatus>, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let own = containers::of_project(&ctx.host.docker, &project.model.name).await?;
    not_foreign(&project, &own)?;
    let history = BTreeMap::new();
    let situation = Situation { project: &project, containers: &own, history: &history };
    let mut lines = Vec::new();
    for (service, verdict) in situation.verdicts() {
        let optional = project.optional.contains(&service);
        let containers: Vec<&Container> = own.iter().filter(|c| c.service == service).collect();
        if containers.is_empty() && !verdict.is_good() {
            lines.push(line(&service, None, &verdict, optional));
        }
        lines.extend(containers.into_iter().map(|c| line(&service, Some(c), &verdict, optional)));
    }
    Ok(lines)
}

fn line(
    service: &str,
    container: Option<&Container>,
    verdict: &Verdict,
    optional: bool,
) -> ServiceStatus {
    use crate::host::containers::Status::{Dead, Exited, Running};
    let over = container.filter(|c| matches!(c.status, Exited | Dead));
    let since = container.and_then(|c| if over.is_some() { c.finished_at } else { c.started_at });
    let health = container.filter(|c| c.status == Running).and_then(|c| c.health.as_ref());
    let port =
        |p: &containers::PublishedPort| format!("{}->{}/{}", p.host, p.container, p.protocol);
    ServiceStatus {
        service: service.to_owned(),
        container: container.map(|c| c.name.clone()),
        state: container.map_or("missing", |c| c.status.as_str()).to_owned(),
        health: health.map(|health| health.status.as_str().to_owned()),
        exit_code: over.map(|c| c.exit_code),
        since: since.map(|since| since.to_string()),
        ports: container.map(|c| c.ports.iter().map(port).collect()).unwrap_or_default(),
        ready: verdict.is_good(),
        optional,
        reason: match verdict {
            Verdict::Ready | Verdict::Done => None,
            Verdict::Pending(why) => Some(why.clone()),
            Verdict::Failed(fault) => Some(fault.kind.describe()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::container;
    use super::*;
    use crate::host::containers::{PublishedPort, Status};

    #[test]
    fn a_finished_one_shot_is_ready_and_shows_its_exit_code() {
        let mut job = container("job");
        job.status = Status::Exited;
        let line = line("job", Some(&job), &Verdict::Done, false);
        assert!(line.ready);
        assert_eq!((line.state.as_str(), line.exit_code), ("exited", Some(0)));
    }

    #[test]
    fn ports_read_as_docker_writes_them() {
        let mut api = container("api");
        api.ports = vec![PublishedPort { host: 8080, container: 80, protocol: "tcp".to_owned() }];
        assert_eq!(line("api", Some(&api), &Verdict::Ready, false).ports, ["8080->80/tcp"]);
    }

    #[test]
    fn a_service_without_container_is_missing() {
        let verdict = Verdict::Pending("0 of 1 containers".to_owned());
        let line = line("api", None, &verdict, true);
        assert_eq!((line.state.as_str(), line.ready, line.optional), ("missing", false, true));
    }
}
