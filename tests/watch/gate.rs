//! A socket in front of the real engine that a test can shut, so that no daemon has to be restarted to
//! see what a lost engine does.

use std::io::copy;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// A way to the real engine; shut when it is dropped.
pub(super) struct Gate {
    near: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Gate {
    /// Opens the way.
    pub(super) fn open(folder: &Path) -> Self {
        let gate = Self { near: folder.join("gate.sock"), open: Arc::default() };
        gate.mend();
        gate
    }

    /// What `DOCKER_HOST` is to be.
    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.near.display())
    }

    /// Takes connections.
    pub(super) fn mend(&self) {
        let listener = UnixListener::bind(&self.near).unwrap();
        let open = Arc::clone(&self.open);
        // It ends with the test process: nobody finds its socket once that is removed.
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                pass(&near, &open);
            }
        });
    }

    /// Ends all connections and takes no more.
    pub(super) fn shut(&self) {
        std::fs::remove_file(&self.near).unwrap();
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(near: &UnixStream, open: &Mutex<Vec<UnixStream>>) {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let real = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
    let Ok(far) = UnixStream::connect(real) else { return };
    let mut open = open.lock().unwrap();
    for (from, to) in [(near, &far), (&far, near)] {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        open.push(from.try_clone().unwrap());
        thread::spawn(move || {
            let _ = copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
