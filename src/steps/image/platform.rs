//! Whether an image of this machine is for the wanted platform.

use bollard::models::ImageInspect;

use crate::config::model::Image;
use crate::event::Fix;
use crate::manifest::platform::Platform;
use crate::policy::{Class, Failure};

/// The platform of an image of this machine.
pub(in crate::steps) fn of(found: &ImageInspect) -> Platform {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    Platform::new(&text(&found.os), &text(&found.architecture), &text(&found.variant))
}

/// Fails when the image is for another platform than the configuration wants.
pub(super) fn demand(image: &Image, found: &ImageInspect) -> Result<(), Failure> {
    let Some(wanted) = &image.platform else {
        return Ok(());
    };
    let has = of(found);
    if has.fits(&Platform::parse(wanted)) {
        return Ok(());
    }
    let name = &image.name;
    Err(Failure::new(
        Class::Prerequisite,
        "IMAGE_PLATFORM",
        format!("image `{name}` is for {has}, and `mlup.toml` wants {wanted}"),
    )
    .fix(Fix::safe(format!("docker pull --platform {wanted} {name}"))))
}
