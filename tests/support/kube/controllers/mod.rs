//! A cluster behind the fake API: what controllers, a scheduler and a kubelet make of the objects
//! that are there, with the reasons and the words of a real one (1.36, containerd). What a test says
//! about it is in `settings`; a controller or a part of the kubelet is a file of its own.

mod argo;
mod balancers;
mod claims;
mod context;
mod daemon_sets;
mod deployments;
mod endpoints;
mod events;
mod extensions;
mod fit;
mod jobs;
mod kubelet;
mod namespaces;
mod objects;
mod pods;
mod replica_sets;
mod rollout;
mod scheduler;
pub(crate) mod settings;
mod stateful_sets;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::FakeKube;
use super::clock;
use super::controller::Controller;
use super::world::World;
use context::{Context, Memory};
use serde_json::Value;
use settings::Settings;

/// The parts of the cluster in the order in which they have their turns.
const PARTS: [fn(&mut World, &mut Context<'_>); 14] = [
    namespaces::turn,
    deployments::turn,
    replica_sets::turn,
    stateful_sets::turn,
    daemon_sets::turn,
    jobs::turn,
    pods::turn,
    claims::turn,
    scheduler::turn,
    kubelet::turn,
    endpoints::turn,
    balancers::turn,
    extensions::turn,
    argo::turn,
];

/// A simulated cluster: the way to change what was said about it.
#[derive(Clone)]
pub(crate) struct Simulation(Arc<Mutex<(u64, Settings)>>);

impl Simulation {
    /// Changes what was said. It counts from the next turn on: do it within `FakeKube::change`.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings();
        settings.0 += 1;
        change(&mut settings.1);
    }

    fn settings(&self) -> MutexGuard<'_, (u64, Settings)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Puts a cluster behind the API.
    pub(crate) fn simulate(&mut self, settings: Settings) -> Simulation {
        let simulation = Simulation(Arc::new(Mutex::new((1, settings))));
        self.controller(Box::new(Cluster {
            simulation: simulation.clone(),
            memory: Memory::default(),
            seen: (0, 0),
            due: None,
        }));
        simulation
    }
}

struct Cluster {
    simulation: Simulation,
    memory: Memory,
    /// Version of the world and of the settings at the end of the last turn.
    seen: (u64, u64),
    due: Option<Instant>,
}

impl Controller for Cluster {
    fn turn(&mut self, world: &mut World) -> Option<Duration> {
        let settings = self.simulation.settings();
        let now = clock::now();
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due || self.seen != (world.version, settings.0) {
            let mut context = Context::new(&settings.1, &mut self.memory, now);
            let before = world.version;
            for part in PARTS {
                part(world, &mut context);
            }
            self.due = context.due();
            // What one part did another may have to see.
            self.seen = (before, settings.0);
        }
        self.due.map(|due| due.saturating_duration_since(now))
    }
}

impl World {
    /// All that objects were after a version, which becomes the present one.
    pub(crate) fn past(&self, since: &mut u64) -> Vec<Value> {
        self.changes(since).into_iter().map(|(_, object)| object).collect()
    }
}

impl FakeKube {
    /// Looks at the world after each change until it is as wanted; whether it was, in time.
    pub(crate) fn until(&self, limit: Duration, mut is_it: impl FnMut(&World) -> bool) -> bool {
        let end = clock::now() + limit;
        let mut world = self.shared.world();
        loop {
            if is_it(&world) {
                return true;
            }
            let version = world.version;
            while world.version == version {
                let left = end.saturating_duration_since(clock::now());
                if left.is_zero() {
                    return false;
                }
                world = self.shared.wait(world, left);
            }
        }
    }
}
