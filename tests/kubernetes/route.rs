//! The way to a check that failed, and to an API that does not answer, walked by `mlup why`: each hop
//! that does not lead on is the first one named.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::kube::{Fault, NODES, World};
use crate::support::kubernetes::Kubernetes;

const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";

/// A port of this machine where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A listener whose queue is full: the kernel drops what else comes, as a firewall does.
struct Dropping {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Dropping {
    fn listen() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            queued.push(stream);
            assert!(queued.len() < 10_000, "the queue is never full");
        }
        Self { listener, _queued: queued }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }
}

/// A fake cluster whose only node is this machine, with a service that is in order up to its pods.
fn shop(port: u16, change: impl FnOnce(&mut World)) -> Kubernetes {
    let site = Kubernetes::fake();
    site.fake_api().unwrap().change(|world| {
        let mut node = world.get(&format!("{NODES}/node-0")).unwrap();
        node["status"]["addresses"][0]["address"] = "127.0.0.1".into();
        world.put(NODES, "node-0", node);
        world.namespace("shop");
        world.store(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "web", "namespace": "shop" },
            "spec": {
                "type": "NodePort", "clusterIP": "10.96.0.7", "selector": { "app": "web" },
                "ports": [{ "name": "http", "port": 80, "nodePort": port }],
            },
        }));
        world.store(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": "web-x", "namespace": "shop",
                "labels": { "kubernetes.io/service-name": "web" },
            },
            "addressType": "IPv4",
            "endpoints": [
                { "addresses": ["10.0.0.9"], "conditions": { "ready": true } },
                { "addresses": ["10.0.0.10"], "conditions": { "ready": false } },
            ],
            "ports": [{ "port": 80 }],
        }));
        world.proxy(("shop", "web"), "80/", 200, "ok".into());
        change(world);
    });
    site.config(
        "[[check]]\nname = \"web\"\nhttp = \"http://{nodeport:shop/web:http}/\"\ntimeout = \"1s\"\n",
    );
    site
}

/// What `mlup why` says of a check that has failed: the hops as `name: passage`, and the finding.
#[track_caller]
fn why(site: &Kubernetes, step: &str) -> (Vec<String>, Value) {
    let ran = site.sandbox.run(&["start"]);
    assert_ne!(ran.code, Some(0), "{}", ran.report());
    let told = site.sandbox.run(&["why", step, "-o", "json"]).exits(0);
    let answer: Value = serde_json::from_str(&told.stdout).unwrap();
    let hops = answer["route"]["hops"].as_array().unwrap_or_else(|| panic!("{}", told.report()));
    let hop = |hop: &Value| {
        format!("{}: {}", hop["hop"].as_str().unwrap(), hop["passage"].as_str().unwrap())
    };
    (hops.iter().map(hop).collect(), answer["route"]["finding"].clone())
}

#[test]
fn a_filter_on_the_way_is_told_from_a_port_where_nobody_listens() {
    let led =
        ["service: open", "endpoints: open", "pod: open", "loopback: unknown", "here: closed"];
    let dropping = Dropping::listen();
    let site = shop(dropping.port(), |_| {});
    let (hops, finding) = why(&site, "check/web");
    assert_eq!(
        (hops, &finding["code"]),
        (led.map(str::to_owned).to_vec(), &json!("ROUTE_FILTERED"))
    );
    let (hops, finding) = why(&shop(closed_port(), |_| {}), "check/web");
    assert_eq!(
        (hops, &finding["code"]),
        (led.map(str::to_owned).to_vec(), &json!("ROUTE_REFUSED"))
    );
}

#[test]
fn the_table_shows_each_hop_and_the_block_what_is_wrong() {
    let port = closed_port();
    let site = shop(port, |_| {});
    site.sandbox.run(&["start"]);
    let told = site.sandbox.run(&["why", "check/web"]).exits(0).stdout;
    for part in [
        &format!("the way to 127.0.0.1:{port}, walked now:"),
        &format!("service `shop/web` has node port {port}"),
        "1 of 2 ready",
        "takes connections for port 80",
        "ROUTE_REFUSED  check/web",
    ] {
        assert!(told.contains(part), "`{part}` is missing:\n{told}");
    }
}

#[test]
fn a_service_that_is_not_there_ends_the_way_at_once() {
    let site = shop(closed_port(), |world| {
        world.remove("/api/v1/namespaces/shop/services", "web");
    });
    let (hops, finding) = why(&site, "check/web");
    assert_eq!(
        (hops, &finding["code"]),
        (vec!["service: closed".to_owned()], &json!("ROUTE_SERVICE"))
    );
    assert!(finding["summary"].as_str().unwrap().contains("there is no service `shop/web`"));
}

#[test]
fn without_ready_endpoints_the_pods_are_looked_at() {
    let site = shop(closed_port(), |world| world.remove(SLICES, "web-x"));
    let (hops, finding) = why(&site, "check/web");
    assert_eq!(hops, ["service: open", "endpoints: closed"]);
    assert_eq!(finding["code"], "ROUTE_ENDPOINTS");
    assert!(finding["summary"].as_str().unwrap().contains("has no pods"), "{finding}");
}

#[test]
fn pods_that_do_not_listen_are_told_from_a_way_that_is_closed() {
    let site = shop(closed_port(), |world| {
        let message =
            "error trying to reach service: dial tcp 10.0.0.9:80: connect: connection refused";
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 503,
            "reason": "ServiceUnavailable", "message": message,
        });
        world.proxy(("shop", "web"), "80/", 503, status);
    });
    let (hops, finding) = why(&site, "check/web");
    assert_eq!(hops, ["service: open", "endpoints: open", "pod: closed"]);
    assert_eq!(finding["code"], "ROUTE_POD");
    assert!(finding["summary"].as_str().unwrap().contains("connection refused"), "{finding}");
}

#[test]
fn with_everything_in_order_by_now_nothing_is_blamed() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let site = shop(listener.local_addr().unwrap().port(), |_| {});
    let (hops, finding) = why(&site, "check/web");
    assert_eq!(hops.last().unwrap(), "here: open");
    assert!(finding.is_null(), "{finding}");
    let told = site.sandbox.run(&["why", "check/web"]).exits(0).stdout;
    assert!(told.contains("nothing on it is closed now"), "{told}");
}

#[test]
fn a_check_that_is_met_is_not_walked_to() {
    let site = Kubernetes::fake();
    site.config("[[check]]\nname = \"always\"\nexec = [\"/bin/true\"]\n");
    site.sandbox.run(&["start"]).exits(0);
    let before = site.fake_api().unwrap().calls().len();
    site.sandbox.run(&["why", "check/always"]).exits(0);
    assert_eq!(site.fake_api().unwrap().calls().len(), before);
}

#[test]
fn a_silent_api_is_walked_to() {
    let site = Kubernetes::fake().env("MLUP_DEADLINE", "5s");
    site.config("");
    site.fake_api().unwrap().change(|world| world.fault("GET", Fault::Cut, usize::MAX));
    let (hops, finding) = why(&site, "cluster");
    assert_eq!(hops, ["loopback: unknown", "here: open"]);
    assert!(finding.is_null(), "it takes connections and cuts them: {finding}");
}
