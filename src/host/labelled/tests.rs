//! An inspection as data, and labelled objects on a real engine.

use std::sync::Arc;

use super::*;
use crate::host::docker::engine_facts;
use crate::host::testing::engine::{clean_up, docker, unique};

fn engine() -> Engine {
    Engine::new(Arc::new(BTreeMap::new()))
}

#[test]
fn an_inspection_is_reduced_to_what_drivers_ask_for() {
    let answer = serde_json::json!({
        "Id": "f95", "Name": "/dev",
        "State": {"Status": "exited", "ExitCode": 137, "FinishedAt": "2026-03-01T08:00:00.5Z"},
        "Config": {"Image": "kicbase:v1", "Labels": {"name.minikube.sigs.k8s.io": "dev"}},
        "NetworkSettings": {
            "Networks": {"mlnet": {"NetworkID": "n1", "IPAddress": "10.1.0.2"}},
            "Ports": {"8443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32771"},
                {"HostIp": "::1", "HostPort": "32771"}], "22/tcp": null}}
    });
    let node = node(serde_json::from_value(answer).unwrap());
    assert_eq!((node.name.as_str(), node.status), ("dev", Status::Exited));
    assert_eq!((node.image.as_str(), node.exit_code), ("kicbase:v1", 137));
    assert_eq!(node.labels["name.minikube.sigs.k8s.io"], "dev");
    let place = Attachment { network_id: "n1".to_owned(), address: "10.1.0.2".to_owned() };
    assert_eq!(node.networks, BTreeMap::from([("mlnet".to_owned(), place)]));
    assert_eq!(node.ports, [("8443/tcp".to_owned(), 32771)]);
    assert!(node.finished.is_some());
}

mod docker_tests {
    use super::*;

    struct Cleanup {
        volume: String,
        network: String,
    }

    impl Drop for Cleanup {
        fn drop(&mut self) {
            clean_up(&["volume", "rm", &self.volume]);
            clean_up(&["network", "rm", &self.network]);
        }
    }

    #[tokio::test]
    async fn labelled_objects_are_found_and_removed_and_no_others() {
        let engine = engine();
        let name = unique("labelled");
        let key = format!("mlup.test/{name}");
        let label = format!("{key}=yes");
        let _cleanup = Cleanup { volume: name.clone(), network: name.clone() };
        docker(&["volume", "create", "--label", &label, &name]);
        docker(&["network", "create", "--subnet", "10.213.31.0/28", "--label", &label, &name]);

        let volumes = volumes_with(&engine, &label).await.unwrap();
        assert_eq!(volumes.len(), 1);
        assert_eq!((volumes[0].name.as_str(), volumes[0].labels[&key].as_str()), (&*name, "yes"));
        let networks = networks_with(&engine, &key).await.unwrap();
        assert_eq!(networks.len(), 1);
        assert_eq!(networks[0].pools[0].0.as_deref(), Some("10.213.31.0/28"));
        let inspected = network(&engine, &name).await.unwrap().unwrap();
        assert_eq!((&inspected.id, inspected.containers.len()), (&networks[0].id, 0));
        assert!(containers_with(&engine, &label).await.unwrap().is_empty());
        assert!(volumes_with(&engine, &format!("{key}=no")).await.unwrap().is_empty());

        remove_volume(&engine, &name).await.unwrap();
        remove_network(&engine, &name).await.unwrap();
        assert!(volumes_with(&engine, &label).await.unwrap().is_empty());
        assert_eq!(network(&engine, &name).await.unwrap(), None);
        remove_volume(&engine, &name).await.unwrap();
        remove_network(&engine, &name).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_there_is_none_and_removed_already() {
        let engine = engine();
        let name = unique("nothing");
        assert_eq!(container(&engine, &name).await.unwrap(), None);
        remove_container(&engine, &name).await.unwrap();
        let failure = start_container(&engine, &name).await.unwrap_err();
        assert_eq!(failure.code, "DOCKER_NOT_FOUND");
    }

    #[tokio::test]
    async fn the_engine_says_what_it_has() {
        let facts = engine_facts(&engine()).await.unwrap();
        assert!(facts.memory > 0 && facts.cpus > 0, "{facts:?}");
    }
}
