//! The Kubernetes API of a stand-in cluster: a process of its own on loopback that answers what a
//! bootstrapper asks, and that ends when the node container does. An unknown call is written down
//! and fails the test.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calls;
use crate::engine::docker;
use crate::objects::{Asked, Objects};

/// The argument that makes the program an API server.
pub(crate) const SERVE: &str = "serve";
/// How often a watch looks whether there is something to tell.
const WATCH_PACE: Duration = Duration::from_millis(20);

/// What a server has to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Serving {
    /// Folder of the stand-ins, where calls and processes are written down.
    pub(crate) folder: PathBuf,
    /// Identifier of the container whose end is the server's.
    pub(crate) container: String,
    /// Port wanted; another one where `any_port` and it is taken.
    pub(crate) port: u16,
    /// Whether another port will do.
    pub(crate) any_port: bool,
    /// What a caller has to show.
    pub(crate) token: String,
    /// Version of Kubernetes, with a `v`.
    pub(crate) version: String,
    /// The nodes, the control plane first.
    pub(crate) nodes: Vec<ApiNode>,
    /// How long the nodes are not ready.
    pub(crate) ready_ms: u64,
    /// When the container is removed, if it is to vanish.
    pub(crate) vanish_after_ms: Option<u64>,
}

/// A node as the API shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ApiNode {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) is_control_plane: bool,
}

/// Starts a server that outlives this process, and gives its port.
pub(crate) fn start(serving: &Serving) -> Result<u16, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(SERVE).arg(serde_json::to_string(serving)?).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // The test may be gone before the server is: nothing of its folders is held.
    let mut child = command.current_dir("/").spawn()?;
    calls::remember_process(&serving.folder, child.id())?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    line.trim().parse().map_err(|_| {
        format!("listen tcp4 127.0.0.1:{}: bind: address already in use", serving.port).into()
    })
}

/// Serves until the container ends.
pub(crate) fn serve(serving: &str) -> Result<(), Box<dyn Error>> {
    let serving: Serving = serde_json::from_str(serving)?;
    let listener = TcpListener::bind(("127.0.0.1", serving.port));
    let listener = match listener {
        Err(_) if serving.any_port => TcpListener::bind(("127.0.0.1", 0))?,
        listener => listener?,
    };
    // The tool may have been killed before it could hear: the API goes on as that of a real node.
    let _ = writeln!(std::io::stdout(), "{}", listener.local_addr()?.port());
    let container = serving.container.clone();
    if let Some(after) = serving.vanish_after_ms {
        let container = container.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(after));
            docker(&["rm", "--force", &container])
        });
    }
    let objects = Objects::of(serving.folder.clone(), &serving.container);
    let server = Arc::new(Server { begin: Instant::now(), objects, serving });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            std::thread::spawn(move || server.converse(&stream));
        }
    });
    // A failure of `docker wait` means that the container is gone.
    let _ = docker(&["wait", &container]);
    Ok(())
}

struct Server {
    begin: Instant,
    objects: Objects,
    serving: Serving,
}

/// A request that has been read.
struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    token: Option<String>,
    body: String,
}

impl Server {
    fn converse(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let request = read_request(&mut reader)?;
            if request.query.get("watch").is_some_and(|value| value == "true" || value == "1") {
                return self.watch(stream, &request);
            }
            let (code, body) = self.answer(&request);
            let (kind, text) = match body {
                Value::String(text) => ("text/plain; charset=utf-8", text),
                object => ("application/json", object.to_string()),
            };
            let head = format!(
                "HTTP/1.1 {code} {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
                reason(code),
                text.len()
            );
            let mut stream = stream;
            stream.write_all(format!("{head}{text}").as_bytes()).ok()?;
        }
    }

    fn answer(&self, request: &Request) -> (u16, Value) {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/readyz" | "/livez" | "/healthz") => {
                if request.query.contains_key("verbose") {
                    let text = "[+]ping ok\n[+]etcd ok\n[+]poststarthook/rbac/bootstrap-roles ok\nreadyz check passed\n";
                    return (200, json!(text));
                }
                return (200, json!("ok"));
            }
            ("GET", "/version") => return (200, self.version()),
            _ => {}
        }
        if request.token.as_deref() != Some(&self.serving.token) {
            return (401, status(401, "Unauthorized", "Unauthorized"));
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api") => (
                200,
                json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
            ),
            ("GET", "/apis") => {
                (200, json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}))
            }
            ("GET", "/api/v1/nodes") => (200, list("NodeList", &self.nodes())),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
                let mut review: Value = serde_json::from_str(&request.body).unwrap_or_default();
                review["status"] = json!({"allowed": true});
                (201, review)
            }
            ("GET", path) if path.starts_with("/api/v1/nodes/") => {
                let name = path.strip_prefix("/api/v1/nodes/");
                let node = name.and_then(|name| {
                    self.nodes().into_iter().find(|node| node["metadata"]["name"] == name)
                });
                node.map_or_else(|| self.unknown(request), |node| (200, node))
            }
            (method, path) => {
                let selector = request.query.get("fieldSelector").map(String::as_str);
                let name = selector.and_then(|text| {
                    text.strip_prefix("metadata.name%3D").or(text.strip_prefix("metadata.name="))
                });
                let asked = Asked { method, path, name, body: &request.body };
                self.objects.answer(&asked).unwrap_or_else(|| self.unknown(request))
            }
        }
    }

    fn unknown(&self, request: &Request) -> (u16, Value) {
        let call = json!({
            "tool": "kubernetes-api", "argv": [request.method, request.path], "stdin": request.body,
            "cwd": "/", "pid": std::process::id(), "rule": null, "grandchild": null,
        });
        let _ = calls::append(&self.serving.folder, &call);
        (404, status(404, "NotFound", "the server could not find the requested resource"))
    }

    /// Tells what is there, unless the caller knows it, then what changes: that nodes turn ready.
    fn watch(&self, mut stream: &TcpStream, request: &Request) -> Option<()> {
        let (what, objects): (_, Vec<Value>) = match request.path.as_str() {
            "/api/v1/nodes" => ("Node", self.nodes()),
            "/api/v1/namespaces/default/serviceaccounts" => {
                ("ServiceAccount", vec![service_account()])
            }
            _ => {
                let (code, _) = self.unknown(request);
                let head = format!("HTTP/1.1 {code} {}\r\nContent-Length: 0\r\n\r\n", reason(code));
                return stream.write_all(head.as_bytes()).ok();
            }
        };
        if request.token.as_deref() != Some(&self.serving.token) {
            return stream
                .write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
                .ok();
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).ok()?;
        let known = request.query.get("resourceVersion").map_or("", String::as_str);
        let was_ready = self.are_nodes_ready();
        let listed_unready = known == "1";
        if known.is_empty() || known == "0" {
            for object in &objects {
                event(stream, "ADDED", object)?;
            }
        }
        if request.query.get("sendInitialEvents").is_some_and(|value| value == "true") {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            event(
                stream,
                "BOOKMARK",
                &json!({"kind": what, "apiVersion": "v1",
                "metadata": {"resourceVersion": "2", "annotations": annotations}}),
            )?;
        }
        let mut has_told = what != "Node" || (was_ready && !listed_unready);
        let limit = request.query.get("timeoutSeconds").and_then(|limit| limit.parse().ok());
        let end = Instant::now() + Duration::from_secs(limit.unwrap_or(290));
        while Instant::now() < end {
            if !has_told && self.are_nodes_ready() {
                has_told = true;
                for node in self.nodes() {
                    event(stream, "MODIFIED", &node)?;
                }
            }
            std::thread::sleep(WATCH_PACE);
        }
        stream.write_all(b"0\r\n\r\n").ok()
    }

    fn are_nodes_ready(&self) -> bool {
        self.begin.elapsed() >= Duration::from_millis(self.serving.ready_ms)
    }

    fn version(&self) -> Value {
        let version = &self.serving.version;
        let mut parts = version.trim_start_matches('v').split('.');
        json!({
            "major": parts.next(), "minor": parts.next(), "gitVersion": version,
            "gitCommit": "0", "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z",
            "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
        })
    }

    fn nodes(&self) -> Vec<Value> {
        self.serving.nodes.iter().map(|node| self.node(node)).collect()
    }

    fn node(&self, node: &ApiNode) -> Value {
        let is_ready = self.are_nodes_ready();
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
                "resourceVersion": if is_ready { "2" } else { "1" },
                "creationTimestamp": "2026-11-21T10:00:00Z",
            },
            "spec": {},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": node.address},
                    {"type": "Hostname", "address": node.name},
                ],
                "conditions": [{
                    "type": "Ready", "status": status, "reason": cause, "message": message,
                    "lastHeartbeatTime": "2026-11-21T10:00:00Z",
                    "lastTransitionTime": "2026-11-21T10:00:00Z",
                }],
                "nodeInfo": {
                    "architecture": "amd64", "bootID": "b", "containerRuntimeVersion": "docker://28.0.0",
                    "kernelVersion": "6.1.0", "kubeProxyVersion": "", "machineID": "m",
                    "kubeletVersion": self.serving.version, "operatingSystem": "linux",
                    "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "s",
                },
            },
        })
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut token) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    });
    let body = String::from_utf8_lossy(&body).into_owned();
    Some(Request { method, path: path.to_owned(), query: query.collect(), token, body })
}

fn event(mut stream: &TcpStream, kind: &str, object: &Value) -> Option<()> {
    let line = format!("{}\n", json!({"type": kind, "object": object}));
    stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).ok()
}

fn list(kind: &str, items: &[Value]) -> Value {
    let version =
        items.first().map_or(json!("2"), |item| item["metadata"]["resourceVersion"].clone());
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
}

fn service_account() -> Value {
    json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {
        "name": "default", "namespace": "default", "uid": "sa", "resourceVersion": "2",
        "creationTimestamp": "2026-11-21T10:00:00Z",
    }})
}

fn status(code: u16, cause: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": cause, "code": code})
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        401 => "Unauthorized",
        _ => "Not Found",
    }
}
