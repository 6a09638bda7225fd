//! Waits, classification and credentials, against the fake API server.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::error::failure;
use super::fake::{FakeKube, Fault, NODES, World};
use super::fixture::bench;
use super::readiness::{Limits, wait_within};
use super::*;
use crate::host::testing::Said;
use crate::host::workbench::{Announcement, Workbench};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

struct Scene {
    fake: FakeKube,
    bench: Workbench,
    said: Said,
}

impl Scene {
    fn new() -> Self {
        Self::with(FakeKube::start())
    }

    fn with(fake: FakeKube) -> Self {
        let (bench, said) = bench(Path::new("/"), &[]);
        Self { fake, bench, said }
    }

    async fn api(&self) -> Api {
        connect(&self.bench, &Secret::new(self.fake.kubeconfig("here")), "here").await.unwrap()
    }

    async fn wait(&self, expected: Option<u32>) -> Result<ClusterFacts, Failure> {
        wait_ready(&self.api().await, &self.bench, expected).await
    }

    async fn wait_in_vain(&self, expected: Option<u32>) -> Failure {
        let none = Duration::ZERO;
        let limits = Limits { api: none, nodes: none, account: none, outage: none };
        wait_within(&self.api().await, &self.bench, expected, limits).await.unwrap_err()
    }
}

#[tokio::test]
async fn a_ready_cluster_is_ready_at_the_first_look() {
    let scene = Scene::new();
    let facts = scene.wait(Some(1)).await.unwrap();
    assert_eq!((facts.server, facts.version.as_str()), (scene.fake.url(), "v1.36.2"));
    let node = &facts.nodes[0];
    assert_eq!((node.name.as_str(), node.ready, &node.trouble), ("node-0", true, &None));
    assert_eq!(
        (&node.roles[..], node.version.as_str()),
        (&["control-plane".to_owned()][..], "v1.36.2")
    );
    assert_eq!(node.internal_ip, Some([192, 0, 2, 2].into()));
    assert!(node.created.is_some());
    let calls = scene.fake.calls();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert!(calls.iter().all(|call| !call.contains("watch=")), "{calls:?}");
    assert!(scene.said.doings().is_empty());
}

#[tokio::test]
async fn a_look_tells_what_is_there_and_what_is_missing() {
    let scene = Scene::new();
    let api = scene.api().await;
    assert!(look(&api, Some(1)).await.unwrap().is_ready());
    scene.fake.change(|world| {
        world.remove("/api/v1/namespaces/default/serviceaccounts", "default");
        world.node_unready("node-0", "KubeletNotReady", "cni plugin not initialized");
    });
    let found = look(&api, None).await.unwrap();
    assert_eq!(
        found.missing,
        [
            "node node-0: NotReady (KubeletNotReady: cni plugin not initialized)",
            "the default service account is not there yet"
        ]
    );
    assert!(!found.facts.unwrap().default_service_account);
    scene.fake.change(|world| world.failing(&["etcd", "poststarthook/rbac"]));
    let found = look(&api, None).await.unwrap();
    assert_eq!(found.missing, ["API server: not ready (etcd, poststarthook/rbac)"]);
    assert_eq!(found.facts, None);
}

#[tokio::test]
async fn a_node_that_becomes_ready_is_seen_by_watch() {
    let scene = Scene::new();
    let message = "container runtime network not ready: NetworkReady=false \
                   reason:NetworkPluginNotReady message:Network plugin returns error: cni \
                   plugin not initialized";
    scene.fake.change(|world| {
        world.node_unready("node-0", "KubeletNotReady", message);
        world.when("WATCH /api/v1/nodes", |world| {
            world.bookmark(NODES, "Node");
            world.node_ready("node-0");
        });
    });
    assert!(scene.wait(Some(1)).await.unwrap().nodes[0].ready);
    assert_eq!(
        scene.said.doings(),
        ["node node-0: NotReady (KubeletNotReady: Network plugin returns error: cni plugin not \
          initialized)"]
    );
    let calls = scene.fake.calls();
    let lists = calls.iter().filter(|call| call.starts_with("GET /api/v1/nodes?&limit="));
    assert_eq!(lists.count(), 1, "{calls:?}");
}

#[tokio::test]
async fn a_watch_that_is_dropped_or_too_old_is_begun_again() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        world.node_unready("node-0", "NodeStatusUnknown", "Kubelet stopped posting node status.");
        world.when("WATCH /api/v1/nodes", |world| {
            world.drop_watches();
            world.when("WATCH /api/v1/nodes", |world| {
                world.expire();
                world.when("GET /api/v1/nodes", |world| {
                    // The version that this list is answered with is too old at once.
                    world.when("WATCH /api/v1/nodes", |world| world.node_ready("node-0"));
                });
            });
        });
    });
    assert!(scene.wait(None).await.unwrap().nodes[0].ready);
    let calls = scene.fake.calls();
    let of_nodes = |words: &str| calls.iter().filter(|call| call.contains(words)).count();
    // The dropped one goes on from its version, the expired one needs a new list.
    assert_eq!((of_nodes("nodes?&watch=true"), of_nodes("nodes?&limit=")), (4, 2), "{calls:?}");
}

#[tokio::test]
async fn nodes_that_are_expected_have_to_join() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        world.when("WATCH /api/v1/nodes", |world| world.node_ready("node-1"));
    });
    assert_eq!(scene.wait(Some(2)).await.unwrap().nodes.len(), 2);
    assert_eq!(scene.said.doings(), ["nodes: 1 of 2 have joined"]);
    // A leftover that nobody expects does not hold the rest up; without a number it does.
    scene.fake.change(|world| world.node_unready("node-2", "NodeStatusUnknown", ""));
    assert_eq!(scene.wait(Some(2)).await.unwrap().nodes.len(), 3);
    assert_eq!(scene.wait_in_vain(None).await.code, "NODE_NOT_READY");
}

#[tokio::test]
async fn the_service_account_is_waited_for() {
    let scene = Scene::with(FakeKube::empty());
    scene.fake.change(|world| {
        world.node_ready("node-0");
        world.when("WATCH /api/v1/namespaces/default", World::default_account);
    });
    assert!(scene.wait(Some(1)).await.unwrap().default_service_account);
    assert_eq!(scene.said.doings(), ["the default service account is not there yet"]);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_until_the_server_is_up() {
    let mut scene = Scene::new();
    let api = scene.api().await;
    scene.fake.refuse();
    let fake = Arc::new(Mutex::new(scene.fake));
    let server = Arc::clone(&fake);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&heard);
    scene.bench.announce = Arc::new(move |news| {
        if let Announcement::Doing(what) = news {
            said.lock().unwrap().push(what);
            server.lock().unwrap().listen();
        }
    });
    assert!(wait_ready(&api, &scene.bench, Some(1)).await.is_ok());
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].ends_with("does not answer: connection refused"), "{heard:?}");
}

#[tokio::test]
async fn a_server_that_stays_away_is_a_case_for_recovery() {
    let mut scene = Scene::new();
    scene.fake.refuse();
    let failure = scene.wait_in_vain(None).await;
    assert_eq!((failure.code, failure.onset), ("API_UNREACHABLE", Some(Onset::Unresponsive)));
    assert!(failure.summary.contains("127.0.0.1"), "{}", failure.summary);
}

#[tokio::test]
async fn a_server_that_never_gets_ready_names_its_checks() {
    let scene = Scene::new();
    scene.fake.change(|world| world.failing(&["etcd"]));
    let failure = scene.wait_in_vain(None).await;
    assert_eq!((failure.class, failure.code), (Class::Timeout, "API_NOT_READY"));
    assert_eq!(failure.evidence[0].text, "failing: etcd");
}

#[tokio::test]
async fn nodes_that_never_get_ready_are_named_with_their_conditions() {
    let scene = Scene::new();
    scene.fake.change(|world| world.node_unready("node-0", "KubeletNotReady", "PLEG is unhealthy"));
    let failure = scene.wait_in_vain(None).await;
    assert_eq!((failure.class, failure.code), (Class::Timeout, "NODE_NOT_READY"));
    let evidence = &failure.evidence[0];
    let found = (evidence.source.as_str(), evidence.text.as_str());
    assert_eq!(found, ("node node-0", "KubeletNotReady: PLEG is unhealthy"));
    assert_eq!(failure.onset, Some(Onset::Unresponsive));
}

#[tokio::test]
async fn a_busy_server_is_waited_for() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        world.fault("GET /readyz", Fault::Status(503), 1);
        world.fault("GET /readyz", Fault::Status(429), 1);
        world.fault("GET /readyz", Fault::Cut, 1);
        world.fault("GET /api/v1/nodes", Fault::Status(503), 1);
        world.fault("WATCH /api/v1/nodes", Fault::Cut, 1);
        world.node_unready("node-0", "KubeletNotReady", "");
        world.when("WATCH /api/v1/nodes", |world| world.node_ready("node-0"));
    });
    let facts = scene.wait(None).await;
    assert!(facts.is_ok(), "{facts:?}");
}

#[tokio::test]
async fn credentials_that_are_not_accepted_end_the_wait() {
    let scene = Scene::new();
    scene.fake.change(|world| world.accept_only("another"));
    let failure = scene.wait(None).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "API_UNAUTHORIZED"));
    assert_eq!(failure.evidence[0].text, "401 Unauthorized");
    assert_eq!(failure.onset, None);
}

#[tokio::test]
async fn who_may_not_see_nodes_is_not_held_up() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        world.fault("GET /api/v1/", Fault::Status(403), 4);
    });
    let facts = scene.wait(Some(1)).await.unwrap();
    assert!(facts.nodes.is_empty());
    assert_eq!(scene.said.warnings(), ["NODES_NOT_CHECKED"]);
    assert!(look(&scene.api().await, Some(1)).await.unwrap().is_ready());
}

#[tokio::test]
async fn a_wait_ends_when_the_run_does() {
    let scene = Scene::new();
    let cancel = scene.bench.cancel.clone();
    scene.fake.change(|world| {
        world.node_unready("node-0", "KubeletNotReady", "");
        world.when("WATCH /api/v1/nodes", move |_| cancel.cancel());
    });
    assert_eq!(scene.wait(None).await.unwrap_err().code, "CANCELLED");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let scene = Scene::new();
    scene.fake.change(|world| world.fault("GET /readyz", Fault::Hang, 9));
    let failure = ready(&scene.api().await).await.unwrap_err();
    assert_eq!(failure.code, "API_UNREACHABLE");
}

/// A kubeconfig whose user has these fields beside nothing else.
fn with_user(fake: &FakeKube, user: &serde_json::Value) -> Secret {
    let mut config: serde_json::Value = serde_json::from_str(&fake.kubeconfig("here")).unwrap();
    config["users"][0]["user"] = user.clone();
    Secret::new(config.to_string())
}

fn plugin_that(script: &str) -> serde_json::Value {
    serde_json::json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", script],
        "env": [{ "name": "WHO", "value": "from-plugin" }],
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": true,
    } })
}

#[tokio::test]
async fn the_token_of_a_plugin_is_used() {
    let scene = Scene::new();
    scene.fake.change(|world| world.accept_only("from-plugin"));
    let script = r#"case "$KUBERNETES_EXEC_INFO" in *'"server":"http://127.0.0.1'*) ;; *) exit 3;; esac
        echo "{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$WHO\"}}""#;
    let config = with_user(&scene.fake, &plugin_that(script));
    let api = connect(&scene.bench, &config, "here").await.unwrap();
    assert_eq!(ready(&api).await.unwrap(), ApiVerdict::Ready);
    assert!(look(&api, None).await.unwrap().is_ready());
}

#[tokio::test]
async fn a_plugin_that_fails_is_quoted_and_its_output_is_not() {
    let scene = Scene::new();
    let script = "echo canary-token; echo 'ERROR: (gcloud) Reauthentication required.' >&2; exit 1";
    let config = with_user(&scene.fake, &plugin_that(script));
    let failure = connect(&scene.bench, &config, "here").await.err().unwrap();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "EXEC_PLUGIN_FAILED"));
    assert_eq!(failure.evidence[0].text, "ERROR: (gcloud) Reauthentication required.");
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");

    let config = with_user(&scene.fake, &plugin_that("echo canary-token"));
    let failure = connect(&scene.bench, &config, "here").await.err().unwrap();
    assert_eq!(failure.code, "EXEC_PLUGIN_FAILED");
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
}

#[tokio::test]
async fn a_plugin_that_is_not_installed_comes_with_its_hint() {
    let scene = Scene::new();
    let user = serde_json::json!({ "exec": {
        "command": "mlup-no-such-plugin", "installHint": "Install it from\nhttps://example.org\n",
    } });
    let failure =
        connect(&scene.bench, &with_user(&scene.fake, &user), "here").await.err().unwrap();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "EXEC_PLUGIN_MISSING"));
    assert!(failure.summary.contains("mlup-no-such-plugin"), "{}", failure.summary);
    assert_eq!(failure.fix.unwrap().command, "Install it from https://example.org");
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_never_quoted() {
    let (bench, _) = bench(Path::new("/"), &[]);
    let config = |cluster: &str| {
        format!(
            "clusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
             contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {{token: canary}}}}]\n"
        )
    };
    let cases = [
        ("token: canary: canary".to_owned(), "KUBECONFIG_UNREADABLE"),
        (config("server: 'canary url'"), "KUBECONFIG_UNREADABLE"),
        (
            config("server: 'https://x', certificate-authority-data: canary!"),
            "KUBECONFIG_UNREADABLE",
        ),
        (
            config("server: 'https://x', certificate-authority-data: Y2FuYXJ5"),
            "KUBECONFIG_UNREADABLE",
        ),
        (config("server: 'https://x', proxy-url: 'ftp://me:canary@x'"), "KUBECONFIG_UNREADABLE"),
        (config("server: 'https://x'").replace("here", "there"), "CONTEXT_MISSING"),
    ];
    for (text, code) in cases {
        let failure = connect(&bench, &Secret::new(text.as_str()), "here").await.err().unwrap();
        assert_eq!((failure.class, failure.code), (Class::Config, code), "{text}");
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }
}

#[test]
fn status_codes_have_their_classes() {
    let cases = [
        (401, Class::Prerequisite, "API_UNAUTHORIZED"),
        (403, Class::Prerequisite, "API_FORBIDDEN"),
        (409, Class::Permanent, "API_REQUEST_FAILED"),
        (422, Class::Permanent, "API_REQUEST_FAILED"),
        (429, Class::Transient, "API_UNAVAILABLE"),
        (500, Class::Transient, "API_UNAVAILABLE"),
        (503, Class::Transient, "API_UNAVAILABLE"),
        (504, Class::Transient, "API_UNAVAILABLE"),
    ];
    for (status, class, code) in cases {
        let answer = kube::core::Status::failure("the message", "Reason").with_code(status).boxed();
        let failure = failure(&kube::Error::Api(answer), "https://x", "here");
        assert_eq!((failure.class, failure.code), (class, code), "{status}");
        assert_eq!(failure.evidence[0].text, format!("{status} the message"));
        assert_eq!(failure.onset, None);
    }
}

#[test]
fn base64_goes_there_and_back() {
    assert_eq!(base64(b"EXAMPLE"), "RVhBTVBMRQ==");
    assert_eq!(from_base64("RVhBTVBMRQ==").unwrap(), b"EXAMPLE");
    assert_eq!(from_base64("no base64!"), None);
}

mod tls {
    use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::host::http::test_server::{answer, converse};

    struct Authority {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn authority() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let der = base64(params.self_signed(&key).unwrap().der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A server with a certificate from this authority, for this name and until this year.
    async fn serve(authority: &Authority, name: &str, until: i32) -> u16 {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    converse(stream, &answer(200, "ok")).await;
                }
            }
        });
        port
    }

    async fn ask(port: u16, authority: &Authority) -> Result<ApiVerdict, Failure> {
        let (bench, _) = bench(Path::new("/"), &[("HTTPS_PROXY", "http://127.0.0.1:1")]);
        let config = serde_json::json!({
            "clusters": [{ "name": "c", "cluster": {
                "server": format!("https://127.0.0.1:{port}"),
                "certificate-authority-data": base64(authority.pem.as_bytes()),
            } }],
            "contexts": [{ "name": "here", "context": { "cluster": "c", "user": "" } }],
        });
        let api = connect(&bench, &Secret::new(config.to_string()), "here").await?;
        ready(&api).await
    }

    #[tokio::test]
    async fn a_certificate_of_the_authority_that_is_named_is_accepted() {
        let authority = authority();
        let port = serve(&authority, "127.0.0.1", 2999).await;
        assert_eq!(ask(port, &authority).await, Ok(ApiVerdict::Ready));
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_certificate_decides_where_recovery_begins() {
        let (own, other) = (authority(), authority());
        let cases = [
            (&other, "127.0.0.1", 2999, "API_CERTIFICATE_UNKNOWN", Onset::Corrupt),
            (&own, "127.0.0.1", 2021, "API_CERTIFICATE_EXPIRED", Onset::Unresponsive),
            (&own, "192.0.2.1", 2999, "API_CERTIFICATE_UNKNOWN", Onset::Unresponsive),
        ];
        for (issuer, name, until, code, onset) in cases {
            let failure = ask(serve(issuer, name, until).await, &own).await.unwrap_err();
            assert_eq!((failure.code, failure.onset), (code, Some(onset)), "{failure:?}");
        }
    }
}
