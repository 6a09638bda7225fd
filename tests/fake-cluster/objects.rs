//! Namespaces, secrets, service accounts and pods of a stand-in cluster: they live as long as its
//! container, and each write is written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::calls;

/// The kinds by the names of their resources.
const KINDS: [(&str, &str); 3] =
    [("secrets", "Secret"), ("serviceaccounts", "ServiceAccount"), ("pods", "Pod")];

/// Objects by their paths, and the version of the newest.
pub(crate) struct Objects {
    all: Mutex<(u64, BTreeMap<String, Value>)>,
    file: PathBuf,
    folder: PathBuf,
}

/// A request: method, path, the name of its field selector, and body.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) body: &'a str,
}

impl Objects {
    /// What an earlier server of this container left, or a new cluster's.
    pub(crate) fn of(folder: PathBuf, container: &str) -> Self {
        let file = folder.join(format!("objects-{container}.json"));
        let left = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let is_new = left.is_none();
        let objects = Self { all: Mutex::new((10, left.unwrap_or_default())), file, folder };
        if is_new {
            for name in ["default", "kube-system"] {
                objects.make_namespace(name, &json!({}));
            }
        }
        objects
    }

    /// The answer; none for what there is nothing of here.
    pub(crate) fn answer(&self, asked: &Asked<'_>) -> Option<(u16, Value)> {
        let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        let body: Value = serde_json::from_str(asked.body).unwrap_or_default();
        match (asked.method, &parts[..]) {
            ("GET", ["api", "v1", "namespaces", _]) => Some(self.get(asked.path)),
            ("POST", ["api", "v1", "namespaces"]) => {
                self.note(asked);
                let name = body["metadata"]["name"].as_str()?;
                Some((201, self.make_namespace(name, &body["metadata"]["labels"])))
            }
            (method, ["api", "v1", "namespaces", namespace, resource, name]) => {
                kind_of(resource)?;
                match method {
                    "GET" => Some(self.get(asked.path)),
                    "PATCH" | "PUT" => {
                        self.note(asked);
                        Some(self.write(asked.path, (namespace, name), resource, body))
                    }
                    "DELETE" => {
                        self.note(asked);
                        let gone = self.change(|all| all.remove(asked.path));
                        Some(gone.map_or_else(|| absent(asked.path), |object| (200, object)))
                    }
                    _ => None,
                }
            }
            ("GET", ["api", "v1", "namespaces", namespace, resource]) => {
                self.list(resource, Some(namespace), asked.name)
            }
            ("GET", ["api", "v1", resource]) => self.list(resource, None, asked.name),
            _ => None,
        }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.change(|all| all.get(path).cloned()).map_or_else(|| absent(path), |found| (200, found))
    }

    fn list(
        &self,
        resource: &str,
        within: Option<&str>,
        name: Option<&str>,
    ) -> Option<(u16, Value)> {
        let kind = kind_of(resource)?;
        let is_wanted = |path: &str, object: &Value| {
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            let [_, _, _, namespace, own, _] = parts[..] else { return false };
            own == resource
                && within.is_none_or(|within| within == namespace)
                && name.is_none_or(|name| object["metadata"]["name"] == name)
        };
        let items: Vec<Value> = self.change(|all| {
            let wanted = all.iter().filter(|(path, object)| is_wanted(path, object));
            wanted.map(|(_, object)| object.clone()).collect()
        });
        let list = json!({"kind": format!("{kind}List"), "apiVersion": "v1",
            "metadata": {"resourceVersion": "10"}, "items": items});
        Some((200, list))
    }

    fn write(
        &self,
        path: &str,
        (namespace, name): (&str, &str),
        resource: &str,
        new: Value,
    ) -> (u16, Value) {
        let home = format!("/api/v1/namespaces/{namespace}");
        if self.get(&home).0 != 200 {
            return absent(&home);
        }
        let mut object = self.get(path).1;
        if object["kind"] == "Status" {
            let uid = format!("uid-{namespace}-{name}");
            object = json!({"metadata": {"uid": uid, "namespace": namespace, "name": name}});
        }
        merge(&mut object, new);
        object["kind"] = kind_of(resource).into();
        self.put(path, &mut object);
        (200, object)
    }

    fn put(&self, path: &str, object: &mut Value) {
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.0 += 1;
        object["apiVersion"] = "v1".into();
        object["metadata"]["resourceVersion"] = all.0.to_string().into();
        object["metadata"]["creationTimestamp"] = "2026-11-21T10:00:00Z".into();
        all.1.insert(path.to_owned(), object.clone());
        drop(all);
        self.change(|_| ());
    }

    fn make_namespace(&self, name: &str, labels: &Value) -> Value {
        let path = format!("/api/v1/namespaces/{name}");
        let metadata = json!({"name": name, "uid": format!("ns-{name}"), "labels": labels});
        let mut namespace =
            json!({"kind": "Namespace", "metadata": metadata, "status": {"phase": "Active"}});
        self.put(&path, &mut namespace);
        let metadata = json!({"name": "default", "namespace": name, "uid": format!("sa-{name}")});
        let mut account = json!({"kind": "ServiceAccount", "metadata": metadata});
        self.put(&format!("{path}/serviceaccounts/default"), &mut account);
        namespace
    }

    /// Looks or changes, and keeps what is there then.
    fn change<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Value>) -> T) -> T {
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let done = work(&mut all.1);
        // In one piece: a test may read meanwhile.
        let draft = self.file.with_extension("draft");
        if fs::write(&draft, json!(all.1).to_string()).is_ok() {
            let _ = fs::rename(&draft, &self.file);
        }
        done
    }

    fn note(&self, asked: &Asked<'_>) {
        let call = json!({
            "tool": "kubernetes-writes", "command": asked.method,
            "argv": [asked.method, asked.path], "stdin": "", "cwd": "/",
            "pid": std::process::id(), "rule": 0, "grandchild": null,
        });
        let _ = calls::append(&self.folder, &call);
    }
}

fn kind_of(resource: &str) -> Option<&'static str> {
    KINDS.iter().find(|(name, _)| *name == resource).map(|(_, kind)| *kind)
}

/// As server-side apply by one manager: tables grow, all else is replaced.
fn merge(own: &mut Value, new: Value) {
    match (own, new) {
        (Value::Object(own), Value::Object(new)) => {
            for (key, value) in new {
                merge(own.entry(key).or_insert(Value::Null), value);
            }
        }
        (own, new) => *own = new,
    }
}

fn absent(path: &str) -> (u16, Value) {
    let mut parts = path.rsplit('/');
    let (name, resource) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let message = format!("{resource} \"{name}\" not found");
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "NotFound", "code": 404,
        "details": {"name": name, "kind": resource}});
    (404, body)
}
