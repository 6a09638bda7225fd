//! `mlup config show|check|schema`: the configuration as mlup understands it.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{Config, Format};
use crate::commands::output;
use crate::commands::session::{self, Session};
use crate::config::{self, Loaded};
use crate::error::{Error, Exit};
use crate::plan;
use crate::report::table;

/// Carries out `mlup config`.
pub(super) fn config(
    session: impl FnOnce(Option<PathBuf>) -> Session,
    args: Config,
) -> Result<ExitCode, Error> {
    match args {
        Config::Show { read, origin } => show(&session(read.file.file), read.output, origin),
        Config::Check(file) => check(&session(file.file)),
        Config::Schema => schema(),
    }
}

fn show(session: &Session, format: Format, origin: bool) -> Result<ExitCode, Error> {
    let loaded = session.load()?;
    if origin {
        output::print(session, format, &loaded.origins, |width| origins(&loaded, width))?;
    } else {
        let resolved = loaded.show();
        // The resolved configuration is a tree: people read it best as YAML.
        let format = if format == Format::Table { Format::Yaml } else { format };
        output::print(session, format, &resolved, |_| String::new())?;
    }
    Ok(Exit::Ok.into())
}

fn origins(loaded: &Loaded, width: Option<usize>) -> String {
    let cells = loaded.origins.iter().map(|row| {
        let place = row.place.clone().unwrap_or_else(|| "-".to_owned());
        vec![row.path.clone(), row.value.clone(), row.layer.clone(), place]
    });
    table::render(&["key", "value", "layer", "place"], &cells.collect::<Vec<_>>(), width)
}

/// Says what is wrong, or that nothing is.
fn check(session: &Session) -> Result<ExitCode, Error> {
    let loaded = session.load()?;
    let steps = plan::start(&loaded.config)?.steps().len();
    let mut stdout = session::stdout();
    let (name, profile) = (&loaded.config.name, &loaded.config.profile);
    writeln!(stdout, "ok: {name} with profile {profile}, {steps} steps")?;
    Ok(Exit::Ok.into())
}

fn schema() -> Result<ExitCode, Error> {
    let text = output::json(&config::schema())?;
    session::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Ok.into())
}
