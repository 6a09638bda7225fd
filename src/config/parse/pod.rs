//! What a `[[check]]` asks that is made from inside of the cluster: a port of a service, by the names
//! that services have there. The API server makes the request, and that has limits.

use hyper::Uri;

use super::{Entry, Parser};
use crate::config::address::{Address, Scheme, ServiceName, ServicePort, is_label};
use crate::config::raw::RawCheck;

/// Headers that the API server keeps for itself.
const OWN_HEADERS: [&str; 2] = ["authorization", "host"];

/// The port that the check asks; what it cannot be is recorded.
pub(super) fn service_port(
    parser: &mut Parser<'_>,
    entry: &Entry<'_>,
    key: &str,
    raw: &RawCheck,
) -> Option<ServicePort> {
    check_headers(parser, entry, raw);
    let asked = match (&raw.http, &raw.tcp) {
        (Some(url), _) => of_url(&url.0),
        (_, Some(endpoint)) => of_endpoint(&endpoint.0),
        (None, None) => Err((
            format!("`{key}` of {} cannot be made `from = \"pod\"`", entry.subject),
            "ask with `http` or `tcp`, or run `kubectl exec` in an `exec` check from the host",
        )),
    };
    asked.map_err(|(message, help)| parser.wrong(entry.value_span(&[key]), message, help)).ok()
}

type Asked = Result<ServicePort, (String, &'static str)>;

fn of_url(url: &Address) -> Asked {
    let uri = known(url)?.parse::<Uri>().unwrap_or_default();
    let scheme = if uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        let message = format!("`{url}` has a user: the API server does not pass one on");
        return Err((message, "check it `from = \"host\"`, with `{nodeport:...}` or `{lb:...}`"));
    }
    let usual = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let service = service(uri.host().unwrap_or_default())?;
    Ok(ServicePort { service, port: uri.port_u16().unwrap_or(usual), scheme })
}

fn of_endpoint(endpoint: &Address) -> Asked {
    let text = known(endpoint)?;
    let (host, port) = text.rsplit_once(':').unwrap_or((&text, ""));
    let port = port.parse().unwrap_or_default();
    Ok(ServicePort { service: service(host)?, port, scheme: Scheme::Http })
}

fn known(address: &Address) -> Result<String, (String, &'static str)> {
    if address.is_live() {
        let message = format!("`{address}` is an address outside, and is asked `from = \"pod\"`");
        return Err((message, "write the service's own name, or check it `from = \"host\"`"));
    }
    Ok(address.to_string())
}

/// The service that a host name means inside of the cluster.
fn service(host: &str) -> Result<ServiceName, (String, &'static str)> {
    let bare = host.strip_suffix(".cluster.local").unwrap_or(host);
    let labels: Vec<&str> = bare.split('.').collect();
    let (name, namespace) = match labels.as_slice() {
        [name] if bare == host => (*name, None),
        [name, namespace] if bare == host => (*name, Some(*namespace)),
        [name, namespace, "svc"] => (*name, Some(*namespace)),
        _ => return Err(stranger(host)),
    };
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number || !is_label(name) || !namespace.is_none_or(is_label) || name == "localhost" {
        return Err(stranger(host));
    }
    Ok(ServiceName { namespace: namespace.map(str::to_owned), name: name.to_owned() })
}

fn stranger(host: &str) -> (String, &'static str) {
    let message = format!(
        "`{host}` is no service: a check `from = \"pod\"` goes through the API server, which \
         reaches services by their names"
    );
    (message, "write `SERVICE`, `SERVICE.NAMESPACE` or `SERVICE.NAMESPACE.svc.cluster.local`")
}

fn check_headers(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCheck) {
    for (name, _) in raw.headers.iter().flatten() {
        let low = name.to_ascii_lowercase();
        if OWN_HEADERS.contains(&low.as_str()) || low.starts_with("impersonate-") {
            let message = format!(
                "`headers.{name}` of {} does not reach the service: the API server keeps it",
                entry.subject
            );
            let help = "check it `from = \"host\"`, with `{nodeport:...}` or `{lb:...}`";
            parser.wrong(entry.value_span(&["headers", name]), message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        let address = Address::parse(text).unwrap();
        if text.contains("://") { of_url(&address) } else { of_endpoint(&address) }
    }

    #[test]
    fn services_have_four_spellings() {
        let port = |namespace: Option<&str>, port, scheme| {
            let namespace = namespace.map(str::to_owned);
            let service = ServiceName { namespace, name: "db".to_owned() };
            Ok(ServicePort { service, port, scheme })
        };
        for (text, wanted) in [
            ("http://db/health?x=1", port(None, 80, Scheme::Http)),
            ("https://db.shop", port(Some("shop"), 443, Scheme::Https)),
            ("http://db.shop.svc:8080", port(Some("shop"), 8080, Scheme::Http)),
            ("db.shop.svc.cluster.local:5432", port(Some("shop"), 5432, Scheme::Http)),
            ("db:5432", port(None, 5432, Scheme::Http)),
        ] {
            assert_eq!(asked(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_service_is_refused() {
        for (text, part) in [
            ("http://10.96.0.1/", "is no service"),
            ("http://127.1/", "is no service"),
            ("http://[::1]:80/", "is no service"),
            ("http://localhost:80/", "is no service"),
            ("http://db-0.db.shop.svc:80/", "is no service"),
            ("http://www.example.com/", "is no service"),
            ("http://db.cluster.local/", "is no service"),
            ("Db:80", "is no service"),
            ("http://{lb:a/b}/", "is an address outside"),
            ("http://me:pw@db/", "has a user"),
        ] {
            let (message, _) = asked(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
