//! What is in a stand-in cluster: its nodes, what an earlier server of its container left, and who
//! writes down what comes.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{ApiNode, Serving};
use crate::kube::{Asked, Controller, NODES, Witness, World};
use crate::{calls, pods};

/// The world of a server.
pub(crate) fn world(serving: &Serving) -> World {
    let file = serving.folder.join(format!("objects-{}.json", serving.container));
    let left = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let mut world = World::new();
    world.accept_only(&serving.token);
    world.kubernetes(&serving.version);
    if let Some(left) = left {
        world.load(&left);
    } else {
        for name in ["default", "kube-system"] {
            world.namespace(name);
        }
        let first = serving.nodes.first().map(|node| node.name.as_str());
        world.store(pods::storage_class(first.unwrap_or_default()));
    }
    world.witness(Box::new(Scribe { folder: serving.folder.clone() }));
    let (all, version) = (serving.nodes.clone(), serving.version.clone());
    let ready = Instant::now() + Duration::from_millis(serving.ready_ms);
    world.controller(Box::new(Nodes { all, version, ready, told: None }));
    pods::simulate(&mut world, &serving.folder);
    world.controller(Box::new(Keeper { file, kept: Value::Null }));
    world
}

/// Writes calls down beside the stand-ins: writes, and what the server does not know.
struct Scribe {
    folder: PathBuf,
}

impl Scribe {
    fn note(&self, tool: &str, asked: &Asked, rule: &Value) {
        let path = asked.target.split('?').next().unwrap_or_default();
        let call = json!({
            "tool": tool, "command": asked.method, "argv": [asked.method, path], "stdin": "",
            "cwd": "/", "pid": std::process::id(), "rule": rule, "grandchild": null,
        });
        let _ = calls::append(&self.folder, &call);
    }
}

impl Witness for Scribe {
    fn asked(&mut self, asked: &Asked) {
        if asked.is_write {
            self.note("kubernetes-writes", asked, &json!(0));
        }
    }

    fn unknown(&mut self, asked: &Asked) {
        self.note("kubernetes-api", asked, &Value::Null);
    }
}

/// Keeps the objects for the next server of the container.
struct Keeper {
    file: PathBuf,
    kept: Value,
}

impl Controller for Keeper {
    fn turn(&mut self, world: &mut World) -> Option<Duration> {
        let dump = world.dump();
        if dump["version"] == self.kept {
            return None;
        }
        self.kept = dump["version"].clone();
        // In one piece: a test may read meanwhile.
        let draft = self.file.with_extension("draft");
        if fs::write(&draft, dump.to_string()).is_ok() {
            let _ = fs::rename(&draft, &self.file);
        }
        None
    }
}

/// The nodes, which take work after a while.
struct Nodes {
    all: Vec<ApiNode>,
    version: String,
    ready: Instant,
    /// Whether they were said to be ready, if anything was said.
    told: Option<bool>,
}

impl Controller for Nodes {
    fn turn(&mut self, world: &mut World) -> Option<Duration> {
        let left = self.ready.checked_duration_since(Instant::now()).filter(|it| !it.is_zero());
        let is_ready = left.is_none();
        if self.told != Some(is_ready) {
            self.told = Some(is_ready);
            for own in &self.all {
                world.put(NODES, &own.name, node(own, &self.version, is_ready));
            }
        }
        left
    }
}

/// A node as the API shows it.
fn node(node: &ApiNode, version: &str, is_ready: bool) -> Value {
    let (status, cause, message) = if is_ready {
        ("True", "KubeletReady", "kubelet is posting ready status")
    } else {
        (
            "False",
            "KubeletNotReady",
            "container runtime network not ready: cni plugin not initialized",
        )
    };
    let mut labels = json!({"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"});
    if node.is_control_plane {
        labels["node-role.kubernetes.io/control-plane"] = json!("");
    }
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {
            "name": node.name, "uid": format!("uid-{}", node.name), "labels": labels,
                        "creationTimestamp": "2026-11-21T10:00:00Z",
        },
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": node.address},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": { "cpu": "2", "memory": "3993600Ki", "pods": "110" },
            "allocatable": { "cpu": "2", "memory": "3993600Ki", "pods": "110" },
            "conditions": [{
                "type": "Ready", "status": status, "reason": cause, "message": message,
                "lastHeartbeatTime": "2026-11-21T10:00:00Z",
                "lastTransitionTime": "2026-11-21T10:00:00Z",
            }],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "b", "containerRuntimeVersion": "docker://28.0.0",
                "kernelVersion": "6.1.0", "kubeProxyVersion": "", "machineID": "m",
                "kubeletVersion": version, "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "s",
            },
        },
    })
}
