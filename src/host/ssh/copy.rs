//! Files of this machine for the other one: whole or not at all, over the same connection, and
//! without a file transfer service over there.

use std::path::Path;
use std::time::Duration;

use super::{Script, Ssh};
use crate::host::files;
use crate::policy::{Failure, ssh as words};

/// Time for each MiB of a file beside a minute: a slow line still has 100 kB/s.
const TIME_OF_A_MIB: Duration = Duration::from_secs(10);

/// The script; its standard input is the file.
const SCRIPT: &str = include_str!("copy.sh");

/// A path of the far side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePath(String);

impl RemotePath {
    /// An absolute path that names a file.
    #[must_use]
    pub fn new(path: &str) -> Option<Self> {
        let is_file = path.starts_with('/') && !path.ends_with('/');
        (is_file && !path.contains(['\0', '\n'])).then(|| Self(path.to_owned()))
    }

    /// The path as the far side has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who may do what with a file that was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Its owner alone reads and writes it.
    Private,
    /// Everybody runs it.
    Program,
}

impl Mode {
    fn bits(self) -> &'static str {
        match self {
            Self::Private => "0600",
            Self::Program => "0755",
        }
    }
}

/// With whose rights something is done on the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// With those of the user who logs in.
    User,
    /// With root's, through `sudo` that asks for no password.
    Root,
}

impl Rights {
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Root => "root",
        }
    }
}

impl Ssh {
    /// Copies a file of this machine there. What was at that path stays until all of the file is
    /// there; folders that are missing are made.
    ///
    /// # Errors
    /// `FILE_UNREADABLE`; as [`Ssh::script`]; why it could not be written there.
    pub async fn copy(
        &self,
        local: &Path,
        remote: &RemotePath,
        mode: Mode,
        rights: Rights,
    ) -> Result<(), Failure> {
        let (payload, size) = files::payload(local)?;
        let mibs = u32::try_from(size >> 20).unwrap_or(u32::MAX);
        let script = Script::new(format!("copy `{}` to `{}`", local.display(), remote.0), SCRIPT)
            .with("target", remote.as_str())
            .with("mode", mode.bits())
            .with("rights", rights.word())
            .with("size", size.to_string())
            .limit(Duration::from_secs(60).saturating_add(TIME_OF_A_MIB.saturating_mul(mibs)));
        let output = self.feed(&script, payload).await?;
        if output.success() {
            return Ok(());
        }
        Err(words::far_side(self.destination().as_str(), script.doing(), &output.stderr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_path_is_absolute_and_names_a_file() {
        assert!(RemotePath::new("/usr/local/bin/k3s").is_some());
        for path in ["", "k3s", "~/k3s", "/usr/local/bin/", "/a\nb", "/a\0b"] {
            assert_eq!(RemotePath::new(path), None, "{path:?}");
        }
    }
}
