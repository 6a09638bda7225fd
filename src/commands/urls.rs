//! `mlup urls`: where the environment answers and how to log in there. The only place that shows a
//! password, because that is what it is asked for.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Format;
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::config::model::{Check, CheckProbe, Vantage};
use crate::error::{Error, Exit};
use crate::event::Url;
use crate::plan::{self, StepKind};
use crate::report::table;
use crate::steps::compose;

/// One address.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.name.clone(), self.url.clone(), or_dash(&self.user), or_dash(&self.password)]
    }
}

/// Carries out `mlup urls`.
pub(super) fn urls(session: &Session, format: Format) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let addresses = session::runtime()?.block_on(addresses(&project))?;
    let rows: Vec<Row> = addresses.into_iter().map(|url| with_login(&project, url)).collect();
    output::print(session, format, &rows, |width| {
        let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
        table::render(&["name", "url", "user", "password"], &cells, width)
    })?;
    Ok(Exit::Ok.into())
}

/// The address together with the login of the check that it belongs to.
fn with_login(project: &Project, url: Url) -> Row {
    let check = project.config.checks.iter().find(|check| check.name == url.name);
    let login = check.and_then(|check| check.login.as_ref());
    Row {
        name: url.name,
        url: url.url,
        user: login.map(|login| login.user.clone()),
        password: login.map(|login| login.password.expose().to_owned()),
    }
}

/// Where the environment answers: what checks ask on this machine, then the other ports that
/// running services publish. Without passwords: this goes into events.
///
/// # Errors
/// Docker cannot be asked.
pub(super) async fn addresses(project: &Project) -> Result<Vec<Url>, Error> {
    let mut addresses: Vec<Url> = project.config.checks.iter().filter_map(checked).collect();
    for step in plan::start(&project.config)?.steps() {
        if let StepKind::Compose(deploy) = &step.kind {
            let ctx = project.reading(&step.id);
            let published = compose::urls(deploy, &ctx).await;
            let published = published.map_err(Error::failure(step.id.as_str()))?;
            let new = |url: &Url| !addresses.iter().any(|known| authority(known) == authority(url));
            addresses.extend(published.into_iter().filter(new).collect::<Vec<_>>());
        }
    }
    Ok(addresses)
}

/// The address that a check asks on this machine.
fn checked(check: &Check) -> Option<Url> {
    let url = match &check.probe {
        CheckProbe::Http(http) if check.from == Vantage::Host => http.url.clone(),
        CheckProbe::Tcp(address) if check.from == Vantage::Host => format!("tcp://{address}"),
        _ => return None,
    };
    let login = check.login.as_ref().map(|login| format!("user {}", login.user));
    Some(Url { name: check.name.clone(), url, login })
}

/// Host and port, with one spelling for this machine.
fn authority(url: &Url) -> String {
    let rest = url.url.split_once("://").map_or(url.url.as_str(), |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).replace("127.0.0.1", "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_spelling() {
        let of =
            |url: &str| authority(&Url { name: String::new(), url: url.to_owned(), login: None });
        assert_eq!(of("http://127.0.0.1:80/health"), of("tcp://localhost:80"));
        assert_ne!(of("http://localhost:80"), of("http://localhost:8080"));
    }
}
