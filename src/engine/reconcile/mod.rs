//! What `mlup watch` does when: moments and news in, actions out. Level-triggered: whatever was
//! noticed leads to a look at the whole environment, and the look decides what is done, so that lost,
//! doubled or misunderstood news cost a look and nothing else. No clock, no async, no effects.
//!
//! The rules, in the order in which they win:
//! - One look at a time; while somebody else works on the environment, or has halted it, there is none.
//! - News leads to a look at once, unless the environment has to be mended again and again, or fails:
//!   then looks are paced. Sleep of the machine, and a daemon that is back, end the pacing.
//! - Secrets are looked at by themselves, so that nothing else that fails holds them up: on news of
//!   them, and when half of a password's life is over by the wall clock. How often its source may be
//!   asked is `policy/renewal`.
//! - Without any news there is a look every few minutes.

mod dues;
mod lane;
mod news;
mod pace;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::drivers::pull_secret::age::length;
use crate::event::{WatchState, Watching};
use crate::policy::moment::Moment;

use dues::Dues;
use lane::{Lane, Noticed};
pub use news::{Blocker, Due, Input, News, Round, Scope, Verdict, Weight};

/// How long after a look that found everything in order the next one comes without any news.
pub const RESYNC: Duration = Duration::from_secs(300);
/// Timers do not run while the machine sleeps: after it woke it takes this long at most to notice.
pub const NAP: Duration = Duration::from_secs(3);
/// What is shorter is a pause of the scheduler, no sleep.
const SLEEP: Duration = Duration::from_secs(5);
/// How long after somebody else was found at work the next attempt is made.
const BUSY: Duration = Duration::from_secs(2);
/// How often it is looked whether a halted environment is wanted again.
const HALTED: Duration = Duration::from_secs(5);

/// What the reconciler wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look, and mend; feed [`Input::Ended`] with what came of it.
    Look(Scope),
    /// Feed [`Input::Tick`] after this long, if nothing else happens before.
    Wake(Duration),
    /// The machine woke: who could not be reached may be asked again.
    Woke,
    /// Tell the reports.
    Say(WatchState),
}

/// Keeps the environment as it is wanted.
#[derive(Debug)]
pub struct Reconciler {
    last: Moment,
    looking: Option<Look>,
    all: Lane,
    secrets: Lane,
    /// Without news the next look at everything is at this time of the boot clock.
    resync_at: Duration,
    dues: Dues,
    is_halted: bool,
    trouble: Option<Blocker>,
    said: Option<WatchState>,
}

/// A look that goes on.
#[derive(Debug)]
struct Look {
    scope: Scope,
    /// When the trouble was noticed that led to it.
    since: Duration,
    handled: Option<Noticed>,
}

impl Look {
    /// Whether people were told what it answers.
    fn was_told(&self) -> bool {
        self.handled.as_ref().is_some_and(|noticed| !noticed.is_echo)
    }
}

impl Reconciler {
    /// Begins now. Equal seeds give equal delays.
    #[must_use]
    pub fn new(now: Moment, seed: u64) -> Self {
        Self {
            last: now,
            looking: None,
            all: Lane::new(now.boot, seed),
            secrets: Lane::new(now.boot, seed.wrapping_add(1)),
            resync_at: now.boot,
            dues: Dues::default(),
            is_halted: false,
            trouble: None,
            said: None,
        }
    }

    /// Takes in what happened, at this moment, and says what is to be done.
    pub fn on(&mut self, now: Moment, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        self.feel(&now, &mut actions);
        match input {
            Input::Begin => self.notice(&now, News::urgent("first look")),
            Input::Stirred(news) => self.notice(&now, news),
            Input::Halted(by) if self.looking.is_none() && !self.is_halted => {
                self.halt(&now, &by, &mut actions);
            }
            Input::Halted(_) | Input::Tick => {}
            Input::Ended(round) => self.ended(&now, round, &mut actions),
        }
        self.last = now;
        self.go_on(&now, &mut actions);
        actions
    }

    /// Sleep of the machine.
    fn feel(&mut self, now: &Moment, actions: &mut Vec<Action>) {
        let slept = now.slept_since(&self.last);
        if slept >= SLEEP {
            actions.push(Action::Woke);
            self.all.begin_anew();
            self.secrets.begin_anew();
            self.dues.begin_anew();
            let slept = slept.try_into().map(length).unwrap_or_default();
            self.notice(now, News::urgent(format!("the machine slept for {slept}")));
        }
    }

    fn notice(&mut self, now: &Moment, news: News) {
        let is_urgent = news.weight == Weight::Urgent;
        if is_urgent || !self.is_halted {
            let is_echo = self.looking.is_some() && !is_urgent;
            self.lane(news.scope).notice(Noticed { at: now.boot, news, is_echo });
        }
    }

    fn lane(&mut self, scope: Scope) -> &mut Lane {
        match scope {
            Scope::All => &mut self.all,
            Scope::Secrets => &mut self.secrets,
        }
    }

    /// Begins the next look, or says when that will be.
    fn go_on(&mut self, now: &Moment, actions: &mut Vec<Action>) {
        if self.looking.is_some() {
            return;
        }
        let (all, secrets) = (self.next_look(), self.next_of_secrets(now));
        // What concerns secrets alone is quick, and nothing else may hold it up.
        if secrets <= now.boot && secrets <= all {
            self.begin(now, Scope::Secrets, actions);
        } else if all <= now.boot {
            self.begin(now, Scope::All, actions);
        } else {
            self.tell_of_waiting(now, actions);
            actions.push(Action::Wake(all.min(secrets).saturating_sub(now.boot).min(NAP)));
        }
    }

    fn next_look(&self) -> Duration {
        self.all.next().min(self.resync_at)
    }

    fn next_of_secrets(&self, now: &Moment) -> Duration {
        if self.is_halted { Duration::MAX } else { self.secrets.next().min(self.dues.next(now)) }
    }

    fn begin(&mut self, now: &Moment, scope: Scope, actions: &mut Vec<Action>) {
        let handled = self.lane(scope).noticed.take();
        if scope == Scope::All {
            // It answers these as well.
            self.secrets.noticed = None;
        }
        let since = handled.as_ref().map_or(now.boot, Noticed::since);
        let look = Look { scope, since, handled };
        let is_news = |noticed: &&Noticed| {
            let is_urgent = noticed.news.weight == Weight::Urgent;
            !noticed.is_echo && !self.is_halted && (is_urgent || self.trouble.is_none())
        };
        if let Some(noticed) = look.handled.as_ref().filter(is_news) {
            let state = WatchState::of(Watching::Mending, &noticed.news.what);
            self.say(state, actions);
        }
        self.looking = Some(look);
        actions.push(Action::Look(scope));
    }

    fn ended(&mut self, now: &Moment, round: Round, actions: &mut Vec<Action>) {
        let Some(look) = self.looking.take() else { return };
        self.is_halted = false;
        if let Some(dues) = round.dues {
            self.dues.know(dues);
        }
        match round.verdict {
            Verdict::Up => {
                // A look at secrets tells nothing of what else may be in the way.
                if look.scope == Scope::All || !self.all.is_failing {
                    self.trouble = None;
                }
                self.settle(now, &look, !round.mended.is_empty(), true);
                self.tell_up(&look, &round.mended, actions);
            }
            Verdict::Down(blocker) => {
                self.settle(now, &look, !round.mended.is_empty(), false);
                self.trouble = Some(blocker);
                self.tell_trouble(now, actions);
            }
            Verdict::Busy(who) => {
                self.lane(look.scope).put_back(look.handled, now.boot + BUSY);
                self.resync_at = now.boot + BUSY;
                self.dues.hold(now.boot + BUSY);
                self.say(WatchState::of(Watching::Paused, format!("left to {who}")), actions);
            }
            Verdict::Halted(by) => self.halt(now, &by, actions),
        }
    }

    fn halt(&mut self, now: &Moment, by: &str, actions: &mut Vec<Action>) {
        self.is_halted = true;
        (self.all.noticed, self.secrets.noticed) = (None, None);
        self.resync_at = now.boot + HALTED;
        let reason = format!("halted by {by}; `mlup start` resumes it");
        self.say(WatchState::of(Watching::Paused, reason), actions);
    }

    /// When the next looks may be, after one that ended now.
    fn settle(&mut self, now: &Moment, look: &Look, has_mended: bool, is_up: bool) {
        let hold = self.lane(look.scope).settle(now.boot, look.since, has_mended, is_up);
        match look.scope {
            Scope::Secrets => self.dues.tried(now),
            Scope::All => {
                self.dues.looked(now);
                self.resync_at = if is_up { hold.max(now.boot + RESYNC) } else { hold };
            }
        }
    }

    fn tell_up(&mut self, look: &Look, mended: &[String], actions: &mut Vec<Action>) {
        if self.trouble.is_some() {
            return;
        }
        let is_ready = self.said.as_ref().is_some_and(|said| said.state == Watching::Ready);
        let reason = match mended {
            [] if is_ready => return,
            [] => "everything is up".to_owned(),
            steps => format!("mended: {}", steps.join(", ")),
        };
        let reason = match (look.scope, look.was_told()) {
            (Scope::Secrets, false) => reason.replacen("mended", "renewed", 1),
            _ => reason,
        };
        self.say(WatchState::of(Watching::Ready, reason), actions);
    }

    /// News that have to wait, because the environment was mended so often.
    fn tell_of_waiting(&mut self, now: &Moment, actions: &mut Vec<Action>) {
        let held = [&self.all, &self.secrets].into_iter().find(|lane| lane.is_held(now.boot));
        let Some((lane, noticed)) = held.and_then(|lane| Some((lane, lane.noticed.as_ref()?)))
        else {
            return;
        };
        if self.trouble.is_some() {
            return;
        }
        let reason = format!(
            "{}; it has been mended {} times in a row, so the next time waits",
            noticed.news.what,
            lane.mends()
        );
        let mut state = WatchState::of(Watching::Degraded, reason);
        state.next_at = Some(rfc3339(now, lane.next()));
        self.say(state, actions);
    }

    fn tell_trouble(&mut self, now: &Moment, actions: &mut Vec<Action>) {
        let Some(blocker) = &self.trouble else { return };
        let mut state = WatchState::of(Watching::Degraded, &blocker.summary);
        state.step.clone_from(&blocker.step);
        state.code.clone_from(&blocker.code);
        state.next_at = Some(rfc3339(now, self.next_look().min(self.next_of_secrets(now))));
        self.say(state, actions);
    }

    /// Once: a state that goes on is not told again, whenever its next look is.
    fn say(&mut self, state: WatchState, actions: &mut Vec<Action>) {
        let is_known = self.said.as_ref().is_some_and(|said| {
            (said.state, &said.reason, &said.code) == (state.state, &state.reason, &state.code)
        });
        if !is_known {
            self.said = Some(state.clone());
            actions.push(Action::Say(state));
        }
    }
}

/// A time of the boot clock as events carry it, to the second.
fn rfc3339(now: &Moment, boot: Duration) -> String {
    let wall = now.wall_at(boot);
    let whole = jiff::Timestamp::from_second(wall.as_second()).unwrap_or(wall);
    whole.to_string()
}
