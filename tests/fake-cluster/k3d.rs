//! What k3d does and prints, after recordings of the real one. Creation is in `create`, what is
//! there in `list`.

mod create;
mod list;
mod log;

use std::error::Error;

use serde_json::{Value, json};

use crate::flags::{Flags, Grammar, parse};
use crate::kubeconfig::{self, Entry};
use crate::{Answer, Call, Ended, engine, say};
use log::{fatal, info, warning};

/// The commands that the stand-in knows.
pub(crate) const COMMANDS: [&str; 14] = [
    "cluster create",
    "cluster start",
    "cluster stop",
    "cluster delete",
    "cluster list",
    "cluster get",
    "cluster edit",
    "kubeconfig get",
    "kubeconfig merge",
    "kubeconfig write",
    "image import",
    "node list",
    "version",
    "cluster ls",
];

/// Flags of everything but a creation.
const GENERAL: Grammar = Grammar {
    values: &["output", "timeout", "cluster", "mode", "port-add", "port-delete"],
    switches: &[
        "all",
        "wait",
        "no-headers",
        "token",
        "kubeconfig-merge-default",
        "kubeconfig-switch-context",
        "overwrite",
        "update",
        "keep-tarball",
        "keep-tools",
        "verbose",
        "trace",
        "timestamps",
    ],
    letters: &[
        ('o', "output"),
        ('c', "cluster"),
        ('m', "mode"),
        ('a', "all"),
        ('d', "kubeconfig-merge-default"),
        ('s', "kubeconfig-switch-context"),
        ('u', "update"),
    ],
};

/// Answers a call.
pub(crate) fn run(call: &mut Call) -> Ended {
    let words = call.command.split(' ').count();
    let grammar = if call.command == "cluster create" { &create::GRAMMAR } else { &GENERAL };
    let flags = match parse(grammar, &call.argv[words..]) {
        Ok(flags) => flags,
        Err(message) => {
            let usage =
                format!("Error: {message}\nUsage:\n  k3d {} NAME [flags]\n\n", call.command);
            say(&Answer { stderr: usage, exit: 1, ..Answer::default() })?;
            return fatal(&message);
        }
    };
    let name = match call.command.as_str() {
        "image import" => flags.get("cluster").map(str::to_owned),
        _ => flags.operands.first().cloned(),
    };
    let name = name.unwrap_or_else(|| "k3s-default".to_owned());
    let nodes = || list::containers(&name).unwrap_or_default();
    call.relieve(false, nodes().is_empty());
    if call.command != "cluster create" {
        call.hang();
        std::thread::sleep(call.own_duration());
    }
    if let Some(code) = call.scripted(false, &nodes())? {
        return Ok(code);
    }
    let ended = match call.command.as_str() {
        "version" => version(call, &flags),
        "cluster create" => create::run(call, &flags, &name),
        "cluster start" => start(call, &name),
        "cluster stop" => stop(&name),
        "cluster delete" if flags.is_on("all", false) => {
            for name in list::names(call)? {
                delete(&name)?;
            }
            Ok(0)
        }
        "cluster delete" => delete(&name),
        "cluster list" | "cluster ls" | "cluster get" => list::clusters(call, &flags),
        "cluster edit" => edit(call, &flags, &name),
        "node list" => list::nodes(call),
        "image import" => import(call, &flags, &name),
        "kubeconfig get" => kubeconfig_get(&name),
        _ => kubeconfig_merge(&flags, &name),
    };
    call.scripted(true, &nodes())?.map_or(ended, Ok)
}

fn version(call: &Call, flags: &Flags) -> Ended {
    let k3d = call.script.k3d.clone().unwrap_or_else(|| "v5.9.0".to_owned());
    let text = match flags.get("output") {
        Some("json") => format!("{}\n", json!({"k3d": k3d, "k3s": "v1.33.5-k3s1"})),
        _ => format!("k3d version {k3d}\nk3s version v1.33.5-k3s1 (default)\n"),
    };
    say(&Answer { stdout: text, ..Answer::default() })?;
    Ok(0)
}

/// Starts what is there; one that runs is left alone.
fn start(call: &Call, name: &str) -> Ended {
    let containers = list::containers(name)?;
    if containers.is_empty() {
        return fatal("No nodes found for given cluster");
    }
    info(&format!("Starting cluster '{name}'"))?;
    let server = format!("k3d-{name}-server-0");
    if engine::state(&server).as_deref() == Some("running") {
        info("All servers already running.")?;
    } else {
        info("Starting servers...")?;
        for container in containers.iter().filter(|container| !container.ends_with("-tools")) {
            info(&format!("Starting node '{container}'"))?;
            if let Err(refusal) = engine::docker(&["start", container]) {
                return fatal(&format!(
                    "Failed to start server {container}: runtime failed to start node '{container}': \
                     docker failed to start container for node '{container}': {refusal}"
                ));
            }
        }
        create::serve(call, name)?;
    }
    info("All helpers already running.")?;
    info(&format!("Started cluster '{name}'"))?;
    Ok(0)
}

fn stop(name: &str) -> Ended {
    let containers = list::containers(name)?;
    if containers.is_empty() {
        return fatal("No nodes found for given cluster");
    }
    info(&format!("Stopping cluster '{name}'"))?;
    for container in containers {
        engine::docker(&["stop", &container])?;
    }
    info(&format!("Stopped cluster '{name}'"))?;
    Ok(0)
}

/// Deletes the nodes, the network unless it was there before, the volume, and the entry.
fn delete(name: &str) -> Ended {
    let containers = list::containers(name)?;
    if containers.is_empty() {
        info(&format!("No nodes found for cluster '{name}', nothing to delete."))?;
        info("No clusters found")?;
        return Ok(0);
    }
    info(&format!("Deleting cluster '{name}'"))?;
    let labels = containers.first().and_then(|node| engine::inspect("container", node));
    let labels = labels.map(|node| node["Config"]["Labels"].clone()).unwrap_or_default();
    for container in &containers {
        engine::docker(&["rm", "--force", container])?;
    }
    let network = labels["k3d.cluster.network"].as_str().unwrap_or_default();
    if labels["k3d.cluster.network.external"] == "false" {
        info(&format!("Deleting cluster network '{network}'"))?;
        if let Err(refusal) = engine::docker(&["network", "rm", network]) {
            warning(&format!("Failed to delete cluster network '{network}': '{refusal}'"))?;
        }
    }
    info("Deleting 1 attached volumes...")?;
    let _ = engine::docker(&["volume", "rm", "--force", &format!("k3d-{name}-images")]);
    info("Removing cluster details from default kubeconfig...")?;
    kubeconfig::remove(
        &kubeconfig::default_file()?,
        &format!("k3d-{name}"),
        &format!("admin@k3d-{name}"),
    )?;
    info("Removing standalone kubeconfig file (if there is one)...")?;
    info(&format!("Successfully deleted cluster {name}!"))?;
    Ok(0)
}

/// `cluster edit --port-add`: the load balancer is made again with one port more.
fn edit(call: &Call, flags: &Flags, name: &str) -> Ended {
    let balancer = format!("k3d-{name}-serverlb");
    let Some(found) = engine::inspect("container", &balancer) else {
        let panic = "panic: runtime error: invalid memory address or nil pointer dereference\n\
            [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0xe529fd]\n\ngoroutine 1 [running]:\n";
        say(&Answer { stderr: panic.to_owned(), exit: 2, ..Answer::default() })?;
        return Ok(2);
    };
    let mut ports = create::published(&found);
    ports.extend(flags.all("port-add").iter().map(|spec| create::host_part(spec)));
    info(&format!("Renaming existing node {balancer} to {balancer}-old..."))?;
    info(&format!("Creating new node {balancer}..."))?;
    info(&format!("Stopping existing node {balancer}-old..."))?;
    engine::docker(&["rm", "--force", &balancer])?;
    info(&format!("Starting new node {balancer}..."))?;
    if let Err(refusal) = create::balancer_again(call, &found, &balancer, &ports) {
        return fatal(&format!("failed to replace node: {refusal}"));
    }
    info(&format!("Deleting old node {balancer}-old..."))?;
    info(&format!("Successfully updated {name}"))?;
    Ok(0)
}

fn import(call: &Call, flags: &Flags, name: &str) -> Ended {
    info(&format!("Importing image(s) into cluster '{name}'"))?;
    let (there, missing): (Vec<String>, Vec<String>) = flags
        .operands
        .iter()
        .cloned()
        .partition(|image| engine::docker(&["image", "inspect", image]).is_ok());
    for image in missing {
        warning(&format!(
            "Image '{image}' is not a file and couldn't be found in the container runtime"
        ))?;
    }
    if there.is_empty() {
        log::error(&format!(
            "Failed to import image(s) into cluster '{name}': no valid images specified"
        ))?;
        warning(
            "At least one error occured while trying to import the image(s) into the selected cluster(s)",
        )?;
        return Ok(1);
    }
    if !call.fault.as_ref().is_some_and(|fault| fault.lies) {
        for node in list::containers(name)?.iter().filter(|node| create::is_node(node)) {
            info(&format!("Importing images into node '{node}'..."))?;
            engine::add_images(node, &there)?;
        }
    }
    info("Successfully imported image(s)")?;
    info(&format!("Successfully imported {} image(s) into 1 cluster(s)", there.len()))?;
    Ok(0)
}

/// What leads to the cluster.
fn entry(name: &str) -> Result<Entry, Box<dyn Error>> {
    let server = engine::inspect("container", &format!("k3d-{name}-server-0"));
    let labels = server.ok_or("no server")?["Config"]["Labels"].clone();
    let text = |key: &str| labels[key].as_str().unwrap_or_default().to_owned();
    Ok(Entry {
        context: format!("k3d-{name}"),
        user: format!("admin@k3d-{name}"),
        server: format!("http://{}:{}", text("k3d.server.api.host"), text("k3d.server.api.port")),
        token: text("k3d.cluster.token"),
        provider: None,
    })
}

fn kubeconfig_get(name: &str) -> Ended {
    let Ok(entry) = entry(name) else {
        return fatal("No nodes found for given cluster");
    };
    let text = format!("---\n{}", kubeconfig::alone(&entry)?);
    say(&Answer { stdout: text, ..Answer::default() })?;
    Ok(0)
}

fn kubeconfig_merge(flags: &Flags, name: &str) -> Ended {
    let Ok(entry) = entry(name) else {
        return fatal("No nodes found for given cluster");
    };
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from).ok_or("no HOME")?;
    let file = match flags.get("output") {
        Some(file) => file.into(),
        None if flags.is_on("kubeconfig-merge-default", false) => kubeconfig::default_file()?,
        None => home.join(format!(".config/k3d/kubeconfig-{name}.yaml")),
    };
    kubeconfig::write(&file, &entry, flags.is_on("kubeconfig-switch-context", false))?;
    say(&Answer { stdout: format!("{}\n", file.display()), ..Answer::default() })?;
    Ok(0)
}

/// A value as text, whatever it is.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
