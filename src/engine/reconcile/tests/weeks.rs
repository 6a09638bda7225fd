//! Two weeks of a laptop: what is promised of passwords, requests and restarts, counted.

use super::world::{DAY, Report, World};

const DAYS: u64 = 14;
const HOUR: u64 = 3600;
const MINUTE: u64 = 60;

/// Chance that follows from a seed alone (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }
}

/// What happens to the world at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sleeps,
    Wakes,
    NetworkComes,
    NetworkGoes,
    ServiceDies,
    SecretGoes,
    DockerGoes,
    DockerComes,
    ClockIsSet(i64),
    Breaks,
    IsRepaired,
    LoginEnds,
    LoginComes,
}

/// Sleeps at night and up to twenty times a day; after each the network takes a while to come back.
fn sleeps(dice: &mut Dice) -> Vec<(u64, Event)> {
    let mut schedule = Vec::new();
    let sleep = |schedule: &mut Vec<_>, dice: &mut Dice, from: u64, to: u64| {
        schedule.extend([(from, Event::NetworkGoes), (from, Event::Sleeps), (to, Event::Wakes)]);
        schedule.push((to + dice.between(0, 50), Event::NetworkComes));
    };
    for day in 0..DAYS {
        let begin = day * DAY;
        let mut at = begin + dice.between(5, 20) * MINUTE;
        for _ in 0..dice.between(12, 21) {
            let length = dice.between(1, 26) * MINUTE;
            sleep(&mut schedule, dice, at, at + length);
            at += length + dice.between(3, 20) * MINUTE;
        }
        // On some days it is closed early, on others it hardly sleeps at all.
        let evening = (at + MINUTE).max(begin + dice.between(10, 22) * HOUR);
        if evening < begin + DAY - HOUR {
            let morning = begin + DAY - dice.between(1, 40) * MINUTE;
            sleep(&mut schedule, dice, evening, morning);
        }
    }
    schedule
}

fn faults(dice: &mut Dice) -> Vec<(u64, Event)> {
    let mut schedule = Vec::new();
    for day in 0..DAYS {
        let mut at = |hours: u64| day * DAY + dice.below(hours * HOUR);
        schedule.extend((0..4).map(|_| (at(20), Event::ServiceDies)));
        schedule.push((at(20), Event::SecretGoes));
        let goes = at(20);
        schedule.extend([(goes, Event::DockerGoes), (goes + 90, Event::DockerComes)]);
        // A clock that was wrong for an hour, to either side.
        let set = at(20);
        let skew = if day % 2 == 0 { 2 } else { -2 } * i64::try_from(HOUR).unwrap();
        schedule.extend([(set, Event::ClockIsSet(skew)), (set + HOUR, Event::ClockIsSet(0))]);
    }
    // A bad day: a service that dies as soon as it is up.
    schedule.extend([(5 * DAY, Event::Breaks), (6 * DAY, Event::IsRepaired)]);
    schedule
}

fn play(mut schedule: Vec<(u64, Event)>, seed: u64) -> Report {
    schedule.sort_by_key(|(at, _)| *at);
    let mut world = World::new(seed);
    let mut schedule = schedule.into_iter().peekable();
    while world.time < DAYS * DAY {
        world.pass();
        while let Some((_, event)) = schedule.next_if(|(at, _)| *at <= world.time) {
            happen(&mut world, event);
        }
    }
    world.report
}

fn happen(world: &mut World, event: Event) {
    let weather = &mut world.weather;
    match event {
        Event::Sleeps => weather.awake = false,
        Event::Wakes => weather.awake = true,
        Event::NetworkComes => weather.network = true,
        Event::NetworkGoes => weather.network = false,
        Event::ServiceDies => world.kill("container demo-api-1 died"),
        Event::SecretGoes => world.lose_secret(),
        Event::DockerGoes => world.docker_goes(),
        Event::DockerComes => world.docker_comes(),
        Event::ClockIsSet(skew) => world.skew = skew,
        Event::Breaks => weather.broken = true,
        Event::IsRepaired => weather.broken = false,
        Event::LoginEnds => weather.login = false,
        Event::LoginComes => weather.login = true,
    }
}

fn words(report: &Report) -> String {
    format!(
        "{DAYS} days: awake with an expired password {} s in all, {} s at most at a time; {} requests, \
         at most {} in a day, and {} that reached nobody; {} restarts, at most {} in a day; {} looks; \
         {} s down; {} lines told",
        report.expired,
        report.longest,
        report.requests.len(),
        Report::most_a_day(&report.requests),
        report.unreached,
        report.restarts.len(),
        Report::most_a_day(&report.restarts),
        report.looks,
        report.down,
        report.told,
    )
}

/// The counts, for `cargo test -- --nocapture`.
#[expect(clippy::print_stdout, reason = "the counts are the point of these tests")]
fn show(words: &str) {
    println!("{words}");
}

#[test]
fn a_laptop_has_good_passwords_for_two_weeks_with_few_requests() {
    for seed in 0..5 {
        let report = play(sleeps(&mut Dice(seed)), seed);
        let words = words(&report);
        show(&words);
        assert!(report.longest < MINUTE, "{words}");
        // Each morning the password of the evening before has ended.
        assert!(report.expired < DAYS * 20, "{words}");
        assert!(Report::most_a_day(&report.requests) <= 6, "{words}");
        assert!(report.requests.len() as u64 >= DAYS, "{words}");
        assert_eq!(report.restarts.len(), 1, "{words}");
    }
}

#[test]
fn a_laptop_with_a_fault_an_hour_is_mended_without_haste() {
    for seed in 0..5 {
        let mut dice = Dice(seed);
        let mut schedule = sleeps(&mut dice);
        schedule.extend(faults(&mut dice));
        let report = play(schedule, seed);
        let words = words(&report);
        show(&words);
        assert!(report.longest < MINUTE, "{words}");
        assert!(Report::most_a_day(&report.requests) <= 6, "{words}");
        // The broken service alone would take thousands.
        assert!(Report::most_a_day(&report.restarts) < 80, "{words}");
        assert!(report.restarts.len() < 180, "{words}");
    }
}

#[test]
fn a_server_that_never_sleeps_asks_twice_to_four_times_a_day() {
    let report = play(Vec::new(), 1);
    let words = words(&report);
    show(&words);
    assert!(report.expired < 5, "at the very beginning there is none yet: {words}");
    assert!((2..=4).contains(&Report::most_a_day(&report.requests)), "{words}");
    assert!(report.looks < DAYS * 24 * 13, "{words}");
}

#[test]
fn a_login_that_has_ended_is_asked_for_rarely_and_found_again() {
    let schedule = vec![(3 * DAY, Event::LoginEnds), (5 * DAY, Event::LoginComes)];
    let report = play(schedule, 2);
    let words = words(&report);
    show(&words);
    assert!(Report::most_a_day(&report.requests) <= 6, "{words}");
    assert!(report.longest < 7 * HOUR, "nobody can tell that the login is back: {words}");
}
