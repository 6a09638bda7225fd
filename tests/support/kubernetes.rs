//! A place to run the program against a Kubernetes API: the fake one, or the real cluster that
//! `MLUP_TEST_KUBECONFIG` names. Tests over it pass on both; what only the fake can tell is asked of
//! `fake`. Its namespaces go away with it, also when the test fails.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hyper::Request;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Sandbox;
use super::kube::FakeKube;

/// The variable that names the kubeconfig of a real cluster, whose current context is taken.
const VARIABLE: &str = "MLUP_TEST_KUBECONFIG";
/// The field manager of what a test itself writes.
const MANAGER: &str = "mlup-test";
/// How long a real cluster may take for what a test waits for.
const PATIENCE: Duration = Duration::from_secs(240);

/// A sandbox, an API, and namespaces of its own.
pub(crate) struct Kubernetes {
    /// Where mlup runs; `mlup.toml` has the provider `existing`.
    pub(crate) sandbox: Sandbox,
    api: Api,
    context: String,
}

/// The API, and what the test itself asks of it.
struct Api {
    fake: Option<FakeKube>,
    /// The name of the environment, and the beginning of all namespaces.
    name: String,
    client: Client,
    runtime: Runtime,
}

impl Kubernetes {
    /// On the real cluster where one is named, else on the fake.
    pub(crate) fn site() -> Self {
        match std::env::var(VARIABLE) {
            Ok(path) => Self::real(Path::new(&path)),
            Err(_) => Self::fake(),
        }
    }

    /// On the fake alone: for faults, bounds, and what a real cluster cannot be made to do.
    pub(crate) fn fake() -> Self {
        let fake = FakeKube::start();
        let text = fake.kubeconfig("test");
        let site = Self::of(Some(fake), &Kubeconfig::from_yaml(&text).unwrap(), Sandbox::new());
        let folder = site.sandbox.root().join("home/.kube");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config"), text).unwrap();
        site
    }

    /// On the cluster of this kubeconfig's current context.
    pub(crate) fn real(path: &Path) -> Self {
        let path = std::fs::canonicalize(path)
            .unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", path.display()));
        let kubeconfig = Kubeconfig::read_from(&path).unwrap();
        let sandbox = Sandbox::new().env("KUBECONFIG", &path.display().to_string());
        let users = kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
        let plugins = users.filter_map(|user| user.exec.as_ref()?.command.clone());
        let sandbox = plugins
            .filter(|program| !program.contains('/'))
            .fold(sandbox, |sandbox, program| sandbox.real_tool(&program));
        Self::of(None, &kubeconfig, sandbox)
    }

    fn of(fake: Option<FakeKube>, kubeconfig: &Kubeconfig, sandbox: Sandbox) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let current = KubeConfigOptions::default();
        let client = runtime.block_on(async {
            let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &current).await;
            Client::try_from(config.unwrap()).unwrap()
        });
        let name = format!("mlup-test-{}-{number}", std::process::id());
        let context = kubeconfig.current_context.clone().unwrap_or_default();
        Self { sandbox, api: Api { fake, name, client, runtime }, context }
    }

    /// The fake, where it is the fake: for its log, and for what it is to do.
    pub(crate) fn fake_api(&self) -> Option<&FakeKube> {
        self.api.fake.as_ref()
    }

    /// The name of a namespace of this test, which need not be there.
    pub(crate) fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.api.name)
    }

    /// The same, and it is there, with its default service account.
    pub(crate) fn made_namespace(&self, name: &str) -> String {
        let name = self.namespace(name);
        self.create(
            "/api/v1/namespaces",
            &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
        );
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        self.until(&account, "the default service account", |found| found.is_some());
        name
    }

    /// Writes `mlup.toml`: the cluster, and after it these tables.
    pub(crate) fn config(&self, tables: &str) {
        let (name, context) = (&self.api.name, &self.context);
        let head = format!(
            "name = \"{name}\"\n[cluster]\nprovider = \"existing\"\ncontext = \"{context}\"\n"
        );
        self.sandbox.write("mlup.toml", &format!("{head}{tables}"));
    }

    /// Puts a stand-in on PATH.
    pub(crate) fn tool(mut self, name: &str, rules: &[super::rule::Rule]) -> Self {
        self.sandbox = self.sandbox.tool(name, rules);
        self
    }

    /// Puts a tool of this machine on PATH.
    pub(crate) fn real_tool(mut self, name: &str) -> Self {
        self.sandbox = self.sandbox.real_tool(name);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.sandbox = self.sandbox.env(name, value);
        self
    }

    /// The object at a path of the API.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.api.get(path)
    }

    /// A secret.
    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get(&format!("/api/v1/namespaces/{namespace}/secrets/{name}"))
    }

    /// Makes an object in the collection at this path; the object as it is then.
    #[track_caller]
    pub(crate) fn create(&self, collection: &str, object: &Value) -> Value {
        let (code, answer) = self.api.call("POST", collection, Some(object));
        assert_eq!(code, 201, "POST {collection}: {answer}");
        answer
    }

    /// Changes fields of the object at this path.
    #[track_caller]
    pub(crate) fn merge(&self, path: &str, fields: &Value) {
        let (code, answer) = self.api.call("PATCH", path, Some(fields));
        assert_eq!(code, 200, "PATCH {path}: {answer}");
    }

    /// Removes the object at this path.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        let (code, answer) = self.api.call("DELETE", path, None);
        assert_eq!(code, 200, "DELETE {path}: {answer}");
    }

    /// Waits until the object at this path is as wanted; it is then.
    #[track_caller]
    pub(crate) fn until(
        &self,
        path: &str,
        what: &str,
        is_so: impl Fn(Option<&Value>) -> bool,
    ) -> Option<Value> {
        let began = Instant::now();
        loop {
            let found = self.get(path);
            if is_so(found.as_ref()) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}: {found:?}");
            // The API of a real cluster is not to be asked without a pause.
            self.api.runtime.block_on(tokio::time::sleep(Duration::from_millis(100)));
        }
    }

    /// What the fake was asked to change so far; nothing where the cluster is real.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.api.fake.as_ref().map(FakeKube::writes).unwrap_or_default()
    }
}

impl Api {
    fn get(&self, path: &str) -> Option<Value> {
        match self.call("GET", path, None) {
            (200, object) => Some(object),
            (404, _) => None,
            (code, answer) => panic!("GET {path}: {code} {answer}"),
        }
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let is_patch = method == "PATCH";
        let kind = if is_patch { "application/merge-patch+json" } else { "application/json" };
        let query = if body.is_some() { format!("?fieldManager={MANAGER}") } else { String::new() };
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}{query}"))
            .header("Content-Type", kind)
            .body(Body::from(bytes))
            .unwrap();
        self.runtime.block_on(async {
            let answer = self.client.send(request).await.unwrap();
            let code = answer.status().as_u16();
            let bytes = answer.into_body().collect_bytes().await.unwrap();
            (code, serde_json::from_slice(&bytes).unwrap_or_default())
        })
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if self.fake.is_some() {
            return;
        }
        let own = format!("{}-", self.name);
        let all = self.get("/api/v1/namespaces").unwrap_or_default();
        for namespace in all["items"].as_array().into_iter().flatten() {
            let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
            if name.starts_with(&own) {
                self.call("DELETE", &format!("/api/v1/namespaces/{name}"), None);
            }
        }
    }
}
