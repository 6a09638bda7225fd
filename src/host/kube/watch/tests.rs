//! Watches over a server in memory and in virtual time: silence, outages, and servers that end each
//! watch at once.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::client::Body;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{News, Watch, patient};
use crate::policy::{Class, Failure};

/// How the server answers.
#[derive(Clone)]
enum Answer {
    /// These lines, and the end.
    Ended(Vec<Value>),
    /// These lines, and then nothing.
    Open(Vec<Value>),
    /// This status.
    Status(u16),
    /// Nothing.
    Never,
}

type Calls = Arc<Mutex<Vec<(Instant, String)>>>;

/// A watch on a server that answers the n-th list and the n-th watch so, and what it was asked.
fn watch(
    outage: u64,
    list: impl Fn(usize) -> Answer + Send + Sync + 'static,
    events: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> (Watch<ConfigMap>, Calls) {
    let calls = Calls::default();
    let seen = Arc::clone(&calls);
    let answers = Arc::new((list, events));
    let service = tower::service_fn(move |request: Request<Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_watch = query.contains("watch=");
        let mut seen = seen.lock().unwrap();
        let before = seen.iter().filter(|(_, call)| call.contains("watch=") == is_watch).count();
        seen.push((Instant::now(), query));
        let answer = if is_watch { (answers.1)(before) } else { (answers.0)(before) };
        async move {
            if matches!(answer, Answer::Never) {
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(response(answer))
        }
    });
    let client = Client::new(service, "default");
    let explain = |verb: &str, error: &kube::Error| {
        let code = match error {
            kube::Error::Api(status) if status.code < 429 => "API_REQUEST_FAILED",
            _ => "API_UNAVAILABLE",
        };
        Failure::new(Class::Transient, code, format!("{verb}: {error}"))
    };
    let objects = Api::namespaced(patient(&client), "n");
    (Watch::new(objects, None, Duration::from_secs(outage), Arc::new(explain)), calls)
}

/// The lines of an answer, one after the other.
type Lines = StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

fn response(answer: Answer) -> Response<Lines> {
    let (status, lines, is_open) = match answer {
        Answer::Ended(lines) => (200, lines, false),
        Answer::Open(lines) => (200, lines, true),
        Answer::Status(code) => {
            let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                "message": "no", "reason": "No", "code": code });
            (code, vec![status], false)
        }
        Answer::Never => (200, Vec::new(), true),
    };
    let frames = lines.into_iter().map(|line| Ok(Frame::data(Bytes::from(format!("{line}\n")))));
    let frames: Vec<_> = frames.collect();
    let body: stream::BoxStream<'static, _> = if is_open {
        Box::pin(stream::StreamExt::chain(stream::iter(frames), stream::pending()))
    } else {
        Box::pin(stream::iter(frames))
    };
    Response::builder().status(status).body(StreamBody::new(body)).unwrap()
}

fn map(name: &str, version: u64) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name,
        "namespace": "n", "resourceVersion": version.to_string() } })
}

fn list(names: &[&str]) -> Answer {
    let items: Vec<Value> = names.iter().map(|name| map(name, 1)).collect();
    Answer::Ended(vec![json!({ "apiVersion": "v1", "kind": "ConfigMapList",
        "metadata": { "resourceVersion": "7" }, "items": items })])
}

fn added(name: &str, version: u64) -> Value {
    json!({ "type": "ADDED", "object": map(name, version) })
}

/// The names of news.
fn names(news: Result<News<ConfigMap>, Failure>) -> Vec<String> {
    match news.unwrap() {
        News::All(all) => all.iter().map(|object| format!("={}", object.name_any())).collect(),
        News::Here(object) => vec![format!("+{}", object.name_any())],
        News::Gone(object) => vec![format!("-{}", object.name_any())],
        News::Silent(failure) => vec![format!("?{}", failure.code)],
    }
}

/// How often was watched, and listed.
fn asked(calls: &Calls) -> (usize, usize) {
    let calls = calls.lock().unwrap();
    let watches = calls.iter().filter(|(_, call)| call.contains("watch=")).count();
    (watches, calls.len() - watches)
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_begun_again_from_its_version_and_listed_anew_at_last() {
    let (mut watch, calls) = watch(60, |_| list(&["a"]), |_| Answer::Open(vec![added("b", 9)]));
    assert_eq!(names(watch.next().await), ["=a"]);
    let began = Instant::now();
    assert_eq!(names(watch.next().await), ["+b"]);
    assert!(began.elapsed() < Duration::from_secs(1));
    loop {
        let news = names(watch.next().await);
        if news == ["=a"] {
            break;
        }
        assert_eq!(news, ["+b"]);
    }
    let (watches, lists) = asked(&calls);
    assert!((4..=6).contains(&watches) && lists == 2, "{calls:?}");
    assert!(calls.lock().unwrap()[2].1.contains("resourceVersion=9"), "{calls:?}");
    assert!((290..=310).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_each_watch_at_once_is_not_hammered() {
    let (mut watch, calls) = watch(60, |_| list(&[]), |_| Answer::Ended(Vec::new()));
    assert!(names(watch.next().await).is_empty());
    let minute = tokio::time::timeout(Duration::from_secs(60), watch.next()).await;
    assert!(minute.is_err());
    let (watches, _) = asked(&calls);
    assert!((20..=60).contains(&watches), "{watches}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_is_an_outage_that_ends() {
    let hangs = |at| if at < 1 { Answer::Never } else { list(&["a"]) };
    let (mut first, _) = watch(60, hangs, |_| Answer::Open(Vec::new()));
    assert_eq!(names(first.next().await), ["?API_UNAVAILABLE"]);
    assert_eq!(names(first.next().await), ["=a"]);
    let (mut never, _) = watch(40, |_| Answer::Never, |_| Answer::Never);
    let began = Instant::now();
    while never.next().await.is_ok() {}
    assert!((40..=80).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_borne_with_for_its_time_and_told() {
    let (mut watch, calls) = watch(30, |_| Answer::Status(503), |_| Answer::Status(503));
    let began = Instant::now();
    assert_eq!(names(watch.next().await), ["?API_UNAVAILABLE"]);
    let failure = loop {
        if let Err(failure) = watch.next().await {
            break failure;
        }
    };
    assert_eq!(failure.code, "API_UNAVAILABLE");
    assert!((30..=33).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!(asked(&calls).1 < 30, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_version_is_listed_again_however_it_is_told() {
    let gone = json!({ "type": "ERROR", "object": { "kind": "Status", "apiVersion": "v1",
        "status": "Failure", "message": "too old", "reason": "Expired", "code": 410 } });
    for answer in [Answer::Status(410), Answer::Ended(vec![gone])] {
        let events = move |at| if at == 0 { answer.clone() } else { Answer::Open(Vec::new()) };
        let (mut watch, calls) = watch(60, |at| list(&["a", "b"][..=at.min(1)]), events);
        assert_eq!(names(watch.next().await), ["=a"]);
        assert_eq!(names(watch.next().await), ["=a", "=b"]);
        assert_eq!(asked(&calls).1, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_an_error_at_once() {
    let (mut watch, _) = watch(60, |_| Answer::Status(403), |_| Answer::Never);
    let failure = watch.next().await.unwrap_err();
    assert!(failure.summary.starts_with("list: "), "{}", failure.summary);
}
