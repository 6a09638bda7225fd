//! Single situations, each with the actions that have to follow.

use std::time::Duration;

use jiff::Timestamp;

use crate::engine::reconcile::{
    Action, Blocker, Due, Input, NAP, News, RESYNC, Reconciler, Round, Scope, Verdict,
};
use crate::event::Watching;
use crate::policy::moment::Moment;

/// A machine whose clocks are moved by hand.
struct Bench {
    now: Moment,
    reconciler: Reconciler,
    said: Vec<(Watching, String)>,
    looks: Vec<Scope>,
    wake: Duration,
    woke: usize,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Bench {
    fn new() -> Self {
        let boot = seconds(10_000);
        let wall = Timestamp::from_second(1_700_000_000).unwrap();
        let now = Moment { wall, boot, monotonic: boot };
        let reconciler = Reconciler::new(now, 7);
        let (said, looks) = (Vec::new(), Vec::new());
        Self { now, reconciler, said, looks, wake: Duration::ZERO, woke: 0 }
    }

    /// One that has found everything up, and has nothing more to say.
    fn ready() -> Self {
        let mut bench = Self::new();
        bench.feed(Input::Begin);
        bench.up(&[]);
        bench.pass(seconds(60));
        bench.forget();
        bench
    }

    fn forget(&mut self) {
        self.said.clear();
        self.looks.clear();
    }

    fn feed(&mut self, input: Input) {
        for action in self.reconciler.on(self.now, input) {
            match action {
                Action::Look(scope) => self.looks.push(scope),
                Action::Wake(after) => self.wake = after,
                Action::Woke => self.woke += 1,
                Action::Say(state) => self.said.push((state.state, state.reason)),
            }
        }
    }

    fn end(&mut self, verdict: Verdict, mended: &[&str], dues: Option<Vec<Due>>) {
        let mended = mended.iter().map(ToString::to_string).collect();
        self.feed(Input::Ended(Round { verdict, mended, dues }));
    }

    fn up(&mut self, mended: &[&str]) {
        self.end(Verdict::Up, mended, None);
    }

    /// Time passes in steps, as the reconciler asks for, until it wants a look or the time is over.
    fn pass(&mut self, time: Duration) {
        let (end, looks) = (self.now.boot + time, self.looks.len());
        while self.now.boot < end && self.looks.len() == looks {
            let step = Duration::from_millis(100);
            self.now.boot += step;
            self.now.monotonic += step;
            self.now.wall += step;
            self.feed(Input::Tick);
        }
    }

    fn sleep(&mut self, time: Duration) {
        self.now.boot += time;
        self.now.wall += time;
    }

    fn stir(&mut self, what: &str) {
        self.feed(Input::Stirred(News::usual(what)));
    }

    fn due(&self, at: u64, ends: u64) -> Due {
        let not_before = Duration::ZERO;
        Due { at: self.now.wall + seconds(at), ends: self.now.wall + seconds(ends), not_before }
    }

    fn last_said(&self) -> (Watching, &str) {
        let (state, reason) = self.said.last().expect("nothing was said");
        (*state, reason)
    }
}

fn down() -> Verdict {
    Verdict::Down(Blocker {
        step: Some("docker".to_owned()),
        code: Some("DOCKER_UNREACHABLE".to_owned()),
        summary: "the engine does not answer".to_owned(),
    })
}

#[test]
fn it_begins_with_a_look_and_says_when_all_is_up() {
    let mut bench = Bench::new();
    bench.feed(Input::Begin);
    assert_eq!(bench.looks, [Scope::All]);
    assert_eq!(bench.last_said(), (Watching::Mending, "first look"));
    bench.up(&["deploy/stack"]);
    assert_eq!(bench.last_said(), (Watching::Ready, "mended: deploy/stack"));
    assert!(bench.wake <= NAP, "{:?}", bench.wake);
}

#[test]
fn without_news_it_looks_every_few_minutes_and_says_nothing() {
    let mut bench = Bench::ready();
    bench.pass(RESYNC);
    assert_eq!(bench.looks, [Scope::All]);
    bench.up(&[]);
    assert_eq!(bench.said, []);
}

#[test]
fn what_dies_is_mended_and_both_are_said() {
    let mut bench = Bench::ready();
    bench.stir("container demo-api-1 died");
    bench.pass(seconds(1));
    assert_eq!(bench.looks, [Scope::All]);
    assert_eq!(bench.last_said(), (Watching::Mending, "container demo-api-1 died"));
    bench.up(&["deploy/stack"]);
    assert_eq!(bench.last_said(), (Watching::Ready, "mended: deploy/stack"));
}

#[test]
fn a_burst_of_news_is_one_look() {
    let mut bench = Bench::ready();
    (0..50).for_each(|n| bench.stir(&format!("container {n} died")));
    bench.pass(seconds(1));
    bench.up(&["deploy/stack"]);
    bench.pass(seconds(60));
    assert_eq!(bench.looks, [Scope::All]);
}

#[test]
fn news_during_a_look_lead_to_one_more_that_is_not_told() {
    let mut bench = Bench::ready();
    bench.stir("container demo-api-1 died");
    bench.pass(seconds(1));
    bench.stir("container demo-api-1 started");
    bench.up(&["deploy/stack"]);
    bench.forget();
    bench.pass(seconds(10));
    assert_eq!(bench.looks, [Scope::All]);
    bench.up(&[]);
    assert_eq!(bench.said, []);
}

#[test]
fn looks_that_stir_something_themselves_get_rarer() {
    let mut bench = Bench::ready();
    for _ in 0..200 {
        bench.stir("something");
        bench.up(&[]);
        bench.pass(seconds(3600));
    }
    let took = bench.now.boot.as_secs();
    assert!(took > 10_000 + 150 * 250, "200 looks in {took} s");
}

#[test]
fn what_dies_again_and_again_is_mended_ever_more_rarely_and_that_is_said() {
    let mut bench = Bench::ready();
    let mut mends = 0;
    let end = bench.now.boot + seconds(24 * 3600);
    while bench.now.boot < end {
        bench.stir("container demo-api-1 died");
        bench.pass(seconds(3600));
        mends += 1;
        bench.up(&["deploy/stack"]);
    }
    assert!((20..=100).contains(&mends), "{mends} mends in a day");
    let told = (Watching::Degraded, "in a row, so the next time waits");
    let is_told =
        |(state, reason): &(Watching, String)| *state == told.0 && reason.ends_with(told.1);
    assert!(bench.said.iter().any(is_told), "{:?}", bench.said);
}

#[test]
fn after_a_calm_time_trouble_is_new_trouble() {
    let mut bench = Bench::ready();
    for _ in 0..10 {
        bench.stir("container demo-api-1 died");
        bench.pass(seconds(1));
        assert_eq!(bench.looks, [Scope::All]);
        bench.up(&["deploy/stack"]);
        for _ in 0..6 {
            bench.pass(RESYNC);
            bench.up(&[]);
        }
        bench.pass(seconds(10));
        bench.forget();
    }
}

#[test]
fn a_failing_environment_does_not_spin() {
    let mut bench = Bench::new();
    bench.feed(Input::Begin);
    let end = bench.now.boot + seconds(24 * 3600);
    while bench.now.boot < end {
        bench.end(down(), &[], None);
        bench.stir("container demo-api-1 died");
        bench.pass(seconds(3600));
    }
    assert!(bench.looks.len() < 300, "{} looks in a day", bench.looks.len());
    let degraded = bench.said.iter().filter(|(state, _)| *state == Watching::Degraded).count();
    assert_eq!(degraded, bench.said.len() - 1, "{:?}", &bench.said[..4]);
}

#[test]
fn a_daemon_that_is_back_is_not_waited_out() {
    let mut bench = Bench::ready();
    for _ in 0..12 {
        bench.feed(Input::Stirred(News::urgent("again")));
        bench.pass(seconds(5));
        bench.end(down(), &[], None);
    }
    bench.forget();
    bench.feed(Input::Stirred(News::urgent("the Docker Engine is back")));
    bench.pass(seconds(3));
    assert_eq!(bench.looks, [Scope::All]);
    bench.up(&["deploy/stack"]);
    assert_eq!(bench.last_said(), (Watching::Ready, "mended: deploy/stack"));
}

#[test]
fn sleep_is_noticed_and_ends_every_pause() {
    let mut bench = Bench::ready();
    bench.end(down(), &[], None);
    bench.forget();
    bench.sleep(seconds(7 * 3600 + 60));
    bench.feed(Input::Tick);
    bench.pass(seconds(3));
    assert_eq!((bench.woke, bench.looks.as_slice()), (1, [Scope::All].as_slice()));
    assert_eq!(bench.last_said(), (Watching::Mending, "the machine slept for 7 h"));
}

#[test]
fn a_pause_of_the_scheduler_is_no_sleep() {
    let mut bench = Bench::ready();
    bench.sleep(seconds(2));
    bench.feed(Input::Tick);
    assert_eq!((bench.woke, bench.said.len()), (0, 0));
}

#[test]
fn a_password_is_renewed_at_half_of_its_life_by_a_look_of_its_own() {
    let mut bench = Bench::ready();
    bench.pass(RESYNC);
    let dues = vec![bench.due(100, 200)];
    bench.end(Verdict::Up, &[], Some(dues));
    bench.forget();
    bench.pass(seconds(99));
    assert_eq!(bench.looks, []);
    bench.pass(seconds(2));
    assert_eq!(bench.looks, [Scope::Secrets]);
    let dues = vec![bench.due(100, 200)];
    bench.end(Verdict::Up, &["registry/key"], Some(dues));
    assert_eq!(bench.last_said(), (Watching::Ready, "renewed: registry/key"));
}

#[test]
fn a_password_is_renewed_while_another_part_fails() {
    let mut bench = Bench::new();
    bench.feed(Input::Begin);
    bench.end(down(), &[], None);
    for _ in 0..12 {
        bench.pass(seconds(3600));
        bench.end(down(), &[], None);
    }
    let dues = vec![bench.due(60, 7200)];
    bench.pass(seconds(3600));
    bench.end(down(), &[], Some(dues));
    bench.forget();
    bench.pass(seconds(3600));
    assert_eq!(bench.looks, [Scope::Secrets]);
}

#[test]
fn a_wall_clock_that_is_set_moves_the_renewal_with_it() {
    let mut bench = Bench::new();
    bench.feed(Input::Begin);
    let dues = vec![bench.due(6 * 3600, 12 * 3600)];
    bench.end(Verdict::Up, &[], Some(dues));
    bench.forget();
    bench.now.wall += seconds(6 * 3600);
    bench.feed(Input::Tick);
    assert_eq!(bench.looks, [Scope::Secrets]);
    assert_eq!(bench.woke, 0);
}

#[test]
fn a_lost_secret_is_put_back_while_another_part_fails() {
    let mut bench = Bench::new();
    bench.feed(Input::Begin);
    for _ in 0..12 {
        bench.end(down(), &[], None);
        bench.pass(seconds(3600));
    }
    bench.end(down(), &[], None);
    bench.forget();
    bench.feed(Input::Stirred(News::secret("secret a/key is gone")));
    bench.pass(seconds(1));
    assert_eq!(bench.looks, [Scope::Secrets]);
    bench.up(&["registry/key"]);
    assert_eq!(bench.said, [], "what is in the way is still there");
}

#[test]
fn who_may_not_be_asked_yet_is_not_looked_for() {
    let mut bench = Bench::ready();
    let now = bench.now.boot;
    let not_before = now + seconds(3600);
    let due = Due { not_before, ..bench.due(0, 4000) };
    bench.pass(RESYNC);
    bench.end(Verdict::Up, &[], Some(vec![due]));
    bench.forget();
    while bench.now.boot + seconds(60) < not_before {
        bench.pass(seconds(60));
        if !bench.looks.is_empty() {
            assert_eq!(bench.looks, [Scope::All]);
            bench.up(&[]);
            bench.looks.clear();
        }
    }
    bench.pass(seconds(61));
    assert_eq!(bench.looks, [Scope::Secrets]);
}

#[test]
fn somebody_else_at_work_is_waited_for_and_told_once() {
    let mut bench = Bench::ready();
    bench.stir("container demo-api-1 died");
    bench.pass(seconds(1));
    for _ in 0..20 {
        bench.end(Verdict::Busy("`mlup start` (pid 812)".to_owned()), &[], None);
        bench.pass(seconds(5));
    }
    let told = bench.said.iter().filter(|(state, _)| *state == Watching::Paused).count();
    assert_eq!(told, 1, "{:?}", bench.said);
    bench.up(&[]);
    assert_eq!(bench.last_said(), (Watching::Ready, "everything is up"));
}

#[test]
fn a_halt_is_noticed_without_any_other_news() {
    let mut bench = Bench::ready();
    bench.feed(Input::Halted("`mlup stop`".to_owned()));
    assert_eq!(bench.last_said().0, Watching::Paused);
    assert_eq!(bench.looks, []);
    bench.pass(seconds(6));
    assert_eq!(bench.looks, [Scope::All], "whether it is wanted again");
}

#[test]
fn a_halted_environment_is_left_alone_until_it_is_wanted_again() {
    let mut bench = Bench::ready();
    bench.stir("container demo-api-1 died");
    bench.pass(seconds(1));
    bench.forget();
    for _ in 0..5 {
        bench.end(Verdict::Halted("`mlup stop`".to_owned()), &[], None);
        bench.stir("container demo-api-1 destroyed");
        bench.pass(seconds(6));
    }
    let paused = "halted by `mlup stop`; `mlup start` resumes it";
    assert_eq!(bench.said, [(Watching::Paused, paused.to_owned())]);
    bench.up(&[]);
    assert_eq!(bench.last_said(), (Watching::Ready, "everything is up"));
}
