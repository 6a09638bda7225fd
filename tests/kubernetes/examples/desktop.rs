//! Docker Desktop in front of the engine of this machine: the engine under another name, and a
//! `docker` that knows `docker desktop`. Everything else is the real one's.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use super::behind;
use crate::support::Sandbox;

/// What comes before the name that an engine gives its operating system.
const FIELD: &[u8] = b"\"OperatingSystem\":\"";
const NAME: &[u8] = b"Docker Desktop";

/// Answers of `docker desktop`.
const DESKTOP: &str = "case \"$*\" in\n\
    'desktop status --format json') echo '{\"Status\":\"running\"}'; exit 0 ;;\n\
    'desktop kubernetes status --format json')\n\
    echo '{\"state\":\"running\",\"mode\":\"kubeadm\"}'; exit 0 ;;\n\
    'desktop '*) echo \"unscripted: docker $*\" >&2; exit 64 ;;\nesac\n";

/// Puts it on PATH and in the environment.
pub(super) fn docker_desktop(sandbox: Sandbox) -> Sandbox {
    let socket = sandbox.root().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(engine) = UnixStream::connect(engine_socket()) else { return };
            let (from, to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || pass(from, to, |bytes| (bytes, 0)));
            std::thread::spawn(move || pass(engine, client, renamed));
        }
    });
    let sandbox = behind(sandbox.real_tool("docker"), "docker", DESKTOP);
    sandbox.env("DOCKER_HOST", &format!("unix://{}", socket.display()))
}

fn engine_socket() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned()
}

/// Passes bytes on until there are no more; the change tells how many of the last ones wait for
/// those that follow.
fn pass(mut from: UnixStream, mut to: UnixStream, change: impl Fn(Vec<u8>) -> (Vec<u8>, usize)) {
    let (mut held, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        held.extend_from_slice(&chunk[..length]);
        let (mut bytes, waiting) = change(std::mem::take(&mut held));
        held = bytes.split_off(bytes.len() - waiting);
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.write_all(&held);
    let _ = to.shutdown(Shutdown::Write);
}

/// The same with Docker Desktop's name in the room of the engine's own.
fn renamed(mut bytes: Vec<u8>) -> (Vec<u8>, usize) {
    let length = bytes.len();
    if let Some(at) = bytes.windows(FIELD.len()).position(|part| part == FIELD) {
        let begin = at + FIELD.len();
        let Some(room) = bytes[begin..].iter().position(|byte| *byte == b'"') else {
            return (bytes, length - at);
        };
        let name = NAME.iter().chain(std::iter::repeat(&b' '));
        bytes[begin..begin + room].iter_mut().zip(name).for_each(|(byte, new)| *byte = *new);
        return (bytes, 0);
    }
    // The field may go on in what comes next.
    let begun = (2..FIELD.len()).rev().find(|begun| bytes.ends_with(&FIELD[..*begun]));
    (bytes, begun.unwrap_or(0))
}
