//! Renders a kustomization by its own tool.

use std::path::Path;

use crate::config::model::Deploy;
use crate::drivers::kustomize;
use crate::policy::Failure;
use crate::redact::Secret;
use crate::steps::StepCtx;

/// The objects of a kustomization folder.
pub(super) async fn render(
    _deploy: &Deploy,
    folder: &Path,
    ctx: &StepCtx,
) -> Result<Secret, Failure> {
    let shown = folder.strip_prefix(&ctx.config.root).unwrap_or(folder).display().to_string();
    kustomize::build(&ctx.workbench(), folder, &shown, ctx.time_left()).await
}
