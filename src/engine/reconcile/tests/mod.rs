//! The reconciler by itself, under virtual time.

mod scenarios;
mod weeks;
mod world;
