//! Debian's docker-registry on loopback, with one user: images are pushed to it and pulled from it
//! by the real engine, which takes registries on loopback without HTTPS. What is pushed without the
//! engine is `wire`, the server of its tokens `tokens`.

mod tokens;
mod wire;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::IMAGE;
use tokens::Tokens;
pub(crate) use tokens::{GUEST, GUEST_PASSWORD};

/// The only user.
pub(crate) const USER: &str = "robot";
/// The user's password.
pub(crate) const PASSWORD: &str = "c4n4ry-registry";
/// The same for the registry, as bcrypt.
const HTPASSWD: &str = "robot:$2y$05$mlupTestSaltForRegisteXoaQBfA18vJDmnOOWk5cX8hcYqm3FIC\n";

/// A registry that ends with this value.
pub(crate) struct Registry {
    process: Child,
    server: String,
    folder: TempDir,
    pushed: Vec<String>,
    /// Who gives tokens for it, where it takes no passwords itself.
    tokens: Option<Tokens>,
}

impl Registry {
    /// An empty registry on a port of its own, which asks for user and password.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        std::fs::write(&path, HTPASSWD).unwrap();
        let auth = json!({ "htpasswd": { "realm": "test", "path": path } });
        Self::serve(folder, &auth, None)
    }

    /// An empty registry that sends whoever asks to a server of tokens, as those of clouds do.
    pub(crate) fn with_tokens() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::start();
        let auth = tokens.settings(folder.path());
        Self::serve(folder, &auth, Some(tokens))
    }

    fn serve(folder: TempDir, auth: &Value, tokens: Option<Tokens>) -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/registry/docker-registry");
        let program = if own.exists() { own } else { PathBuf::from("docker-registry") };
        let path = |name: &str| folder.path().join(name);
        let config = json!({
            "version": 0.1,
            "log": { "level": "info", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": path("data") } },
            "http": { "addr": "127.0.0.1:0" },
            "auth": auth,
        });
        std::fs::write(path("config.yml"), config.to_string()).unwrap();
        let mut process = Command::new(program)
            .arg("serve")
            .arg(path("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no docker-registry (`scripts/setup registry`): {error}")
            });
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let mut lines = stderr.lines().map_while(Result::ok);
        let server = lines.find_map(|line| {
            let at = line.find("listening on ")? + "listening on ".len();
            line[at..].split(['"', ' ']).next().map(str::to_owned)
        });
        // What it says of each request must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        let server = server.unwrap_or_else(|| panic!("docker-registry did not start"));
        Self { process, server, folder, pushed: Vec::new(), tokens }
    }

    /// Its name in images: address and port.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Pushes the test image under this name; the whole name of the image.
    #[track_caller]
    pub(crate) fn push(&mut self, name: &str) -> String {
        let image = format!("{}/{name}", self.server);
        let config = self.login(USER, PASSWORD);
        docker(&config, &["tag", IMAGE, &image]).unwrap();
        self.pushed.push(image.clone());
        docker(&config, &["push", "--quiet", &image]).unwrap();
        self.forget(&image);
        image
    }

    /// Pulls an image with the logins of this folder, and forgets it again; else the words of the
    /// engine.
    pub(crate) fn pull(&self, image: &str, config: &Path) -> Result<(), String> {
        docker(config, &["pull", "--quiet", image])?;
        self.forget(image);
        Ok(())
    }

    /// A folder with a login for the Docker client.
    pub(crate) fn login(&self, user: &str, password: &str) -> PathBuf {
        let entry = json!({ "username": user, "password": password });
        self.config(&json!({ "auths": { &self.server: entry } }).to_string())
    }

    /// A folder whose `config.json` is this.
    pub(crate) fn config(&self, text: &str) -> PathBuf {
        let folder = self.folder.path().join("client");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), text).unwrap();
        folder
    }

    fn forget(&self, image: &str) {
        let _ = docker(self.folder.path(), &["image", "rm", image]);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for image in &self.pushed {
            self.forget(image);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the Docker client with the logins of this folder; its words where it fails.
fn docker(config: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new("docker").env("DOCKER_CONFIG", config).args(args).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(words) }
}
