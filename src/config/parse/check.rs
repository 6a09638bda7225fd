//! `[[check]]` as it is meant.

use super::{Entry, Parser, pod};
use crate::config::model::{Check, CheckProbe, HttpProbe, Login, Vantage};
use crate::config::raw::RawCheck;
use crate::config::raw::address::Place;
use crate::redact::Secret;

/// The keys that only an http check has.
const HTTP_ONLY: [&str; 6] = ["status", "json", "body", "post", "headers", "insecure"];

pub(super) fn check(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    mut raw: RawCheck,
) -> Option<Check> {
    let key = parser.exactly_one(entry, &["http", "tcp", "exec", "log"])?;
    if key != "http" {
        parser.only_with(entry, "http", &HTTP_ONLY);
    }
    parser.check_argv(entry, &["exec"]);
    check_headers(parser, entry, &raw);
    if key == "log" {
        parser.only_with(entry, "http`, `tcp` or `exec", &["from"]);
    }
    let from = match raw.from.take().map_or(Place::Host, |from| from.0) {
        Place::Compose(service) => Vantage::Compose(service),
        Place::Host => Vantage::Host,
        Place::Pod => Vantage::Pod(pod::service_port(parser, entry, key, &raw)?),
    };
    Some(Check {
        probe: probe(&mut raw)?,
        name: raw.name.0,
        from,
        optional: raw.optional,
        timeout: raw.timeout.map(|timeout| timeout.0),
        login: raw.login.map(|login| Login { user: login.user.0, password: login.password.0 }),
    })
}

fn probe(raw: &mut RawCheck) -> Option<CheckProbe> {
    if let Some(url) = raw.http.take() {
        let json = raw.json.take().unwrap_or_default();
        let headers = raw.headers.take().unwrap_or_default();
        return Some(CheckProbe::Http(HttpProbe {
            url: url.0,
            status: raw.status.take().unwrap_or_default().0,
            json: json.into_iter().map(|(path, value)| (path, value.0)).collect(),
            body: raw.body.take(),
            post: raw.post.take(),
            headers: headers.into_iter().map(|(k, value)| (k, Secret::new(value))).collect(),
            insecure: raw.insecure.unwrap_or(false),
        }));
    }
    if let Some(command) = raw.exec.take() {
        return Some(CheckProbe::Exec(command.0));
    }
    if let Some(endpoint) = raw.tcp.take() {
        return Some(CheckProbe::Tcp(endpoint.0));
    }
    let log = raw.log.take()?;
    Some(CheckProbe::Log { service: log.service.0, pattern: log.pattern.0 })
}

/// A header that HTTP does not allow would only show as a failed request much later.
fn check_headers(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCheck) {
    for (name, value) in raw.headers.iter().flatten() {
        let is_valid = hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && hyper::header::HeaderValue::from_str(value).is_ok();
        if !is_valid {
            let message = format!("`headers.{name}` of {} is no HTTP header", entry.subject);
            let help = "names are letters, digits and `-`; values are one line";
            parser.wrong(entry.value_span(&["headers", name]), message, help);
        }
    }
}
