//! Events as controllers, the scheduler and the kubelet write them: the same again counts up.

use serde_json::{Value, json};

use super::super::world::World;
use super::objects::{name, namespace, stamp, text, uid};

/// Something to be told about an object.
pub(super) struct Event<'e> {
    pub(super) about: &'e Value,
    /// The part of the object, such as `spec.containers{api}`.
    pub(super) part: Option<String>,
    /// Who tells it.
    pub(super) by: &'static str,
    pub(super) severity: Severity,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Whether something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Normal,
    Warning,
}

impl<'e> Event<'e> {
    /// Something that goes its way.
    pub(super) fn normal(
        by: &'static str,
        about: &'e Value,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let (part, severity, message) = (None, Severity::Normal, message.into());
        Self { about, part, by, severity, reason, message }
    }

    /// Something that is wrong.
    pub(super) fn warning(
        by: &'static str,
        about: &'e Value,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let event = Self::normal(by, about, reason, message);
        Self { severity: Severity::Warning, ..event }
    }

    /// Says which part of the object it is about.
    pub(super) fn on(self, part: &str) -> Self {
        Self { part: Some(part.to_owned()), ..self }
    }

    /// Writes it.
    pub(super) fn tell(self, world: &mut World) {
        if self.by == SCHEDULER {
            return self.tell_once(world);
        }
        let is_same = |own: &Value| {
            text(own, "/involvedObject/uid") == uid(self.about)
                && own["reason"] == self.reason
                && own["message"] == self.message.as_str()
                && own["involvedObject"]["fieldPath"].as_str() == self.part.as_deref()
        };
        if let Some(mut known) = world.objects("Event").into_iter().find(is_same) {
            known["count"] = (known["count"].as_i64().unwrap_or(1) + 1).into();
            known["lastTimestamp"] = stamp().into();
            return world.store(known);
        }
        let mut event = self.head(world);
        let host = text(self.about, "/spec/nodeName");
        event["eventTime"] = Value::Null;
        event["firstTimestamp"] = stamp().into();
        event["lastTimestamp"] = stamp().into();
        event["count"] = 1.into();
        event["source"] = json!({ "component": self.by });
        if self.by == KUBELET {
            event["source"]["host"] = host.into();
            event["reportingInstance"] = host.into();
        }
        world.store(event);
    }

    /// As the scheduler writes: without counts, by the newer way.
    fn tell_once(self, world: &mut World) {
        let mut event = self.head(world);
        let is_bound = self.severity == Severity::Normal;
        event["action"] = if is_bound { "Binding" } else { "Scheduling" }.into();
        event["eventTime"] = stamp().replace('Z', ".000000Z").into();
        event["firstTimestamp"] = Value::Null;
        event["lastTimestamp"] = Value::Null;
        event["source"] = json!({});
        event["reportingInstance"] = "default-scheduler-0".into();
        world.store(event);
    }

    fn head(&self, world: &World) -> Value {
        let about = self.about;
        let mut involved = json!({
            "apiVersion": about["apiVersion"], "kind": about["kind"], "name": name(about),
            "uid": uid(about), "resourceVersion": about["metadata"]["resourceVersion"],
        });
        let within = namespace(about);
        if !within.is_empty() {
            involved["namespace"] = within.into();
        }
        if let Some(part) = &self.part {
            involved["fieldPath"] = part.as_str().into();
        }
        let own = format!("{}.{:016x}", name(about), 0x18ea_0000_0000_0000 + world.version);
        let severity = if self.severity == Severity::Normal { "Normal" } else { "Warning" };
        let within = if within.is_empty() { "default" } else { within };
        json!({
            "kind": "Event", "apiVersion": "v1",
            "metadata": { "name": own, "namespace": within },
            "involvedObject": involved, "reason": self.reason, "message": self.message,
            "type": severity, "reportingComponent": self.by, "reportingInstance": "",
        })
    }
}

/// Who places pods.
pub(super) const SCHEDULER: &str = "default-scheduler";
/// Who runs them.
pub(super) const KUBELET: &str = "kubelet";
