//! `mlup systemd` and what mlup says to a service manager, through the program.

mod install;
mod journal;
mod manager;
mod notify;
mod print;
mod verify;
