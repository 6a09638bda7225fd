//! `minikube start`: a profile, a network, a volume and a node that takes the first address after
//! the gateway, or what went wrong on the way.

use std::error::Error;
use std::thread::sleep;

use serde_json::{Value, json};

use super::home::{Home, Profile};
use super::voice::Voice;
use crate::api::{self, ApiNode, Serving};
use crate::engine::{self, Node};
use crate::flags::{Flags, Grammar};
use crate::{Call, Ended, kubeconfig};

/// The flags of a start.
pub(crate) const GRAMMAR: Grammar = Grammar {
    values: &[
        "profile",
        "output",
        "driver",
        "vm-driver",
        "container-runtime",
        "cpus",
        "memory",
        "disk-size",
        "kubernetes-version",
        "nodes",
        "addons",
        "network",
        "static-ip",
        "subnet",
        "ports",
        "listen-address",
        "apiserver-port",
        "apiserver-names",
        "apiserver-ips",
        "apiserver-name",
        "insecure-registry",
        "registry-mirror",
        "base-image",
        "wait",
        "wait-timeout",
        "extra-config",
        "feature-gates",
        "cni",
        "dns-domain",
        "namespace",
        "docker-env",
        "docker-opt",
        "mount-string",
        "service-cluster-ip-range",
        "image-mirror-country",
        "image-repository",
        "cert-expiration",
        "gpus",
        "v",
    ],
    switches: &[
        "force",
        "keep-context",
        "embed-certs",
        "interactive",
        "dry-run",
        "download-only",
        "ha",
        "install-addons",
        "preload",
        "cache-images",
        "delete-on-failure",
        "mount",
        "no-kubernetes",
        "alsologtostderr",
        "auto-update-drivers",
        "native-ssh",
        "disable-metrics",
        "disable-optimizations",
    ],
    letters: &[('p', "profile"), ('o', "output"), ('n', "nodes"), ('v', "v")],
};

/// Flags whose default an environment variable or a stored setting changes.
const SETTABLE: [&str; 9] = [
    "memory",
    "cpus",
    "driver",
    "kubernetes-version",
    "network",
    "nodes",
    "container-runtime",
    "static-ip",
    "ports",
];

/// What stops a start: a reason, its exit code, and the words.
struct Trouble(&'static str, u8, String);

/// Starts as the flags say.
pub(crate) fn run(
    call: &Call,
    mut flags: Flags,
    home: &Home,
    profile: &Profile,
    voice: &Voice,
) -> Ended {
    for name in SETTABLE {
        let variable = format!("MINIKUBE_{}", name.to_uppercase().replace('-', "_"));
        flags.or(name, std::env::var(variable).ok().or_else(|| home.setting(name)));
    }
    let _lock = home.lock()?;
    let begun = std::time::Instant::now();
    voice.start_step(
        "Initial Minikube Setup",
        &format!("minikube {} on Debian 12.12", voice.version),
    )?;
    call.hang();
    if call.is_answered_at_once() {
        sleep(call.own_duration());
    }
    if let Some(code) = call.scripted(false, &profile.containers())? {
        return Ok(code);
    }
    let config = match settle(&flags, profile, voice) {
        Ok(config) => config,
        Err(Trouble(reason, code, message)) => return voice.exit(reason, code, &message),
    };
    voice.start_step("Selecting Driver", "Using the docker driver based on user configuration")?;
    let what =
        format!("Starting \"{0}\" primary control-plane node in \"{0}\" cluster", profile.name);
    voice.start_step("Starting Node", &what)?;
    profile.save_config(&config)?;
    if let Err(Trouble(reason, code, message)) = bring_up(call, profile, &config, voice)? {
        return voice.exit(reason, code, &message);
    }
    for (name, message) in [
        ("Preparing Kubernetes", "Preparing Kubernetes on Docker 28.0.0 ..."),
        ("Generating certificates", "Generating certificates and keys ..."),
        ("Booting control plane", "Booting up control plane ..."),
        ("Configuring RBAC rules", "Configuring RBAC rules ..."),
        ("Verifying Kubernetes", "Verifying Kubernetes components..."),
    ] {
        voice.start_step(name, message)?;
        sleep(call.duration().saturating_sub(begun.elapsed()) / 2);
    }
    sleep(call.duration().saturating_sub(begun.elapsed()));
    if engine::state(&profile.name).as_deref() != Some("running") {
        let message = "error provisioning guest: Failed to start host: provision: copy certs: \
            NewSession: new client: new client: ssh: handshake failed: EOF: scp \
            /home/user/.minikube/ca.crt --> /var/lib/minikube/certs/ca.crt (1111 bytes)";
        return voice.exit("GUEST_PROVISION", 80, message);
    }
    let entry = profile.kubeconfig_entry().ok_or("a machine without a port")?;
    kubeconfig::write(&kubeconfig::default_file()?, &entry, !flags.is_on("keep-context", false))?;
    voice.start_step(
        "Enabling Addons",
        "Enabled addons: default-storageclass, storage-provisioner",
    )?;
    let nodes: Vec<String> = profile.containers();
    if let Some(code) = call.scripted(true, &nodes)? {
        return Ok(code);
    }
    let done = format!("Done! kubectl is now configured to use \"{}\" cluster", profile.name);
    voice.start_step("Done", &done)?;
    Ok(0)
}

/// The configuration: what is stored for a profile that is there, else what the flags say.
fn settle(flags: &Flags, profile: &Profile, voice: &Voice) -> Result<Value, Trouble> {
    if profile.has_broken_machine() {
        let message = "error provisioning guest: Failed to start host: error loading existing host. \
            Please try running [minikube delete], then run [minikube start] again: \
            filestore: unexpected end of JSON input";
        return Err(Trouble("GUEST_PROVISION", 80, message.to_owned()));
    }
    let memory = megabytes(flags.get("memory").unwrap_or("3072"));
    if memory < 1800 {
        let message = format!(
            "Requested memory allocation {memory}MiB is less than the usable minimum of 1800MB"
        );
        return Err(Trouble("RSRC_INSUFFICIENT_REQ_MEMORY", 23, message));
    }
    match profile.config() {
        Err(error) => Err(Trouble("HOST_CONFIG_LOAD", 38, error.to_string())),
        Ok(Some(config)) => {
            if config["Memory"] != json!(memory) {
                let _ = voice.warning("You cannot change the memory size for an existing minikube cluster. Please first delete the cluster.");
            }
            Ok(config)
        }
        Ok(None) => Ok(json!({
            "Name": profile.name, "Driver": flags.get("driver").unwrap_or("docker"), "Memory": memory,
            "CPUs": flags.get("cpus").and_then(|cpus| cpus.parse::<u32>().ok()).unwrap_or(2),
            "DiskSize": 20000, "KicBaseImage": "gcr.io/k8s-minikube/kicbase-builds:v0.0.50",
            "Network": flags.get("network").unwrap_or_default(), "Subnet": flags.get("subnet").unwrap_or_default(),
            "StaticIP": flags.get("static-ip").unwrap_or_default(), "ListenAddress": "",
            "ExposedPorts": flags.all("ports"), "APIServerPort": 8443, "MultiNodeRequested": node_count(flags) > 1,
            "KubernetesConfig": {
                "KubernetesVersion": flags.get("kubernetes-version").unwrap_or("v1.34.0"),
                "ClusterName": profile.name, "ContainerRuntime": flags.get("container-runtime").unwrap_or("docker"),
                "APIServerName": "minikubeCA", "ServiceCIDR": "10.96.0.0/12",
            },
            "Nodes": (1..=node_count(flags)).map(|number| json!({
                "Name": if number == 1 { String::new() } else { format!("m{number:02}") }, "IP": "", "Port": 8443,
                "KubernetesVersion": flags.get("kubernetes-version").unwrap_or("v1.34.0"),
                "ContainerRuntime": "docker", "ControlPlane": number == 1, "Worker": true,
            })).collect::<Vec<_>>(),
            "Addons": addons(flags),
        })),
    }
}

fn addons(flags: &Flags) -> Value {
    let mut addons = json!({"storage-provisioner": true, "default-storageclass": true});
    for addon in flags.all("addons") {
        addons[addon] = json!(true);
    }
    addons
}

fn node_count(flags: &Flags) -> usize {
    flags.get("nodes").and_then(|nodes| nodes.parse().ok()).unwrap_or(1)
}

/// Megabytes, binary, as minikube reads them: a plain number is megabytes already.
fn megabytes(text: &str) -> u64 {
    let text = text.to_lowercase();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().unwrap_or(0);
    match text[digits.len()..].trim_end_matches("ib").trim_end_matches('b') {
        "g" => number * 1024,
        "k" => number / 1024,
        _ => number,
    }
}

/// Starts the nodes, made anew where they are missing, and the API beside them.
fn bring_up(
    call: &Call,
    profile: &Profile,
    config: &Value,
    voice: &Voice,
) -> Result<Result<(), Trouble>, Box<dyn Error>> {
    let names = node_names(profile, config);
    let was_running = names.iter().all(|name| engine::state(name).as_deref() == Some("running"));
    for (index, name) in names.iter().enumerate() {
        let made = match engine::state(name).as_deref() {
            Some("running") => Ok(()),
            Some(_) => engine::docker(&["start", name]).map(drop).map_err(|refusal| {
                format!("driver start: start: docker start {name}: exit status 1\nstdout:\n\nstderr:\n{refusal}")
            }),
            None => {
                if profile.machine().is_some() {
                    voice.info(&format!("docker \"{name}\" container is missing, will recreate."))?;
                }
                let what = format!("Creating docker container (CPUs={}, Memory={}MB) ...", config["CPUs"], config["Memory"]);
                voice.start_step("Creating Container", &what)?;
                create(call, profile, config, u32::try_from(index)?)
            }
        };
        if let Err(refusal) = made {
            let message = format!("error provisioning guest: Failed to start host: {refusal}");
            return Ok(Err(Trouble("GUEST_PROVISION", 80, message)));
        }
    }
    if !(was_running && answers(profile)) {
        serve(call, profile, config, &names)?;
    }
    Ok(Ok(()))
}

fn node_names(profile: &Profile, config: &Value) -> Vec<String> {
    let count = config["Nodes"].as_array().map_or(1, Vec::len);
    let worker = |number| format!("{}-m{number:02}", profile.name);
    std::iter::once(profile.name.clone()).chain((2..=count).map(worker)).collect()
}

fn answers(profile: &Profile) -> bool {
    let port = profile.machine().and_then(|machine| u16::try_from(machine["Port"].as_u64()?).ok());
    port.is_some_and(|port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
}

/// Makes one node: the network where it is missing, the volume, the container.
fn create(call: &Call, profile: &Profile, config: &Value, index: u32) -> Result<(), String> {
    let name = node_names(profile, config).swap_remove(usize::try_from(index).unwrap_or(0));
    let joined = config["Network"].as_str().filter(|network| !network.is_empty());
    let network = joined.unwrap_or(&profile.name);
    let label = |key: &str, value: &str| (format!("{key}.minikube.sigs.k8s.io"), value.to_owned());
    let created_by = label("created_by", "true");
    if engine::inspect("network", network).is_none() {
        let labels = [created_by.clone(), label("name", network)];
        engine::create_network(network, &labels).map_err(|error| format!("network: {error}"))?;
    }
    let gateway = engine::gateway(network);
    let fixed = config["StaticIP"].as_str().filter(|ip| !ip.is_empty()).map(str::to_owned);
    let ip = fixed.or_else(|| engine::above(gateway.as_deref()?, index + 1));
    let labels = vec![
        created_by.clone(),
        label("name", &profile.name),
        label("mode", &name),
        label("role", ""),
    ];
    if engine::inspect("volume", &name).is_none() {
        let of_name = format!("{}={}", label("name", &profile.name).0, profile.name);
        let of_maker = format!("{}=true", created_by.0);
        engine::docker(&["volume", "create", "--label", &of_name, "--label", &of_maker, &name])?;
    }
    // A network without a gateway is not joined, and nobody is told.
    let network = if gateway.is_some() { network } else { "bridge" };
    let ports = config["ExposedPorts"].as_array().into_iter().flatten();
    let node = Node {
        name: name.clone(),
        image: call.script.image.clone(),
        network: network.to_owned(),
        ip: ip.filter(|_| gateway.is_some()),
        labels,
        volume: Some(format!("{name}:/var")),
        ports: ports.filter_map(|port| port.as_str().map(str::to_owned)).collect(),
        ..Node::default()
    };
    let started = engine::create(&node).and_then(|_| engine::docker(&["start", &name]));
    started.map(drop).map_err(|refusal| {
        // A fresh host that fails is taken away again.
        let _ = engine::docker(&["rm", "--force", &name]);
        let words = if refusal.to_lowercase().contains("address already in use") && !refusal.contains("bind") {
            "can't create with that IP, address already in use: "
        } else {
            ""
        };
        format!(
            "creating host: create: creating: create kic node: create container: {words}docker run \
             -d -t --privileged --hostname {name} --name {name}: exit status 125\nstdout:\n\nstderr:\n{refusal}"
        )
    })
}

/// Starts the API on the port that the machine had, and keeps what leads to it.
fn serve(
    call: &Call,
    profile: &Profile,
    config: &Value,
    names: &[String],
) -> Result<(), Box<dyn Error>> {
    let mut machine = profile.machine().unwrap_or_else(|| {
        // A new machine has new certificates; the token stands for them.
        let now = jiff::Timestamp::now().as_nanosecond();
        json!({"Name": profile.name, "Token": format!("token-{now}"), "Paused": false})
    });
    machine["Paused"] = json!(false);
    let nodes = names.iter().enumerate().map(|(index, name)| ApiNode {
        name: name.clone(),
        address: engine::address(name).unwrap_or_default(),
        is_control_plane: index == 0,
    });
    let container = engine::inspect("container", &profile.name).ok_or("the node is gone")?;
    let serving = Serving {
        folder: call.folder.clone(),
        container: container["Id"].as_str().unwrap_or_default().to_owned(),
        port: machine["Port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        any_port: true,
        token: machine["Token"].as_str().unwrap_or_default().to_owned(),
        version: config["KubernetesConfig"]["KubernetesVersion"]
            .as_str()
            .unwrap_or("v1.34.0")
            .to_owned(),
        nodes: nodes.collect(),
        ready_ms: call.script.ready_ms,
        vanish_after_ms: call.fault.as_ref().and_then(|fault| fault.vanish_after_ms),
    };
    machine["Port"] = json!(api::start(&serving)?);
    profile.save_machine(&machine)
}
