//! What a crashed container asked for in vain: the host that a line of its log names, and the
//! service of the cluster that it stands for.

use std::sync::LazyLock;

use regex::Regex;

use super::{Root, World};
use crate::manifest::read;

/// How programs name a host that does not answer, or that they do not find.
const PATTERNS: [&str; 8] = [
    r#"host name "([^"]+)""#,
    r"lookup ([\w.-]+)(?: on |: )",
    r#"https?://(?:[^@/\s"']*@)?([\w.-]+)"#,
    r"host='([\w.-]+)'",
    r#"(?:server at|bad address|Unknown MySQL server host|on|host) ["']([\w.-]+)["']"#,
    r"(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|UnknownHostException:) ([\w.-]+)",
    r"(?:onnect(?:ing)? to|dial tcp|resolve host:?|host not found in upstream) \W?([\w.-]+)",
    r"\b([a-z0-9][\w-]*(?:\.[\w-]+)*):(?:\d{4,5}|80|443)\b",
];

static HOSTS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| PATTERNS.iter().filter_map(|one| Regex::new(one).ok()).collect());

/// Words of a name service that has no answer, or none for this name.
const UNRESOLVED: [&str; 12] = [
    "translate host name",
    "Name or service not known",
    "Name does not resolve",
    "no such host",
    "name resolution",
    "resolve",
    "getaddrinfo",
    "UnknownHostException",
    "bad address",
    "server host",
    "No address associated",
    "lookup ",
];

/// What a line says of something that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A service that is there: its name was found, and nobody answers.
    Silent(Root),
    /// A service that is there, and whose name the name service did not give.
    Unresolved(Root),
    /// A service that is not there; where one of this name is, if anywhere.
    Nowhere(Root, Option<Root>),
    /// The pod that asks.
    Itself(String),
    /// A host outside of the cluster.
    Outside(String),
}

/// What a line that was logged in a namespace asks for; `None` where it names no host, or one of a
/// cluster whose services were not listed.
pub(super) fn asked(line: &str, namespace: &str, world: &World) -> Option<Asked> {
    let host = host(line)?;
    if host == "localhost" || host.starts_with("127.") {
        return Some(Asked::Itself(host.to_owned()));
    }
    let known = world.all("Service").iter();
    let by_address = known.clone().find(|service| read::text(service, "/spec/clusterIP") == host);
    if let Some(service) = by_address {
        return Some(Asked::Silent(Root::of(service)));
    }
    let short = host.trim_end_matches('.').trim_end_matches(".cluster.local");
    let inside = short.strip_suffix(".svc");
    let is_inside = inside.is_some() || !short.contains('.');
    let mut parts = inside.unwrap_or(short).split('.');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let place = parts.next().unwrap_or(namespace);
    if parts.next().is_some() {
        // An address, or a name of the internet; a longer one of the cluster may be a pod's.
        return (!is_inside).then(|| Asked::Outside(host.to_owned()));
    }
    if let Some(service) = world.find("Service", place, name) {
        let root = Root::of(service);
        let is_unresolved = UNRESOLVED.iter().any(|words| line.contains(words));
        return Some(if is_unresolved { Asked::Unresolved(root) } else { Asked::Silent(root) });
    }
    if !is_inside {
        return Some(Asked::Outside(host.to_owned()));
    }
    if !world.lacks("Service", place, name) {
        return None;
    }
    let elsewhere = known.clone().find(|service| read::name(service) == name).map(Root::of);
    Some(Asked::Nowhere(Root::new("Service", place, name), elsewhere))
}

/// The host that a line names.
fn host(line: &str) -> Option<&str> {
    let found = HOSTS.iter().filter_map(|pattern| pattern.captures(line));
    found
        .filter_map(|captures| captures.get(1))
        .map(|host| host.as_str())
        .find(|host| is_host(host))
}

/// Endings of the names of sources, which stand before the number of a line as hosts do before a port.
const SOURCES: [&str; 8] = [".py", ".go", ".js", ".ts", ".rs", ".java", ".rb", ".cpp"];

/// Whether words have the form of a host: names begin with a letter, times and versions do not.
fn is_host(words: &str) -> bool {
    let is_address = words.parse::<std::net::Ipv4Addr>().is_ok();
    let begins = words.starts_with(|first: char| first.is_ascii_alphabetic());
    is_address || begins && !SOURCES.iter().any(|ending| words.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world() -> World {
        let service = |namespace: &str, name: &str, address: &str| {
            json!({"kind": "Service", "metadata": {"namespace": namespace, "name": name},
                "spec": {"clusterIP": address}})
        };
        World::of([service("mlops", "postgres", "10.96.0.7"), service("data", "redis", "None")])
    }

    #[test]
    fn hosts_are_read_from_what_programs_say() {
        for (line, wanted) in [
            (r#"could not translate host name "db" to address: Name or service not known"#, "db"),
            ("dial tcp: lookup redis.data on 10.96.0.10:53: no such host", "redis.data"),
            (
                "Could not connect to the endpoint URL: \"http://s3.mlops.svc:8333/b\"",
                "s3.mlops.svc",
            ),
            ("HTTPConnectionPool(host='mlflow', port=5000): Max retries exceeded", "mlflow"),
            (
                r#"connection to server at "postgres" (10.96.0.7), port 5432 failed: Connection refused"#,
                "postgres",
            ),
            ("Error: getaddrinfo ENOTFOUND kafka", "kafka"),
            ("Error: connect ECONNREFUSED 10.96.0.7:5432", "10.96.0.7"),
            (
                "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
                "redis",
            ),
            ("dial tcp 10.96.0.7:5432: connect: connection refused", "10.96.0.7"),
            ("java.net.UnknownHostException: kafka-0.kafka", "kafka-0.kafka"),
        ] {
            assert_eq!(host(line), Some(wanted), "{line}");
        }
        for line in [
            "nothing at all",
            "2026-11-21T10:3744 ERROR Connection refused",
            "db.py:1044 ConnectionRefusedError: [Errno 111] Connection refused",
        ] {
            assert_eq!(host(line), None, "{line}");
        }
    }

    #[test]
    fn a_host_stands_for_a_service_that_is_there_or_is_not() {
        let world = world();
        let root = |namespace: &str, name: &str| Root::new("Service", namespace, name);
        let of = |line: &str| asked(line, "mlops", &world);
        assert_eq!(
            of("connect to postgres:5432 failed: Connection refused"),
            Some(Asked::Silent(root("mlops", "postgres")))
        );
        assert_eq!(
            of("dial tcp 10.96.0.7:5432: connect: connection refused"),
            Some(Asked::Silent(root("mlops", "postgres")))
        );
        assert_eq!(
            of("lookup postgres.mlops.svc.cluster.local on 10.96.0.10:53: no such host"),
            Some(Asked::Unresolved(root("mlops", "postgres")))
        );
        assert_eq!(
            of("lookup redis on 10.96.0.10:53: no such host"),
            Some(Asked::Nowhere(root("mlops", "redis"), Some(root("data", "redis"))))
        );
        assert_eq!(
            of("lookup s3.ml.svc on 10.96.0.10:53: no such host"),
            Some(Asked::Nowhere(root("ml", "s3"), None))
        );
        assert_eq!(
            of("lookup api.example.com on 10.96.0.10:53: no such host"),
            Some(Asked::Outside("api.example.com".into()))
        );
        assert_eq!(
            of("Error 111 connecting to localhost:6379. Connection refused."),
            Some(Asked::Itself("localhost".into()))
        );
        assert_eq!(asked("lookup redis on 1:53: no such host", "mlops", &World::default()), None);
    }
}
