//! Files for the other machine: whole, with their mode, or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use mlup::host::ssh::{Mode, RemotePath, Rights};
use mlup::policy::Failure;

use super::Site;

/// A file of this machine with bytes of every kind, larger than any buffer on the way.
fn program(site: &Site) -> (PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let path = site.sshd.path("program");
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

async fn copy(site: &Site, to: &str, mode: Mode, rights: Rights) -> Result<(), Failure> {
    let (local, _) = program(site);
    site.ssh().copy(&local, &RemotePath::new(to).unwrap(), mode, rights).await
}

fn names(site: &Site, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(site.sshd.far(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_file_arrives_byte_by_byte_with_its_mode_and_nothing_beside_it() {
    let site = Site::new();
    copy(&site, "/usr/local/bin/k3s", Mode::Program, Rights::Root).await.unwrap();
    let (_, bytes) = program(&site);
    let there = site.sshd.far("/usr/local/bin/k3s");
    assert!(fs::read(&there).unwrap() == bytes, "other bytes arrived");
    assert_eq!(there.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    copy(&site, "/home/dev/it's here/token", Mode::Private, Rights::User).await.unwrap();
    let there = site.sshd.far("/home/dev/it's here/token");
    assert_eq!(there.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&site, "/home/dev/it's here"), ["token"]);
    assert_eq!(site.sshd.connections(), 1);
}

#[tokio::test]
async fn a_machine_with_nothing_but_busybox_takes_files() {
    let site = Site::new();
    let busybox = which::which("busybox").unwrap();
    for name in ["sh", "dd", "cat", "wc", "mkdir", "chmod", "mv", "id", "rm"] {
        let program = format!("#!/bin/sh\nexec {} {name} \"$@\"\n", busybox.display());
        site.sshd.command(name, &program);
    }
    copy(&site, "/usr/local/bin/k3s", Mode::Program, Rights::Root).await.unwrap();
    let (_, bytes) = program(&site);
    assert!(fs::read(site.sshd.far("/usr/local/bin/k3s")).unwrap() == bytes);
}

#[tokio::test]
async fn a_full_disk_leaves_what_was_there() {
    let site = Site::new();
    let old = "echo old >/small/k3s";
    assert!(site.run(old).await.unwrap().success());
    let failure = copy(&site, "/small/k3s", Mode::Program, Rights::Root).await.unwrap_err();
    assert_eq!(failure.code, "REMOTE_DISK_FULL", "{failure:?}");
    assert_eq!(failure.fix.unwrap().command, "ssh vm df -h");
    assert_eq!(site.run("cat /small/*; ls /small").await.unwrap().stdout, "old\nk3s\n");
}

#[tokio::test]
async fn sudo_that_asks_for_a_password_is_named() {
    let site = Site::new();
    site.sshd.command("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let to = "/usr/local/bin/k3s";
    let failure = copy(&site, to, Mode::Program, Rights::Root).await.unwrap_err();
    assert_eq!(failure.code, "SUDO_PASSWORD_NEEDED", "{failure:?}");
    assert!(!site.sshd.far(to).exists());
}

#[tokio::test]
async fn a_file_that_does_not_arrive_whole_does_not_take_the_others_place() {
    let site = Site::new();
    // As a connection does that breaks: what was under way is lost, and the input ends.
    site.sshd.command("cat", "#!/bin/sh\nexec head -c 1000000\n");
    let to = "/usr/local/bin/k3s";
    let failure = copy(&site, to, Mode::Program, Rights::Root).await.unwrap_err();
    assert!(failure.evidence[0].text.contains("1000000 of 3000000 bytes arrived"), "{failure:?}");
    assert!(names(&site, "/usr/local/bin").is_empty());
}

#[tokio::test]
async fn a_file_that_is_not_here_is_named_before_anything_is_asked() {
    let site = Site::new();
    let to = RemotePath::new("/tmp/x").unwrap();
    let from = site.sshd.path("nothing");
    let failure = site.ssh().copy(&from, &to, Mode::Private, Rights::User).await.unwrap_err();
    assert_eq!(failure.code, "FILE_UNREADABLE");
    assert_eq!(site.sshd.connections(), 0);
}
