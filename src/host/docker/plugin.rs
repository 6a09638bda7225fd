//! Where the compose plugin lies, by the folders that the docker command line searches. Whether it
//! works, and its version, is for the command line to say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::host::process::is_executable;

/// Folders of every user (docker/cli 28.2, `cli-plugins/manager/manager_unix.go`).
const SYSTEM_FOLDERS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// The plugin's program, the first in the order of the docker command line.
#[must_use]
pub fn compose_plugin(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let config = configuration_folder(env);
    let extra = config.as_deref().map(extra_folders).unwrap_or_default();
    let own = config.map(|folder| folder.join("cli-plugins"));
    let system = SYSTEM_FOLDERS.iter().map(PathBuf::from);
    let mut programs =
        extra.into_iter().chain(own).chain(system).map(|folder| folder.join("docker-compose"));
    programs.find(|program| is_executable(program))
}

fn configuration_folder(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
    set("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(home).join(".docker")))
}

/// `cliPluginsExtraDirs` of `config.json`. A file that cannot be read is the command line's matter.
fn extra_folders(config: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(config.join("config.json")).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let folders = value.get("cliPluginsExtraDirs").and_then(Value::as_array);
    folders.into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files;

    #[test]
    fn a_plugin_of_the_user_wins_and_one_of_the_configuration_wins_over_it() {
        let home = tempfile::tempdir().unwrap();
        let env = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
        let own = home.path().join(".docker/cli-plugins");
        std::fs::create_dir_all(&own).unwrap();
        files::write(&own.join("docker-compose"), b"", 0o600).unwrap();
        assert_ne!(compose_plugin(&env), Some(own.join("docker-compose")), "not executable");
        files::write(&own.join("docker-compose"), b"", 0o700).unwrap();
        assert_eq!(compose_plugin(&env), Some(own.join("docker-compose")));
        let extra = home.path().join("extra");
        std::fs::create_dir_all(&extra).unwrap();
        files::write(&extra.join("docker-compose"), b"", 0o700).unwrap();
        let config = serde_json::json!({ "cliPluginsExtraDirs": [extra] }).to_string();
        files::write(&home.path().join(".docker/config.json"), config.as_bytes(), 0o600).unwrap();
        assert_eq!(compose_plugin(&env), Some(extra.join("docker-compose")));
    }
}
