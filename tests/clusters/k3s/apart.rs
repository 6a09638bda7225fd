//! A K3s whose ports nobody reaches but through ssh, because its machine has a network of its own: what a
//! tunnel is for, and that nothing goes past it.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::json;

use super::site::{Site, VERSION};
use crate::support::sshd::APART;

/// A port of this machine at which nobody listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A port of this machine that answers each request with `ok`.
fn web() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

/// A service of this type whose port 80 is this port of the nodes.
fn store_service(site: &Site, name: &str, kind: &str, node_port: u16) {
    site.kube.change(|world| {
        world.store(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": name, "namespace": "default" },
            "spec": {
                "type": kind, "clusterIP": "10.43.0.7", "selector": { "app": "web" },
                "ports": [{ "name": "http", "port": 80, "nodePort": node_port }],
            },
            "status": { "loadBalancer": { "ingress": [{ "ip": APART }] } },
        }));
    });
}

/// `mlup.toml`; `more` goes on with `[cluster]`.
fn configure(site: &Site, more: &str) {
    let text = format!(
        "name = \"dev\"\n[cluster]\nprovider = \"k3s\"\nhost = \"vm\"\nversion = \"{VERSION}\"\n\
         recover = {{ attempts = 2, backoff = \"1ms..2ms\" }}\n{more}"
    );
    site.sandbox.write("mlup.toml", &text);
}

#[test]
fn checks_and_the_api_reach_a_machine_that_is_apart_through_the_tunnel() {
    let Some((site, _api)) = Site::apart() else { return };
    let (near, node_port, balanced) = (free_port(), free_port(), free_port());
    let web = web();
    let lent = [node_port, balanced].map(|port| site.sshd.lend(&format!("{APART}:{port}"), web));
    store_service(&site, "web", "NodePort", node_port);
    store_service(&site, "shop", "LoadBalancer", balanced);
    configure(
        &site,
        &format!(
            "tunnel = true\napi_port = {near}\n\
             [[check]]\nname = \"web\"\nhttp = \"http://{{nodeport:default/web:http}}/\"\ntimeout = \"20s\"\n\
             [[check]]\nname = \"shop\"\nhttp = \"http://{{lb:default/shop}}/\"\ntimeout = \"20s\"\n"
        ),
    );
    site.run(&["start"]).exits(0);
    let server = format!("server: https://127.0.0.1:{near}");
    assert!(site.kubeconfig().contains(&server), "{}", site.kubeconfig());
    let urls = site.run(&["urls"]).exits(0).stdout;
    for port in [node_port, balanced] {
        assert!(urls.contains(&format!("http://127.0.0.1:{port}/")), "{urls}");
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "the tunnel outlives the run");
    }
    // Commands that only ask the cluster make the way to it themselves.
    let why = site.run(&["why", "check/web"]).exits(0);
    assert!(why.stdout.contains("ready"), "{}", why.report());
    // What answers is over there: without it the near end leads nowhere.
    drop(lent);
    let ran = site.run(&["start", "check/web"]);
    assert!(ran.code != Some(0) && ran.stderr.contains("CHECK_FAILED"), "{}", ran.report());
}

#[test]
fn a_load_balancer_without_node_ports_is_named_with_what_a_tunnel_needs() {
    let Some((site, _api)) = Site::apart() else { return };
    store_service(&site, "shop", "LoadBalancer", 0);
    configure(
        &site,
        &format!(
            "tunnel = true\napi_port = {}\n\
             [[check]]\nname = \"shop\"\nhttp = \"http://{{lb:default/shop}}/\"\ntimeout = \"1s\"\n",
            free_port()
        ),
    );
    let ran = site.run(&["start"]);
    assert!(ran.stderr.contains("has no node port"), "{}", ran.report());
    assert!(ran.stderr.contains("allocateLoadBalancerNodePorts"), "{}", ran.report());
}

#[test]
fn without_a_tunnel_a_machine_that_is_apart_is_installed_and_not_reached() {
    let Some((site, _api)) = Site::apart() else { return };
    configure(&site, "");
    let ran = site.run(&["start"]).exits(4);
    assert!(ran.stderr.contains("K3S_API_UNREACHABLE"), "{}", ran.report());
    assert!(ran.stderr.contains("tunnel = true"), "{}", ran.report());
    // The way is all that lacked.
    configure(&site, &format!("tunnel = true\napi_port = {}\n", free_port()));
    site.run(&["start"]).exits(0);
    assert_eq!(site.installs().len(), 1);
}
