//! A place with a cluster tool that acts on the real engine: a sandbox, a name for everything on
//! the engine, and a script of what goes wrong.

use std::path::PathBuf;

use serde_json::Value;

use super::docker::busybox;
use super::document::copy_example;
use super::script::{Answer, Fault, Script};
use super::stack::docker;
use super::{DockerGuard, IMAGE, Sandbox};

/// How `recover` reads in tests: enough attempts, and next to no waiting.
pub(crate) const RECOVER: &str =
    "recover = { attempts = 6, backoff = \"1ms..2ms\", purge = \"profile\" }\n";

/// A sandbox whose `mlup.toml` wants a cluster under a name of its own.
pub(crate) struct ClusterSite {
    /// Where mlup runs. Goes first: nothing runs in it any more when the guard cleans up.
    pub(crate) sandbox: Sandbox,
    /// What Docker objects are named.
    pub(crate) guard: DockerGuard,
    tool: &'static str,
    script: Script,
}

impl ClusterSite {
    /// A minikube profile; `more` goes on with the `[cluster]` table, and tables may follow. `NAME`
    /// stands for the name, `IMAGE` for the test image.
    pub(crate) fn minikube(more: &str) -> Self {
        Self::new("minikube", more)
    }

    /// The same of k3d.
    pub(crate) fn k3d(more: &str) -> Self {
        Self::new("k3d", more)
    }

    /// A copy of one of the examples, with a busybox for its images.
    pub(crate) fn example(tool: &'static str, example: &str) -> Self {
        let site = Self::bare(tool);
        copy_example(example, &site.sandbox);
        let image = site.sandbox.project().join("image");
        if image.is_dir() {
            std::fs::copy(busybox(), image.join("busybox")).unwrap();
        }
        site
    }

    fn new(tool: &'static str, more: &str) -> Self {
        let site = Self::bare(tool);
        site.config(more);
        site
    }

    fn bare(tool: &'static str) -> Self {
        let guard = DockerGuard::new();
        let script = Script {
            family: guard.name().to_owned(),
            image: IMAGE.to_owned(),
            ..Script::default()
        };
        let sandbox = Sandbox::new().real_docker().cluster_tool(tool);
        let site = Self { sandbox, guard, tool, script };
        site.tell();
        site
    }

    /// Writes `mlup.toml` again.
    pub(crate) fn config(&self, more: &str) {
        let head = "name = \"NAME\"\n[cluster]\nname = \"NAME\"\n";
        let provider = format!("provider = \"{}\"\n", self.tool);
        self.sandbox.write("mlup.toml", &self.fill(&format!("{head}{provider}{more}")));
    }

    /// Writes a file of the project, names filled in.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.sandbox.write(path, &self.fill(text));
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.sandbox = self.sandbox.env(name, value);
        self
    }

    /// Changes the script.
    pub(crate) fn script(mut self, change: impl FnOnce(&mut Script)) -> Self {
        self.rescript(change);
        self
    }

    /// Changes the script of a site that is in use.
    pub(crate) fn rescript(&mut self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script);
        self.tell();
    }

    /// Adds a fault of a command.
    pub(crate) fn fault(self, command: &str, fault: Fault) -> Self {
        let fault = Fault { command: command.to_owned(), ..fault };
        self.script(|script| script.faults.push(fault))
    }

    /// The name of the cluster, and the beginning of all other names.
    pub(crate) fn name(&self) -> &str {
        self.guard.name()
    }

    /// The container of the first node.
    pub(crate) fn node(&self) -> String {
        match self.tool {
            "k3d" => format!("k3d-{}-server-0", self.name()),
            _ => self.name().to_owned(),
        }
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.sandbox.root().join("home")
    }

    /// The kubeconfig of the user.
    pub(crate) fn kubeconfig(&self) -> String {
        std::fs::read_to_string(self.home().join(".kube/config")).unwrap_or_default()
    }

    /// The objects of a kind that are in the cluster.
    pub(crate) fn objects(&self, kind: &str) -> Vec<Value> {
        let folder = std::fs::read_dir(self.sandbox.root().join("bin")).unwrap();
        let mut files = folder.map(|entry| entry.unwrap().path()).filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.strip_prefix("objects-").is_some_and(|rest| rest.strip_suffix(".json").is_some())
        });
        let Some(file) = files.next() else { return Vec::new() };
        let all: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let objects = all["objects"].as_array().unwrap();
        objects.iter().filter(|object| object["kind"] == kind).cloned().collect()
    }

    /// An object of the cluster.
    pub(crate) fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        self.objects(kind).into_iter().find(|object| {
            let metadata = &object["metadata"];
            metadata["namespace"] == namespace && metadata["name"] == name
        })
    }

    /// A secret of the cluster.
    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Option<Value> {
        self.object("Secret", namespace, name)
    }

    /// The commands that the cluster tool was called with, in order, those that only look left out.
    pub(crate) fn changes(&self) -> Vec<String> {
        let looks = [
            "status",
            "profile list",
            "version",
            "ip",
            "image ls",
            "cluster list",
            "cluster get",
            "node list",
            "kubeconfig get",
        ];
        let commands = self.sandbox.calls(self.tool).into_iter().filter_map(|call| call.command);
        commands.filter(|command| !looks.contains(&command.as_str())).collect()
    }

    /// Makes the cluster by its tool, as a person would have done it before.
    #[track_caller]
    pub(crate) fn made_by_hand(&self) {
        let name = self.name();
        let args: &[&str] = match self.tool {
            "k3d" => &["cluster", "create", name, "--api-port", "127.0.0.1:0"],
            _ => &["start", "-p", name, "--driver=docker"],
        };
        self.sandbox.spawn_tool(self.tool, args).wait().exits(0);
    }

    /// Whether an API was ever started for the cluster.
    pub(crate) fn serves(&self) -> bool {
        self.sandbox.root().join("bin/fake-cluster.pids").exists()
    }

    /// Stops the nodes, and the API with them.
    pub(crate) fn halt(&self) {
        match self.tool {
            "k3d" => {
                self.sandbox.spawn_tool("k3d", &["cluster", "stop", self.name()]).wait().exits(0);
            }
            _ => {
                docker(&["stop", self.name()]).unwrap();
            }
        }
    }

    /// Runs a foreign container that holds this address of the cluster's network; its name.
    #[track_caller]
    pub(crate) fn squatter(&self, address: &str) -> String {
        let name = format!("{}-squatter", self.name());
        let place = ["--name", &name, "--net", self.name(), "--ip", address];
        docker(&[&["run", "-d"][..], &place, &[IMAGE, "sleep", "600"]].concat()).unwrap();
        name
    }

    fn fill(&self, text: &str) -> String {
        text.replace("IMAGE", IMAGE).replace("NAME", self.guard.name())
    }

    fn tell(&self) {
        let json = serde_json::to_string_pretty(&self.script).unwrap();
        std::fs::write(self.sandbox.root().join("bin/fake-cluster.json"), json).unwrap();
    }
}

/// What the engine says about a container, by a Go template; none where it is not there.
pub(crate) fn inspect(container: &str, format: &str) -> Option<String> {
    let text = docker(&["container", "inspect", "--format", format, container])?;
    Some(text.trim().to_owned())
}

/// A fault that answers instead of working.
pub(crate) fn answers(stdout: &str, stderr: &str, exit: u8) -> Fault {
    let answer = Answer { stdout: stdout.to_owned(), stderr: stderr.to_owned(), exit };
    Fault { answer: Some(answer), ..Fault::default() }
}

/// The line that minikube ends with when it fails.
pub(crate) fn minikube_error(reason: &str, exit: u8, message: &str) -> String {
    let event = serde_json::json!({
        "specversion": "1.0", "id": "0", "source": "https://minikube.sigs.k8s.io/",
        "type": "io.k8s.sigs.minikube.error", "datacontenttype": "application/json",
        "data": {"advice": "", "exitcode": exit.to_string(), "issues": "", "message": message,
            "name": reason, "url": ""},
    });
    format!("{event}\n")
}

/// A fault that fails as minikube does.
pub(crate) fn minikube_fails(reason: &str, exit: u8, message: &str) -> Fault {
    answers(&minikube_error(reason, exit, message), "", exit)
}
