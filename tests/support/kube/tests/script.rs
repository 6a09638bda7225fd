//! What tests decide: faults, rights, logs, answers of services.

use std::collections::BTreeMap;

use super::*;

#[test]
fn faults_say_what_a_real_server_says() {
    let fake = FakeKube::start();
    let rows = [
        (Fault::Status(401), 401, "Unauthorized"),
        (Fault::Status(403), 403, "Forbidden"),
        (Fault::Status(409), 409, "Conflict"),
        (Fault::Status(500), 500, "InternalError"),
        (Fault::Status(503), 503, "ServiceUnavailable"),
        (Fault::Status(504), 504, "Timeout"),
        (Fault::Throttle(7), 429, "TooManyRequests"),
        (Fault::Webhook("vault.example.org"), 500, "InternalError"),
        (Fault::Delay(1), 200, ""),
    ];
    for (fault, code, reason) in rows {
        fake.change(|world| world.fault("GET /api/v1/nodes", fault, 1));
        let (found, body) = read(&fake, "/api/v1/nodes");
        let told = body["reason"].as_str().unwrap_or_default();
        assert_eq!((found, told), (code, reason), "{fault:?}");
        match fault {
            Fault::Throttle(seconds) => assert_eq!(body["details"]["retryAfterSeconds"], seconds),
            Fault::Webhook(name) => {
                let message = body["message"].as_str().unwrap();
                let begin = format!("Internal error occurred: failed calling webhook \"{name}\"");
                assert!(message.starts_with(&begin), "{message}");
            }
            _ => {}
        }
    }
    let requests = fake.requests();
    assert!(requests.is_sorted_by_key(|request| request.at) && requests.len() == rows.len());
    assert!(requests.iter().all(|request| request.body.is_null()));
}

#[test]
fn what_is_forbidden_is_so_in_the_words_of_the_authorizer() {
    let fake = FakeKube::start();
    fake.change(|world| {
        world.forbid("list", "secrets", "default");
        world.forbid("*", "nodes", "*");
    });
    let message = |target: &str| read(&fake, target).1["message"].as_str().unwrap().to_owned();
    assert_eq!(
        message("/api/v1/namespaces/default/secrets"),
        "secrets is forbidden: User \"jane\" cannot list resource \"secrets\" in API group \"\" \
         in the namespace \"default\""
    );
    assert_eq!(
        message("/api/v1/nodes/node-0"),
        "nodes \"node-0\" is forbidden: User \"jane\" cannot get resource \"nodes\" in API group \
         \"\" at the cluster scope"
    );
    assert_eq!(read(&fake, "/api/v1/namespaces/kube-system/secrets").0, 200);
    let review = |verb: &str| {
        json!({ "spec": { "resourceAttributes":
            { "verb": verb, "resource": "secrets", "namespace": "default" } } })
    };
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(post(&fake, reviews, review("list")).1["status"]["allowed"], false);
    assert_eq!(post(&fake, reviews, review("get")).1["status"]["allowed"], true);
    assert!(fake.writes().is_empty());
}

fn pod(containers: &[&str], waiting: &str) -> Value {
    let status = json!([{ "name": containers[0], "state": { "waiting": { "reason": waiting } } }]);
    let containers: Vec<Value> =
        containers.iter().map(|name| json!({ "name": name, "image": "x:1" })).collect();
    json!({ "spec": { "containers": containers }, "status": { "containerStatuses": status } })
}

#[test]
fn logs_are_those_that_the_test_wrote() {
    let fake = FakeKube::empty();
    let pods = "/api/v1/namespaces/default/pods";
    fake.change(|world| {
        world.put(pods, "one", pod(&["api"], "ContainerCreating"));
        world.put(pods, "two", pod(&["api", "side"], "ImagePullBackOff"));
        world.log("default", "two", "side", "a\nb\nc\n");
        world.previous_log("default", "two", "side", "before\n");
    });
    let rows = [
        ("two/log?container=side&tailLines=2", 200, "b\nc\n"),
        ("two/log?container=side&previous=true", 200, "before\n"),
        (
            "two/log",
            400,
            "a container name must be specified for pod two, choose one of: [api side]",
        ),
        ("two/log?container=x", 400, "container x is not valid for pod two"),
        ("one/log", 400, "container \"api\" in pod \"one\" is waiting to start: ContainerCreating"),
        ("two/log?container=api", 400, "trying and failing to pull image"),
        ("one/log?previous=true", 400, "previous terminated container \"api\" in pod \"one\""),
        ("none/log", 404, "pods \"none\" not found"),
    ];
    for (target, code, text) in rows {
        let (found, body) = read(&fake, &format!("{pods}/{target}"));
        let told = body.as_str().or(body["message"].as_str()).unwrap_or_default();
        assert!(found == code && told.contains(text), "{target}: {found} {told}");
    }
}

#[test]
fn services_answer_what_the_test_says_once_they_have_endpoints() {
    let fake = FakeKube::empty();
    let services = "/api/v1/namespaces/default/services";
    fake.change(|world| {
        world.put(services, "mlflow", json!({ "spec": {} }));
        world.put(services, "idle", json!({ "spec": {} }));
        world.proxy(("default", "mlflow"), "5000/health", 200, "OK".into());
    });
    let at = |name: &str| get(&fake, &format!("{services}/{name}"));
    assert_eq!(at("mlflow:5000/proxy/health"), (200, "OK".to_owned()));
    assert_eq!(at("http:mlflow:5000/proxy/other").0, 404);
    assert!(at("idle:80/proxy/").1.contains("no endpoints available for service \\\"idle\\\""));
    assert_eq!(at("none:80/proxy/").0, 404);
    let slice = |is_ready: bool| {
        json!({ "metadata": { "labels": { "kubernetes.io/service-name": "mlflow" } },
            "endpoints": [{ "addresses": ["10.0.0.1"], "conditions": { "ready": is_ready } }] })
    };
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    fake.change(|world| world.put(slices, "mlflow-x", slice(false)));
    assert_eq!(at("mlflow:5000/proxy/health").0, 503);
    fake.change(|world| world.put(slices, "mlflow-x", slice(true)));
    assert_eq!(
        call(&fake, "POST", &format!("{services}/mlflow:5000/proxy/health"), "").unwrap().0,
        200
    );
}

#[test]
fn calls_at_the_same_time_are_counted() {
    let fake = FakeKube::empty();
    fake.change(|world| world.fault("GET", Fault::Delay(50), 3));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| get(&fake, "/api/v1/namespaces/default/secrets"));
        }
    });
    assert!(fake.in_flight_max() >= 2, "{}", fake.in_flight_max());
}

/// Counts calls, and those that nobody knows.
struct Counter {
    calls: std::sync::Arc<Mutex<(usize, Vec<String>)>>,
}

impl Witness for Counter {
    fn asked(&mut self, asked: &Asked) {
        self.calls.lock().unwrap().0 += usize::from(asked.is_write);
    }

    fn unknown(&mut self, asked: &Asked) {
        self.calls.lock().unwrap().1.push(asked.call());
    }
}

#[test]
fn a_server_elsewhere_has_its_own_socket_version_and_witness() {
    let calls = std::sync::Arc::new(Mutex::new((0, Vec::new())));
    let mut world = World::new();
    world.kubernetes("v1.31.4");
    world.witness(Box::new(Counter { calls: std::sync::Arc::clone(&calls) }));
    let fake = FakeKube::at(TcpListener::bind("127.0.0.1:0").unwrap(), world);
    assert_eq!(read(&fake, "/version").1["gitVersion"], "v1.31.4");
    assert_eq!(read(&fake, "/api/v1/gadgets").0, 404);
    let space = json!({ "metadata": { "name": "x" } });
    assert_eq!(post(&fake, "/api/v1/namespaces", space).0, 201);
    let calls = calls.lock().unwrap();
    assert_eq!(*calls, (1, vec!["GET /api/v1/gadgets".to_owned()]));
}

#[test]
fn a_world_answers_without_a_connection_too() {
    let mut world = World::new();
    let request = |method: &str, target: &str, body: &[u8]| {
        Request::new(method.to_owned(), target.to_owned(), BTreeMap::new(), body)
    };
    world.fault("POST ", Fault::Throttle(2), 1);
    world.answer("GET /version", 503, status(503, "", "etcd is down"));
    assert_eq!(world.respond(&request("GET", "/version", b"")).1["message"], "etcd is down");
    assert_eq!(world.respond(&request("GET", "/version", b"")).0, 200);
    let space = request("POST", "/api/v1/namespaces", b"{\"metadata\":{\"name\":\"x\"}}");
    let (code, busy) = world.respond(&space);
    assert_eq!((code, retry_after(&busy)), (429, Some(2)));
    world.when("WATCH /api/v1/namespaces", move |world| {
        assert_eq!(world.respond(&space).0, 201);
    });
    let watch = request("GET", "/api/v1/namespaces?watch=1&resourceVersion=104", b"");
    let (_, lines) = world.respond(&watch);
    assert!(lines.as_str().unwrap().starts_with("{\"type\":\"ADDED\""), "{lines}");
    assert!(world.unknown().is_empty() && world.requests().len() == 5);
}
