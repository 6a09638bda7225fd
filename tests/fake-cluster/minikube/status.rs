//! What minikube says about profiles: `status` and `profile list`.

use std::io::Write;

use serde_json::{Value, json};

use super::home::{Home, Profile};
use super::voice::{Voice, print};
use crate::flags::Flags;
use crate::{Call, Ended, engine, kubeconfig};

/// The four words about a node.
struct Node {
    host: &'static str,
    kubelet: &'static str,
    api: &'static str,
    kubeconfig: &'static str,
}

impl Node {
    const fn all(word: &'static str) -> Self {
        Self { host: word, kubelet: word, api: word, kubeconfig: word }
    }

    fn exit_code(&self) -> u8 {
        let is_api_wrong = !matches!(self.api, "Running" | "Irrelevant");
        u8::from(self.host != "Running")
            + 2 * u8::from(self.kubelet != "Running" || is_api_wrong)
            + 4 * u8::from(!matches!(self.kubeconfig, "Configured" | "Irrelevant"))
    }
}

/// `minikube status`, for one node with `-n` or for all.
pub(crate) fn run(flags: &Flags, profile: &Profile, voice: &Voice) -> Ended {
    match profile.config() {
        Ok(Some(_)) => {}
        Ok(None) => return voice.profile_not_found(&profile.name),
        Err(error) => return voice.exit("HOST_CONFIG_LOAD", 38, &error.to_string()),
    }
    let node = seen(profile);
    let is_unknown = matches!(node.host, "Nonexistent" | "Error");
    if is_unknown {
        let name = &profile.name;
        writeln!(
            std::io::stderr(),
            "E1121 10:00:00.000000    4242 status.go:119] status error: host: state: unknown state \
             \"{name}\": docker container inspect {name} --format={{{{.State.Status}}}}: exit status 1\n\
             stdout:\n\n\nstderr:\nError response from daemon: No such container: {name}"
        )?;
    }
    let document = json!({
        "Name": profile.name, "Host": node.host, "Kubelet": node.kubelet, "APIServer": node.api,
        "Kubeconfig": node.kubeconfig, "Worker": false,
    });
    // Without a node, the list form loses what it could not find out, and its exit code with it.
    let is_list = flags.get("node").is_none();
    let minor: u32 = voice.version.split('.').nth(1).and_then(|n| n.parse().ok()).unwrap_or(38);
    if is_list && is_unknown && minor >= 35 {
        print("null")?;
        return Ok(if minor >= 38 { 7 } else { 0 });
    }
    if voice.is_json {
        print(&document.to_string())?;
    } else {
        print(&format!("{}\nhost: {}\n", profile.name, node.host))?;
    }
    Ok(node.exit_code())
}

fn seen(profile: &Profile) -> Node {
    let Some(container) = engine::inspect("container", &profile.name) else {
        return Node::all("Nonexistent");
    };
    match container["State"]["Status"].as_str().unwrap_or_default() {
        "running" => {}
        "paused" => return Node::all("Paused"),
        "exited" => return Node::all("Stopped"),
        _ => return Node::all("Nonexistent"),
    }
    let networks =
        container["NetworkSettings"]["Networks"].as_object().map_or(0, serde_json::Map::len);
    let Some(machine) = profile.machine().filter(|_| networks == 1) else {
        return Node::all("Error");
    };
    if machine["Paused"] == true {
        return Node { kubelet: "Stopped", api: "Paused", ..Node::all("Running") }
            .configured(profile);
    }
    Node::all("Running").configured(profile)
}

impl Node {
    fn configured(self, profile: &Profile) -> Self {
        let file = kubeconfig::default_file().ok();
        let server = file.and_then(|file| kubeconfig::server(&file, &profile.name));
        let wanted = profile.kubeconfig_entry().map(|entry| entry.server);
        let is_right = server.is_some() && server == wanted;
        Self { kubeconfig: if is_right { "Configured" } else { "Misconfigured" }, ..self }
    }
}

/// `minikube profile list -o json`.
pub(crate) fn list(call: &Call, home: &Home) -> Ended {
    let (mut valid, mut invalid): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for profile in home.profiles() {
        match profile.config() {
            Ok(Some(config)) => {
                let status = match seen(&profile).host {
                    "Running" => "OK",
                    "Nonexistent" | "Error" => "",
                    word => word,
                };
                valid.push(json!({"Name": profile.name, "Status": status, "Config": config,
                    "Active": false, "ActiveKubeContext": false}));
            }
            _ => invalid.push(json!({"Name": profile.name, "Status": "", "Config": null,
                "Active": false, "ActiveKubeContext": false})),
        }
    }
    for container in engine::labelled("container", "created_by.minikube.sigs.k8s.io=true")? {
        let is_known = home.profile(&container).folder().exists() || !call.is_family(&container);
        if !is_known {
            invalid.push(json!({"Name": container, "Status": "", "Config": null,
                "Active": false, "ActiveKubeContext": false}));
        }
    }
    print(&json!({"invalid": invalid, "valid": valid}).to_string())?;
    Ok(0)
}
