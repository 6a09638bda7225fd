//! Where units are, and whether a file there may be touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::drivers::systemd::owner::{Owner, owner};
use crate::drivers::systemd::unit::Scope;
use crate::error::{Error, Exit};
use crate::event::Fix;
use crate::host::files::{self, Entry};
use crate::policy::{Class, Failure};

/// Where the administrator's units are.
const SYSTEM: &str = "/etc/systemd/system";

/// The folder of units of this scope, as `systemd.unit(5)` has it.
///
/// # Errors
/// Nothing says where the user's own files are.
pub(super) fn folder(env: &BTreeMap<String, String>, scope: &Scope) -> Result<PathBuf, Error> {
    if matches!(scope, Scope::System { .. }) {
        return Ok(PathBuf::from(SYSTEM));
    }
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(absolute("HOME")?.join(".config"));
    let config = absolute("XDG_CONFIG_HOME").or_else(home).ok_or_else(|| Error::Plain {
        exit: Exit::Prerequisite,
        message: "there is no place for units: `HOME` is not set".to_owned(),
        help: Some("set `HOME`, or `XDG_CONFIG_HOME` to an absolute path".to_owned()),
    })?;
    Ok(config.join("systemd/user"))
}

/// What is at the path of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Present {
    /// Nothing.
    Nothing,
    /// A unit of this environment, with this text and mode.
    Own(String, u32),
    /// Something else, which stays.
    Foreign(Box<Failure>),
}

/// Looks at the path of a unit of the environment of this `mlup.toml`.
///
/// # Errors
/// `FILE_UNREADABLE`.
pub(super) fn look(path: &Path, file: &Path) -> Result<Present, Failure> {
    let (content, mode) = match files::look(path)? {
        // A link that leads nowhere is somebody's too.
        Entry::Absent if path.is_symlink() => {
            return Ok(foreign(path, "a link that leads nowhere"));
        }
        Entry::Absent => return Ok(Present::Nothing),
        Entry::Folder { .. } => return Ok(foreign(path, "a folder")),
        Entry::File { content, mode } => (String::from_utf8_lossy(&content).into_owned(), mode),
    };
    Ok(match owner(&content, file) {
        Owner::Own => Present::Own(content, mode),
        Owner::Other(other) => foreign(path, &format!("the unit of the environment of {other}")),
        Owner::Foreign => {
            let first = content.lines().next().unwrap_or_default();
            foreign(path, &format!("a file that mlup did not make; it begins with: {first}"))
        }
    })
}

fn foreign(path: &Path, what: &str) -> Present {
    let summary = format!("`{}` is there and is not this environment's unit", path.display());
    let failure = Failure::new(Class::Refused, "UNIT_FOREIGN", summary)
        .because(path.display().to_string(), what)
        .fix(Fix::safe("give this environment another `name`, or move that file away yourself"));
    Present::Foreign(Box::new(failure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::systemd::owner::header;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn units_of_a_user_are_below_the_configuration_folder() {
        let at = |pairs: &[(&str, &str)]| folder(&env(pairs), &Scope::User).unwrap();
        assert_eq!(at(&[("HOME", "/h")]), Path::new("/h/.config/systemd/user"));
        let both = at(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]);
        assert_eq!(both, Path::new("/x/systemd/user"));
        assert!(folder(&env(&[]), &Scope::User).is_err());
        let system = Scope::System { user: "dev".to_owned() };
        assert_eq!(folder(&env(&[]), &system).unwrap(), Path::new("/etc/systemd/system"));
    }

    #[test]
    fn only_units_of_this_environment_may_be_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (unit, mine) = (folder.path().join("mlup-demo@k3d.service"), Path::new("/p/mlup.toml"));
        assert_eq!(look(&unit, mine).unwrap(), Present::Nothing);
        let text = format!("{}\n[Unit]\n", header(mine));
        files::write(&unit, text.as_bytes(), 0o644).unwrap();
        assert_eq!(look(&unit, mine).unwrap(), Present::Own(text, 0o644));
        let Present::Foreign(failure) = look(&unit, Path::new("/q/mlup.toml")).unwrap() else {
            panic!("taken for its own")
        };
        assert_eq!((failure.class, failure.code), (Class::Refused, "UNIT_FOREIGN"));
        assert!(failure.evidence[0].text.contains("/p/mlup.toml"), "{failure:?}");
    }

    #[test]
    fn a_masked_unit_and_a_dead_link_are_not_taken_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for target in ["/dev/null", "/no/such/file"] {
            let unit = folder.path().join(target.replace('/', "_"));
            std::os::unix::fs::symlink(target, &unit).unwrap();
            let found = look(&unit, Path::new("/p/mlup.toml")).unwrap();
            assert!(matches!(found, Present::Foreign(_)), "{target}: {found:?}");
        }
    }
}
