//! The way out of a node's engine. `minikube docker-env` points a shell's docker into the node;
//! what mlup does belongs on this machine's engine, where the node itself is a container.

use std::collections::BTreeMap;

/// Tells that `minikube docker-env` is in effect; its value is the profile.
const ACTIVE: &str = "MINIKUBE_ACTIVE_DOCKERD";

/// The variables that it sets (minikube 1.38, `cmd/docker-env.go`).
const REDIRECTED: [&str; 3] = ["DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"];

/// What a redirected variable held before is kept under this prefix.
const BEFORE: &str = "MINIKUBE_EXISTING_";

/// The environment as it was before a shell was pointed into a node; unchanged otherwise.
#[must_use]
pub fn outside_of_nodes(mut env: BTreeMap<String, String>) -> BTreeMap<String, String> {
    if env.get(ACTIVE).is_none_or(String::is_empty) {
        return env;
    }
    for name in REDIRECTED {
        match env.get(&format!("{BEFORE}{name}")).filter(|before| !before.is_empty()).cloned() {
            Some(before) => env.insert(name.to_owned(), before),
            None => env.remove(name),
        };
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_shell_that_is_pointed_into_a_node_is_pointed_back() {
        let inside = env(&[
            (ACTIVE, "minikube"),
            ("DOCKER_HOST", "tcp://192.168.49.2:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs"),
        ]);
        assert_eq!(outside_of_nodes(inside), env(&[(ACTIVE, "minikube")]));
    }

    #[test]
    fn what_was_set_before_comes_back() {
        let inside = env(&[
            (ACTIVE, "minikube"),
            ("DOCKER_HOST", "tcp://192.168.49.2:2376"),
            ("MINIKUBE_EXISTING_DOCKER_HOST", "unix:///run/user/1000/docker.sock"),
        ]);
        assert_eq!(outside_of_nodes(inside)["DOCKER_HOST"], "unix:///run/user/1000/docker.sock");
    }

    #[test]
    fn a_host_of_the_users_own_stays() {
        let own = env(&[("DOCKER_HOST", "tcp://127.0.0.1:2375"), (ACTIVE, "")]);
        assert_eq!(outside_of_nodes(own.clone()), own);
    }
}
