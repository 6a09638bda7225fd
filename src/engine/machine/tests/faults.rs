//! Ten thousand random fault schedules of a cluster with compose services beside it: nothing that
//! is not the cluster's own is ever removed, and every run comes to its end.

use std::collections::HashMap;
use std::time::Duration;

use super::agenda::Agenda;
use super::dice::Dice;
use super::fake_cluster::{Health, Kind, Owner, World};
use super::simulation::ms;
use crate::config::model::Purge;
use crate::engine::machine::{Action, Cancel, Finish, Input, Limits, Machine};
use crate::event::{EventKind, Outcome, Verb};
use crate::plan::fixture::{id, step};
use crate::plan::progress::StepEnd;
use crate::plan::{Plan, Retry, Step, StepId};
use crate::policy::escalate::Reach;
use crate::policy::escalate::Rung;
use crate::policy::{Class, Failure};

const SCHEDULES: u64 = 10_000;
/// The longest that an attempt takes, also one that pays no heed to a stop.
const LONGEST: u64 = 20_000;
/// As often as the loop goes through a plan again.
const REPEATS: u32 = 2;

/// Something that happens at a time of its own.
enum Happening {
    Input(Input),
    /// The attempt with this number ends by itself; mutations when it began.
    End(StepId, u32, u32),
    Stopped(StepId, u32),
    Vanish,
    Rot(Health),
    EngineDown,
}

/// A schedule: what is wanted and what comes between.
struct Schedule {
    steps: Vec<Step>,
    purge: Purge,
    limits: Limits,
    outside: Vec<(Duration, Outside)>,
}

#[derive(Clone, Copy)]
enum Outside {
    Cancel,
    Vanish,
    Rot(Health),
    EngineDown,
}

/// What was seen of a run.
#[derive(Default)]
struct Seen {
    finish: Option<(Duration, Finish)>,
    rounds: u32,
    /// Attempt and rung of each start of the cluster, by round.
    rungs: Vec<Vec<(u32, Rung)>>,
    /// Attempt and rung of each escalation, by round.
    escalations: Vec<Vec<(u32, String)>>,
    recovered: usize,
}

impl Schedule {
    fn new(dice: &mut Dice) -> Self {
        let purge = dice.pick(&[Purge::Never, Purge::Profile, Purge::Profile, Purge::All]);
        let kind = step("task/cluster", &[]).kind;
        let mut cluster = Step { kind, ..step("cluster", &[]) };
        let attempts = u32::try_from(1 + dice.below(7)).unwrap();
        cluster.retry = Retry { attempts, min: ms(5_000), max: ms(60_000) };
        cluster.ladder = Some(Reach::Own(purge));
        cluster.timeout = dice.percent(20).then(|| ms(30_000 + dice.below(300_000)));
        let mut check = step("check/api", &["deploy/on"]);
        check.optional = dice.percent(30);
        let steps =
            vec![cluster, step("deploy/beside", &[]), step("deploy/on", &["cluster"]), check];
        let limits = Limits {
            verb: Verb::Start,
            jobs: usize::try_from(1 + dice.below(4)).unwrap(),
            deadline: ms(if dice.percent(30) { 1_000 + dice.below(90_000) } else { 900_000 }),
            strict: false,
            seed: dice.below(1 << 32),
        };
        let outside = (0..dice.below(4)).map(|_| (ms(dice.below(120_000)), Outside::any(dice)));
        Self { steps, purge, limits, outside: outside.collect() }
    }

    /// Runs it in this world as the loop does, the last look included.
    fn play(&self, world: &mut World) -> Seen {
        let plan = Plan::new(self.steps.clone()).unwrap();
        let mut run = Play {
            machine: Machine::new(plan.into(), self.limits),
            agenda: Agenda::default(),
            attempts: HashMap::new(),
            seen: Seen::default(),
            purge: self.purge,
            cancelled: false,
        };
        run.agenda.push(self.limits.deadline, Happening::Input(Input::Deadline));
        for (at, outside) in self.outside.iter().filter(|_| !world.calm) {
            run.agenda.push(*at, outside.happening());
        }
        let mut now = Duration::ZERO;
        for _ in 0..=REPEATS {
            run.seen.rounds += 1;
            run.seen.rungs.push(Vec::new());
            run.seen.escalations.push(Vec::new());
            now = run.go_through(now, world);
            run.seen.recovered += run.machine.recovered().len();
            let lost = run.machine.is_up(&id("cluster")) && !world.is_up();
            if !lost || run.cancelled || now >= self.limits.deadline {
                break;
            }
            if run.seen.rounds > REPEATS {
                let failure = Failure::new(Class::Permanent, "CLUSTER_LOST", "it does not stay");
                run.seen.finish = Some((now, run.machine.lose(now, &id("cluster"), &failure).0));
                break;
            }
            run.machine.begin_again(now, &id("cluster"));
        }
        run.seen
    }
}

impl Outside {
    fn any(dice: &mut Dice) -> Self {
        match dice.below(6) {
            0 => Self::Cancel,
            1 => Self::Rot(dice.pick(&[Health::Silent, Health::Corrupt, Health::Deep])),
            2 => Self::EngineDown,
            _ => Self::Vanish,
        }
    }

    fn happening(self) -> Happening {
        match self {
            Self::Cancel => Happening::Input(Input::Cancel(Cancel::Interrupt)),
            Self::EngineDown => Happening::EngineDown,
            Self::Rot(health) => Happening::Rot(health),
            Self::Vanish => Happening::Vanish,
        }
    }
}

/// A run that goes on.
struct Play {
    machine: Machine,
    agenda: Agenda<Happening>,
    /// How many attempts were begun, and which of them is still at work.
    attempts: HashMap<StepId, (u32, bool)>,
    seen: Seen,
    purge: Purge,
    cancelled: bool,
}

impl Play {
    fn go_through(&mut self, began: Duration, world: &mut World) -> Duration {
        let mut now = began;
        self.seen.finish = None;
        self.feed(now, Input::Begin, world);
        while self.seen.finish.is_none() {
            let Some((at, happening)) = self.agenda.pop() else { break };
            now = at;
            match happening {
                Happening::Input(input) => {
                    self.cancelled |= matches!(input, Input::Cancel(_));
                    self.feed(now, input, world);
                }
                Happening::End(step, attempt, before) if self.ends(&step, attempt) => {
                    let end = match step.as_str() {
                        "cluster" => world.complete(before),
                        "deploy/beside" => world.compose(false),
                        _ => world.compose(true),
                    };
                    self.feed(now, Input::Ended(step, end), world);
                }
                Happening::Stopped(step, attempt) if self.ends(&step, attempt) => {
                    self.feed(now, Input::Ended(step, StepEnd::Cancelled), world);
                }
                Happening::End(..) | Happening::Stopped(..) => {}
                Happening::Vanish => world.vanish(),
                Happening::Rot(health) => world.health = health,
                Happening::EngineDown => world.engine = false,
            }
        }
        now
    }

    /// Whether that attempt was still at work; it no longer is.
    fn ends(&mut self, step: &StepId, attempt: u32) -> bool {
        let (last, is_at_work) = self.attempts.get_mut(step).unwrap();
        *last == attempt && std::mem::replace(is_at_work, false)
    }

    fn feed(&mut self, now: Duration, input: Input, world: &mut World) {
        for action in self.machine.on(now, input) {
            match action {
                Action::Start { step, attempt, rung, .. } => {
                    let before = world.mutations;
                    if step.as_str() == "cluster" {
                        self.seen.rungs.last_mut().unwrap().push((attempt, rung));
                        world.begin(rung, self.purge);
                    }
                    let (number, is_at_work) = self.attempts.entry(step.clone()).or_default();
                    *number += 1;
                    *is_at_work = true;
                    let takes = ms(world.dice.below(LONGEST));
                    self.agenda.push(now + takes, Happening::End(step, *number, before));
                }
                Action::Stop(step) => {
                    let (number, _) = self.attempts[&step];
                    if world.dice.percent(80) {
                        let takes = ms(world.dice.below(1_000));
                        self.agenda.push(now + takes, Happening::Stopped(step, number));
                    }
                }
                Action::Wake { step, after } => {
                    self.agenda.push(now + after, Happening::Input(Input::Woken(step)));
                }
                Action::Emit(EventKind::Escalation { rung, attempt, .. }) => {
                    self.seen.escalations.last_mut().unwrap().push((attempt, rung));
                }
                Action::Emit(_) => {}
                Action::Finish(finish) => self.seen.finish = Some((now, finish)),
            }
        }
    }
}

/// Nothing is removed that is not the cluster's own, and of it only what was consented to.
fn check_world(schedule: &Schedule, world: &World, seed: u64) {
    for ((owner, kind), rung) in &world.removed {
        let may = match owner {
            Owner::Cluster => schedule.purge != Purge::Never && *rung >= Rung::Recreate,
            Owner::OtherCluster => schedule.purge == Purge::All && *rung == Rung::Purge,
            Owner::Compose | Owner::Stranger => false,
        };
        assert!(may, "seed {seed}: {kind:?} of {owner:?} removed on {rung}");
    }
    for kind in [Kind::Container, Kind::Folder, Kind::Network, Kind::Volume] {
        let object = (Owner::Stranger, kind);
        assert!(world.objects.contains(&object), "seed {seed}: {object:?} is gone");
    }
}

/// The ladder is climbed within its bounds, and each rung is told.
fn check_rungs(schedule: &Schedule, course: &Seen, seed: u64) {
    let attempts = schedule.steps[0].retry.attempts;
    for (rungs, told) in course.rungs.iter().zip(&course.escalations) {
        assert!(rungs.len() <= attempts as usize, "seed {seed}: {rungs:?} of {attempts}");
        assert!(rungs.windows(2).all(|pair| pair[0].1 <= pair[1].1), "seed {seed}: {rungs:?}");
        for (attempt, rung) in rungs.iter().filter(|(_, rung)| *rung > Rung::Start) {
            assert!(told.contains(&(*attempt, rung.to_string())), "seed {seed}: {rung} not told");
            let gentle = *rung == Rung::Restart;
            assert!(gentle || schedule.purge != Purge::Never, "seed {seed}: {rung} unasked");
        }
    }
}

#[test]
fn ten_thousand_fault_schedules_touch_nothing_foreign_and_come_to_an_end() {
    let (mut ready, mut recovered, mut lost, mut cancelled) = (0, 0, 0, 0);
    let mut rungs: HashMap<Rung, u32> = HashMap::new();
    for seed in 0..SCHEDULES {
        let mut dice = Dice(seed);
        let schedule = Schedule::new(&mut dice);
        let mut world = World::new(dice);
        let volume_before = world.objects.contains(&(Owner::Compose, Kind::Volume));
        let course = schedule.play(&mut world);

        let (at, finish) = course.finish.unwrap_or_else(|| panic!("seed {seed}: no end"));
        let latest = schedule.limits.deadline + ms(LONGEST + 1_000);
        assert!(at <= latest, "seed {seed}: {at:?} of {:?}", schedule.limits.deadline);
        check_world(&schedule, &world, seed);
        check_rungs(&schedule, &course, seed);
        let volume_after = world.objects.contains(&(Owner::Compose, Kind::Volume));
        assert!(volume_after || !volume_before, "seed {seed}: a volume of compose is gone");

        for (_, rung) in course.rungs.iter().flatten() {
            *rungs.entry(*rung).or_default() += 1;
        }
        recovered += course.recovered;
        lost += u32::from(course.rounds > 1);
        cancelled += u32::from(finish.outcome == Outcome::Cancelled);
        if finish.exit_code == 0 {
            ready += 1;
            check_second_run(&schedule, &mut world, seed);
        }
    }
    // A schedule in which nothing happens proves nothing.
    assert!(
        ready > 1_000 && recovered > 500 && lost > 100 && cancelled > 500,
        "{ready} {recovered} {lost} {cancelled}"
    );
    assert!(rungs.len() == 4 && rungs.values().all(|count| *count > 300), "{rungs:?}");
}

/// A second start of a world that is up changes nothing.
fn check_second_run(schedule: &Schedule, world: &mut World, seed: u64) {
    assert!(world.is_up(), "seed {seed}: ready without a cluster");
    let before = world.mutations;
    world.calm = true;
    let calm = Schedule {
        limits: Limits { deadline: ms(900_000), ..schedule.limits },
        steps: schedule.steps.clone(),
        outside: Vec::new(),
        purge: schedule.purge,
    };
    let course = calm.play(world);
    assert_eq!(course.finish.unwrap().1.exit_code, 0, "seed {seed}");
    assert_eq!(course.rungs, [vec![(1, Rung::Start)]], "seed {seed}");
    assert_eq!(world.mutations, before, "seed {seed}: the second start changed something");
}
