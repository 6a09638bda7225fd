//! Host names of AWS ECR: account and region from a registry's name.

use std::sync::LazyLock;

use regex::Regex;

use crate::event::Fix;
use crate::policy::{Class, Failure};

/// A private registry of ECR, told from its host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrHost {
    /// The account that owns it.
    pub account: String,
    /// The region it is in.
    pub region: String,
    /// Whether the name is the one for FIPS.
    pub is_fips: bool,
    /// Whether the name is the one for both address families.
    pub is_dual_stack: bool,
}

/// Names of private registries in all partitions.
static PRIVATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let suffixes = r"(amazonaws\.(com(\.cn)?|eu)|on\.(aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)";
    let host = r"^(\d{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9][a-z0-9-]*)\.";
    Regex::new(&format!("{host}{suffixes}$")).ok()
});

/// What the name says; nothing for a host that is no private registry of ECR.
#[must_use]
pub fn parse(server: &str) -> Option<EcrHost> {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host);
    let found = PRIVATE.as_ref()?.captures(host)?;
    Some(EcrHost {
        account: found.get(1)?.as_str().to_owned(),
        region: found.get(4)?.as_str().to_owned(),
        is_fips: found.get(3).is_some(),
        is_dual_stack: found.get(2)?.as_str() == "-",
    })
}

/// The region to ask for a token: the configured one, else the one in the server's name; none where
/// the environment has to say it.
///
/// # Errors
/// `ECR_PUBLIC_REGISTRY`: that one needs no token. `ECR_REGION_DIFFERS`: the two contradict.
pub fn region(server: &str, configured: Option<&str>) -> Result<Option<String>, Failure> {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    let name = host.split('/').next().unwrap_or(host);
    if matches!(name, "public.ecr.aws" | "ecr-public.aws.com") {
        let summary = format!("`{name}` is the public registry of AWS, which `ecr` is not for");
        return Err(Failure::new(Class::Config, "ECR_PUBLIC_REGISTRY", summary)
            .because(name, "images are pulled from there without credentials")
            .fix(Fix::safe("remove this `[[registry]]` from mlup.toml")));
    }
    let own = parse(server).map(|host| host.region);
    match (configured, own) {
        (Some(configured), Some(own)) if configured != own => {
            let summary = format!(
                "the registry `{name}` is in the region `{own}`, and `region` says `{configured}`"
            );
            Err(Failure::new(Class::Config, "ECR_REGION_DIFFERS", summary)
                .fix(Fix::safe("remove `region` of the registry from mlup.toml")))
        }
        (configured, own) => Ok(configured.map(str::to_owned).or(own)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_region_are_told_from_every_form_of_the_name() {
        for (server, region, is_fips, is_dual_stack) in [
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1", false, false),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false, false),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", true, false),
            ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1", false, true),
            (
                "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/team",
                "us-east-1",
                false,
                false,
            ),
        ] {
            let host = parse(server).unwrap_or_else(|| panic!("{server}"));
            assert_eq!(host.account, "123456789012", "{server}");
            assert_eq!(host.region, region, "{server}");
            assert_eq!((host.is_fips, host.is_dual_stack), (is_fips, is_dual_stack), "{server}");
        }
    }

    #[test]
    fn other_hosts_are_no_ecr() {
        for server in [
            "docker.io",
            "12345.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
            "localhost:5000",
        ] {
            assert_eq!(parse(server), None, "{server}");
        }
    }

    #[test]
    fn the_region_comes_from_the_server_where_none_is_set() {
        let server = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(region(server, None).unwrap().as_deref(), Some("eu-west-1"));
        assert_eq!(region("localhost:5000", None).unwrap(), None);
        assert_eq!(
            region("localhost:5000", Some("us-east-1")).unwrap().as_deref(),
            Some("us-east-1")
        );
    }

    #[test]
    fn a_region_that_contradicts_the_server_is_refused() {
        let server = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let failure = region(server, Some("us-east-1")).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Config, "ECR_REGION_DIFFERS"));
        assert!(failure.summary.contains("eu-west-1"), "{}", failure.summary);
    }

    #[test]
    fn the_public_registry_is_refused_with_advice() {
        let failure = region("public.ecr.aws/docker/library", None).unwrap_err();
        assert_eq!(failure.code, "ECR_PUBLIC_REGISTRY");
        assert!(failure.fix.is_some());
    }
}
