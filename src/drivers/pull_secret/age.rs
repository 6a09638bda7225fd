//! Ages and times left of a password, as people read them.

use jiff::{SignedDuration, Timestamp};

/// A length of time in its largest unit: `3 h`, `12 min`, `40 s`, `5 d`.
#[must_use]
pub fn length(time: SignedDuration) -> String {
    let seconds = time.as_secs().abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// What is left of a password: `in 11 h`, `expired 3 h ago`.
#[must_use]
pub fn left(expires_at: Timestamp, now: Timestamp) -> String {
    let left = expires_at.duration_since(now);
    if left.is_positive() {
        format!("in {}", length(left))
    } else {
        format!("expired {} ago", length(left))
    }
}
