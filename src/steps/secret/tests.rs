//! Tests of secrets against an API server in memory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::config::model::Generator;
use crate::host::kube::fake::Fault;
use crate::redact::Secret;
use crate::steps::objects::fixture::FakeApi;
use crate::steps::testing::TestBed;

const PATH: &str = "/api/v1/namespaces/default/secrets/app";

fn secret(keys: Vec<(&str, SecretValue)>) -> KubeSecret {
    let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    KubeSecret { name: "app".to_owned(), namespace: None, kind: None, keys }
}

fn literal(text: &str) -> SecretValue {
    SecretValue::Literal(Secret::new(text))
}

fn held(api: &FakeApi, key: &str) -> String {
    let object = api.at(PATH).unwrap();
    let bytes = STANDARD.decode(object["data"][key].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_generated_value_is_made_once_and_kept() {
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    let objects = api.objects(&bed.ctx);
    let generate = SecretValue::Generate(Generator::Fernet);
    let one = secret(vec![("fernet", generate.clone()), ("user", literal("ann"))]);
    assert!(matches!(probe(&one, &objects).await.unwrap(), Probed::Needed(_)));
    apply(&one, &objects).await.unwrap();
    verify(&one, &objects).await.unwrap();
    let made = held(&api, "fernet");
    assert_eq!(made.len(), 44);

    let writes = api.writes().len();
    assert!(matches!(probe(&one, &objects).await.unwrap(), Probed::Satisfied(_)));
    apply(&one, &objects).await.unwrap();
    assert_eq!(api.writes().len(), writes, "nothing differs, nothing is written");

    let two = secret(vec![("fernet", generate), ("user", literal("eve"))]);
    let Probed::Needed(changes) = probe(&two, &objects).await.unwrap() else { panic!() };
    assert_eq!(changes[0].why, "keys that differ: user");
    apply(&two, &objects).await.unwrap();
    assert_eq!((held(&api, "fernet"), held(&api, "user")), (made, "eve".to_owned()));
}

#[tokio::test]
async fn keys_of_others_stay() {
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    api.put(PATH, json!({ "type": "Opaque", "data": { "theirs": "eA==" } }));
    let objects = api.objects(&bed.ctx);
    apply(&secret(vec![("mine", literal("m"))]), &objects).await.unwrap();
    assert_eq!((held(&api, "theirs"), held(&api, "mine")), ("x".to_owned(), "m".to_owned()));
}

#[tokio::test]
async fn a_key_that_leaves_the_configuration_goes_and_those_of_others_stay() {
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    api.put(PATH, json!({ "type": "Opaque", "data": { "theirs": "eA==" } }));
    let objects = api.objects(&bed.ctx);
    let both = secret(vec![("old", literal("o")), ("mine", literal("m"))]);
    apply(&both, &objects).await.unwrap();
    let less = secret(vec![("mine", literal("n"))]);
    let Probed::Needed(changes) = probe(&less, &objects).await.unwrap() else { panic!() };
    assert_eq!(changes[0].why, "keys that differ: mine; keys no longer wanted: old");
    apply(&less, &objects).await.unwrap();
    verify(&less, &objects).await.unwrap();
    let data = api.at(PATH).unwrap()["data"].clone();
    assert_eq!(data, json!({ "theirs": "eA==", "mine": STANDARD.encode("n") }));
    let writes = api.writes().len();
    apply(&less, &objects).await.unwrap();
    assert_eq!(api.writes().len(), writes);
}

#[tokio::test]
async fn another_type_is_refused() {
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    api.put(PATH, json!({ "type": "kubernetes.io/tls", "data": {} }));
    let objects = api.objects(&bed.ctx);
    let failure = apply(&secret(vec![("a", literal("b"))]), &objects).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "SECRET_TYPE_DIFFERS"));
    assert!(api.writes().is_empty());
}

#[tokio::test]
async fn a_file_is_taken_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let bytes = b"line\n\0\xff\xfe\r\n";
    crate::host::files::write(&path, bytes, 0o600).unwrap();
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    let objects = api.objects(&bed.ctx);
    apply(&secret(vec![("key", SecretValue::File(path))]), &objects).await.unwrap();
    assert_eq!(api.at(PATH).unwrap()["data"]["key"], STANDARD.encode(bytes));
}

#[tokio::test]
async fn what_could_not_be_read_is_not_made_anew() {
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    api.change(|world| world.fault("GET ", Fault::Status(500), 1));
    let objects = api.objects(&bed.ctx);
    let wanted = secret(vec![("fernet", SecretValue::Generate(Generator::Fernet))]);
    assert!(apply(&wanted, &objects).await.is_err());
    assert!(api.writes().is_empty());
}

#[tokio::test]
async fn a_reset_keeps_what_was_generated_and_a_purge_does_not() {
    let (bed, api) = (TestBed::new(), FakeApi::with_namespaces(["default"]));
    let objects = api.objects(&bed.ctx);
    let plain = secret(vec![("a", literal("b"))]);
    let generated = secret(vec![("a", SecretValue::Generate(Generator::Hex32))]);
    apply(&plain, &objects).await.unwrap();
    assert!(removals(&plain, &objects, Teardown::Stop).await.unwrap().is_empty());
    assert_eq!(removals(&plain, &objects, Teardown::Reset).await.unwrap().len(), 1);
    assert!(remove(&generated, &objects, Teardown::Reset).await.unwrap().is_empty());
    assert_eq!(remove(&generated, &objects, Teardown::Purge).await.unwrap().len(), 1);
    assert_eq!(api.at(PATH), None);
    api.put(PATH, json!({ "type": "Opaque", "data": {} }));
    assert!(remove(&plain, &objects, Teardown::Purge).await.unwrap().is_empty(), "not ours");
}
