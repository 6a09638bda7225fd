//! The labels by which mlup knows again what it made. What carries no such label of this project
//! is never removed.

use std::collections::{BTreeMap, HashMap};

use crate::manifest::labels::label_value;

pub(crate) use crate::manifest::labels::PROJECT;

/// Label: the tool that made the object; its value is [`MLUP`].
pub(crate) const OWNER: &str = "dev.mlup.owner";

/// The value of [`OWNER`].
pub(crate) const MLUP: &str = "mlup";

/// Label of a built image: the hash of what it was built from.
pub(crate) const INPUTS: &str = "dev.mlup.inputs";

/// The labels that every object of a project carries.
pub(crate) fn labels(project: &str) -> HashMap<String, String> {
    HashMap::from([(PROJECT.to_owned(), project.to_owned()), (OWNER.to_owned(), MLUP.to_owned())])
}

/// Whether these labels say that the project made the object.
pub(crate) fn is_ours(labels: Option<&HashMap<String, String>>, project: &str) -> bool {
    labels.and_then(|labels| labels.get(PROJECT)).is_some_and(|owner| owner == project)
}

/// The same for Kubernetes, where the values of labels have a form.
pub(crate) fn object_labels(project: &str) -> BTreeMap<String, String> {
    labels(project).into_iter().map(|(name, value)| (name, label_value(&value))).collect()
}

/// Whether the labels of a Kubernetes object say that the project made it.
pub(crate) fn is_labelled(labels: Option<&BTreeMap<String, String>>, project: &str) -> bool {
    labels.and_then(|labels| labels.get(PROJECT)) == Some(&label_value(project))
}
