//! The accounts that registries need: of AWS, and the logins that Docker keeps. Nobody is asked whom
//! the configuration does not name.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::Method;
use hyper::header::DATE;
use jiff::fmt::rfc2822::DateTimeParser;

use super::{LIMIT, Outside, within};
use crate::config::model::{Credential, DeployKind, Registry};
use crate::doctor::host::facts::{Cloud, Helper, Look};
use crate::drivers::credential::docker_config::{self, Found};
use crate::drivers::credential::ecr_host;
use crate::event;
use crate::host::http::{self, Request, Trust};
use crate::host::process::find_program;
use crate::host::{clock, ecr, files};
use crate::manifest::images::ImageName;
use crate::policy::Failure;
use crate::steps::StepCtx;
use crate::steps::registry::credential;

/// Most registries whose clock is read.
const MOST_CLOCKS: usize = 2;

/// What was seen of the accounts.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) clouds: Vec<Cloud>,
    pub(super) logins: Vec<(String, event::Finding)>,
    pub(super) clocks: Vec<(String, i64)>,
}

pub(super) async fn look(ctx: &StepCtx, outside: Outside) -> Seen {
    let registries = &ctx.config.registries;
    let mut by_source: BTreeMap<String, Vec<&Registry>> = BTreeMap::new();
    for registry in registries {
        if let Credential::Ecr { .. } = registry.credential {
            by_source.entry(credential::source(registry)).or_default().push(registry);
        }
    }
    let is_asked = outside == Outside::Asked;
    let clouds = join_all(by_source.values().map(|same| cloud(ctx, same, is_asked)));
    let kept = registries.iter().filter(|one| matches!(one.credential, Credential::DockerConfig));
    let logins = join_all(kept.map(|registry| login(ctx, registry)));
    let clocks = registries.iter().filter(|_| is_asked).take(MOST_CLOCKS);
    let clocks = join_all(clocks.map(|one| ahead(&one.server)));
    let (clouds, logins, clocks) = tokio::join!(clouds, logins, clocks);
    Seen {
        clouds,
        logins: logins.into_iter().flatten().collect(),
        clocks: clocks.into_iter().flatten().collect(),
    }
}

/// Whose account it is, and whether it gets a token.
async fn cloud(ctx: &StepCtx, same: &[&Registry], is_asked: bool) -> Cloud {
    let servers = same.iter().map(|registry| registry.server.clone()).collect();
    if !is_asked {
        let identity = Look::Unclear("nobody outside of this machine is asked".to_owned());
        return Cloud { servers, identity, token: Look::Unneeded };
    }
    let Some(first) = same.first() else { return Cloud::default() };
    let identity = within("AWS", caller(first, ctx)).await;
    let identity = match identity {
        Look::Seen(Some(name)) => Look::Seen(name),
        Look::Seen(None) | Look::Unneeded => Look::Unneeded,
        Look::Refused(finding) => Look::Refused(finding),
        Look::Unclear(why) => Look::Unclear(why),
    };
    let is_known = identity.seen().is_some() || identity == Look::Unneeded;
    let token = if is_known {
        within("ECR", async { ctx.passwords.of(first, ctx).await.map(|_| ()) }).await
    } else {
        Look::Unneeded
    };
    Cloud { servers, identity, token }
}

async fn caller(registry: &Registry, ctx: &StepCtx) -> Result<Option<String>, Failure> {
    let Credential::Ecr { region, profile, endpoint } = &registry.credential else {
        return Ok(None);
    };
    let region = ecr_host::region(&registry.server, region.as_deref())?;
    let identity = ecr::Identity {
        region: region.as_deref(),
        profile: profile.as_deref(),
        endpoint: endpoint.as_deref(),
    };
    // In a box: the layers of a request are as deep as the compiler follows.
    let environment = credential::environment(ctx);
    Box::pin(ecr::caller(&identity, &environment)).await
}

/// What keeps a login of Docker's files from being had.
async fn login(ctx: &StepCtx, registry: &Registry) -> Option<(String, event::Finding)> {
    let asked = within("the login", async { ctx.passwords.of(registry, ctx).await.map(|_| ()) });
    Some((registry.server.clone(), asked.await.refused()?.clone()))
}

/// How many seconds the clock of a registry is ahead, by the date of its answer.
async fn ahead(server: &str) -> Option<(String, i64)> {
    let host = server.split('/').next()?;
    let request = Request {
        url: format!("https://{host}/v2/"),
        headers: BTreeMap::new(),
        post: None,
        trust: Trust::Any,
        connect_to: None,
        timeout: LIMIT.saturating_sub(Duration::from_millis(200)),
    };
    let (headers, _) = http::exchange(&request, Method::HEAD).await.ok()?;
    let date = DateTimeParser::new().parse_timestamp(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some((format!("registry {host}"), date.as_second() - clock::now().as_second()))
}

/// The helpers that Docker would ask for registries of the configuration: for its own, and for those
/// of images that compose pulls.
pub(super) fn helpers(ctx: &StepCtx, images: &[String]) -> Vec<Helper> {
    let composes = ctx.config.deploys.iter().any(|one| matches!(one.kind, DeployKind::Compose(_)));
    let kept = ctx.config.registries.iter();
    let kept = kept.filter(|one| matches!(one.credential, Credential::DockerConfig));
    let mut servers: Vec<String> = kept.map(|registry| registry.server.clone()).collect();
    if composes {
        servers.extend(images.iter().map(|image| ImageName::parse(image).registry));
    }
    servers.sort();
    servers.dedup();
    let mut found: Vec<Helper> = Vec::new();
    for path in docker_config::paths(&credential::environment(ctx)) {
        let shown = path.display().to_string();
        let Ok(text) = files::read_text(&path) else { continue };
        // A file that is broken is told where its login is wanted.
        let Ok(config) = docker_config::parse(&shown, &text) else { continue };
        for server in &servers {
            let Ok(Found::Helper { helper, .. }) = config.find(server) else { continue };
            let program = format!("docker-credential-{helper}");
            if let Some(known) = found.iter_mut().find(|one| one.program == program) {
                known.servers.push(server.clone());
                continue;
            }
            let is_there = find_program(&ctx.host.env, &program).is_some();
            let servers = vec![server.clone()];
            found.push(Helper { program, file: shown.clone(), servers, is_there });
        }
    }
    found
}
