//! Every command that a finding of an incident advises can be typed as it stands: one line
//! for a shell, for one cluster and one namespace, about objects that are there or that it makes.

use serde_json::Value;

use super::finding::Finding;
use super::fixture::{found, ids};
use crate::event::Form;
use crate::manifest::read;
use crate::readiness::fixture::{constructed, corpus, objects_in, world_of};

/// The context of the recorded cluster, as nobody would name one who likes shells.
const CONTEXT: &str = "it's the lab";

/// Programs whose name at the beginning of words would be a command.
const PROGRAMS: [&str; 8] = ["mlup", "kubectl", "helm", "docker", "minikube", "k3d", "aws", "sudo"];

#[test]
fn each_command_is_one_line_for_one_cluster_about_objects_of_it() {
    let mut wrong = Vec::new();
    let mut commands = 0;
    for folder in [corpus(), constructed()] {
        for id in ids(&folder) {
            let objects = objects_in(&folder.join(&id));
            for finding in found(&folder.join(&id), &world_of(objects.clone())) {
                let finding = finding.pinned(CONTEXT);
                commands += usize::from(is_command(&finding));
                let objection = objection(&finding, &objects);
                wrong.extend(objection.map(|words| format!("{id}: {words}: {:?}", finding.fix)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(commands > 40, "only {commands} commands");
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
    let is_node = ["annotate", "label", "taint", "uncordon"].contains(&rest[0].as_str())
        || ["node", "pv"].contains(&rest[1].as_str());
    // A namespace is looked into by its own name, and the cluster's own parts where they run.
    let is_of_cluster = namespace == "kube-system" && rest[0] == "get";
    let is_place = places.contains(&namespace) || finding.root.name == namespace || is_of_cluster;
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

/// What somebody keeps as it is, is not patched in the cluster: the place is named from which it
/// comes.
mod kept {
    use serde_json::{Value, json};

    use super::super::cluster::findings;
    use super::CONTEXT;
    use crate::event::Fix;
    use crate::manifest::read;
    use crate::readiness::fixture::snapshot;
    use crate::readiness::{LogSource, World};

    const HELM: (&str, &str) = ("meta.helm.sh/release-name", "lab-release");
    const ARGO: (&str, &str) = ("argocd.argoproj.io/tracking-id", "lab-app:apps/Deployment:a/b");

    /// Kinds that a chart has; their pods and replica sets are made by controllers.
    const APPLIED: [&str; 8] = [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "Service",
        "PersistentVolumeClaim",
        "Secret",
        "ConfigMap",
    ];

    /// The fix of an incident whose objects all bear this mark.
    fn fix(id: &str, (name, value): (&str, &str)) -> Fix {
        let (mut objects, known) = snapshot(id);
        let applied = |object: &&mut Value| APPLIED.contains(&read::kind(object));
        for object in objects.iter_mut().filter(applied) {
            object["metadata"]["annotations"][name] = json!(value);
        }
        let mut world = World::of(objects);
        for kind in ["Secret", "ConfigMap", "Event", "EndpointSlice", "StorageClass"] {
            if known.knows(kind) && !world.knows(kind) {
                world.set(kind, Vec::new());
            }
        }
        let found = findings(&world, None, &|_: &LogSource| -> Option<String> { None });
        found[0].clone().pinned(CONTEXT).fix.unwrap()
    }

    #[test]
    fn the_values_of_a_release_are_named_in_place_of_a_patch() {
        for (id, path) in [
            ("crash-oom-killed", "resources.limits.memory"),
            ("pull-tag-not-found", "image.tag"),
            ("pull-bitnami-gone", "image.repository"),
            ("pvc-unknown-class", "global.storageClass"),
        ] {
            let command = fix(id, HELM).command;
            let begin = r"helm --kube-context 'it'\''s the lab' -n ";
            assert!(command.starts_with(begin), "{id}: {command}");
            assert!(command.contains(&format!(" --set {path}=...")), "{id}: {command}");
        }
    }

    #[test]
    fn no_command_changes_what_is_taken_back() {
        for id in [
            "crash-oom-killed",
            "sch-insufficient-cpu",
            "svc-selector-mismatch",
            "svc-target-port-wrong",
            "cfg-missing-secret-keys",
            "probe-readiness-wrong-port",
            "probe-liveness-slow-start",
            "pvc-unknown-class",
            "pull-bitnami-gone",
        ] {
            let fix = fix(id, ARGO);
            assert!(fix.command.contains("Argo CD application `lab-app`"), "{id}: {}", fix.command);
            assert_eq!(fix.form, Some(crate::event::Form::Advice), "{id}");
        }
    }
}
