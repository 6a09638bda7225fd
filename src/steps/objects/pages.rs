//! Lists page by page, each object reduced as soon as it is read: of a large cluster never more is
//! held than two pages as they came, and what is kept.

use std::fmt;

use hyper::body::Bytes;
use kube::api::ListParams;
use kube::core::Request;
use kube::core::request::Error;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

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
    /// All but the record of who wrote which field, which is half of most objects.
    WithoutManagers,
    /// Its metadata alone, without that record: releases of Helm weigh a megabyte each.
    Metadata,
}

impl Depth {
    fn request(self, of: &Request, params: &ListParams) -> Result<hyper::Request<Vec<u8>>, Error> {
        match self {
            Self::Whole | Self::WithoutManagers => of.list(params),
            Self::Metadata => of.list_metadata(params),
        }
    }
}

/// What is wanted of each object.
type Wanted<'k> = (Depth, &'k Keep<'k>);

impl Objects {
    /// What `keep` leaves of all objects of a kind that `params` select. The server makes the next
    /// page while one is read.
    pub async fn pages(
        &self,
        served: &Served,
        namespace: Option<&str>,
        params: ListParams,
        (depth, keep): Wanted<'_>,
    ) -> Result<Vec<Value>, Failure> {
        let mut params = params.limit(PAGE);
        let keep: &Keep<'_> = &|object| keep(named(object, served));
        let mut kept = Vec::new();
        let mut restarts = 0;
        let subject = Subject::served("list", served, namespace, "");
        let rejected = |refusal| self.rejected(served, &subject, refusal).failure;
        let mut body = Bytes::new();
        loop {
            let request = depth.request(&collection(served, namespace), &params);
            let call = Call { request: subject.made(request)?, subject: subject.clone() };
            let (answer, read) = tokio::join!(self.answered(&call), async {
                // So that what asks for the next one comes first.
                tokio::task::yield_now().await;
                self.read_page(&body, (depth, keep), &mut kept)
            });
            read.map_err(rejected)?;
            match answer {
                Ok(next) => body = next,
                // The pages are of one moment, which etcd keeps for five minutes.
                Err(Refusal::Status(status))
                    if status.code == 410
                        && params.continue_token.is_some()
                        && restarts < RESTARTS =>
                {
                    restarts += 1;
                    kept.clear();
                    body = Bytes::new();
                    params.continue_token = None;
                    continue;
                }
                Err(refusal) => return Err(rejected(refusal)),
            }
            params.continue_token = self.next(&body).map_err(rejected)?;
            if params.continue_token.is_none() {
                self.read_page(&body, (depth, keep), &mut kept).map_err(rejected)?;
                return Ok(kept);
            }
        }
    }

    /// Adds what is kept of one page; before the first there is nothing.
    fn read_page(
        &self,
        body: &[u8],
        (depth, keep): Wanted<'_>,
        kept: &mut Vec<Value>,
    ) -> Result<(), Refusal> {
        if body.is_empty() {
            return Ok(());
        }
        let mut source = serde_json::Deserializer::from_slice(body);
        let read = Page { depth, keep, kept }.deserialize(&mut source);
        read.map_err(|error| self.illegible(error))
    }

    /// Where the page after this one begins.
    fn next(&self, body: &[u8]) -> Result<Option<String>, Refusal> {
        let head: Head = serde_json::from_slice(body).map_err(|error| self.illegible(error))?;
        Ok(head.metadata.token.filter(|token| !token.is_empty()))
    }
}

/// What says where the next page begins.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "continue", default)]
    token: Option<String>,
}

/// A page, whose objects go where they are kept.
struct Page<'p> {
    depth: Depth,
    keep: &'p Keep<'p>,
    kept: &'p mut Vec<Value>,
}

impl<'de> DeserializeSeed<'de> for Page<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Page<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Self::Value, A::Error> {
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "items" => {
                    let Self { depth, keep, ref mut kept } = self;
                    fields.next_value_seed(Items { depth, keep, kept })?;
                }
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The objects of a page.
struct Items<'p> {
    depth: Depth,
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
        while let Some(object) = items.next_element_seed(Part::Object(self.depth))? {
            self.kept.extend((self.keep)(object));
        }
        Ok(())
    }
}

/// An object, or its metadata.
#[derive(Clone, Copy)]
enum Part {
    Object(Depth),
    Metadata,
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        match self {
            Self::Object(Depth::Whole) => Value::deserialize(source),
            Self::Object(_) | Self::Metadata => source.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(field) = fields.next_key::<String>()? {
            let value = match (self, field.as_str()) {
                (Self::Object(_), "metadata") => fields.next_value_seed(Self::Metadata)?,
                (Self::Metadata, "managedFields") => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => fields.next_value()?,
            };
            object.insert(field, value);
        }
        Ok(Value::Object(object))
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
        let metadata = |name| json!({ "name": name, "managedFields": [{ "manager": "kubectl" }] });
        let items: Vec<Value> =
            names.iter().map(|name| json!({ "metadata": metadata(name) })).collect();
        json!({ "items": items, "metadata": { "continue": token } })
    }

    async fn listed(fake: &FakeApi, begins: usize) -> Result<Vec<String>, Failure> {
        let objects = fake.objects(&TestBed::new().ctx);
        let pods = Served::own("v1", "Pod");
        let keep = |object: Value| (object["metadata"]["name"] != "other").then_some(object);
        let wanted: Wanted<'_> = (Depth::WithoutManagers, &keep);
        let found = objects.pages(&pods, None, ListParams::default(), wanted).await?;
        let begun = fake.calls().iter().filter(|call| !call.contains("continue=")).count();
        assert_eq!(begun, begins);
        assert!(found.iter().all(|pod| pod["kind"] == "Pod" && pod["apiVersion"] == "v1"));
        assert!(
            found.iter().all(|pod| pod["metadata"].get("managedFields").is_none()),
            "{found:?}"
        );
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
