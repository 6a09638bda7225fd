//! An image of this machine as the bytes of an archive, streamed from the engine as they are taken.

use std::io;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::host::cmd::Payload;
use crate::host::docker::Engine;

/// What `docker save IMAGE` writes.
#[must_use]
pub fn of(engine: &Engine, image: &str) -> Payload {
    let (engine, image) = (engine.clone(), image.to_owned());
    Arc::new(move || {
        let (engine, image) = (engine.clone(), image.clone());
        let opened = async move {
            let client =
                engine.client().await.map_err(|failure| io::Error::other(failure.summary))?;
            let pieces = client.clone().export_image(&image).map_err(io::Error::other);
            Ok::<_, io::Error>(pieces.map_ok(|piece| piece.to_vec()).boxed())
        };
        stream::once(opened).try_flatten().boxed()
    })
}
