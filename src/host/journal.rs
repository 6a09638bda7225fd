//! systemd's journal, as `systemd.io/JOURNAL_NATIVE_PROTOCOL` has it: whether a stream leads to it, and
//! its socket. What is said is `report/journal`.

use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Where the journal listens for entries with fields.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// How long a journal that does not listen may hold mlup up.
const LIMIT: Duration = Duration::from_secs(1);

/// Whether the stream is the one that `JOURNAL_STREAM`, device and inode, calls the journal's. A
/// program that had its output sent elsewhere has inherited the variable all the same.
#[must_use]
pub fn is_journal(journal_stream: Option<&str>, stream: impl AsFd) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|text| text.split_once(':')) else {
        return false;
    };
    let Ok(stat) = rustix::fs::fstat(stream) else { return false };
    device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino)
}

/// The journal's socket.
pub struct JournalSocket(UnixDatagram);

impl JournalSocket {
    /// The socket at this path; nothing where none listens.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(path).ok()?;
        socket.set_write_timeout(Some(LIMIT)).ok()?;
        Some(Self(socket))
    }

    /// Sends one entry; `false` when the journal did not take it, such as one that is too long.
    pub fn send(&self, datagram: &[u8]) -> bool {
        self.0.send(datagram).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_stream_is_the_journals_by_device_and_inode() {
        let (stream, other) = UnixStream::pair().unwrap();
        let stat = rustix::fs::fstat(&stream).unwrap();
        let named = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(is_journal(Some(&named), &stream));
        assert!(!is_journal(Some(&named), &other));
        for wrong in [None, Some(""), Some("8"), Some("a:b")] {
            assert!(!is_journal(wrong, &stream), "{wrong:?}");
        }
    }

    #[test]
    fn entries_reach_the_socket_and_what_is_too_long_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert!(JournalSocket::at(&path).is_none());
        let journal = UnixDatagram::bind(&path).unwrap();
        let socket = JournalSocket::at(&path).unwrap();
        assert!(socket.send(b"MESSAGE=hello\n"));
        let mut buffer = [0; 64];
        let length = journal.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"MESSAGE=hello\n");
        let mut endless = Vec::new();
        std::io::repeat(b'x').take(64 << 20).read_to_end(&mut endless).unwrap();
        assert!(!socket.send(&endless));
    }
}
