//! HTTP/1.1 as far as clients of the API speak it: requests in, answers and chunks out. What an
//! answer says is decided elsewhere.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::protobuf;

/// A request that has been read.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Path and query as they came.
    pub(crate) target: String,
    pub(crate) query: BTreeMap<String, String>,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Request {
    /// A request for this path and query; names of headers are in small letters.
    pub(crate) fn new(
        method: String,
        target: String,
        headers: BTreeMap<String, String>,
        body: &[u8],
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = query.map(|(name, value)| (decoded(name), decoded(value))).collect();
        let path = decoded(path);
        Self { method, path, target, query, headers, body: document(body) }
    }

    /// As faults and triggers name it.
    pub(crate) fn call(&self) -> String {
        let method = if self.is_watch() { "WATCH" } else { &self.method };
        format!("{method} {}", self.path)
    }

    /// Whether changes are to be told.
    pub(crate) fn is_watch(&self) -> bool {
        self.is_on("watch")
    }

    /// Whether nothing is to be kept.
    pub(crate) fn is_dry(&self) -> bool {
        self.parameter("dryRun") == "All" || self.body["dryRun"][0] == "All"
    }

    /// Whether a switch of the query is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }

    /// A part of the query, or nothing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The bearer token.
    pub(crate) fn token(&self) -> Option<&str> {
        self.header("authorization").strip_prefix("Bearer ")
    }

    /// Who writes: the field manager, or the client's own name.
    pub(crate) fn manager(&self) -> &str {
        let agent = self.header("user-agent").split('/').next().unwrap_or_default();
        [self.parameter("fieldManager"), agent, "unknown"]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default()
    }

    /// Whether the metadata of objects are all that is wanted.
    pub(crate) fn wants_metadata_only(&self) -> bool {
        self.header("accept").contains("as=PartialObjectMetadata")
    }

    /// Whether this is a change that is to be kept.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET" && !self.is_dry() && !self.path.ends_with("reviews")
    }
}

/// The next request of a connection; nothing at its end.
pub(crate) fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&length| length > 0)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request::new(method, target, headers, &body))
}

/// JSON, or YAML, which server-side apply takes too, or protobuf.
fn document(body: &[u8]) -> Value {
    if let Some(document) = protobuf::document(body) {
        return document;
    }
    serde_json::from_slice(body).or_else(|_| serde_norway::from_slice(body)).unwrap_or_default()
}

/// Text without percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (letter, left) = match (byte, code) {
            (b'%', Some(code)) => (code, &after[2..]),
            (b'+', _) => (b' ', after),
            (byte, _) => (byte, after),
        };
        bytes.push(letter);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer in one piece; text is sent as it is.
pub(crate) fn reply(stream: &mut TcpStream, code: u16, kind: &str, body: &Value) -> Option<()> {
    let (kind, text) = match body {
        Value::String(text) => ("text/plain; charset=utf-8", text.clone()),
        body => (kind, format!("{body}\n")),
    };
    let retry = retry_after(body).map(|seconds| format!("Retry-After: {seconds}\r\n"));
    let retry = retry.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {code} {}\r\nContent-Type: {kind}\r\n{retry}Content-Length: {}\r\n\r\n",
        phrase(code),
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).ok()
}

/// When to come back, where an answer says so.
pub(crate) fn retry_after(body: &Value) -> Option<u64> {
    body["details"]["retryAfterSeconds"].as_u64()
}

/// The begin of an answer in chunks.
pub(crate) fn begin(stream: &mut TcpStream) -> Option<()> {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()
}

/// One line in a chunk of its own.
pub(crate) fn chunk(stream: &mut TcpStream, line: &Value) -> Option<()> {
    let line = format!("{line}\n");
    stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).ok()
}

/// The end of an answer in chunks.
pub(crate) fn finish(stream: &mut TcpStream) -> Option<()> {
    stream.write_all(b"0\r\n\r\n").ok()
}

fn phrase(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        410 => "Gone",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}
