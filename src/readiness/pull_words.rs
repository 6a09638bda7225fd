//! What runtimes say when a pull fails, over their versions, and what it means.

/// What a runtime's words on a failed pull mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Too many pulls at once; the kubelet goes on by itself.
    Throttled,
    /// The image has no variant for the node's processor.
    Platform,
    /// The registry wants fewer pulls.
    RateLimit,
    /// The registry speaks HTTP where HTTPS was asked.
    PlainHttp,
    /// The registry's certificate is not trusted.
    Certificate,
    /// The credentials were right once, or lack a right.
    Expired,
    /// The registry wants other credentials.
    Denied,
    /// The registry does not answer.
    Unreachable,
    /// The registry answers that it cannot answer now.
    Outage,
    /// The image or its tag is not there.
    NotFound,
    /// Words that this table does not have.
    Unknown,
}

/// Words in the order in which they decide: a text may hold several. What the way to the registry
/// says stands before what the registry is said to have refused: a token that could not be fetched
/// may be one whose server does not answer.
const WORDS: [(&str, Trouble); 57] = [
    ("pull QPS exceeded", Trouble::Throttled),
    ("prettyjws", Trouble::Unknown),
    ("no space left on device", Trouble::Unknown),
    ("no match for platform", Trouble::Platform),
    ("no matching manifest for", Trouble::Platform),
    ("does not match the specified platform", Trouble::Platform),
    ("429 Too Many Requests", Trouble::RateLimit),
    ("toomanyrequests", Trouble::RateLimit),
    ("TOOMANYREQUESTS", Trouble::RateLimit),
    ("pull rate limit", Trouble::RateLimit),
    ("server gave HTTP response to HTTPS client", Trouble::PlainHttp),
    ("first record does not look like a TLS handshake", Trouble::PlainHttp),
    ("x509:", Trouble::Certificate),
    ("tls: failed to verify certificate", Trouble::Certificate),
    ("token has expired", Trouble::Expired),
    ("403 Forbidden", Trouble::Expired),
    ("401 Unauthorized", Trouble::Denied),
    ("500 Internal Server Error", Trouble::Outage),
    ("502 Bad Gateway", Trouble::Outage),
    ("503 Service Unavailable", Trouble::Outage),
    ("504 Gateway Time", Trouble::Outage),
    ("no such host", Trouble::Unreachable),
    ("server misbehaving", Trouble::Unreachable),
    ("name resolution", Trouble::Unreachable),
    ("connection refused", Trouble::Unreachable),
    ("i/o timeout", Trouble::Unreachable),
    ("no route to host", Trouble::Unreachable),
    ("network is unreachable", Trouble::Unreachable),
    ("connection reset by peer", Trouble::Unreachable),
    ("connection timed out", Trouble::Unreachable),
    ("proxyconnect", Trouble::Unreachable),
    ("TLS handshake timeout", Trouble::Unreachable),
    ("handshake failure", Trouble::Unreachable),
    ("Client.Timeout exceeded", Trouble::Unreachable),
    ("request canceled while waiting for connection", Trouble::Unreachable),
    ("context deadline exceeded", Trouble::Unreachable),
    ("\": EOF", Trouble::Unreachable),
    ("no basic auth credentials", Trouble::Denied),
    ("authorization failed", Trouble::Denied),
    ("insufficient_scope", Trouble::Denied),
    ("pull access denied", Trouble::Denied),
    ("authentication required", Trouble::Denied),
    ("incorrect username or password", Trouble::Denied),
    ("access forbidden", Trouble::Denied),
    ("failed to fetch oauth token", Trouble::Denied),
    ("failed to fetch anonymous token", Trouble::Denied),
    ("failed to authorize", Trouble::Denied),
    ("nauthorized:", Trouble::Denied),
    ("UNAUTHORIZED", Trouble::Denied),
    ("Permission \"", Trouble::Denied),
    ("denied:", Trouble::Denied),
    ("manifest unknown", Trouble::NotFound),
    ("MANIFEST_UNKNOWN", Trouble::NotFound),
    ("name unknown", Trouble::NotFound),
    ("404 Not Found", Trouble::NotFound),
    ("NotFound", Trouble::NotFound),
    ("not found", Trouble::NotFound),
];

/// What these words mean.
pub(super) fn trouble(words: &str) -> Trouble {
    WORDS
        .iter()
        .find(|(known, _)| words.contains(known))
        .map_or(Trouble::Unknown, |(_, trouble)| *trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_runtime_and_version_are_understood() {
        for (words, expected) in [
            (
                r#"Error response from daemon: Head "https://x/v2/": no basic auth credentials"#,
                Trouble::Denied,
            ),
            (
                "failed to resolve reference \"r\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                Trouble::Denied,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://x.azurecr.io/oauth2/token?: 401 Unauthorized",
                Trouble::Denied,
            ),
            (
                "unexpected status from HEAD request to https://a.dkr.ecr.eu-west-1.amazonaws.com: 403 Forbidden",
                Trouble::Expired,
            ),
            (
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                Trouble::Expired,
            ),
            ("manifest for a:1 not found: manifest unknown", Trouble::NotFound),
            ("no match for platform in manifest: not found", Trouble::Platform),
            (
                "no matching manifest for linux/amd64 in the manifest list entries",
                Trouble::Platform,
            ),
            (
                "toomanyrequests: You have reached your unauthenticated pull rate limit",
                Trouble::RateLimit,
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Trouble::Certificate,
            ),
            ("dial tcp: lookup r on 10.0.0.2:53: no such host", Trouble::Unreachable),
            ("pull QPS exceeded", Trouble::Throttled),
            ("failed to extract layer: no space left on device", Trouble::Unknown),
            (
                "pulling from host r failed with status code [manifests 1]: 401 Unauthorized",
                Trouble::Denied,
            ),
            (
                "pulling from host r failed with status code [manifests 1]: 403 Forbidden",
                Trouble::Expired,
            ),
            (
                "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
                Trouble::Denied,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: Get \"https://a/token\": dial tcp: lookup a: no such host",
                Trouble::Unreachable,
            ),
            (
                "unexpected status from HEAD request to https://r/v2/a/manifests/1: 503 Service Unavailable",
                Trouble::Outage,
            ),
            (
                "failed to do request: Head \"https://r/v2/a/manifests/1\": EOF",
                Trouble::Unreachable,
            ),
            ("tls: first record does not look like a TLS handshake", Trouble::PlainHttp),
            (
                "Error response from daemon: Get \"https://r/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
                Trouble::Unreachable,
            ),
            ("unauthorized: incorrect username or password", Trouble::Denied),
            (
                "media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported since containerd v2.0",
                Trouble::Unknown,
            ),
            (
                "repository a not found: name unknown: The repository with name 'a' does not exist",
                Trouble::NotFound,
            ),
        ] {
            assert_eq!(trouble(words), expected, "{words}");
        }
    }
}
