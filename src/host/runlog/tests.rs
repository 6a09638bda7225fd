use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::event::{EventKind, VERSION};

struct Home {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        Self { folder, env: BTreeMap::from([("XDG_STATE_HOME".to_owned(), path)]) }
    }

    fn create(&self, run_id: &str) -> Result<RunLog, Failure> {
        RunLog::create(&self.env, "my demo", Path::new("/srv/demo"), run_id)
    }

    fn latest(&self) -> Option<PastRun> {
        latest(&self.env, "my demo", Path::new("/srv/demo"))
    }

    fn runs(&self) -> PathBuf {
        state_dir(&self.env, "my demo", Path::new("/srv/demo")).unwrap().join("runs")
    }
}

fn warning(seq: u64) -> Event {
    Event {
        v: VERSION,
        seq,
        ts: "2026-11-21T10:30:00.000Z".into(),
        elapsed_ms: 1,
        run: "r1".into(),
        kind: EventKind::Warning {
            step: None,
            code: "X".into(),
            message: format!("number {seq}"),
            hint: None,
        },
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn what_a_run_wrote_reads_back_without_its_torn_last_line() {
    let home = Home::new();
    let log = home.create("r1").unwrap();
    let events = [warning(0), warning(1)];
    for event in &events {
        let line = serde_json::to_string(event).unwrap() + "\n";
        log.events().unwrap().write_all(line.as_bytes()).unwrap();
    }
    log.events().unwrap().write_all(b"{\"v\":9,\"type\":\"later\"}\n{\"v\":1,\"se\xff").unwrap();
    let past = home.latest().unwrap();
    assert_eq!(past.folder(), log.folder());
    assert_eq!(past.events().unwrap(), events);
}

#[test]
fn each_step_appends_to_a_file_of_its_name() {
    let home = Home::new();
    let log = home.create("r1").unwrap();
    let mut open = log.step_logs();
    open("deploy/stack").unwrap().write_all(b"one\n").unwrap();
    open("deploy/stack").unwrap().write_all(b"two\n").unwrap();
    let path = home.latest().unwrap().step_log("deploy/stack");
    assert_eq!(path, log.folder().join("deploy_stack.log"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn nobody_else_can_read_it() {
    let home = Home::new();
    let log = home.create("r1").unwrap();
    assert_eq!(mode(log.folder()), 0o700);
    assert_eq!(mode(&home.runs()), 0o700);
    assert_eq!(mode(&log.folder().join(EVENTS)), 0o600);
    assert_eq!(log.folder().join(EVENTS).metadata().unwrap().len(), 0);
}

#[test]
fn the_last_ten_runs_are_kept_and_nothing_foreign_is_touched() {
    let home = Home::new();
    let runs = home.runs();
    for day in 1..=14 {
        let old = runs.join(format!("202001{day:02}T000000Z-old"));
        fs::create_dir_all(&old).unwrap();
        File::create(old.join(EVENTS)).unwrap();
        File::create(old.join("docker.log")).unwrap();
    }
    fs::create_dir(runs.join("notes")).unwrap();
    fs::create_dir(runs.join("20190101T000000Z")).unwrap();
    File::create(runs.join("20190101T000000Z-file")).unwrap();
    File::create(runs.join("20200101T000000Z-old/mine.txt")).unwrap();
    let log = home.create("r1").unwrap();

    let left = past_runs(&home.env, "my demo", Path::new("/srv/demo"));
    assert_eq!(left.len(), KEPT_RUNS + 1, "the one with a foreign file stays beside the ten");
    assert_eq!(left[0].folder(), log.folder());
    assert!(runs.join("20200101T000000Z-old/mine.txt").exists());
    assert!(!runs.join("20200105T000000Z-old").exists());
    assert!(runs.join("20200106T000000Z-old").exists());
    assert!(runs.join("notes").exists() && runs.join("20190101T000000Z").exists());
    assert!(runs.join("20190101T000000Z-file").exists());
}

#[test]
fn a_clock_that_went_back_does_not_cost_the_current_run() {
    let home = Home::new();
    for day in 1..=14 {
        fs::create_dir_all(home.runs().join(format!("999901{day:02}T000000Z-later"))).unwrap();
    }
    let log = home.create("r1").unwrap();
    assert!(log.folder().join(EVENTS).exists());
    assert_eq!(run_folders(&home.runs()).len(), KEPT_RUNS);
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_the_reason() {
    let home = Home::new();
    let file = home.folder.path().join("mlup");
    File::create(&file).unwrap();
    let failure = home.create("r1").unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "RUN_LOG_UNWRITABLE"));
    let place = file.display().to_string();
    assert!(failure.summary.contains(&place), "{}", failure.summary);
    assert!(failure.summary.contains("Not a directory"), "{}", failure.summary);
}

#[test]
fn a_full_disk_is_found_before_the_run_begins() {
    let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = prove_writable(&mut full).unwrap_err();
    let failure = unwritable(Path::new("/state/run"), &error);
    assert_eq!(failure.summary, "the run log `/state/run` cannot be written: no space left");
}

#[test]
fn without_a_home_the_fix_says_what_to_set() {
    let failure = RunLog::create(&BTreeMap::new(), "p", Path::new("/"), "r").unwrap_err();
    assert_eq!(failure.code, "RUN_LOG_UNWRITABLE");
    assert!(failure.fix.unwrap().command.contains("XDG_STATE_HOME"));
}

#[test]
fn a_run_id_cannot_leave_the_folder() {
    let home = Home::new();
    let log = home.create("../../etc").unwrap();
    assert_eq!(log.folder().parent(), Some(home.runs().as_path()));
}
