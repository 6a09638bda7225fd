//! Keeps a tunnel up: a connection of its own, so that a large file does not hold up requests and
//! nothing of it outlives mlup, made again whenever it breaks.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::forward::{Forward, Tunnel, taken};
use super::record::{self, Record};
use super::{CLIENT_FAILED, CLOSING, options};
use crate::config::destination::Destination;
use crate::event::{Fix, Stream, TunnelState};
use crate::host::cmd::{End, LineSink, Output, SpawnError};
use crate::host::ports::{self, Protocol};
use crate::host::{Host, Runner, clock};
use crate::policy::tunnel::{self, Next, Patience, Stage};
use crate::policy::{Class, Failure, ssh as words};

/// What is being done, after "could not".
const DOING: &str = "keep the tunnel up";

/// What the client says of each request that the machine does not hand on (`channels.c`).
const FORBIDDEN: &str = "open failed: administratively prohibited";

/// Begins to keep a tunnel with these ports up.
pub(super) fn open(
    destination: &Destination,
    host: &Host,
    ports: BTreeSet<Forward>,
) -> Result<Arc<Tunnel>, Failure> {
    let control = host.ssh.tunnel_socket(&host.env)?;
    let (wanted, follow) = watch::channel(ports);
    let (tell, state) = watch::channel(tunnel::Tunnel::default());
    let (hurry, end) = (Arc::<Notify>::default(), CancellationToken::new());
    let keeper = Keeper {
        destination: destination.clone(),
        runner: Arc::clone(&host.runner),
        record: host.ssh.record_path(),
        listener: host.ssh.listener(),
        control,
        wanted: follow,
        tell,
        since: clock::rfc3339_now(),
        hurry: Arc::clone(&hurry),
        end: end.clone(),
    };
    let tunnel = Arc::new(Tunnel { wanted, state, hurry, end });
    host.ssh.keep(destination, &tunnel, tokio::spawn(keeper.run()));
    Ok(tunnel)
}

struct Keeper {
    destination: Destination,
    runner: Arc<dyn Runner>,
    record: Option<PathBuf>,
    /// Who hears of each turn, if anybody does.
    listener: Option<UnboundedSender<TunnelState>>,
    control: String,
    wanted: watch::Receiver<BTreeSet<Forward>>,
    tell: watch::Sender<tunnel::Tunnel>,
    /// Since when it stands as it does, in RFC 3339.
    since: String,
    hurry: Arc<Notify>,
    end: CancellationToken,
}

impl Keeper {
    async fn run(mut self) {
        // Two machines that lose one line do not come back in step.
        let mut patience = Patience::new(u64::from(std::process::id()));
        loop {
            let failure = self.connection(&mut patience).await;
            if self.end.is_cancelled() {
                break;
            }
            let Next::Again(delay) = patience.after(&failure) else {
                self.say(Stage::Over(failure));
                break;
            };
            self.say(Stage::Down(failure));
            tokio::select! {
                () = self.end.cancelled() => break,
                () = self.hurry.notified() => patience.begin_anew(),
                () = tokio::time::sleep(delay) => {}
            }
            self.tell.send_modify(tunnel::Tunnel::begin_attempt);
        }
        if let Some(path) = &self.record {
            record::remove(path, self.destination.as_str());
        }
    }

    /// One connection, from its making to its end, and why it ended.
    async fn connection(&mut self, patience: &mut Patience) -> Failure {
        let signs = Signs::default();
        let mut cmd = options::keeper(&self.control, &self.destination);
        cmd.on_line = Some(signs.sink());
        // An input without an end: it ends with this process, however that ends, and with it the
        // command over there and the connection.
        cmd.payload = Some(Arc::new(|| stream::pending().boxed()));
        let (destination, runner) = (self.destination.clone(), Arc::clone(&self.runner));
        let cancel = self.end.child_token();
        let running = runner.run(cmd, cancel.clone());
        tokio::pin!(running);
        tokio::select! {
            ended = &mut running => return why_not(&destination, ended, Was::Down),
            () = signs.up.notified() => {}
        }
        let failure = tokio::select! {
            ended = &mut running => return why_not(&destination, ended, Was::Up),
            failure = self.follow(patience, &signs) => failure,
        };
        cancel.cancel();
        let _ = tokio::time::timeout(CLOSING, running).await;
        failure
    }

    /// Gives the connection the ports that are wanted, and those that are wanted later; why that
    /// does not go on.
    async fn follow(&mut self, patience: &mut Patience, signs: &Signs) -> Failure {
        let mut ports = BTreeSet::new();
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            let missing: Vec<Forward> = wanted.difference(&ports).cloned().collect();
            if let Err(failure) = self.add(&missing).await {
                return failure;
            }
            ports = wanted;
            patience.came_up();
            self.say(Stage::Up(ports.iter().map(|forward| forward.local).collect()));
            tokio::select! {
                () = signs.forbidden.notified() => return forbidden(&self.destination),
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return Failure::cancelled();
                    }
                }
            }
        }
    }

    /// Adds ports to the connection that stands.
    async fn add(&self, ports: &[Forward]) -> Result<(), Failure> {
        if ports.is_empty() {
            return Ok(());
        }
        let cmd = options::forward(&self.control, ports, &self.destination).timeout(CLOSING);
        let added = self.runner.run(cmd, self.end.child_token()).await;
        if added.as_ref().is_ok_and(Output::success) {
            return Ok(());
        }
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let is_held = |port: u16| !ports::is_free(loopback, port, Protocol::Tcp);
        let held = ports.iter().map(|forward| forward.local).find(|port| is_held(*port));
        Err(match held {
            Some(port) => taken(port, self.destination.as_str(), ""),
            None => why_not(&self.destination, added, Was::Up),
        })
    }

    /// Says how the tunnel stands, to this run and to others of its project.
    fn say(&mut self, stage: Stage) {
        let (destination, mut told) = (self.destination.as_str(), None);
        self.tell.send_modify(|tunnel| told = tunnel.turn(destination, stage));
        if told.is_some() {
            self.since = clock::rfc3339_now();
        }
        if let Some(path) = &self.record {
            let forwards = self.wanted.borrow().iter().cloned().collect();
            let (tunnel, since) = (self.tell.borrow(), self.since.clone());
            record::write(path, &Record::new(destination, &tunnel, forwards, since));
        }
        // Who hears of it may read the record at once.
        if let (Some(listener), Some(state)) = (&self.listener, told) {
            let _ = listener.send(state);
        }
    }
}

/// What a connection tells line by line.
#[derive(Default)]
struct Signs {
    /// The far side has begun: the connection stands.
    up: Arc<Notify>,
    /// The far side hands no requests on.
    forbidden: Arc<Notify>,
}

impl Signs {
    fn sink(&self) -> LineSink {
        let (up, forbidden) = (Arc::clone(&self.up), Arc::clone(&self.forbidden));
        Arc::new(move |stream, line| match stream {
            Stream::Stdout if line == options::UP => up.notify_one(),
            Stream::Stderr if line.contains(FORBIDDEN) => forbidden.notify_one(),
            _ => {}
        })
    }
}

/// How a connection was before it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Was {
    Up,
    Down,
}

fn why_not(destination: &Destination, ended: Result<Output, SpawnError>, was: Was) -> Failure {
    let destination = destination.as_str();
    match ended {
        Ok(output) if output.end == End::Cancelled => Failure::cancelled(),
        Ok(output) if was == Was::Up => words::lost(destination, DOING, &output.stderr),
        Ok(output) if output.end == End::Exit(CLIENT_FAILED) => {
            words::failure(destination, DOING, &output.stderr)
        }
        Ok(output) => words::no_shell(destination, DOING, &output.stdout, &output.stderr),
        Err(SpawnError::NotFound { .. }) => super::missing(DOING, destination),
        Err(error) => Failure::new(Class::Permanent, "TOOL_FAILED", error.to_string()),
    }
}

fn forbidden(destination: &Destination) -> Failure {
    let summary = format!("`{destination}` does not let connections through its ssh service");
    Failure::new(Class::Refused, "SSH_FORWARD_FORBIDDEN", summary)
        .because("ssh", FORBIDDEN)
        .fix(Fix::safe("set `AllowTcpForwarding local` in the machine's sshd_config"))
}
