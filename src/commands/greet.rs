//! A machine that is met for the first time: its host key is shown before a run begins, to somebody
//! at a terminal. Where there is nobody, the run itself refuses, and says what to do.

use crate::commands::session::{Project, Session};
use crate::config::model::Provider;
use crate::error::Error;
use crate::host::ssh::Ssh;
use crate::plan::StepId;
use crate::policy::ssh::HostKey;
use crate::report::Front;

/// Makes the connection to the machine of the cluster where somebody could be asked about its host
/// key, and asks. Whatever else is wrong is the run's to find and to tell.
///
/// # Errors
/// `REFUSED`: the key was not agreed to; it is another one after that.
pub(super) fn greet(session: &Session, project: &Project) -> Result<(), Error> {
    let cluster = project.config.cluster.as_ref();
    let cluster = cluster.filter(|cluster| cluster.provider == Provider::K3s);
    let Some(host) = cluster.and_then(|cluster| cluster.k3s.host.as_ref()) else { return Ok(()) };
    let terminals = session.terminal.terminals;
    let is_talking = !matches!(session.terminal.front, Front::Json | Front::Quiet);
    if !(terminals.stdin && terminals.stderr && is_talking) {
        return Ok(());
    }
    let step = StepId::single("cluster");
    let ssh = Ssh::new(host, &project.reading(&step).workbench());
    let runtime = super::session::runtime()?;
    let met = runtime.block_on(ssh.connect());
    let Some(key) = met.err().as_ref().and_then(HostKey::of) else { return Ok(()) };
    let question = format!(
        "`{host}` is not known yet. It shows the host key\n  {key}\nIs that its own? Compare it, then \
         type `yes` to trust it from now on: "
    );
    let answer = session.invocation.ask(&question);
    if !answer.is_some_and(|answer| answer == "yes" || answer == key.fingerprint) {
        let help = format!("ask who runs it for the fingerprint, or log in once: ssh {host}");
        return Err(Error::refused("nothing was done: the host key is not agreed to", help));
    }
    runtime.block_on(ssh.accept(&key)).map_err(Error::failure(step.as_str()))
}
