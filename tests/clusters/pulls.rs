//! Pulls from a real registry: what mlup writes into a pull secret logs in, wherever the password
//! comes from, and what registry and engine say to a wrong one is understood.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mlup::policy::Class;
use mlup::policy::classify::known;
use mlup::policy::tool::Tool;
use mlup::readiness::{World, causes};
use serde_json::{Value, json};

use crate::support::cluster::ClusterSite;
use crate::support::registry::{PASSWORD, Registry, USER};
use crate::support::stack::Stack;
use crate::support::{on, require_docker};

/// The document of a pull secret, as the kubelet reads it.
fn document(secret: &Value) -> String {
    let data = secret["data"][".dockerconfigjson"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

/// The kinds of credentials: name, the fields of `[[registry]]`, and Docker's own file.
fn kinds(server: &str) -> [(&'static str, String, Value); 5] {
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let kept = "docker_config = true".to_owned();
    [
        (
            "static",
            format!("username = \"{USER}\"\npassword = \"${{REGISTRY_PASSWORD:?}}\""),
            json!({}),
        ),
        (
            "exec",
            format!("exec = [\"get-password\", \"--bare\"]\nusername = \"{USER}\""),
            json!({}),
        ),
        ("file", kept.clone(), json!({ "auths": { server: { "auth": auth } } })),
        ("store", kept.clone(), json!({ "auths": { server: {} }, "credsStore": "keep" })),
        ("helper", kept, json!({ "credsStore": "never", "credHelpers": { server: "keep" } })),
    ]
}

#[test]
fn a_pull_secret_logs_in_wherever_its_password_comes_from() {
    require_docker!();
    let mut registry = Registry::start();
    let server = registry.server().to_owned();
    let mut site = ClusterSite::minikube("").env("REGISTRY_PASSWORD", PASSWORD);
    let image = registry.push("team/app:1");
    let answer = json!({ "ServerURL": server, "Username": USER, "Secret": PASSWORD });
    site.sandbox = site
        .sandbox
        .tool("get-password", &[on(["--bare"]).stdout(&format!("{PASSWORD}\n"))])
        .tool("docker-credential-keep", &[on(["get"]).stdout(&answer.to_string())]);
    let kept = site.home().join(".docker/config.json");
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    for (kind, fields, file) in kinds(&server) {
        std::fs::write(&kept, file.to_string()).unwrap();
        site.config(&format!(
            "[[registry]]\nserver = \"{server}\"\nsecret = \"{kind}\"\n{fields}\n"
        ));
        let ran = site.sandbox.run(&["start"]).exits(0);
        assert!(!ran.report().contains(PASSWORD), "{}", ran.report());
        let config = registry.config(&document(&site.secret("default", kind).unwrap()));
        registry.pull(&image, &config).unwrap_or_else(|words| panic!("{kind}: {words}"));
    }
    let asked: Vec<String> =
        site.sandbox.calls("docker-credential-keep").into_iter().map(|call| call.stdin).collect();
    assert_eq!(asked, [server.clone(), server], "once each for the store and the helper");
}

/// What readiness makes of a pod whose pull failed with these words.
fn judged(image: &str, words: &str, secret: Option<&str>) -> &'static str {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "app", "namespace": "default", "uid": "u" },
        "spec": {
            "containers": [{ "name": "app", "image": image }],
            "imagePullSecrets": secret.map(|_| json!([{ "name": "regcred" }])),
        },
        "status": { "phase": "Pending", "containerStatuses": [{
            "name": "app", "image": image, "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ErrImagePull", "message": words } },
        }] },
    });
    let held = secret.map(|document| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": { "name": "regcred", "namespace": "default" },
            "data": { ".dockerconfigjson": STANDARD.encode(document) },
        })
    });
    let mut world = World::of([pod.clone()]);
    world.set("Secret", held.into_iter().collect());
    causes(&pod, &world).first().unwrap_or_else(|| panic!("not understood: {words}")).code
}

#[test]
fn what_the_registry_says_to_a_wrong_password_and_to_none_is_understood() {
    require_docker!();
    let mut registry = Registry::start();
    // The guard makes sure that the test image is there.
    let _site = ClusterSite::minikube("");
    let image = registry.push("team/app:1");
    let wrong = json!({ "auths": { registry.server(): { "username": USER, "password": "no" } } });
    let wrong = wrong.to_string();
    for (config, secret, own, in_cluster, summary) in [
        (
            wrong.as_str(),
            Some(wrong.as_str()),
            "unauthorized: authentication required",
            "PULL_CREDENTIALS_REFUSED",
            "does not accept the login",
        ),
        ("{}", None, "no basic auth credentials", "PULL_CREDENTIALS_MISSING", registry.server()),
    ] {
        let words = registry.pull(&image, &registry.config(config)).unwrap_err();
        assert!(words.contains(own), "{words}");
        let failure = known(Tool::Docker, "pull it", &words).unwrap();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "REGISTRY_DENIED"));
        assert!(failure.summary.contains(summary), "{}", failure.summary);
        assert_eq!(judged(&image, &words, secret), in_cluster, "{words}");
    }
    let absent = format!("{}/team/none:1", registry.server());
    let words = registry.pull(&absent, &registry.login(USER, PASSWORD)).unwrap_err();
    assert_eq!(judged(&absent, &words, Some(&wrong)), "IMAGE_MISSING", "{words}");
    let (nobody, gone) = (registry.config("{}"), Registry::start().server().to_owned());
    let words = registry.pull(&format!("{gone}/team/app:1"), &nobody).unwrap_err();
    assert_eq!(judged(&gone, &words, None), "REGISTRY_UNREACHABLE", "{words}");
}

#[test]
fn an_image_of_compose_that_wants_a_login_is_named_with_the_fix() {
    require_docker!();
    let mut registry = Registry::start();
    let stack = Stack::new(&format!(
        "  app:\n    image: {}/team/app:1\n    command: sleep 600\n",
        registry.server()
    ));
    registry.push("team/app:1");
    let ran = stack.sandbox.run(&["start"]).exits(4);
    assert!(ran.stderr.contains("REGISTRY_DENIED"), "{}", ran.report());
    let login = format!("docker login {}", registry.server());
    assert!(ran.stderr.contains(&login), "{}", ran.report());
}
