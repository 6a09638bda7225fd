//! What the pods in trouble name: secrets, configuration maps, accounts, claims and their classes.
//! Asked for one by one, so that a diagnosis needs no right to read all secrets of a cluster.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{Snapshot, Unchecked, is_suspect, list};
use crate::manifest::references::references;
use crate::manifest::{Object, Place, Served, read};
use crate::steps::objects::bare::bare;
use crate::steps::objects::{AT_ONCE, Objects};

/// Most objects that are asked for: a thousand pods in trouble name few things.
const MOST: usize = 200;

/// A kind and the place and name of one object.
type Name = (&'static str, String, String);

/// Adds what suspect pods name. A kind of which everything that is named was asked for counts as
/// complete: nobody looks for anything else there.
pub(super) async fn add(objects: &Objects, snapshot: &mut Snapshot) {
    let pods = snapshot.world.all("Pod").iter().filter(|pod| is_suspect(pod));
    let names: BTreeSet<Name> = pods.flat_map(named_by).take(MOST).collect();
    let asked = names.iter().map(|(kind, namespace, name)| async move {
        (*kind, objects.read(&Served::own("v1", kind), Some(namespace), name).await)
    });
    let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    for kind in ["Secret", "ConfigMap", "ServiceAccount"] {
        let mut found: Vec<Value> = Vec::new();
        let mut refusal = None;
        for (_, answer) in answers.iter().filter(|(of, _)| *of == kind) {
            match answer {
                Ok(object) => found.extend(object.clone().map(bare)),
                Err(failure) => refusal = Some(failure),
            }
        }
        match refusal {
            // What was seen is of use, but what was not may be there.
            Some(failure) => {
                snapshot.unchecked.push(Unchecked::of(kind, failure));
                for object in found {
                    snapshot.world.put(kind, object);
                }
            }
            None => snapshot.world.set(kind, found),
        }
    }
    add_lists(objects, snapshot).await;
}

/// The kinds that explain a trouble which the first lists show.
async fn add_lists(objects: &Objects, snapshot: &mut Snapshot) {
    let unbound = |claim: &Value| read::text(claim, "/status/phase") != "Bound";
    let mut wanted = Vec::new();
    if snapshot.world.all("PersistentVolumeClaim").iter().any(unbound) {
        wanted.extend([("storage.k8s.io/v1", "StorageClass"), ("v1", "PersistentVolume")]);
    }
    let asks_webhooks = |set: &Value| {
        read::condition(set, "ReplicaFailure")
            .is_some_and(|failed| read::text(failed, "/message").contains("webhook"))
    };
    if snapshot.world.all("ReplicaSet").iter().any(asks_webhooks) {
        wanted.extend([
            ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
            ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
        ]);
    }
    for (api_version, kind) in wanted {
        match list(objects, api_version, kind).await {
            Ok(found) => snapshot.world.set(kind, found),
            Err(failure) => snapshot.unchecked.push(Unchecked::of(kind, &failure)),
        }
    }
}

fn named_by(pod: &Value) -> Vec<Name> {
    let namespace = read::namespace(pod);
    let account = match read::text(pod, "/spec/serviceAccountName") {
        "" => "default",
        name => name,
    };
    let account = ("ServiceAccount", namespace.to_owned(), account.to_owned());
    let Some(object) = Object::new(pod.clone(), Place::default()) else { return vec![account] };
    let named = references(&object, namespace)
        .into_iter()
        .filter(|reference| ["Secret", "ConfigMap"].contains(&reference.target.kind()))
        .map(|reference| (reference.target.kind(), reference.namespace, reference.name));
    named.chain([account]).collect()
}
