//! Through which proxy an API server is reached: the kubeconfig's own word, else the environment's,
//! which never means this machine.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::Uri;
use kube::config::Cluster;

/// The proxy for this address, if one is to be used.
pub(super) fn of(cluster: &Cluster, server: &Uri, env: &BTreeMap<String, String>) -> Option<Uri> {
    let named = cluster.proxy_url.as_deref().filter(|proxy| !proxy.is_empty());
    if let Some(proxy) = named {
        return parse(proxy);
    }
    let var = |upper: &str, lower: &str| {
        let value = env.get(upper).or_else(|| env.get(lower)).map(String::as_str);
        value.filter(|value| !value.is_empty())
    };
    let host = server.host()?.trim_matches(['[', ']']);
    let direct = is_this_machine(host)
        || var("NO_PROXY", "no_proxy").is_some_and(|list| is_listed(host, list));
    if direct || server.scheme_str() != Some("https") {
        return None;
    }
    parse(var("HTTPS_PROXY", "https_proxy")?)
}

/// `proxy:3128` means `http://proxy:3128`.
fn parse(proxy: &str) -> Option<Uri> {
    if proxy.contains("://") { proxy.parse().ok() } else { format!("http://{proxy}").parse().ok() }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// Entries of `NO_PROXY`: `*`, a name, a domain with all below it, an address, a subnet.
fn is_listed(host: &str, list: &str) -> bool {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| {
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        entry == "*"
            || host.eq_ignore_ascii_case(entry)
            || is_below(host, domain)
            || is_in_subnet(host, entry)
    })
}

fn is_below(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_lowercase(), domain.to_lowercase());
    host == domain || host.strip_suffix(&domain).is_some_and(|front| front.ends_with('.'))
}

fn is_in_subnet(host: &str, subnet: &str) -> bool {
    let Some((base, bits)) = subnet.split_once('/') else { return false };
    let (Ok(host), Ok(base), Ok(bits)) =
        (host.parse::<IpAddr>(), base.parse::<IpAddr>(), bits.parse::<u32>())
    else {
        return false;
    };
    match (host, base) {
        (IpAddr::V4(host), IpAddr::V4(base)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(host) & mask == u32::from(base) & mask
        }
        (IpAddr::V6(host), IpAddr::V6(base)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(host) & mask == u128::from(base) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(server: &str, env: &[(&str, &str)]) -> Option<String> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let env = env.collect();
        of(&Cluster::default(), &server.parse().unwrap(), &env).map(|uri| uri.to_string())
    }

    #[test]
    fn the_environment_speaks_for_servers_elsewhere_alone() {
        let proxy = [("HTTPS_PROXY", "proxy.lan:3128"), ("NO_PROXY", "10.0.0.0/8, .lan")];
        assert_eq!(through("https://aks.example:443", &proxy).unwrap(), "http://proxy.lan:3128/");
        for direct in [
            "https://127.0.0.1:6443",
            "https://localhost:6443",
            "https://0.0.0.0:6443",
            "https://[::1]:6443",
            "https://10.9.8.7:6443",
            "https://k3s.lan:6443",
            "http://aks.example",
        ] {
            assert_eq!(through(direct, &proxy), None, "{direct}");
        }
        assert_eq!(through("https://aks.example", &[]), None);
    }

    #[test]
    fn the_kubeconfig_has_the_first_word() {
        let cluster =
            Cluster { proxy_url: Some("socks5://jump:1080".to_owned()), ..Cluster::default() };
        let env = BTreeMap::from([("NO_PROXY".to_owned(), "*".to_owned())]);
        let uri = of(&cluster, &"https://127.0.0.1:6443".parse().unwrap(), &env).unwrap();
        assert_eq!(uri.to_string(), "socks5://jump:1080/");
    }
}
