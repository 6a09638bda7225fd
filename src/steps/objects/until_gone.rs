//! Waits until one object is gone: looks, and follows it by a watch while it ends.

use std::time::Duration;

use futures_util::TryStreamExt;
use kube::api::{DynamicObject, WatchEvent, WatchParams};
use kube::core::Request;
use serde_json::Value;

use super::Objects;
use crate::manifest::{Served, read};
use crate::policy::Failure;

/// How long the server keeps the watch open, in seconds.
const WATCH: u32 = 25;

/// Pauses between two looks where no watch lasts.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

impl Objects {
    /// Returns when this very object is gone, within the time of the step.
    ///
    /// # Errors
    /// `STEP_TIMEOUT`, and what the API says.
    pub async fn until_gone(&self, served: &Served, object: &Value) -> Result<(), Failure> {
        let (name, uid) = (read::name(object), read::text(object, "/metadata/uid"));
        let namespace = Some(read::namespace(object)).filter(|namespace| !namespace.is_empty());
        let what = format!("{} `{name}` is gone", served.kind);
        self.step().waiting(format!("waiting until {what}"));
        let wait = async {
            let mut pause = SHORTEST;
            loop {
                let present = self.read(served, namespace, name).await?;
                let Some(present) = present.filter(|it| read::text(it, "/metadata/uid") == uid)
                else {
                    return Ok(());
                };
                let version = read::text(&present, "/metadata/resourceVersion");
                // A watch that cannot be had is no failure: the next look tells.
                let _ = self.deletion(served, namespace, name, version).await;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
        };
        let gone = self.step().in_time(&format!("wait until {what}"), wait).await;
        self.step().listings.forget(served);
        gone
    }

    /// Follows one object until it is deleted or the watch ends.
    async fn deletion(
        &self,
        served: &Served,
        namespace: Option<&str>,
        name: &str,
        version: &str,
    ) -> Result<(), kube::Error> {
        let params = WatchParams {
            field_selector: Some(format!("metadata.name={name}")),
            timeout: Some(WATCH),
            ..WatchParams::default()
        };
        let request = Request::new(served.path(namespace, None)).watch(&params, version);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let mut events = Box::pin(self.client().request_events::<DynamicObject>(request).await?);
        while let Some(event) = events.try_next().await? {
            if matches!(event, WatchEvent::Deleted(_) | WatchEvent::Error(_)) {
                break;
            }
        }
        Ok(())
    }
}
