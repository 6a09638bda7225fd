//! Which login the kubelet takes for an image: the rules of its `credentialprovider/keyring.go`.

use crate::drivers::credential::docker_config::HUB;

/// The host under which the kubelet keeps Docker Hub.
const HUB_HOST: &str = "index.docker.io";

/// The key for a registry in a pull secret.
#[must_use]
pub fn host_key(server: &str) -> String {
    let key = index_key(server);
    match key.as_str() {
        "docker.io" | HUB_HOST | "registry-1.docker.io" | "hub.docker.com" => HUB.to_owned(),
        _ => key,
    }
}

/// Whether the kubelet would try the login under this key for this image.
#[must_use]
pub fn matches(host_key: &str, image: &str) -> bool {
    let key = index_key(host_key);
    let repository = repository(image);
    urls_match(&key, &repository) || (key == HUB_HOST && repository.starts_with("docker.io/"))
}

/// The registry that an image comes from, as the kubelet writes it.
#[must_use]
pub fn registry(image: &str) -> String {
    let repository = repository(image);
    repository.split_once('/').map_or(repository.clone(), |(host, _)| host.to_owned())
}

/// A key as the kubelet keeps it: without scheme and without the version of the protocol.
fn index_key(key: &str) -> String {
    let rest = key.strip_prefix("https://").or(key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let path = match path {
        "v1" | "v2" => "",
        _ => path.strip_prefix("v1/").or(path.strip_prefix("v2/")).unwrap_or(path),
    };
    let path = path.trim_end_matches('/');
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}

/// The whole name of an image without tag and digest: `nginx` is `docker.io/library/nginx`.
fn repository(image: &str) -> String {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let tag = name.rfind(':').filter(|&at| !name[at..].contains('/'));
    let name = tag.map_or(name, |at| &name[..at]);
    match name.split_once('/') {
        Some(("docker.io" | HUB_HOST, rest)) if rest.contains('/') => format!("docker.io/{rest}"),
        Some(("docker.io" | HUB_HOST, rest)) => format!("docker.io/library/{rest}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
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
    host.rsplit_once(':').unwrap_or((host, ""))
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
            ("docker.io", "https://index.docker.io/v1/"),
            ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io/", "ghcr.io"),
            ("localhost:5000", "localhost:5000"),
            ("registry.example:5000/v2/", "registry.example:5000"),
            ("europe-docker.pkg.dev/project/repo", "europe-docker.pkg.dev/project/repo"),
        ] {
            assert_eq!(host_key(server), key, "{server}");
        }
    }

    #[test]
    fn a_login_is_taken_for_these_images() {
        for (key, image) in [
            ("https://index.docker.io/v1/", "nginx"),
            ("https://index.docker.io/v1/", "bitnami/redis:7"),
            ("docker.io", "docker.io/library/nginx:1"),
            ("ghcr.io", "ghcr.io/team/app@sha256:00"),
            ("*.dkr.ecr.us-east-1.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com/app:1"),
            ("localhost:5000", "localhost:5000/app"),
            ("gcr.io/proj-a", "gcr.io/proj-a/app"),
            ("https://quay.io/v1/", "quay.io/team/app"),
        ] {
            assert!(matches(key, image), "{key} {image}");
        }
    }

    #[test]
    fn and_not_for_these() {
        for (key, image) in [
            ("registry-1.docker.io", "nginx"),
            ("hub.docker.com", "nginx"),
            ("*.com", "a.b.com/app"),
            ("localhost:5000", "localhost:5001/app"),
            ("ghcr.io:443", "ghcr.io/app"),
            ("gcr.io/proj-a", "gcr.io/proj-b/app"),
            ("ghcr.io", "nginx"),
            ("https://index.docker.io/v1/", "ghcr.io/nginx"),
        ] {
            assert!(!matches(key, image), "{key} {image}");
        }
    }

    #[test]
    fn the_registry_of_an_image_is_told() {
        for (image, host) in [
            ("nginx", "docker.io"),
            ("team/app:1", "docker.io"),
            ("localhost/app", "localhost"),
            ("r.example:5000/a/b:1@sha256:00", "r.example:5000"),
        ] {
            assert_eq!(registry(image), host, "{image}");
        }
    }
}
