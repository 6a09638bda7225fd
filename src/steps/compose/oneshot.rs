//! Which services run once and end. Pure.
//!
//! Certain are those that another service needs completed, and those named in `optional` that
//! nobody restarts in any case. For the rest there is only the trace of a container that exited 0 and is not restarted: it counts
//! as a finished one-shot when it ended while others ran, publishes nothing, and has no
//! healthcheck. A service that `stop` ended looks the same except that nothing ran beside it any
//! more; it has to be started again. One that made way for the cluster looks the same even beside
//! others: the engine keeps the mark of that.

use jiff::SignedDuration;

use super::project::Project;
use crate::host::containers::{Container, RestartPolicy, Status};

/// A one-shot may be over before the services that were started with it are up.
const STARTED_TOGETHER: SignedDuration = SignedDuration::from_secs(10);

/// Whether the project's files or the deploy declare that the container ends by itself.
pub(super) fn is_declared(project: &Project, container: &Container) -> bool {
    let always =
        matches!(container.restart_policy, RestartPolicy::Always | RestartPolicy::UnlessStopped);
    project.one_shots.contains(&container.service)
        || (project.optional.contains(&container.service) && !always)
}

/// Whether the container, which exited, is a one-shot that has done its work.
pub(super) fn is_finished(project: &Project, container: &Container, all: &[Container]) -> bool {
    let ended_well = container.status == Status::Exited && container.exit_code == 0;
    ended_well
        && !container.interrupted
        && (is_declared(project, container)
            || (looks_like_one(project, container) && ran_beside_another(container, all)))
}

/// Whether nothing speaks against the container being a one-shot.
pub(super) fn looks_like_one(project: &Project, container: &Container) -> bool {
    let service = project.model.services.get(&container.service);
    container.restart_policy == RestartPolicy::Never
        && container.health.is_none()
        && service.is_some_and(|service| service.ports.is_empty())
}

fn ran_beside_another(container: &Container, all: &[Container]) -> bool {
    let Some(finished) = container.finished_at else { return false };
    all.iter().any(|other| {
        other.service != container.service
            && other.status == Status::Running
            && other
                .started_at
                .is_some_and(|started| started.duration_since(finished) <= STARTED_TOGETHER)
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{container, project};
    use super::*;

    fn exited(service: &str, finished: &str) -> Container {
        let mut job = container(service);
        job.status = Status::Exited;
        job.finished_at = finished.parse().ok();
        job
    }

    fn running(service: &str, started: &str) -> Container {
        let mut up = container(service);
        up.started_at = started.parse().ok();
        up
    }

    #[test]
    fn a_job_that_ended_while_another_service_ran_is_finished() {
        let project = project(r#"{"job":{"image":"x"},"api":{"image":"x"}}"#);
        let job = exited("job", "2026-01-01T10:00:05Z");
        let all = [job.clone(), running("api", "2026-01-01T10:00:00Z")];
        assert!(is_finished(&project, &job, &all));
    }

    #[test]
    fn a_service_that_was_stopped_with_everything_else_is_not_finished() {
        let project = project(r#"{"web":{"image":"x"},"api":{"image":"x"}}"#);
        let web = exited("web", "2026-01-01T10:00:00Z");
        let all = [web.clone(), running("api", "2026-01-01T12:00:00Z")];
        assert!(!is_finished(&project, &web, &all));
        assert!(!is_finished(&project, &web, std::slice::from_ref(&web)));
    }

    #[test]
    fn a_service_with_ports_or_a_restart_policy_is_never_guessed_to_be_a_one_shot() {
        let project = project(
            r#"{"web":{"image":"x","ports":[{"published":"80"}]},"w":{"image":"x"},"api":{"image":"x"}}"#,
        );
        let api = running("api", "2026-01-01T10:00:00Z");
        let web = exited("web", "2026-01-01T10:00:05Z");
        assert!(!is_finished(&project, &web, &[api.clone(), web.clone()]));
        let mut worker = exited("w", "2026-01-01T10:00:05Z");
        worker.restart_policy = RestartPolicy::OnFailure(0);
        assert!(!is_finished(&project, &worker, &[api, worker.clone()]));
    }

    #[test]
    fn what_made_way_for_the_cluster_is_not_finished_even_beside_others() {
        let project = project(
            r#"{"mig":{"image":"x"},"job":{"image":"x"},"api":{"image":"x",
                "depends_on":{"mig":{"condition":"service_completed_successfully"}}}}"#,
        );
        let api = running("api", "2026-01-01T10:00:00Z");
        for service in ["job", "mig"] {
            let mut stopped = exited(service, "2026-01-01T10:00:05Z");
            assert!(is_finished(&project, &stopped, &[api.clone(), stopped.clone()]));
            stopped.interrupted = true;
            assert!(!is_finished(&project, &stopped, &[api.clone(), stopped.clone()]));
        }
    }

    #[test]
    fn an_optional_service_that_is_restarted_in_any_case_is_no_one_shot() {
        let mut project = project(r#"{"gpu":{"image":"x"}}"#);
        project.optional.insert("gpu".to_owned());
        let mut gpu = exited("gpu", "2026-01-01T10:00:05Z");
        assert!(is_finished(&project, &gpu, std::slice::from_ref(&gpu)));
        gpu.restart_policy = RestartPolicy::UnlessStopped;
        assert!(!is_finished(&project, &gpu, std::slice::from_ref(&gpu)));
    }

    #[test]
    fn a_declared_one_shot_is_finished_whatever_else_runs() {
        let project = project(
            r#"{"mig":{"image":"x"},"api":{"image":"x","depends_on":{"mig":{"condition":"service_completed_successfully"}}}}"#,
        );
        let mig = exited("mig", "2026-01-01T10:00:00Z");
        assert!(is_finished(&project, &mig, std::slice::from_ref(&mig)));
        let mut failed = mig.clone();
        failed.exit_code = 1;
        assert!(!is_finished(&project, &failed, std::slice::from_ref(&failed)));
    }
}
