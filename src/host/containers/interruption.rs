//! Containers that are stopped only for a while and have to come back. That they do must not be
//! forgotten when mlup is killed in between, and the exit code cannot tell it: a service that
//! exits 0 on a stop looks like a one-shot that is done. So the engine keeps the mark: as long as
//! a container is interrupted, its restart policy is `on-failure` with a number of retries that
//! nobody writes, which also spells the policy that it had. Such a policy starts nothing that was
//! stopped, not even when the engine restarts, as `always` would.

use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{
    ContainerUpdateBody, RestartPolicy as EnginePolicy, RestartPolicyNameEnum as Name,
};
use tokio::time::sleep;

use super::{Container, RestartPolicy, Status, inspect, is_missing};
use crate::host::docker::{Engine, classify};
use crate::policy::{Class, Failure};

/// Numbers of retries from here on are marks.
const MARK: i64 = 1_000_000_000;

/// Between two looks at a container whose stop takes longer than the engine's answer may.
const PATIENCE: Duration = Duration::from_millis(500);

/// The restart policy, and whether it is marked: then the policy is the one from before.
pub(super) fn read(policy: Option<EnginePolicy>) -> (RestartPolicy, bool) {
    let retries = policy.as_ref().and_then(|policy| policy.maximum_retry_count).unwrap_or(0);
    match policy.and_then(|policy| policy.name) {
        None | Some(Name::EMPTY | Name::NO) => (RestartPolicy::Never, false),
        Some(Name::ALWAYS) => (RestartPolicy::Always, false),
        Some(Name::UNLESS_STOPPED) => (RestartPolicy::UnlessStopped, false),
        Some(Name::ON_FAILURE) => match retries - MARK {
            ..0 => (RestartPolicy::OnFailure(retries), false),
            0 => (RestartPolicy::Never, true),
            1 => (RestartPolicy::Always, true),
            2 => (RestartPolicy::UnlessStopped, true),
            spelt => (RestartPolicy::OnFailure(spelt - 3), true),
        },
    }
}

/// The mark that spells this policy.
fn mark(policy: RestartPolicy) -> EnginePolicy {
    let spelt = match policy {
        RestartPolicy::Never => 0,
        RestartPolicy::Always => 1,
        RestartPolicy::UnlessStopped => 2,
        RestartPolicy::OnFailure(retries) => 3 + retries,
    };
    EnginePolicy { name: Some(Name::ON_FAILURE), maximum_retry_count: Some(MARK + spelt) }
}

/// The policy itself.
fn plain(policy: RestartPolicy) -> EnginePolicy {
    let (name, retries) = match policy {
        RestartPolicy::Never => (Name::NO, 0),
        RestartPolicy::Always => (Name::ALWAYS, 0),
        RestartPolicy::UnlessStopped => (Name::UNLESS_STOPPED, 0),
        RestartPolicy::OnFailure(retries) => (Name::ON_FAILURE, retries),
    };
    EnginePolicy { name: Some(name), maximum_retry_count: Some(retries) }
}

/// Marks a container and stops it, with the grace that it has of its own; one that does not run
/// is left as it is, one that is gone is no error.
///
/// # Errors
/// The engine refused, or something started it again.
pub async fn begin(engine: &Engine, container: &Container) -> Result<(), Failure> {
    if !is_up(container.status) {
        return Ok(());
    }
    // The mark goes first: stopped without it, the container would be forgotten.
    set_policy(engine, container, mark(container.restart_policy)).await?;
    match engine.client().await?.stop_container(&container.id, None).await {
        Ok(()) => {}
        Err(error) if is_missing(&error) => return Ok(()),
        Err(Error::RequestTimeoutError) => return ended(engine, container).await,
        Err(error) => return Err(classify(&error, &format!("stop `{}`", container.name))),
    }
    match inspect(engine, &container.id).await? {
        Some(now) if is_up(now.status) => Err(Failure::new(
            Class::Transient,
            "SERVICE_STARTED_AGAIN",
            format!("container `{}` was stopped and runs again", container.name),
        )),
        _ => Ok(()),
    }
}

/// Takes the mark off, once the container is up again.
///
/// # Errors
/// The engine refused.
pub async fn end(engine: &Engine, container: &Container) -> Result<(), Failure> {
    if !container.interrupted {
        return Ok(());
    }
    set_policy(engine, container, plain(container.restart_policy)).await
}

fn is_up(status: Status) -> bool {
    matches!(status, Status::Running | Status::Restarting | Status::Paused)
}

/// Waits for a stop that the engine carries out; the caller limits the time.
async fn ended(engine: &Engine, container: &Container) -> Result<(), Failure> {
    while inspect(engine, &container.id).await?.is_some_and(|now| is_up(now.status)) {
        sleep(PATIENCE).await;
    }
    Ok(())
}

async fn set_policy(
    engine: &Engine,
    container: &Container,
    policy: EnginePolicy,
) -> Result<(), Failure> {
    let update = ContainerUpdateBody { restart_policy: Some(policy), ..Default::default() };
    match engine.client().await?.update_container(&container.id, update).await {
        Ok(()) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => {
            let doing = format!("set the restart policy of `{}`", container.name);
            Err(classify(&error, &doing))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_spells_the_policy_that_it_hides() {
        for policy in [
            RestartPolicy::Never,
            RestartPolicy::Always,
            RestartPolicy::UnlessStopped,
            RestartPolicy::OnFailure(0),
            RestartPolicy::OnFailure(5),
        ] {
            assert_eq!(read(Some(plain(policy))), (policy, false));
            assert_eq!(read(Some(mark(policy))), (policy, true));
        }
    }

    #[test]
    fn no_policy_is_never() {
        assert_eq!(read(None), (RestartPolicy::Never, false));
        let empty = EnginePolicy { name: Some(Name::EMPTY), maximum_retry_count: None };
        assert_eq!(read(Some(empty)), (RestartPolicy::Never, false));
    }
}
