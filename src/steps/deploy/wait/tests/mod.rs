//! Waits against the fake API server, through real requests and watches.

mod incidents;
mod looks;
mod scene;
mod transitions;
mod trouble;
