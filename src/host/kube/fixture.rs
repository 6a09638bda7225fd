//! What tests around the Kubernetes API need: a workbench with a real host, and what was said on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::host::docker::Engine;
use crate::host::process::ProcessRunner;
use crate::host::workbench::{Announcement, Announcer, Workbench};

/// What was said, in order.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<Announcement>>>);

impl Said {
    /// What was done or waited for.
    pub(crate) fn doing(&self) -> Vec<String> {
        let said = self.0.lock().unwrap();
        let doing = said.iter().filter_map(|said| match said {
            Announcement::Doing(what) => Some(what.clone()),
            Announcement::Warning { .. } => None,
        });
        doing.collect()
    }

    /// The codes of the warnings.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        let said = self.0.lock().unwrap();
        let codes = said.iter().filter_map(|said| match said {
            Announcement::Warning { code, .. } => Some(*code),
            Announcement::Doing(_) => None,
        });
        codes.collect()
    }

    fn announcer(&self) -> Announcer {
        let said = Arc::clone(&self.0);
        Arc::new(move |news| said.lock().unwrap().push(news))
    }
}

/// A workbench in this folder, with HOME there and nothing but PATH beside the given variables.
pub(crate) fn bench(root: &Path, variables: &[(&str, &str)]) -> (Workbench, Said) {
    let home = root.to_string_lossy().into_owned();
    let mut env = BTreeMap::from([
        ("HOME".to_owned(), home),
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
    ]);
    env.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let env = Arc::new(env);
    let said = Said::default();
    let bench = Workbench {
        host: Host {
            runner: Arc::new(ProcessRunner::new(Arc::clone(&env), CancellationToken::new())),
            docker: Engine::new(Arc::clone(&env)),
            env,
        },
        root: root.to_owned(),
        deadline: Instant::now() + Duration::from_secs(60),
        cancel: CancellationToken::new(),
        lines: Arc::new(|_, _| ()),
        announce: said.announcer(),
    };
    (bench, said)
}
