//! The programs inside a container that can make a try there: what to call them with, and what
//! their output means. Everything that may be secret goes through their input. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::HttpAsk;
use super::container::ExecOutput;
use super::finding::Finding;
use super::host::last_line;
use crate::host::http::{Answer, content_type};
use crate::redact::Secret;

/// Prints, a word a line, what the container has; needs a shell and nothing else.
pub(super) const DISCOVERY: &str = "\
for tool in bash curl nc python3 wget; do
  if command -v $tool >/dev/null 2>&1; then echo $tool; fi
done
case \"$(nc --help 2>&1)\" in *'-e PROG'*) echo nc-exec;; esac
case \"$(wget --help 2>&1)\" in *-T*) echo wget-timed;; esac
exit 0";

/// Answers like [`Client::Curl`] does: the body, a newline, the status.
const PYTHON_HTTP: &str = r#"
import json, ssl, sys, urllib.error, urllib.request
ask = json.load(sys.stdin)
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args): return None
tls = ssl.create_default_context()
if ask["insecure"]:
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay,
                                     urllib.request.HTTPSHandler(context=tls))
post = None if ask["post"] is None else ask["post"].encode()
request = urllib.request.Request(ask["url"], data=post, headers=ask["headers"])
try: answer = opener.open(request, timeout=ask["timeout"])
except urllib.error.HTTPError as error: answer = error
except Exception as error: sys.exit(str(getattr(error, "reason", error)))
body = answer.read(1048576).decode("utf-8", "replace")
sys.stdout.write(body + "\n" + str(answer.getcode()))
"#;

const PYTHON_TCP: &str = "\
import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()
except OSError as error: sys.exit(str(error))";

/// A program that can make a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// GNU bash, which can connect by itself.
    Bash,
    /// curl.
    Curl,
    /// A netcat that only looks (`-z`), as those of BSD and traditional netcat.
    Nc,
    /// busybox's netcat, which runs a program once it is connected (busybox 1.35).
    NcExec,
    /// Python 3.
    Python,
    /// A wget that has no time limit of its own, as some busybox builds (Debian's 1.35).
    Wget,
    /// wget, GNU's or busybox's.
    WgetTimed,
}

/// A command and its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Program and arguments: no secret is ever here.
    pub(super) command: Vec<String>,
    /// What it reads.
    pub(super) input: Option<Secret>,
}

/// What an HTTP try needs beyond a plain GET of a harmless address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// Nothing of the request is secret.
    Open,
    /// Something of it must not be an argument.
    Private,
}

impl Client {
    /// The clients that a line of [`DISCOVERY`]'s output stands for.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word.trim() {
            "bash" => Self::Bash,
            "curl" => Self::Curl,
            "nc" => Self::Nc,
            "nc-exec" => Self::NcExec,
            "python3" => Self::Python,
            "wget" => Self::Wget,
            "wget-timed" => Self::WgetTimed,
            _ => return None,
        })
    }

    /// The best of these for HTTP.
    pub(super) fn for_http(there: &[Self], privacy: Privacy) -> Option<Self> {
        let order = match privacy {
            Privacy::Open => [Self::Curl, Self::Python, Self::WgetTimed, Self::Wget].as_slice(),
            Privacy::Private => [Self::Curl, Self::Python].as_slice(),
        };
        order.iter().find(|client| there.contains(client)).copied()
    }

    /// The best of these for TCP.
    pub(super) fn for_tcp(there: &[Self]) -> Option<Self> {
        let order = [Self::Bash, Self::NcExec, Self::Nc, Self::Python];
        order.into_iter().find(|client| there.contains(client))
    }
}

fn call(command: &[&str]) -> Call {
    Call { command: command.iter().map(|&word| word.to_owned()).collect(), input: None }
}

fn seconds(limit: Duration) -> String {
    limit.as_secs_f64().ceil().max(1.0).to_string()
}

/// How to ask for a URL.
pub(super) fn http_call(client: Client, probe: &HttpAsk, limit: Duration) -> Call {
    match client {
        Client::Curl => Call {
            input: Some(Secret::new(curl_config(probe, limit))),
            // `-q` comes first or not at all: without it the user's own configuration is read.
            ..call(&["curl", "-q", "--config", "-"])
        },
        Client::Python => Call {
            input: Some(Secret::new(python_input(probe, limit))),
            ..call(&["python3", "-c", PYTHON_HTTP])
        },
        _ => {
            let mut wget = call(&["wget", "-q", "-S", "-O", "-", "-t", "1"]);
            if client == Client::WgetTimed {
                wget.command.extend(["-T".to_owned(), seconds(limit)]);
            }
            if probe.insecure {
                wget.command.push("--no-check-certificate".to_owned());
            }
            wget.command.push(probe.url.clone());
            wget
        }
    }
}

/// Headers with the content type that the host's client would send.
fn headers(probe: &HttpAsk) -> BTreeMap<&str, &str> {
    let mut headers: BTreeMap<&str, &str> =
        probe.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    if let Some(post) = &probe.post
        && !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"))
    {
        headers.insert("content-type", content_type(post));
    }
    headers
}

fn curl_config(probe: &HttpAsk, limit: Duration) -> String {
    let mut lines = vec![
        "silent".to_owned(),
        "show-error".to_owned(),
        "globoff".to_owned(),
        "noproxy = \"*\"".to_owned(),
        format!("max-time = {}", seconds(limit)),
        format!("url = {}", curl_quote(&probe.url)),
        "write-out = \"\\n%{http_code}\"".to_owned(),
    ];
    if probe.insecure {
        lines.push("insecure".to_owned());
    }
    for (name, value) in headers(probe) {
        lines.push(format!("header = {}", curl_quote(&format!("{name}: {value}"))));
    }
    if let Some(post) = &probe.post {
        lines.push(format!("data-raw = {}", curl_quote(post)));
    }
    lines.join("\n")
}

/// A value as curl's configuration takes it (curl manual, `--config`).
fn curl_quote(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t");
    format!("\"{escaped}\"")
}

fn python_input(probe: &HttpAsk, limit: Duration) -> String {
    serde_json::json!({
        "url": probe.url,
        "headers": headers(probe),
        "post": probe.post,
        "insecure": probe.insecure,
        "timeout": limit.as_secs_f64(),
    })
    .to_string()
}

/// How to connect to a port.
pub(super) fn tcp_call(client: Client, host: &str, port: &str, limit: Duration) -> Call {
    let limit = seconds(limit);
    match client {
        Client::Bash => call(&["bash", "-c", "exec 3<>\"/dev/tcp/$0/$1\"", host, port]),
        Client::NcExec => call(&["nc", "-w", &limit, host, port, "-e", "true"]),
        Client::Python => call(&["python3", "-c", PYTHON_TCP, host, port, &limit]),
        _ => call(&["nc", "-z", "-w", &limit, host, port]),
    }
}

/// What an HTTP call found: an answer, or why there is none.
pub(super) fn http_answer(client: Client, output: &ExecOutput) -> Result<Answer, String> {
    let answer = match client {
        Client::Wget | Client::WgetTimed => wget_answer(output),
        _ => output.stdout.rsplit_once('\n').and_then(|(body, status)| {
            let status = status.trim().parse().ok().filter(|status| *status > 0)?;
            Some(Answer { status, body: body.to_owned() })
        }),
    };
    answer.ok_or_else(|| trouble(output))
}

/// The first status is that of the address itself: wget goes on to where a redirect leads.
fn wget_answer(output: &ExecOutput) -> Option<Answer> {
    let (_, after) = output.stderr.split_once("HTTP/1.")?;
    let status = after.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: output.stdout.clone() })
}

/// What a TCP call found.
pub(super) fn tcp_finding(output: &ExecOutput) -> Finding {
    if output.code == 0 { Finding::met("connected") } else { Finding::unmet(trouble(output)) }
}

/// The program's last words in ours where they are known.
fn trouble(output: &ExecOutput) -> String {
    let said = output.stderr.to_lowercase();
    let known = [
        ("connection refused", "connection refused"),
        ("could not resolve", "the host name does not resolve"),
        ("bad address", "the host name does not resolve"),
        ("unable to resolve", "the host name does not resolve"),
        ("name or service not known", "the host name does not resolve"),
        ("name resolution", "the host name does not resolve"),
        ("timed out", "no answer in time"),
        ("certificate", "the certificate is not accepted"),
    ];
    if let Some((_, text)) = known.iter().find(|(words, _)| said.contains(words)) {
        return (*text).to_owned();
    }
    last_line(&output.stderr).map_or_else(|| format!("exit {}", output.code), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> HttpAsk {
        HttpAsk {
            url: "http://db:80/a?b=\"c\"".into(),
            status: Vec::new(),
            json: BTreeMap::new(),
            body: None,
            post: Some("{\"x\":\n1}".into()),
            headers: BTreeMap::from([("X-Token".to_owned(), Secret::new("canary"))]),
            insecure: true,
        }
    }

    fn output(code: i64, stdout: &str, stderr: &str) -> ExecOutput {
        ExecOutput { code, stdout: stdout.into(), stderr: stderr.into() }
    }

    const LIMIT: Duration = Duration::from_millis(2500);

    #[test]
    fn curl_gets_everything_by_its_input() {
        let call = http_call(Client::Curl, &probe(), LIMIT);
        assert_eq!(call.command, ["curl", "-q", "--config", "-"]);
        let wanted = r#"silent
show-error
globoff
noproxy = "*"
max-time = 3
url = "http://db:80/a?b=\"c\""
write-out = "\n%{http_code}"
insecure
header = "X-Token: canary"
header = "content-type: application/json"
data-raw = "{\"x\":\n1}""#;
        assert_eq!(call.input.unwrap().expose(), wanted.replace(":\n1", ":\\n1"));
    }

    #[test]
    fn python_gets_everything_by_its_input() {
        let call = http_call(Client::Python, &probe(), LIMIT);
        assert_eq!(call.command, ["python3", "-c", PYTHON_HTTP]);
        let input: serde_json::Value = serde_json::from_str(call.input.unwrap().expose()).unwrap();
        assert_eq!(input["headers"]["X-Token"], "canary");
        assert_eq!(input["timeout"], 2.5);
    }

    #[test]
    fn wget_is_no_choice_for_what_is_private() {
        let there = [Client::Nc, Client::Wget];
        assert_eq!(Client::for_http(&there, Privacy::Open), Some(Client::Wget));
        assert_eq!(Client::for_http(&there, Privacy::Private), None);
        assert_eq!(Client::for_tcp(&there), Some(Client::Nc));
        let call =
            http_call(Client::WgetTimed, &HttpAsk { url: "http://db/".into(), ..probe() }, LIMIT);
        assert_eq!(
            call.command.join(" "),
            "wget -q -S -O - -t 1 -T 3 --no-check-certificate http://db/"
        );
    }

    #[test]
    fn tcp_calls_hand_host_and_port_over_as_arguments() {
        let of = |client| tcp_call(client, "db", "5432", LIMIT).command.join(" ");
        assert_eq!(of(Client::Bash), "bash -c exec 3<>\"/dev/tcp/$0/$1\" db 5432");
        assert_eq!(of(Client::Nc), "nc -z -w 3 db 5432");
        assert_eq!(of(Client::NcExec), "nc -w 3 db 5432 -e true");
    }

    #[test]
    fn answers_are_read_from_each_client() {
        let ok = |status, body: &str| Ok(Answer { status, body: body.to_owned() });
        let read =
            |client, code, stdout, stderr| http_answer(client, &output(code, stdout, stderr));
        assert_eq!(read(Client::Curl, 0, "a\nb\n503", ""), ok(503, "a\nb"));
        let refused = "curl: (7) Failed to connect to db port 80: Connection refused";
        assert_eq!(read(Client::Curl, 7, "\n000", refused), Err("connection refused".into()));
        let gnu = "  HTTP/1.1 302 Found\n  Location: /x\n  HTTP/1.1 200 OK\n";
        assert_eq!(read(Client::Wget, 0, "body", gnu), ok(302, "body"));
        let busybox = "wget: server returned error: HTTP/1.1 503 Service Unavailable";
        assert_eq!(read(Client::Wget, 1, "", busybox), ok(503, ""));
        let unknown = "wget: bad address 'db'";
        assert_eq!(
            read(Client::Wget, 1, "", unknown),
            Err("the host name does not resolve".into())
        );
        assert_eq!(read(Client::Python, 1, "", "strange\n"), Err("strange".into()));
        assert_eq!(tcp_finding(&output(1, "", "")), Finding::unmet("exit 1"));
    }
}
