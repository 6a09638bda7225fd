//! `mlup urls`: where the environment answers and how to log in there. The only place that shows a
//! password, because that is what it is asked for.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Format;
use crate::commands::output;
use crate::commands::session::{Project, Session};
use crate::config::model::{Check, Login, LoginValue};
use crate::error::{Error, Exit};
use crate::event::Url;
use crate::plan::{self, StepId, StepKind};
use crate::redact::Secret;
use crate::report::table;
use crate::steps::check::doors::{Door, Guide};
use crate::steps::compose;

/// One address.
#[derive(Debug, Default, Serialize)]
struct Row {
    name: String,
    url: String,
    /// The address as it is written, where the cluster completes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// What could not be found out, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Row {
    fn of(door: Door) -> Self {
        let Door { name, url, written, note } = door;
        Self { name, url, written, note, ..Self::default() }
    }

    fn cells(&self) -> Vec<String> {
        let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let (user, password) = (or_dash(&self.user), or_dash(&self.password));
        vec![self.name.clone(), self.url.clone(), user, password, or_dash(&self.note)]
    }
}

/// Carries out `mlup urls`.
pub(super) fn urls(session: &Session, format: Format) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let rows = project.work(rows(&project))??;
    output::print(session, format, &rows, |width| {
        let mut header = vec!["name", "url", "user", "password", "note"];
        let mut cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
        if rows.iter().all(|row| row.note.is_none()) {
            header.truncate(4);
            for row in &mut cells {
                row.truncate(4);
            }
        }
        table::render(&header, &cells, width)
    })?;
    Ok(Exit::Ok.into())
}

async fn rows(project: &Project) -> Result<Vec<Row>, Error> {
    let ctx = project.reading(&StepId::single("urls"));
    let mut guide = Guide::new(&ctx);
    let mut rows = Vec::new();
    for check in &project.config.checks {
        let Some(door) = guide.door(check).await else { continue };
        let mut row = Row::of(door);
        if let Some(login) = &check.login {
            let key = guide.key(login).await;
            let shown = |value: Option<Secret>| value.map(|value| value.expose().to_owned());
            (row.user, row.password) = (shown(key.user), shown(key.password));
            row.note = row.note.or(key.note);
        }
        rows.push(row);
    }
    let known: Vec<String> = rows.iter().map(|row| authority(&row.url)).collect();
    let published = published(project, &known).await?;
    rows.extend(published.into_iter().map(|Url { name, url, .. }| Row {
        name,
        url,
        ..Row::default()
    }));
    Ok(rows)
}

/// Where the environment answers: what checks ask on this machine, then the other ports that
/// running services publish. Without passwords: this goes into events.
///
/// # Errors
/// Docker cannot be asked.
pub(super) async fn addresses(project: &Project) -> Result<Vec<Url>, Error> {
    let ctx = project.reading(&StepId::single("urls"));
    let mut guide = Guide::new(&ctx);
    let mut addresses = Vec::new();
    for check in &project.config.checks {
        addresses.extend(guide.door(check).await.map(|door| url(check, door)));
    }
    let known: Vec<String> = addresses.iter().map(|url| authority(&url.url)).collect();
    addresses.extend(published(project, &known).await?);
    Ok(addresses)
}

/// The ports that running services publish, without those at addresses that are known.
async fn published(project: &Project, known: &[String]) -> Result<Vec<Url>, Error> {
    let mut addresses: Vec<Url> = Vec::new();
    for step in plan::start(&project.config)?.steps() {
        if let StepKind::Compose(deploy) = &step.kind {
            let ctx = project.reading(&step.id);
            let found = compose::urls(deploy, &ctx).await;
            let mut found = found.map_err(Error::failure(step.id.as_str()))?;
            found.retain(|url| {
                let own = authority(&url.url);
                !known.contains(&own) && !addresses.iter().any(|url| authority(&url.url) == own)
            });
            addresses.extend(found);
        }
    }
    Ok(addresses)
}

/// The address of a check as events have it.
fn url(check: &Check, door: Door) -> Url {
    Url { name: door.name, url: door.url, login: check.login.as_ref().map(login_words) }
}

/// How one logs in, without anything secret.
fn login_words(login: &Login) -> String {
    match &login.user {
        LoginValue::Given(user) => format!("user {}", user.expose()),
        LoginValue::Kept { namespace, secret, .. } => {
            let place = namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
            format!("user in secret {place}{secret}")
        }
    }
}

/// Host and port, with one spelling for this machine.
fn authority(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).replace("127.0.0.1", "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_spelling() {
        assert_eq!(authority("http://127.0.0.1:80/health"), authority("tcp://localhost:80"));
        assert_ne!(authority("http://localhost:80"), authority("http://localhost:8080"));
    }
}
