//! What this machine has: room on its disks, memory, limits of its kernel. Whether that is enough is
//! not decided here.

use std::fs;
use std::io;
use std::path::Path;

/// Room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes in all.
    pub size: u64,
    /// Bytes that this user may still write.
    pub free: u64,
    /// Files that there may be in all; 0 where the file system sets no limit.
    pub files: u64,
    /// Files that this user may still make.
    pub free_files: u64,
}

/// Room on the file system of this path.
///
/// # Errors
/// The path is not there, or may not be seen.
pub fn room(path: &Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Room {
        size: found.f_blocks.saturating_mul(found.f_frsize),
        free: found.f_bavail.saturating_mul(found.f_frsize),
        files: found.f_files,
        free_files: found.f_favail,
    })
}

/// Bytes of memory that a new program could have (Linux, `MemAvailable` of `proc_meminfo(5)`).
#[must_use]
pub fn memory_available() -> Option<u64> {
    available(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limits of inotify for one user: watches and instances (`inotify(7)`).
#[must_use]
pub fn inotify() -> Option<(u64, u64)> {
    let limit = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse().ok()
    };
    Some((limit("max_user_watches")?, limit("max_user_instances")?))
}

/// The release of the kernel, such as `6.1.0-29-amd64`.
#[must_use]
pub fn kernel() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_room_and_a_missing_path_has_none() {
        let room = room(Path::new("/")).unwrap();
        assert!(room.size > 0 && room.free <= room.size, "{room:?}");
        assert!(super::room(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn available_memory_is_read_in_bytes() {
        let text = "MemTotal:       16000000 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(available(text), Some(2048 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
