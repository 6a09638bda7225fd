//! Values of secrets: made by a generator or read from a file.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::config::model::{Config, Generator, SecretValue};
use crate::event::Fix;
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

/// The files of secrets that cannot be read, each a failure of its own: known before there is a
/// cluster to put them into. What a `[[file]]` is going to write is not there yet.
pub(in crate::steps) fn unreadable_files(config: &Config) -> Vec<Failure> {
    let values = config.secrets.iter().flat_map(|secret| {
        secret.keys.iter().map(move |(key, value)| (secret.name.as_str(), key.as_str(), value))
    });
    let failure = |(secret, key, value): (&str, &str, &SecretValue)| {
        let SecretValue::File(path) = value else { return None };
        if config.files.iter().any(|file| file.path == *path) {
            return None;
        }
        let failure = read(path).err()?;
        let place = format!("key `{key}` of the secret `{secret}`");
        let fix = Fix::safe(format!("write that file, or correct the {place} in mlup.toml"));
        Some(failure.because("mlup.toml", place).fix(fix))
    };
    values.filter_map(failure).collect()
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
    fn files_that_cannot_be_read_are_all_named_unless_a_step_writes_them() {
        use crate::config::fixture;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        files::write(&path("there"), b"x", 0o600).unwrap();
        let keys = ["there", "absent", "made", ""].map(|name| {
            let key = if name.is_empty() { "folder" } else { name };
            (key.to_owned(), SecretValue::File(path(name)))
        });
        let mut config = fixture::config();
        config.secrets = vec![crate::config::model::KubeSecret {
            name: "app".to_owned(),
            namespace: None,
            kind: None,
            keys: keys.into_iter().collect(),
        }];
        let mut made = fixture::file("made");
        made.path = path("made");
        config.files = vec![made];
        let failures = unreadable_files(&config);
        let places: Vec<&str> = failures.iter().map(|one| one.evidence[0].text.as_str()).collect();
        assert_eq!(
            places,
            ["key `absent` of the secret `app`", "key `folder` of the secret `app`"]
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read(Path::new("/nonexistent/mlup-test-key")).unwrap_err();
        assert_eq!(failure.code, "FILE_UNREADABLE");
        assert!(failure.summary.contains("mlup-test-key"));
    }
}
