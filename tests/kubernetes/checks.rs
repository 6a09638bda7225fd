//! Checks that ask the cluster, through the program: addresses that the API server knows, requests
//! that it makes, logins in secrets, and what is said while the cluster does not answer.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use mlup::event::EventKind;
use serde_json::{Value, json};

use crate::support::Ran;
use crate::support::kube::{Fault, NODES, World};
use crate::support::kubernetes::Kubernetes;

/// The password that `urls` alone shows.
const CANARY: &str = "c4n4ry-admin";

/// A port of this machine on which every request is answered with 200.
fn answering() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    port
}

/// A fake cluster whose only node is this machine, with the namespace `shop`, changed like this.
fn shop(change: impl FnOnce(&mut World)) -> Kubernetes {
    let site = Kubernetes::fake();
    site.fake_api().unwrap().change(|world| {
        let mut node = world.get(&format!("{NODES}/node-0")).unwrap();
        node["status"]["addresses"][0]["address"] = "127.0.0.1".into();
        world.put(NODES, "node-0", node);
        world.namespace("shop");
        change(world);
    });
    site
}

fn service(world: &mut World, name: &str, kind: &str, port: &Value, ingress: &Value) {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "type": kind, "clusterIP": "10.96.0.7", "selector": { "app": name } },
        "status": { "loadBalancer": {} },
    });
    object["spec"]["ports"] = json!([port]);
    if !ingress.is_null() {
        object["status"]["loadBalancer"]["ingress"] = json!([ingress]);
    }
    world.store(object);
}

/// What the probes of a check said, in order, each once.
fn said(ran: &Ran, check: &str) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for kind in ran.kinds() {
        if let EventKind::Probe(probe) = kind
            && probe.step == format!("check/{check}")
            && said.last() != Some(&probe.detail)
        {
            said.push(probe.detail);
        }
    }
    said
}

fn rows(ran: &Ran) -> Vec<Value> {
    serde_json::from_str(&ran.stdout).unwrap()
}

const CHECKS: &str = "[[check]]\nname = \"port\"\nhttp = \"http://{nodeport:shop/web:http}/health\"\n\
    login = { user = \"admin\", password = { secret = \"shop/admin\", key = \"password\" } }\n\
    [[check]]\nname = \"inside\"\nhttp = \"http://web.shop/health\"\nfrom = \"pod\"\n\
    json = { status = \"ok\" }\n\
    [[check]]\nname = \"database\"\ntcp = \"db.shop:5432\"\nfrom = \"pod\"\n";

fn fill(world: &mut World, port: u16) {
    let http = json!({ "name": "http", "port": 80, "nodePort": port });
    service(world, "web", "NodePort", &http, &Value::Null);
    service(world, "db", "ClusterIP", &json!({ "port": 5432 }), &Value::Null);
    world.proxy(("shop", "web"), "80/health", 200, json!({ "status": "ok" }));
    world.proxy(("shop", "db"), "5432/", 400, "what".into());
    // `c4n4ry-admin`.
    world.store(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "admin", "namespace": "shop" },
        "data": { "password": "YzRuNHJ5LWFkbWlu" },
    }));
}

#[test]
fn checks_find_their_way_into_the_cluster_and_urls_shows_it() {
    let port = answering();
    let site = shop(|world| fill(world, port));
    site.config(CHECKS);
    let sandbox = &site.sandbox;
    let ran = sandbox.run(&["start", "--progress", "json"]).exits(0);
    let address = format!("http://127.0.0.1:{port}/health");
    assert_eq!(said(&ran, "port"), [format!("http 200 ({address})")]);
    assert_eq!(said(&ran, "inside"), ["http 200"]);
    assert_eq!(said(&ran, "database"), ["connected"]);
    assert!(ran.stdout.contains(&address), "{}", ran.report());
    assert!(!ran.report().contains(CANARY), "{}", ran.report());

    let shown = sandbox.run(&["urls", "-o", "json"]).exits(0);
    let row = json!({
        "name": "port", "url": address, "written": "http://{nodeport:shop/web:http}/health",
        "user": "admin", "password": CANARY,
    });
    assert_eq!(rows(&shown), [row]);
    let status = sandbox.run(&["status"]).exits(0);
    assert!(status.stdout.contains(&address), "{}", status.report());

    let cut = |world: &mut World| world.fault("GET", Fault::Cut, usize::MAX);
    site.fake_api().unwrap().change(cut);
    let shown = sandbox.run(&["urls", "-o", "json"]).exits(0);
    let row = &rows(&shown)[0];
    assert_eq!((&row["url"], &row["written"]), (&row["written"], &row["written"]));
    assert!(row["note"].as_str().unwrap().contains("does not answer"), "{row}");
    assert!(row["password"].is_null() && row["user"] == "admin", "{row}");
    let table = sandbox.run(&["urls"]).exits(0);
    for part in ["NOTE", "{nodeport:shop/web:http}", "does not answer"] {
        assert!(table.stdout.contains(part), "`{part}` is missing:\n{}", table.report());
    }
}

#[test]
fn what_is_still_to_come_is_watched_for_and_not_polled() {
    let port = answering();
    let checks = format!("[[check]]\nname = \"web\"\nhttp = \"http://{{lb:shop/web}}:{port}/\"\n");
    let site = shop(|world| {
        let watch = "WATCH /api/v1/namespaces/shop/services";
        world.when(watch, move |world| {
            service(world, "web", "LoadBalancer", &json!({ "port": 80 }), &Value::Null);
            world.when(watch, |world| {
                let given = json!({ "ip": "127.0.0.1" });
                service(world, "web", "LoadBalancer", &json!({ "port": 80 }), &given);
            });
        });
    });
    site.config(&checks);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    let told = said(&ran, "web");
    assert_eq!(told[0], "there is no service `shop/web`");
    assert!(told[1].starts_with("service `shop/web` has no address yet"), "{told:?}");
    assert_eq!(told[2], format!("http 200 (http://127.0.0.1:{port}/)"));
    let asked = site
        .fake_api()
        .unwrap()
        .calls()
        .into_iter()
        .filter(|call| call.ends_with("/services/web"))
        .count();
    // The look before, the first try, one for each of two changes, and one for the summary.
    assert_eq!(asked, 5);
}

#[test]
fn a_service_without_ready_pods_is_explained_by_the_pod() {
    let site = shop(|world| {
        service(world, "web", "ClusterIP", &json!({ "port": 80 }), &Value::Null);
        world.store(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "web-1", "namespace": "shop", "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "web", "image": "shop/web:1" }] },
            "status": { "phase": "Pending", "containerStatuses": [{
                "name": "web", "image": "shop/web:1", "imageID": "", "ready": false,
                "restartCount": 0, "state": { "waiting": {
                    "reason": "CreateContainerConfigError",
                    "message": "couldn't find key TOKEN in Secret shop/api",
                } },
            }] },
        }));
    });
    let check = "[[check]]\nname = \"web\"\nhttp = \"http://web.shop/\"\nfrom = \"pod\"\ntimeout = \"2s\"\n";
    site.config(check);
    let ran = site.sandbox.run(&["start"]).exits(5);
    for part in ["CHECK_FAILED", "TOKEN", "shop/web"] {
        assert!(ran.stderr.contains(part), "`{part}` is missing:\n{}", ran.report());
    }
    let asked = site
        .fake_api()
        .unwrap()
        .calls()
        .into_iter()
        .filter(|call| call.contains("/services/web:80/"))
        .count();
    assert!(asked <= 3, "{asked} tries while nothing changed");
}

#[test]
fn a_service_becomes_ready_while_it_is_watched() {
    let site = shop(|world| {
        service(world, "web", "ClusterIP", &json!({ "port": 80 }), &Value::Null);
        world.when("WATCH /apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", |world| {
            world.proxy(("shop", "web"), "80/", 200, "ok".into());
            world.store(json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "name": "web-x", "namespace": "shop",
                    "labels": { "kubernetes.io/service-name": "web" },
                },
                "addressType": "IPv4",
                "endpoints": [{ "addresses": ["10.0.0.9"], "conditions": { "ready": true } }],
                "ports": [{ "port": 80 }],
            }));
        });
    });
    let check = "[[check]]\nname = \"web\"\nhttp = \"http://web.shop/\"\nfrom = \"pod\"\n";
    site.config(check);
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(said(&ran, "web"), ["service `shop/web` has no pods", "http 200"]);
}

#[test]
fn the_api_server_asks_itself() {
    let site = Kubernetes::site();
    if let Some(fake) = site.fake_api() {
        fake.change(|world| {
            world.store(json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": "kubernetes", "namespace": "default" },
                "spec": { "ports": [{ "name": "https", "port": 443 }] },
            }));
            let kubernetes = ("default", "kubernetes");
            world.proxy(kubernetes, "443/version", 200, json!({ "major": "1" }));
            let plain = "Client sent an HTTP request to an HTTPS server.";
            world.proxy(kubernetes, "443/", 400, plain.into());
        });
    }
    site.config(
        "[[check]]\nname = \"version\"\nhttp = \"https://kubernetes.default.svc/version\"\n\
         from = \"pod\"\njson = { major = \"1\" }\ntimeout = \"20s\"\n\
         [[check]]\nname = \"port\"\ntcp = \"kubernetes.default:443\"\nfrom = \"pod\"\n\
         timeout = \"20s\"\n",
    );
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(
        (said(&ran, "version"), said(&ran, "port")),
        (vec!["http 200".to_owned()], vec!["connected".to_owned()])
    );
}

#[test]
fn node_ports_and_logins_are_read_from_the_cluster() {
    let site = Kubernetes::site();
    let namespace = site.made_namespace("urls");
    let collection = format!("/api/v1/namespaces/{namespace}");
    let made = site.create(
        &format!("{collection}/services"),
        &json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
            "spec": { "type": "NodePort", "selector": { "app": "web" },
                      "ports": [{ "name": "http", "port": 80 }] },
        }),
    );
    site.create(
        &format!("{collection}/secrets"),
        &json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "admin" },
            "stringData": { "password": CANARY },
        }),
    );
    site.config(&format!(
        "[[check]]\nname = \"web\"\nhttp = \"http://{{nodeport:{namespace}/web:http}}/\"\n\
         login = {{ user = {{ secret = \"{namespace}/admin\", key = \"name\" }}, \
         password = {{ secret = \"{namespace}/admin\", key = \"password\" }} }}\n\
         [[check]]\nname = \"gone\"\ntcp = \"{{lb:{namespace}/gone}}:80\"\n"
    ));
    let rows = rows(&site.sandbox.run(&["urls", "-o", "json"]).exits(0));
    let port = made["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    assert!(rows[0]["url"].as_str().unwrap().ends_with(&format!(":{port}/")), "{rows:?}");
    assert_eq!(rows[0]["password"], CANARY);
    let note = format!("secret `{namespace}/admin` has no key `name`; it has password");
    assert_eq!(rows[0]["note"], note.as_str());
    assert_eq!(rows[1]["url"], format!("tcp://{{lb:{namespace}/gone}}:80").as_str());
    assert_eq!(rows[1]["note"], format!("there is no service `{namespace}/gone`").as_str());
}
