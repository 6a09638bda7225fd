//! Values of secrets: made by a generator or read from a file.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::config::model::Generator;
use crate::host::files::{self, Entry};
use crate::host::random;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// A new value.
pub(super) fn generate(generator: Generator) -> Result<Secret, Failure> {
    let bytes = random::bytes::<32>()?;
    Ok(Secret::new(match generator {
        Generator::Base64 => STANDARD.encode(bytes),
        Generator::Fernet => URL_SAFE.encode(bytes),
        Generator::Hex32 => bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    }))
}

/// What a file holds, byte by byte.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    match files::look(path)? {
        Entry::File { content, .. } => Ok(content),
        Entry::Absent => Err(unreadable(path, "it is not there")),
        Entry::Folder { .. } => Err(unreadable(path, "it is a folder")),
    }
}

fn unreadable(path: &Path, why: &str) -> Failure {
    let summary = format!("`{}` could not be read: {why}", path.display());
    Failure::new(Class::Prerequisite, "FILE_UNREADABLE", summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_values_have_their_forms() {
        let fernet = generate(Generator::Fernet).unwrap();
        assert_eq!((fernet.expose().len(), fernet.expose().ends_with('=')), (44, true));
        assert_eq!(URL_SAFE.decode(fernet.expose()).unwrap().len(), 32);
        let hex = generate(Generator::Hex32).unwrap();
        assert_eq!(hex.expose().len(), 64);
        assert!(hex.expose().chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(
            STANDARD.decode(generate(Generator::Base64).unwrap().expose()).unwrap().len(),
            32
        );
        assert_ne!(fernet, generate(Generator::Fernet).unwrap());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read(Path::new("/nonexistent/mlup-test-key")).unwrap_err();
        assert_eq!(failure.code, "FILE_UNREADABLE");
        assert!(failure.summary.contains("mlup-test-key"));
    }
}
