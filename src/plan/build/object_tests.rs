//! What is planned for deploys into a cluster.

use super::*;
use crate::config::fixture::{
    check, cluster, cluster_network, config, deploy, image, kubeconfig, manifests, registry,
    secret, task,
};
use crate::config::model::{ImageSource, SecretValue};
use crate::plan::Selection;
use crate::plan::fixture::id;

fn needs(config: &Config, of: &str) -> Vec<String> {
    let plan = start(config).unwrap();
    plan.step(&id(of)).unwrap().needs.iter().map(ToString::to_string).collect()
}

fn environment() -> Config {
    let mut config = config();
    config.cluster = Some(cluster(Provider::Minikube));
    config.networks = vec![cluster_network("minikube")];
    config.images = vec![image("api:dev")];
    config.registries = vec![registry("r.example", "pull")];
    config.secrets = vec![secret("keys")];
    config.deploys = vec![manifests("k8s", None), deploy("stack", None), manifests("late", None)];
    config.checks = vec![check("api")];
    config
}

#[test]
fn what_pods_need_is_there_before_they_are() {
    assert_eq!(
        needs(&environment(), "deploy/k8s"),
        ["preflight/deploys", "cluster", "registry/pull", "secret/keys", "load/api:dev"]
    );
    assert_eq!(needs(&environment(), "load/api:dev"), ["image/api:dev", "cluster"]);
    assert_eq!(needs(&environment(), "preflight/deploys"), ["cluster", "image/api:dev"]);
}

#[test]
fn secrets_are_written_once_nothing_was_found_wrong_and_passwords_asked_for_before() {
    let config = environment();
    assert_eq!(needs(&config, "secret/keys"), ["cluster", "preflight/deploys"]);
    let pull = ["cluster", "token/r.example", "preflight/deploys"];
    assert_eq!(needs(&config, "registry/pull"), pull);
    assert_eq!(needs(&config, "token/r.example"), Vec::<String>::new());
    // Somebody who wants a secret for a task of his own has no cycle of it.
    let mut config = environment();
    config.tasks = vec![task("seed", &["secret/keys"])];
    config.deploys[0] = manifests("k8s", Some(&["task/seed"]));
    assert!(needs(&config, "task/seed").contains(&"secret/keys".to_owned()));
    assert_eq!(needs(&config, "secret/keys"), ["cluster", "preflight/deploys"]);
}

#[test]
fn the_preflight_waits_for_the_files_that_secrets_are_made_of() {
    let mut config = environment();
    config.files = vec![kubeconfig("made"), kubeconfig("other")];
    let made = config.files[0].path.clone();
    config.secrets[0].keys.insert("config".to_owned(), SecretValue::File(made));
    assert!(needs(&config, "preflight/deploys").contains(&"file/made".to_owned()));
    assert!(!needs(&config, "preflight/deploys").contains(&"file/other".to_owned()));
}

#[test]
fn a_secret_that_is_asked_for_alone_brings_no_preflight_and_no_image_along() {
    let plan = start(&environment()).unwrap();
    let kept = |name: &str| {
        let only = Selection { only: vec![name.to_owned()], ..Selection::default() };
        let selected = plan.select(&only).unwrap();
        let steps = plan.steps().iter().map(|step| step.id.clone());
        let kept = steps.filter(|id| selected.left_out(id).is_none());
        kept.map(|id| id.to_string()).collect::<Vec<_>>()
    };
    let cluster = ["docker", "preflight/cluster", "cluster"];
    assert_eq!(kept("secret/keys"), [&cluster[..], &["secret/keys"]].concat());
    assert_eq!(
        kept("registry/pull"),
        [&cluster[..], &["token/r.example", "registry/pull"]].concat()
    );
    let all = kept("deploy/k8s");
    assert!(
        ["secret/keys", "preflight/deploys", "image/api:dev"]
            .iter()
            .all(|one| { all.iter().any(|kept| kept == one) })
    );
}

#[test]
fn deploys_of_all_kinds_come_top_to_bottom() {
    let config = environment();
    assert!(needs(&config, "deploy/stack").contains(&"deploy/k8s".to_owned()));
    assert!(needs(&config, "deploy/late").contains(&"deploy/stack".to_owned()));
    for above in ["deploy/k8s", "deploy/stack", "deploy/late"] {
        assert!(needs(&config, "check/api").contains(&above.to_owned()), "{above}");
    }
}

#[test]
fn services_beside_the_cluster_wait_for_no_deploy_into_it() {
    let config = environment();
    let plan = start(&config).unwrap();
    assert!(!plan.all_needs(&id("beside/stack")).contains(&id("deploy/k8s")));
}

#[test]
fn a_deploy_with_needs_of_its_own_does_not_wait_for_the_one_above() {
    let mut config = environment();
    config.deploys[2] = manifests("late", Some(&[]));
    assert!(!needs(&config, "deploy/late").contains(&"deploy/stack".to_owned()));
}

#[test]
fn an_image_is_brought_only_onto_nodes_of_this_machine() {
    let mut config = environment();
    config.cluster = Some(cluster(Provider::Existing));
    assert!(start(&config).unwrap().step(&id("load/api:dev")).is_none());
    config = environment();
    config.deploys.retain(|deploy| deploy.name == "stack");
    assert!(start(&config).unwrap().step(&id("load/api:dev")).is_none());
    assert!(start(&config).unwrap().step(&id("preflight/deploys")).is_none());
}

#[test]
fn an_alias_waits_for_the_image_that_the_run_builds() {
    let mut config = environment();
    let source = ImageSource::Alias("api:dev".to_owned());
    config.images.push(Image { source, ..image("short:dev") });
    assert!(needs(&config, "image/short:dev").contains(&"image/api:dev".to_owned()));
}
