//! The real Docker Engine, through the `docker` command: what the stand-ins make, look at and
//! remove there.

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the node containers run: an image list that `crictl` prints, and nothing else.
const NODE: &str = "printf '#!/bin/sh\\n[ \"$1\" = images ] || exit 97\\ncat /images.json\\n' > /bin/crictl; \
    chmod +x /bin/crictl; [ -e /images.json ] || echo '{\"images\":[]}' > /images.json; \
    exec tail -f /dev/null";

/// What `docker` said when it failed.
pub(crate) type Refusal = String;

/// A container to be made.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) network: String,
    pub(crate) ip: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) env: Vec<String>,
    pub(crate) volume: Option<String>,
    pub(crate) ports: Vec<String>,
    pub(crate) restart: bool,
}

/// Runs `docker` and gives its standard output, trimmed.
pub(crate) fn docker<S: AsRef<str>>(args: &[S]) -> Result<String, Refusal> {
    let output = Command::new("docker").args(args.iter().map(AsRef::as_ref)).output();
    let output = output.map_err(|error| format!("docker: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// What the engine knows of a container, network or volume.
pub(crate) fn inspect(kind: &str, name: &str) -> Option<Value> {
    let text = docker(&[kind, "inspect", name]).ok()?;
    let found: Vec<Value> = serde_json::from_str(&text).ok()?;
    found.into_iter().next()
}

/// A container's state: `running`, `exited`, `paused`; none when it is not there.
pub(crate) fn state(container: &str) -> Option<String> {
    Some(inspect("container", container)?["State"]["Status"].as_str()?.to_owned())
}

/// A container's first address.
pub(crate) fn address(container: &str) -> Option<String> {
    let found = inspect("container", container)?;
    let networks = found["NetworkSettings"]["Networks"].as_object()?.clone();
    let addresses = networks.values().filter_map(|network| network["IPAddress"].as_str());
    addresses.map(str::to_owned).find(|address| !address.is_empty())
}

/// Names of what carries a label.
pub(crate) fn labelled(kind: &str, label: &str) -> Result<Vec<String>, Refusal> {
    let filter = format!("label={label}");
    let format = if kind == "container" { "{{.Names}}" } else { "{{.Name}}" };
    let mut args = vec![kind, "ls", "--filter", &filter, "--format", format];
    if kind == "container" {
        args.push("--all");
    }
    Ok(docker(&args)?.lines().map(str::to_owned).collect())
}

/// Makes a bridge with a subnet that is free: the first of a row that begins at a place of the
/// name's own, so that tests side by side seldom meet.
pub(crate) fn create_network(name: &str, labels: &[(String, String)]) -> Result<String, Refusal> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let begin = hasher.finish() % 4096;
    let mut last = String::new();
    for step in 0..32 {
        let number = (begin + step * 9) % 4096;
        let prefix = format!("10.{}.{}", 232 + number / 256, number % 256);
        let (subnet, gateway) = (format!("{prefix}.0/24"), format!("{prefix}.1"));
        let mut args = strings(&["network", "create", "--driver=bridge", "--subnet", &subnet]);
        args.extend(strings(&["--gateway", &gateway]));
        args.extend(label_args(labels));
        args.push(name.to_owned());
        match docker(&args) {
            Err(refusal) if refusal.contains("overlaps") => last = refusal,
            done => return done,
        }
    }
    Err(last)
}

/// The gateway of a network, where it has one.
pub(crate) fn gateway(network: &str) -> Option<String> {
    let found = inspect("network", network)?;
    Some(found["IPAM"]["Config"][0]["Gateway"].as_str()?.to_owned()).filter(|it| !it.is_empty())
}

/// The address that lies this far above another one.
pub(crate) fn above(address: &str, by: u32) -> Option<String> {
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    Some(std::net::Ipv4Addr::from(u32::from(address) + by).to_string())
}

/// Makes a container and leaves it unstarted.
pub(crate) fn create(node: &Node) -> Result<String, Refusal> {
    let mut args = strings(&["create", "--name", &node.name, "--hostname", &node.name]);
    args.extend(strings(&["--network", &node.network, "--stop-signal", "SIGKILL"]));
    args.extend(label_args(&node.labels));
    for (flag, values) in [("--env", &node.env), ("--publish", &node.ports)] {
        args.extend(values.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    if let Some(ip) = &node.ip {
        args.extend(strings(&["--ip", ip]));
    }
    if let Some(volume) = &node.volume {
        args.extend(["--volume".to_owned(), volume.clone()]);
    }
    if node.restart {
        args.push("--restart=unless-stopped".to_owned());
    }
    args.extend(strings(&[&node.image, "sh", "-c", NODE]));
    docker(&args)
}

/// The references on a node.
pub(crate) fn images(node: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(&docker(&["exec", node, "crictl", "images", "-o", "json"])?)?)
}

/// Puts a list of images on a node.
pub(crate) fn set_images(node: &str, images: &Value) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("docker");
    command.args(["exec", "--interactive", node, "sh", "-c", "cat > /images.json"]);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(images.to_string().as_bytes())?;
    }
    if child.wait()?.success() { Ok(()) } else { Err("the node takes no images".into()) }
}

/// Adds images of this machine to a node's list.
pub(crate) fn add_images(node: &str, references: &[String]) -> Result<(), Box<dyn Error>> {
    let mut images = images(node)?;
    for reference in references {
        let id = docker(&["image", "inspect", "--format", "{{.Id}}", reference])?;
        let first = reference.split('/').next().unwrap_or_default();
        let is_full = reference.contains('/') && first.contains(['.', ':']);
        let full = match reference.contains('/') {
            _ if is_full => reference.clone(),
            true => format!("docker.io/{reference}"),
            false => format!("docker.io/library/{reference}"),
        };
        let image = serde_json::json!({
            "id": id, "repoTags": [full], "repoDigests": [], "size": "1048576", "uid": null,
            "username": "", "spec": null, "pinned": false,
        });
        if let Some(list) = images["images"].as_array_mut() {
            // A tag is on one image at a time.
            for other in list.iter_mut() {
                if let Some(tags) = other["repoTags"].as_array_mut() {
                    tags.retain(|tag| *tag != full.as_str());
                }
            }
            list.push(image);
        }
    }
    set_images(node, &images)
}

fn label_args(labels: &[(String, String)]) -> Vec<String> {
    labels
        .iter()
        .flat_map(|(key, value)| ["--label".to_owned(), format!("{key}={value}")])
        .collect()
}

/// Owned copies of words.
pub(crate) fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
