//! HTTP for the AWS libraries: rustls with ring, through the proxy that the environment names.

use std::collections::BTreeMap;

use aws_sdk_ecr::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};

/// A client for this environment.
pub(super) fn client(env: &BTreeMap<String, String>) -> SharedHttpClient {
    let proxy = proxy(env);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder();
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.set_proxy_config(proxy.clone());
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// The proxy for https, which is what AWS speaks; an endpoint over plain http is a local one.
fn proxy(env: &BTreeMap<String, String>) -> Option<ProxyConfig> {
    let value = |names: [&str; 2]| {
        names.iter().find_map(|name| env.get(*name).filter(|value| !value.is_empty()))
    };
    let url = value(["HTTPS_PROXY", "https_proxy"]).or(value(["ALL_PROXY", "all_proxy"]))?;
    let config = ProxyConfig::https(url.as_str()).ok()?;
    Some(match value(["NO_PROXY", "no_proxy"]) {
        Some(rules) => config.no_proxy(rules),
        None => config,
    })
}
