//! Tries that are made from inside of the cluster: the API server makes them, through its proxy for
//! services, so that no image, pod or tool is needed there.

use std::collections::BTreeMap;

use super::cluster::{Cluster, lacks};
use super::endpoints;
use super::finding::{Finding, evaluate};
use super::host::request;
use super::lacking::{Lacking, Trouble, Until};
use super::{HttpAsk, place, try_limit};
use crate::config::address::ServicePort;
use crate::host::http::{Request, Trust};
use crate::steps::StepCtx;
use crate::steps::objects::proxy::{Backend, Obstacle, Passed};

/// A port of a service to ask.
pub(super) struct Inside<'a, 'c> {
    pub(super) ctx: &'a StepCtx,
    pub(super) port: &'a ServicePort,
    pub(super) cluster: &'c mut Cluster<'a>,
}

impl Inside<'_, '_> {
    /// Asks for a path of the service.
    pub(super) async fn http(&mut self, probe: &HttpAsk) -> Result<Finding, Trouble> {
        let passed = self.pass(&request(probe, try_limit(self.ctx))).await?;
        Ok(match passed {
            Passed::Answer(answer) => evaluate(&answer, probe),
            Passed::Not(Obstacle::Silent) => Finding::unmet("no answer in time"),
            Passed::Not(Obstacle::Unreachable(why)) => Finding::unmet(words(&why)),
            Passed::Not(other) => return Err(self.lacking(other).await?),
        })
    }

    /// Whether the port takes connections. The API server speaks HTTP there; what answers with
    /// something else, or hangs up, took the connection.
    pub(super) async fn tcp(&mut self) -> Result<Finding, Trouble> {
        let request = Request {
            url: "http://service/".to_owned(),
            headers: BTreeMap::new(),
            post: None,
            trust: Trust::Known,
            connect_to: None,
            timeout: try_limit(self.ctx),
        };
        Ok(match self.pass(&request).await? {
            Passed::Answer(_) => Finding::met("connected"),
            Passed::Not(Obstacle::Unreachable(why)) if is_open(&why) => Finding::met("connected"),
            Passed::Not(Obstacle::Unreachable(why)) => Finding::unmet(words(&why)),
            Passed::Not(Obstacle::Silent) => {
                Finding::unmet("no answer in time, which can also be a port that waits in silence")
            }
            Passed::Not(other) => return Err(self.lacking(other).await?),
        })
    }

    async fn pass(&mut self, request: &Request) -> Result<Passed, Trouble> {
        let namespace = self.cluster.namespace(self.port.service.namespace.as_ref());
        let backend = Backend {
            namespace: &namespace,
            service: &self.port.service.name,
            port: self.port.port,
            scheme: self.port.scheme,
        };
        Ok(self.cluster.objects().await?.through(backend, request).await?)
    }

    /// Why the service itself was not reached.
    async fn lacking(&mut self, obstacle: Obstacle) -> Result<Trouble, Trouble> {
        let service = self.cluster.service(&self.port.service).await?;
        Ok(match obstacle {
            Obstacle::NoPort => {
                let port = self.port.port.to_string();
                lacks(&service, place::no_port(&service, &port).into())
            }
            Obstacle::NoEndpoints => {
                let objects = self.cluster.objects().await?;
                Trouble::Lacking(endpoints::nobody(&objects, &service).await)
            }
            // It has come since.
            Obstacle::NoService | Obstacle::Silent | Obstacle::Unreachable(_) => {
                let namespace = self.cluster.namespace(self.port.service.namespace.as_ref());
                let name = self.port.service.name.clone();
                let why = format!("there is no {}", place::name(&namespace, &name));
                Trouble::Lacking(Lacking::new(why, Until::Service { namespace, name, seen: None }))
            }
        })
    }
}

/// Whether the API server got as far as a connection.
fn is_open(why: &str) -> bool {
    !why.starts_with("dial ") && !why.contains("deadline exceeded") && !why.contains("canceled")
}

/// The API server's words in ours, without addresses of pods, which change.
fn words(why: &str) -> String {
    let known = [
        ("connection refused", "connection refused"),
        ("i/o timeout", "no connection in time"),
        ("deadline exceeded", "no connection in time"),
        ("no route to host", "no route to the host"),
        ("HTTP response to HTTPS client", "it speaks no TLS there: write `http://`"),
        ("malformed HTTP", "what answers is no HTTP"),
        ("tls:", "the TLS connection failed"),
        ("EOF", "the connection ended without an answer"),
        ("connection reset", "the connection ended without an answer"),
    ];
    let found = known.iter().find(|(part, _)| why.contains(part));
    found.map_or_else(
        || why.rsplit(": ").next().unwrap_or(why).to_owned(),
        |(_, text)| (*text).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_tell_an_open_port_from_a_closed_one() {
        for (why, open, text) in [
            ("dial tcp 10.85.0.2:80: connect: connection refused", false, "connection refused"),
            ("dial tcp 10.85.0.2:80: i/o timeout", false, "no connection in time"),
            ("dial tcp 10.85.0.2:80: connect: no route to host", false, "no route to the host"),
            ("context deadline exceeded", false, "no connection in time"),
            ("EOF", true, "the connection ended without an answer"),
            (
                "read tcp 10.0.0.1:5->10.85.0.2:80: read: connection reset by peer",
                true,
                "the connection ended without an answer",
            ),
            (
                "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x00\"",
                true,
                "what answers is no HTTP",
            ),
            (
                "http: server gave HTTP response to HTTPS client",
                true,
                "it speaks no TLS there: write `http://`",
            ),
            ("something: new", true, "new"),
        ] {
            assert_eq!((is_open(why), words(why).as_str()), (open, text), "{why}");
        }
    }
}
