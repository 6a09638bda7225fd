//! The scripts that mlup sends to the machine, each with what it is given. Values go along as data,
//! never as a part of the text.

use std::time::Duration;

use crate::drivers::k3s::convergence::Work;
use crate::drivers::k3s::wanted::Wanted;
use crate::host::ssh::Script;
use crate::redact::Secret;

/// Stands before each of them that changes or reads as root.
macro_rules! script {
    ($name:literal) => {
        concat!(include_str!("scripts/prelude.sh"), "\n", include_str!(concat!("scripts/", $name)))
    };
}

/// Time for a look: several hosts are tried, side by side.
const LOOK: Duration = Duration::from_secs(45);

/// Time for a service to come up on a small machine.
const START: Duration = Duration::from_secs(5 * 60);

/// Time for downloads and packages as well.
const INSTALL: Duration = Duration::from_secs(15 * 60);

/// Asks for everything that is to be known, in one go.
pub(super) fn survey(wanted: &Wanted) -> Script {
    Script::new("look at the machine", include_str!("scripts/survey.sh"))
        .with("questions", include_str!("scripts/questions.sh"))
        .with("hosts", wanted.needed_hosts().join(" "))
        .limit(LOOK)
}

/// Leaves the mark that says whose it is.
pub(super) fn mark(begun: &str) -> Script {
    Script::new("mark the machine", script!("mark.sh")).with("marker_begun", begun)
}

/// Brings the machine to where it is wanted.
pub(super) fn converge(wanted: &Wanted, work: &Work) -> Script {
    let prepare: Vec<&str> = wanted.prepare.iter().map(|item| item.as_str()).collect();
    let ports: Vec<String> = wanted.node_ports.iter().map(ToString::to_string).collect();
    Script::new("install K3s", script!("converge.sh"))
        .with("marker_begun", work.marker_begun.as_str())
        .with("marker_done", work.marker_done.as_str())
        .secret("config", work.config.clone())
        .with("source", work.source.as_str())
        .with("version", wanted.version.as_deref().unwrap_or_default())
        .with("prepare", prepare.join(" "))
        .with("service", work.service.as_str())
        .with("api_port", wanted.api_port.to_string())
        .with("node_ports", ports.join(" "))
        .with("pods", wanted.networks.pods.to_string())
        .with("services", wanted.networks.services.to_string())
        .limit(INSTALL)
}

/// Starts what is there.
pub(super) fn start() -> Script {
    Script::new("start K3s", script!("start.sh")).limit(START)
}

/// Halts it.
pub(super) fn stop() -> Script {
    Script::new("stop K3s", script!("stop.sh")).limit(START)
}

/// Takes it off the machine.
pub(super) fn uninstall() -> Script {
    Script::new("take K3s off", script!("uninstall.sh")).limit(START)
}

/// Prints its kubeconfig, which is secret.
pub(super) fn kubeconfig() -> Script {
    Script::new("read the kubeconfig of K3s", script!("kubeconfig.sh"))
}

/// Lists its images.
pub(super) fn images() -> Script {
    Script::new("list the images", script!("images.sh"))
}

/// Takes an image from standard input.
pub(super) fn import(image: &str) -> Script {
    Script::new(format!("load image `{image}`"), script!("import.sh")).limit(INSTALL)
}

/// What a script printed that is a secret.
pub(super) fn secret(stdout: String) -> Secret {
    Secret::new(stdout)
}
