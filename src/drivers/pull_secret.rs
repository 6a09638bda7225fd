//! Pull secrets: what one holds, whether one that is there is still good, and which images it is
//! for. Values only; reading and writing them in a cluster is `steps/registry`.

pub mod age;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as Object;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::drivers::credential::Login;
use crate::manifest::keyring;
use crate::redact::Secret;

/// The type of a pull secret; the API server lets nobody change the type of a secret.
pub const TYPE: &str = "kubernetes.io/dockerconfigjson";

/// Its only key.
pub const KEY: &str = ".dockerconfigjson";

/// Annotation: when the first of its passwords ends.
pub const EXPIRES: &str = "mlup.dev/expires-at";

/// Annotation: where its passwords come from.
pub const SOURCE: &str = "mlup.dev/source";

/// Annotation: when it was last written.
pub const REFRESHED: &str = "mlup.dev/refreshed-at";

/// What one registry adds to a pull secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The registry, as the configuration names it.
    pub server: String,
    /// User name and password.
    pub login: Login,
    /// When the password ends.
    pub expires_at: Option<Timestamp>,
    /// Where it comes from; holds no secret.
    pub source: String,
}

/// A pull secret as it is to be: any number of registries in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Host key to login.
    pub logins: BTreeMap<String, Login>,
    /// When the first of its passwords ends.
    pub expires_at: Option<Timestamp>,
    /// Where its passwords come from.
    pub source: String,
}

impl Wanted {
    /// One secret for these registries. A later part wins over an earlier one of the same host.
    #[must_use]
    pub fn of(parts: &[Part]) -> Self {
        let mut sources: Vec<&str> = parts.iter().map(|part| part.source.as_str()).collect();
        sources.dedup();
        Self {
            logins: parts
                .iter()
                .map(|part| (keyring::host_key(&part.server), part.login.clone()))
                .collect(),
            expires_at: parts.iter().filter_map(|part| part.expires_at).min(),
            source: sources.join(", "),
        }
    }

    /// The same, and what a secret that is there holds for other hosts: the login of a registry
    /// whose password could not be had this time stays.
    #[must_use]
    pub fn keeping(mut self, present: &Present, keeps: impl Fn(&str) -> bool) -> Self {
        for (host, login) in &present.logins {
            if keeps(host) && !self.logins.contains_key(host) {
                self.logins.insert(host.clone(), login.clone());
                // The kept password has an end of its own, and only the earliest of all is known.
                self.expires_at = [self.expires_at, present.expires_at].into_iter().flatten().min();
            }
        }
        self
    }

    /// The secret's object in a namespace.
    #[must_use]
    pub fn object(
        &self,
        name: &str,
        namespace: &str,
        labels: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Object {
        let mut annotations = BTreeMap::from([
            (SOURCE.to_owned(), self.source.clone()),
            (REFRESHED.to_owned(), seconds(now)),
        ]);
        if let Some(end) = self.expires_at {
            annotations.insert(EXPIRES.to_owned(), seconds(end));
        }
        Object {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace.to_owned()),
                labels: Some(labels),
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some(BTreeMap::from([(
                KEY.to_owned(),
                ByteString(document(&self.logins).expose().as_bytes().to_vec()),
            )])),
            ..Object::default()
        }
    }
}

/// The text under [`KEY`], in the form that the kubelet reads.
#[must_use]
pub fn document(logins: &BTreeMap<String, Login>) -> Secret {
    let mut auths = Map::new();
    for (host, login) in logins {
        let (username, password) = (&login.username, login.password.expose());
        let auth = STANDARD.encode(format!("{username}:{password}"));
        let entry = json!({ "username": username, "password": password, "auth": auth });
        auths.insert(host.clone(), entry);
    }
    Secret::new(json!({ "auths": Value::Object(auths) }).to_string())
}

/// What a secret in the cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Its type.
    pub kind: String,
    /// Host key to login; entries that the kubelet could not use are left out.
    pub logins: BTreeMap<String, Login>,
    /// When the first of its passwords ends, as its annotation says.
    pub expires_at: Option<Timestamp>,
    /// When it was last written.
    pub refreshed_at: Option<Timestamp>,
    /// Where its passwords come from.
    pub source: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    auths: BTreeMap<String, Value>,
}

impl Present {
    /// Reads the object. A document that cannot be read holds no login.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        let annotation = |name: &str| {
            object.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned()
        };
        let time = |name: &str| annotation(name).and_then(|text| text.parse().ok());
        let text = object.data.as_ref().and_then(|data| data.get(KEY));
        let document = text.and_then(|text| serde_json::from_slice::<Document>(&text.0).ok());
        let auths = document.map(|document| document.auths).unwrap_or_default();
        Self {
            kind: object.type_.clone().unwrap_or_else(|| "Opaque".to_owned()),
            logins: auths
                .into_iter()
                .filter_map(|(host, entry)| Some((host, login(&entry)?)))
                .collect(),
            expires_at: time(EXPIRES),
            refreshed_at: time(REFRESHED),
            source: annotation(SOURCE),
        }
    }
}

/// The login of an entry: `auth` wins over the pair, as for the kubelet.
fn login(entry: &Value) -> Option<Login> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (username, password) = match text("auth") {
        Some(auth) => {
            let pair = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
            let (username, password) = pair.split_once(':')?;
            (username.to_owned(), password.to_owned())
        }
        None => (text("username")?.to_owned(), text("password")?.to_owned()),
    };
    (!password.is_empty()).then(|| Login { username, password: Secret::new(password) })
}

/// Whether a secret that is there is exactly as wanted, so that writing it would change nothing
/// but its time.
#[must_use]
pub fn is_current(present: &Object, wanted: &Wanted) -> bool {
    let present = Present::of(present);
    present.kind == TYPE
        && present.logins == wanted.logins
        && present.source.as_deref() == Some(&wanted.source)
        && present.expires_at.map(seconds) == wanted.expires_at.map(seconds)
}

/// What is known of a registry before its password is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The registry, as the configuration names it.
    pub server: String,
    /// Where its password comes from.
    pub source: String,
    /// User name and password, where the configuration has them.
    pub login: Option<Login>,
}

/// Whether a secret can stay without asking for any password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// There is none.
    Absent,
    /// It is of another type, which cannot be changed.
    OtherType,
    /// It is for other registries or from other sources than the configuration says.
    Differs,
    /// More than half of its life is over.
    Due,
    /// Nothing says how long its passwords live: they have to be compared.
    Unknown,
    /// It is good.
    Good,
}

/// Judges a secret by what it says itself.
#[must_use]
pub fn freshness(object: Option<&Object>, expected: &[Expected], now: Timestamp) -> Freshness {
    let Some(object) = object else { return Freshness::Absent };
    let present = Present::of(object);
    if present.kind != TYPE {
        return Freshness::OtherType;
    }
    let mut sources: Vec<&str> = expected.iter().map(|expected| expected.source.as_str()).collect();
    sources.dedup();
    let is_held = |expected: &Expected| {
        let held = present.logins.get(&keyring::host_key(&expected.server));
        held.is_some_and(|held| expected.login.as_ref().is_none_or(|login| login == held))
    };
    if present.source != Some(sources.join(", ")) || !expected.iter().all(is_held) {
        return Freshness::Differs;
    }
    match present.expires_at {
        Some(end) if due(end, present.refreshed_at, now) => Freshness::Due,
        Some(_) => Freshness::Good,
        None if expected.iter().all(|expected| expected.login.is_some()) => Freshness::Good,
        None => Freshness::Unknown,
    }
}

/// Whether half of a password's life is over.
#[must_use]
pub fn due(expires_at: Timestamp, issued_at: Option<Timestamp>, now: Timestamp) -> bool {
    due_at(expires_at, issued_at, now) <= now
}

/// When half of a password's life is over. Where it is not known when the life began, or that lies in
/// the future, it is now.
#[must_use]
pub fn due_at(expires_at: Timestamp, issued_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let Some(issued_at) = issued_at.filter(|&at| at <= now && at < expires_at) else {
        return now;
    };
    issued_at.checked_add(expires_at.duration_since(issued_at) / 2).unwrap_or(now)
}

/// A time as annotations carry it.
fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
