//! What it means that AWS gives no token: by the kind of error and AWS's own code first, by text
//! last.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};

use super::settings::Settings;
use super::sources::Tried;
use crate::event::Fix;
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// Most of what is shown of a message: AWS answers some requests with all of their headers.
const LONGEST: usize = 300;

/// What the innermost errors say, on one line.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default().trim().to_owned();
        if !line.is_empty() && words.last() != Some(&line) {
            words.push(line);
        }
        cause = error.source();
    }
    words.join(": ").chars().take(LONGEST).collect()
}

/// What it means that the call failed.
pub(super) fn of<E, R>(error: &SdkError<E, R>, settings: &Settings<'_>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let error = answer.err();
            let code = error.code().unwrap_or("no code");
            let message = error.message().and_then(|text| text.lines().next()).unwrap_or_default();
            let message: String = message.chars().take(LONGEST).collect();
            answered(code, &message, settings).because("ECR", format!("{code}: {message}"))
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
            unreachable(settings).because("ECR", told(error))
        }
        SdkError::ResponseError(_) => {
            request_failed(settings, "what answers there is not ECR's API")
                .because("ECR", told(error))
        }
        _ => request_failed(settings, "the request could not be made").because("ECR", told(error)),
    }
}

/// AWS said no; `code` is its own.
fn answered(code: &str, message: &str, settings: &Settings<'_>) -> Failure {
    // A signature may be refused because of its time: AWS then names both times.
    if message.contains("Signature not yet current")
        || message.contains("Signature expired")
        || code == "RequestTimeTooSkewed"
    {
        let summary = "AWS refuses the time of the request: this machine's clock is wrong";
        return Failure::new(Class::Prerequisite, "CLOCK_WRONG", summary)
            .fix(Fix::safe("timedatectl set-ntp true"));
    }
    match code {
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => expired(settings),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException" => Failure::new(
            Class::Prerequisite,
            "ECR_CREDENTIALS_REJECTED",
            format!(
                "AWS does not know the credentials in the region `{}`: the keys are wrong or \
                 deleted, or belong to another partition",
                settings.region
            ),
        )
        .fix(Fix::safe(format!("aws sts get-caller-identity{}", flag(settings)))),
        "AccessDeniedException" | "AccessDenied" => denied(),
        "ThrottlingException"
        | "TooManyRequestsException"
        | "ServerException"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => Failure::new(
            Class::Transient,
            "ECR_UNAVAILABLE",
            format!("ECR in `{}` cannot answer now", settings.region),
        ),
        _ => request_failed(settings, "it refused the request"),
    }
}

/// What it means that a source of credentials failed.
pub(super) fn of_source(
    error: &CredentialsError,
    source: &str,
    settings: &Settings<'_>,
) -> Failure {
    let text = told(error);
    let failure = match error {
        CredentialsError::ProviderTimedOut(_) => unreachable(settings),
        CredentialsError::InvalidConfiguration(_) => Failure::new(
            Class::Config,
            "ECR_PROFILE_INVALID",
            format!("the AWS {source} cannot be used"),
        ),
        CredentialsError::CredentialsNotLoaded(_) => credentials_missing(settings, &[]),
        _ => source_failed(&text, source, settings),
    };
    failure.because(source, text)
}

/// Told by text: the library hands on what SSO, STS or a program said.
fn source_failed(text: &str, source: &str, settings: &Settings<'_>) -> Failure {
    let text = text.to_lowercase();
    let is_sso = text.contains("sso");
    if text.contains("accessdenied") || text.contains("not authorized to perform") {
        return denied();
    }
    if text.contains("expired")
        || (is_sso && (text.contains("unauthorized") || text.contains("failed to read")))
        || (is_sso && text.contains("no such file"))
    {
        return expired(settings);
    }
    if text.contains("dispatch failure") || text.contains("timeout") {
        return unreachable(settings);
    }
    let summary = format!("the AWS {source} gives no credentials");
    Failure::new(Class::Prerequisite, "ECR_CREDENTIALS_FAILED", summary)
        .fix(Fix::safe(format!("aws sts get-caller-identity{}", flag(settings))))
}

/// No source has any.
pub(super) fn credentials_missing(settings: &Settings<'_>, tried: &[Tried]) -> Failure {
    let summary = "no AWS credentials were found";
    let failure = Failure::new(Class::Prerequisite, "ECR_CREDENTIALS_MISSING", summary);
    let failure = tried
        .iter()
        .fold(failure, |failure, tried| failure.because(tried.source.clone(), tried.why.clone()));
    let login = if settings.paths.is_empty() { "aws configure sso" } else { "aws sso login" };
    failure.fix(Fix::safe(format!("{login}{}", flag(settings))))
}

/// The sources took too long.
pub(super) fn credentials_overdue(settings: &Settings<'_>, limit: Duration) -> Failure {
    let text = format!("no credentials within {} s", limit.as_secs());
    unreachable(settings).because(format!("profile `{}`", settings.profile), text)
}

/// The profile is in no file.
pub(super) fn profile_unknown<'a>(
    profile: &str,
    paths: &[PathBuf],
    known: impl Iterator<Item = &'a str>,
) -> Failure {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let shown: Vec<String> = paths.iter().map(|path: &PathBuf| show(path)).collect();
    let files = if shown.is_empty() { "no file in ~/.aws".to_owned() } else { shown.join(", ") };
    let summary = format!("there is no AWS profile `{profile}`");
    Failure::new(Class::Config, "ECR_PROFILE_INVALID", summary)
        .because(files, format!("profiles: {known}"))
        .fix(Fix::safe(format!("aws configure sso --profile {}", quote(profile))))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

fn expired(settings: &Settings<'_>) -> Failure {
    let summary = if settings.is_profile_named {
        format!("the AWS login of the profile `{}` has expired", settings.profile)
    } else {
        "the AWS login has expired".to_owned()
    };
    Failure::new(Class::Prerequisite, "ECR_CREDENTIALS_EXPIRED", summary)
        .fix(Fix::safe(format!("aws sso login{}", flag(settings))))
}

fn denied() -> Failure {
    let summary = "the AWS identity may not ask for a registry token";
    Failure::new(Class::Prerequisite, "ECR_ACCESS_DENIED", summary)
        .fix(Fix::safe("allow `ecr:GetAuthorizationToken` on `*` for this identity"))
}

fn unreachable(settings: &Settings<'_>) -> Failure {
    let place = match &settings.endpoint {
        Some(endpoint) => format!("`{endpoint}`"),
        None => format!("of the region `{}`", settings.region),
    };
    let summary = format!("the ECR API {place} does not answer");
    let help = match &settings.endpoint {
        Some(_) => "start what answers there, or correct `endpoint`",
        None => "look at the network and at `region`: a region that does not exist has no address",
    };
    Failure::new(Class::Transient, "ECR_UNREACHABLE", summary).fix(Fix::safe(help))
}

fn request_failed(settings: &Settings<'_>, why: &str) -> Failure {
    let summary = format!("ECR in `{}` gave no token: {why}", settings.region);
    Failure::new(Class::Permanent, "ECR_REQUEST_FAILED", summary)
}

/// The option that names the profile to the AWS command line.
fn flag(settings: &Settings<'_>) -> String {
    if settings.is_profile_named {
        format!(" --profile {}", quote(&settings.profile))
    } else {
        String::new()
    }
}
