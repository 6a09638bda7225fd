//! Every command that a finding of a recorded incident advises can be typed as it stands: one line
//! for a shell, for one cluster and one namespace, about objects that are there or that it makes.

use serde_json::Value;

use super::finding::Finding;
use super::fixture::{found, ids};
use crate::event::Form;
use crate::manifest::read;
use crate::readiness::fixture::{corpus, snapshot};

/// The context of the recorded cluster, as nobody would name one who likes shells.
const CONTEXT: &str = "it's the lab";

/// Programs whose name at the beginning of words would be a command.
const PROGRAMS: [&str; 8] = ["mlup", "kubectl", "helm", "docker", "minikube", "k3d", "aws", "sudo"];

#[test]
fn each_command_is_one_line_for_one_cluster_about_objects_of_it() {
    let mut wrong = Vec::new();
    let mut commands = 0;
    for id in ids(&corpus()) {
        let (objects, world) = snapshot(&id);
        for finding in found(&corpus().join(&id), &world) {
            let finding = finding.pinned(CONTEXT);
            commands += usize::from(is_command(&finding));
            let objection = objection(&finding, &objects);
            wrong.extend(objection.map(|words| format!("{id}: {words}: {:?}", finding.fix)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(commands > 15, "only {commands} commands");
}

fn is_command(finding: &Finding) -> bool {
    finding.fix.as_ref().is_some_and(|fix| fix.form != Some(Form::Advice))
}

/// What is wrong about the fix of a finding.
fn objection(finding: &Finding, objects: &[Value]) -> Option<String> {
    let Some(fix) = &finding.fix else { return Some("no fix".to_owned()) };
    let Some(words) = shlex::split(&fix.command) else {
        let is_advice = fix.form == Some(Form::Advice);
        return (!is_advice).then(|| "no words of a shell".to_owned());
    };
    let first = words.first().map(String::as_str).unwrap_or_default();
    match fix.form {
        None => Some("nobody says whether it is a command".to_owned()),
        Some(Form::Advice) => {
            PROGRAMS.contains(&first).then(|| "a command that calls itself advice".to_owned())
        }
        Some(Form::Template) if !fix.command.contains("...") => Some("no blank".to_owned()),
        Some(Form::Command) if fix.command.contains("...") => Some("a blank".to_owned()),
        Some(_) if first == "kubectl" => of_kubectl(finding, &words, objects),
        Some(_) => (!PROGRAMS.contains(&first)).then(|| format!("no program {first}")),
    }
}

fn of_kubectl(finding: &Finding, words: &[String], objects: &[Value]) -> Option<String> {
    if words[1..3] != ["--context", CONTEXT] {
        return Some("not for the cluster".to_owned());
    }
    let namespace = match words[3].as_str() {
        "-n" => words[4].as_str(),
        _ => "",
    };
    let rest = if namespace.is_empty() { &words[3..] } else { &words[5..] };
    let near = std::iter::once(&finding.root).chain(&finding.affects);
    let places: Vec<&str> = near.map(|root| root.namespace.as_str()).collect();
    let is_node = ["annotate", "label", "taint", "uncordon"].contains(&rest[0].as_str());
    // A namespace is looked into by its own name.
    let is_place = places.contains(&namespace) || finding.root.name == namespace;
    if !is_place && !is_node || namespace.is_empty() != is_node {
        return Some(format!("namespace {namespace:?} is not of {places:?}"));
    }
    let is_new = rest[0] == "create";
    let says =
        |name: &str| rest.iter().any(|word| word == name || word.ends_with(&format!("/{name}")));
    let is_there = objects
        .iter()
        .any(|object| read::namespace(object) == namespace && says(read::name(object)));
    let looks_around = rest[0] == "get";
    let is_right =
        looks_around || if is_new { says(&finding.root.name) && !is_there } else { is_there };
    (!is_right).then(|| "it names no object of the cluster, or makes one that is there".to_owned())
}
