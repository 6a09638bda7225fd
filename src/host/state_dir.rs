//! The folder of a project under the XDG state directory: its lock and its run logs. What mlup
//! knows about the world is not here: the world is the state.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// `<state>/mlup/<project>-<8 hex digits of the root's SHA-256>`, or nothing where neither
/// `XDG_STATE_HOME` nor `HOME` says where state belongs. The folder need not be there.
#[must_use]
pub fn state_dir(env: &BTreeMap<String, String>, project: &str, root: &Path) -> Option<PathBuf> {
    // Two ways to one folder, such as through a link, are one project.
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let hash = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    Some(state_home(env)?.join("mlup").join(format!("{}-{hash:08x}", file_name(project))))
}

/// XDG Base Directory Specification 0.8: a relative `XDG_STATE_HOME` is ignored.
fn state_home(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folder = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))
}

/// The name with everything that a file name should not have replaced; never empty, hidden or
/// longer than a file system takes.
pub(super) fn file_name(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let clean: String = name.chars().map(fits).take(100).collect();
    match clean.trim_start_matches('.') {
        "" => "_".to_owned(),
        clean => clean.to_owned(),
    }
}

/// Makes the folder and its parents where they are missing, for nobody else to read.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn xdg_state_home_goes_before_home_and_must_be_absolute() {
        let root = Path::new("/no/such/project");
        let at = |pairs: &[(&str, &str)]| state_dir(&env(pairs), "demo", root);
        let found = at(&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")]).unwrap();
        assert_eq!(found.parent(), Some(Path::new("/x/mlup")));
        let home = at(&[("XDG_STATE_HOME", "rel"), ("HOME", "/h")]).unwrap();
        assert!(home.starts_with("/h/.local/state/mlup"), "{home:?}");
        assert_eq!(at(&[]), None);
    }

    #[test]
    fn two_roots_of_one_name_do_not_share_a_folder() {
        let env = env(&[("HOME", "/h")]);
        let dir = |root: &str| state_dir(&env, "demo", Path::new(root)).unwrap();
        assert_ne!(dir("/a"), dir("/b"));
        assert_eq!(dir("/a"), dir("/a"));
        let name = dir("/a").file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("demo-") && name.len() == "demo-".len() + 8, "{name}");
    }

    #[test]
    fn a_link_to_the_root_is_the_same_project() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let env = env(&[("HOME", "/h")]);
        assert_eq!(state_dir(&env, "demo", &real), state_dir(&env, "demo", &link));
    }

    #[test]
    fn odd_names_become_file_names() {
        assert_eq!(file_name("my proj/ü"), "my_proj__");
        assert_eq!(file_name("../.."), "_..");
        assert_eq!(file_name(".."), "_");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name("deploy/stack"), "deploy_stack");
    }
}
