//! The process: takes its snapshot, runs, gives back the exit code. Nothing else belongs here.

use std::process::ExitCode;

fn main() -> ExitCode {
    mlup::run(mlup::Invocation::from_process())
}
