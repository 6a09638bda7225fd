//! Files: read, written whole or not at all, and folders that only their owner may enter. Errors
//! name path and reason.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt};

use crate::host::cmd::Payload;
use crate::policy::{Class, Failure};

/// How much of a large file is held at a time.
const PIECE: usize = 256 << 10;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Absent,
    /// A file with this content and these permission bits.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// Its permission bits.
        mode: u32,
    },
    /// A folder, and whether it holds nothing.
    Folder {
        /// Whether it holds nothing.
        empty: bool,
    },
}

/// Looks at a path; a symbolic link is followed.
///
/// # Errors
/// `FILE_UNREADABLE`: something is there and cannot be read.
pub fn look(path: &Path) -> Result<Entry, Failure> {
    let entry = || -> io::Result<Entry> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entry::Absent),
            found => found?,
        };
        if metadata.is_dir() {
            return Ok(Entry::Folder { empty: fs::read_dir(path)?.next().is_none() });
        }
        Ok(Entry::File { content: fs::read(path)?, mode: metadata.permissions().mode() & 0o7777 })
    };
    entry().map_err(|error| unreadable(path, &error))
}

/// Whether a file is there, be it behind a symbolic link.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Reads a text file.
///
/// # Errors
/// `FILE_UNREADABLE`: it is not there, not readable or no text.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// Reads a file of a limited size.
///
/// # Errors
/// `FILE_UNREADABLE`: it is not there, not readable, or has more bytes.
pub fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::other(format!("it has more than {} MiB", most >> 20)));
        }
        Ok(bytes)
    };
    read().map_err(|error| unreadable(path, &error))
}

/// The bytes of a file, read piece by piece when they are needed, and how many there are now.
///
/// # Errors
/// `FILE_UNREADABLE`: it is not there, not readable or no file.
pub fn payload(path: &Path) -> Result<(Payload, u64), Failure> {
    let size = || -> io::Result<u64> {
        let metadata = File::open(path)?.metadata()?;
        if metadata.is_file() { Ok(metadata.len()) } else { Err(io::Error::other("it is no file")) }
    };
    let size = size().map_err(|error| unreadable(path, &error))?;
    let path = path.to_owned();
    let open = move || {
        let path = path.clone();
        stream::try_unfold(None, move |file: Option<File>| next_piece(file, path.clone())).boxed()
    };
    Ok((Arc::new(open), size))
}

/// The next bytes of the file, which is opened for the first; off the thread that everything else
/// waits on.
async fn next_piece(
    file: Option<File>,
    path: PathBuf,
) -> io::Result<Option<(Vec<u8>, Option<File>)>> {
    let read = move || {
        let mut file = file.map_or_else(|| File::open(&path), Ok)?;
        let mut piece = vec![0; PIECE];
        let length = file.read(&mut piece)?;
        piece.truncate(length);
        Ok((length > 0).then_some((piece, Some(file))))
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// Writes a file whole or not at all, with exactly these permission bits. Folders that are missing
/// are made as a user's own `mkdir` makes them.
///
/// # Errors
/// `FILE_UNWRITABLE`: the old content, if any, is still there.
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    // A link keeps pointing where it points: its target is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace(&target, content, mode).map_err(|error| unwritable(path, &error))
}

/// Makes a folder, and what is missing above it, that only its owner may enter.
///
/// # Errors
/// `FILE_UNWRITABLE`: it cannot be made.
pub fn create_private_folder(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| unwritable(path, &error))
}

/// Removes a file; one that is gone already is as good.
///
/// # Errors
/// `FILE_UNWRITABLE`: it cannot be removed.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path, &error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all that is in it, links in it not followed; one that is gone already is
/// as good.
///
/// # Errors
/// `FILE_UNWRITABLE`: something of it cannot be removed.
pub fn remove_folder(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path, &error)),
        _ => Ok(()),
    }
}

/// The names in a folder, sorted; none where there is no folder.
///
/// # Errors
/// `FILE_UNREADABLE`: it is there and cannot be read.
pub fn names_in(path: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| unreadable(path, &error))?,
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let temporary = temporary_name(path);
    let written = fill(&temporary, content, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // Without this a crash may bring the old name back.
    File::open(folder)?.sync_all()
}

/// A name beside the file that no other writer uses.
fn temporary_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{count}.mlup", std::process::id()))
}

fn fill(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    // Closed to others from its first moment; the wanted bits are set once the content is in.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "FILE_UNREADABLE",
        format!("`{}` could not be read: {}", path.display(), reason(error)),
    )
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "FILE_UNWRITABLE",
        format!("`{}` could not be written: {}", path.display(), reason(error)),
    )
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "this user has no permission".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_content_and_mode_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file");
        write(&path, b"one", 0o640).unwrap();
        write(&path, b"two", 0o600).unwrap();
        assert_eq!(look(&path).unwrap(), Entry::File { content: b"two".to_vec(), mode: 0o600 });
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        write(&target, b"old", 0o600).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write(&link, b"new", 0o600).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn a_failed_write_names_path_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let blocker = folder.path().join("file");
        write(&blocker, b"", 0o600).unwrap();
        let failure = write(&blocker.join("below"), b"x", 0o600).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "FILE_UNWRITABLE"));
        assert!(failure.summary.contains("file/below"), "{}", failure.summary);
        assert!(failure.summary.contains("not a folder") || failure.summary.contains("exists"));
    }

    #[test]
    fn private_folders_are_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        create_private_folder(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(look(&path).unwrap(), Entry::Folder { empty: true });
    }

    #[test]
    fn a_folder_goes_whole_and_links_in_it_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, gone) = (folder.path().join("kept"), folder.path().join("gone"));
        write(&kept.join("file"), b"x", 0o600).unwrap();
        write(&gone.join("deep/file"), b"x", 0o600).unwrap();
        std::os::unix::fs::symlink(&kept, gone.join("link")).unwrap();
        assert_eq!(names_in(&gone).unwrap(), ["deep", "link"]);
        remove_folder(&gone).unwrap();
        remove_folder(&gone).unwrap();
        assert_eq!(look(&gone).unwrap(), Entry::Absent);
        assert_eq!(names_in(&kept).unwrap(), ["file"]);
        assert!(names_in(&gone).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_there_is_absent_and_removed_already() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nothing");
        assert_eq!(look(&path).unwrap(), Entry::Absent);
        remove(&path).unwrap();
        assert_eq!(read_text(&path).unwrap_err().code, "FILE_UNREADABLE");
    }
}
