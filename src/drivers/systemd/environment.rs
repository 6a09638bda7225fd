//! The environment of a unit. systemd gives a service neither the user's PATH nor what a shell has
//! set, so what leads the tools to their places is written into the unit. Secrets are not: everybody
//! on the machine can read them there (`systemctl show`).

use std::collections::BTreeMap;

/// Variables that lead tools to their places and hold no secret.
const PLACES: [&str; 11] = [
    "AWS_CONFIG_FILE",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "KUBECONFIG",
    "MINIKUBE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];

/// Variables that may hold a password, and are taken over where they hold none.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/// What systemd sets by itself, in the unit of a user or one with `User=`.
const GIVEN: [&str; 3] = ["HOME", "LOGNAME", "USER"];

/// The PATH of a unit where the process has none.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

/// The variables that go into a unit, sorted by name.
#[must_use]
pub fn taken_over(process: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let set = |name: &&'static str| {
        let value = process.get(*name).filter(|value| !value.is_empty())?;
        Some(((*name).to_owned(), value.clone()))
    };
    let open = |(_, value): &(String, String)| !value.contains('@');
    let mut all: BTreeMap<String, String> = PLACES.iter().filter_map(set).collect();
    all.extend(PROXIES.iter().filter_map(set).filter(open));
    all.insert("PATH".to_owned(), path(process.get("PATH").map(String::as_str)));
    all
}

/// What mlup will see in the unit, as far as it is known now: for a look at whether the configuration
/// can be read there.
#[must_use]
pub fn seen_in_unit(process: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let given =
        GIVEN.iter().filter_map(|name| Some(((*name).to_owned(), process.get(*name)?.clone())));
    given.chain(taken_over(process)).collect()
}

/// The folders of a PATH that mean the same everywhere, each once.
fn path(path: Option<&str>) -> String {
    let mut folders: Vec<&str> = Vec::new();
    for folder in path.unwrap_or_default().split(':').filter(|folder| folder.starts_with('/')) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    if folders.is_empty() { USUAL_PATH.to_owned() } else { folders.join(":") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn places_are_taken_over_and_secrets_are_not() {
        let process = env(&[
            ("AWS_PROFILE", "dev"),
            ("AWS_SECRET_ACCESS_KEY", "canary"),
            ("DOCKER_HOST", ""),
            ("HTTPS_PROXY", "http://me:canary@proxy:3128"),
            ("NO_PROXY", "localhost,.svc"),
            ("MODEL_API_KEY", "canary"),
            ("PATH", "/a:/b:relative::/a"),
        ]);
        let wanted = [("AWS_PROFILE", "dev"), ("NO_PROXY", "localhost,.svc"), ("PATH", "/a:/b")];
        assert_eq!(taken_over(&process), env(&wanted));
    }

    #[test]
    fn there_is_always_a_path() {
        assert_eq!(taken_over(&env(&[("PATH", "bin")]))["PATH"], USUAL_PATH);
    }

    #[test]
    fn a_unit_sees_the_home_folder_and_nothing_that_a_shell_has_set() {
        let process = env(&[("HOME", "/home/dev"), ("PATH", "/a"), ("MODEL_API_KEY", "canary")]);
        assert_eq!(seen_in_unit(&process), env(&[("HOME", "/home/dev"), ("PATH", "/a")]));
    }
}
