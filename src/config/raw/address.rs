//! Where checks go to and come from, as text: addresses, endpoints, vantages and the placeholders
//! in them. What a placeholder stands for is found live, not here.

use hyper::Uri;

use super::super::{suggest, units};
use crate::config::model::Vantage;

/// Reads where a check is made from.
pub(super) fn vantage(text: &str) -> Result<Vantage, String> {
    match text.split_once(':') {
        Some(("compose", service)) if !service.is_empty() => {
            Ok(Vantage::Compose(service.to_owned()))
        }
        None if text == "host" => Ok(Vantage::Host),
        None if text == "pod" => Ok(Vantage::Pod),
        _ => Err(format!(
            "`{text}` is no place to check from; possible: `host`, `compose:SERVICE`, `pod`"
        )),
    }
}

/// The kinds of placeholder that are resolved live.
const PLACEHOLDERS: [&str; 3] = ["nodeport", "lb", "cluster"];

/// The text with each placeholder replaced by a host name, or what is wrong with one of them.
fn without_placeholders(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, behind)) = after.split_once('}') else {
            return Err(format!("`{text}` has a `{{` without `}}`"));
        };
        let (kind, target) = inside.split_once(':').unwrap_or((inside, ""));
        if !PLACEHOLDERS.contains(&kind) || target.is_empty() {
            let advice = suggest::nearest(kind, &PLACEHOLDERS)
                .map(|word| format!("; did you mean `{{{word}:...}}`?"))
                .unwrap_or_default();
            return Err(format!(
                "`{{{inside}}}` is no placeholder; known are `{{nodeport:NAMESPACE/SERVICE:PORT}}`, \
                 `{{lb:NAMESPACE/SERVICE}}` and `{{cluster:ip}}`{advice}"
            ));
        }
        plain.push_str(before);
        plain.push_str("placeholder");
        rest = behind;
    }
    plain.push_str(rest);
    Ok(plain)
}

/// Whether a text has placeholders that are resolved live.
pub(crate) fn has_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|kind| text.contains(&format!("{{{kind}:")))
}

/// Checks an http or https address; placeholders are kept.
pub(super) fn http_url(text: &str) -> Result<String, String> {
    let plain = without_placeholders(text)?;
    let wrong = || format!("`{text}` is no address; write it like `http://localhost:8080/health`");
    let uri: Uri = plain.parse().map_err(|_| wrong())?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_port = uri.authority().is_some_and(|authority| {
        let port = authority.as_str().rsplit('@').next().unwrap_or_default();
        let port = port.rsplit(']').next().unwrap_or_default();
        !port.contains(':') || authority.port_u16().is_some_and(|port| port > 0)
    });
    if is_http && has_port && uri.host().is_some_and(|host| !host.is_empty()) {
        return Ok(text.to_owned());
    }
    Err(wrong())
}

/// Checks a `host:port`; placeholders are kept.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let plain = without_placeholders(text)?;
    let wrong = || format!("`{text}` is no endpoint; write it like `localhost:5432`");
    // A NodePort brings its own port.
    if text.starts_with("{nodeport:") && plain == "placeholder" {
        return Ok(text.to_owned());
    }
    let (host, port) = plain.rsplit_once(':').ok_or_else(wrong)?;
    let is_bare_v6 = host.contains(':') && !host.starts_with('[');
    if host.is_empty() || is_bare_v6 || host.contains(['/', ' ', '@']) {
        return Err(wrong());
    }
    let port: i64 = port.parse().map_err(|_| wrong())?;
    units::port(port).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_http_checks_are_checked() {
        for text in [
            "http://localhost:8080/health?x=1",
            "https://[::1]:8443",
            "http://{lb:default/api}:8001/health",
            "http://{nodeport:default/api:80}/x",
            "http://user:pw@localhost/",
        ] {
            assert!(http_url(text).is_ok(), "{text}");
        }
        for text in [
            "localhost:8080",
            "ftp://x",
            "http://",
            "http://x:99999",
            "http://x:0",
            "http://{lb:x",
            "http://{node:x}",
            "http://{lb}",
            "http://a b",
        ] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_placeholder_is_suggested() {
        assert!(http_url("http://{nodport:a/b:80}/").unwrap_err().contains("`{nodeport:...}`?"));
    }

    #[test]
    fn endpoints_need_host_and_port() {
        for text in ["localhost:5432", "[::1]:80", "{nodeport:a/b:80}", "{lb:a/b}:80"] {
            assert!(endpoint(text).is_ok(), "{text}");
        }
        for text in ["localhost", ":80", "::1:80", "x:0", "x:70000", "http://x:80", "{lb:a/b}"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn vantages_are_host_pod_and_a_compose_service() {
        assert_eq!(vantage("compose:api"), Ok(Vantage::Compose("api".to_owned())));
        assert_eq!(vantage("host"), Ok(Vantage::Host));
        assert!(vantage("compose:").is_err() && vantage("cluster").is_err());
    }
}
