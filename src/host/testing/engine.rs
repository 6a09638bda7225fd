//! The real Docker Engine in tests: names that no other test uses, the command line to set up and to
//! clean up, and images of busybox.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::host::files;

/// A name on the engine that no other test and no other run uses.
pub(crate) fn unique(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("mlup-test-{}-{kind}-{count}", std::process::id())
}

/// Runs the docker command line, which has to succeed; what it printed.
pub(crate) fn docker(args: &[&str]) -> String {
    let (success, stdout, stderr) = run(args);
    assert!(success, "docker {}: {stderr}", args.join(" "));
    stdout
}

/// Runs the docker command line to clean up: what is gone already is as good.
pub(crate) fn clean_up(args: &[&str]) -> String {
    run(args).1
}

#[expect(clippy::disallowed_methods, reason = "a drop guard cannot await the runner")]
fn run(args: &[&str]) -> (bool, String, String) {
    let Ok(output) = Command::new("docker").args(args).output() else {
        return (false, String::new(), "it does not start".to_owned());
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// A build context of this Dockerfile with a static `busybox` beside it.
pub(crate) fn busybox_context(dockerfile: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy("/bin/busybox", folder.path().join("busybox")).unwrap();
    files::write(&folder.path().join("Dockerfile"), dockerfile.as_bytes(), 0o644).unwrap();
    folder
}
