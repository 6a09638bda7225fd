//! The fake itself: what it answers to plain calls. The client is here, what is asked in the files
//! below.

mod applied;
mod objects;
mod replay;
mod script;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::*;

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

/// A request beside method and target.
#[derive(Default)]
struct Form<'a> {
    token: &'a str,
    content: &'a str,
    accept: &'a str,
    body: Value,
}

/// Status and text of one call, as plain as a client can be.
fn raw(fake: &FakeKube, method: &str, target: &str, form: &Form<'_>) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(fake.address()).ok()?;
    let body = if form.body.is_null() { String::new() } else { form.body.to_string() };
    let token = if form.token.is_empty() { "fake-token" } else { form.token };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {}\r\n\
         Accept: {}\r\nContent-Length: {}\r\n\r\n{body}",
        form.content,
        form.accept,
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|&length| length > 0)?;
    }
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let code = head.split_whitespace().nth(1)?.parse().ok()?;
    let mut text = String::new();
    match header("Content-Length: ") {
        Some(length) => {
            let mut body = vec![0; length.parse().ok()?];
            reader.read_exact(&mut body).ok()?;
            text = String::from_utf8_lossy(&body).into_owned();
        }
        // To the last chunk, or the end of a stream that is cut.
        None => {
            while !text.ends_with("\r\n0\r\n")
                && reader.read_line(&mut text).is_ok_and(|length| length > 0)
            {}
        }
    }
    Some((code, text))
}

fn call(fake: &FakeKube, method: &str, target: &str, token: &str) -> Option<(u16, String)> {
    let body = if method == "POST" { json!({}) } else { Value::Null };
    raw(fake, method, target, &Form { token, body, ..Form::default() })
}

fn get(fake: &FakeKube, target: &str) -> (u16, String) {
    call(fake, "GET", target, "").unwrap_or_default()
}

/// Status and document of one call.
fn ask(fake: &FakeKube, method: &str, target: &str, content: &str, body: Value) -> (u16, Value) {
    let form = Form { content, body, ..Form::default() };
    let (code, text) = raw(fake, method, target, &form).unwrap_or_default();
    (code, serde_json::from_str(&text).unwrap_or_else(|_| text.into()))
}

fn read(fake: &FakeKube, target: &str) -> (u16, Value) {
    ask(fake, "GET", target, "", Value::Null)
}

fn post(fake: &FakeKube, target: &str, body: Value) -> (u16, Value) {
    ask(fake, "POST", target, "application/json", body)
}

/// The lines of a watch that ends.
fn lines(fake: &FakeKube, target: &str) -> Vec<Value> {
    let (_, text) = get(fake, target);
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(Value::is_object)
        .collect()
}

#[test]
fn objects_are_read_listed_and_watched() {
    let fake = FakeKube::start();
    assert_eq!(get(&fake, "/api/v1/nodes/node-0").0, 200);
    assert_eq!(get(&fake, "/api/v1/nodes/none").0, 404);
    let (_, list) = get(&fake, &format!("{ACCOUNTS}?fieldSelector=metadata.name%3Dother"));
    assert!(list.contains("\"items\":[]"), "{list}");
    let version = read(&fake, "/api/v1/nodes").1["metadata"]["resourceVersion"].clone();
    let version = version.as_str().unwrap().to_owned();
    fake.change(|world| {
        world.when("WATCH /api/v1/nodes", |world| {
            world.node_unready("node-1", "KubeletNotReady", "");
            world.bookmark(NODES, "Node");
            world.remove(NODES, "node-1");
        });
    });
    let (_, events) =
        get(&fake, &format!("/api/v1/nodes?watch=true&resourceVersion={version}&timeoutSeconds=0"));
    let kinds = ["ADDED", "BOOKMARK", "DELETED"].map(|kind| events.find(kind));
    assert!(kinds.iter().all(Option::is_some) && kinds.is_sorted(), "{events}");
    assert_eq!(fake.calls().len(), 5);
}

#[test]
fn a_watch_from_too_long_ago_is_told_so() {
    let fake = FakeKube::empty();
    fake.change(|world| {
        world.default_account();
        world.expire();
        world.drop_watches();
    });
    let (code, events) = get(&fake, "/api/v1/nodes?watch=true&resourceVersion=100");
    assert!(code == 200 && events.contains("\"code\":410"), "{events}");
}

#[test]
fn faults_come_as_often_as_they_are_asked_for() {
    let fake = FakeKube::start();
    fake.change(|world| {
        world.fault("GET /version", Fault::Status(503), 1);
        world.fault("GET /version", Fault::Cut, 1);
    });
    assert_eq!(get(&fake, "/version").0, 503);
    assert_eq!(get(&fake, "/version").0, 0);
    assert_eq!(get(&fake, "/version").0, 200);
    fake.change(|world| world.fault("GET /version", Fault::Hang, 9));
    fake.change(World::heal);
    assert_eq!(get(&fake, "/version").0, 200);
    fake.change(|world| world.failing(&["etcd"]));
    assert_eq!(
        get(&fake, "/readyz"),
        (500, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed".to_owned())
    );
}

#[test]
fn who_may_do_what_is_decided_by_the_test() {
    let fake = FakeKube::start();
    let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let allowed = |fake: &FakeKube| {
        let answer = call(fake, "POST", review, "fake-token").unwrap_or_default();
        answer.0 == 201 && answer.1.contains("\"allowed\":true")
    };
    assert!(allowed(&fake));
    fake.change(World::deny);
    assert!(!allowed(&fake));
    fake.change(|world| world.accept_only("another"));
    assert_eq!(get(&fake, "/version").0, 401);
    assert!(fake.kubeconfig("here").contains(&fake.url()));
}

#[test]
fn a_server_that_went_away_comes_back_at_its_address() {
    let mut fake = FakeKube::start();
    fake.refuse();
    assert_eq!(get(&fake, "/version").0, 0);
    fake.listen();
    assert_eq!(get(&fake, "/version").0, 200);
}

#[test]
#[should_panic(expected = "calls that the fake does not know")]
fn a_call_that_nobody_foresaw_fails_the_test() {
    let fake = FakeKube::start();
    assert_eq!(get(&fake, "/apis/apps/v1/gadgets").0, 404);
    assert_eq!(call(&fake, "POST", "/api/v1/pods/x/exec", "").map(|answer| answer.0), Some(404));
}
