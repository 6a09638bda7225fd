//! Brings pull secrets up: looks at what is there, asks for passwords only where that is needed, and
//! writes in place. A good login is never replaced by none.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use k8s_openapi::api::core::v1::Secret as Object;

use super::credential::Passwords;
use super::{Place, PullSecret, account, expected};
use crate::drivers::pull_secret::{
    Freshness, Part, Present, TYPE, Wanted, age, freshness, is_current,
};
use crate::event::Fix;
use crate::host::clock;
use crate::manifest::keyring;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::objects::{Objects, few_at_once};

/// Up to here each namespace is asked by itself, which needs the fewest rights.
pub(super) const FEW: usize = 3;

/// Which secrets count as too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Those past half of their life; what has not ended yet may outlive a failed renewal.
    Due,
    /// The same, and a renewal that fails is a failure.
    DueOrFail,
    /// All.
    Force,
}

/// What is there now, by namespace.
pub type Found = BTreeMap<String, Object>;

/// Reads the secret in all of its namespaces.
pub async fn look(secret: &PullSecret, objects: &Objects) -> Result<Found, Failure> {
    let found = all_named::<Object>(&secret.name, &secret.places, objects).await?;
    for (namespace, object) in &found {
        let kind = Present::of(object).kind;
        if kind != TYPE {
            return Err(other_type(&secret.name, namespace, &kind));
        }
    }
    Ok(found)
}

/// Objects of one name in these namespaces: with one request where there are many of them and the
/// user may see all.
pub(super) async fn all_named<K>(
    name: &str,
    places: &BTreeMap<String, Place>,
    objects: &Objects,
) -> Result<BTreeMap<String, K>, Failure>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + serde::de::DeserializeOwned
        + Clone
        + Send
        + 'static,
{
    if places.len() > FEW {
        match objects.everywhere::<K>(name).await {
            Ok(mut all) => {
                all.retain(|namespace, _| places.contains_key(namespace));
                return Ok(all);
            }
            Err(failure) if failure.code == "API_FORBIDDEN" => {}
            Err(failure) => return Err(failure),
        }
    }
    let one = |namespace: &String| {
        let (namespace, name, objects) = (namespace.clone(), name.to_owned(), objects.clone());
        async move {
            let found = objects.get::<K>(&namespace, &name).await?;
            Ok(found.map(|object| (namespace, object)))
        }
        .boxed()
    };
    let found = few_at_once(places.keys().map(one).collect()).await?;
    Ok(found.into_iter().flatten().collect())
}

/// What has to be written, with all passwords that it needs.
pub struct Work {
    /// Namespace, what is to be written there, and why.
    pub writes: Vec<(String, Wanted, Freshness)>,
    /// The first password that could not be had.
    pub failure: Option<Failure>,
}

/// Decides what has to be written. Passwords are asked for only where a secret does not say itself
/// that it is good.
pub async fn work(
    secret: &PullSecret,
    found: &Found,
    renewal: Renewal,
    (passwords, ctx): (&Passwords, &StepCtx),
) -> Work {
    let now = clock::now();
    let mut work = Work { writes: Vec::new(), failure: None };
    let mut asked = Asked { passwords, ctx, known: BTreeMap::new() };
    for (namespace, place) in &secret.places {
        let object = found.get(namespace);
        let state = freshness(object, &expected(secret, place), now);
        if state == Freshness::Good && renewal != Renewal::Force {
            continue;
        }
        let (parts, failure) = asked.parts(secret, place).await;
        let present = object.map(Present::of);
        if let Some(failure) = failure {
            let lives = present.as_ref().and_then(|present| present.expires_at);
            match lives.filter(|&end| end > now) {
                Some(end) if renewal == Renewal::Due && state == Freshness::Due => {
                    let left = age::left(end, now);
                    ctx.say(kept_warning(&secret.name, &failure, &left));
                    continue;
                }
                _ => work.failure = work.failure.or(Some(failure)),
            }
        }
        if parts.is_empty() {
            continue;
        }
        let wanted = Wanted::of(&parts);
        let wanted = match &present {
            Some(present) => wanted.keeping(present, |host| keeps(secret, place, object, host)),
            None => wanted,
        };
        let is_same = object.is_some_and(|object| is_current(object, &wanted));
        if is_same && renewal != Renewal::Force {
            continue;
        }
        work.writes.push((namespace.clone(), wanted, state));
    }
    work
}

/// Passwords as far as they were asked for: one that failed is not tried again in each namespace.
struct Asked<'a> {
    passwords: &'a Passwords,
    ctx: &'a StepCtx,
    known: BTreeMap<usize, Result<Part, Failure>>,
}

impl Asked<'_> {
    /// The parts of a place, and the first failure.
    async fn parts(&mut self, secret: &PullSecret, place: &Place) -> (Vec<Part>, Option<Failure>) {
        let (mut parts, mut failure) = (Vec::new(), None);
        for &at in &place.registries {
            let Some(registry) = secret.registries.get(at) else { continue };
            if !self.known.contains_key(&at) {
                self.known.insert(at, self.passwords.of(registry, self.ctx).await);
            }
            match self.known.get(&at) {
                Some(Ok(part)) => parts.push(part.clone()),
                Some(Err(reason)) => failure = failure.or(Some(reason.clone())),
                None => {}
            }
        }
        (parts, failure)
    }
}

/// Whether the login of a host stays that is not written this time: that of a registry of this
/// place whose password failed, and all of a secret that somebody else made.
fn keeps(secret: &PullSecret, place: &Place, object: Option<&Object>, host: &str) -> bool {
    let is_foreign = object.is_some_and(|object| {
        let labels = object.metadata.labels.as_ref();
        !labels.is_some_and(|labels| labels.contains_key(crate::steps::ownership::PROJECT))
    });
    is_foreign
        || secret.registries_of(place).any(|registry| keyring::host_key(&registry.server) == host)
}

/// Looks, changes nothing: what `plan` shows and what decides whether `bring_up` is needed. A
/// password is asked for only where a secret does not say itself how it stands.
pub async fn probe(
    secret: &PullSecret,
    passwords: &Passwords,
    ctx: &StepCtx,
    objects: &Objects,
) -> Result<Probed, Failure> {
    let (found, now) = (look(secret, objects).await?, clock::now());
    let mut unknown = PullSecret { places: BTreeMap::new(), ..secret.clone() };
    let mut changes = Vec::new();
    for (namespace, place) in &secret.places {
        let object = found.get(namespace);
        match freshness(object, &expected(secret, place), now) {
            Freshness::Good => {}
            Freshness::Unknown => _ = unknown.places.insert(namespace.clone(), place.clone()),
            state => {
                let ends = object.and_then(|object| Present::of(object).expires_at);
                let lives = ends.is_some_and(|end| end > now);
                changes.push(change(&secret.name, namespace, (state, lives)));
            }
        }
    }
    let work = work(&unknown, &found, Renewal::Due, (passwords, ctx)).await;
    if let Some(failure) = work.failure {
        return Err(failure);
    }
    let writes = work.writes.iter();
    changes.extend(writes.map(|(place, _, state)| change(&secret.name, place, (*state, true))));
    for (namespace, name) in account::missing(secret, objects).await? {
        let object = format!("service account {namespace}/{name}");
        let why = format!("its pods do not get `{}`", secret.name);
        changes.push(Change::new(Op::Update, object, why));
    }
    if changes.is_empty() {
        return Ok(Probed::Satisfied(settled(secret, &found)));
    }
    Ok(Probed::Needed(changes))
}

/// What would keep the secret from being written, without writing it: that it is there with another
/// type, or a password that cannot be had. Asked only where the secret does not say that it is good.
pub async fn obstacle(
    secret: &PullSecret,
    (passwords, ctx): (&Passwords, &StepCtx),
    objects: &Objects,
) -> Result<(), Failure> {
    let (found, now) = (look(secret, objects).await?, clock::now());
    let lives = |namespace: &String| {
        let end = found.get(namespace).and_then(|object| Present::of(object).expires_at);
        end.is_some_and(|end| end > now)
    };
    let mut due = secret.clone();
    due.places.retain(|namespace, place| {
        match freshness(found.get(namespace), &expected(secret, place), now) {
            Freshness::Good => false,
            // What lives may outlive a renewal that fails.
            Freshness::Due => !lives(namespace),
            _ => true,
        }
    });
    let work = work(&due, &found, Renewal::Due, (passwords, ctx)).await;
    work.failure.map_or(Ok(()), Err)
}

fn change(name: &str, namespace: &str, (state, lives): (Freshness, bool)) -> Change {
    let object = format!("pull secret {namespace}/{name}");
    let (op, why) = match state {
        Freshness::Absent => (Op::Create, "it is not there"),
        Freshness::Due if lives => (Op::Renew, "half of its password's life is over"),
        Freshness::Due => (Op::Update, "its password has expired"),
        Freshness::Differs => (Op::Update, "it is for other registries or from another source"),
        Freshness::Unknown | Freshness::Good | Freshness::OtherType => {
            (Op::Update, "its password has changed")
        }
    };
    Change::new(op, object, why)
}

/// Where something was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Namespaces in which the secret was written.
    pub written: Vec<String>,
    /// Namespaces in which a service account got it.
    pub attached: Vec<String>,
}

impl Touched {
    /// All of these namespaces.
    pub fn places(&self) -> BTreeSet<String> {
        self.written.iter().chain(&self.attached).cloned().collect()
    }
}

/// Writes what has to be written and attaches it to the service accounts.
pub async fn bring_up(
    secret: &PullSecret,
    renewal: Renewal,
    (passwords, ctx): (&Passwords, &StepCtx),
    objects: &Objects,
) -> Result<Touched, Failure> {
    let found = look(secret, objects).await?;
    let work = work(secret, &found, renewal, (passwords, ctx)).await;
    let written = write(&secret.name, &work.writes, objects).await?;
    if let Some(failure) = work.failure {
        return Err(failure);
    }
    let attached = account::attach(secret, objects).await?;
    Ok(Touched { written, attached })
}

async fn write(
    name: &str,
    writes: &[(String, Wanted, Freshness)],
    objects: &Objects,
) -> Result<Vec<String>, Failure> {
    let now = clock::now();
    let one = |(namespace, wanted, _): &(String, Wanted, Freshness)| {
        let object = wanted.object(name, namespace, objects.labels(), now);
        let (namespace, objects) = (namespace.clone(), objects.clone());
        async move { objects.apply(&object).await.map(|_| namespace) }.boxed()
    };
    few_at_once(writes.iter().map(one).collect()).await
}

/// Looks again: the secret is there, in every namespace, and for every registry.
pub async fn verify(secret: &PullSecret, objects: &Objects) -> Result<Settled, Failure> {
    let found = look(secret, objects).await?;
    for (namespace, place) in &secret.places {
        let held = found.get(namespace).map(Present::of).unwrap_or_default();
        for registry in secret.registries_of(place) {
            if !held.logins.contains_key(&keyring::host_key(&registry.server)) {
                let summary = format!(
                    "the secret `{namespace}/{}` was written and holds no login for `{}`",
                    secret.name, registry.server
                );
                return Err(Failure::new(Class::Permanent, "PULL_SECRET_UNVERIFIED", summary)
                    .fix(Fix::safe("find out who else writes this secret")));
            }
        }
    }
    Ok(settled(secret, &found))
}

fn settled(secret: &PullSecret, found: &Found) -> Settled {
    let now = clock::now();
    let ends = found.values().filter_map(|object| Present::of(object).expires_at).min();
    let count = secret.places.len();
    let places = if count == 1 { "1 namespace".to_owned() } else { format!("{count} namespaces") };
    Settled::ready(match ends {
        Some(end) => format!("in {places}, expires {}", age::left(end, now)),
        None => format!("in {places}"),
    })
}

fn kept_warning(name: &str, failure: &Failure, left: &str) -> Progress {
    Progress::Warning {
        code: "PULL_SECRET_NOT_RENEWED",
        message: format!(
            "the pull secret `{name}` could not be renewed and still expires {left}: {} ({})",
            failure.summary, failure.code
        ),
        hint: failure.fix.as_ref().map(|fix| fix.command.clone()),
    }
}

/// The type of a secret cannot be changed, and what mlup did not make it does not remove.
pub fn other_type(name: &str, namespace: &str, kind: &str) -> Failure {
    let summary = format!(
        "the secret `{namespace}/{name}` is there with the type `{kind}`, which cannot be changed"
    );
    Failure::new(Class::Refused, "SECRET_TYPE_DIFFERS", summary)
        .because("API server", format!("type of {namespace}/{name}: {kind}"))
        .fix(Fix::destructive(format!("kubectl -n {namespace} delete secret {name}")))
}
