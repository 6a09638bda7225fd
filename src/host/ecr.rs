//! Tokens of AWS ECR: one call of `GetAuthorizationToken`, with credentials from the sources that
//! the AWS tools use. Which registry wants a token, and when, is decided in `steps/registry`.

mod failure;
mod http;
mod identity;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::config::timeout::TimeoutConfig;
use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_ecr::types::AuthorizationData;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::policy::{Class, Failure};
use crate::redact::Secret;
use settings::Settings;

pub use identity::caller;

/// Time for one attempt of the call.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Time for finding credentials; an SSO or role profile makes up to three calls.
const CREDENTIALS: Duration = Duration::from_secs(30);

/// Attempts of the call: throttling and a lost connection pass.
const ATTEMPTS: u32 = 3;

/// Whose token is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity<'a> {
    /// Region of the registry; the profile's or the environment's unless set.
    pub region: Option<&'a str>,
    /// Profile of the AWS configuration; without one the environment decides.
    pub profile: Option<&'a str>,
    /// Address of the API; AWS's own unless set here, in the environment or in the profile.
    pub endpoint: Option<&'a str>,
}

/// What a registry of ECR takes as user name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The user name, `AWS`.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// When it ends, as AWS says it.
    pub expires_at: Option<Timestamp>,
    /// The registries that AWS names, without scheme.
    pub hosts: Vec<String>,
    /// The region that was asked.
    pub region: String,
}

/// Asks for a token. Of the environment only what is in `env` counts, but for the folder of cached
/// SSO logins, which the AWS library finds by the process's own `HOME`.
///
/// # Errors
/// `ECR_CREDENTIALS_MISSING`, `ECR_CREDENTIALS_EXPIRED`, `ECR_CREDENTIALS_REJECTED`,
/// `ECR_CREDENTIALS_FAILED`, `ECR_PROFILE_INVALID`, `ECR_REGION_MISSING`, `ECR_REGION_INVALID`,
/// `ECR_ACCESS_DENIED`, `ECR_UNREACHABLE`, `ECR_UNAVAILABLE`, `ECR_REQUEST_FAILED`,
/// `ECR_TOKEN_EMPTY`, `CLOCK_WRONG`.
pub async fn token(
    identity: &Identity<'_>,
    env: &BTreeMap<String, String>,
) -> Result<Token, Failure> {
    let settings = Settings::of(identity, env).await?;
    let http = http::client(env);
    let found = sources::credentials(&settings, &http);
    let credentials = tokio::time::timeout(CREDENTIALS, found)
        .await
        .map_err(|_| failure::credentials_overdue(&settings, CREDENTIALS))??;
    let client = client(&settings, http, credentials);
    let answer = client.get_authorization_token().send().await;
    let answer = answer.map_err(|error| failure::of(&error, &settings))?;
    read(answer.authorization_data(), &settings)
}

fn client(
    settings: &Settings<'_>,
    http: SharedHttpClient,
    credentials: Credentials,
) -> aws_sdk_ecr::Client {
    let limits = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(ATTEMPT)
        .build();
    let mut config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials)
        .timeout_config(limits)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .http_client(http);
    config.set_endpoint_url(settings.endpoint.clone());
    aws_sdk_ecr::Client::from_conf(config.build())
}

fn read(all: &[AuthorizationData], settings: &Settings<'_>) -> Result<Token, Failure> {
    let empty = || {
        let summary = format!("ECR in `{}` answered without a token", settings.region);
        Failure::new(Class::Transient, "ECR_TOKEN_EMPTY", summary)
    };
    let first = all.first().ok_or_else(empty)?;
    let decoded = first.authorization_token().and_then(|token| STANDARD.decode(token).ok());
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(empty)?;
    // A password may hold a colon, a user name does not.
    let (username, password) = pair.split_once(':').ok_or_else(empty)?;
    if username.is_empty() || password.is_empty() {
        return Err(empty());
    }
    let hosts = all.iter().filter_map(AuthorizationData::proxy_endpoint);
    Ok(Token {
        username: username.to_owned(),
        password: Secret::new(password),
        expires_at: first.expires_at().and_then(|at| Timestamp::from_second(at.secs()).ok()),
        hosts: hosts.map(without_scheme).collect(),
        region: settings.region.clone(),
    })
}

fn without_scheme(address: &str) -> String {
    address.split_once("://").map_or(address, |(_, host)| host).trim_end_matches('/').to_owned()
}
