//! The time that real clients measure the server by; nothing else here looks at a clock.
#![expect(
    clippy::disallowed_methods,
    reason = "the server runs on threads of its own, outside of any test's clock"
)]

use std::time::Instant;

use jiff::Timestamp;

/// The moment, to measure from.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The moment, to be told to others.
pub(crate) fn moment() -> Timestamp {
    Timestamp::now()
}

/// The moment as the API writes it.
pub(crate) fn stamp() -> String {
    moment().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
