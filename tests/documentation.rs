//! What the documents claim, held against the program: commands run, examples parse, codes and
//! links exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::Sandbox;
use crate::support::document::{blocks, copy_example, read, run_marked};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn marked_commands_of_the_readme_work_on_the_quickstart() {
    let sandbox = Sandbox::new();
    copy_example("quickstart", &sandbox);
    run_marked(&sandbox, "README.md", "test");
}

#[test]
fn marked_commands_of_the_page_on_systemd_work_on_the_quickstart() {
    let sandbox = Sandbox::new();
    copy_example("quickstart", &sandbox);
    run_marked(&sandbox, "docs/systemd.md", "test");
}

#[test]
fn marked_commands_of_the_examples_work_on_a_copy_of_their_folder() {
    let folders = fs::read_dir(root().join("examples")).unwrap();
    let examples = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let documented =
        examples.filter(|name| root().join("examples").join(name).join("README.md").exists());
    let documented: Vec<String> = documented.collect();
    assert_eq!(documented.len(), 5, "{documented:?}");
    for example in documented {
        let sandbox = Sandbox::new();
        copy_example(&example, &sandbox);
        let config = read(&format!("examples/{example}/mlup.toml"));
        let sandbox = required_by(&config)
            .into_iter()
            .fold(sandbox, |sandbox, variable| sandbox.env(&variable, "value"));
        run_marked(&sandbox, &format!("examples/{example}/README.md"), "test");
    }
}

#[test]
fn examples_of_the_configuration_are_accepted() {
    let (mut checked, mut fences) = (0, 0);
    for path in ["README.md", "docs/configuration.md", "docs/k3s.md"] {
        fences += read(path).matches("```toml").count();
        for (_, block) in blocks(&read(path), "toml") {
            let named = block.lines().any(|line| line.starts_with("name = "))
                && !block.trim_start().starts_with('[');
            let config = if named { block.clone() } else { format!("name = \"demo\"\n{block}") };
            let sandbox = Sandbox::new().file("mlup.toml", &config);
            for file in files_named_by(&block) {
                sandbox.write(&file, "");
            }
            for file in ["compose.yml", "compose.dev.yml"] {
                sandbox.write(file, "services: {}\n");
            }
            sandbox.write("k8s/api.yaml", "");
            let sandbox = variables_of(&block)
                .into_iter()
                .fold(sandbox, |sandbox, variable| sandbox.env(&variable, "8080"));
            let ran = sandbox.run(&["config", "check"]);
            assert_eq!(ran.code, Some(0), "{path}:\n{block}\n{}", ran.report());
            checked += 1;
        }
    }
    assert!(checked > 0 && checked == fences, "{checked} of {fences}");
}

/// Files that must be there for an example to be right: env files and templates.
fn files_named_by(block: &str) -> Vec<String> {
    let pattern = Regex::new(r"(?m)^(?:env_file|template) = (.*)$").unwrap();
    let name = Regex::new(r#""([^"]+)""#).unwrap();
    let lines = pattern.captures_iter(block).map(|line| line[1].to_owned());
    lines
        .flat_map(|line| {
            name.captures_iter(&line).map(|name| name[1].to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

/// Variables without which a configuration is refused.
fn required_by(config: &str) -> BTreeSet<String> {
    let strict = Regex::new(r"\$\{([A-Z0-9_]+):\?").unwrap();
    strict.captures_iter(config).map(|variable| variable[1].to_owned()).collect()
}

/// Variables that an example takes from the environment.
fn variables_of(block: &str) -> BTreeSet<String> {
    let expanded = Regex::new(r"\$\{([A-Z0-9_]+)").unwrap();
    let required = Regex::new(r"(?m)^require = \[(.*)\]").unwrap();
    let name = Regex::new(r"[A-Z][A-Z0-9_]+").unwrap();
    let mut names: BTreeSet<String> =
        expanded.captures_iter(block).map(|variable| variable[1].to_owned()).collect();
    for line in required.captures_iter(block) {
        names.extend(name.find_iter(&line[1]).map(|name| name.as_str().to_owned()));
    }
    names
}

#[test]
fn every_failure_code_is_documented_and_none_is_invented() {
    let raised =
        Regex::new(r#"(?:Failure::(?:new\(\s*[\w:.]+,|together\()\s*|\bcode: )"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*)""#)
            .unwrap();
    let literal = Regex::new(r#""([A-Z][A-Z0-9_]+)""#).unwrap();
    let (mut in_code, mut literals) = (BTreeSet::new(), BTreeSet::new());
    for path in sources(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if name.contains("test") || name.contains("fixture") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let shipped = text.split("#[cfg(test)]").next().unwrap();
        in_code.extend(raised.captures_iter(shipped).map(|code| code[1].to_owned()));
        literals.extend(literal.captures_iter(&text).map(|code| code[1].to_owned()));
    }
    let first_cell = Regex::new(r"(?m)^\| (`[A-Z][^|]*)\|").unwrap();
    let code = Regex::new(r"`([A-Z][A-Z0-9_]+)`").unwrap();
    let failures = read("docs/failures.md");
    let cells: Vec<String> =
        first_cell.captures_iter(&failures).map(|cell| cell[1].to_owned()).collect();
    let documented: BTreeSet<String> = cells
        .iter()
        .flat_map(|cell| {
            code.captures_iter(cell).map(|code| code[1].to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert!(in_code.len() > 30, "{in_code:?}");
    let missing: Vec<_> = in_code.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&literals).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:?}, invented {invented:?}"
    );
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(sources(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn every_verb_of_the_readme_has_help() {
    let readme = read("README.md");
    let table = readme.split("## Commands").nth(1).unwrap().split("\n\n").nth(1).unwrap();
    let verb = Regex::new(r"(?m)^\| `([a-z]+)").unwrap();
    let verbs: Vec<String> = verb.captures_iter(table).map(|verb| verb[1].to_owned()).collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    for verb in verbs {
        Sandbox::new().run(&[&verb, "--help"]).exits(0);
    }
}

#[test]
fn exit_codes_read_the_same_in_readme_and_help() {
    let help = Sandbox::new().run(&["--help"]).exits(0).stdout;
    let readme = read("README.md");
    let row = Regex::new(r"(?m)^\| (\d+)(?:, (\d+))? \| ").unwrap();
    let rows: Vec<String> = row
        .captures_iter(&readme)
        .flat_map(|row| {
            [row.get(1), row.get(2)]
                .into_iter()
                .flatten()
                .map(|code| code.as_str().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(rows.len(), 12, "{rows:?}");
    for code in rows {
        let line = Regex::new(&format!(r"(?m)^ *{code}  \S")).unwrap();
        assert!(line.is_match(&help), "{code} is missing in:\n{help}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    let mut followed = 0;
    for path in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/configuration.md",
        "docs/events.md",
        "docs/failures.md",
        "docs/k3s.md",
        "docs/ssh.md",
        "docs/systemd.md",
        "docs/watch.md",
    ] {
        let folder = root().join(path).parent().unwrap().to_owned();
        for target in link.captures_iter(&read(path)) {
            assert!(folder.join(&target[1]).exists(), "{path} links to {}", &target[1]);
            followed += 1;
        }
    }
    assert!(followed > 5, "{followed}");
}
