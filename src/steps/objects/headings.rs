//! Lists of what objects say about themselves, labels and annotations, without what they hold:
//! records of helm are a megabyte each, and secrets besides.

use std::collections::{BTreeMap, BTreeSet};

use kube::Resource;
use kube::api::{ListParams, ObjectList};
use kube::core::{PartialObjectMeta, Request};
use serde_json::Value;

use super::refusal::Subject;
use super::{Objects, requests};
use crate::manifest::Served;
use crate::policy::Failure;

impl Objects {
    /// The labels of all objects of a kind in a namespace that these parameters choose.
    pub async fn labels_of<K>(
        &self,
        namespace: &str,
        params: ListParams,
    ) -> Result<Vec<BTreeMap<String, String>>, Failure>
    where
        K: Resource<DynamicType = ()>,
    {
        let subject = Subject::of::<K>("list", Some(namespace), "");
        let request = requests::<K>(Some(namespace)).list_metadata(&params);
        let list: ObjectList<PartialObjectMeta<Value>> = self.must(subject, request).await?;
        let labels = |item: PartialObjectMeta<Value>| item.metadata.labels.unwrap_or_default();
        Ok(list.items.into_iter().map(labels).collect())
    }
    /// The names of all objects of a kind, in a namespace or in all, that have these labels.
    pub async fn names_of(
        &self,
        kind: &Served,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<BTreeSet<String>, Failure> {
        let subject = Subject::served("list", kind, namespace, "");
        let params = ListParams::default().labels(labels);
        let request = Request::new(kind.path(namespace, None)).list_metadata(&params);
        let list: ObjectList<PartialObjectMeta<Value>> = self.must(subject, request).await?;
        Ok(list.items.into_iter().filter_map(|item| item.metadata.name).collect())
    }
}
