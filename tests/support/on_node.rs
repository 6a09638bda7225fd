//! What answers on a node of a stand-in cluster: its containers are no pods, so a small web server
//! in the node itself stands for the service behind a NodePort.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::stack::docker;

/// Starts the web server each time the node starts, until this ends.
pub(crate) struct OnNode {
    events: Child,
}

impl OnNode {
    /// Whenever this container starts, `/health` answers on this port of it.
    pub(crate) fn answering(node: &str, port: u16) -> Self {
        let filter = format!("container={node}");
        let mut events = Command::new("docker")
            .args(["events", "--filter", &filter, "--filter", "event=start"])
            .args(["--format", "{{.ID}}"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(events.stdout.take().unwrap()).lines();
        let serve = format!("mkdir -p /www && echo ok >/www/health && httpd -p {port} -h /www");
        std::thread::spawn(move || {
            for id in lines.map_while(Result::ok) {
                let _ = docker(&["exec", "--detach", &id, "sh", "-c", &serve]);
            }
        });
        Self { events }
    }
}

impl Drop for OnNode {
    fn drop(&mut self) {
        let _ = self.events.kill();
        let _ = self.events.wait();
    }
}
