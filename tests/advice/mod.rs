//! Every command that mlup advises is taken by the program that it is for: no unknown subcommand, no
//! unknown flag, quoted so that a shell gives back each word, for one cluster and one namespace.

mod line;
mod programs;
mod sources;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mlup::doctor::cluster::findings;
use mlup::doctor::rejection::classify;
use mlup::event::{CommandLine, Fix, Form};
use mlup::readiness::{LogSource, World};
use serde_json::Value;

/// The context of the cluster, as nobody would name one who likes shells.
const CONTEXT: &str = "it's $HOME\n\"lab\"";

fn corpus(folder: &str) -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let entries = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// What is advised in the clusters of the corpus, for this context.
fn of_clusters() -> Vec<(String, Fix)> {
    let mut told = Vec::new();
    for folder in [corpus("incidents"), corpus("constructed")].concat() {
        let Ok(text) = fs::read_to_string(folder.join("snapshot.json")) else { continue };
        let list: Value = serde_json::from_str(&text).unwrap();
        let world = World::of(list["items"].as_array().unwrap().clone());
        let log = |log: &LogSource| {
            let name = format!("{}_{}_{}.txt", log.namespace, log.pod, log.container);
            fs::read_to_string(folder.join("logs").join(name)).ok()
        };
        let id = folder.file_name().unwrap().to_string_lossy().into_owned();
        for finding in findings(&world, None, &log) {
            let id = format!("{id} {}", finding.rule.id);
            let fix = finding.pinned(CONTEXT).fix.unwrap_or_else(|| panic!("{id}: no fix"));
            told.push((id, fix));
        }
    }
    told
}

/// What is advised where something was refused.
fn of_rejections() -> Vec<(String, Fix)> {
    let told = |folder: PathBuf| {
        let words = fs::read_to_string(folder.join("stderr.txt")).unwrap();
        let id = folder.file_name().unwrap().to_string_lossy().into_owned();
        (id, classify(&words).unwrap().fix.pinned(CONTEXT))
    };
    corpus("rejections").into_iter().map(told).collect()
}

/// The command that is carried out as root.
fn without_sudo(words: &[String]) -> &[String] {
    match words {
        [sudo, flag, rest @ ..] if sudo == "sudo" && flag == "-n" => rest,
        [sudo, rest @ ..] if sudo == "sudo" => rest,
        _ => words,
    }
}

/// What is wrong about the commands of these lines, each asked once.
fn objections(lines: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let mut asked: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (place, text) in lines {
        for words in line::commands(&text) {
            let words = without_sudo(&words);
            if programs::is_asked(words) {
                let entry = asked.entry(programs::shape(words));
                entry.or_insert_with(|| (place.clone(), words.to_vec()));
            } else {
                let objection = table::objection(words);
                wrong.extend(objection.map(|why| format!("{place}: {why}: {text}")));
            }
        }
    }
    for (place, words) in asked.values() {
        let objection = programs::objection(words);
        wrong.extend(objection.map(|why| format!("{place}: {why}: {}", words.join(" "))));
    }
    wrong
}

#[test]
fn programs_take_each_command_that_causes_advise() {
    let all = [of_clusters(), of_rejections()].concat();
    let commands = all.into_iter().filter(|(_, fix)| fix.form != Some(Form::Advice));
    let commands: Vec<_> = commands.map(|(id, fix)| (id, fix.command)).collect();
    assert!(commands.len() > 60, "only {} commands", commands.len());
    let wrong = objections(commands);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_take_each_command_of_the_sources() {
    let texts = sources::commands();
    assert!(texts.len() > 150, "only {} commands", texts.len());
    let wrong = objections(texts.into_iter().map(|text| (text.place, text.line)));
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// The words that a shell makes of a line.
fn of_a_shell(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\0' {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{line}");
    let words = String::from_utf8(output.stdout).unwrap();
    words.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn a_shell_gives_back_the_words_of_which_a_command_was_made() {
    let names = [
        "plain",
        "two words",
        "it's",
        "\"quoted\"",
        "$HOME",
        "$(touch x)",
        "`id`",
        "a\nb",
        "back\\slash",
        "#comment",
        "*",
        "~",
        "{a,b}",
        "a;b",
        "a&&b",
        "!x",
        "",
        "ä ☃",
        "-n",
        "a\tb",
    ];
    for name in names {
        let line = CommandLine::kubectl("my ns").args(["delete", "pod", name, name]);
        let fix = Fix::run(line.comment(format!("{name}'\" $(touch y)"))).pinned(CONTEXT);
        let wanted = ["kubectl", "--context", CONTEXT, "-n", "my ns", "delete", "pod", name, name];
        assert_eq!(of_a_shell(&fix.command), wanted, "{}", fix.command);
    }
}

#[test]
fn each_command_of_the_corpus_is_one_for_a_shell_and_for_its_cluster() {
    for (id, fix) in of_clusters() {
        let form = fix.form.unwrap_or_else(|| panic!("{id}: nobody says whether it is a command"));
        if form == Form::Advice {
            continue;
        }
        let words = of_a_shell(&fix.command);
        assert_eq!(line::commands(&fix.command), std::slice::from_ref(&words), "{id}");
        let option = match words[0].as_str() {
            "kubectl" => "--context",
            "helm" => "--kube-context",
            _ => continue,
        };
        assert_eq!(words[1..3], [option, CONTEXT], "{id}");
    }
}
