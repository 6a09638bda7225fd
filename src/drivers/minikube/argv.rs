//! minikube's command lines. Every setting that matters is said, so that neither variables nor
//! `minikube config set` decide it; the user's own arguments come last and win.

use crate::drivers::cluster::Insistence;
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::host::cmd::Cmd;

/// One mebibyte: minikube's unit of memory, which it writes `mb`.
pub(super) const MIB: u64 = 1 << 20;

/// How a start is asked for, beside what the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Whether there is no such cluster yet: only then can ports and the address be set.
    pub(super) creating: bool,
    /// Whether the node gets this address.
    pub(super) address: Option<String>,
    /// How hard it insists.
    pub(super) insistence: Insistence,
    /// Whether mlup runs as root, which minikube refuses without `--force`.
    pub(super) as_root: bool,
}

fn minikube(words: &[&str]) -> Cmd {
    Cmd::new("minikube").args(words.iter().copied())
}

pub(super) fn version() -> Cmd {
    minikube(&["version", "-o", "json"])
}

/// The status of one machine. With `-n` minikube keeps what it found out where the list form drops
/// it, and exits as it should in every version.
pub(super) fn status(profile: &str, machine: &str) -> Cmd {
    minikube(&["status", "-p", profile, "-n", machine, "-o", "json"])
}

pub(super) fn profiles() -> Cmd {
    minikube(&["profile", "list", "-o", "json"])
}

pub(super) fn start(spec: &Spec, how: &Start) -> Cmd {
    let mut cmd = minikube(&["start", "-p", &spec.name, "--output=json", "--interactive=false"]);
    let mut set = |flag: &str, value: String| {
        if !spec.args.iter().any(|arg| names_flag(arg, flag)) {
            cmd.args.push(format!("{flag}={value}"));
        }
    };
    set("--driver", "docker".to_owned());
    set("--container-runtime", "docker".to_owned());
    set("--keep-context", (!spec.switch_context).to_string());
    set("--embed-certs", "true".to_owned());
    // mlup waits for nodes and pods itself; the API server tells minikube whether to reset it.
    set("--wait", "apiserver".to_owned());
    set("--wait-timeout", "6m".to_owned());
    if let Some(cpus) = spec.cpus {
        set("--cpus", cpus.to_string());
    }
    if let Some(bytes) = spec.memory {
        set("--memory", format!("{}mb", bytes / MIB));
    }
    if let Some(version) = &spec.kubernetes_version {
        set("--kubernetes-version", version.clone());
    }
    if nodes(spec) > 1 {
        set("--nodes", nodes(spec).to_string());
    }
    if let ClusterNetwork::Joined { name, .. } = &spec.network {
        set("--network", name.clone());
    }
    if let Some(address) = how.address.as_ref().filter(|_| how.creating) {
        set("--static-ip", address.clone());
    }
    if !spec.addons.is_empty() {
        cmd.args.push(format!("--addons={}", spec.addons.join(",")));
    }
    if how.creating {
        cmd.args.extend(spec.ports.iter().map(|port| format!("--ports=127.0.0.1:{port}:{port}")));
    }
    if how.as_root || how.insistence == Insistence::Force {
        cmd.args.push("--force".to_owned());
    }
    cmd.args(spec.args.iter().cloned())
}

/// Nodes in all.
pub(super) fn nodes(spec: &Spec) -> u32 {
    spec.servers + spec.agents
}

/// The machine's name of the node with this number, from 1.
pub(super) fn machine(profile: &str, number: u32) -> String {
    if number == 1 { profile.to_owned() } else { format!("{profile}-m{number:02}") }
}

/// Whether an argument sets this flag, `--flag` or `--flag=value`.
pub(super) fn names_flag(arg: &str, flag: &str) -> bool {
    arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// A stop drops the current context unless told otherwise.
pub(super) fn stop(spec: &Spec) -> Cmd {
    let cmd = minikube(&["stop", "-p", &spec.name, "-o", "json"]);
    if spec.switch_context { cmd } else { cmd.arg("--keep-context-active") }
}

pub(super) fn unpause(profile: &str) -> Cmd {
    minikube(&["unpause", "-p", profile, "-o", "json"])
}

pub(super) fn delete(profile: &str) -> Cmd {
    minikube(&["delete", "-p", profile, "-o", "json"])
}

/// Deletes every cluster of minikube on the engine, whoever made it, and all of its folder.
pub(super) fn delete_everything() -> Cmd {
    minikube(&["delete", "--all", "--purge", "-o", "json"])
}

/// Writes the kubeconfig entry anew; it becomes the current one.
pub(super) fn update_context(profile: &str) -> Cmd {
    minikube(&["update-context", "-p", profile])
}

pub(super) fn enable_addon(profile: &str, addon: &str) -> Cmd {
    minikube(&["addons", "enable", addon, "-p", profile])
}

pub(super) fn load_image(profile: &str, image: &str) -> Cmd {
    minikube(&["image", "load", "--daemon", "-p", profile, image])
}

pub(super) fn list_images(profile: &str) -> Cmd {
    minikube(&["image", "ls", "-p", profile, "--format", "json"])
}

pub(super) fn node_address(profile: &str) -> Cmd {
    minikube(&["ip", "-p", profile])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::minikube::tests::spec;

    const PLAIN: Start =
        Start { creating: true, address: None, insistence: Insistence::Plain, as_root: false };

    #[test]
    fn a_start_says_everything_that_stored_settings_could_change() {
        assert_eq!(
            start(&spec("dev"), &PLAIN).to_string(),
            "minikube start -p dev --output=json --interactive=false --driver=docker \
             --container-runtime=docker --keep-context=false --embed-certs=true --wait=apiserver \
             --wait-timeout=6m"
        );
    }

    #[test]
    fn what_is_configured_becomes_flags_and_own_arguments_come_last() {
        let mut spec = spec("dev");
        spec.cpus = Some(4);
        spec.memory = Some(3900 * MIB);
        spec.kubernetes_version = Some("v1.34.0".to_owned());
        spec.agents = 1;
        spec.addons = vec!["ingress".to_owned(), "metrics-server".to_owned()];
        spec.ports = vec![30080, 30090];
        spec.switch_context = false;
        spec.args = vec!["--wait=all".to_owned(), "--driver".to_owned(), "podman".to_owned()];
        spec.network = ClusterNetwork::Joined {
            name: "mlnet".to_owned(),
            subnet: Some("10.9.0.0/24".to_owned()),
            gateway: None,
        };
        let how = Start { address: Some("10.9.0.200".to_owned()), ..PLAIN };
        let line = start(&spec, &how).to_string();
        assert_eq!(
            line,
            "minikube start -p dev --output=json --interactive=false --container-runtime=docker \
             --keep-context=true --embed-certs=true --wait-timeout=6m --cpus=4 --memory=3900mb \
             --kubernetes-version=v1.34.0 --nodes=2 --network=mlnet --static-ip=10.9.0.200 \
             --addons=ingress,metrics-server --ports=127.0.0.1:30080:30080 \
             --ports=127.0.0.1:30090:30090 --wait=all --driver podman"
        );
        let again = start(&spec, &Start { creating: false, ..how }).to_string();
        assert!(!again.contains("--static-ip") && !again.contains("--ports"), "{again}");
    }

    #[test]
    fn force_is_said_on_the_last_rung_and_to_root() {
        let spec = spec("dev");
        let forced = |how: &Start| start(&spec, how).args.contains(&"--force".to_owned());
        assert!(!forced(&PLAIN));
        assert!(forced(&Start { insistence: Insistence::Force, ..PLAIN }));
        assert!(forced(&Start { as_root: true, ..PLAIN }));
    }

    #[test]
    fn the_other_command_lines_name_their_profile() {
        let mut spec = spec("dev");
        assert_eq!(stop(&spec).to_string(), "minikube stop -p dev -o json");
        spec.switch_context = false;
        assert_eq!(stop(&spec).to_string(), "minikube stop -p dev -o json --keep-context-active");
        for (cmd, line) in [
            (version(), "minikube version -o json"),
            (status("dev", "dev-m02"), "minikube status -p dev -n dev-m02 -o json"),
            (profiles(), "minikube profile list -o json"),
            (unpause("dev"), "minikube unpause -p dev -o json"),
            (delete("dev"), "minikube delete -p dev -o json"),
            (delete_everything(), "minikube delete --all --purge -o json"),
            (update_context("dev"), "minikube update-context -p dev"),
            (enable_addon("dev", "ingress"), "minikube addons enable ingress -p dev"),
            (load_image("dev", "api:1"), "minikube image load --daemon -p dev api:1"),
            (list_images("dev"), "minikube image ls -p dev --format json"),
            (node_address("dev"), "minikube ip -p dev"),
        ] {
            assert_eq!(cmd.to_string(), line);
        }
        assert_eq!((machine("dev", 1), machine("dev", 2)), ("dev".into(), "dev-m02".into()));
    }

    #[test]
    fn a_flag_is_recognised_by_its_whole_name() {
        assert!(names_flag("--wait", "--wait") && names_flag("--wait=all", "--wait"));
        assert!(!names_flag("--wait-timeout=1m", "--wait"));
    }
}
