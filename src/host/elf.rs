//! For which processor a program of this machine was built, by the first bytes of its file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The processor that a program is for, as `uname -m` names it; nothing for what is no such program.
/// After the ELF specification: `e_machine` is at byte 18.
#[must_use]
pub fn machine(path: &Path) -> Option<&'static str> {
    let mut head = [0_u8; 20];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    match u16::from_le_bytes([head[18], head[19]]) {
        0x3e => Some("x86_64"),
        0xb7 => Some("aarch64"),
        0x28 => Some("armv7l"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files;

    #[test]
    fn programs_name_their_processor_and_other_files_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        for (code, name) in [(0x3e, Some("x86_64")), (0xb7, Some("aarch64")), (0xf3, None)] {
            let mut head = b"\x7fELF".to_vec();
            head.resize(18, 0);
            head.extend([code, 0]);
            files::write(&path, &head, 0o755).unwrap();
            assert_eq!(machine(&path), name);
        }
        files::write(&path, b"#!/bin/sh\nexec true for twenty bytes\n", 0o755).unwrap();
        assert_eq!(machine(&path), None);
        assert_eq!(machine(&folder.path().join("none")), None);
    }
}
