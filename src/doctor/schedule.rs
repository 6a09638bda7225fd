//! Rules on what runs at times: a cron job whose schedule nobody can read. What is wrong with its
//! runs is told by the runs.

use std::cmp::Reverse;

use serde_json::Value;

use crate::manifest::read;
use crate::policy::Class;
use crate::readiness::world::when;
use crate::readiness::{Cause, Finality, Root, World};

/// Reasons of events by which the controller says that it starts no more runs.
const REASONS: [&str; 4] =
    ["UnparseableSchedule", "UnparsableSchedule", "UnknownTimeZone", "InvalidSchedule"];

/// Cron jobs that start no more runs, by the events about them.
pub(super) fn causes(world: &World) -> Vec<Cause> {
    let events = world.all("Event").iter().filter(|event| {
        REASONS.contains(&read::text(event, "/reason"))
            && read::text(event, "/involvedObject/kind") == "CronJob"
    });
    let mut events: Vec<&Value> = events.collect();
    events.sort_by_key(|event| Reverse(when(event)));
    let mut found: Vec<Cause> = Vec::new();
    for event in events {
        let field = |name: &str| read::text(event, &format!("/involvedObject/{name}"));
        let (namespace, name) = (field("namespace"), field("name"));
        let live = world.find("CronJob", namespace, name);
        let is_old = match live {
            Some(live) => {
                read::text(live, "/metadata/uid") != field("uid")
                    || read::truth(live, "/spec/suspend")
            }
            None => world.knows("CronJob"),
        };
        let root = Some(Root::new("CronJob", namespace, name));
        if is_old || found.iter().any(|one| one.root == root) {
            continue;
        }
        let words = read::text(event, "/message");
        found.push(
            Cause::new(
                "SCHEDULE_INVALID",
                Class::Config,
                Finality::Fatal,
                format!("cronjob {namespace}/{name} never runs: {words}"),
            )
            .because(format!("event {}", read::text(event, "/reason")), words)
            .root("CronJob", namespace, name)
            .fix(format!(
                "correct `schedule` and `timeZone` of cron job `{name}` in namespace `{namespace}`: five fields, and a name such as Europe/Vienna"
            )),
        );
    }
    found
}
