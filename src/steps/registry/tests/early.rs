//! Passwords that are asked for while the cluster is made.

use super::*;
use crate::config::fixture::cluster;
use crate::config::model::Provider;
use crate::plan::change::{Op, Probed};
use crate::steps::registry::token;

/// A bed for a minikube that is not made yet, or whose kubeconfig this is.
fn early(
    printed: &[&str],
    kubeconfig: Option<&str>,
) -> (TestBed, Arc<super::answers::Answers>, tempfile::TempDir) {
    let (mut bed, runner) = bed(printed);
    let home = tempfile::tempdir().unwrap();
    let env = [("HOME".to_owned(), home.path().display().to_string())];
    bed.ctx.host.env = Arc::new(env.into_iter().collect());
    bed.config(|config| config.cluster = Some(cluster(Provider::Minikube)));
    if let Some(text) = kubeconfig {
        let path = home.path().join(".kube/config");
        crate::host::files::write(&path, text.as_bytes(), 0o600).unwrap();
    }
    (bed, runner, home)
}

/// A kubeconfig behind which nobody listens: the port is one that no program may be given.
const SILENT: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {server: 'http://127.0.0.1:1'}\n\
    users:\n- name: u\n  user: {token: t}\n\
    contexts:\n- name: mlup-test\n  context: {cluster: c, user: u}\n";

#[tokio::test]
async fn without_a_cluster_the_password_is_asked_for_once() {
    let (bed, runner, _home) = early(&["t0ken\n"], None);
    let registries = [printed("r.example", &["a"], Some(7200))];
    let Probed::Needed(changes) = token::probe(&registries, &bed.ctx).await.unwrap() else {
        panic!("not needed")
    };
    assert_eq!((changes[0].op, changes[0].object.as_str()), (Op::Ask, "the password of r.example"));
    assert!(runner.calls().is_empty());
    token::apply(&registries, &bed.ctx).await.unwrap();
    assert_eq!(token::verify(&registries, &bed.ctx).await.unwrap().detail, "at hand");
    assert!(matches!(token::probe(&registries, &bed.ctx).await.unwrap(), Probed::Satisfied(_)));
    bed.ctx.passwords.of(&registries[0], &bed.ctx).await.unwrap();
    assert_eq!(runner.calls().len(), 1);
}

#[tokio::test]
async fn without_a_cluster_a_password_that_cannot_be_had_is_a_failure() {
    let (bed, ..) = early(&[""], None);
    let failure = token::apply(&[printed("r.example", &["a"], None)], &bed.ctx).await.unwrap_err();
    assert_eq!(failure.code, "REGISTRY_EXEC_FAILED");
}

#[tokio::test]
async fn a_halted_cluster_may_hold_a_secret_that_is_still_good() {
    let (bed, _, _home) = early(&[""], Some(SILENT));
    let registries = [printed("r.example", &["a"], None)];
    assert!(matches!(token::probe(&registries, &bed.ctx).await.unwrap(), Probed::Needed(_)));
    token::apply(&registries, &bed.ctx).await.unwrap();
    let detail = token::verify(&registries, &bed.ctx).await.unwrap().detail;
    assert!(detail.contains("asked for again"), "{detail}");
}

#[tokio::test]
async fn what_a_cluster_will_need_is_foreseen_before_it_is_there() {
    let (mut bed, runner, _home) = early(&[], None);
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a", "b"], Some(7200))]);
    let Probed::Needed(changes) = step::probe(&secret, &bed.ctx).await.unwrap() else {
        panic!("not needed")
    };
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].why, "after the cluster is up");
    assert!(runner.calls().is_empty());
    assert!(
        step::removals(&secret, &bed.ctx, crate::steps::Teardown::Purge).await.unwrap().is_empty()
    );
}
