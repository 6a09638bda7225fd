//! Random bytes from the operating system, for generated secrets.

use crate::policy::{Class, Failure};

/// This many bytes that nobody can guess.
///
/// # Errors
/// `RANDOM_UNAVAILABLE`: the operating system gives none.
pub fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        let summary = format!("the operating system gives no random bytes: {error}");
        Failure::new(Class::Prerequisite, "RANDOM_UNAVAILABLE", summary)
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_calls_differ() {
        assert_ne!(bytes::<32>().unwrap(), bytes::<32>().unwrap());
    }
}
