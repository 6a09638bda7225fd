//! Connections and the way of a request: noted, delayed or spoilt as the test says, and given to
//! what answers it (`route`).

use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::faults::{Fault, refused};
use super::http::{Request, read, reply};
use super::route::{form, note, route, watched};
use super::status::Refusal;
use super::world::World;
use super::{Shared, clock, watch};

/// Takes connections until the server ends.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        let mut world = shared.world();
        if world.is_over {
            return;
        }
        // As the real one: what it has to say is sent at once.
        let _ = stream.set_nodelay(true);
        world.streams.extend(stream.try_clone());
        drop(world);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || converse(stream, &shared));
    }
}

/// Answers the requests of one connection until it ends.
fn converse(mut stream: TcpStream, shared: &Shared) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    while let Some(request) = read(&mut reader) {
        if answer(&mut stream, shared, &request).is_none() {
            break;
        }
    }
    // Another handle of it is kept for the server's end.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers one request; nothing means that the connection is at its end.
fn answer(stream: &mut TcpStream, shared: &Shared, request: &Request) -> Option<()> {
    let mut world = shared.world();
    note(&mut world, request);
    if request.is_watch() {
        return begin_watch(stream, shared, request, world);
    }
    world.in_flight += 1;
    world.in_flight_max = world.in_flight_max.max(world.in_flight);
    world.pull(&request.call());
    world.settle();
    shared.changed.notify_all();
    let (mut world, spoilt) = spoil(shared, request, world);
    let answered = match spoilt {
        Spoilt::Refused(refusal) => Some(Err(refusal)),
        Spoilt::Cut => None,
        Spoilt::Not => Some(route(&mut world, request)),
    };
    world.settle();
    world.in_flight -= 1;
    drop(world);
    shared.changed.notify_all();
    let (code, body) = answered?.unwrap_or_else(|refusal| (refusal.code, refusal.body));
    reply(stream, code, form(&body), &body)
}

fn begin_watch(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    world: MutexGuard<'_, World>,
) -> Option<()> {
    let (mut world, spoilt) = spoil(shared, request, world);
    let refused = match spoilt {
        Spoilt::Refused(refused) => refused,
        Spoilt::Cut => return None,
        Spoilt::Not => match watched(&mut world, request) {
            Ok(place) => return watch::run(stream, shared, (request, &place), world),
            Err(refused) => refused,
        },
    };
    drop(world);
    reply(stream, refused.code, form(&refused.body), &refused.body)
}

/// What a fault made of a call.
enum Spoilt {
    Not,
    Refused(Refusal),
    Cut,
}

/// Applies the fault that is due.
fn spoil<'w>(
    shared: &Shared,
    request: &Request,
    mut world: MutexGuard<'w, World>,
) -> (MutexGuard<'w, World>, Spoilt) {
    let spoilt = match world.take_fault(&request.call()) {
        Some(Fault::Cut) => Spoilt::Cut,
        Some(Fault::Hang) => {
            while !world.is_over {
                world = shared.wait(world, Duration::from_secs(60));
            }
            Spoilt::Cut
        }
        Some(Fault::Delay(millis)) => {
            let due = clock::now() + Duration::from_millis(millis);
            while let Some(left) = due.checked_duration_since(clock::now()) {
                if world.is_over || left.is_zero() {
                    break;
                }
                world = shared.wait(world, left);
            }
            Spoilt::Not
        }
        Some(fault) => refused(fault).map_or(Spoilt::Not, Spoilt::Refused),
        None => Spoilt::Not,
    };
    (world, spoilt)
}
