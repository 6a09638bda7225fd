//! The mark that a project was halted by hand while a watch looks after it: the watch leaves it alone
//! until the mark goes. What is up in the world is not written here.

use std::path::Path;

use crate::host::files;
use crate::host::lock::Owner;
use crate::policy::Failure;

const FILE: &str = "halted";

/// Leaves the mark, with who halted the project.
///
/// # Errors
/// The folder cannot be written.
pub fn mark(folder: &Path, owner: &Owner) -> Result<(), Failure> {
    let line = serde_json::to_string(owner).unwrap_or_default() + "\n";
    files::write(&folder.join(FILE), line.as_bytes(), 0o600)
}

/// Takes the mark away.
///
/// # Errors
/// The folder cannot be written.
pub fn clear(folder: &Path) -> Result<(), Failure> {
    files::remove(&folder.join(FILE))
}

/// Who halted the project; nobody where there is no mark, or none that can be read.
#[must_use]
pub fn marked(folder: &Path) -> Option<Owner> {
    let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner { pid: 812, command: "mlup stop".into(), started: "now".into() };
        assert_eq!(marked(folder.path()), None);
        clear(folder.path()).unwrap();
        mark(folder.path(), &owner).unwrap();
        assert_eq!(marked(folder.path()), Some(owner));
        clear(folder.path()).unwrap();
        assert_eq!(marked(folder.path()), None);
    }
}
