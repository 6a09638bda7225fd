//! The Kubernetes API of a stand-in cluster: a process of its own on loopback that ends when the
//! node container does. What it answers is the fake API's, what is in the cluster in `objects`.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::docker;
use crate::kube::FakeKube;
use crate::{calls, objects};

/// The argument that makes the program an API server.
pub(crate) const SERVE: &str = "serve";

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
    let _server = FakeKube::at(listener, objects::world(&serving));
    // A failure of `docker wait` means that the container is gone.
    let _ = docker(&["wait", &container]);
    Ok(())
}
