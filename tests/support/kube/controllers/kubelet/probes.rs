//! Probes that fail: told in the words of the kubelet, again and again.

use serde_json::Value;

use super::super::super::world::World;
use super::super::context::Context;
use super::super::events::Severity;
use super::super::objects::{list, number, text, uid};
use super::fate::Fate;
use super::life::{Life, Of};

/// How often a probe is told to fail: a few times are as good as many.
const MOST: u32 = 20;

/// Tells about the probes of a container that is not ready.
pub(super) fn fail(
    life: &mut Life,
    world: &mut World,
    context: &mut Context<'_>,
    (of, fate): (&Of<'_>, &Fate),
) {
    let is_starting = !of.container["startupProbe"].is_null();
    let probe = if is_starting { "startupProbe" } else { "readinessProbe" };
    let is_at_once = fate.ready_after.is_some_and(|after| after.is_zero());
    if is_at_once || life.probed >= MOST || of.container[probe].is_null() {
        return;
    }
    let period = number(&of.container[probe], "/periodSeconds", 10);
    let what = format!("{probe} {} {}", uid(of.pod), of.own_name());
    let turn = life.probed.to_string();
    let seconds = u32::try_from(period).unwrap_or(10);
    if life.probed > 0 && !context.has_been_seconds(&what, &turn, seconds) {
        return;
    }
    life.probed += 1;
    // From here on the next one is waited for.
    let _ = context.has_been_seconds(&what, &life.probed.to_string(), seconds);
    let kind = if is_starting { "Startup" } else { "Readiness" };
    say(life, world, of, (kind, probe));
    if fate.is_killed {
        say(life, world, of, ("Liveness", "livenessProbe"));
    }
}

fn say(life: &mut Life, world: &mut World, of: &Of<'_>, (kind, probe): (&str, &str)) {
    let probe = &of.container[probe];
    if !probe.is_null() {
        let message = format!("{kind} probe failed: {}", words(of, probe));
        life.tell(world, of, (Severity::Warning, "Unhealthy"), message);
    }
}

fn words(of: &Of<'_>, probe: &Value) -> String {
    let address = of.address;
    if !probe["httpGet"].is_null() {
        let get = &probe["httpGet"];
        let port = port(of.container, &get["port"]);
        let scheme = match text(get, "/scheme") {
            "HTTPS" => "https",
            _ => "http",
        };
        let path = match text(get, "/path") {
            "" => "/",
            path => path,
        };
        let path = path.trim_start_matches('/');
        return format!(
            "Get \"{scheme}://{address}:{port}/{path}\": dial tcp {address}:{port}: connect: \
             connection refused"
        );
    }
    if !probe["tcpSocket"].is_null() {
        let port = port(of.container, &probe["tcpSocket"]["port"]);
        return format!("dial tcp {address}:{port}: connect: connection refused");
    }
    String::new()
}

fn port(container: &Value, wanted: &Value) -> i64 {
    let named = |name: &str| {
        let port = list(container, "/ports").iter().find(|port| port["name"] == name)?;
        port["containerPort"].as_i64()
    };
    wanted.as_i64().or_else(|| named(wanted.as_str()?)).unwrap_or_default()
}
