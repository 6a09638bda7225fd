//! Rules on accounts: of AWS for registries of ECR, and the programs that keep Docker's logins.

use super::draft::{draft, said};
use super::facts::{Cloud, Facts, Helper};
use super::table::of_code;
use crate::doctor::finding::Finding;
use crate::doctor::rule::UNKNOWN;
use crate::event;

/// `CLD-01` to `CLD-07`, `DOC-10`, `REG-02`, `REG-04`.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let clouds = facts.clouds.iter().filter_map(of_cloud);
    let helpers = facts.helpers.iter().filter(|helper| !helper.is_there).map(missing);
    let logins = facts.logins.iter().filter_map(|(server, refused)| of_login(server, refused));
    clouds.chain(helpers).chain(logins).collect()
}

fn of_cloud(cloud: &Cloud) -> Option<Finding> {
    let refused = cloud.identity.refused().or(cloud.token.refused())?;
    let name = cloud.servers.first().map_or("aws", String::as_str);
    let rule = match refused.code.as_str() {
        "CLOCK_WRONG" => "CLD-05",
        code => of_code(code).map_or(UNKNOWN.id, |rule| rule.id),
    };
    let mut finding = said(rule, "registry", name, refused);
    if let Some(identity) = cloud.identity.seen() {
        finding = finding.because("sts get-caller-identity", identity.clone());
        finding.evidence.truncate(5);
    }
    Some(finding)
}

fn missing(helper: &Helper) -> Finding {
    let name = helper.program.trim_start_matches("docker-credential-");
    let summary = format!(
        "Docker asks `{}` for logins of {}, and it is not on PATH",
        helper.program,
        helper.servers.join(", ")
    );
    draft("DOC-10", "tool", &helper.program, summary)
        .because(helper.file.clone(), format!("names `{name}`"))
        .because("PATH", format!("no `{}`", helper.program))
        .mended_by(format!(
            "install {}, or take `{name}` out of {} (keep a copy)",
            helper.program, helper.file
        ))
}

fn of_login(server: &str, refused: &event::Finding) -> Option<Finding> {
    of_code(&refused.code).map(|rule| said(rule.id, "registry", server, refused))
}
