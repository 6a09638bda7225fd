//! Objects of one kind in one namespace, as the API server tells of them: by their versions alone, never
//! what they hold. One that is gone or changed is news.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::core::PartialObjectMeta;
use kube::{Api, Resource, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::commands::session::Project;
use crate::engine::reconcile::News;
use crate::host::kube::watch::{News as Told, Watch, patient};
use crate::plan::StepId;
use crate::policy::Failure;
use crate::steps::objects::Objects;

/// How long a cluster may be silent before its watch is begun anew, with the kubeconfig as it is then.
const OUTAGE: Duration = Duration::from_secs(20);
/// Pauses before the cluster is connected to again.
const RECONNECT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// Which objects are listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) namespace: String,
    pub(super) names: BTreeSet<String>,
    pub(super) whose: Whose,
}

/// Who made the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This project, whose labels they bear.
    Own,
    /// Somebody else.
    Anybodys,
}

/// Listens to objects of one namespace.
pub(super) struct Ear {
    project: Arc<Project>,
    teller: UnboundedSender<News>,
    wanted: Wanted,
}

/// What is known of the objects between two watches.
#[derive(Default)]
struct Known {
    /// Name to version, once all were listed.
    versions: Option<BTreeMap<String, String>>,
    is_silent: bool,
}

impl Ear {
    /// An ear for these objects.
    pub(super) fn new(
        project: Arc<Project>,
        teller: UnboundedSender<News>,
        wanted: Wanted,
    ) -> Self {
        Self { project, teller, wanted }
    }

    /// Listens until it is dropped. A cluster that is not there yet is tried again.
    pub(super) async fn listen<K>(&self)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + Send + Sync + 'static,
    {
        let (mut known, mut pause) = (Known::default(), RECONNECT.0);
        loop {
            if self.follow::<K>(&mut known).await.is_ok() {
                pause = RECONNECT.0;
            }
            sleep(pause).await;
            pause = (pause * 2).min(RECONNECT.1);
        }
    }

    /// One watch, to its end; an error where it told nothing.
    async fn follow<K>(&self, known: &mut Known) -> Result<(), Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + Send + Sync + 'static,
    {
        let ctx = self.project.reading(&StepId::single("watch"));
        let objects = Objects::connect(&ctx).await?;
        let namespace = self.wanted.namespace.clone();
        let api: Api<PartialObjectMeta<K>> = Api::namespaced(patient(objects.client()), &namespace);
        let labels = objects.labels();
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let explain = move |verb: &'static str, error: &kube::Error| {
            objects.refused(verb, &K::plural(&()), Some(&namespace), error)
        };
        let watch = Watch::new(api, None, OUTAGE, Arc::new(explain));
        let mut watch = match self.wanted.whose {
            Whose::Own => watch.labelled(&labels.join(",")),
            Whose::Anybodys => watch,
        };
        let mut has_told = false;
        loop {
            match watch.next().await {
                Ok(told) => self.hear::<K>(told, known),
                Err(_) if has_told => return Ok(()),
                Err(failure) => return Err(failure),
            }
            has_told = true;
        }
    }

    fn hear<K: Resource<DynamicType = ()>>(
        &self,
        told: Told<PartialObjectMeta<K>>,
        known: &mut Known,
    ) {
        if matches!(told, Told::Silent(_)) {
            if !std::mem::replace(&mut known.is_silent, true) {
                self.tell(News::usual("the cluster does not answer"));
            }
            return;
        }
        if std::mem::replace(&mut known.is_silent, false) {
            self.tell(News::urgent("the cluster answers again"));
        }
        match told {
            Told::All(all) => {
                let names = &self.wanted.names;
                let own = all.iter().filter(|one| names.contains(&one.name_any()));
                let new: BTreeMap<_, _> = own.map(|one| (one.name_any(), version(one))).collect();
                let before = known.versions.take().unwrap_or_else(|| hoped_for(names, &new));
                known.versions = Some(new);
                self.compare::<K>(&before, known.versions.as_ref());
            }
            Told::Here(one) => self.changed::<K>(&one.name_any(), Some(version(&one)), known),
            Told::Gone(one) => self.changed::<K>(&one.name_any(), None, known),
            Told::Silent(_) => {}
        }
    }

    fn changed<K: Resource<DynamicType = ()>>(
        &self,
        name: &str,
        version: Option<String>,
        known: &mut Known,
    ) {
        let versions = known.versions.get_or_insert_default();
        let old = versions.clone();
        match version {
            Some(version) => versions.insert(name.to_owned(), version),
            None => versions.remove(name),
        };
        self.compare::<K>(&old, known.versions.as_ref());
    }

    /// Tells the first difference: one look answers them all.
    fn compare<K: Resource<DynamicType = ()>>(
        &self,
        old: &BTreeMap<String, String>,
        new: Option<&BTreeMap<String, String>>,
    ) {
        for name in &self.wanted.names {
            let what = match (old.get(name), new.and_then(|new| new.get(name))) {
                (Some(_), None) => "is gone",
                (before, Some(after)) if before != Some(after) => "changed",
                _ => continue,
            };
            let kind = spoken(&K::kind(&()));
            let namespace = &self.wanted.namespace;
            return self.tell(News::secret(format!("{kind} {namespace}/{name} {what}")));
        }
    }

    fn tell(&self, news: News) {
        let _ = self.teller.send(news);
    }
}

/// What there was before the first list, as far as anybody knows: everything that is wanted. What
/// that list lacks may have gone while there was no way to the cluster.
fn hoped_for(
    names: &BTreeSet<String>,
    listed: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let wanted = names.iter().map(|name| (name.clone(), String::new()));
    wanted.chain(listed.clone()).collect()
}

fn version<K: Resource<DynamicType = ()>>(one: &PartialObjectMeta<K>) -> String {
    one.resource_version().unwrap_or_default()
}

/// A kind as people say it: `ServiceAccount` is `service account`.
fn spoken(kind: &str) -> String {
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_list_lacks_counts_as_gone_and_what_it_has_as_it_was() {
        let names = ["app", "lost"].map(str::to_owned).into();
        let listed = [("app".to_owned(), "7".to_owned())].into();
        let before = hoped_for(&names, &listed);
        assert_eq!(before.get("app"), listed.get("app"));
        assert!(before.contains_key("lost") && !listed.contains_key("lost"));
    }

    #[test]
    fn kinds_are_said_in_words() {
        assert_eq!([spoken("Secret"), spoken("ServiceAccount")], ["secret", "service account"]);
    }
}
