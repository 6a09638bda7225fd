//! Bundles of `mlup doctor` as files: a look and the last run, for somebody who cannot look
//! themselves. What is in one is `doctor/bundle`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::session::{Project, Session};
use crate::doctor::bundle::{self, About};
use crate::doctor::look::Look;
use crate::error::{Error, Exit};
use crate::host::{files, runlog};
use crate::quote::quote;
use crate::redact::Redactor;

/// Most bytes of a bundle, packed.
const MOST: u64 = 64 << 20;

/// Most bytes of the output of a step's tools, the last ones.
const OUTPUT: usize = 256 << 10;

/// The look of a bundle.
///
/// # Errors
/// There is no such file, or it is no bundle that this mlup reads.
pub(super) fn open(session: &Session, file: &Path) -> Result<Look, Error> {
    let path = session.invocation.cwd.join(file);
    let unusable = |message, help: &str| Error::Plain {
        exit: Exit::Config,
        message,
        help: Some(help.to_owned()),
    };
    let bytes = files::read_at_most(&path, MOST).map_err(|failure| {
        unusable(failure.summary, "name a file of `mlup doctor --bundle FILE`")
    })?;
    bundle::read(&bytes).map_err(|why| {
        let help = match why {
            bundle::Unreadable::Later { .. } => "install a newer mlup",
            _ => "write it anew with `mlup doctor --bundle FILE`, and send it as it is",
        };
        unusable(format!("the bundle `{}` cannot be read: {why}", file.display()), help)
    })
}

/// Where a bundle goes. Before anything is looked at: nobody waits for what cannot be kept.
///
/// # Errors
/// Something is there already, and nobody said that it may go.
pub(super) fn place(session: &Session, file: &Path) -> Result<PathBuf, Error> {
    let path = session.invocation.cwd.join(file);
    let found = files::look(&path).map_err(Error::failure("doctor"))?;
    if found == files::Entry::Absent || session.global.yes {
        return Ok(path);
    }
    let shown = file.display();
    Err(Error::refused(
        format!("`{shown}` is there already, and was left as it is"),
        format!(
            "name another file, or replace it with `mlup doctor --yes --bundle {}`",
            quote(&shown.to_string())
        ),
    ))
}

/// Writes the bundle of a look, for its owner alone.
///
/// # Errors
/// It cannot be written.
pub(super) fn save(
    session: &Session,
    project: &Project,
    look: &Look,
    redactor: &Redactor,
    path: &Path,
) -> Result<(), Error> {
    let about = About {
        project: redactor.name(&project.config.name).into_owned(),
        run: last_run(project, redactor),
    };
    let bytes = bundle::write(look, &about)
        .map_err(|error| Error::internal(format!("no bundle: {error}")))?;
    files::write(path, &bytes, 0o600).map_err(Error::failure("doctor"))?;
    let size = bytes.len().div_ceil(1024);
    session.terminal.say(&format!(
        "wrote `{}` ({size} KiB): what was seen, without secrets; read it before you send it",
        path.display()
    ));
    Ok(())
}

/// Events and tool output of the last run, without secrets; nothing where there was none.
fn last_run(project: &Project, redactor: &Redactor) -> BTreeMap<String, String> {
    let (config, env) = (&project.config, &project.host.env);
    let Some(run) = runlog::latest(env, &config.name, &config.root) else { return BTreeMap::new() };
    let mut kept = BTreeMap::new();
    let mut events = String::new();
    for mut event in run.events().unwrap_or_default() {
        event.amend(&|text| redactor.text(text));
        // What was read can be written.
        events += &serde_json::to_string(&event).unwrap_or_default();
        events.push('\n');
    }
    kept.insert("events.jsonl".to_owned(), events);
    let names = files::names_in(run.folder()).unwrap_or_default();
    for name in names.into_iter().filter(|name| name.strip_suffix(".log").is_some()) {
        let Ok(text) = files::read_text(&run.folder().join(&name)) else { continue };
        let begin = text.len().saturating_sub(OUTPUT);
        let begin = (begin..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        kept.insert(name, redactor.text(&text[begin..]));
    }
    kept
}
