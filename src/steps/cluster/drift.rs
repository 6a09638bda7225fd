//! What differs between a cluster and the configuration, in words. Only the user gives a cluster
//! away for a setting.

use crate::drivers::cluster::{Cure, Drift, Sighting};
use crate::host::workbench::Workbench;

/// `memory is 2g, not 4g`
pub(super) fn line(drift: &Drift) -> String {
    format!("{} is {}, not {}", drift.what, drift.found, drift.wanted)
}

/// Says each difference that stays.
pub(super) fn warn(bench: &Workbench, object: &str, sighting: &Sighting) {
    for drift in &sighting.drift {
        let hint = match drift.cure {
            Cure::InPlace => "the next `mlup start` tries again".to_owned(),
            Cure::Recreate => format!(
                "`mlup start --recreate` deletes the cluster, with all that is in it, and makes it \
                 with the wanted `{}`",
                drift.what
            ),
            Cure::Restart => format!(
                "`mlup start --restart` sets the wanted `{}` and starts it again; pods go on running",
                drift.what
            ),
            Cure::Reinstall => format!(
                "`mlup reset --purge && mlup start` takes it off, with all that is in it, and installs \
                 it with the wanted `{}`",
                drift.what
            ),
            Cure::Theirs => "mlup did not install it, and leaves it as it is".to_owned(),
        };
        let message = format!("{object}: {}", line(drift));
        bench.warn("CLUSTER_DRIFT", message, Some(hint));
    }
}

/// The differences in a few words, if there are any.
pub(super) fn note(sighting: &Sighting) -> Option<String> {
    let names: Vec<&str> = sighting.drift.iter().map(|drift| drift.what.as_str()).collect();
    (!names.is_empty()).then(|| format!("differs in {}", names.join(", ")))
}
