//! What the pods in trouble name, and ingresses: secrets, configuration maps and accounts. Asked for
//! one by one, so that a diagnosis needs no right to read all secrets of a cluster.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{Camera, is_suspect};
use crate::doctor::look::Unchecked;
use crate::manifest::references::references;
use crate::manifest::{Object, Place, Served, read};
use crate::steps::objects::AT_ONCE;

/// Most objects that are asked for: a thousand pods in trouble name few things.
const MOST: usize = 300;

/// A kind and the place and name of one object.
type Name = (&'static str, String, String);

impl Camera<'_> {
    /// Adds what suspect pods name. A kind of which everything that is named was seen counts as
    /// complete: nobody looks for anything else there.
    pub(super) async fn named(&mut self) {
        let pods = self.world.all("Pod").iter().filter(|pod| is_suspect(pod));
        let certificates = self.world.all("Ingress").iter().flat_map(certificates_of);
        let names: BTreeSet<Name> = pods.flat_map(named_by).chain(certificates).collect();
        let objects = self.objects;
        let asked = names.iter().take(MOST).map(|(kind, namespace, name)| async move {
            let served = Served::own("v1", kind);
            (*kind, objects.read(&served, Some(namespace), name).await)
        });
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        for kind in ["Secret", "ConfigMap", "ServiceAccount"] {
            let mut found: Vec<Value> = Vec::new();
            let mut gap = names.iter().skip(MOST).any(|(of, ..)| *of == kind).then(|| {
                format!("pods name {} objects, and {MOST} of them were looked at", names.len())
            });
            for (_, answer) in answers.iter().filter(|(of, _)| *of == kind) {
                match answer {
                    Ok(object) => found.extend(object.clone().map(|object| self.reduced(object))),
                    Err(failure) => gap = Some(failure.summary.clone()),
                }
            }
            if let Some(why) = gap {
                // What was seen is of use, but what was not may be there.
                self.unchecked.push(Unchecked::new(kind, &why));
                for object in found {
                    self.world.put(kind, object);
                }
            } else {
                // Releases of Helm, of which nobody names one.
                found.extend_from_slice(self.world.all(kind));
                self.world.set(kind, found);
            }
        }
    }
}

/// The secrets of the certificates that an ingress names.
fn certificates_of(ingress: &Value) -> impl Iterator<Item = Name> {
    let all = read::list(ingress, "/spec/tls").iter().map(|tls| read::text(tls, "/secretName"));
    all.filter(|name| !name.is_empty())
        .map(|name| ("Secret", read::namespace(ingress).to_owned(), name.to_owned()))
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
