//! Rules on the Docker Engine: whether it answers, and whether the docker command line and it speak
//! a common version.

use super::draft::{draft, said};
use super::facts::Facts;
use super::table::of_code;
use crate::doctor::finding::Finding;

/// `DOC-01`, `DOC-02`, `DOC-07`, `DOC-13`: why the engine does not answer.
pub(super) fn engine(facts: &Facts) -> Vec<Finding> {
    let Some(refused) = facts.engine.refused() else { return Vec::new() };
    if let Some(wrong) = &facts.daemon_file {
        let summary = "the Docker Engine does not run, and the file of its settings is no JSON";
        let finding = draft("DOC-13", "docker", "engine", summary)
            .because(wrong.source.clone(), wrong.text.clone())
            .because("endpoint", refused.summary.clone())
            .mended_by(format!("dockerd --validate --config-file {}", wrong.source));
        return vec![finding];
    }
    let rule = of_code(&refused.code).map_or("DOC-01", |rule| rule.id);
    vec![said(rule, "docker", "engine", refused)]
}

/// `DOC-07`, `CMP-05`: the docker command line and its compose plugin.
pub(super) fn client(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(refused) = facts.client.refused()
        && let Some(rule) = of_code(&refused.code).filter(|rule| rule.id == "DOC-07")
    {
        found.push(said(rule.id, "docker", "client", refused));
    }
    if let (Some(client), Some(engine)) = (facts.client.seen(), facts.engine.seen())
        && let (Some(newest), Some(oldest)) = (api(client), api(&engine.oldest_api))
        && newest < oldest
    {
        let summary = format!(
            "the docker command line speaks API {client} and older, and the engine {} and newer",
            engine.oldest_api
        );
        let finding = draft("DOC-07", "docker", "client", summary)
            .because("docker version", format!("client API {client}"))
            .because(
                "engine",
                format!("version {}, oldest API {}", engine.version, engine.oldest_api),
            )
            .mended_by("upgrade the docker command line: https://docs.docker.com/engine/install/");
        found.push(finding);
    }
    let plugin = facts.compose.refused();
    found.extend(plugin.and_then(|refused| {
        let rule = of_code(&refused.code)?;
        (rule.id == "CMP-05").then(|| said(rule.id, "docker", "compose", refused))
    }));
    found
}

/// The two numbers of an API version.
fn api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
