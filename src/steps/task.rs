//! The step of a `[[task]]`: a host command that runs unless another one says that it is done.

use crate::config::model::Task;
use crate::event::Fix;
use crate::host::cmd::{Cmd, End, Output, SpawnError};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::classify::last_lines;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::quote::quote;
use crate::redact::Secret;
use crate::steps::{StepCtx, Teardown};

pub(super) async fn probe(task: &Task, ctx: &StepCtx) -> Result<Probed, Failure> {
    let run = |why: &str| Probed::Needed(vec![Change::new(Op::Run, object(task), why)]);
    let Some(unless) = &task.unless else {
        return Ok(run("no `unless`: runs every time"));
    };
    if says_done(task, unless, ctx).await? {
        return Ok(Probed::Satisfied(Settled::succeeded("`unless` says done")));
    }
    Ok(run("`unless` says it is not done"))
}

pub(super) async fn apply(task: &Task, ctx: &StepCtx) -> Result<(), Failure> {
    execute(task, &task.run, ctx).await
}

pub(super) async fn verify(task: &Task, ctx: &StepCtx) -> Result<Settled, Failure> {
    let Some(unless) = &task.unless else {
        return Ok(Settled::succeeded("exited 0"));
    };
    if says_done(task, unless, ctx).await? {
        return Ok(Settled::succeeded("exited 0, and `unless` says done"));
    }
    Err(Failure::new(
        Class::Permanent,
        "TASK_UNVERIFIED",
        format!("{} exited 0, and its `unless` still says that it is not done", object(task)),
    )
    .because("unless", command(task, unless, ctx).to_string())
    .fix(Fix::safe("correct `unless`, or what `run` does")))
}

#[expect(clippy::unused_async, reason = "all steps are asked the same way")]
pub(super) async fn removals(
    task: &Task,
    _ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let undo = task.undo.as_ref().filter(|_| how != Teardown::Stop);
    Ok(undo.map(|_| Change::new(Op::Run, format!("undo of {}", object(task)), "`undo` is set")))
        .map(|change| change.into_iter().collect())
}

pub(super) async fn remove(
    task: &Task,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let changes = removals(task, ctx, how).await?;
    if let (Some(undo), false) = (&task.undo, changes.is_empty()) {
        execute(task, undo, ctx).await?;
    }
    Ok(changes)
}

/// Runs to success, its lines told as they come.
async fn execute(task: &Task, words: &[String], ctx: &StepCtx) -> Result<(), Failure> {
    let cmd = command(task, words, ctx).on_line(ctx.line_sink());
    let output = run(task, cmd, ctx).await?;
    if output.success() {
        return Ok(());
    }
    let ended = match output.end {
        End::Exit(code) => format!("exited {code}"),
        End::Signal(signal) => format!("was killed by signal {signal}"),
        End::TimedOut | End::Cancelled => "was stopped".to_owned(),
    };
    let mut failure =
        Failure::new(Class::Permanent, "TASK_FAILED", format!("{} {ended}", object(task)));
    failure.evidence = last_lines(Tool::Other.name(), &output.stderr, &output.stdout);
    let shown = command(task, words, ctx);
    Err(failure.fix(Fix::safe(format!("cd {} && {shown}", quote(&task.cwd.to_string_lossy())))))
}

/// Whether `unless` exits 0. One that was killed has said nothing.
async fn says_done(task: &Task, unless: &[String], ctx: &StepCtx) -> Result<bool, Failure> {
    let output = run(task, command(task, unless, ctx), ctx).await?;
    match output.end {
        End::Exit(code) => Ok(code == 0),
        End::Signal(_) | End::TimedOut | End::Cancelled => Err(Failure::new(
            Class::Permanent,
            "TASK_UNKNOWN",
            format!("the `unless` of {} was killed, so nothing is known", object(task)),
        )),
    }
}

async fn run(task: &Task, cmd: Cmd, ctx: &StepCtx) -> Result<Output, Failure> {
    let limit = cmd.timeout.unwrap_or_default();
    let output = ctx.host.runner.run(cmd, ctx.cancel.clone()).await;
    let output = output.map_err(|error| not_started(task, &error))?;
    if output.end != End::TimedOut {
        return Ok(output);
    }
    let mut failure = Failure::new(
        Class::Timeout,
        "TASK_TIMEOUT",
        format!("{} did not end within {limit:.0?} and was stopped", object(task)),
    );
    failure.evidence = last_lines(Tool::Other.name(), &output.stderr, &output.stdout);
    Err(failure.fix(Fix::safe("raise `timeout` of the task, or find out what it waits for")))
}

fn not_started(task: &Task, error: &SpawnError) -> Failure {
    let (code, fix) = match error {
        SpawnError::NotFound { program } => {
            ("TOOL_MISSING", format!("install `{program}`, or correct the name in mlup.toml"))
        }
        SpawnError::Refused { program, .. } | SpawnError::Input { program, .. } => {
            ("TOOL_REFUSED", format!("chmod +x {}", quote(program)))
        }
    };
    Failure::new(Class::Prerequisite, code, format!("{} cannot run: {error}", object(task)))
        .fix(Fix::safe(fix))
}

fn command(task: &Task, words: &[String], ctx: &StepCtx) -> Cmd {
    let program = words.first().map_or("", String::as_str);
    let left = ctx.time_left();
    let mut cmd = Cmd::new(program)
        .args(words.iter().skip(1))
        .cwd(&task.cwd)
        .timeout(task.timeout.map_or(left, |own| own.min(left)));
    cmd.env = env(task, ctx).collect();
    cmd
}

/// The env files say what the process environment leaves open; the task's own `env` wins over both.
fn env<'a>(task: &'a Task, ctx: &'a StepCtx) -> impl Iterator<Item = (String, Secret)> + 'a {
    let files = ctx.config.env.iter().filter(|(name, _)| !ctx.host.env.contains_key(*name));
    files.chain(&task.env).map(|(name, value)| (name.clone(), value.clone()))
}

fn object(task: &Task) -> String {
    format!("task `{}`", task.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::steps::testing::TestBed;

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn task(folder: &Path, run: &str, unless: Option<&str>) -> Task {
        Task {
            name: "seed".to_owned(),
            run: sh(run),
            unless: unless.map(sh),
            needs: Vec::new(),
            cwd: folder.to_owned(),
            env: BTreeMap::new(),
            timeout: None,
            undo: None,
        }
    }

    #[tokio::test]
    async fn runs_once_and_is_then_done() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let task = task(folder.path(), "touch done", Some("test -e done"));
        assert!(matches!(probe(&task, &bed.ctx).await.unwrap(), Probed::Needed(_)));
        apply(&task, &bed.ctx).await.unwrap();
        assert!(verify(&task, &bed.ctx).await.is_ok());
        assert!(matches!(probe(&task, &bed.ctx).await.unwrap(), Probed::Satisfied(_)));
    }

    #[tokio::test]
    async fn without_unless_it_runs_every_time_and_says_so() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let found = probe(&task(folder.path(), "true", None), &bed.ctx).await.unwrap();
        let Probed::Needed(changes) = found else { panic!("{found:?}") };
        assert_eq!(changes[0].why, "no `unless`: runs every time");
    }

    #[tokio::test]
    async fn a_success_that_did_nothing_is_found_out() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let task = task(folder.path(), "true", Some("false"));
        apply(&task, &bed.ctx).await.unwrap();
        assert_eq!(verify(&task, &bed.ctx).await.unwrap_err().code, "TASK_UNVERIFIED");
    }

    #[tokio::test]
    async fn a_failure_shows_code_and_last_lines() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let task = task(folder.path(), "echo no table >&2; exit 3", None);
        let failure = apply(&task, &bed.ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Permanent, "TASK_FAILED"));
        assert_eq!(failure.summary, "task `seed` exited 3");
        assert_eq!(failure.evidence[0].text, "no table");
    }

    #[tokio::test]
    async fn one_that_hangs_is_stopped_in_time() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let mut task = task(folder.path(), "echo begun; exec sleep 600", None);
        task.timeout = Some(Duration::from_millis(200));
        let failure = apply(&task, &bed.ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Timeout, "TASK_TIMEOUT"));
        assert_eq!(failure.evidence[0].text, "begun");
    }

    #[tokio::test]
    async fn a_missing_program_is_a_prerequisite() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let mut task = task(folder.path(), "", None);
        task.run = vec!["no-such-tool".to_owned()];
        let failure = apply(&task, &bed.ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "TOOL_MISSING"));
    }

    #[tokio::test]
    async fn the_tasks_own_env_wins_and_env_files_fill_the_gaps() {
        let (mut bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        bed.config(|config| {
            for name in ["PATH", "A", "B"] {
                config.env.insert(name.to_owned(), Secret::new("file"));
            }
        });
        let mut task = task(folder.path(), "echo $A $B; test \"$PATH\" != file", None);
        task.env.insert("B".to_owned(), Secret::new("task"));
        apply(&task, &bed.ctx).await.unwrap();
        assert_eq!(bed.lines(), ["file task"]);
    }

    #[tokio::test]
    async fn undo_runs_on_reset_and_not_on_stop() {
        let (bed, folder) = (TestBed::new(), tempfile::tempdir().unwrap());
        let mut task = task(folder.path(), "true", None);
        task.undo = Some(sh("touch undone"));
        assert!(remove(&task, &bed.ctx, Teardown::Stop).await.unwrap().is_empty());
        assert!(!folder.path().join("undone").exists());
        assert_eq!(remove(&task, &bed.ctx, Teardown::Reset).await.unwrap().len(), 1);
        assert!(folder.path().join("undone").exists());
    }
}
