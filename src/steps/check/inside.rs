//! Tries that are made from inside a compose service's network: from this machine, where that
//! network begins on it, or else by a program in the service's container.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::bridge::{Neighbour, Reach};
use super::client::{
    Call, Client, DISCOVERY, Privacy, http_answer, http_call, tcp_call, tcp_finding,
};
use super::container::{ExecOutput, Which, exec, find};
use super::finding::{Finding, evaluate};
use super::host::{ask, last_line, request, tcp};
use super::{Ask, HttpAsk, bridge, try_limit, within};
use crate::config::model::CheckProbe;
use crate::event::Fix;
use crate::policy::{Class, Failure};
use crate::redact::Scrubber;
use crate::steps::StepCtx;

/// What one container has to make tries with.
pub(super) struct Clients {
    container: String,
    there: Vec<Client>,
}

/// A compose service to look from.
pub(super) struct Inside<'a> {
    pub(super) ctx: &'a StepCtx,
    pub(super) service: &'a str,
    /// Asked once per container.
    pub(super) clients: &'a mut Option<Clients>,
}

impl Inside<'_> {
    /// Makes one try.
    pub(super) async fn look(&mut self, probe: &Ask) -> Result<Finding, Failure> {
        let found =
            within(self.ctx, try_limit(self.ctx), find(self.ctx, self.service, Which::Running));
        let Some(container) = found.await.transpose()?.flatten() else {
            return Ok(Finding::unmet(format!("`{}` has no running container", self.service)));
        };
        match probe {
            CheckProbe::Exec(command) => self.exec(&container, command).await,
            CheckProbe::Http(probe) => self.http(&container, probe).await,
            CheckProbe::Tcp(address) => self.tcp(&container, address).await,
            CheckProbe::Log { .. } => Ok(Finding::unmet("nothing")),
        }
    }

    /// Waits for the command as long as there is time: an exec cannot be stopped (Docker API 1.41),
    /// and each further try would leave one more behind.
    async fn exec(&self, container: &str, command: &[String]) -> Result<Finding, Failure> {
        let left = self.ctx.time_left();
        let Some(output) = self.run(container, left, &plain(command)).await? else {
            return Ok(Finding::unmet("still running when its time was over"));
        };
        if output.code == 0 {
            return Ok(Finding::met("exit 0"));
        }
        let words = last_line(&output.stderr).or(last_line(&output.stdout)).unwrap_or_default();
        Ok(Finding::unmet(format!("exit {}", output.code)).with_excerpt(words))
    }

    async fn http(&mut self, container: &str, probe: &HttpAsk) -> Result<Finding, Failure> {
        let (scheme, host) = target(probe);
        if scheme.as_deref() == Some("http")
            && let Some(address) = self.direct(container, &host).await?
        {
            return self.ask_at(address, probe).await;
        }
        let there = self.clients(container).await?;
        let Some(client) = Client::for_http(&there, privacy(probe, self.ctx)) else {
            return self.http_by_network(container, probe).await;
        };
        let limit = try_limit(self.ctx);
        let Some(output) = self.run(container, limit, &http_call(client, probe, limit)).await?
        else {
            return Ok(Finding::unmet("no answer in time"));
        };
        Ok(match http_answer(client, &output) {
            Ok(answer) => evaluate(&answer, probe),
            Err(trouble) => Finding::unmet(trouble),
        })
    }

    async fn tcp(&mut self, container: &str, address: &str) -> Result<Finding, Failure> {
        let Some((host, port)) = address.rsplit_once(':') else {
            let summary = format!("`{address}` is not of the form `host:port`");
            return Err(Failure::new(Class::Config, "CHECK_INVALID", summary));
        };
        let host = host.trim_matches(['[', ']']);
        if let Some(address) = self.direct(container, host).await? {
            let socket = SocketAddr::new(address, parse_port(port)?).to_string();
            return Ok(tcp(&socket, self.ctx).await);
        }
        let there = self.clients(container).await?;
        let Some(client) = Client::for_tcp(&there) else {
            let Some(ip) = self.address_of(container, host).await? else {
                return Ok(self.no_address(host));
            };
            let socket = SocketAddr::new(ip, parse_port(port)?).to_string();
            return Ok(tcp(&socket, self.ctx).await.noting(&self.note()));
        };
        let limit = try_limit(self.ctx);
        let output = self.run(container, limit, &tcp_call(client, host, port, limit)).await?;
        Ok(output.map_or_else(|| Finding::unmet("no connection in time"), |o| tcp_finding(&o)))
    }

    /// Asks from this machine, with the service's names looked up on its networks.
    async fn http_by_network(&self, container: &str, probe: &HttpAsk) -> Result<Finding, Failure> {
        let (scheme, host) = target(probe);
        if scheme.as_deref() != Some("http") {
            return Err(self.no_client(&host, "only plain http can be asked from outside"));
        }
        let Some(ip) = self.address_of(container, &host).await? else {
            return Ok(self.no_address(&host));
        };
        Ok(self.ask_at(ip, probe).await?.noting(&self.note()))
    }

    async fn ask_at(&self, address: IpAddr, probe: &HttpAsk) -> Result<Finding, Failure> {
        let mut request = request(probe, try_limit(self.ctx));
        request.connect_to = Some(address);
        ask(&request, probe, self.ctx).await
    }

    /// The address of a name on the service's networks, where these begin on this machine: asking
    /// there takes a tenth of the time of a program in the container, and needs none in it.
    async fn direct(&self, container: &str, host: &str) -> Result<Option<IpAddr>, Failure> {
        if host == "localhost" || host.parse::<IpAddr>().is_ok() {
            return Ok(None);
        }
        let found = self.neighbour(container, host).await?;
        Ok(found.filter(|found| found.reach == Reach::Direct).map(|found| found.address))
    }

    async fn neighbour(&self, container: &str, host: &str) -> Result<Option<Neighbour>, Failure> {
        let asked =
            within(self.ctx, try_limit(self.ctx), bridge::neighbour(self.ctx, container, host));
        Ok(asked.await.transpose()?.flatten())
    }

    async fn address_of(&self, container: &str, host: &str) -> Result<Option<IpAddr>, Failure> {
        let ip = host.parse::<IpAddr>().ok();
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            return Err(self.no_client(host, "its loopback cannot be reached from outside"));
        }
        if ip.is_some() {
            return Ok(ip);
        }
        Ok(self.neighbour(container, host).await?.map(|found| found.address))
    }

    fn no_address(&self, host: &str) -> Finding {
        Finding::unmet(format!("`{host}` has no address on the networks of `{}`", self.service))
            .noting(&self.note())
    }

    fn note(&self) -> String {
        format!("asked from the host: `{}` has no client", self.service)
    }

    fn no_client(&self, host: &str, reason: &str) -> Failure {
        let summary = format!(
            "nothing in the container of `{}` can ask `{host}`, and {reason}",
            self.service
        );
        Failure::new(Class::Prerequisite, "CHECK_NO_CLIENT", summary).fix(Fix::safe(
            "add `curl` or `python3` to the image, or check a published port with `from = \"host\"`",
        ))
    }

    async fn clients(&mut self, container: &str) -> Result<Vec<Client>, Failure> {
        if let Some(known) = self.clients.as_ref().filter(|known| known.container == container) {
            return Ok(known.there.clone());
        }
        let there = self.discover(container).await?;
        *self.clients = Some(Clients { container: container.to_owned(), there: there.clone() });
        Ok(there)
    }

    async fn discover(&self, container: &str) -> Result<Vec<Client>, Failure> {
        let shell = plain(&["sh", "-c", DISCOVERY].map(str::to_owned));
        let Some(output) = self.run(container, try_limit(self.ctx), &shell).await? else {
            return Err(busy(self.service));
        };
        if output.code == 0 {
            return Ok(output.stdout.lines().filter_map(Client::parse).collect());
        }
        if !output.is_missing() {
            return Err(busy(self.service));
        }
        // Images without a shell can still have one of these, such as distroless Python.
        let mut there = Vec::new();
        for (program, client) in [("curl", Client::Curl), ("python3", Client::Python)] {
            let version = plain(&[program, "--version"].map(str::to_owned));
            let output = self.run(container, try_limit(self.ctx), &version).await?;
            if output.is_some_and(|output| output.code == 0) {
                there.push(client);
            }
        }
        Ok(there)
    }

    async fn run(
        &self,
        container: &str,
        limit: Duration,
        call: &Call,
    ) -> Result<Option<ExecOutput>, Failure> {
        let running = exec(self.ctx, container, &call.command, call.input.as_ref());
        within(self.ctx, limit, running).await.transpose()
    }
}

/// Scheme and host of what is asked.
fn target(probe: &HttpAsk) -> (Option<String>, String) {
    let url = probe.url.parse::<hyper::Uri>().unwrap_or_default();
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    (url.scheme_str().map(str::to_owned), host)
}

fn plain(command: &[String]) -> Call {
    Call { command: command.to_vec(), input: None }
}

fn busy(service: &str) -> Failure {
    let summary = format!("the container of `{service}` did not say what it can ask with");
    Failure::new(Class::Transient, "CHECK_NO_CLIENT", summary)
}

fn parse_port(port: &str) -> Result<u16, Failure> {
    port.parse().map_err(|_| {
        Failure::new(Class::Config, "CHECK_INVALID", format!("`{port}` is no port number"))
    })
}

/// Headers and bodies may hold secrets, and so may an address.
fn privacy(probe: &HttpAsk, ctx: &StepCtx) -> Privacy {
    let scrubber = Scrubber::new(&ctx.config.secrets_to_scrub);
    let is_plain =
        probe.headers.is_empty() && probe.post.is_none() && scrubber.scrub(&probe.url) == probe.url;
    if is_plain { Privacy::Open } else { Privacy::Private }
}
