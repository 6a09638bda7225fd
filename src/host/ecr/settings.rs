//! Region, profile and endpoint for a token: from the configuration, then the environment, then the
//! profile.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::{Env, Fs};

use super::Identity;
use super::failure::{self, told};
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// What a call needs to know beside the credentials.
pub(super) struct Settings<'a> {
    /// The region.
    pub(super) region: String,
    /// The address of the API, unless it is AWS's own.
    pub(super) endpoint: Option<String>,
    /// The profile.
    pub(super) profile: String,
    /// Whether the configuration or the environment names the profile.
    pub(super) is_profile_named: bool,
    /// Whether `mlup.toml` names it: then nothing else of the environment counts.
    pub(super) is_profile_configured: bool,
    /// The files with profiles; none where there are no files.
    pub(super) files: Option<EnvConfigFiles>,
    /// Paths of these files, for messages; empty where there are none.
    pub(super) paths: Vec<PathBuf>,
    /// The environment.
    pub(super) env: &'a BTreeMap<String, String>,
}

impl<'a> Settings<'a> {
    /// Puts together what is configured.
    pub(super) async fn of(
        identity: &Identity<'_>,
        env: &'a BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let named = identity.profile.or(value(env, "AWS_PROFILE"));
        let profile = named.unwrap_or("default").to_owned();
        let (files, paths) = files(env);
        let sections = load(files.as_ref(), env, &profile).await?;
        if named.is_some() && !sections.profiles().any(|name| name == profile) {
            return Err(failure::profile_unknown(&profile, &paths, sections.profiles()));
        }
        let region = identity
            .region
            .or(value(env, "AWS_REGION"))
            .or(value(env, "AWS_DEFAULT_REGION"))
            .or(sections.get("region"))
            .ok_or_else(|| region_missing(&profile))?;
        let endpoint = identity
            .endpoint
            .or(value(env, "AWS_ENDPOINT_URL_ECR"))
            .or(value(env, "AWS_ENDPOINT_URL"))
            .or(sections.get("endpoint_url"));
        Ok(Self {
            region: checked(region)?,
            endpoint: endpoint.map(str::to_owned),
            is_profile_named: named.is_some(),
            is_profile_configured: identity.profile.is_some(),
            profile,
            files,
            paths,
            env,
        })
    }

    /// A variable, unless it is empty.
    pub(super) fn var(&self, name: &str) -> Option<&'a str> {
        value(self.env, name)
    }
}

fn value<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    env.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// The files with profiles that exist.
fn files(env: &BTreeMap<String, String>) -> (Option<EnvConfigFiles>, Vec<PathBuf>) {
    let own =
        |name: &str| value(env, "HOME").map(|home| PathBuf::from(home).join(".aws").join(name));
    let path = |variable: &str, name: &str| value(env, variable).map(PathBuf::from).or(own(name));
    let mut files = EnvConfigFiles::builder();
    let mut paths = Vec::new();
    for (kind, variable, name) in [
        (EnvConfigFileKind::Config, "AWS_CONFIG_FILE", "config"),
        (EnvConfigFileKind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    ] {
        if let Some(path) = path(variable, name).filter(|path| path.is_file()) {
            files = files.with_file(kind, &path);
            paths.push(path);
        }
    }
    // The library takes no empty set.
    ((!paths.is_empty()).then(|| files.build()), paths)
}

async fn load(
    files: Option<&EnvConfigFiles>,
    env: &BTreeMap<String, String>,
    profile: &str,
) -> Result<EnvConfigSections, Failure> {
    let Some(files) = files else { return Ok(EnvConfigSections::default()) };
    let env: HashMap<String, String> = env.clone().into_iter().collect();
    let profile = Some(profile.to_owned().into());
    aws_config::profile::load(&Fs::real(), &Env::from(env), files, profile).await.map_err(|error| {
        Failure::new(
            Class::Config,
            "ECR_PROFILE_INVALID",
            "the AWS configuration cannot be read".to_owned(),
        )
        .because("AWS configuration", told(&error))
    })
}

fn region_missing(profile: &str) -> Failure {
    let summary = format!(
        "no AWS region is known: not from the server's name, not from the environment, not from \
         the profile `{profile}`"
    );
    Failure::new(Class::Config, "ECR_REGION_MISSING", summary)
        .fix(Fix::safe("set `region` of the registry in mlup.toml"))
}

/// The region, unless it cannot be one: it becomes a part of a host name.
fn checked(region: &str) -> Result<String, Failure> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.chars().all(is_plain) && region.contains('-') {
        return Ok(region.to_owned());
    }
    let summary = format!("`{region}` is no AWS region");
    Err(Failure::new(Class::Config, "ECR_REGION_INVALID", summary)
        .fix(Fix::safe("set `region` of the registry in mlup.toml, such as `eu-central-1`")))
}
