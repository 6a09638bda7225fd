//! The driver against recordings of the real tool.

mod argv_tests;
mod docker_tests;
mod reason_tests;
mod sight_tests;

use crate::config::model::Provider;
use crate::drivers::fixture;
use crate::drivers::spec::Spec;

/// What k3d printed and how it ended.
macro_rules! recorded {
    ($call:literal) => {
        crate::drivers::k3d::tests::Recording {
            stdout: include_str!(concat!("../../../../tests/corpus/k3d/", $call, "/stdout.txt")),
            stderr: include_str!(concat!("../../../../tests/corpus/k3d/", $call, "/stderr.txt")),
            exit: include_str!(concat!("../../../../tests/corpus/k3d/", $call, "/exit_code.txt")),
        }
    };
}
use recorded;

#[derive(Clone, Copy)]
struct Recording {
    stdout: &'static str,
    stderr: &'static str,
    exit: &'static str,
}

impl Recording {
    fn exit(&self) -> i32 {
        self.exit.trim().parse().unwrap()
    }

    fn output(&self) -> crate::host::cmd::Output {
        crate::host::cmd::Output {
            end: crate::host::cmd::End::Exit(self.exit()),
            stdout: self.stdout.to_owned(),
            stderr: self.stderr.to_owned(),
        }
    }
}

/// A cluster with nothing but defaults.
pub(super) fn spec(name: &str) -> Spec {
    fixture::spec(Provider::K3d, name)
}
