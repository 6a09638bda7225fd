//! Tests of pull secrets.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn login(username: &str, password: &str) -> Login {
    Login { username: username.to_owned(), password: Secret::new(password) }
}

fn part(server: &str, password: &str, expires_at: Option<&str>) -> Part {
    Part {
        server: server.to_owned(),
        login: login("AWS", password),
        expires_at: expires_at.map(at),
        source: "ecr eu-west-1".to_owned(),
    }
}

fn object(wanted: &Wanted, now: &str) -> Object {
    wanted.object("regcred", "default", BTreeMap::new(), at(now))
}

fn expected(server: &str) -> Expected {
    Expected { server: server.to_owned(), source: "ecr eu-west-1".to_owned(), login: None }
}

#[test]
fn the_document_is_what_the_kubelet_reads() {
    let text = document(&BTreeMap::from([("ghcr.io".to_owned(), login("ann", "pw"))]));
    let wanted = r#"{"auths":{"ghcr.io":{"username":"ann","password":"pw","auth":"YW5uOnB3"}}}"#;
    assert_eq!(text.expose(), wanted);
}

#[test]
fn several_registries_share_a_secret_and_the_first_end_counts() {
    let wanted = Wanted::of(&[
        part("docker.io", "a", Some("2026-03-01T22:00:00Z")),
        part("localhost:5000", "b", Some("2026-03-01T20:00:00Z")),
    ]);
    let keys: Vec<&String> = wanted.logins.keys().collect();
    assert_eq!(keys, ["https://index.docker.io/v1/", "localhost:5000"]);
    assert_eq!(wanted.expires_at, Some(at("2026-03-01T20:00:00Z")));
    assert_eq!(wanted.source, "ecr eu-west-1");
}

#[test]
fn annotations_and_labels_carry_no_password() {
    let object = object(&Wanted::of(&[part("r", "s3cret", None)]), "2026-03-01T10:00:00.5Z");
    let metadata = serde_json::to_string(&object.metadata).unwrap();
    assert!(!metadata.contains("s3cret"), "{metadata}");
    let annotations = object.metadata.annotations.unwrap();
    assert_eq!(annotations[REFRESHED], "2026-03-01T10:00:00Z");
    assert!(!annotations.contains_key(EXPIRES));
}

#[test]
fn what_was_written_is_read_back_as_current() {
    let wanted = Wanted::of(&[part("r", "pw", Some("2026-03-01T22:00:00.7Z"))]);
    let written = object(&wanted, "2026-03-01T10:00:00Z");
    assert!(is_current(&written, &wanted));
    assert_eq!(Present::of(&written).logins, wanted.logins);
    let other = Wanted::of(&[part("r", "new", Some("2026-03-01T22:00:00Z"))]);
    assert!(!is_current(&written, &other));
}

#[test]
fn a_login_whose_password_could_not_be_had_stays() {
    let old = Wanted::of(&[
        part("a", "old", Some("2026-03-01T12:00:00Z")),
        part("b", "old", Some("2026-03-01T12:00:00Z")),
    ]);
    let present = Present::of(&object(&old, "2026-03-01T10:00:00Z"));
    let new = Wanted::of(&[part("a", "new", Some("2026-03-01T22:00:00Z"))]);
    let kept = new.clone().keeping(&present, |host| host == "b");
    assert_eq!(kept.logins["a"].password.expose(), "new");
    assert_eq!(kept.logins["b"].password.expose(), "old");
    assert_eq!(kept.expires_at, Some(at("2026-03-01T12:00:00Z")));
    assert_eq!(new.clone().keeping(&present, |_| false), new);
}

#[test]
fn entries_that_the_kubelet_cannot_use_count_as_none() {
    let mut secret = object(&Wanted::of(&[]), "2026-03-01T10:00:00Z");
    let text = r#"{"auths":{"a":{},"b":{"auth":"%%"},"c":{"username":"u","password":""},
        "d":{"username":"u","password":"p"},"e":{"auth":"dTpw","username":"x"}}}"#;
    secret.data = Some(BTreeMap::from([(KEY.to_owned(), ByteString(text.into()))]));
    let present = Present::of(&secret);
    assert_eq!(present.logins.keys().collect::<Vec<_>>(), ["d", "e"]);
    assert_eq!(present.logins["e"].username, "u");
}

#[test]
fn half_of_the_life_is_the_limit() {
    let (issued, end) = (Some(at("2026-03-01T10:00:00Z")), at("2026-03-01T22:00:00Z"));
    assert!(!due(end, issued, at("2026-03-01T15:59:59Z")));
    assert!(due(end, issued, at("2026-03-01T16:00:00Z")));
    assert!(due(end, None, at("2026-03-01T10:00:00Z")));
    assert!(due(end, issued, at("2026-03-01T09:00:00Z")), "the clock went back");
}

#[test]
fn freshness_is_told_from_the_secret_alone() {
    let now = at("2026-03-01T11:00:00Z");
    let wanted = Wanted::of(&[part("r", "pw", Some("2026-03-01T22:00:00Z"))]);
    let good = object(&wanted, "2026-03-01T10:00:00Z");
    let judge = |object: Option<&Object>, expected: &[Expected], now: Timestamp| {
        freshness(object, expected, now)
    };
    let asked = [expected("r")];
    assert_eq!(judge(None, &asked, now), Freshness::Absent);
    assert_eq!(judge(Some(&good), &asked, now), Freshness::Good);
    assert_eq!(judge(Some(&good), &asked, at("2026-03-01T17:00:00Z")), Freshness::Due);
    assert_eq!(judge(Some(&good), &[expected("other")], now), Freshness::Differs);
    let elsewhere = Expected { source: "exec az".to_owned(), ..expected("r") };
    assert_eq!(judge(Some(&good), &[elsewhere], now), Freshness::Differs);
    let opaque = Object { type_: Some("Opaque".to_owned()), ..good };
    assert_eq!(judge(Some(&opaque), &asked, now), Freshness::OtherType);
    let endless = object(&Wanted::of(&[part("r", "pw", None)]), "2026-03-01T10:00:00Z");
    assert_eq!(judge(Some(&endless), &asked, now), Freshness::Unknown);
    let known = |password| Expected { login: Some(login("AWS", password)), ..expected("r") };
    assert_eq!(judge(Some(&endless), &[known("pw")], now), Freshness::Good);
    assert_eq!(judge(Some(&endless), &[known("changed")], now), Freshness::Differs);
}

#[test]
fn times_read_well() {
    let now = at("2026-03-01T10:00:00Z");
    assert_eq!(age::left(at("2026-03-01T21:59:00Z"), now), "in 11 h");
    assert_eq!(age::left(at("2026-03-01T06:50:00Z"), now), "expired 3 h ago");
    assert_eq!(age::length(SignedDuration::from_secs(40)), "40 s");
    assert_eq!(age::length(SignedDuration::from_mins(12)), "12 min");
    assert_eq!(age::length(SignedDuration::from_hours(120)), "5 d");
}

proptest! {
    #[test]
    fn any_login_is_read_back(
        username in "[^:\\x00]{1,12}", password in ".{1,40}", server in "[a-z]{1,8}\\.io",
    ) {
        let login = Login { username, password: Secret::new(password) };
        let part = Part { server, login, expires_at: None, source: "static".to_owned() };
        let wanted = Wanted::of(std::slice::from_ref(&part));
        let written = object(&wanted, "2026-03-01T10:00:00Z");
        prop_assert!(is_current(&written, &wanted));
    }
}
