//! The way onto a node of the cluster, to see from there whether addresses take connections: ssh to
//! the machine of K3s, a command in the container of minikube and k3d.

use super::hop::Reach;
use crate::config::destination::Destination;
use crate::config::model::Provider;
use crate::drivers::spec::Spec;
use crate::host::ssh::{Script, Ssh};
use crate::steps::StepCtx;
use crate::steps::check::container;

/// Tries addresses with what is there.
const REACH: &str = include_str!("reach.sh");

/// How a node is got onto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Onto {
    /// A container of this machine's Docker Engine.
    Container(String),
    /// A machine behind ssh.
    Machine(Destination),
    /// Nobody knows how.
    Nowhere,
}

impl Onto {
    /// The way onto the node of this configuration's cluster that serves the API.
    pub(super) fn of(ctx: &StepCtx) -> Self {
        let Some(spec) = Spec::of(&ctx.config) else { return Self::Nowhere };
        match spec.provider {
            Provider::K3d => Self::Container(format!("k3d-{}-server-0", spec.name)),
            Provider::Minikube => Self::Container(spec.name),
            Provider::K3s => {
                let host = ctx.config.cluster.as_ref().and_then(|cluster| cluster.k3s.host.clone());
                host.map_or(Self::Nowhere, Self::Machine)
            }
            Provider::DockerDesktop | Provider::Existing => Self::Nowhere,
        }
    }

    /// The node in words.
    pub(super) fn called(&self) -> String {
        match self {
            Self::Container(name) => format!("in the container `{name}`"),
            Self::Machine(destination) => format!("on `{destination}`"),
            Self::Nowhere => "there is no way onto the node that mlup knows".to_owned(),
        }
    }

    /// What comes of connections from the node to these, in their order.
    pub(super) async fn reach(&self, ctx: &StepCtx, targets: &[(String, u16)]) -> Vec<Reach> {
        let lines: Vec<String> =
            targets.iter().map(|(host, port)| format!("{} {port}", bracketed(host))).collect();
        let lines = lines.join("\n");
        let printed = match self {
            Self::Nowhere => None,
            Self::Container(name) => in_container(ctx, name, lines).await,
            Self::Machine(destination) => on_machine(ctx, destination, lines).await,
        };
        read(&printed.unwrap_or_default(), targets.len())
    }
}

async fn in_container(ctx: &StepCtx, name: &str, targets: String) -> Option<String> {
    let script = format!("targets=$1\n{REACH}");
    let command = ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned(), targets];
    let ran = ctx.in_time("try from the node", container::exec(ctx, name, &command, None)).await;
    ran.ok().filter(|output| output.code == 0).map(|output| output.stdout)
}

async fn on_machine(ctx: &StepCtx, destination: &Destination, targets: String) -> Option<String> {
    let script = Script::new("try from the node", REACH).with("targets", targets);
    let ran = Ssh::new(destination, &ctx.workbench()).script(&script).await;
    ran.ok().filter(crate::host::cmd::Output::success).map(|output| output.stdout)
}

/// The last word of each line; what is missing is not known.
fn read(printed: &str, count: usize) -> Vec<Reach> {
    let words = printed.lines().filter_map(|line| line.split_whitespace().last());
    let known = words.map(Reach::parse);
    known.chain(std::iter::repeat(Reach::Unknown)).take(count).collect()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::host::Runner;
    use crate::host::cmd::Cmd;
    use crate::host::process::ProcessRunner;
    use tokio_util::sync::CancellationToken;

    #[test]
    fn what_was_not_printed_is_not_known() {
        let printed = "127.0.0.1 30800 refused\n10.0.0.7 30800 open\n";
        assert_eq!(read(printed, 3), [Reach::Refused, Reach::Open, Reach::Unknown]);
        assert_eq!(read("", 1), [Reach::Unknown]);
        assert_eq!(read("sh: not found\n", 1), [Reach::Unknown]);
    }

    /// Runs the script here, where only these tools are on PATH.
    async fn reached_with(tools: &[&str], targets: &str) -> Vec<Reach> {
        let folder = tempfile::tempdir().unwrap();
        for tool in tools {
            let real = which::which(tool).unwrap_or_else(|error| panic!("{tool}: {error}"));
            std::os::unix::fs::symlink(real, folder.path().join(tool)).unwrap();
        }
        let path = folder.path().display().to_string();
        let env = [("PATH".to_owned(), path)].into();
        let runner = ProcessRunner::new(std::sync::Arc::new(env), CancellationToken::new());
        let script = format!("set -eu\ntargets=$1\n{REACH}");
        let cmd = Cmd::new("/bin/sh").args(["-c", &script, "sh", targets]);
        let output = runner.run(cmd, CancellationToken::new()).await.unwrap();
        assert!(output.success(), "{output:?}");
        read(&output.stdout, targets.lines().count())
    }

    #[tokio::test]
    async fn each_tool_tells_an_open_port_from_a_closed_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().port();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let targets = format!("127.0.0.1 {open}\n127.0.0.1 {closed}");
        let curl = which::which("curl").is_ok().then_some(["curl", "sh"]);
        for tools in curl.into_iter().chain([["bash", "timeout"]]) {
            let reached = reached_with(&tools, &targets).await;
            assert_eq!(reached, [Reach::Open, Reach::Refused], "{tools:?}");
        }
        assert_eq!(reached_with(&[], &targets).await, [Reach::Unknown, Reach::Unknown]);
    }
}
