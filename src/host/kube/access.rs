//! What the user of a context may do, asked of the API server itself.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;

use super::client::Api;
use crate::policy::Failure;

/// Whether the user may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
}

/// Whether the user may create deployments in the context's namespace. Any user that is known may
/// ask this, so an answer also proves that the credentials are accepted.
///
/// # Errors
/// Classified; `API_UNAUTHORIZED` for credentials that are not accepted.
pub async fn may_deploy(api: &Api) -> Result<Verdict, Failure> {
    let question = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some("apps".to_owned()),
                namespace: Some(api.namespace().to_owned()),
                resource: Some("deployments".to_owned()),
                verb: Some("create".to_owned()),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: kube::Api<SelfSubjectAccessReview> = kube::Api::all(api.client().clone());
    let answer = api.call(reviews.create(&PostParams::default(), &question)).await?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
    Ok(if allowed { Verdict::Allowed } else { Verdict::Denied })
}
