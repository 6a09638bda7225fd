//! What tests around the Kubernetes API need: a workbench with a real host, and what is said on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::host::docker::Engine;
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
use crate::host::testing::Said;
use crate::host::workbench::Workbench;

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
            ssh: Connections::default(),
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
