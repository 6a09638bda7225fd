//! The environment that minikube runs in: nothing of the user's shell changes what is asked for, and
//! where minikube keeps its state.

use std::path::{Path, PathBuf};

use crate::drivers::kubeconfig;
use crate::host::cmd::Cmd;
use crate::host::workbench::Workbench;
use crate::redact::Secret;

/// Set by `minikube docker-env`: the variables of the docker client then lead into the node.
const INSIDE_A_NODE: &str = "MINIKUBE_ACTIVE_DOCKERD";

/// Takes the user's `MINIKUBE_*` away, each of which would be a flag, all but the place of its
/// state; says which kubeconfig and which engine; asks for plain English.
pub(super) fn sealed(cmd: Cmd, bench: &Workbench) -> Cmd {
    let target = kubeconfig::target(bench).to_string_lossy().into_owned();
    let mut cmd = cmd
        .without_env("MINIKUBE_")
        .env("MINIKUBE_IN_STYLE", Secret::new("false"))
        .env("LC_ALL", Secret::new("C"))
        .env("KUBECONFIG", Secret::new(target));
    if let Some(home) = bench.env("MINIKUBE_HOME") {
        cmd = cmd.env("MINIKUBE_HOME", Secret::new(home));
    }
    if bench.env(INSIDE_A_NODE).is_some() {
        for name in ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
            cmd = cmd.without_env(name);
        }
        return cmd;
    }
    let engine = bench.host.docker.docker_env();
    engine.into_iter().fold(cmd, |cmd, (name, value)| cmd.env(name, Secret::new(value)))
}

/// The folder with profiles and machines; none without a home.
pub(super) fn state_folder(bench: &Workbench) -> Option<PathBuf> {
    let own = bench.env("MINIKUBE_HOME").map(Path::new);
    match own {
        Some(home) if home.ends_with(".minikube") => Some(home.to_owned()),
        Some(home) => Some(home.join(".minikube")),
        None => bench.home().map(|home| home.join(".minikube")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::TestBench;

    #[test]
    fn variables_of_the_shell_do_not_reach_minikube() {
        let env = [
            ("HOME", "/home/ada"),
            ("MINIKUBE_DRIVER", "podman"),
            ("MINIKUBE_MEMORY", "1g"),
            ("MINIKUBE_HOME", "/data/mk"),
            ("MINIKUBE_ACTIVE_DOCKERD", "dev"),
            ("DOCKER_HOST", "tcp://192.168.49.2:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("LC_ALL", "de_DE.UTF-8"),
        ];
        let bed = TestBench::with_env([], &env);
        let cmd = sealed(Cmd::new("minikube"), &bed.bench);
        let seen = cmd.full_env(&bed.bench.host.env);
        let names: Vec<&str> = seen.keys().map(String::as_str).collect();
        let wanted = ["HOME", "KUBECONFIG", "LC_ALL", "MINIKUBE_HOME", "MINIKUBE_IN_STYLE"];
        assert_eq!(names, wanted);
        assert_eq!(seen["KUBECONFIG"], "/home/ada/.kube/config");
        assert_eq!((seen["MINIKUBE_HOME"].as_str(), seen["LC_ALL"].as_str()), ("/data/mk", "C"));
    }

    #[test]
    fn one_kubeconfig_is_named_the_first_of_several() {
        let env = [("HOME", "/h"), ("KUBECONFIG", "/a/one:/b/two")];
        let bed = TestBench::with_env([], &env);
        let seen = sealed(Cmd::new("minikube"), &bed.bench).full_env(&bed.bench.host.env);
        assert_eq!(seen["KUBECONFIG"], "/a/one");
    }

    #[test]
    fn an_engine_elsewhere_stays_the_engine() {
        let env = [("HOME", "/h"), ("DOCKER_HOST", "unix:///run/user/1000/docker.sock")];
        let bed = TestBench::with_env([], &env);
        let seen = sealed(Cmd::new("minikube"), &bed.bench).full_env(&bed.bench.host.env);
        assert_eq!(seen["DOCKER_HOST"], "unix:///run/user/1000/docker.sock");
    }

    #[test]
    fn the_state_folder_follows_minikube_home() {
        let folder = |env: &[(&str, &str)]| state_folder(&TestBench::with_env([], env).bench);
        assert_eq!(folder(&[("HOME", "/h")]), Some(PathBuf::from("/h/.minikube")));
        let own = |home| folder(&[("HOME", "/h"), ("MINIKUBE_HOME", home)]);
        assert_eq!(own("/data"), Some(PathBuf::from("/data/.minikube")));
        assert_eq!(own("/data/.minikube"), Some(PathBuf::from("/data/.minikube")));
        assert_eq!(folder(&[]), None);
    }
}
