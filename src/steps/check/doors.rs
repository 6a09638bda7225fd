//! Where checks lead and how to log in there, for people: placeholders filled in and secrets read as
//! the cluster has them now. A cluster that is down is a note, no failure.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as Object;

use super::cluster::Cluster;
use super::lacking::Trouble;
use crate::config::model::{Check, CheckProbe, Login, LoginValue, Vantage};
use crate::redact::Secret;
use crate::steps::StepCtx;

/// Where a check leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Name of the check.
    pub name: String,
    /// The address, as it is written where it could not be found out.
    pub url: String,
    /// The address as it is written, where that has placeholders.
    pub written: Option<String>,
    /// Why the address is not known.
    pub note: Option<String>,
}

/// What a person types to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The user name, if it is known.
    pub user: Option<Secret>,
    /// The password, if it is known.
    pub password: Option<Secret>,
    /// Why one of them is not known.
    pub note: Option<String>,
}

/// Finds addresses and logins, through one connection.
pub struct Guide<'a> {
    cluster: Cluster<'a>,
    /// Why the cluster does not answer, once that is known: it is not asked again.
    down: Option<String>,
}

impl<'a> Guide<'a> {
    /// A guide to the configuration's environment.
    #[must_use]
    pub fn new(ctx: &'a StepCtx) -> Self {
        Self { cluster: Cluster::new(ctx), down: None }
    }

    /// A guide behind a connection that is there.
    #[cfg(test)]
    pub(super) fn with(ctx: &'a StepCtx, objects: crate::steps::objects::Objects) -> Self {
        Self { cluster: Cluster::with(ctx, objects), down: None }
    }

    /// Where a check leads from this machine; none for one that asks something else.
    pub async fn door(&mut self, check: &Check) -> Option<Door> {
        let (scheme, address) = match &check.probe {
            CheckProbe::Http(http) if check.from == Vantage::Host => ("", &http.url),
            CheckProbe::Tcp(address) if check.from == Vantage::Host => ("tcp://", address),
            _ => return None,
        };
        let written = format!("{scheme}{address}");
        let name = check.name.clone();
        if !address.is_live() {
            return Some(Door { name, url: written, written: None, note: None });
        }
        let found = match &self.down {
            Some(down) => Err(down.clone()),
            None => match self.cluster.fill(address).await {
                Ok(filled) => Ok(format!("{scheme}{}", filled.text)),
                Err(trouble) => Err(self.note(trouble)),
            },
        };
        Some(match found {
            Ok(url) => Door { name, url, written: Some(written), note: None },
            Err(note) => {
                Door { name, url: written.clone(), written: Some(written), note: Some(note) }
            }
        })
    }

    /// How to log in.
    pub async fn key(&mut self, login: &Login) -> Key {
        let mut key = Key::default();
        for (value, place) in [(&login.user, &mut key.user), (&login.password, &mut key.password)] {
            match self.value(value).await {
                Ok(found) => *place = Some(found),
                Err(note) => key.note = Some(note),
            }
        }
        key
    }

    async fn value(&mut self, value: &LoginValue) -> Result<Secret, String> {
        let (namespace, secret, key) = match value {
            LoginValue::Given(value) => return Ok(value.clone()),
            LoginValue::Kept { namespace, secret, key } => (namespace, secret, key),
        };
        if let Some(down) = &self.down {
            return Err(down.clone());
        }
        let namespace = self.cluster.namespace(namespace.as_ref());
        let found = match self.cluster.objects().await {
            Ok(objects) => objects.get::<Object>(&namespace, secret).await.map_err(Trouble::from),
            Err(trouble) => Err(trouble),
        };
        let called = format!("secret `{namespace}/{secret}`");
        match found {
            Ok(Some(object)) => text_of(&object, key, &called),
            Ok(None) => Err(format!("there is no {called}")),
            Err(trouble) => Err(self.note(trouble)),
        }
    }

    fn note(&mut self, trouble: Trouble) -> String {
        match trouble {
            Trouble::Failed(failure) => failure.summary,
            Trouble::Lacking(lacking) => {
                if lacking.until.is_none() {
                    self.down = Some(lacking.why.clone());
                }
                lacking.why
            }
        }
    }
}

/// The text at a key of a secret.
fn text_of(object: &Object, key: &str, called: &str) -> Result<Secret, String> {
    let data = object.data.as_ref();
    let Some(ByteString(bytes)) = data.and_then(|data| data.get(key)) else {
        let keys: Vec<&str> = data.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        return Err(format!("{called} has no key `{key}`; it has {keys}"));
    };
    match String::from_utf8(bytes.clone()) {
        Ok(text) => Ok(Secret::new(text)),
        Err(_) => Err(format!("`{key}` of {called} is no text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_of_a_secret_is_its_text_or_the_reason_why_not() {
        // `c4n4ry` and the bytes ff fe.
        let object = json!({ "data": { "password": "YzRuNHJ5", "blob": "//4=" } });
        let object: Object = serde_json::from_value(object).unwrap();
        let text = |key: &str| text_of(&object, key, "secret `a/b`");
        assert_eq!(text("password"), Ok(Secret::new("c4n4ry")));
        let missing = "secret `a/b` has no key `user`; it has blob, password";
        assert_eq!(text("user"), Err(missing.to_owned()));
        assert_eq!(text("blob"), Err("`blob` of secret `a/b` is no text".to_owned()));
        let empty = text_of(&Object::default(), "user", "secret `a/b`");
        assert_eq!(empty, Err("secret `a/b` has no key `user`; it has none".to_owned()));
    }
}
