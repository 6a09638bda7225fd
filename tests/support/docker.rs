//! Real Docker objects for tests: a name of one's own, one small image, and a guard that takes
//! everything of that name away again, also when the test fails.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The image that tests run: busybox and nothing else, built from this machine's.
pub(crate) const IMAGE: &str = "mlup-test-busybox:1";

const DOCKERFILE: &str = "\
FROM scratch
COPY busybox /bin/busybox
RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]
ENV PATH=/bin
CMD [\"sh\"]
";

/// Whether tests that need Docker may be left out.
pub(crate) fn without_docker_allowed() -> bool {
    std::env::var("MLUP_TEST_WITHOUT_DOCKER").is_ok_and(|value| value == "1")
}

/// A name that no other test uses; what carries it is removed with this value.
pub(crate) struct DockerGuard {
    name: String,
}

impl DockerGuard {
    /// Whether the engine answers; asked once.
    pub(crate) fn is_docker_there() -> bool {
        static THERE: OnceLock<bool> = OnceLock::new();
        *THERE.get_or_init(|| {
            let mut version = Command::new("docker");
            version.args(["version", "--format", "{{.Server.Version}}"]);
            version.output().is_ok_and(|output| output.status.success())
        })
    }

    /// A fresh name; the test image is there from now on.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        build_image();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("mlup-test-{}-{number}", std::process::id()) }
    }

    /// The name: for the compose project itself, and the beginning of all others (`NAME-net`).
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Identifiers of what carries the name, of one kind: `container`, `network`, `volume`, `image`.
    pub(crate) fn list(&self, kind: &str) -> Vec<String> {
        let (all, format) = match kind {
            "container" => (["--all"].as_slice(), "{{.ID}}\t{{.Names}}\t{{.Label \"P\"}}"),
            "image" => ([].as_slice(), "{{.Repository}}:{{.Tag}}\t{{.Repository}}\t"),
            "network" => ([].as_slice(), "{{.ID}}\t{{.Name}}\t{{.Label \"P\"}}"),
            _ => ([].as_slice(), "{{.Name}}\t{{.Name}}\t{{.Label \"P\"}}"),
        };
        let format = format.replace("\"P\"", "\"com.docker.compose.project\"");
        let mut args = vec![kind, "ls", "--format", &format];
        args.extend(all);
        let mine = |line: &str| {
            let mut fields = line.split('\t');
            let id = fields.next()?;
            fields.any(|field| self.owns(field)).then(|| id.to_owned())
        };
        docker(&args).lines().filter_map(mine).collect()
    }

    /// Its own name or one that goes on from it; the guard numbered 1 must not take 10 along.
    fn owns(&self, name: &str) -> bool {
        // k3d puts its own name before a cluster's.
        let rest = name.strip_prefix("k3d-").unwrap_or(name).strip_prefix(&self.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.', '/']))
    }
}

impl Drop for DockerGuard {
    fn drop(&mut self) {
        let kinds = [
            ("container", ["rm", "--force", "--volumes"].as_slice()),
            ("network", &["rm"]),
            ("volume", &["rm", "--force"]),
            ("image", &["rm", "--force"]),
        ];
        for (kind, remove) in kinds {
            let found = self.list(kind);
            if !found.is_empty() {
                let mut args = vec![kind];
                args.extend(remove);
                args.extend(found.iter().map(String::as_str));
                docker(&args);
            }
        }
    }
}

/// The static busybox of this machine.
pub(crate) fn busybox() -> PathBuf {
    let set = std::env::var_os("MLUP_TEST_BUSYBOX").map(PathBuf::from);
    set.unwrap_or_else(|| PathBuf::from("/bin/busybox"))
}

/// Builds the test image, once per process; the engine's cache makes later processes quick.
fn build_image() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let busybox = busybox();
        let context = tempfile::tempdir().unwrap();
        std::fs::copy(&busybox, context.path().join("busybox"))
            .unwrap_or_else(|error| panic!("a static busybox: {}: {error}", busybox.display()));
        std::fs::write(context.path().join("Dockerfile"), DOCKERFILE).unwrap();
        docker(&["build", "--quiet", "--tag", IMAGE, &context.path().display().to_string()]);
    });
}

/// Standard output of the Docker CLI, empty when it fails: during clean-up the rest must go on.
fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    if !output.status.success() {
        eprintln!("docker {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}
