//! Where minikube keeps what it knows: profiles and machines below its home folder.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{calls, engine, kubeconfig};

/// `~/.minikube`, or where `MINIKUBE_HOME` says.
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
}

impl Home {
    /// The home of whoever calls.
    pub(crate) fn of_user() -> Result<Self, Box<dyn Error>> {
        let set = std::env::var_os("MINIKUBE_HOME").filter(|home| !home.is_empty());
        let folder = match set.map(PathBuf::from) {
            Some(folder) if folder.ends_with(".minikube") => folder,
            Some(folder) => folder.join(".minikube"),
            None => PathBuf::from(std::env::var_os("HOME").ok_or("no HOME")?).join(".minikube"),
        };
        Ok(Self { folder })
    }

    /// One profile, whether it is there or not.
    pub(crate) fn profile(&self, name: &str) -> Profile {
        Profile { name: name.to_owned(), home: self.folder.clone() }
    }

    /// The profiles that have a folder, by name.
    pub(crate) fn profiles(&self) -> Vec<Profile> {
        let entries = std::fs::read_dir(self.folder.join("profiles")).into_iter().flatten();
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.iter().map(|name| self.profile(name)).collect()
    }

    /// A setting of `minikube config set`.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("config/config.json")).ok()?;
        let settings: Value = serde_json::from_str(&text).ok()?;
        match &settings[name] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Waits until no other minikube works on the machines.
    pub(crate) fn lock(&self) -> Result<File, Box<dyn Error>> {
        std::fs::create_dir_all(&self.folder)?;
        let path = self.folder.join("machine_client.lock");
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        calls::lock(&file)?;
        Ok(file)
    }
}

/// A profile: its folder, its machine's folder, and its objects on the engine.
pub(crate) struct Profile {
    pub(crate) name: String,
    home: PathBuf,
}

impl Profile {
    /// Folder of the profile.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.join("profiles").join(&self.name)
    }

    /// Folder of the first node's machine.
    pub(crate) fn machine_folder(&self) -> PathBuf {
        self.home.join("machines").join(&self.name)
    }

    /// What is configured; none where there is no such profile.
    pub(crate) fn config(&self) -> Result<Option<Value>, Box<dyn Error>> {
        let path = self.folder().join("config.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
                format!("Error getting cluster config: unmarshal {}: {error}", path.display())
                    .into()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("open {}: {error}", path.display()).into()),
        }
    }

    /// Keeps what is configured.
    pub(crate) fn save_config(&self, config: &Value) -> Result<(), Box<dyn Error>> {
        save(&self.folder(), config)
    }

    /// What is known of the first node's machine.
    pub(crate) fn machine(&self) -> Option<Value> {
        let text = std::fs::read_to_string(self.machine_folder().join("config.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Whether the machine's record is there and cannot be read.
    pub(crate) fn has_broken_machine(&self) -> bool {
        self.machine_folder().join("config.json").exists() && self.machine().is_none()
    }

    /// Keeps what is known of the machine.
    pub(crate) fn save_machine(&self, machine: &Value) -> Result<(), Box<dyn Error>> {
        save(&self.machine_folder(), machine)
    }

    /// The containers of its nodes, by label.
    pub(crate) fn containers(&self) -> Vec<String> {
        let label = format!("name.minikube.sigs.k8s.io={}", self.name);
        engine::labelled("container", &label).unwrap_or_default()
    }

    /// Whether nothing of it is left.
    pub(crate) fn is_gone(&self) -> bool {
        !self.folder().exists()
            && !self.machine_folder().exists()
            && engine::inspect("volume", &self.name).is_none()
            && self.containers().is_empty()
    }

    /// Its entry in the kubeconfig.
    pub(crate) fn kubeconfig_entry(&self) -> Option<kubeconfig::Entry> {
        let machine = self.machine()?;
        Some(kubeconfig::Entry {
            context: self.name.clone(),
            user: self.name.clone(),
            server: format!("http://127.0.0.1:{}", machine["Port"].as_u64()?),
            token: machine["Token"].as_str()?.to_owned(),
            provider: Some("minikube.sigs.k8s.io"),
        })
    }
}

fn save(folder: &Path, value: &Value) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("config.json"), format!("{value:#}\n"))?;
    Ok(())
}
