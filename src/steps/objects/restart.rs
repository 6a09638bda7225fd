//! Starts the pods of a workload anew, as `kubectl rollout restart` does.

use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::refusal::{Refusal, Subject};
use super::{Call, MANAGER, Objects, requests};
use crate::host::clock;
use crate::policy::Failure;

impl Objects {
    /// Starts the pods of this workload anew, and leaves this annotation on their template; whether
    /// there is such a workload.
    pub async fn restart<K>(
        &self,
        namespace: &str,
        name: &str,
        (annotation, value): &(&str, String),
    ) -> Result<bool, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let restarted = "kubectl.kubernetes.io/restartedAt";
        let mark = json!({ restarted: clock::rfc3339_now(), *annotation: value });
        let patch = json!({"spec": {"template": {"metadata": {"annotations": mark}}}});
        let params =
            PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let subject = Subject::of::<K>("patch", Some(namespace), name);
        let request = requests::<K>(Some(namespace)).patch(name, &params, &Patch::Merge(patch));
        let call = Call { request: subject.made(request)?, subject };
        match self.send::<Value>(&call).await {
            Ok(_) => Ok(true),
            Err(Refusal::Status(status)) if status.code == 404 => Ok(false),
            Err(refusal) => Err(self.failure(&call.subject, refusal)),
        }
    }
}
