//! Lists page by page, each object reduced as soon as it is read: of a large cluster never more is
//! held than one page as it came, and what is kept.

use std::fmt;

use kube::api::ListParams;
use kube::core::Request;
use kube::core::request::Error;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::dynamic::{collection, named};
use super::refusal::{Refusal, Subject};
use super::{Call, Objects, PAGE};
use crate::manifest::Served;
use crate::policy::Failure;

/// How often a list is begun anew because the server has forgotten where its next page begins.
const RESTARTS: u32 = 3;

/// What stays of an object; none of one that nobody wants.
pub(super) type Keep<'k> = dyn Fn(Value) -> Option<Value> + Sync + 'k;

/// How much of each object is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// Its metadata alone: releases of Helm weigh a megabyte each.
    Metadata,
}

impl Depth {
    fn request(self, of: &Request, params: &ListParams) -> Result<hyper::Request<Vec<u8>>, Error> {
        match self {
            Self::Whole => of.list(params),
            Self::Metadata => of.list_metadata(params),
        }
    }
}

impl Objects {
    /// What `keep` leaves of all objects of a kind that `params` select.
    pub async fn pages(
        &self,
        served: &Served,
        namespace: Option<&str>,
        (params, depth): (ListParams, Depth),
        keep: &Keep<'_>,
    ) -> Result<Vec<Value>, Failure> {
        let mut params = params.limit(PAGE);
        let keep = |object| keep(named(object, served));
        let mut kept = Vec::new();
        let mut restarts = 0;
        loop {
            let subject = Subject::served("list", served, namespace, "");
            let request = depth.request(&collection(served, namespace), &params);
            let call = Call { request: subject.made(request)?, subject };
            match self.page(&call, &keep, &mut kept).await {
                Ok(None) => return Ok(kept),
                Ok(token) => params.continue_token = token,
                // The pages are of one moment, which etcd keeps for five minutes.
                Err(Refusal::Status(status))
                    if status.code == 410
                        && params.continue_token.is_some()
                        && restarts < RESTARTS =>
                {
                    restarts += 1;
                    kept.clear();
                    params.continue_token = None;
                }
                Err(refusal) => return Err(self.rejected(served, &call.subject, refusal).failure),
            }
        }
    }

    /// Adds what is kept of one page; where the next one begins.
    async fn page(
        &self,
        call: &Call,
        keep: &Keep<'_>,
        kept: &mut Vec<Value>,
    ) -> Result<Option<String>, Refusal> {
        let body = self.answered(call).await?;
        let mut source = serde_json::Deserializer::from_slice(&body);
        let token = Page { keep, kept }.deserialize(&mut source);
        token.map_err(|error| self.illegible(error))
    }
}

/// A page, whose objects go where they are kept.
struct Page<'p> {
    keep: &'p Keep<'p>,
    kept: &'p mut Vec<Value>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "continue", default)]
    token: Option<String>,
}

impl<'de> DeserializeSeed<'de> for Page<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Page<'_> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut token = None;
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "metadata" => token = fields.next_value::<Metadata>()?.token,
                "items" => fields.next_value_seed(Items { keep: self.keep, kept: self.kept })?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(token.filter(|token| !token.is_empty()))
    }
}

/// The objects of a page.
struct Items<'p> {
    keep: &'p Keep<'p>,
    kept: &'p mut Vec<Value>,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("objects")
    }

    // Some servers write no list where there is nothing.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(object) = items.next_element::<Value>()? {
            self.kept.extend((self.keep)(object));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::steps::objects::fixture::{FakeApi, status};
    use crate::steps::testing::TestBed;

    const PODS: &str = "GET /api/v1/pods";

    fn page(names: &[&str], token: &str) -> Value {
        let items: Vec<Value> =
            names.iter().map(|name| json!({ "metadata": { "name": name } })).collect();
        json!({ "items": items, "metadata": { "continue": token } })
    }

    async fn listed(fake: &FakeApi, begins: usize) -> Result<Vec<String>, Failure> {
        let objects = fake.objects(&TestBed::new().ctx);
        let pods = Served::own("v1", "Pod");
        let keep = |object: Value| (object["metadata"]["name"] != "other").then_some(object);
        let found =
            objects.pages(&pods, None, (ListParams::default(), Depth::Whole), &keep).await?;
        let begun = fake.calls().iter().filter(|call| !call.contains("continue=")).count();
        assert_eq!(begun, begins);
        assert!(found.iter().all(|pod| pod["kind"] == "Pod" && pod["apiVersion"] == "v1"));
        Ok(found.iter().map(|pod| pod["metadata"]["name"].to_string()).collect())
    }

    #[tokio::test]
    async fn pages_are_joined_and_what_nobody_wants_is_left_out() {
        let fake = FakeApi::default();
        fake.fault(PODS, 200, page(&["a", "other"], "t1"));
        fake.fault(PODS, 200, page(&["b"], ""));
        assert_eq!(listed(&fake, 1).await.unwrap(), ["\"a\"", "\"b\""]);
    }

    #[tokio::test]
    async fn a_list_whose_next_page_is_forgotten_begins_anew() {
        let fake = FakeApi::default();
        fake.fault(PODS, 200, page(&["old"], "t1"));
        let gone = status(410, "Expired", "The provided continue parameter is too old");
        fake.fault(PODS, 410, gone);
        fake.fault(PODS, 200, page(&["new"], "t2"));
        fake.fault(PODS, 200, page(&["newer"], ""));
        assert_eq!(listed(&fake, 2).await.unwrap(), ["\"new\"", "\"newer\""]);
    }

    #[tokio::test]
    async fn a_list_that_never_ends_well_is_given_up() {
        let fake = FakeApi::default();
        for _ in 0..=RESTARTS {
            fake.fault(PODS, 200, page(&["a"], "t"));
            let gone = status(410, "Expired", "The provided continue parameter is too old");
            fake.fault(PODS, 410, gone);
        }
        assert!(listed(&fake, 0).await.is_err());
    }
}
