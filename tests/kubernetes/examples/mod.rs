//! The examples on clusters that somebody else runs, as their users start them: the fake API with
//! controllers behind it, stand-ins of the tools that give passwords, and the real helm.

mod desktop;
mod drift_detector;
mod flts;
mod iris;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::document::copy_example;
use crate::support::kube::controllers::settings::Settings;
use crate::support::kube::{NODES, World};
use crate::support::kubernetes::Kubernetes;

/// Kinds of what an example makes and what the cluster makes of it.
const KINDS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "Job",
    "Pod",
    "Service",
    "EndpointSlice",
    "Secret",
    "ConfigMap",
];

/// A copy of an example on a simulated cluster, whose load balancers are at this machine.
fn site(example: &str, private: &str, user: &str, password: &str) -> Kubernetes {
    let site = Kubernetes::fake().env("KUBE_CONTEXT", "test");
    copy_example(example, &site.sandbox);
    let mut settings =
        Settings { balancer: Some(Ipv4Addr::LOCALHOST.into()), ..Settings::default() };
    settings.pace.balancer_after = Some(Duration::from_millis(20));
    let account = (user.to_owned(), password.to_owned());
    settings.images.private.insert(private.to_owned(), account);
    site.fake_api().unwrap().change(|world| {
        real_node(world);
        world.simulate(settings);
    });
    site
}

/// Gives the node what the kubelet of a small real one tells.
fn real_node(world: &mut World) {
    let mut node = world.get(&format!("{NODES}/node-0")).unwrap();
    node["metadata"]["labels"]["kubernetes.io/arch"] = "amd64".into();
    node["status"]["allocatable"] = json!({ "cpu": "2", "memory": "7Gi", "pods": "110" });
    world.put(NODES, "node-0", node);
}

/// What is there of these kinds and is not the cluster's own.
fn there(site: &Kubernetes) -> Vec<String> {
    let of_kind = |world: &World, kind: &str| {
        let objects = world.objects(kind).into_iter();
        let names = objects.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned());
        let own = names.filter(|name| !["kubernetes", "kube-root-ca.crt"].contains(&name.as_str()));
        own.map(|name| format!("{kind} {name}")).collect::<Vec<_>>()
    };
    let all = |world: &mut World| KINDS.iter().flat_map(|kind| of_kind(world, kind)).collect();
    site.fake_api().unwrap().change(all)
}

/// Fails unless everything of these kinds goes away.
#[track_caller]
fn goes_away(site: &Kubernetes) {
    let is_empty = |world: &World| {
        let mut objects = KINDS.iter().flat_map(|kind| world.objects(kind));
        objects.all(|object| {
            ["kubernetes", "kube-root-ca.crt"].iter().any(|own| object["metadata"]["name"] == *own)
        })
    };
    let is_gone = site.fake_api().unwrap().until(Duration::from_secs(10), is_empty);
    assert!(is_gone, "left: {:#?}", there(site));
}

/// A port of this machine that answers with the status and the text for a request line, and tells
/// the test which bodies came.
fn answering(
    answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static,
) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // One that goes away in between has its reasons.
            let _ = converse(&stream, &answer, &tell);
        }
    });
    (port, told)
}

fn converse(
    mut stream: &TcpStream,
    answer: &impl Fn(&str) -> (u16, &'static str),
    tell: &Sender<String>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(given) = line.to_lowercase().strip_prefix("content-length:") {
            length = given.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let _ = tell.send(String::from_utf8_lossy(&body).into_owned());
    let (status, text) = answer(first.trim_end());
    let body = if first.starts_with("HEAD ") { "" } else { text };
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// Puts the real helm on PATH, behind a script that writes down what it is called with.
pub(super) fn recorded_helm(sandbox: Sandbox) -> Sandbox {
    let calls = sandbox.root().join("bin/helm.calls").display().to_string();
    let record = format!("printf '%s ' \"$@\" >> '{calls}'\necho >> '{calls}'\n");
    behind(sandbox.real_tool("helm"), "helm", &record)
}

/// Puts lines of a shell script before a tool that is on PATH.
fn behind(sandbox: Sandbox, tool: &str, lines: &str) -> Sandbox {
    let path = sandbox.root().join("bin").join(tool);
    let real = fs::canonicalize(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let script = format!("#!/bin/sh\n{lines}exec '{}' \"$@\"\n", real.display());
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox
}

/// The command lines of helm so far.
pub(super) fn helm_calls(site: &Kubernetes) -> Vec<String> {
    let text = fs::read_to_string(site.sandbox.root().join("bin/helm.calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
