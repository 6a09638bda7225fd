//! What is planned for which configuration.

use super::*;
use crate::config::address::Address;
use crate::config::fixture::{
    check, cluster, config, deploy, file, image, kubeconfig, network, registry, secret, task,
};
use crate::config::model::{CheckProbe, Purge, Vantage};
use crate::plan::fixture::id;
use crate::plan::{Step, StepKind};
use crate::policy::escalate::Reach;

/// `step: needs` for each step, in order.
fn shape(config: &Config) -> Vec<String> {
    let plan = start(config).unwrap();
    let line = |step: &std::sync::Arc<Step>| {
        let needs: Vec<&str> = step.needs.iter().map(StepId::as_str).collect();
        format!("{}: {}", step.id, needs.join(" ")).trim_end().to_owned()
    };
    plan.steps().iter().map(line).collect()
}

fn needs(config: &Config, of: &str) -> Vec<String> {
    let plan = start(config).unwrap();
    plan.step(&id(of)).unwrap().needs.iter().map(ToString::to_string).collect()
}

fn position(config: &Config, of: &str) -> usize {
    start(config).unwrap().position(&id(of)).unwrap()
}

#[test]
fn a_whole_environment_in_its_order() {
    let mut config = config();
    config.networks = vec![network("net")];
    config.files = vec![file("conf/app.toml")];
    config.images = vec![image("api:dev")];
    config.deploys = vec![deploy("core", None), deploy("apps", None)];
    config.tasks = vec![task("seed", &["deploy/core"])];
    config.checks = vec![check("api")];
    assert_eq!(
        shape(&config),
        [
            "docker:",
            "network/net: docker",
            "file/conf/app.toml:",
            "image/api:dev: docker",
            "preflight/core: docker network/net file/conf/app.toml",
            "images/core: preflight/core",
            "deploy/core: preflight/core images/core image/api:dev network/net file/conf/app.toml",
            "preflight/apps: docker network/net file/conf/app.toml",
            "images/apps: preflight/apps",
            "deploy/apps: preflight/apps images/apps image/api:dev network/net file/conf/app.toml \
             deploy/core",
            "task/seed: deploy/core",
            "check/api: deploy/core deploy/apps task/seed",
        ]
    );
}

#[test]
fn images_of_a_later_deploy_do_not_wait_for_the_earlier_one() {
    let mut config = config();
    config.deploys = vec![deploy("core", None), deploy("apps", None)];
    let plan = start(&config).unwrap();
    assert!(!plan.all_needs(&id("images/apps")).contains(&id("deploy/core")));
}

#[test]
fn nothing_wanted_is_an_empty_plan() {
    assert!(shape(&config()).is_empty());
}

#[test]
fn docker_is_looked_at_only_where_something_needs_it() {
    let mut config = config();
    config.tasks = vec![task("seed", &[])];
    config.checks = vec![check("api")];
    config.files = vec![file("a")];
    assert_eq!(shape(&config), ["file/a:", "task/seed:", "check/api: task/seed"]);
}

#[test]
fn a_check_inside_a_service_needs_docker() {
    let mut config = config();
    config.checks = vec![check("api")];
    config.checks[0].from = Vantage::Compose("api".to_owned());
    assert_eq!(shape(&config), ["docker:", "check/api: docker"]);
}

/// The whole of health-predict: minikube, its network, a kubeconfig, an own network, a build.
fn with_cluster() -> Config {
    let mut config = config();
    config.cluster = Some(cluster(Provider::Minikube));
    config.networks = vec![network("own"), network("minikube")];
    config.networks[1].owner = NetworkOwner::Cluster;
    config.files = vec![file("app.conf"), kubeconfig(".kube/config")];
    config.images = vec![image("api:dev")];
    config.deploys = vec![deploy("stack", None)];
    config.checks = vec![check("api")];
    config
}

#[test]
fn a_cluster_and_what_comes_up_beside_it_in_their_order() {
    assert_eq!(
        shape(&with_cluster()),
        [
            "docker:",
            "preflight/cluster: docker",
            "cluster: preflight/cluster",
            "network/own: docker",
            "network/minikube: cluster",
            "file/app.conf:",
            "file/.kube/config: cluster",
            "image/api:dev: docker",
            "preflight/stack: docker network/own file/app.conf",
            "images/stack: preflight/stack",
            "beside/stack: preflight/stack images/stack image/api:dev network/own file/app.conf",
            "deploy/stack: preflight/stack images/stack image/api:dev network/own file/app.conf \
             network/minikube file/.kube/config beside/stack",
            "check/api: deploy/stack cluster",
        ]
    );
}

#[test]
fn nothing_that_can_do_without_the_cluster_waits_for_it() {
    let plan = start(&with_cluster()).unwrap();
    for beside in ["images/stack", "image/api:dev", "beside/stack", "preflight/stack"] {
        assert!(!plan.all_needs(&id(beside)).contains(&id("cluster")), "{beside}");
        assert!(!plan.all_needs(&id("cluster")).contains(&id(beside)), "{beside}");
    }
}

#[test]
fn a_compose_deploy_that_is_on_no_network_of_the_cluster_does_not_wait_for_it() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::K3d));
    config.deploys = vec![deploy("stack", None)];
    let plan = start(&config).unwrap();
    assert!(plan.step(&id("beside/stack")).is_none());
    assert!(!plan.all_needs(&id("deploy/stack")).contains(&id("cluster")));
}

#[test]
fn a_check_that_something_waits_for_does_not_wait_for_the_cluster() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::Existing));
    config.deploys = vec![deploy("core", None), deploy("apps", Some(&["check/core"]))];
    config.checks = vec![check("core"), check("apps")];
    assert_eq!(needs(&config, "check/core"), ["deploy/core"]);
    assert!(needs(&config, "check/apps").contains(&"cluster".to_owned()));
    let address = Address::parse("{cluster:ip}:80").unwrap();
    config.checks[0].probe = CheckProbe::Tcp(address);
    assert_eq!(needs(&config, "check/core"), ["deploy/core", "cluster"]);
}

#[test]
fn services_beside_the_cluster_keep_the_order_of_the_deploys() {
    let mut config = with_cluster();
    config.deploys = vec![deploy("a", None), deploy("b", None), deploy("c", Some(&["a"]))];
    assert!(needs(&config, "beside/b").contains(&"deploy/a".to_owned()));
    assert_eq!(needs(&config, "beside/c")[0], "deploy/a");
    assert!(!needs(&config, "beside/c").contains(&"deploy/b".to_owned()));
    let plan = start(&config).unwrap();
    let exclusive = |text: &str| plan.step(&id(text)).unwrap().exclusive.clone();
    assert_eq!(exclusive("beside/a"), exclusive("deploy/b"));
}

#[test]
fn a_deploy_that_needs_the_cluster_takes_its_services_with_it() {
    let mut config = with_cluster();
    config.deploys = vec![deploy("stack", Some(&["cluster"]))];
    assert!(needs(&config, "beside/stack").contains(&"cluster".to_owned()));
}

#[test]
fn a_cluster_waits_for_the_network_that_it_joins() {
    let mut config = with_cluster();
    config.cluster.as_mut().unwrap().network = Some("own".to_owned());
    assert_eq!(needs(&config, "cluster"), ["preflight/cluster", "network/own"]);
}

#[test]
fn a_cluster_elsewhere_needs_no_docker() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::Existing));
    config.files = vec![kubeconfig("k")];
    assert_eq!(
        shape(&config),
        ["preflight/cluster:", "cluster: preflight/cluster", "file/k: cluster"]
    );
}

#[test]
fn docker_desktop_is_started_before_its_engine_is_asked() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::DockerDesktop));
    config.deploys = vec![deploy("stack", None)];
    assert_eq!(needs(&config, "docker"), ["cluster"]);
    assert!(needs(&config, "preflight/cluster").is_empty());
}

#[test]
fn recovery_is_as_the_configuration_says() {
    let mut config = config();
    let mut wanted = cluster(Provider::K3d);
    wanted.recover.attempts = 2;
    wanted.recover.purge = Purge::Never;
    config.cluster = Some(wanted);
    let plan = start(&config).unwrap();
    let step = plan.step(&id("cluster")).unwrap();
    assert_eq!((step.retry.attempts, step.ladder), (2, Some(Reach::Own(Purge::Never))));
    assert_eq!(step.retry.max.as_secs(), 60);
    assert!(matches!(step.kind, StepKind::Cluster) && !step.only_looks());
    assert!(plan.step(&id("preflight/cluster")).unwrap().only_looks());
}

#[test]
fn a_network_of_a_cluster_that_is_not_there_has_no_step() {
    let mut config = config();
    config.networks = vec![network("net")];
    config.networks[0].owner = NetworkOwner::Cluster;
    assert!(shape(&config).is_empty());
}

#[test]
fn explicit_needs_take_the_place_of_the_order_of_the_file() {
    let mut config = config();
    config.deploys = vec![deploy("a", None), deploy("b", Some(&[])), deploy("c", Some(&["a"]))];
    assert!(!needs(&config, "deploy/b").contains(&"deploy/a".to_owned()));
    assert!(!needs(&config, "deploy/c").contains(&"deploy/b".to_owned()));
    assert_eq!(needs(&config, "deploy/c")[0], "deploy/a");
}

#[test]
fn a_deploy_may_need_a_check() {
    let mut config = config();
    config.deploys = vec![deploy("core", None), deploy("apps", Some(&["check/core"]))];
    config.checks = vec![check("core"), check("apps")];
    assert_eq!(needs(&config, "check/core"), ["deploy/core"]);
    assert_eq!(needs(&config, "check/apps"), ["deploy/core", "deploy/apps"]);
    assert!(position(&config, "check/core") < position(&config, "deploy/apps"));
}

#[test]
fn a_deploy_below_one_that_needs_a_check_does_not_close_a_cycle() {
    let mut config = config();
    config.deploys = vec![deploy("a", None), deploy("b", Some(&["check/a"])), deploy("c", None)];
    config.checks = vec![check("a")];
    assert_eq!(needs(&config, "check/a"), ["deploy/a"]);
    assert!(needs(&config, "deploy/c").contains(&"deploy/b".to_owned()));
}

#[test]
fn a_task_before_the_first_deploy_turns_no_edge_round() {
    let mut config = config();
    config.deploys = vec![deploy("a", Some(&["login"]))];
    config.tasks = vec![task("login", &["check/vpn"])];
    config.checks = vec![check("vpn")];
    assert!(needs(&config, "check/vpn").is_empty());
    assert!(position(&config, "task/login") < position(&config, "deploy/a"));
}

#[test]
fn a_cycle_of_explicit_needs_is_named() {
    let mut config = config();
    config.tasks = vec![task("a", &["b"]), task("b", &["task/a"])];
    assert_eq!(
        start(&config).unwrap_err().to_string(),
        "steps wait for each other: `task/a` needs `task/b` needs `task/a`: \
         remove one of these `needs`"
    );
}

#[test]
fn a_need_that_is_no_step_names_who_needs_it() {
    let mut config = config();
    config.tasks = vec![task("seed", &["deploy/stakc"])];
    config.deploys = vec![deploy("stack", None)];
    assert_eq!(
        start(&config).unwrap_err().to_string(),
        "`task/seed` needs `deploy/stakc`, which is no step of this environment: \
         did you mean `deploy/stack`?"
    );
}

#[test]
fn a_bare_need_that_fits_two_steps_is_refused() {
    let mut config = config();
    config.deploys = vec![deploy("api", None)];
    config.checks = vec![check("api")];
    config.tasks = vec![task("seed", &["api"])];
    assert!(matches!(start(&config), Err(PlanError::Ambiguous { .. })));
}

#[test]
fn two_checks_of_one_name_are_refused() {
    let mut config = config();
    config.checks = vec![check("api"), check("api")];
    assert_eq!(start(&config).unwrap_err(), PlanError::Duplicate(id("check/api")));
}

#[test]
fn limits_and_optional_come_from_the_configuration() {
    let mut config = config();
    config.deploys = vec![deploy("a", None)];
    config.checks = vec![check("a")];
    config.checks[0].optional = true;
    config.checks[0].timeout = Some(std::time::Duration::from_secs(5));
    let plan = start(&config).unwrap();
    let check = plan.step(&id("check/a")).unwrap();
    assert_eq!((check.optional, check.timeout.map(|limit| limit.as_secs())), (true, Some(5)));
    assert_eq!(plan.step(&id("deploy/a")).unwrap().exclusive, None);
}

#[test]
fn two_compose_deploys_take_turns() {
    let mut config = config();
    config.deploys = vec![deploy("a", None), deploy("b", Some(&[]))];
    let plan = start(&config).unwrap();
    let of = |text: &str| plan.step(&id(text)).unwrap().exclusive.clone();
    assert_eq!(of("deploy/a"), Some("compose:demo".to_owned()));
    assert_eq!(of("deploy/a"), of("deploy/b"));
    assert_eq!(of("images/a"), None);
}

#[test]
fn the_same_configuration_gives_the_same_plan() {
    let mut config = config();
    config.networks = vec![network("b"), network("a")];
    config.deploys = vec![deploy("z", None), deploy("y", None)];
    assert_eq!(shape(&config), shape(&config));
}

#[test]
fn a_secret_waits_for_the_file_that_it_is_read_from() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::Existing));
    config.files = vec![file("made"), file("other")];
    let mut wanted = secret("db");
    let path = config.files[0].path.clone();
    wanted.keys.insert("file".to_owned(), crate::config::model::SecretValue::File(path));
    config.secrets = vec![wanted];
    assert_eq!(needs(&config, "secret/db"), ["cluster", "file/made"]);
}

#[test]
fn passwords_are_asked_for_beside_the_cluster_and_secrets_written_after_it() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::Existing));
    config.registries = vec![registry("a", "pull"), registry("b", "pull"), registry("a", "other")];
    config.secrets = vec![secret("db")];
    config.deploys = vec![deploy("stack", None)];
    let shape = shape(&config);
    for line in [
        "token/a:",
        "token/b:",
        "registry/pull: cluster token/a token/b",
        "registry/other: cluster token/a",
        "secret/db: cluster",
        "deploy/stack: preflight/stack images/stack",
    ] {
        assert!(shape.iter().any(|known| known == line), "{line} in {shape:#?}");
    }
}

#[test]
fn a_password_of_the_configuration_is_asked_of_nobody() {
    let mut config = config();
    config.cluster = Some(cluster(Provider::K3d));
    let (username, password) = ("ann".to_owned(), crate::redact::Secret::new("x"));
    config.registries = vec![registry("a", "pull")];
    config.registries[0].credential =
        crate::config::model::Credential::Static { username, password };
    assert_eq!(needs(&config, "registry/pull"), ["cluster"]);
    assert!(start(&config).unwrap().step(&id("token/a")).is_none());
}
