//! What stirs on the Docker Engine, for as long as somebody listens: containers that end, networks
//! that go, and an engine that goes away and comes back. Whose they are is for those who listen.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::Engine;

/// Events that may mean trouble. What starts or is made is none, and healthchecks (`exec_*`) come
/// with every probe.
const ACTIONS: [&str; 6] = ["destroy", "die", "disconnect", "health_status", "oom", "pause"];
/// Delays between attempts to reach an engine that went away.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// One thing that stirred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stir {
    /// A container did this, such as `die`.
    Container {
        /// What it did, in the engine's words.
        action: String,
        /// Its name.
        name: String,
        /// Its labels, among other attributes.
        labels: HashMap<String, String>,
    },
    /// This happened to a network, such as `destroy`.
    Network {
        /// What happened, in the engine's words.
        action: String,
        /// Its name.
        name: String,
    },
    /// The engine went away.
    Lost,
    /// It is back; what happened meanwhile is not told.
    Back,
}

/// Follows the engine's events until nobody listens any more.
pub async fn follow(engine: Engine, sender: UnboundedSender<Stir>) {
    let (mut delay, mut is_lost) = (RECONNECT.0, false);
    while !sender.is_closed() {
        let was_open = listen(&engine, &sender, &mut is_lost).await;
        if was_open {
            delay = RECONNECT.0;
        }
        if !std::mem::replace(&mut is_lost, true) && sender.send(Stir::Lost).is_err() {
            return;
        }
        sleep(delay).await;
        delay = (delay * 2).min(RECONNECT.1);
    }
}

/// One subscription; whether it was open.
async fn listen(engine: &Engine, sender: &UnboundedSender<Stir>, is_lost: &mut bool) -> bool {
    let Ok(client) = engine.client().await else { return false };
    // The stream of events says nothing until something happens: an answer tells that it is there.
    if client.ping().await.is_err() {
        return false;
    }
    let filters = HashMap::from([
        ("type", vec!["container".to_owned(), "network".to_owned()]),
        ("event", ACTIONS.map(str::to_owned).to_vec()),
    ]);
    let options = EventsOptionsBuilder::default().filters(&filters).build();
    let events = client.events(Some(options));
    tokio::pin!(events);
    if std::mem::replace(is_lost, false) && sender.send(Stir::Back).is_err() {
        return true;
    }
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = sender.closed() => return true,
        };
        match event {
            Some(Ok(event)) => {
                if let Some(stir) = stir(event) {
                    let _ = sender.send(stir);
                }
            }
            Some(Err(_)) | None => return true,
        }
    }
}

fn stir(event: EventMessage) -> Option<Stir> {
    let kind = event.typ?.to_string();
    let (action, labels) = (event.action?, event.actor?.attributes.unwrap_or_default());
    let name = labels.get("name").cloned().unwrap_or_default();
    match kind.as_str() {
        // It tells of what is well, too.
        "container" if action.starts_with("health_status") && !action.ends_with("unhealthy") => {
            None
        }
        "container" => Some(Stir::Container { action, name, labels }),
        "network" => Some(Stir::Network { action, name }),
        _ => None,
    }
}

#[cfg(test)]
mod docker_tests {
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::time::timeout;

    use super::*;
    use crate::host::docker::proxy::Proxy;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn an_engine_that_goes_away_and_comes_back_is_told() {
        let mut proxy = Proxy::open();
        let (sender, mut stirs) = unbounded_channel();
        let task = tokio::spawn(follow(proxy.engine(), sender));
        // The subscription stands once the proxy has it; before that a cut would be no loss.
        proxy.cut().await;
        assert_eq!(timeout(PATIENCE, stirs.recv()).await.unwrap(), Some(Stir::Lost));
        proxy.mend();
        loop {
            match timeout(PATIENCE, stirs.recv()).await.unwrap().unwrap() {
                Stir::Back => break,
                // The engine of this machine has other work, too.
                Stir::Container { .. } | Stir::Network { .. } => {}
                Stir::Lost => panic!("it was told before"),
            }
        }
        drop(stirs);
        timeout(PATIENCE, task).await.unwrap().unwrap();
    }
}
