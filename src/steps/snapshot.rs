//! One look at a whole cluster for its diagnosis: lists side by side, then those that what was seen
//! asks for, then what the pods in trouble name, one by one. What may not be seen is said and left
//! out; what is a secret is taken out before anybody decides.

mod clean;
mod endpoints;
mod events;
mod followed;
mod lists;
mod named;
mod reduce;

use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use kube::api::ListParams;
use serde_json::Value;

use crate::doctor::look::{Answered, Cluster, Logs, Unchecked, log_key};
use crate::drivers::spec::Spec;
use crate::host::clock;
use crate::manifest::{Served, read};
use crate::policy::Failure;
use crate::readiness::registry_answer::Answers;
use crate::readiness::sources::Sources;
use crate::readiness::{LogSource, World};
use crate::redact::{Learned, Redactor, Scrubber};
use crate::steps::deploy::last_words;
use crate::steps::objects::{AT_ONCE, Objects};
use lists::List;

/// A cluster as it was seen, and the way to see more of it.
pub struct Snapshot {
    /// What was seen, without its secrets.
    pub cluster: Cluster,
    redactor: Redactor,
}

/// The look while it is taken.
struct Camera<'o> {
    objects: &'o Objects,
    world: World,
    unchecked: Vec<Unchecked>,
    learned: Mutex<Learned>,
}

/// Looks at the cluster.
///
/// # Errors
/// Nothing can be seen: the API does not answer, or refuses every list.
pub async fn take(objects: &Objects) -> Result<Snapshot, Failure> {
    let taken = clock::now();
    let mut camera = Camera {
        objects,
        world: World::default(),
        unchecked: Vec::new(),
        learned: Mutex::default(),
    };
    if let Some(failure) = camera.first().await {
        return Err(failure);
    }
    camera.second().await;
    camera.world.retain("Event", events::needed(&camera.world));
    if camera.world.knows("Pod") && camera.world.knows("Service") {
        let slices = endpoints::slices(&camera.world);
        camera.world.set("EndpointSlice", slices);
    }
    camera.named().await;
    camera.followed().await;
    Ok(camera.developed(taken))
}

impl Camera<'_> {
    /// Adds what is always listed; why there is nothing at all.
    async fn first(&mut self) -> Option<Failure> {
        let refusals = self.add(&lists::ALWAYS).await;
        (refusals.len() == lists::ALWAYS.len()).then(|| refusals.into_iter().next()).flatten()
    }

    /// Adds what the first lists make worth a look, as far as there are lists left.
    async fn second(&mut self) {
        let room = lists::MOST - lists::ALWAYS.len();
        let taken = self.as_far_as(room, lists::wanted(&self.world)).await;
        self.as_far_as(room - taken, lists::wanted_at_last(&self.world)).await;
    }

    /// Adds what is wanted as far as there is room; how many lists that took.
    async fn as_far_as(&mut self, room: usize, wanted: Vec<List>) -> usize {
        let (asked, left) = wanted.split_at(wanted.len().min(room));
        self.add(asked).await;
        self.unchecked.extend(left.iter().map(|list| Unchecked {
            kind: list.kind.to_owned(),
            why: format!("{} lists are the most for one look", lists::MOST),
        }));
        asked.len()
    }

    /// Adds all objects of these kinds; why some could not be seen.
    async fn add(&mut self, lists: &[List]) -> Vec<Failure> {
        let answers = join_all(lists.iter().map(|list| self.list(list))).await;
        let mut refusals = Vec::new();
        for (list, answer) in lists.iter().zip(answers) {
            match answer {
                Ok(found) if list.is_whole() => self.world.set(list.kind, found),
                Ok(found) => found.into_iter().for_each(|one| self.world.put(list.kind, one)),
                Err(failure) => {
                    self.unchecked.push(Unchecked::new(list.kind, &failure.summary));
                    refusals.push(failure);
                }
            }
        }
        refusals
    }

    async fn list(&self, list: &List) -> Result<Vec<Value>, Failure> {
        let served = Served::own(list.api_version, list.kind);
        let mut params = ListParams::default();
        if !list.fields.is_empty() {
            params = params.fields(list.fields);
        }
        if !list.labels.is_empty() {
            params = params.labels(list.labels);
        }
        let reduced = |object| Some(self.reduced(object));
        self.objects.pages(&served, None, params, (list.depth(), &reduced)).await
    }

    /// What stays of an object.
    fn reduced(&self, object: Value) -> Value {
        let learned = |value: &str| {
            self.learned.lock().unwrap_or_else(PoisonError::into_inner).learn(value);
        };
        reduce::reduce(object, &learned)
    }

    /// The snapshot, cleaned with everything that was learned on the way.
    fn developed(self, taken: jiff::Timestamp) -> Snapshot {
        let Self { objects, mut world, unchecked, learned } = self;
        let mut learned = learned.into_inner().unwrap_or_else(PoisonError::into_inner);
        clean::forget_names(&world, &mut learned);
        let known = Scrubber::new(&objects.step().config.secrets_to_scrub);
        let redactor = Redactor::new(known, &learned);
        clean::world(&mut world, &redactor);
        world.sources_mut().texts().for_each(|text| *text = redactor.text(text));
        let context = Spec::of(&objects.step().config).map(|spec| spec.context);
        let cluster = Cluster {
            context: redactor.name(&context.unwrap_or_default()).into_owned(),
            world,
            taken,
            unchecked: unchecked.into_iter().map(|one| one.clean(&redactor)).collect(),
            logs: Logs::new(),
            answers: Answered::new(),
        };
        Snapshot { cluster, redactor }
    }
}

impl Snapshot {
    /// Adds what was asked once it was known what matters.
    pub fn add(&mut self, logs: Logs, answers: Answered) {
        let clean = |text: &mut String| *text = self.redactor.text(text);
        let (mut logs, mut answers) = (logs, answers);
        logs.values_mut().for_each(clean);
        answers.values_mut().flat_map(Answers::texts).for_each(clean);
        self.cluster.logs.extend(logs);
        self.cluster.answers.extend(answers);
    }

    /// Adds where the objects come from, as far as the configuration says it.
    pub fn tell(&mut self, sources: &mut Sources) {
        sources.texts().for_each(|text| *text = self.redactor.text(text));
        self.cluster.world.sources_mut().merge(sources);
    }

    /// What was seen, and what takes secrets out of more of it.
    #[must_use]
    pub fn into_parts(self) -> (Cluster, Redactor) {
        (self.cluster, self.redactor)
    }
}

/// The last lines of these containers' logs, as they are.
pub async fn logs(objects: &Objects, wanted: Vec<LogSource>) -> Logs {
    let asked = wanted.iter().map(|source| async move {
        let LogSource { namespace, pod, container, .. } = source;
        (log_key(source), last_words(objects, (namespace, pod, container)).await)
    });
    let logs: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    logs.into_iter().filter(|(_, log)| !log.is_empty()).collect()
}

/// Whether a pod may be in trouble: what it names is looked at only then.
fn is_suspect(pod: &Value) -> bool {
    !["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase")) && !is_fine(pod)
}

/// Whether a pod and each of its containers is ready.
fn is_fine(pod: &Value) -> bool {
    let statuses = read::list(pod, "/status/containerStatuses");
    read::holds(pod, "Ready") && statuses.iter().all(|status| read::truth(status, "/ready"))
}
