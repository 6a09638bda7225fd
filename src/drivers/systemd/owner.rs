//! The first line of a unit that mlup made: whose it is. Only such files are written anew or
//! removed.

use std::path::Path;

use super::word::word;

const OPENING: &str = "# Made by `mlup systemd install` of ";
const CLOSING: &str = "; `mlup systemd uninstall` removes it.";

/// Whose a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This environment's.
    Own,
    /// That of the environment of another `mlup.toml`, as its path is written there.
    Other(String),
    /// Not mlup's.
    Foreign,
}

/// The first line of the units of the environment of this `mlup.toml`.
#[must_use]
pub fn header(file: &Path) -> String {
    format!("{OPENING}{}{CLOSING}", written(file))
}

/// Whose a unit with this text is, seen from the environment of this `mlup.toml`.
#[must_use]
pub fn owner(text: &str, file: &Path) -> Owner {
    let first = text.lines().next().unwrap_or_default();
    match first.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix(CLOSING)) {
        Some(path) if path == written(file) => Owner::Own,
        Some(path) => Owner::Other(path.to_owned()),
        None => Owner::Foreign,
    }
}

fn written(file: &Path) -> String {
    word(&file.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_told_by_its_first_line() {
        let mine = Path::new("/home/dev/my demo/mlup.toml");
        let text = format!("{}\n[Unit]\n", header(mine));
        assert_eq!(owner(&text, mine), Owner::Own);
        let other = Owner::Other("\"/home/dev/my demo/mlup.toml\"".to_owned());
        assert_eq!(owner(&text, Path::new("/srv/demo/mlup.toml")), other);
        for foreign in ["", "[Unit]\n", "# by hand\n", "[Unit]\n# Made by `mlup systemd install`"] {
            assert_eq!(owner(foreign, mine), Owner::Foreign);
        }
    }

    #[test]
    fn no_path_breaks_out_of_the_line() {
        assert_eq!(
            header(Path::new("/a\n[Service]\nExecStart=/bin/evil/x.toml")).lines().count(),
            1
        );
    }
}
