//! The folder of the sockets through which sessions share a connection: nobody else's, and short
//! enough for the address of a socket.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::host::random;
use crate::policy::{Class, Failure};

/// Bytes that the address of a Unix socket may have on every system, its end included.
const LONGEST: usize = 104;

/// What the client appends to the path while it makes the socket (`mux.c`: a dot and 16 characters).
const APPENDED: usize = 17;

/// Room for the name of a socket.
const NAME: usize = 4;

/// A folder of this run, removed with this value.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder where the user's own short-lived files are, else where everybody's are. It is
    /// made, never found: nobody can have put one there before.
    ///
    /// # Errors
    /// `FILE_UNWRITABLE`: none of the places takes one.
    pub(super) fn create(env: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let name = format!("mlup-{:08x}", u32::from_be_bytes(random::bytes()?));
        let mut reasons = Vec::new();
        for place in places(env) {
            let folder = place.join(&name);
            if folder.as_os_str().len() + 1 + NAME + APPENDED >= LONGEST {
                continue;
            }
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) => reasons.push(format!("`{}`: {error}", place.display())),
            }
        }
        let summary = "there is no place for the socket of the ssh connection".to_owned();
        let failure = Failure::new(Class::Prerequisite, "FILE_UNWRITABLE", summary);
        Err(reasons.into_iter().fold(failure, |failure, reason| failure.because("mlup", reason)))
    }

    /// A folder that is nowhere, for commands that are not run.
    #[cfg(test)]
    pub(super) fn scripted(path: &str) -> Self {
        Self(PathBuf::from(path))
    }

    /// The path of one of its sockets.
    pub(super) fn socket(&self, number: usize) -> String {
        self.0.join(number.to_string()).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Sockets that are still there belong to connections that are ending.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn places(env: &BTreeMap<String, String>) -> impl Iterator<Item = PathBuf> {
    let named = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(|name| env.get(name));
    let named: Vec<PathBuf> = named.map(PathBuf::from).filter(|path| path.is_absolute()).collect();
    named.into_iter().chain([Path::new("/tmp").to_owned()])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn create(folder: &Path) -> Folder {
        let pair = ("XDG_RUNTIME_DIR".to_owned(), folder.display().to_string());
        Folder::create(&BTreeMap::from([pair])).unwrap()
    }

    #[test]
    fn the_folder_is_private_and_goes_with_the_run() {
        let place = tempfile::tempdir().unwrap();
        let folder = create(place.path());
        let path = folder.0.clone();
        assert_eq!(path.parent(), Some(place.path()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_place_that_is_too_deep_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("x".repeat(80));
        std::fs::create_dir(&deep).unwrap();
        let folder = create(&deep);
        assert!(!folder.0.starts_with(&deep), "{folder:?}");
        assert!(folder.socket(0).len() + APPENDED < LONGEST);
    }
}
