//! Which images the nodes have. What the API tells of a node ends after fifty, so that the cluster's
//! own tool is asked where it can tell.

use std::collections::BTreeSet;

use crate::config::model::Provider;
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::references::familiar;
use crate::manifest::read;
use crate::steps::{StepCtx, cluster};
use serde_json::Value;

/// The images of the nodes.
pub(super) struct Stock {
    names: BTreeSet<String>,
    /// Whether those are all of them.
    pub(super) is_whole: bool,
}

impl Stock {
    /// What the nodes say they have, and where these do not, what the tool says.
    pub(super) async fn of(nodes: &[Value], wanted: &[&str], ctx: &StepCtx) -> Self {
        let mut stock = Self { names: on_all(nodes), is_whole: false };
        if wanted.iter().all(|image| stock.has(image)) {
            return stock;
        }
        let provider = ctx.config.cluster.as_ref().map(|cluster| cluster.provider);
        let tells =
            matches!(provider, Some(Provider::DockerDesktop | Provider::K3d | Provider::Minikube));
        let Some((_, driver)) = cluster::wanted(ctx).ok().filter(|_| tells) else { return stock };
        // Only advice hangs on it: a tool that does not answer is no reason to stop.
        if let Ok(listed) = driver.list_images(&ctx.workbench()).await {
            stock.names.extend(listed.into_iter().map(|image| image.name));
            stock.is_whole = true;
        }
        stock
    }

    /// Whether every node has this image.
    pub(super) fn has(&self, image: &str) -> bool {
        self.names.contains(&familiar(image))
    }
}

/// The images that all nodes list.
fn on_all(nodes: &[Value]) -> BTreeSet<String> {
    let of = |node: &Value| -> BTreeSet<String> {
        let images = read::list(node, "/status/images").iter();
        let names = images.flat_map(|image| read::list(image, "/names"));
        names.filter_map(Value::as_str).map(familiar).collect()
    };
    let mut nodes = nodes.iter().map(of);
    let first = nodes.next().unwrap_or_default();
    nodes.fold(first, |known, own| known.intersection(&own).cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_is_in_stock_where_all_nodes_have_it() {
        let node = |names: &[&str]| json!({"status": {"images": [{"names": names}]}});
        let all = on_all(&[
            node(&["docker.io/library/redis:7", "docker.io/library/redis@sha256:1"]),
            node(&["redis:7", "docker.io/acme/web:2"]),
        ]);
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["redis:7"]);
        assert_eq!(on_all(&[]), BTreeSet::new());
    }
}
