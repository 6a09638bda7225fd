//! The kubeconfig as the cluster tools keep it: one context, cluster and user each, in the first
//! file that `KUBECONFIG` names.

use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_norway::Value;

/// What leads to a cluster.
pub(crate) struct Entry {
    pub(crate) context: String,
    pub(crate) user: String,
    pub(crate) server: String,
    pub(crate) token: String,
    /// Name of the tool that stands in the entry's extensions; k3d writes none.
    pub(crate) provider: Option<&'static str>,
}

/// The file that the tools write: the first of `KUBECONFIG`, else the user's own.
pub(crate) fn default_file() -> Result<PathBuf, Box<dyn Error>> {
    let listed = std::env::var_os("KUBECONFIG");
    let first = listed.as_ref().and_then(|list| std::env::split_paths(list).next());
    if let Some(first) = first.filter(|path| !path.as_os_str().is_empty()) {
        return Ok(first);
    }
    Ok(PathBuf::from(std::env::var_os("HOME").ok_or("no HOME")?).join(".kube/config"))
}

/// The server of a context's cluster.
pub(crate) fn server(file: &Path, context: &str) -> Option<String> {
    let config = read(file).ok()?;
    let cluster = named(&config, "contexts", context)?["context"]["cluster"].as_str()?.to_owned();
    let cluster = named(&config, "clusters", &cluster)?;
    Some(cluster["cluster"]["server"].as_str()?.to_owned())
}

/// A file with one entry, as YAML.
pub(crate) fn alone(entry: &Entry) -> Result<String, Box<dyn Error>> {
    let mut config = empty()?;
    add(&mut config, entry)?;
    config["current-context"] = Value::from(entry.context.as_str());
    Ok(serde_norway::to_string(&config)?)
}

/// Puts an entry into a file, in place of one of the same name.
pub(crate) fn write(file: &Path, entry: &Entry, switch: bool) -> Result<(), Box<dyn Error>> {
    let mut config = read(file)?;
    remove_from(&mut config, &entry.context, &entry.user);
    add(&mut config, entry)?;
    if switch {
        config["current-context"] = Value::from(entry.context.as_str());
    }
    save(file, &config)
}

/// Takes an entry out of a file.
pub(crate) fn remove(file: &Path, context: &str, user: &str) -> Result<(), Box<dyn Error>> {
    let mut config = read(file)?;
    remove_from(&mut config, context, user);
    if config["current-context"].as_str() == Some(context) {
        config["current-context"] = Value::from("");
    }
    save(file, &config)
}

/// Leaves no context current where it is this one.
pub(crate) fn drop_current(file: &Path, context: &str) -> Result<(), Box<dyn Error>> {
    let mut config = read(file)?;
    if config["current-context"].as_str() == Some(context) {
        config["current-context"] = Value::from("");
        save(file, &config)?;
    }
    Ok(())
}

fn empty() -> Result<Value, Box<dyn Error>> {
    let text = "apiVersion: v1\nkind: Config\npreferences: {}\nclusters: []\ncontexts: []\n\
        users: []\ncurrent-context: ''\n";
    Ok(serde_norway::from_str(text)?)
}

fn read(file: &Path) -> Result<Value, Box<dyn Error>> {
    match std::fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => Ok(serde_norway::from_str(&text)?),
        Ok(_) => empty(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => empty(),
        Err(error) => Err(error.into()),
    }
}

fn save(file: &Path, config: &Value) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(file.parent().ok_or("a kubeconfig without a folder")?)?;
    std::fs::write(file, serde_norway::to_string(config)?)?;
    std::fs::set_permissions(file, Permissions::from_mode(0o600))?;
    Ok(())
}

fn named<'a>(config: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    config[list].as_sequence()?.iter().find(|item| item["name"].as_str() == Some(name))
}

fn remove_from(config: &mut Value, context: &str, user: &str) {
    for (list, name) in [("contexts", context), ("clusters", context), ("users", user)] {
        if let Some(items) = config.get_mut(list).and_then(Value::as_sequence_mut) {
            items.retain(|item| item["name"].as_str() != Some(name));
        }
    }
}

fn add(config: &mut Value, entry: &Entry) -> Result<(), Box<dyn Error>> {
    let extensions = |name: &str| {
        entry.provider.map(|provider| {
            serde_json::json!([{"name": name, "extension": {
                "last-update": "Sat, 21 Nov 2026 10:00:00 UTC", "provider": provider, "version": "v1.38.1",
            }}])
        })
    };
    let mut cluster = serde_json::json!({"server": entry.server});
    let mut context =
        serde_json::json!({"cluster": entry.context, "namespace": "default", "user": entry.user});
    if let (Some(of_cluster), Some(of_context)) =
        (extensions("cluster_info"), extensions("context_info"))
    {
        cluster["extensions"] = of_cluster;
        context["extensions"] = of_context;
    }
    let items = [
        ("clusters", serde_json::json!({"name": entry.context, "cluster": cluster})),
        ("contexts", serde_json::json!({"name": entry.context, "context": context})),
        ("users", serde_json::json!({"name": entry.user, "user": {"token": entry.token}})),
    ];
    for (list, item) in items {
        let item = serde_norway::to_value(item)?;
        let config = config.as_mapping_mut().ok_or("a kubeconfig that is no mapping")?;
        let list = config.entry(Value::from(list)).or_insert_with(|| Value::Sequence(Vec::new()));
        if !list.is_sequence() {
            *list = Value::Sequence(Vec::new());
        }
        list.as_sequence_mut().ok_or("no list")?.push(item);
    }
    Ok(())
}
