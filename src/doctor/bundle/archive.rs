//! A `.tar.gz` of small files in memory: the same files give the same bytes, and what is read is
//! never unpacked to a disk.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};
use thiserror::Error;

/// Files by their names.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Most bytes that are unpacked: five thousand pods in trouble take a tenth of it.
const MOST_BYTES: u64 = 512 << 20;

/// Most files.
const MOST_FILES: usize = 10_000;

/// What is wrong with an archive.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Broken {
    /// It is none, or was cut off.
    #[error("it is no whole .tar.gz: {0}")]
    Unreadable(String),
    /// More comes out of it than any bundle holds.
    #[error("it unpacks to more than {} MiB or {MOST_FILES} files", MOST_BYTES >> 20)]
    TooLarge,
    /// It holds something that no bundle has.
    #[error("it holds `{0}`, which no bundle has")]
    Strange(String),
}

/// The archive of these files, in the order of their names and without any times.
pub(super) fn pack(files: &Files) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    let mut archive = Builder::new(gzip);
    for (name, content) in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(0);
        archive.append_data(&mut header, name, content.as_slice())?;
    }
    let mut gzip = archive.into_inner()?;
    gzip.flush()?;
    gzip.finish()
}

/// The files of an archive.
///
/// # Errors
/// It is broken, or was made to do harm.
pub(super) fn unpack(bytes: &[u8]) -> Result<Files, Broken> {
    unpack_at_most(bytes, MOST_BYTES)
}

fn unpack_at_most(bytes: &[u8], most: u64) -> Result<Files, Broken> {
    let mut source = GzDecoder::new(bytes).take(most);
    let read = files(&mut source);
    match read {
        Err(_) if source.limit() == 0 => Err(Broken::TooLarge),
        read => read,
    }
}

fn files(source: &mut impl Read) -> Result<Files, Broken> {
    let unreadable = |error: io::Error| Broken::Unreadable(error.to_string());
    let mut files = Files::new();
    for entry in Archive::new(source).entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let is_plain = entry.header().entry_type() == EntryType::Regular && is_below(&name);
        if !is_plain || files.contains_key(&name) {
            return Err(Broken::Strange(name));
        }
        if files.len() == MOST_FILES {
            return Err(Broken::TooLarge);
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(unreadable)?;
        files.insert(name, content);
    }
    Ok(files)
}

/// Whether a name stays below the folder that an archive would be unpacked into.
fn is_below(name: &str) -> bool {
    !name.contains(['\\', '\0']) && name.split('/').all(|part| !["", ".", ".."].contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Files {
        [("b/c.json", "{}"), ("a.json", "[1]")]
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .into()
    }

    /// An archive with one entry that `pack` would not write.
    fn forged(change: impl Fn(&mut Header)) -> Vec<u8> {
        let mut archive = Builder::new(GzBuilder::new().write(Vec::new(), Compression::fast()));
        let mut header = Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o600);
        header.set_entry_type(EntryType::Regular);
        change(&mut header);
        header.set_cksum();
        archive.append(&header, b"x".as_slice()).unwrap();
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn named(header: &mut Header, name: &str) {
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    }

    #[test]
    fn files_go_in_and_come_out_and_the_same_give_the_same() {
        let packed = pack(&some()).unwrap();
        assert_eq!(unpack(&packed).unwrap(), some());
        assert_eq!(pack(&some()).unwrap(), packed);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\\b"] {
            let bytes = forged(|header| named(header, name));
            assert_eq!(unpack(&bytes), Err(Broken::Strange(name.to_owned())), "{name}");
        }
        let good = forged(|header| named(header, "a/b"));
        assert_eq!(unpack(&good).unwrap().len(), 1);
    }

    #[test]
    fn links_and_devices_are_refused() {
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char] {
            let bytes = forged(|header| {
                named(header, "a");
                header.set_entry_type(kind);
            });
            assert_eq!(unpack(&bytes), Err(Broken::Strange("a".to_owned())), "{kind:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_archive_is_told_as_such() {
        let packed = pack(&some()).unwrap();
        for bytes in [&packed[..packed.len() / 2], b"no archive", b""] {
            let answer = unpack(bytes);
            assert!(matches!(answer, Err(Broken::Unreadable(_))), "{answer:?}");
        }
    }

    #[test]
    fn what_unpacks_to_too_much_is_given_up() {
        let bomb = pack(&[("a".to_owned(), vec![0; 4 << 20])].into()).unwrap();
        assert!(bomb.len() < 64 << 10);
        assert_eq!(unpack_at_most(&bomb, 1 << 20), Err(Broken::TooLarge));
    }
}
