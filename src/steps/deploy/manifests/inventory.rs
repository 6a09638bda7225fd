//! Which kinds a deploy has applied, kept in a config map of its own in the cluster: without it, an
//! object whose kind left the manifests would never be looked for. It is read with the list of
//! config maps that most deploys need anyway, and written where the kinds changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::config::model::Deploy;
use crate::manifest::{ObjectId, Scope, Served, labels, read};
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::deploy::namespace_of;
use crate::steps::objects::Objects;
use crate::steps::objects::dynamic::Claim;

/// Label: what an object of mlup's own is there for.
const ROLE: &str = "dev.mlup.role";

/// The value of [`ROLE`] here.
const INVENTORY: &str = "inventory";

/// What one deploy applied.
#[derive(Debug)]
pub(super) struct Inventory {
    /// The deploy, as its label says.
    pub(super) deploy: String,
    /// The kinds.
    pub(super) kinds: BTreeSet<Served>,
    /// The object itself.
    pub(super) live: Value,
}

/// All inventories of this environment; none where this user may not look.
pub(super) async fn all(
    namespaces: &BTreeSet<String>,
    objects: &Objects,
) -> Result<Vec<Inventory>, Failure> {
    let found = match objects.step().listings.ours(&config_maps(), namespaces, objects).await {
        Err(failure) if failure.code == "API_FORBIDDEN" => return Ok(Vec::new()),
        found => found?,
    };
    let inventory = |live: Value| {
        let deploy = labels::label(&live, labels::DEPLOY)?.to_owned();
        let kinds = read::text(&live, "/data/kinds").lines().filter_map(parsed).collect();
        is_one(&live).then_some(Inventory { deploy, kinds, live })
    };
    Ok(found.into_iter().filter_map(inventory).collect())
}

/// Whether an object is an inventory.
pub(super) fn is_one(object: &Value) -> bool {
    labels::label(object, ROLE) == Some(INVENTORY)
}

/// Writes down the kinds of a deploy where they are not written down. Without it nothing but leftovers
/// would be missed, so that a failure is a warning.
pub(super) async fn write(
    deploy: &Deploy,
    kinds: impl Iterator<Item = Served>,
    objects: &Objects,
) -> Result<(), Failure> {
    let kinds: BTreeSet<Served> = kinds.collect();
    let wanted = object(deploy, &kinds, objects);
    let namespaces = BTreeSet::from([read::namespace(&wanted).to_owned()]);
    let is_written =
        |one: &Inventory| one.kinds == kinds && ObjectId::of(&one.live) == ObjectId::of(&wanted);
    if all(&namespaces, objects).await?.iter().any(is_written) {
        return Ok(());
    }
    match objects.put(&config_maps(), &wanted, Claim::Forced).await {
        Err(refused) if refused.failure.is_cancelled() => Err(refused.failure),
        Err(refused) => {
            objects.step().say(Progress::Warning {
                code: "INVENTORY_UNWRITTEN",
                message: format!(
                    "what leaves `{}` later cannot be found: {}",
                    deploy.name, refused.failure.summary
                ),
                hint: None,
            });
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Config maps as they are served.
pub(super) fn config_maps() -> Served {
    Served {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
        scope: Scope::Namespaced,
    }
}

fn object(deploy: &Deploy, kinds: &BTreeSet<Served>, objects: &Objects) -> Value {
    let ctx = objects.step();
    let lines: Vec<String> = kinds.iter().map(line).collect();
    let name = format!("mlup-{}-{}", ctx.config.name, deploy.name);
    let name = labels::label_value(&name).to_ascii_lowercase().replace('_', "-");
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace_of(deploy, ctx),
            "labels": { ROLE: INVENTORY },
        },
        "data": { "kinds": lines.join("\n") },
    });
    labels::mark(&mut object, &ctx.config.name, &deploy.name);
    object
}

/// `apps/v1 Deployment deployments namespaced`.
fn line(served: &Served) -> String {
    let scope = match served.scope {
        Scope::Namespaced => "namespaced",
        Scope::Cluster => "cluster",
    };
    format!("{} {} {} {scope}", served.api_version(), served.kind, served.plural)
}

fn parsed(line: &str) -> Option<Served> {
    let mut words = line.split_whitespace();
    let api = words.next()?;
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    let (kind, plural) = (words.next()?.to_owned(), words.next()?.to_owned());
    let scope = match words.next()? {
        "namespaced" => Scope::Namespaced,
        "cluster" => Scope::Cluster,
        _ => return None,
    };
    Some(Served { group: group.to_owned(), version: version.to_owned(), kind, plural, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_down_and_read_again() {
        let custom = Served {
            group: "argoproj.io".to_owned(),
            version: "v1alpha1".to_owned(),
            kind: "AppProject".to_owned(),
            plural: "appprojects".to_owned(),
            scope: Scope::Cluster,
        };
        for served in [config_maps(), custom] {
            assert_eq!(parsed(&line(&served)), Some(served));
        }
        assert_eq!(parsed("v1 ConfigMap configmaps sideways"), None);
        assert_eq!(parsed(""), None);
    }
}
