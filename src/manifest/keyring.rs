//! Which login the kubelet takes for an image: the rules of its `credentialprovider/keyring.go`.
//! What a pull secret holds is `drivers/pull_secret`.

use super::images::ImageName;

/// The key under which Docker, and so the kubelet, keeps the login of Docker Hub.
pub const HUB: &str = "https://index.docker.io/v1/";

/// The host under which the kubelet keeps Docker Hub.
const HUB_HOST: &str = "index.docker.io";

/// The key for a registry in a pull secret.
#[must_use]
pub fn host_key(server: &str) -> String {
    // With a slash at its end the version of the protocol is one for the kubelet as well.
    let key = index_key(&format!("{}/", server.trim_end_matches('/')));
    match key.trim_end_matches('/') {
        "docker.io" | HUB_HOST | "registry-1.docker.io" | "hub.docker.com" => HUB.to_owned(),
        key => key.to_owned(),
    }
}

/// Whether the kubelet would try the login under this key for this image.
#[must_use]
pub fn matches(host_key: &str, image: &str) -> bool {
    let key = index_key(host_key);
    let name = ImageName::parse(image);
    urls_match(&key, &format!("{}/{}", name.registry, name.repository))
        || (key == HUB_HOST && name.registry == "docker.io")
}

/// A key as the kubelet keeps it: without scheme, and without the version of the protocol where a
/// slash ends that.
fn index_key(key: &str) -> String {
    let rest = key.strip_prefix("https://").or(key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = split(rest);
    let path = ["/v1/", "/v2/"]
        .iter()
        .find_map(|version| path.strip_prefix(version))
        .map_or_else(|| path.to_owned(), |rest| format!("/{rest}"));
    if path == "/" { host.to_owned() } else { format!("{host}{path}") }
}

/// Whether a key with globs covers a repository: equal ports, as many parts in the host's name,
/// each part by its glob, and the path as a prefix.
fn urls_match(key: &str, target: &str) -> bool {
    let (key_host, key_path) = split(key);
    let (host, path) = split(target);
    let ((key_name, key_port), (name, port)) = (port_of(key_host), port_of(host));
    let (key_parts, parts): (Vec<&str>, Vec<&str>) =
        (key_name.split('.').collect(), name.split('.').collect());
    key_port == port
        && key_parts.len() == parts.len()
        && path.starts_with(key_path)
        && key_parts.iter().zip(&parts).all(|(glob, part)| glob_matches(glob, part))
}

fn split(url: &str) -> (&str, &str) {
    url.find('/').map_or((url, ""), |at| url.split_at(at))
}

fn port_of(host: &str) -> (&str, &str) {
    // An address of IPv6 without a port ends in its bracket.
    host.rsplit_once(':').filter(|_| !host.ends_with(']')).unwrap_or((host, ""))
}

/// `*` and `?` in one part of a host's name.
fn glob_matches(glob: &str, text: &str) -> bool {
    match glob.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &glob[1..];
            (0..=text.len())
                .filter(|&at| text.is_char_boundary(at))
                .any(|at| glob_matches(rest, &text[at..]))
        }
        Some(wanted) => text.chars().next().is_some_and(|first| {
            (wanted == '?' || wanted == first)
                && glob_matches(&glob[wanted.len_utf8()..], &text[first.len_utf8()..])
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_the_kubelet_looks_them_up() {
        for (server, key) in [
            ("docker.io", HUB),
            ("registry-1.docker.io", HUB),
            ("https://index.docker.io/v1/", HUB),
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io/", "ghcr.io"),
            ("http://localhost:5000", "localhost:5000"),
            ("registry.example:5000/v2/", "registry.example:5000"),
            ("registry.example:5000/v2", "registry.example:5000"),
            ("europe-docker.pkg.dev/project/repo", "europe-docker.pkg.dev/project/repo"),
            ("quay.io/team/", "quay.io/team"),
        ] {
            assert_eq!(host_key(server), key, "{server}");
            assert_eq!(host_key(&host_key(server)), key, "{server}");
        }
    }

    #[test]
    fn a_login_is_taken_for_these_images() {
        for (key, image) in [
            (HUB, "nginx"),
            (HUB, "bitnami/redis:7"),
            (HUB, "index.docker.io/library/nginx"),
            ("index.docker.io", "nginx"),
            ("docker.io", "docker.io/library/nginx:1"),
            ("docker.io/library", "nginx"),
            ("ghcr.io", "ghcr.io/team/app@sha256:00"),
            ("ghcr.io", "ghcr.io/team/app:1@sha256:00"),
            ("http://ghcr.io", "ghcr.io/team/app"),
            ("*.dkr.ecr.us-east-1.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com/app:1"),
            ("*.azurecr.io", "shop.azurecr.io/api"),
            ("prefix*.example", "prefix-eu.example/app"),
            ("*-docker.pkg.dev", "europe-docker.pkg.dev/p/r/app"),
            ("*.*.amazonaws.com", "a.b.amazonaws.com/app"),
            ("localhost:5000", "localhost:5000/app"),
            ("*:5000", "localhost:5000/app"),
            ("[::1]:5000", "[::1]:5000/app"),
            ("gcr.io/proj-a", "gcr.io/proj-a/app"),
            ("gcr.io/proj", "gcr.io/proj-a/app"),
            ("https://quay.io/v1/", "quay.io/team/app"),
            ("https://quay.io/v2/team", "quay.io/team/app"),
        ] {
            assert!(matches(key, image), "{key} {image}");
        }
    }

    #[test]
    fn and_not_for_these() {
        for (key, image) in [
            ("registry-1.docker.io", "nginx"),
            ("hub.docker.com", "nginx"),
            ("https://index.docker.io/v1", "nginx"),
            ("https://index.docker.io/v3/", "nginx"),
            ("*.com", "a.b.com/app"),
            ("*", "ghcr.io/app"),
            ("*.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com/app"),
            ("localhost:5000", "localhost:5001/app"),
            ("localhost", "localhost:5000/app"),
            ("reg.example", "reg.example:443/app"),
            ("ghcr.io:443", "ghcr.io/app"),
            ("gcr.io/proj-a", "gcr.io/proj-b/app"),
            ("gcr.io/proj/", "gcr.io/proj-a/app"),
            ("quay.io/v2", "quay.io/team/app"),
            ("GHCR.io", "ghcr.io/app"),
            ("ghcr.io", "nginx"),
            ("https://index.docker.io/v1/", "ghcr.io/nginx"),
            ("https://index.docker.io/v1/", "localhost/nginx"),
            ("", "nginx"),
        ] {
            assert!(!matches(key, image), "{key} {image}");
        }
    }
}
