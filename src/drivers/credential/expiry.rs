//! How long a registry password lives, where its source does not say it: from the token itself, or
//! from what its user name tells.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Login;

/// User names whose passwords are tokens, and how long these live.
const KNOWN: [(&str, SignedDuration); 3] = [
    ("AWS", SignedDuration::from_hours(12)),
    ("oauth2accesstoken", SignedDuration::from_hours(1)),
    ("00000000-0000-0000-0000-000000000000", SignedDuration::from_hours(3)),
];

/// Lifetime of an ECR token, as AWS documents it.
pub const ECR: SignedDuration = SignedDuration::from_hours(12);

/// When a password that was given now ends: by the token's own word, else by its user name.
/// Nothing is known of an ordinary password.
#[must_use]
pub fn of(login: &Login, now: Timestamp) -> Option<Timestamp> {
    if let Some(end) = own_word(login.password.expose()) {
        return Some(end);
    }
    let (_, lives) = KNOWN.iter().find(|(name, _)| *name == login.username)?;
    now.checked_add(*lives).ok()
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

/// The time in a JSON web token.
fn own_word(token: &str) -> Option<Timestamp> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Timestamp::from_second(claims.exp).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;

    fn login(username: &str, password: &str) -> Login {
        Login { username: username.to_owned(), password: Secret::new(password) }
    }

    fn now() -> Timestamp {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_web_token_says_itself_when_it_ends() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"jti":"1","exp":1772365000}"#);
        let token = format!("eyJhbGciOiJSUzI1NiJ9.{claims}.c2ln");
        let end = of(&login("anybody", &token), now()).unwrap();
        assert_eq!(end.as_second(), 1_772_365_000);
    }

    #[test]
    fn well_known_user_names_tell_how_long_their_tokens_live() {
        for (name, end) in [
            ("AWS", "2026-03-01T22:00:00Z"),
            ("oauth2accesstoken", "2026-03-01T11:00:00Z"),
            ("00000000-0000-0000-0000-000000000000", "2026-03-01T13:00:00Z"),
        ] {
            assert_eq!(of(&login(name, "ya29.a0-b"), now()), Some(end.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn nothing_is_known_of_an_ordinary_password() {
        for password in ["hunter2", "a.b.c", "..", "eyJ.e30.x"] {
            assert_eq!(of(&login("ann", password), now()), None, "{password}");
        }
    }
}
