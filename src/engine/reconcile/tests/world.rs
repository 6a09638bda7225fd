//! A world in which two weeks pass in a second: a laptop that sleeps, a registry, a service that
//! dies, and looks that do to them what the steps do. The reconciler and the policy of requests are
//! the real ones.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::engine::reconcile::{
    Action, Blocker, Due, Input, News, Reconciler, Round, Scope, Verdict,
};
use crate::policy::moment::Moment;
use crate::policy::renewal::{Answer, Renewal};

/// How long the registry's passwords live, in seconds.
pub(super) const LIFE: u64 = 12 * 3600;
pub(super) const DAY: u64 = 24 * 3600;

/// What the world is like at the moment; set by the schedule.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(super) struct Weather {
    pub awake: bool,
    pub network: bool,
    /// Whether the user's own login is good, without which the registry refuses.
    pub login: bool,
    pub docker: bool,
    /// The service dies as soon as it is up.
    pub broken: bool,
}

/// What is counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// Seconds awake with a password that has ended, where a renewal was possible.
    pub expired: u64,
    /// The longest of these stretches.
    pub longest: u64,
    /// When requests were answered, in seconds since the beginning.
    pub requests: Vec<u64>,
    /// Requests that reached nobody.
    pub unreached: u64,
    /// Times that the service was started again.
    pub restarts: Vec<u64>,
    pub looks: u64,
    /// Seconds awake with the service down though it could be up.
    pub down: u64,
    pub told: u64,
}

impl Report {
    /// The most of these moments within any 24 hours.
    pub(super) fn most_a_day(moments: &[u64]) -> usize {
        let within =
            |from: &u64| moments.iter().filter(|at| (*from..from + DAY).contains(at)).count();
        moments.iter().map(within).max().unwrap_or(0)
    }
}

/// The pull secret in the cluster.
#[derive(Clone, Copy, Debug)]
struct Stored {
    /// By the wall clock at the time.
    written: Timestamp,
    ends: Timestamp,
    /// By the registry's own clock.
    truly_ends: u64,
}

pub(super) struct World {
    pub weather: Weather,
    pub report: Report,
    /// True seconds since the beginning, and those asleep.
    pub time: u64,
    asleep: u64,
    /// How far the wall clock is from the truth, in seconds.
    pub skew: i64,
    reconciler: Reconciler,
    renewal: Renewal,
    secret: Option<Stored>,
    /// True end of the password that was given last.
    kept_until: u64,
    service: bool,
    /// The look that goes on: when it ends, by monotonic seconds.
    look: Option<(Scope, u64)>,
    /// When the loop wakes by itself, by monotonic seconds.
    timer: u64,
    stretch: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let now = moment(0, 0, 0);
        let weather =
            Weather { awake: true, network: true, login: true, docker: true, broken: false };
        let mut world = Self {
            weather,
            report: Report::default(),
            time: 0,
            asleep: 0,
            skew: 0,
            reconciler: Reconciler::new(now, seed),
            renewal: Renewal::default(),
            secret: None,
            kept_until: 0,
            service: false,
            look: None,
            timer: 0,
            stretch: 0,
        };
        world.feed(Input::Begin);
        world
    }

    /// One second passes.
    pub(super) fn pass(&mut self) {
        self.time += 1;
        if !self.weather.awake {
            self.asleep += 1;
            return;
        }
        self.count();
        let monotonic = self.time - self.asleep;
        if let Some((scope, _)) = self.look.filter(|(_, ends)| *ends <= monotonic) {
            self.look = None;
            let round = self.looked(scope);
            self.feed(Input::Ended(round));
        } else if self.timer <= monotonic {
            self.feed(Input::Tick);
        }
        if self.weather.broken && self.service {
            self.kill("a broken container died");
        }
    }

    pub(super) fn kill(&mut self, what: &str) {
        self.service = false;
        self.stir(News::usual(what));
    }

    pub(super) fn lose_secret(&mut self) {
        self.secret = None;
        self.stir(News::secret("the pull secret is gone"));
    }

    pub(super) fn docker_goes(&mut self) {
        self.weather.docker = false;
        self.service = false;
        self.stir(News::usual("the Docker Engine went away"));
    }

    pub(super) fn docker_comes(&mut self) {
        self.weather.docker = true;
        self.stir(News::urgent("the Docker Engine is back"));
    }

    fn stir(&mut self, news: News) {
        if self.weather.awake {
            self.feed(Input::Stirred(news));
        }
    }

    fn now(&self) -> Moment {
        moment(self.time, self.asleep, self.skew)
    }

    fn feed(&mut self, input: Input) {
        let now = self.now();
        let monotonic = self.time - self.asleep;
        for action in self.reconciler.on(now, input) {
            match action {
                Action::Look(scope) => {
                    self.report.looks += 1;
                    self.look = Some((scope, monotonic + 2));
                }
                Action::Wake(after) => self.timer = monotonic + after.as_secs().max(1),
                Action::Woke => self.renewal.woke(),
                Action::Say(_) => self.report.told += 1,
            }
        }
    }

    /// What the steps of a plan would do.
    fn looked(&mut self, scope: Scope) -> Round {
        let mut mended = Vec::new();
        let mut blocker = self.registry(&mut mended).err();
        if scope == Scope::All && blocker.is_none() {
            if !self.weather.docker {
                blocker = Some("DOCKER_UNREACHABLE");
            } else if !self.service {
                self.service = true;
                self.report.restarts.push(self.time);
                mended.push("deploy/stack".to_owned());
            }
        }
        let not_before = self.renewal.not_before(&self.now());
        let missing = Due { at: self.now().wall, ends: self.now().wall, not_before };
        let due = self.secret.map_or(missing, |stored| Due {
            at: stored.written + (stored.ends.duration_since(stored.written) / 2),
            ends: stored.ends,
            not_before,
        });
        let verdict = blocker.map_or(Verdict::Up, |code| {
            let (step, summary) = (Some("step".to_owned()), code.to_owned());
            Verdict::Down(Blocker { step, code: Some(code.to_owned()), summary })
        });
        Round { verdict, mended, dues: Some(vec![due]) }
    }

    /// The step of the pull secret: a renewal that fails matters once the password has ended.
    fn registry(&mut self, mended: &mut Vec<String>) -> Result<(), &'static str> {
        let now = self.now();
        let is_good = self.secret.is_some_and(|stored| {
            let half = stored.ends.duration_since(stored.written) / 2;
            stored.written <= now.wall && now.wall.duration_since(stored.written) < half
        });
        if is_good {
            return Ok(());
        }
        if !self.renewal.is_fresh(&now) {
            let lives = self.secret.is_some_and(|stored| stored.ends > now.wall);
            if let Err(code) = self.ask(&now) {
                return if lives { Ok(()) } else { Err(code) };
            }
        }
        // The registry says by its own clock, which is right, when the password ends.
        let ends = Timestamp::from_second(BEGAN).unwrap() + seconds(self.kept_until);
        self.secret = Some(Stored { written: now.wall, ends, truly_ends: self.kept_until });
        mended.push("registry/key".to_owned());
        Ok(())
    }

    fn ask(&mut self, now: &Moment) -> Result<(), &'static str> {
        if self.renewal.not_before(now) > now.boot {
            return Err("NOT_YET");
        }
        if !self.weather.network {
            self.report.unreached += 1;
            self.renewal.asked(now, Answer::Unreached);
            return Err("ECR_UNREACHABLE");
        }
        self.report.requests.push(self.time);
        if !self.weather.login {
            self.renewal.asked(now, Answer::Refused);
            return Err("AWS_LOGIN_EXPIRED");
        }
        self.kept_until = self.time + LIFE;
        let ends = Timestamp::from_second(BEGAN).unwrap() + seconds(self.kept_until);
        self.renewal.asked(now, Answer::Given(Some(ends)));
        Ok(())
    }

    fn count(&mut self) {
        let can_renew = self.weather.network && self.weather.login;
        let has_ended = self.secret.is_none_or(|stored| stored.truly_ends <= self.time);
        if can_renew && has_ended {
            self.report.expired += 1;
            self.stretch += 1;
            self.report.longest = self.report.longest.max(self.stretch);
        } else {
            self.stretch = 0;
        }
        if self.weather.docker && !self.service && !self.weather.broken {
            self.report.down += 1;
        }
    }
}

/// The true time at which the world begins, in seconds since 1970.
const BEGAN: i64 = 1_700_000_000;

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

fn moment(time: u64, asleep: u64, skew: i64) -> Moment {
    let wall = Timestamp::from_second(BEGAN + skew).unwrap() + seconds(time);
    let (boot, monotonic) = (Duration::from_secs(time), Duration::from_secs(time - asleep));
    Moment { wall, boot, monotonic }
}
