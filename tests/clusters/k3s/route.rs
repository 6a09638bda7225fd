//! The way to a node port and to the API, as the machine itself sees it: `mlup why` tries it over ssh.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::site::Site;
use crate::support::kube::NODES;

/// A check of a service that is in order up to its pods, with this node port.
const CHECK: &str =
    "[[check]]\nname = \"web\"\nhttp = \"http://{nodeport:default/web:http}/\"\ntimeout = \"1s\"\n";

/// A machine whose node port leads to this port of it, where addresses can be tried.
fn site(port: u16) -> Site {
    let site = Site::new();
    site.sshd.command("curl-of-k3s", include_str!("far/curl"));
    // The machine's own curl connects, as far as these tests go.
    let real = "#!/bin/sh\ncase \" $* \" in *' --noproxy '*) ;; *) exec curl-of-k3s \"$@\" ;; esac\n\
                for url; do :; done\naddress=${url#http://}\naddress=${address%/}\n\
                timeout 3 bash -c ': </dev/tcp/${0%:*}/${0##*:}' \"$address\" 2>/dev/null || exit 7\n";
    site.sshd.command("curl", real);
    site.kube.change(|world| {
        let mut node = world.get(&format!("{NODES}/node-0")).unwrap();
        node["status"]["addresses"][0]["address"] = "127.0.0.1".into();
        world.put(NODES, "node-0", node);
        world.store(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "web", "namespace": "default" },
            "spec": {
                "type": "NodePort", "clusterIP": "10.43.0.7", "selector": { "app": "web" },
                "ports": [{ "name": "http", "port": 80, "nodePort": port }],
            },
        }));
        world.store(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": "web-x", "namespace": "default",
                "labels": { "kubernetes.io/service-name": "web" },
            },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": ["10.42.0.9"], "conditions": { "ready": true } }],
            "ports": [{ "port": 80 }],
        }));
        world.proxy(("default", "web"), "80/", 200, "ok".into());
    });
    site.config(CHECK);
    let ran = site.run(&["start"]);
    assert!(ran.stderr.contains("CHECK_FAILED"), "{}", ran.report());
    site
}

fn route(site: &Site) -> (Vec<String>, Value) {
    let told = site.run(&["why", "check/web", "-o", "json"]).exits(0);
    let answer: Value = serde_json::from_str(&told.stdout).unwrap();
    let hops = answer["route"]["hops"].as_array().unwrap_or_else(|| panic!("{}", told.report()));
    let hop = |hop: &Value| {
        format!("{}: {}", hop["hop"].as_str().unwrap(), hop["passage"].as_str().unwrap())
    };
    (hops.iter().map(hop).collect(), answer["route"]["finding"].clone())
}

fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn a_machine_that_does_not_forward_is_asked_over_ssh() {
    let port = closed_port();
    let site = site(port);
    let sessions = site.sshd.sessions();
    let (hops, finding) = route(&site);
    let led =
        ["service: open", "endpoints: open", "pod: open", "loopback: unknown", "node: closed"];
    assert_eq!((hops, &finding["code"]), (led.map(str::to_owned).to_vec(), &json!("ROUTE_NODE")));
    assert!(site.sshd.sessions() > sessions, "{}", site.sshd.log());
    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (hops, finding) = route(&site);
    assert_eq!(hops[3..], ["loopback: open", "node: open", "here: open"], "{finding}");
    assert!(finding.is_null(), "{finding}");
}

#[test]
fn an_api_that_is_down_on_its_own_machine_is_no_matter_of_the_way() {
    let site = site(closed_port());
    let gone =
        site.kubeconfig().replace(&format!(":{}", site.door.port), &format!(":{}", closed_port()));
    std::fs::write(site.kubeconfig_path(), gone).unwrap();
    let (hops, finding) = route(&site);
    assert_eq!(
        (hops, &finding["code"]),
        (vec!["loopback: closed".to_owned()], &json!("ROUTE_API_DOWN"))
    );
}
