//! The signals by which a user or an init system asks for the end of a run. What follows from
//! them is decided by the loop and the machine.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A request to end the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Ctrl-C: SIGINT.
    Interrupt,
    /// SIGTERM, or SIGHUP when the terminal goes away.
    Terminate,
}

/// Catches SIGINT, SIGTERM and SIGHUP from now on. To be called within a runtime.
///
/// # Errors
/// The operating system refuses a handler.
pub fn listen() -> io::Result<UnboundedReceiver<Interrupt>> {
    let (sender, receiver) = unbounded_channel();
    for (kind, meaning) in [
        (SignalKind::interrupt(), Interrupt::Interrupt),
        (SignalKind::terminate(), Interrupt::Terminate),
        (SignalKind::hangup(), Interrupt::Terminate),
    ] {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if sender.send(meaning).is_err() {
                    break;
                }
            }
        });
    }
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn each_signal_is_heard_and_does_not_end_the_process() {
        let mut interrupts = listen().unwrap();
        for (signal, meaning) in [
            (Signal::INT, Interrupt::Interrupt),
            (Signal::TERM, Interrupt::Terminate),
            (Signal::HUP, Interrupt::Terminate),
        ] {
            kill_process(getpid(), signal).unwrap();
            assert_eq!(interrupts.recv().await, Some(meaning));
        }
    }
}
