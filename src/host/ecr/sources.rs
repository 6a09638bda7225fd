//! AWS credentials, from the sources that the AWS tools use and in their order. The sources are
//! asked one by one, so that a failure can name each that was tried.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::{Credentials, ProvideCredentials, Region, SharedHttpClient};

use super::failure;
use super::settings::Settings;
use crate::policy::Failure;

/// How long this machine's metadata service may take: on a machine outside AWS nothing answers.
const METADATA: Duration = Duration::from_millis(500);

/// Why a source has none.
pub(super) struct Tried {
    /// The source.
    pub(super) source: String,
    /// What it said.
    pub(super) why: String,
}

/// The first credentials that a source has. A source that is set up and fails ends the search, as
/// it does for the AWS tools: another identity would not be the one that is meant.
pub(super) async fn credentials(
    settings: &Settings<'_>,
    http: &SharedHttpClient,
) -> Result<Credentials, Failure> {
    let config = ProviderConfig::without_region()
        .with_http_client(http.clone())
        .with_region(Some(Region::new(settings.region.clone())));
    let mut tried = Vec::new();
    let mut missing = |source: &str, why: String| {
        tried.push(Tried { source: source.to_owned(), why });
    };
    if settings.is_profile_configured {
        missing("environment", "not asked: `profile` is set in mlup.toml".to_owned());
    } else {
        if let Some(found) = from_environment(settings) {
            return Ok(found);
        }
        missing(
            "environment",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned(),
        );
        match web_identity(settings, &config) {
            Some(provider) => return ask(&provider, "web identity token", settings).await,
            None => missing("web identity", "AWS_WEB_IDENTITY_TOKEN_FILE is not set".to_owned()),
        }
    }
    let source = format!("profile `{}`", settings.profile);
    match from_profile(settings, &config).await {
        Ok(found) => return Ok(found),
        Err(None) => missing(&source, "no file in ~/.aws".to_owned()),
        Err(Some(CredentialsError::CredentialsNotLoaded(error))) => {
            missing(&source, failure::told(&CredentialsError::CredentialsNotLoaded(error)));
        }
        Err(Some(error)) => return Err(failure::of_source(&error, &source, settings)),
    }
    if settings.is_profile_named {
        return Err(failure::credentials_missing(settings, &tried));
    }
    if settings.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
        || settings.var("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some()
    {
        let provider = EcsCredentialsProvider::builder().configure(&config).build();
        return ask(&provider, "container credentials", settings).await;
    }
    let (source, is_off) = ("instance metadata", settings.var("AWS_EC2_METADATA_DISABLED"));
    if is_off.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        tried.push(Tried { source: source.to_owned(), why: "switched off".to_owned() });
        return Err(failure::credentials_missing(settings, &tried));
    }
    match from_metadata(&config).await {
        Ok(found) => Ok(found),
        Err(_) => {
            let why = "this machine has none".to_owned();
            tried.push(Tried { source: source.to_owned(), why });
            Err(failure::credentials_missing(settings, &tried))
        }
    }
}

async fn ask(
    provider: &impl ProvideCredentials,
    source: &str,
    settings: &Settings<'_>,
) -> Result<Credentials, Failure> {
    let found = provider.provide_credentials().await;
    found.map_err(|error| failure::of_source(&error, source, settings))
}

fn from_environment(settings: &Settings<'_>) -> Option<Credentials> {
    let id = settings.var("AWS_ACCESS_KEY_ID")?;
    let key = settings.var("AWS_SECRET_ACCESS_KEY")?;
    let session = settings.var("AWS_SESSION_TOKEN").map(str::to_owned);
    Some(Credentials::new(id, key, session, None, "environment"))
}

fn web_identity(
    settings: &Settings<'_>,
    config: &ProviderConfig,
) -> Option<WebIdentityTokenCredentialsProvider> {
    let file = settings.var("AWS_WEB_IDENTITY_TOKEN_FILE")?;
    let role = settings.var("AWS_ROLE_ARN")?;
    let session = settings.var("AWS_ROLE_SESSION_NAME").unwrap_or("mlup");
    let named = StaticConfiguration {
        web_identity_token_file: file.into(),
        role_arn: role.to_owned(),
        session_name: session.to_owned(),
    };
    let builder = WebIdentityTokenCredentialsProvider::builder();
    Some(builder.configure(config).static_configuration(named).build())
}

/// What the profile has; no error at all where there are no files.
async fn from_profile(
    settings: &Settings<'_>,
    config: &ProviderConfig,
) -> Result<Credentials, Option<CredentialsError>> {
    let files = settings.files.clone().ok_or(None)?;
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(config)
        .profile_files(files)
        .profile_name(settings.profile.clone())
        .build();
    provider.provide_credentials().await.map_err(Some)
}

async fn from_metadata(config: &ProviderConfig) -> Result<Credentials, CredentialsError> {
    let client = imds::Client::builder()
        .configure(config)
        .connect_timeout(METADATA)
        .read_timeout(METADATA * 2)
        .max_attempts(1)
        .build();
    let provider = ImdsCredentialsProvider::builder().configure(config).imds_client(client).build();
    provider.provide_credentials().await
}
