//! Which services come up beside the cluster.

use super::super::fixtures::{container, project as plain_project};
use super::super::model::Model;
use super::*;
use crate::config::fixture;
use crate::config::model::{Cluster, File, Provider};

/// A project with the network key `mk` for the external network `minikube`.
fn project(services: &str) -> Project {
    let json = format!(
        r#"{{"name":"demo","services":{services},
            "networks":{{"mk":{{"name":"minikube","external":true}},"default":{{"name":"demo_default"}}}},
            "configs":{{"kube":{{"file":"/p/.kube/config"}}}}}}"#
    );
    let model = Model::parse(&json).expect("a model");
    let mut project = plain_project(services);
    project.one_shots = model.declared_one_shots();
    project.model = model;
    project
}

/// A configuration in `/p` whose cluster owns the network `minikube` and whose kubeconfig goes to
/// `/p/.kube/config`.
fn config() -> Config {
    Config {
        root: "/p".into(),
        networks: vec![fixture::cluster_network("minikube")],
        files: vec![File { path: "/p/.kube/config".into(), ..fixture::kubeconfig("") }],
        ..fixture::config()
    }
}

fn beside(services_json: &str) -> Vec<String> {
    services(&project(services_json), &config(), &[]).into_iter().collect()
}

#[test]
fn a_service_on_the_clusters_network_and_whoever_waits_for_it_stay_out() {
    let found = beside(
        r#"{"db":{"image":"x","restart":"always","networks":{"default":null}},
            "sched":{"image":"x","restart":"always","networks":{"default":null,"mk":null}},
            "web":{"image":"x","restart":"always","depends_on":{"sched":{"condition":"service_started"}}},
            "side":{"image":"x","restart":"always","network_mode":"service:web"},
            "linked":{"image":"x","restart":"always","links":["sched:s"]},
            "vols":{"image":"x","restart":"always","volumes_from":["sched:ro"]},
            "mode":{"image":"x","restart":"always","network_mode":"minikube"},
            "node":{"image":"x","restart":"always","network_mode":"container:minikube"},
            "host":{"image":"x","restart":"always","network_mode":"host"}}"#,
    );
    assert_eq!(found, ["db", "host"]);
}

#[test]
fn who_reads_the_kubeconfig_stays_out_and_who_mounts_the_whole_project_does_not() {
    let bind = |source: &str| {
        format!(
            r#"{{"image":"x","restart":"always","volumes":[{{"type":"bind","source":"{source}"}}]}}"#
        )
    };
    let found = beside(&format!(
        r#"{{"file":{},"folder":{},"all":{},"other":{},
            "config":{{"image":"x","restart":"always","configs":[{{"source":"kube"}}]}},
            "env":{{"image":"x","restart":"always","env_file":[{{"path":"/p/.kube/config"}}]}}}}"#,
        bind("/p/sub/../.kube/config"),
        bind("/p/.kube"),
        bind("/p"),
        bind("/p/.kube/other"),
    ));
    assert_eq!(found, ["all", "other"]);
}

#[test]
fn the_network_that_the_cluster_makes_for_itself_counts_without_a_network_section() {
    let mut config = config();
    config.networks.clear();
    assert_eq!(cluster_networks(&config), BTreeSet::new());
    let name = Some("minikube".to_owned());
    config.cluster = Some(Cluster { name, ..fixture::cluster(Provider::Minikube) });
    assert_eq!(cluster_networks(&config), BTreeSet::from(["minikube".to_owned()]));
}

#[test]
fn a_possible_one_shot_goes_first_only_with_something_that_stays_up() {
    let job = r#""job":{"image":"x"}"#;
    let sched = r#""sched":{"image":"x","networks":{"mk":null}}"#;
    assert_eq!(beside(&format!("{{{job},{sched}}}")), Vec::<String>::new());
    let db = r#""db":{"image":"x","healthcheck":{"test":["CMD","true"]}}"#;
    assert_eq!(beside(&format!("{{{job},{sched},{db}}}")), ["db", "job"]);
    let declared = r#"{"job":{"image":"x"},"sched":{"image":"x","networks":{"mk":null},
        "depends_on":{"job":{"condition":"service_completed_successfully"}}}}"#;
    assert_eq!(beside(declared), ["job"]);
}

#[test]
fn only_selected_services_count_and_one_connected_by_hand_does_not() {
    let mut project = project(
        r#"{"db":{"image":"x","restart":"always"},"web":{"image":"x","restart":"always"},
            "notebook":{"image":"x","restart":"always"}}"#,
    );
    project.selected.remove("notebook");
    let mut web = container("web");
    web.networks.insert("minikube".to_owned(), "n2".to_owned());
    let found = services(&project, &config(), &[web]);
    assert_eq!(found, BTreeSet::from(["db".to_owned()]));
}

#[test]
fn the_clusters_network_is_stood_in_for_and_no_other() {
    let project = project(r#"{"db":{"image":"x","restart":"always"}}"#);
    let narrow = narrow(&project, &config(), &[]);
    assert_eq!(narrow.wanted, ["db"]);
    let text = narrow.invocation.stand_in.expect("a stand-in");
    assert_eq!(text, r#"{"networks":{"mk":{"external":true,"name":"bridge"}}}"#);
}
