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
    let mut search = Search { settings, config, tried: Vec::new() };
    if let Some(found) = search.environment().await? {
        return Ok(found);
    }
    if let Some(found) = search.profile().await? {
        return Ok(found);
    }
    // A profile that is named is the one that is meant.
    if !settings.is_profile_named
        && let Some(found) = search.machine().await?
    {
        return Ok(found);
    }
    Err(failure::credentials_missing(settings, &search.tried))
}

/// The sources that were asked so far.
struct Search<'a> {
    settings: &'a Settings<'a>,
    config: ProviderConfig,
    tried: Vec<Tried>,
}

impl Search<'_> {
    /// Variables with keys, or with a web identity.
    async fn environment(&mut self) -> Result<Option<Credentials>, Failure> {
        if self.settings.is_profile_configured {
            self.lacks("environment", "not asked: `profile` is set in mlup.toml");
            return Ok(None);
        }
        if let Some(found) = from_environment(self.settings) {
            return Ok(Some(found));
        }
        self.lacks("environment", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
        if let Some(provider) = web_identity(self.settings, &self.config) {
            return ask(&provider, "web identity token", self.settings).await.map(Some);
        }
        self.lacks("web identity", "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        Ok(None)
    }

    /// The profile: keys, a role, an SSO login or a program.
    async fn profile(&mut self) -> Result<Option<Credentials>, Failure> {
        let source = format!("profile `{}`", self.settings.profile);
        match from_profile(self.settings, &self.config).await {
            Ok(found) => return Ok(Some(found)),
            Err(None) => self.lacks(&source, "no file in ~/.aws"),
            Err(Some(CredentialsError::CredentialsNotLoaded(_))) => {
                self.lacks(&source, "it has no credentials");
            }
            Err(Some(error)) => return Err(failure::of_source(&error, &source, self.settings)),
        }
        Ok(None)
    }

    /// What the machine is: a container or an instance of AWS.
    async fn machine(&mut self) -> Result<Option<Credentials>, Failure> {
        let is_container =
            ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
                .iter()
                .any(|name| self.settings.var(name).is_some());
        if is_container {
            let provider = EcsCredentialsProvider::builder().configure(&self.config).build();
            return ask(&provider, "container credentials", self.settings).await.map(Some);
        }
        let is_off = self.settings.var("AWS_EC2_METADATA_DISABLED");
        if is_off.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            self.lacks("instance metadata", "switched off");
            return Ok(None);
        }
        let found = from_metadata(&self.config).await.ok();
        if found.is_none() {
            self.lacks("instance metadata", "this machine has none");
        }
        Ok(found)
    }

    fn lacks(&mut self, source: &str, why: &str) {
        self.tried.push(Tried { source: source.to_owned(), why: why.to_owned() });
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
