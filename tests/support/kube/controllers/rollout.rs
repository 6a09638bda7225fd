//! How a deployment goes from old `ReplicaSets` to the new one: how many more and how many fewer
//! pods than wanted there may be meanwhile.

use serde_json::Value;

use super::super::world::World;
use super::events::Event;
use super::objects::{generation, name, number, text};
use super::replica_sets::active;

const BY: &str = "deployment-controller";

/// What may happen during a rollout.
pub(super) struct Strategy {
    is_recreate: bool,
    /// How many pods more than wanted.
    pub(super) surge: i64,
    /// How many fewer.
    pub(super) unavailable: i64,
}

impl Strategy {
    pub(super) fn of(deployment: &Value) -> Self {
        let wanted = number(deployment, "/spec/replicas", 1);
        if text(deployment, "/spec/strategy/type") == "Recreate" {
            return Self { is_recreate: true, surge: 0, unavailable: 0 };
        }
        let limits = &deployment["spec"]["strategy"]["rollingUpdate"];
        let surge = share(&limits["maxSurge"], wanted, Round::Up);
        let mut unavailable = share(&limits["maxUnavailable"], wanted, Round::Down);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self { is_recreate: false, surge, unavailable: unavailable.min(wanted) }
    }

    /// Whether the new set may be made: with `Recreate`, once no old pod is left.
    pub(super) fn may_begin(&self, world: &World, old: &[Value]) -> bool {
        !self.is_recreate || old.iter().all(|set| active(world, set).is_empty())
    }

    /// How many pods a new set begins with.
    pub(super) fn first(&self, deployment: &Value, old: &[Value]) -> i64 {
        self.next(deployment, 0, old.iter().map(wanted).sum())
    }

    fn next(&self, deployment: &Value, new: i64, old: i64) -> i64 {
        let wanted = number(deployment, "/spec/replicas", 1);
        if self.is_recreate || new > wanted {
            return wanted;
        }
        let room = (wanted + self.surge - new - old).max(0);
        new + room.min(wanted - new)
    }
}

#[derive(Clone, Copy)]
enum Round {
    Up,
    Down,
}

/// A number of pods, or a share of them; a quarter without.
fn share(limit: &Value, of: i64, round: Round) -> i64 {
    if let Some(count) = limit.as_i64() {
        return count;
    }
    let percent = limit.as_str().unwrap_or("25%").trim_end_matches('%').parse().unwrap_or(25);
    match round {
        Round::Up => (of * percent + 99) / 100,
        Round::Down => of * percent / 100,
    }
}

fn wanted(set: &Value) -> i64 {
    number(set, "/spec/replicas", 1)
}

fn available(set: &Value) -> i64 {
    number(set, "/status/availableReplicas", 0)
}

/// Takes old sets down altogether.
pub(super) fn scale_old_to_zero(world: &mut World, deployment: &Value, old: &[Value]) {
    for set in old {
        scale_set(world, deployment, set, 0);
    }
}

/// Goes as far as it may now.
pub(super) fn scale(world: &mut World, deployment: &Value, new: &Value, old: &[Value]) {
    let strategy = Strategy::of(deployment);
    let before = old.iter().map(wanted).sum();
    let next = strategy.next(deployment, wanted(new), before);
    if next != wanted(new) {
        return scale_set(world, deployment, new, next);
    }
    let least = number(deployment, "/spec/replicas", 1) - strategy.unavailable;
    let not_yet = wanted(new) - available(new);
    let surplus = wanted(new) + before - least - not_yet;
    if surplus <= 0 {
        return;
    }
    // Pods that do not work go first.
    for set in old {
        let broken = (wanted(set) - available(set)).min(surplus);
        if broken > 0 {
            return scale_set(world, deployment, set, wanted(set) - broken);
        }
    }
    let mut surplus = available(new) + old.iter().map(available).sum::<i64>() - least;
    for set in old.iter().filter(|set| wanted(set) > 0) {
        let fewer = wanted(set).min(surplus);
        if fewer > 0 {
            surplus -= fewer;
            scale_set(world, deployment, set, wanted(set) - fewer);
        }
    }
}

fn scale_set(world: &mut World, deployment: &Value, set: &Value, to: i64) {
    let from = wanted(set);
    if from == to {
        return;
    }
    let mut after = set.clone();
    after["spec"]["replicas"] = to.into();
    after["metadata"]["generation"] = (generation(set) + 1).into();
    world.store(after);
    tell_scaled(world, deployment, (name(set), from, to));
}

/// Tells how a set was scaled.
pub(super) fn tell_scaled(
    world: &mut World,
    deployment: &Value,
    (set, from, to): (&str, i64, i64),
) {
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {set} from {from} to {to}");
    Event::normal(BY, deployment, "ScalingReplicaSet", message).tell(world);
}
