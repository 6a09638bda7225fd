//! Kubeconfigs as tools write them, merged, taken apart and cut down.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::drivers::contexts;
use crate::host::kube::fixture;

const K3D: &str = "---
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: RVhBTVBMRQ==
    server: https://127.0.0.1:16550
  name: k3d-mlops
contexts:
- context:
    cluster: k3d-mlops
    user: admin@k3d-mlops
  name: k3d-mlops
current-context: k3d-mlops
kind: Config
users:
- name: admin@k3d-mlops
  user:
    client-certificate-data: RVhBTVBMRQ==
    client-key-data: RVhBTVBMRQ==
";

/// As minikube writes it, its files beside it, and with fields that nobody knows.
const MINIKUBE: &str = "apiVersion: v1
kind: Config
preferences: {colors: true}
clusters:
- cluster:
    certificate-authority: pki/ca.crt
    extensions:
    - extension: {provider: minikube.sigs.k8s.io, version: v1.37.0}
      name: cluster_info
    server: https://192.168.49.2:8443
  name: minikube
contexts:
- context:
    cluster: minikube
    namespace: ml
    user: minikube
  name: minikube
- context: {cluster: minikube, user: viewer}
  name: minikube-viewer
current-context: minikube
users:
- name: minikube
  user:
    client-certificate: pki/client.crt
    client-key: pki/client.key
- name: viewer
  user: {tokenFile: pki/token, future-field: kept}
";

const GKE: &str = "clusters:
- {name: gke, cluster: {server: 'https://gke.example'}}
contexts:
- {name: gke, context: {cluster: gke, user: gke}}
users:
- name: gke
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: ./bin/gke-gcloud-auth-plugin
      installHint: Install gke-gcloud-auth-plugin
      provideClusterInfo: true
";

struct Home {
    folder: TempDir,
    bench: Workbench,
}

impl Home {
    /// Files of these contents, all of them in `$KUBECONFIG`, with minikube's files beside them.
    fn with(contents: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |at: usize| folder.path().join(format!("config-{at}"));
        for (at, content) in contents.iter().enumerate() {
            files::write(&path(at), content.as_bytes(), 0o640).unwrap();
        }
        for (name, content) in
            [("ca.crt", "CA"), ("client.crt", "CERT"), ("client.key", "KEY"), ("token", "tok\n")]
        {
            let path = folder.path().join("pki").join(name);
            files::write(&path, content.as_bytes(), 0o600).unwrap();
        }
        let listed: Vec<String> =
            (0..contents.len()).map(|at| path(at).display().to_string()).collect();
        let (bench, _) = fixture::bench(folder.path(), &[("KUBECONFIG", &listed.join(":"))]);
        Self { folder, bench }
    }

    fn path(&self, at: usize) -> PathBuf {
        self.folder.path().join(format!("config-{at}"))
    }

    fn text(&self, at: usize) -> String {
        files::read_text(&self.path(at)).unwrap()
    }

    async fn of(&self, context: &str) -> serde_norway::Value {
        let text = of_context(&self.bench, context).await.unwrap();
        serde_norway::from_str(text.expose()).unwrap()
    }
}

#[tokio::test]
async fn one_context_is_cut_out_of_many_with_its_files_in_it() {
    let home = Home::with(&[K3D, MINIKUBE]);
    let text = of_context(&home.bench, "minikube").await.unwrap();
    let expected = "apiVersion: v1
clusters:
- cluster:
    extensions:
    - extension:
        provider: minikube.sigs.k8s.io
        version: v1.37.0
      name: cluster_info
    server: https://192.168.49.2:8443
    certificate-authority-data: Q0E=
  name: minikube
contexts:
- context:
    cluster: minikube
    namespace: ml
    user: minikube
  name: minikube
current-context: minikube
kind: Config
users:
- name: minikube
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZ
";
    assert_eq!(text.expose(), expected);
    assert!(is_of_context(expected, "minikube"));
    assert!(!is_of_context(expected, "k3d-mlops"));
    assert!(!is_of_context(MINIKUBE, "minikube"));
}

#[tokio::test]
async fn a_file_that_is_self_contained_already_stays_as_it_is() {
    let home = Home::with(&[K3D]);
    let text = of_context(&home.bench, "k3d-mlops").await.unwrap();
    assert_eq!(text.expose(), K3D.trim_start_matches("---\n"));
}

#[tokio::test]
async fn tokens_are_taken_in_and_unknown_fields_are_kept() {
    let home = Home::with(&[MINIKUBE]);
    let user = &home.of("minikube-viewer").await["users"][0]["user"];
    assert_eq!(
        (user["token"].as_str(), user["future-field"].as_str()),
        (Some("tok"), Some("kept"))
    );
    assert!(user.get("tokenFile").is_none());
}

#[tokio::test]
async fn a_plugin_stays_and_its_path_is_made_absolute() {
    let home = Home::with(&[GKE]);
    let exec = &home.of("gke").await["users"][0]["user"]["exec"];
    let command = home.folder.path().join("./bin/gke-gcloud-auth-plugin");
    assert_eq!(exec["command"].as_str(), command.to_str());
    assert_eq!(exec["provideClusterInfo"].as_bool(), Some(true));
    let access = access(&home.bench, "gke").await.unwrap().unwrap();
    assert_eq!(access.server, "https://gke.example");
    let plugin = access.plugin.unwrap();
    assert_eq!(plugin.command, command.to_string_lossy());
    assert_eq!(plugin.install_hint.as_deref(), Some("Install gke-gcloud-auth-plugin"));
    assert_eq!(super::access(&home.bench, "none").await, Ok(None));
}

#[tokio::test]
async fn the_first_file_that_has_a_name_wins() {
    let other = K3D.replace("16550", "26550").replace("k3d-mlops\nk", "minikube\nk");
    let home = Home::with(&[&other, K3D]);
    let cluster = &home.of("k3d-mlops").await["clusters"][0]["cluster"];
    assert_eq!(cluster["server"].as_str(), Some("https://127.0.0.1:26550"));
    assert_eq!(contexts::current(&home.bench).await.unwrap().as_deref(), Some("minikube"));
}

#[tokio::test]
async fn a_context_that_is_missing_is_a_matter_of_configuration() {
    let home = Home::with(&[MINIKUBE, K3D]);
    let failure = of_context(&home.bench, "minikub").await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "CONTEXT_MISSING"));
    let summary = "the kubeconfig has no context `minikub`; did you mean `minikube`?";
    assert_eq!(failure.summary, summary);
    let evidence: Vec<&str> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(evidence, ["contexts: `minikube`, `minikube-viewer`", "contexts: `k3d-mlops`"]);

    let nothing = Home::with(&[""]);
    let failure = of_context(&nothing.bench, "minikube").await.unwrap_err();
    assert_eq!(
        (failure.code, failure.evidence[0].text.as_str()),
        ("CONTEXT_MISSING", "no contexts")
    );
    let (bench, _) = fixture::bench(nothing.folder.path(), &[]);
    assert_eq!(of_context(&bench, "minikube").await.unwrap_err().code, "CONTEXT_MISSING");
    assert_eq!(files(&bench), [nothing.folder.path().join(".kube/config")]);
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_named_and_not_quoted() {
    let no_key = MINIKUBE.replace("pki/client.key", "pki/gone");
    let cases = [
        ("users: [canary\n\n", "is not valid YAML"),
        ("canary", "it is not a kubeconfig"),
        ("contexts: canary", "`contexts` is no list"),
        (no_key.as_str(), "it is named as client-key and not there"),
    ];
    for (content, reason) in cases {
        let home = Home::with(&[content]);
        let failure = of_context(&home.bench, "minikube").await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Config, "KUBECONFIG_UNREADABLE"));
        assert!(failure.summary.ends_with(reason), "{}", failure.summary);
        assert!(failure.summary.contains(&*home.folder.path().to_string_lossy()));
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }
    let home = Home::with(&[]);
    std::fs::create_dir_all(home.folder.path().join(".kube/config")).unwrap();
    let failure = of_context(&home.bench, "minikube").await.unwrap_err();
    assert!(failure.summary.ends_with("it is a folder"), "{}", failure.summary);
}

#[tokio::test]
async fn forgetting_takes_what_nobody_else_uses() {
    let home = Home::with(&[MINIKUBE, K3D]);
    forget(&home.bench, "minikube").await.unwrap();
    let document = Document::parse(&home.text(0)).ok().unwrap();
    assert_eq!(document.names(Section::Contexts), ["minikube-viewer"]);
    assert_eq!(document.names(Section::Clusters), ["minikube"]);
    assert_eq!(document.names(Section::Users), ["viewer"]);
    assert_eq!(document.current(), None);
    assert!(home.text(0).contains("colors: true") && home.text(0).contains("future-field: kept"));
    assert_eq!(home.text(1), K3D);

    forget(&home.bench, "minikube-viewer").await.unwrap();
    let document = Document::parse(&home.text(0)).ok().unwrap();
    assert!(document.names(Section::Clusters).is_empty());
    assert!(document.names(Section::Users).is_empty());
    let entry = files::look(&home.path(0)).unwrap();
    assert!(matches!(entry, Entry::File { mode: 0o640, .. }), "the mode is kept");
}

#[tokio::test]
async fn forgetting_what_is_not_there_changes_nothing() {
    let home = Home::with(&[K3D]);
    forget(&home.bench, "minikube").await.unwrap();
    assert_eq!(home.text(0), K3D);
    let (bench, _) = fixture::bench(Path::new("/nonexistent"), &[]);
    forget(&bench, "minikube").await.unwrap();
}

#[tokio::test]
async fn a_user_of_another_file_is_forgotten_where_it_is() {
    let (front, users) = K3D.split_once("users:").unwrap();
    let home = Home::with(&[front, &format!("users:{users}")]);
    forget(&home.bench, "k3d-mlops").await.unwrap();
    assert!(!home.text(0).contains("k3d-mlops"), "{}", home.text(0));
    assert!(!home.text(1).contains("k3d-mlops"), "{}", home.text(1));
}

#[tokio::test]
async fn the_current_context_is_switched_where_it_is_set() {
    let home = Home::with(&[GKE, MINIKUBE, K3D]);
    assert_eq!(contexts::current(&home.bench).await.unwrap().as_deref(), Some("minikube"));
    assert_eq!(contexts::switch(&home.bench, "minikube").await, Ok(false));
    assert_eq!(contexts::switch(&home.bench, "gke").await, Ok(true));
    assert_eq!(contexts::current(&home.bench).await.unwrap().as_deref(), Some("gke"));
    assert_eq!((home.text(0).as_str(), home.text(2).as_str()), (GKE, K3D));
    let failure = contexts::switch(&home.bench, "none").await.unwrap_err();
    assert_eq!(failure.code, "CONTEXT_MISSING");

    let home = Home::with(&[GKE]);
    assert_eq!(contexts::switch(&home.bench, "gke").await, Ok(true));
    assert_eq!(contexts::current(&home.bench).await.unwrap().as_deref(), Some("gke"));
}

#[test]
fn the_first_entry_is_the_one_that_tools_write() {
    let (bench, _) = fixture::bench(Path::new("/p"), &[("KUBECONFIG", ":/a/config::rel/config:")]);
    assert_eq!(files(&bench), [Path::new("/a/config"), Path::new("/p/rel/config")]);
    assert_eq!(target(&bench), Path::new("/a/config"));
}
