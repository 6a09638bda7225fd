//! What registries say of images that nodes could not get, for their diagnosis: with what the pods'
//! secrets hold, with a fresh password, and without a login. What follows is
//! `readiness/registry_answer`.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use k8s_openapi::api::core::v1::Secret as Object;

use super::pulls::{Pulls, Told};
use crate::drivers::pull_secret::Present;
use crate::host::registry::{Login, Verdict};
use crate::manifest::images::ImageName;
use crate::manifest::{Served, keyring};
use crate::readiness::PullSource;
use crate::readiness::registry_answer::{Answers, Said};
use crate::steps::objects::{AT_ONCE, Objects};
use crate::steps::{StepCtx, image};

/// Most images that are asked for: a thousand pods fail on few of them.
const MOST: usize = 20;

/// Asks about these images, side by side; none of them for longer than the look at all may take.
pub async fn answers(
    sources: Vec<PullSource>,
    objects: &Objects,
    ctx: &StepCtx,
) -> BTreeMap<PullSource, Answers> {
    let pulls = Pulls::new(ctx);
    let asked = sources.into_iter().take(MOST).map(|source| async {
        let answers = answer(&source, &pulls, objects, ctx).await;
        (source, answers)
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn answer(
    source: &PullSource,
    pulls: &Pulls<'_>,
    objects: &Objects,
    ctx: &StepCtx,
) -> Answers {
    let has_host = ImageName::parse(&source.image).has_host;
    let (as_pod, own, local) =
        tokio::join!(as_pod(source, pulls, objects), pulls.ask(&source.image), async {
            if has_host { Vec::new() } else { image::near_names(&source.image, ctx).await }
        },);
    let is_fresh = own.registry.is_some();
    let said = said(own);
    let (fresh, open) = if is_fresh { (said, None) } else { (None, said) };
    Answers { as_pod, fresh, open, local }
}

/// What the registry says to the pod's own login, as a kubelet would find it in its secrets.
async fn as_pod(source: &PullSource, pulls: &Pulls<'_>, objects: &Objects) -> Option<Said> {
    for name in &source.secrets {
        let read = objects.read(&Served::own("v1", "Secret"), Some(&source.namespace), name).await;
        let Some(secret) = read.ok().flatten() else { continue };
        let Ok(secret) = serde_json::from_value::<Object>(secret) else { continue };
        let held = Present::of(&secret).logins.into_iter();
        let Some((_, login)) = held
            .filter(|(host, _)| keyring::matches(host, &source.image))
            .max_by_key(|(host, _)| host.len())
        else {
            continue;
        };
        let login = Login { username: login.username, password: login.password };
        return said(pulls.ask_as(&source.image, Some(login)).await);
    }
    None
}

fn said(told: Told) -> Option<Said> {
    match told.verdict {
        Verdict::Found(platforms) => {
            Some(Said::There(platforms.iter().map(ToString::to_string).collect()))
        }
        Verdict::Missing(words) => Some(Said::Missing(words, told.tags)),
        Verdict::Denied(words) => Some(Said::Denied(words)),
        Verdict::Unclear => None,
    }
}
