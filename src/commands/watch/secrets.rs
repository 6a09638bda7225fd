//! The secrets of one namespace, as the API server tells of them: by their versions alone, never what
//! they hold. One that is gone or changed is news.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};
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

/// Listens to the secrets of one namespace.
pub(super) struct Ear {
    project: Arc<Project>,
    teller: UnboundedSender<News>,
    namespace: String,
    names: BTreeSet<String>,
}

/// What is known of the secrets between two watches.
#[derive(Default)]
struct Known {
    /// Name to version, once all were listed.
    versions: Option<BTreeMap<String, String>>,
    is_silent: bool,
}

impl Ear {
    /// An ear for the secrets of these names.
    pub(super) fn new(
        project: Arc<Project>,
        teller: UnboundedSender<News>,
        namespace: String,
        names: BTreeSet<String>,
    ) -> Self {
        Self { project, teller, namespace, names }
    }

    /// Listens until it is dropped. A cluster that is not there yet is tried again.
    pub(super) async fn listen(&self) {
        let (mut known, mut pause) = (Known::default(), RECONNECT.0);
        loop {
            if self.follow(&mut known).await.is_ok() {
                pause = RECONNECT.0;
            }
            sleep(pause).await;
            pause = (pause * 2).min(RECONNECT.1);
        }
    }

    /// One watch, to its end; an error where it told nothing.
    async fn follow(&self, known: &mut Known) -> Result<(), Failure> {
        let ctx = self.project.reading(&StepId::single("secrets"));
        let objects = Objects::connect(&ctx).await?;
        let api: Api<PartialObjectMeta<Secret>> =
            Api::namespaced(patient(objects.client()), &self.namespace);
        let labels = objects.labels();
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let namespace = self.namespace.clone();
        let explain = move |verb: &'static str, error: &kube::Error| {
            objects.refused(verb, "secrets", Some(&namespace), error)
        };
        let watch = Watch::new(api, None, OUTAGE, Arc::new(explain));
        let mut watch = watch.labelled(&labels.join(","));
        let mut has_told = false;
        loop {
            match watch.next().await {
                Ok(told) => self.hear(told, known),
                Err(_) if has_told => return Ok(()),
                Err(failure) => return Err(failure),
            }
            has_told = true;
        }
    }

    fn hear(&self, told: Told<PartialObjectMeta<Secret>>, known: &mut Known) {
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
                let own = all.iter().filter(|one| self.names.contains(&one.name_any()));
                let new = own.map(|one| (one.name_any(), version(one))).collect();
                if let Some(old) = known.versions.replace(new) {
                    self.compare(&old, known.versions.as_ref());
                }
            }
            Told::Here(one) => self.changed(&one.name_any(), Some(version(&one)), known),
            Told::Gone(one) => self.changed(&one.name_any(), None, known),
            Told::Silent(_) => {}
        }
    }

    fn changed(&self, name: &str, version: Option<String>, known: &mut Known) {
        let versions = known.versions.get_or_insert_default();
        let old = versions.clone();
        match version {
            Some(version) => versions.insert(name.to_owned(), version),
            None => versions.remove(name),
        };
        self.compare(&old, known.versions.as_ref());
    }

    /// Tells the first difference: one look answers them all.
    fn compare(&self, old: &BTreeMap<String, String>, new: Option<&BTreeMap<String, String>>) {
        for name in &self.names {
            let (before, after) = (old.get(name), new.and_then(|new| new.get(name)));
            let namespace = &self.namespace;
            match (before, after) {
                (Some(_), None) => {
                    return self.tell(News::secret(format!("secret {namespace}/{name} is gone")));
                }
                (before, Some(after)) if before != Some(after) => {
                    return self.tell(News::secret(format!("secret {namespace}/{name} changed")));
                }
                _ => {}
            }
        }
    }

    fn tell(&self, news: News) {
        let _ = self.teller.send(news);
    }
}

fn version(one: &PartialObjectMeta<Secret>) -> String {
    one.resource_version().unwrap_or_default()
}
