//! Whether an image is for the wanted platform. Names of processors vary: `x86_64` is `amd64`.

use bollard::models::ImageInspect;

use crate::config::model::Image;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Fails when the image is for another platform than the configuration wants.
pub(super) fn demand(image: &Image, found: &ImageInspect) -> Result<(), Failure> {
    let Some(wanted) = &image.platform else {
        return Ok(());
    };
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let has = [text(&found.os), text(&found.architecture), text(&found.variant)];
    if fits(wanted, &has) {
        return Ok(());
    }
    let has = has.join("/");
    let has = has.trim_end_matches('/');
    let name = &image.name;
    Err(Failure::new(
        Class::Prerequisite,
        "IMAGE_PLATFORM",
        format!("image `{name}` is for {has}, and `mlup.toml` wants {wanted}"),
    )
    .fix(Fix::safe(format!("docker pull --platform {wanted} {name}"))))
}

/// Whether operating system, processor and, where one is wanted, its variant are the same.
fn fits(wanted: &str, has: &[String; 3]) -> bool {
    let wanted: Vec<&str> = wanted.split('/').collect();
    wanted.iter().zip(has).all(|(wanted, has)| canonical(wanted) == canonical(has))
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
    use super::*;

    fn has(parts: [&str; 3]) -> [String; 3] {
        parts.map(str::to_owned)
    }

    #[test]
    fn names_of_one_processor_fit() {
        assert!(fits("linux/x86_64", &has(["linux", "amd64", ""])));
        assert!(fits("linux/arm64", &has(["linux", "arm64", "v8"])));
    }

    #[test]
    fn another_processor_or_variant_does_not() {
        assert!(!fits("linux/arm64", &has(["linux", "amd64", ""])));
        assert!(!fits("linux/arm/v7", &has(["linux", "arm", "v6"])));
        assert!(!fits("windows/amd64", &has(["linux", "amd64", ""])));
    }
}
