//! The wire between this machine and another one: a TCP proxy on loopback that can be frozen, as
//! when packets are dropped, and cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What becomes of bytes and of new connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// They pass.
    Whole,
    /// They wait for better times.
    Frozen,
    /// Connections are closed, and so are new ones.
    Cut,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ends: Mutex<Vec<TcpStream>>,
}

/// A wire to a port of this machine.
pub(crate) struct Wire {
    port: u16,
    shared: Arc<Shared>,
}

impl Wire {
    /// A whole wire to this port.
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Whole),
            changed: Condvar::new(),
            ends: Mutex::default(),
        });
        let wire = Self { port, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if *shared.state.lock().unwrap() == State::Cut {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let mut ends = shared.ends.lock().unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    ends.push(from.try_clone().unwrap());
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || shared.carry(from, to));
                }
            }
        });
        wire
    }

    /// The port of its near end.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Nothing arrives any more, and nobody is told.
    pub(crate) fn freeze(&self) {
        self.turn(State::Frozen);
    }

    /// Every connection is closed, and so is every new one.
    pub(crate) fn cut(&self) {
        self.turn(State::Cut);
        for end in self.shared.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// What waits goes on, and new connections pass.
    pub(crate) fn mend(&self) {
        self.turn(State::Whole);
    }

    fn turn(&self, state: State) {
        *self.shared.state.lock().unwrap() = state;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let state = self.state.lock().unwrap();
            drop(self.changed.wait_while(state, |state| *state == State::Frozen).unwrap());
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}
