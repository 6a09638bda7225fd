//! Names of images as the container runtime writes them out.

/// A name in full.
pub(super) struct Image {
    pub(super) host: String,
    /// Below the host, without a tag.
    pub(super) path: String,
    /// The tag or the digest.
    pub(super) tag: String,
    /// The whole of it.
    pub(super) full: String,
}

impl Image {
    /// The name in full; none for what is no name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (rest, tag, mark) = split(name);
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) if is_host(host) => (host.to_owned(), path.to_owned()),
            Some(_) => ("docker.io".to_owned(), rest.to_owned()),
            None => ("docker.io".to_owned(), format!("library/{rest}")),
        };
        let is_fine = |part: &str| {
            let mut letters = part.chars();
            !part.is_empty()
                && letters
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || "._-".contains(it))
        };
        let is_tag = !tag.is_empty()
            && tag.chars().all(|it| it.is_ascii_alphanumeric() || "._-:".contains(it));
        if !path.split('/').all(is_fine) || !is_tag {
            return None;
        }
        let full = format!("{host}/{path}{mark}{tag}");
        Some(Self { host, path, tag: tag.to_owned(), full })
    }

    /// Whether a host, a repository or a reference of a test means this image.
    pub(super) fn is_meant_by(&self, meant: &str) -> bool {
        if meant == "*" || meant.trim_end_matches('/') == self.host {
            return true;
        }
        let whole = Self::of(meant).map(|image| image.full);
        let (rest, _, _) = split(meant);
        let has_tag = rest != meant;
        if has_tag {
            return whole.as_deref() == Some(self.full.as_str());
        }
        let own = format!("{}/{}", self.host, self.path);
        let begin = Self::of(meant)
            .map_or_else(|| meant.to_owned(), |it| format!("{}/{}", it.host, it.path));
        let begin = begin.trim_end_matches('/');
        own == begin || own.strip_prefix(begin).is_some_and(|rest| rest.starts_with('/'))
    }
}

fn is_host(part: &str) -> bool {
    part.contains('.') || part.contains(':') || part == "localhost"
}

/// The name without its tag or digest, what follows, and the mark between them.
fn split(name: &str) -> (&str, &str, &'static str) {
    if let Some((rest, digest)) = name.split_once('@') {
        return (rest, digest, "@");
    }
    match name.rsplit_once(':') {
        Some((rest, tag)) if !tag.contains('/') => (rest, tag, ":"),
        _ => (name, "latest", ":"),
    }
}
