//! Recordings of a real server, played against the fake in their order: what it answers has to be
//! what was recorded, but for values that differ from server to server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;

/// Values that no two servers have in common.
const VOLATILE: [&str; 9] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "continue",
    "clusterIP",
    "clusterIPs",
    "ca.crt",
];

/// Recording, place in its answer, and why the fake says something else there.
const ACCEPTED: [(&str, &str, &str); 7] = [
    (
        "20",
        "/0/object/metadata/managedFields",
        "what the fake puts in place itself has no managers",
    ),
    ("22", "/5", "the real server sent its bookmark twice"),
    ("22", "/4/object/spec", "a real bookmark has the empty fields of its kind"),
    ("22", "/4/object/status", "a real bookmark has the empty fields of its kind"),
    ("23", "/3", "the real server sent its bookmark twice"),
    ("23", "/2/object/spec", "a real bookmark has the empty fields of its kind"),
    ("23", "/2/object/status", "a real bookmark has the empty fields of its kind"),
];

/// What recordings call something, and what the fake calls it.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, String>,
}

impl Names {
    /// Learns identities and versions from an answer and its recording.
    fn learn(&mut self, recorded: &Value, answered: &Value) {
        match (recorded, answered) {
            (Value::Object(one), Value::Object(other)) => {
                for (field, value) in one {
                    let Some(own) = other.get(field) else { continue };
                    match (field.as_str(), value, own) {
                        ("uid" | "resourceVersion", Value::String(value), Value::String(own)) => {
                            // Bookmarks repeat versions; the first mention is the object's.
                            self.known.entry(value.clone()).or_insert_with(|| own.clone());
                        }
                        _ => self.learn(value, own),
                    }
                }
            }
            (Value::Array(one), Value::Array(other)) => {
                one.iter().zip(other).for_each(|(one, other)| self.learn(one, other));
            }
            _ => {}
        }
    }

    /// A request in the fake's own words.
    fn translated(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.known.get(text).unwrap_or(text).as_str().into(),
            Value::Object(fields) => {
                let fields = fields.iter();
                fields.map(|(name, value)| (name.clone(), self.translated(value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.translated(item)).collect(),
            other => other.clone(),
        }
    }

    fn translated_path(&self, path: &str) -> String {
        // No time is needed for a watch whose events are there.
        let path = path.replace("timeoutSeconds=14", "timeoutSeconds=0");
        let path = path.replace("timeoutSeconds=4", "timeoutSeconds=0");
        let Some((before, after)) = path.split_once("resourceVersion=") else { return path };
        let (version, rest) = after.split_once('&').unwrap_or((after, ""));
        let version = self.known.get(version).map_or(version, String::as_str);
        format!("{before}resourceVersion={version}&{rest}")
    }
}

/// What remains of an answer without what is volatile or accepted.
fn settled(number: &str, mut answer: Value) -> Value {
    blank(&mut answer);
    for (_, place, _) in ACCEPTED.iter().filter(|(own, ..)| *own == number) {
        let (parent, last) = place.rsplit_once('/').unwrap_or_default();
        match answer.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.shift_remove(last)),
            Some(Value::Array(items)) => items.truncate(last.parse().unwrap()),
            _ => {}
        }
    }
    answer
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if VOLATILE.contains(&name.as_str()) && !value.is_object() {
                    *value = "*".into();
                } else if name == "message"
                    && value.as_str().is_some_and(|it| it.starts_with("too old"))
                {
                    *value = "too old resource version".into();
                } else {
                    blank(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

/// What was so at the real server when the call came, and is not because of calls before it.
fn prepare(fake: &FakeKube, number: &str, recording: &Value) {
    let answer = &recording["response"];
    let objects = |from: usize| -> Vec<Value> {
        let lines = answer["lines"].as_array().cloned().unwrap_or_default();
        let changes = lines.iter().skip(from).filter(|line| line["type"] != "BOOKMARK");
        changes.map(|line| line["object"].clone()).collect()
    };
    let whole = |item: &Value, kind: &str| {
        let mut object = item.clone();
        object["kind"] = kind.into();
        object["apiVersion"] = "v1".into();
        object
    };
    fake.change(|world| match number {
        "20" => objects(1).into_iter().for_each(|object| world.store(object)),
        // The first line tells of the call that made it.
        "22" => world.when("WATCH /apis/apps", {
            let changes = objects(1);
            move |world: &mut World| changes.into_iter().for_each(|object| world.store(object))
        }),
        "23" => world.when("WATCH /api/v1", {
            let changes = objects(0);
            move |world: &mut World| changes.into_iter().for_each(|object| world.store(object))
        }),
        "24" => {
            for pod in world.objects("Pod") {
                let name = pod["metadata"]["name"].as_str().unwrap();
                world.delete("Pod", "api-recording", name);
            }
            let pod = whole(&answer["body"]["items"][0], "Pod");
            world.store(pod.clone());
            for other in 0..23 {
                let mut pod = pod.clone();
                pod["metadata"]["name"] = format!("other-{other}").into();
                pod["metadata"]["namespace"] = "default".into();
                world.store(pod);
            }
        }
        "26" => world.expire(),
        "29" => world.forbid("list", "secrets", "default"),
        "30" => world.accept_only("another"),
        "31" => world.accept_only("fake-token"),
        "34" => world.store(whole(&answer["body"]["items"][0], "Node")),
        "35" => world.hold(Held::Namespaces),
        _ => {}
    });
}

fn play(fake: &FakeKube, names: &Names, number: &str, recording: &Value) -> (u16, Value) {
    let request = &recording["request"];
    let text = |field: &str| request[field].as_str().unwrap_or_default();
    let accept = match number {
        "12" => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        _ => "application/json",
    };
    let body = names.translated(&request["body"]);
    let form = Form { content: text("content_type"), accept, body, ..Form::default() };
    let path = names.translated_path(text("path"));
    let (code, text) = raw(fake, text("method"), &path, &form).unwrap();
    let document = if path.contains("watch=true") {
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let mut lines: Vec<Value> = lines.filter(Value::is_object).collect();
        if recording["response"]["body"].is_object() { lines.remove(0) } else { lines.into() }
    } else {
        serde_json::from_str(&text).unwrap_or_else(|_| text.into())
    };
    (code, document)
}

/// The first place where two answers differ, and what they say there.
fn difference(place: &str, recorded: &Value, answered: &Value) -> String {
    let children = |value: &Value| -> Vec<(String, Value)> {
        match value {
            Value::Object(fields) => fields.clone().into_iter().collect(),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| (index.to_string(), item.clone())).collect()
            }
            _ => Vec::new(),
        }
    };
    let (own, other) = (children(recorded), children(answered));
    for (name, value) in &own {
        let found = other.iter().find(|(own, _)| own == name).map(|(_, value)| value);
        match found {
            Some(found) if found == value => {}
            Some(found) => return difference(&format!("{place}/{name}"), value, found),
            None => return format!("{place}/{name} is missing: {value}"),
        }
    }
    let extra = other.iter().find(|(name, _)| own.iter().all(|(own, _)| own != name));
    match extra {
        Some((name, value)) => format!("{place}/{name} is new: {value}"),
        None => format!("{place}: {recorded}, but now {answered}"),
    }
}

#[test]
fn recorded_calls_are_answered_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/api/calls");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 36);
    let fake = FakeKube::empty();
    let mut names = Names::default();
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let number = &name[..2];
        let recording: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        prepare(&fake, number, &recording);
        let (code, answer) = play(&fake, &names, number, &recording);
        let response = &recording["response"];
        let recorded = ["body", "lines", "text"].map(|field| response[field].clone());
        let recorded = recorded.into_iter().find(|value| !value.is_null()).unwrap();
        names.learn(&recorded, &answer);
        let (recorded, answer) = (settled(number, recorded), settled(number, answer));
        if response["status"] != code || recorded != answer {
            let difference = difference("", &recorded, &answer);
            wrong.push(format!("{name}: {} or {code}: {difference}", response["status"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
