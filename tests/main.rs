//! The integration tests: the program as people run it, in one test binary.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests start processes, read the environment and fail by panicking"
)]

mod advice;
mod architecture;
mod bad_config;
mod bad_world;
mod clusters;
mod commands;
mod documentation;
mod kubernetes;
mod machine;
mod quickstart;
mod registries;
mod signals;
mod ssh;
mod support;
mod support_selftest;
mod systemd;
mod terminal;
mod watch;
