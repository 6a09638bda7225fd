//! What the server passes on and the test knows: texts of containers, answers of services.

use serde_json::Value;

use super::http::Request;
use super::place::Target;
use super::status::{Answer, absent, refusal};
use super::world::World;

impl World {
    /// What a container wrote.
    pub(super) fn read_log(&self, request: &Request, target: &Target) -> Answer<(u16, Value)> {
        let namespace = target.namespace.clone().unwrap_or_default();
        let name = target.name.clone().unwrap_or_default();
        let Some(pod) = self.find("Pod", &namespace, &name) else {
            return Err(absent(&target.kind, &name));
        };
        let container = chosen(request, &pod, &name)?;
        let is_previous = request.is_on("previous");
        let found = self.script.logs.iter().find(|log| {
            let own = (&log.namespace, &log.pod, &log.container, log.is_previous);
            own == (&namespace, &name, &container, is_previous)
        });
        if let Some(log) = found {
            let limit = request.parameter("tailLines").parse().unwrap_or(usize::MAX);
            return Ok((200, tail(&log.text, limit).into()));
        }
        let bad = |message: String| Err(refusal(400, "BadRequest", &message));
        if is_previous {
            return bad(format!(
                "previous terminated container \"{container}\" in pod \"{name}\" not found"
            ));
        }
        match waiting(&pod, &container) {
            Some(why) => bad(format!(
                "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
            )),
            None => Ok((200, "".into())),
        }
    }

    /// What a service answers; as long as nothing is behind it, the server says so.
    pub(super) fn answer_proxy(&self, target: &Target) -> Answer<(u16, Value)> {
        let namespace = target.namespace.clone().unwrap_or_default();
        let named = target.name.clone().unwrap_or_default();
        let parts: Vec<&str> = named.split(':').collect();
        let (service, port) = match parts[..] {
            [service] => (service, ""),
            [service, port] | [_, service, port] => (service, port),
            _ => return Err(absent(&target.kind, &named)),
        };
        if self.find(&target.kind.name, &namespace, service).is_none() {
            return Err(absent(&target.kind, service));
        }
        let below = target.below.as_deref().unwrap_or_default();
        let path = below.strip_prefix("proxy").unwrap_or_default().trim_start_matches('/');
        let own = |proxy: &&super::faults::Proxy| {
            proxy.namespace == namespace && proxy.service == service && proxy.port == port
        };
        let mut proxies = self.script.proxies.iter().filter(own).peekable();
        if proxies.peek().is_none() || self.has_no_endpoints(&namespace, service) {
            let message = format!("no endpoints available for service \"{service}\"");
            return Err(refusal(503, "ServiceUnavailable", &message));
        }
        match proxies.find(|proxy| proxy.path == path) {
            Some(proxy) => Ok((proxy.status, proxy.body.clone())),
            None => Ok((404, "404 page not found\n".into())),
        }
    }

    /// Whether the endpoints of a service are known, and none of them is ready.
    fn has_no_endpoints(&self, namespace: &str, service: &str) -> bool {
        let slices = self.objects("EndpointSlice");
        let mut own = slices.iter().filter(|slice| {
            let metadata = &slice["metadata"];
            metadata["namespace"] == namespace
                && metadata["labels"]["kubernetes.io/service-name"] == service
        });
        let mut is_known = false;
        let is_ready = own.any(|slice| {
            is_known = true;
            let endpoints = slice["endpoints"].as_array();
            endpoints.is_some_and(|all| all.iter().any(|it| it["conditions"]["ready"] != false))
        });
        is_known && !is_ready
    }
}

fn chosen(request: &Request, pod: &Value, name: &str) -> Answer<String> {
    let all = ["initContainers", "containers"].map(|field| pod["spec"][field].as_array());
    let all = all.into_iter().flatten().flatten();
    let names: Vec<&str> = all.filter_map(|container| container["name"].as_str()).collect();
    let wanted = request.parameter("container");
    let message = match (wanted, &names[..]) {
        ("", [one]) => return Ok((*one).to_owned()),
        ("", _) => format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            names.join(" ")
        ),
        (wanted, names) if names.contains(&wanted) => return Ok(wanted.to_owned()),
        (wanted, _) => format!("container {wanted} is not valid for pod {name}"),
    };
    Err(refusal(400, "BadRequest", &message))
}

/// Why a container has not begun.
fn waiting(pod: &Value, container: &str) -> Option<String> {
    let fields = ["initContainerStatuses", "containerStatuses"];
    let mut all = fields.iter().filter_map(|field| pod["status"][field].as_array()).flatten();
    let status = all.find(|status| status["name"] == container)?;
    let waiting = &status["state"]["waiting"];
    let reason = waiting["reason"].as_str()?;
    Some(match reason {
        "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image".to_owned(),
        reason => reason.to_owned(),
    })
}

fn tail(text: &str, limit: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines.len().saturating_sub(limit);
    lines[kept..].iter().flat_map(|line| [*line, "\n"]).collect()
}
