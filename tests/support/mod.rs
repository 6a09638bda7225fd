//! What integration tests stand on: a sealed place to run the program in, stand-in tools, a
//! pseudo terminal and real Docker objects that go away again. The tests themselves are beside it.

pub(crate) mod cluster;
pub(crate) mod docker;
pub(crate) mod document;
pub(crate) mod kube;
pub(crate) mod kubernetes;
pub(crate) mod moto;
pub(crate) mod on_node;
mod output;
mod pty;
pub(crate) mod registry;
mod rule;
pub(crate) mod running;
mod sandbox;
#[path = "../fake-cluster/script.rs"]
pub(crate) mod script;
pub(crate) mod sshd;
pub(crate) mod stack;
mod tool;
pub(crate) mod wire;

pub(crate) use docker::{DockerGuard, IMAGE, without_docker_allowed};
pub(crate) use kube::controllers::settings as simulated;
pub(crate) use output::{Ran, assert_same};
pub(crate) use sandbox::{Sandbox, real_program};
pub(crate) use tool::{Call, Hang, on};

/// Ends the test as failed when Docker does not answer, or, where `MLUP_TEST_WITHOUT_DOCKER=1`
/// allows it, as not run.
macro_rules! require_docker {
    () => {
        if !$crate::support::DockerGuard::is_docker_there() {
            assert!(
                $crate::support::without_docker_allowed(),
                "Docker does not answer; start it, or set MLUP_TEST_WITHOUT_DOCKER=1 to leave \
                 these tests out"
            );
            eprintln!("not run: Docker does not answer");
            return;
        }
    };
}
pub(crate) use require_docker;
