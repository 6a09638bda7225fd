//! `mlup systemd` and what mlup says to a service manager, through the program.

mod install;
mod journal;
pub(crate) mod manager;
mod notify;
mod print;
mod verify;
