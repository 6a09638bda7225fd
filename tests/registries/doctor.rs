//! `mlup doctor` asks the registry of an image that a node could not pull: an old password, a
//! missing permission and a missing tag give three different causes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::kubernetes::Kubernetes;
use crate::support::registry::{GUEST, GUEST_PASSWORD, PASSWORD, Registry, USER};

/// What the pod's secret holds where a registry has since changed the password.
const OLD: &str = "c4n4ry-of-yesterday";

/// A pod whose pull of this image failed, as containerd says it to a kubelet, with a pull secret,
/// and a project that knows this login for the registry.
fn refused(registry: &Registry, image: &str, held: &str, own: (&str, &str)) -> Kubernetes {
    let site = Kubernetes::fake();
    let server = registry.server();
    let words = format!(
        "Back-off pulling image \"{image}\": ErrImagePull: failed to pull and unpack image \
         \"{image}\": failed to resolve reference \"{image}\": pulling from host {server} failed \
         with status code [manifests v1]: 401 Unauthorized"
    );
    let auth = STANDARD.encode(format!("{USER}:{held}"));
    let document = json!({ "auths": { server: { "auth": auth } } }).to_string();
    site.fake_api().unwrap().change(|world| {
        world.store(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": { "name": "pull", "namespace": "shop" },
            "data": { ".dockerconfigjson": STANDARD.encode(document) },
        }));
        world.store(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "api", "namespace": "shop", "uid": "1" },
            "spec": {
                "imagePullSecrets": [{ "name": "pull" }],
                "containers": [{ "name": "main", "image": image }],
            },
            "status": {
                "phase": "Pending",
                "containerStatuses": [{
                    "name": "main", "image": image, "ready": false, "restartCount": 0,
                    "state": { "waiting": { "reason": "ImagePullBackOff", "message": words } },
                }],
            },
        }));
    });
    let (user, password) = own;
    site.config(&format!(
        "[[registry]]\nserver = \"{server}\"\nsecret = \"pull\"\nnamespaces = [\"shop\"]\n\
         username = \"{user}\"\npassword = \"{password}\"\n"
    ));
    site
}

/// The only cause that touches the pod.
fn found(site: &Kubernetes, more: &[&str]) -> Value {
    let args = [&["doctor", "-o", "json"], more].concat();
    let ran = site.sandbox.run(&args).exits(1);
    for secret in [PASSWORD, OLD, GUEST_PASSWORD] {
        assert!(!ran.report().contains(secret), "{}", ran.report());
    }
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    let of_cluster = |one: &&Value| one["rule"].as_str().unwrap().starts_with("PULL-");
    let found: Vec<Value> = findings.iter().filter(of_cluster).cloned().collect();
    let [only] = &found[..] else { panic!("{answer:#}") };
    assert_eq!(site.writes(), Vec::<String>::new());
    only.clone()
}

fn text(finding: &Value, path: &str) -> String {
    finding.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn an_old_password_a_missing_permission_and_a_missing_tag_are_three_causes() {
    let registry = Registry::with_tokens();
    let there = registry.push_empty("team/api:v1", "linux/amd64");
    let fine = (USER, PASSWORD);

    let old = found(&refused(&registry, &there, OLD, fine), &[]);
    assert_eq!(
        (text(&old, "/rule"), text(&old, "/object")),
        ("PULL-02".into(), "secret/shop/pull".into())
    );
    assert!(old.to_string().contains("takes a fresh password"), "{old:#}");
    assert_eq!(text(&old, "/fix/command"), "mlup creds refresh --force");

    let barred = found(&refused(&registry, &there, OLD, (GUEST, GUEST_PASSWORD)), &[]);
    assert_eq!(
        (text(&barred, "/rule"), text(&barred, "/repair")),
        ("PULL-02".into(), "by hand".into())
    );
    assert!(text(&barred, "/fix/command").contains("let the user of the"), "{barred:#}");

    let typo = there.replace(":v1", ":v11");
    let absent = found(&refused(&registry, &typo, OLD, fine), &[]);
    assert_eq!(
        (text(&absent, "/rule"), text(&absent, "/object")),
        ("PULL-06".into(), "pod/shop/api".into())
    );
    assert!(text(&absent, "/fix/command").contains(&there), "{absent:#}");
}

#[test]
fn a_secret_that_was_renewed_since_is_told() {
    let registry = Registry::start();
    let image = registry.push_empty("team/api:v1", "linux/amd64");
    let told = found(&refused(&registry, &image, PASSWORD, (USER, PASSWORD)), &[]);
    assert!(told.to_string().contains("the next try pulls the image"), "{told:#}");
}

#[test]
fn offline_no_registry_is_asked() {
    let registry = Registry::start();
    let image = registry.push_empty("team/api:v1", "linux/amd64");
    let site = refused(&registry, &image, OLD, (USER, PASSWORD));
    let told = found(&site, &["--offline"]);
    assert_eq!(text(&told, "/rule"), "PULL-02");
    assert!(!told.to_string().contains("asked from this machine"), "{told:#}");
}

#[test]
fn a_password_that_was_revoked_is_renewed_although_it_says_that_it_lives() {
    let registry = Registry::with_tokens();
    let image = registry.push_empty("team/api:v1", "linux/amd64");
    let server = registry.server();
    let site = refused(&registry, &image, OLD, (USER, PASSWORD));
    site.delete("/api/v1/namespaces/shop/secrets/pull");
    site.config(&format!(
        "[[registry]]\nserver = \"{server}\"\nsecret = \"pull\"\nnamespaces = [\"shop\"]\n\
         exec = [\"/bin/cat\", \"password\"]\nusername = \"{USER}\"\nttl = \"12h\"\n"
    ));
    site.sandbox.write("password", OLD);
    site.sandbox.run(&["creds", "refresh"]).exits(0);
    let before = site.secret("shop", "pull").unwrap();
    let written = site.writes().len();
    site.sandbox.write("password", PASSWORD);

    let fix = || {
        let ran = site.sandbox.run(&["doctor", "--fix", "-o", "json", "--timeout", "6s"]);
        assert!(!ran.report().contains(PASSWORD), "{}", ran.report());
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        (text(&answer, "/applied/0/rule"), text(&answer, "/applied/0/outcome"))
    };
    // Nobody makes this pod anew: it pulls in its own time.
    assert_eq!(fix(), ("PULL-02".to_owned(), "applied".to_owned()));
    let after = site.secret("shop", "pull").unwrap();
    assert_ne!(before["data"], after["data"]);
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"], "kubelets know it by its uid");
    assert_eq!(site.writes().len(), written + 1, "{:?}", site.writes());
    assert_eq!(fix(), ("PULL-02".to_owned(), "unchanged".to_owned()));
    assert_eq!(site.writes().len(), written + 1, "{:?}", site.writes());
}
