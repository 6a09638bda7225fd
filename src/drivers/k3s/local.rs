//! What this machine brings for an installation without a download: the program, its installer, and
//! images.

use std::path::{Path, PathBuf};

use crate::drivers::k3s::findings::architecture;
use crate::event::Fix;
use crate::host::{elf, files};
use crate::policy::{Class, Failure};

/// Endings of archives that K3s imports when it starts (docs.k3s.io, air-gap).
const ARCHIVES: [&str; 4] = [".tar", ".tar.gz", ".tar.lz4", ".tar.zst"];

/// Stands before the name of an archive with K3s's own images, before the architecture.
const AIRGAP: &str = "k3s-airgap-images-";

/// The files of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) binary: PathBuf,
    pub(super) installer: PathBuf,
    pub(super) images: Vec<PathBuf>,
}

/// Finds them for a machine of this architecture, as `uname -m` names it.
///
/// # Errors
/// `K3S_LOCAL_INCOMPLETE`, `K3S_BINARY_ARCHITECTURE`.
pub(super) fn find(path: &Path, machine: &str) -> Result<Local, Failure> {
    let own = architecture(machine).unwrap_or("amd64");
    let local = if files::is_file(path) {
        let installer = path.with_file_name("install.sh");
        Local { binary: path.to_owned(), installer, images: Vec::new() }
    } else {
        in_folder(path, &files::names_in(path)?, own)?
    };
    if !files::is_file(&local.installer) {
        return Err(incomplete(path, "install.sh is not beside it", own));
    }
    match elf::machine(&local.binary) {
        Some(built) if architecture(built) != architecture(machine) => {
            let summary = format!(
                "`{}` is built for {built}, and the machine is {machine}",
                local.binary.display()
            );
            Err(Failure::new(Class::Config, "K3S_BINARY_ARCHITECTURE", summary)
                .because("uname -m", machine)
                .fix(Fix::safe(format!("take the release of K3s for {own}"))))
        }
        _ => Ok(local),
    }
}

fn in_folder(folder: &Path, names: &[String], own: &str) -> Result<Local, Failure> {
    let candidates: &[&str] = match own {
        "arm64" => &["k3s-arm64", "k3s"],
        "arm" => &["k3s-armhf", "k3s"],
        _ => &["k3s", "k3s-amd64"],
    };
    let binary = candidates.iter().find(|name| names.iter().any(|known| known == *name));
    let binary = binary.ok_or_else(|| incomplete(folder, "there is no `k3s` in it", own))?;
    let is_wanted = |name: &&String| {
        let is_archive = ARCHIVES.iter().any(|ending| name.ends_with(ending));
        let is_other = name
            .strip_prefix(AIRGAP)
            .is_some_and(|rest| rest.split('.').next().is_some_and(|built| built != own));
        is_archive && !is_other
    };
    let mut images: Vec<PathBuf> =
        names.iter().filter(is_wanted).map(|name| folder.join(name)).collect();
    images.sort();
    Ok(Local { binary: folder.join(binary), installer: folder.join("install.sh"), images })
}

fn incomplete(path: &Path, why: &str, own: &str) -> Failure {
    let summary = format!("`install` names `{}`, and {why}", path.display());
    let fix = format!(
        "put k3s, {AIRGAP}{own}.tar.zst (both of https://github.com/k3s-io/k3s/releases) and install.sh \
         (https://get.k3s.io) there"
    );
    Failure::new(Class::Config, "K3S_LOCAL_INCOMPLETE", summary).fix(Fix::safe(fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            files::write(&folder.path().join(name), b"#!/bin/sh\n", 0o755).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_holds_program_installer_and_the_images_for_the_machine() {
        let folder = folder(&[
            "k3s",
            "k3s-arm64",
            "install.sh",
            "k3s-airgap-images-amd64.tar.zst",
            "k3s-airgap-images-arm64.tar.zst",
            "own.tar",
            "README",
        ]);
        for (machine, binary, images) in [
            ("x86_64", "k3s", ["k3s-airgap-images-amd64.tar.zst", "own.tar"]),
            ("aarch64", "k3s-arm64", ["k3s-airgap-images-arm64.tar.zst", "own.tar"]),
        ] {
            let local = find(folder.path(), machine).unwrap();
            assert_eq!(local.binary, folder.path().join(binary));
            assert_eq!(local.images, images.map(|name| folder.path().join(name)));
        }
    }

    #[test]
    fn a_program_alone_needs_its_installer_beside_it() {
        let folder = folder(&["k3s", "install.sh"]);
        let local = find(&folder.path().join("k3s"), "x86_64").unwrap();
        assert_eq!(local.installer, folder.path().join("install.sh"));
        assert!(local.images.is_empty());
        files::remove(&folder.path().join("install.sh")).unwrap();
        for path in
            [folder.path().join("k3s"), folder.path().join("none"), folder.path().to_owned()]
        {
            let failure = find(&path, "x86_64").unwrap_err();
            assert_eq!((failure.class, failure.code), (Class::Config, "K3S_LOCAL_INCOMPLETE"));
        }
    }

    #[test]
    fn a_program_for_another_processor_is_refused() {
        let folder = folder(&["install.sh"]);
        let mut head = b"\x7fELF".to_vec();
        head.resize(18, 0);
        head.extend([0xb7, 0]);
        files::write(&folder.path().join("k3s"), &head, 0o755).unwrap();
        let failure = find(folder.path(), "x86_64").unwrap_err();
        assert_eq!(failure.code, "K3S_BINARY_ARCHITECTURE");
        assert!(failure.summary.contains("built for aarch64"), "{}", failure.summary);
        assert!(find(folder.path(), "aarch64").is_ok());
    }
}
