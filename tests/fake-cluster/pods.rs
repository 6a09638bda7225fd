//! What runs in a stand-in cluster: as the test's script says, from the images that its nodes have.
//! A script that is written anew counts from the next change on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::engine;
use crate::kube::controllers::Simulation;
use crate::kube::controllers::settings::{Held, OnNode, Settings};
use crate::kube::{Controller, World};
use crate::script::Script;

/// How long it counts what a node said that it has.
const KNOWN: Duration = Duration::from_millis(200);

/// Puts controllers and kubelets behind an API.
pub(crate) fn simulate(world: &mut World, folder: &Path) {
    let file = folder.join("fake-cluster.json");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let simulation = world.simulate(settings(&text));
    world.controller(Box::new(Reader { file, text, simulation }));
}

/// The storage class that a tool brings along.
pub(crate) fn storage_class(node: &str) -> Value {
    let (name, provisioner, mode) = if node.starts_with("k3d-") {
        ("local-path", "rancher.io/local-path", "WaitForFirstConsumer")
    } else {
        ("standard", "k8s.io/minikube-hostpath", "Immediate")
    };
    json!({
        "kind": "StorageClass", "apiVersion": "storage.k8s.io/v1",
        "metadata": { "name": name,
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
        "provisioner": provisioner, "reclaimPolicy": "Delete", "volumeBindingMode": mode,
    })
}

fn settings(text: &str) -> Settings {
    let script: Script = serde_json::from_str(text).unwrap_or_default();
    let mut settings = script.simulation;
    settings.images.asked = Some(on_node());
    settings
}

/// Asks nodes for their images, not each time.
fn on_node() -> OnNode {
    let known: Mutex<BTreeMap<String, (Instant, Vec<Held>)>> = Mutex::default();
    OnNode(Arc::new(move |node| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, images)) = known.get(node).filter(|(when, _)| when.elapsed() < KNOWN) {
            return images.clone();
        }
        let listed = engine::images(node).unwrap_or_default();
        let all = listed["images"].as_array().into_iter().flatten();
        let of = |image: &Value| {
            let id = image["id"].as_str().unwrap_or_default().to_owned();
            let tags = image["repoTags"].as_array().cloned().unwrap_or_default().into_iter();
            let names = tags.filter_map(|tag| tag.as_str().map(str::to_owned));
            names.map(|name| Held { name, id: id.clone() }).collect::<Vec<_>>()
        };
        let images: Vec<Held> = all.flat_map(of).collect();
        known.insert(node.to_owned(), (Instant::now(), images.clone()));
        images
    }))
}

/// Reads the script again when it is another one.
struct Reader {
    file: PathBuf,
    text: String,
    simulation: Simulation,
}

impl Controller for Reader {
    fn turn(&mut self, _: &mut World) -> Option<Duration> {
        let text = fs::read_to_string(&self.file).ok().filter(|text| *text != self.text)?;
        self.simulation.change(|own| *own = settings(&text));
        self.text = text;
        // Those who went before may have to go again.
        Some(Duration::ZERO)
    }
}
