//! The site itself: on a cluster that only its kubeconfig tells of, nothing of a test stays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{CANARY, registry};
use crate::support::kube::FakeKube;
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

/// The namespaces of tests that are there and not going away.
fn left(cluster: &FakeKube) -> Vec<String> {
    let all = cluster.change(|world| world.objects("Namespace"));
    let stay = all.iter().filter(|one| one["metadata"]["deletionTimestamp"].is_null());
    let names = stay.filter_map(|one| one["metadata"]["name"].as_str().map(str::to_owned));
    names.filter(|name| name.starts_with("mlup-test-")).collect()
}

#[test]
fn a_cluster_that_a_kubeconfig_names_is_used_and_left_as_it_was() {
    let cluster = FakeKube::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, cluster.kubeconfig("elsewhere")).unwrap();
    let site = || {
        let rule = on(["--bare"]).stdout(&format!("{CANARY}\n"));
        Kubernetes::real(&path).tool("get-token", &[rule])
    };
    let one = site();
    let (there, made) = (one.made_namespace("there"), one.namespace("made"));
    one.config(&registry(&[&there, &made], "service_accounts = [\"default\"]\n"));
    one.sandbox.run(&["start"]).exits(0);
    assert!(one.secret(&made, "regcred").is_some() && one.fake_api().is_none());
    assert_eq!(left(&cluster).len(), 2);
    drop(one);
    assert_eq!(left(&cluster), Vec::<String>::new());

    let failed = catch_unwind(AssertUnwindSafe(|| {
        let one = site();
        one.made_namespace("there");
        one.merge("/api/v1/namespaces/nowhere", &serde_json::json!({}));
    }));
    assert!(failed.is_err());
    assert_eq!(left(&cluster), Vec::<String>::new(), "also when the test fails");
}
