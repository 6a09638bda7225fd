//! The last lines of containers that crash, asked for once for each crash. What they mean is told in
//! `readiness::crash_log`.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use crate::readiness::LogSource;
use crate::readiness::crash_log::says_something;
use crate::steps::objects::Objects;

/// How many lines are asked for.
const LINES: i64 = 50;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3);

/// Most logs of one wait: a thousand pods crash for the same reason.
const MOST: usize = 20;

/// A container and how often it was restarted.
type Crash = (String, String, String, i64);

/// The logs that are known or asked for.
pub(super) struct Logs<'a> {
    objects: &'a Objects,
    known: HashMap<Crash, Option<String>>,
    asked: FuturesUnordered<BoxFuture<'a, (Crash, String)>>,
}

impl<'a> Logs<'a> {
    /// None yet.
    pub(super) fn new(objects: &'a Objects) -> Self {
        Self { objects, known: HashMap::new(), asked: FuturesUnordered::new() }
    }

    /// The log of a crash, if it is known; otherwise it is asked for.
    pub(super) fn of(&mut self, source: &LogSource, attempt: i64) -> Option<&str> {
        let LogSource { namespace, pod, container, .. } = source.clone();
        let crash = (namespace, pod, container, attempt);
        if !self.known.contains_key(&crash) && self.known.len() < MOST {
            self.known.insert(crash.clone(), None);
            self.asked.push(Box::pin(ask(self.objects, crash.clone())));
        }
        self.known.get(&crash)?.as_deref()
    }

    /// Whether an answer is still to come.
    pub(super) fn is_busy(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Returns when another log is known; never where none is asked for.
    pub(super) async fn next(&mut self) {
        match self.asked.next().await {
            Some((crash, log)) => {
                self.known.insert(crash, Some(log));
            }
            None => std::future::pending().await,
        }
    }
}

async fn ask(objects: &Objects, crash: Crash) -> (Crash, String) {
    let (namespace, pod, container, _) = &crash;
    let log = last_words(objects, (namespace, pod, container)).await;
    (crash, log)
}

/// The log of the run of a container that crashed, else of the present one; empty where there is
/// none. The container is told by namespace, pod and name.
pub(in crate::steps) async fn last_words(
    objects: &Objects,
    (namespace, pod, container): (&str, &str, &str),
) -> String {
    let pods: Api<Pod> = Api::namespaced(objects.client().clone(), namespace);
    for previous in [true, false] {
        let params = LogParams {
            container: Some(container.to_owned()),
            previous,
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        let answer = tokio::time::timeout(ANSWER, pods.logs(pod, &params)).await;
        if let Ok(Ok(log)) = answer
            && says_something(&log)
        {
            return log;
        }
    }
    String::new()
}
