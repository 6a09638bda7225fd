//! Who AWS takes this machine for: one call of `sts:GetCallerIdentity`, which every identity may make.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Region};

use super::settings::Settings;
use super::{Identity, failure, http, sources};
use crate::policy::Failure;

/// Time for finding credentials and for the call.
const LIMIT: Duration = Duration::from_secs(10);

/// The name of the identity, such as `arn:aws:iam::123456789012:user/ann`. Nothing where the
/// configuration names an address for ECR and nobody one for STS: AWS itself is not what is meant then.
///
/// # Errors
/// As those of a token.
pub async fn caller(
    identity: &Identity<'_>,
    env: &BTreeMap<String, String>,
) -> Result<Option<String>, Failure> {
    let settings = Settings::of(identity, env).await?;
    let endpoint = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"]
        .iter()
        .find_map(|name| settings.var(name))
        .map(str::to_owned);
    if endpoint.is_none() && settings.endpoint.is_some() {
        return Ok(None);
    }
    let client = http::client(env);
    let found = tokio::time::timeout(LIMIT, sources::credentials(&settings, &client)).await;
    let found = found.map_err(|_| failure::credentials_overdue(&settings, LIMIT))??;
    let mut config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(found)
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .http_client(client);
    config.set_endpoint_url(endpoint);
    let asked = aws_sdk_sts::Client::from_conf(config.build());
    let answer = asked.get_caller_identity().send().await;
    let answer = answer.map_err(|error| failure::of(&error, &settings))?;
    Ok(answer.arn().map(str::to_owned))
}
