//! Images on the machine: streamed from the engine of this one, and looked for afterwards.

use crate::drivers::crictl;
use crate::drivers::k3s::machine::Machine;
use crate::drivers::k3s::scripts;
use crate::drivers::references::{NodeImage, familiar};
use crate::event::Fix;
use crate::host::image_archive;
use crate::policy::{Class, Failure, ssh as words};
use crate::quote::quote;

/// Brings an image of this machine's engine there.
pub(super) async fn load(machine: &Machine<'_>, image: &str) -> Result<(), Failure> {
    let image = familiar(image);
    let host = &machine.wanted.host;
    let script = scripts::import(&image);
    machine.bench.doing(format!("loading image `{image}` into K3s on `{host}`"));
    let archive = image_archive::of(&machine.bench.host.docker, &image);
    let output = machine.ssh.feed(&script, archive).await?;
    if !output.success() {
        return Err(words::far_side(host, script.doing(), &output.stderr));
    }
    if list(machine).await?.iter().any(|listed| listed.name == image) {
        return Ok(());
    }
    let summary =
        format!("`{image}` was handed to K3s on `{host}`, and it does not have the image");
    let fix = format!(
        "docker image save {} | ssh {} sudo k3s ctr -n k8s.io images import -",
        quote(&image),
        quote(host)
    );
    Err(Failure::new(Class::Permanent, "CLUSTER_IMAGE_NOT_LOADED", summary).fix(Fix::safe(fix)))
}

/// The images that are there.
pub(super) async fn list(machine: &Machine<'_>) -> Result<Vec<NodeImage>, Failure> {
    let output = machine.run(&scripts::images()).await?;
    crictl::images(&output.stdout).ok_or_else(|| {
        let host = &machine.wanted.host;
        let summary = format!("`crictl images` on `{host}` printed something that is no list");
        Failure::new(Class::Permanent, "CLUSTER_LIST_UNREADABLE", summary)
            .fix(Fix::safe(format!("ssh -t {} sudo k3s crictl images", quote(host))))
    })
}
