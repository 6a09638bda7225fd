//! How an API server serves the kinds of a run. Kubernetes' own are known without asking; a custom
//! one is asked for by its group and version, which is one small answer, where aggregated discovery
//! is all groups of the cluster.

use std::collections::HashMap;

use serde_json::Value;
use tokio::sync::Mutex;

use super::Objects;
use crate::manifest::{Object, ObjectId, Served};
use crate::policy::Failure;

/// What the server said so far, by group and version.
#[derive(Debug, Default)]
pub struct Kinds {
    listed: Mutex<HashMap<String, Value>>,
}

impl Kinds {
    /// How the kind of this object is served; none where neither the server nor a definition among
    /// these objects knows it. A kind that is missing is asked for anew each time: what brings it may
    /// have come.
    pub async fn of(
        &self,
        id: &ObjectId,
        run: &[Object],
        objects: &Objects,
    ) -> Result<Option<Served>, Failure> {
        if let Some(served) = Served::built_in(id).or_else(|| Served::defined(id, run)) {
            return Ok(Some(served));
        }
        let group = id.api_version();
        let mut listed = self.listed.lock().await;
        if let Some(served) = listed.get(&group).and_then(|known| Served::listed(id, known)) {
            return Ok(Some(served));
        }
        let Some(answer) = objects.at(&format!("/apis/{group}")).await? else { return Ok(None) };
        let served = Served::listed(id, &answer);
        listed.insert(group, answer);
        Ok(served)
    }
}
