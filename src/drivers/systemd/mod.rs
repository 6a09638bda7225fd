//! The units that `mlup systemd` makes, as text, and the commands that make systemd know them. No
//! file is written here. Facts are those of systemd 252, `systemd.unit(5)`, `systemd.service(5)`,
//! `systemd.exec(5)` and `systemd.timer(5)`, where nothing else is said.

pub mod environment;
pub mod exits;
pub mod manager;
pub mod name;
pub mod owner;
pub mod unit;
pub mod word;

mod sandboxing;
