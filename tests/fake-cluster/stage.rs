//! The fake Kubernetes API for programs that are no tests, such as the benchmarks: it does what the
//! lines of its standard input say, answers each with a line, and ends with them. No container and
//! no tool belongs to it.

use std::error::Error;
use std::io::{BufRead, Write};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kube::controllers::settings::Settings;
use crate::kube::{Asked, FakeKube, Fault, NODES, World};

/// The argument that makes the program such an API.
pub(crate) const STAGE: &str = "stage";

/// A line of the input.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Order {
    /// Puts objects where their own kinds, namespaces and names say.
    Store { objects: Vec<Value> },
    /// Makes namespaces, with what every one has.
    Namespaces { names: Vec<String> },
    /// Puts controllers and a kubelet behind the API.
    Simulate { settings: Box<Settings> },
    /// Answers the next calls that begin so this much later.
    Delay { calls: String, millis: u64, times: usize },
    /// Tells what has changed since this was asked the last time, and when.
    Changes,
    /// Tells what was asked since this was asked the last time, and how much at once so far.
    Asked,
}

/// What was told already.
#[derive(Default)]
struct Told {
    version: u64,
    requests: usize,
}

/// Serves until the input ends.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let fake = FakeKube::start();
    let mut told = Told::default();
    say(&json!({ "kubeconfig": fake.kubeconfig("bench") }))?;
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        say(&obey(&fake, order, &mut told))?;
    }
    Ok(())
}

fn obey(fake: &FakeKube, order: Order, told: &mut Told) -> Value {
    match order {
        Order::Store { objects } => {
            fake.change(|world| objects.into_iter().for_each(|object| world.store(object)));
        }
        Order::Namespaces { names } => {
            fake.change(|world| names.iter().for_each(|name| world.namespace(name)));
        }
        Order::Simulate { settings } => fake.change(|world| simulate(world, *settings)),
        Order::Delay { calls, millis, times } => {
            fake.change(|world| world.fault(&calls, Fault::Delay(millis), times));
        }
        Order::Changes => {
            let changes = fake.change(|world| world.changes(&mut told.version)).into_iter();
            let change = |(at, object)| json!({ "at": micros(at), "object": object });
            return json!({ "changes": changes.map(change).collect::<Vec<_>>() });
        }
        Order::Asked => return asked(fake, &mut told.requests),
    }
    json!({})
}

fn simulate(world: &mut World, settings: Settings) {
    // Room for everything that is put on it.
    let mut node = world.get(&format!("{NODES}/node-0")).unwrap_or_default();
    node["status"]["allocatable"] = json!({ "cpu": "64", "memory": "256Gi", "pods": "5000" });
    world.put(NODES, "node-0", node);
    world.simulate(settings);
}

fn asked(fake: &FakeKube, told: &mut usize) -> Value {
    let all = fake.requests();
    let line = |asked: &Asked| json!({ "call": asked.call(), "is_write": asked.is_write });
    let requests: Vec<Value> = all.iter().skip(*told).map(line).collect();
    *told = all.len();
    json!({ "requests": requests, "at_once": fake.in_flight_max() })
}

/// Microseconds since 1970.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn say(answer: &Value) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{answer}")?;
    output.flush()
}
