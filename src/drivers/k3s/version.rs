//! Versions of K3s and which of them may follow which. Pure.

/// What it takes to get from one version to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is the same.
    Same,
    /// An upgrade: the program is replaced, and the service started again.
    Up,
    /// An upgrade that would leave out a minor version, which Kubernetes does not do
    /// (kubernetes.io, version skew policy).
    TooFar,
    /// Backwards, which the data of a cluster do not go.
    Down,
}

/// The way between two versions; one that cannot be read counts as another one to upgrade to.
pub(super) fn way(from: &str, to: &str) -> Way {
    if from == to {
        return Way::Same;
    }
    let (Some(from), Some(to)) = (numbers(from), numbers(to)) else { return Way::Up };
    match (from, to) {
        (from, to) if to < from => Way::Down,
        (from, to) if to[0] != from[0] || to[1] > from[1] + 1 => Way::TooFar,
        _ => Way::Up,
    }
}

/// The version of the next minor release, as far as it is known: `v1.34`.
pub(super) fn next_minor(from: &str) -> Option<String> {
    let numbers = numbers(from)?;
    Some(format!("v{}.{}", numbers[0], numbers[1] + 1))
}

/// Major, minor, patch and build of `v1.33.5+k3s1`.
fn numbers(version: &str) -> Option<[u32; 4]> {
    let (kubernetes, build) = version.strip_prefix('v')?.split_once("+k3s")?;
    let kubernetes = kubernetes.split('-').next()?;
    let mut parts = kubernetes.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??, build.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_left_one_minor_release_at_a_time_and_never_backwards() {
        for (from, to, expected) in [
            ("v1.33.5+k3s1", "v1.33.5+k3s1", Way::Same),
            ("v1.33.5+k3s1", "v1.33.5+k3s2", Way::Up),
            ("v1.33.5+k3s1", "v1.34.1+k3s1", Way::Up),
            ("v1.33.5+k3s1", "v1.35.0+k3s1", Way::TooFar),
            ("v1.33.5+k3s1", "v1.33.4+k3s9", Way::Down),
            ("v1.33.5+k3s1", "v1.32.9+k3s1", Way::Down),
            ("v1.33.5-rc1+k3s1", "v1.33.5+k3s1", Way::Up),
            ("dev", "v1.33.5+k3s1", Way::Up),
        ] {
            assert_eq!(way(from, to), expected, "{from} {to}");
        }
        assert_eq!(next_minor("v1.33.5+k3s1").as_deref(), Some("v1.34"));
    }
}
