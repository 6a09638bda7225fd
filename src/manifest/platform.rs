//! Platforms of images and nodes. Names of processors vary: `x86_64` is `amd64`.

use std::fmt;

use serde_json::Value;

use super::read;

/// Operating system, processor and, where one is said, its variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `amd64`, as Docker writes it.
    pub architecture: String,
    /// Such as `v8`; empty where none is said.
    pub variant: String,
}

impl Platform {
    /// A platform of these parts.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        Self {
            os: canonical(os),
            architecture: canonical(architecture),
            variant: canonical(variant),
        }
    }

    /// `linux/arm/v7` taken apart.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split('/');
        let mut next = || parts.next().unwrap_or_default();
        Self::new(next(), next(), next())
    }

    /// The platform of a node, if it says one.
    #[must_use]
    pub fn of_node(node: &Value) -> Option<Self> {
        let architecture = read::text(node, "/status/nodeInfo/architecture");
        let os = match read::text(node, "/status/nodeInfo/operatingSystem") {
            "" => "linux",
            os => os,
        };
        (!architecture.is_empty()).then(|| Self::new(os, architecture, ""))
    }

    /// The platform that an entry of a manifest list, or an image's configuration, says.
    #[must_use]
    pub fn of_entry(entry: &Value) -> Option<Self> {
        let field = |name: &str| read::text(entry, name);
        let known = |part: &str| !part.is_empty() && part != "unknown";
        (known(field("/os")) && known(field("/architecture")))
            .then(|| Self::new(field("/os"), field("/architecture"), field("/variant")))
    }

    /// Whether something for `self` is what `wanted` asks for: the same system and processor and,
    /// where one is wanted, the same variant.
    #[must_use]
    pub fn fits(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_empty() || self.variant == wanted.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

/// The name that Docker stores (containerd 1.6, `platforms/database.go`).
fn canonical(part: &str) -> String {
    let lower = part.to_ascii_lowercase();
    match lower.as_str() {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "i386" => "386".to_owned(),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_one_processor_fit_and_others_do_not() {
        for (has, wanted, fits) in [
            ("linux/amd64", "linux/x86_64", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64/v8", "linux/aarch64/v8", true),
            ("linux/amd64", "linux/arm64", false),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/amd64", "windows/amd64", false),
        ] {
            assert_eq!(Platform::parse(has).fits(&Platform::parse(wanted)), fits, "{has} {wanted}");
        }
        assert_eq!(Platform::parse("linux/arm/v7").to_string(), "linux/arm/v7");
        assert_eq!(Platform::parse("Linux/X86-64").to_string(), "linux/amd64");
    }

    #[test]
    fn nodes_and_entries_of_lists_say_theirs() {
        let node =
            json!({"status": {"nodeInfo": {"architecture": "arm64", "operatingSystem": "linux"}}});
        assert_eq!(Platform::of_node(&node), Some(Platform::parse("linux/arm64")));
        assert_eq!(Platform::of_node(&json!({})), None);
        let attestation = json!({"os": "unknown", "architecture": "unknown"});
        assert_eq!(Platform::of_entry(&attestation), None);
    }
}
