//! What systemd does about each exit code of mlup: the one table behind `SuccessExitStatus=` and
//! `RestartPreventExitStatus=`. What the codes mean is `error`.

use super::name::Role;

/// What follows from an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Tried again after a pause, a limited number of times: it may pass.
    Again,
    /// It counts as done.
    Done,
    /// It has failed, and trying again would give the same.
    Failed,
}

use Then::{Again, Done, Failed};

/// Exit code, then what follows for `start`, `watch` and `creds refresh`.
///
/// What is missing (4) may come: at boot Docker, the network or a login are often later than the
/// unit. A refusal (7) of `creds refresh` is most often a run that holds the lock. The watch ends by
/// signals (130, 143) when it is told to; a start that was ended by one has not done its work.
const TABLE: [(u8, [Then; 3]); 12] = [
    (0, [Done, Done, Done]),
    (1, [Again, Again, Again]),
    (2, [Failed, Failed, Failed]),
    (3, [Failed, Failed, Failed]),
    (4, [Again, Again, Again]),
    (5, [Again, Again, Again]),
    (6, [Done, Again, Done]),
    (7, [Failed, Failed, Again]),
    (8, [Failed, Failed, Failed]),
    (70, [Failed, Failed, Failed]),
    (130, [Failed, Done, Failed]),
    (143, [Failed, Done, Failed]),
];

/// Exit codes beside 0 that count as done, for `SuccessExitStatus=`.
#[must_use]
pub fn successes(role: Role) -> Vec<u8> {
    let done = |(code, then): &(u8, Then)| *code != 0 && *then == Done;
    column(role).filter(done).map(|(code, _)| code).collect()
}

/// Exit codes after which nothing is tried again, for `RestartPreventExitStatus=`.
#[must_use]
pub fn finals(role: Role) -> Vec<u8> {
    column(role).filter(|(_, then)| *then == Failed).map(|(code, _)| code).collect()
}

fn column(role: Role) -> impl Iterator<Item = (u8, Then)> {
    TABLE.iter().map(move |(code, [start, watch, creds])| match role {
        Role::Start => (*code, *start),
        Role::Watch => (*code, *watch),
        Role::Creds | Role::CredsTimer => (*code, *creds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// The codes of the help's table, a range of signals included.
    fn documented() -> Vec<u8> {
        let help = crate::cli::Cli::command().render_help().to_string();
        let (_, table) = help.split_once("Exit codes:\n").unwrap();
        table.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
    }

    #[test]
    fn every_exit_code_has_its_place() {
        let placed: Vec<u8> = TABLE.iter().map(|(code, _)| *code).collect();
        assert_eq!(placed, documented());
    }

    #[test]
    fn what_cannot_pass_is_not_tried_again() {
        assert_eq!(finals(Role::Start), [2, 3, 7, 8, 70, 130, 143]);
        assert_eq!(finals(Role::Watch), [2, 3, 7, 8, 70]);
        assert_eq!(finals(Role::Creds), [2, 3, 8, 70, 130, 143]);
    }

    #[test]
    fn degraded_is_up_and_a_watch_that_was_told_to_end_has_not_failed() {
        assert_eq!(successes(Role::Start), [6]);
        assert_eq!(successes(Role::Watch), [130, 143]);
    }
}
