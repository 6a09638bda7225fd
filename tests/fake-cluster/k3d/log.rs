//! How k3d speaks without colours: logfmt, information on standard output, the rest on standard
//! error.

use std::io::Write;

use crate::Ended;

/// Something that happens.
pub(crate) fn info(message: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", line("info", message))?;
    stdout.flush()
}

/// Something odd.
pub(crate) fn warning(message: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{}", line("warning", message))
}

/// Something that failed.
pub(crate) fn error(message: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{}", line("error", message))
}

/// The last word of a call that failed.
pub(crate) fn fatal(message: &str) -> Ended {
    writeln!(std::io::stderr(), "{}", line("fatal", message))?;
    Ok(1)
}

fn line(level: &str, message: &str) -> String {
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let escaped = message.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("time=\"{time}\" level={level} msg=\"{escaped}\"")
}
