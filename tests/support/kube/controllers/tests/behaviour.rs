//! What the simulated cluster does over time: rollouts, sets, jobs, healing, volumes and addresses.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::super::FakeKube;
use super::super::settings::{Held, OnNode, Script, Settings};
use super::cluster::{
    cluster, comes_to, container, deployment, messages, ready, service, waits_for, workload,
};
use super::facts::{list, text};

#[test]
fn a_new_template_is_rolled_out_pod_by_pod() {
    let (fake, _) = cluster(Settings::default());
    fake.change(|world| world.store(deployment("portal", 2, "a:1")));
    comes_to(&fake, "first", |world| ready(world, "Deployment", "portal") == 2);
    let old = fake.change(|world| world.objects("ReplicaSet")[0].clone());
    fake.change(|world| {
        let mut new = world.find("Deployment", "default", "portal").unwrap();
        new["spec"]["template"]["spec"]["containers"][0]["image"] = "a:2".into();
        new["metadata"]["generation"] = 2.into();
        world.store(new);
    });
    comes_to(&fake, "second", |world| {
        let all = world.objects("ReplicaSet");
        let is_over = |set: &Value| set["status"]["replicas"] == 0;
        let portal = world.find("Deployment", "default", "portal").unwrap();
        all.iter().any(is_over)
            && portal["status"]["observedGeneration"] == 2
            && list(&portal, "/status/conditions").iter().all(|it| it["status"] == "True")
            && portal["status"]["updatedReplicas"] == 2
            && ready(world, "Deployment", "portal") == 2
    });
    let (old, sets, told) = (
        text(&old, "/metadata/name").to_owned(),
        fake.change(|world| world.objects("ReplicaSet")),
        fake.change(|world| messages(world, "ScalingReplicaSet")),
    );
    let mut names = sets.iter().map(|set| text(set, "/metadata/name"));
    let new = names.find(|name| *name != old).unwrap();
    assert_eq!(
        told,
        [
            format!("Scaled up replica set {old} from 0 to 2"),
            format!("Scaled up replica set {new} from 0 to 1"),
            format!("Scaled down replica set {old} from 2 to 1"),
            format!("Scaled up replica set {new} from 1 to 2"),
            format!("Scaled down replica set {old} from 1 to 0"),
        ]
    );
}

#[test]
fn a_rollout_that_does_not_come_on_runs_out_of_time() {
    let mut settings = Settings::scripted([Script::never_ready("api")]);
    settings.pace.second = Duration::from_millis(1);
    let (fake, _) = cluster(settings);
    fake.change(|world| {
        let mut api = deployment("api", 1, "a:1");
        api["spec"]["progressDeadlineSeconds"] = 50.into();
        world.store(api);
    });
    comes_to(&fake, "the deadline", |world| {
        let api = world.find("Deployment", "default", "api").unwrap();
        list(&api, "/status/conditions").iter().any(|condition| {
            condition["reason"] == "ProgressDeadlineExceeded"
                && condition["status"] == "False"
                && text(condition, "/message").ends_with("\" has timed out progressing.")
        })
    });
}

#[test]
fn a_pull_heals_within_a_back_off_once_its_secret_is_there() {
    let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    let mut settings = Settings::default();
    settings.images.private.insert(host.to_owned(), ("AWS".to_owned(), "token".to_owned()));
    let (fake, _) = cluster(settings);
    fake.change(|world| {
        let mut api = deployment("api", 1, &format!("{host}/api:1"));
        api["spec"]["template"]["spec"]["imagePullSecrets"] = json!([{ "name": "ecr" }]);
        world.store(api);
    });
    comes_to(&fake, "a back-off", |world| waits_for(world) == ["ImagePullBackOff"]);
    let told = fake.change(|world| messages(world, "FailedToRetrieveImagePullSecret"));
    assert_eq!(
        told,
        [
            "Unable to retrieve some image pull secrets (ecr); attempting to pull the image may not succeed."
        ]
    );
    fake.change(|world| {
        let auths = json!({ "auths": { host: { "username": "AWS", "password": "token" } } });
        world.store(json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "ecr", "namespace": "default" },
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": { ".dockerconfigjson": auths.to_string() } }));
    });
    comes_to(&fake, "the pull", |world| ready(world, "Deployment", "api") == 1);
}

#[test]
fn an_image_that_comes_to_the_node_is_seen() {
    let mut settings = Settings::default();
    settings.images.public.clear();
    let (fake, simulation) = cluster(settings);
    fake.change(|world| world.store(deployment("api", 1, "api:dev")));
    comes_to(&fake, "a refusal", |world| waits_for(world) == ["ImagePullBackOff"]);
    let pod = fake.change(|world| world.objects("Pod")[0].clone());
    assert!(
        text(&pod, "/status/containerStatuses/0/state/waiting/message").ends_with(
            "\"docker.io/library/api:dev\": pull access denied, repository does not exist or may \
             require authorization: server message: insufficient_scope: authorization failed"
        ),
        "{pod:#}"
    );
    fake.change(|_| {
        simulation.change(|settings| settings.images.on_node.push("api:dev".to_owned()));
    });
    comes_to(&fake, "the image", |world| ready(world, "Deployment", "api") == 1);
}

#[test]
fn a_crash_ends_with_what_was_missing() {
    let (fake, _) = cluster(Settings::scripted([Script::crash_until("api", "db", "no database")]));
    fake.change(|world| world.store(deployment("api", 1, "a:1")));
    comes_to(&fake, "a loop", |world| waits_for(world) == ["CrashLoopBackOff"]);
    fake.change(|world| {
        world.store(service("db", "ClusterIP"));
        world.store(workload("StatefulSet", "db", 1, &container("db", "postgres:16")));
    });
    comes_to(&fake, "both", |world| {
        ready(world, "Deployment", "api") == 1 && ready(world, "StatefulSet", "db") == 1
    });
}

#[test]
fn pods_of_a_stateful_set_come_one_by_one_with_their_claims() {
    let (fake, _) = cluster(Settings::default());
    fake.change(|world| {
        world.store(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": { "name": "standard", "annotations":
                { "storageclass.kubernetes.io/is-default-class": "true" } },
            "provisioner": "k8s.io/minikube-hostpath", "volumeBindingMode": "WaitForFirstConsumer" }));
        let mut set = workload("StatefulSet", "db", 2, &container("db", "postgres:16"));
        set["spec"]["volumeClaimTemplates"] = json!([{ "metadata": { "name": "data" },
            "spec": { "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } } } }]);
        world.store(set);
    });
    let mut is_ordered = true;
    comes_to(&fake, "both", |world| {
        let second = world.find("Pod", "default", "db-1");
        is_ordered &= second.is_none() || ready(world, "StatefulSet", "db") >= 1;
        ready(world, "StatefulSet", "db") == 2
    });
    assert!(is_ordered);
    let claims = fake.change(|world| world.objects("PersistentVolumeClaim"));
    let bound: Vec<(&str, &str)> = claims
        .iter()
        .map(|claim| (text(claim, "/metadata/name"), text(claim, "/status/phase")))
        .collect();
    assert_eq!(bound, [("data-db-0", "Bound"), ("data-db-1", "Bound")]);
    assert_eq!(fake.change(|world| world.objects("PersistentVolume").len()), 2);
}

#[test]
fn daemons_are_on_every_node_and_jobs_end() {
    let (fake, _) = cluster(Settings::scripted([Script::crash_times("load", 1, "not yet")]));
    fake.change(|world| {
        world.node_ready("node-1");
        world.store(workload("DaemonSet", "agent", 1, &container("agent", "agent:1")));
        world.store(json!({ "apiVersion": "batch/v1", "kind": "Job",
            "metadata": { "name": "load", "namespace": "default", "generation": 1 },
            "spec": { "backoffLimit": 2, "template": { "spec": { "restartPolicy": "Never",
                "containers": [{ "name": "load", "image": "load:1" }] } } } }));
    });
    comes_to(&fake, "the daemons", |world| {
        let agent = world.find("DaemonSet", "default", "agent").unwrap();
        agent["status"]["numberReady"] == 2 && agent["status"]["desiredNumberScheduled"] == 2
    });
    comes_to(&fake, "the job", |world| {
        let load = world.find("Job", "default", "load").unwrap();
        load["status"]["succeeded"] == 1 && load["status"]["failed"] == 1
    });
    let pods = fake.change(|world| world.objects("Pod"));
    let failed = pods.iter().find(|pod| pod["status"]["phase"] == "Failed").unwrap();
    let path = format!("/api/v1/namespaces/default/pods/{}/log", text(failed, "/metadata/name"));
    assert_eq!(get(&fake, &path).trim(), "not yet");
}

/// The body of an answer.
fn get(fake: &FakeKube, path: &str) -> String {
    use std::io::{Read, Write};
    let address = fake.url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn load_balancers_get_addresses_where_somebody_gives_them() {
    let mut settings = Settings::default();
    settings.pace.balancer_after = Some(Duration::from_millis(5));
    let (fake, _) = cluster(settings);
    fake.change(|world| {
        world.store(service("api", "LoadBalancer"));
        world.store(deployment("api", 1, "a:1"));
    });
    comes_to(&fake, "an address", |world| {
        let api = world.find("Service", "default", "api").unwrap();
        !list(&api, "/status/loadBalancer/ingress").is_empty()
    });
    comes_to(&fake, "an endpoint", |world| {
        let slices = world.objects("EndpointSlice");
        slices.iter().any(|slice| {
            slice["endpoints"][0]["conditions"]["ready"] == true
                && slice["ports"][0]["port"] == 8000
        })
    });
}

#[test]
fn a_node_that_is_full_keeps_pods_away_until_there_is_room() {
    let (fake, _) = cluster(Settings::default());
    fake.change(|world| {
        let mut node = world.find("Node", "", "node-0").unwrap();
        node["status"]["allocatable"] = json!({ "cpu": "2", "memory": "4Gi", "pods": "110" });
        world.store(node);
        for (name, cpu) in [("one", "1500m"), ("two", "1")] {
            let mut own = deployment(name, 1, "a:1");
            own["spec"]["template"]["spec"]["containers"][0]["resources"] =
                json!({ "requests": { "cpu": cpu } });
            world.store(own);
        }
    });
    comes_to(&fake, "one of two", |world| {
        messages(world, "FailedScheduling")
            == ["0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, \
                 preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."]
            && ready(world, "Deployment", "one") == 1
    });
    fake.change(|world| world.delete("Deployment", "default", "one"));
    comes_to(&fake, "the other", |world| ready(world, "Deployment", "two") == 1);
}

#[test]
fn what_a_node_has_can_be_asked_and_a_slow_start_is_seen() {
    let mut settings = Settings::scripted([Script::ready_after("api", Duration::from_millis(60))]);
    settings.images.public.clear();
    let id = format!("sha256:{}", "a".repeat(64));
    let held = id.clone();
    settings.images.asked = Some(OnNode(Arc::new(move |node| {
        vec![Held { name: format!("api:{node}"), id: held.clone() }]
    })));
    let (fake, _) = cluster(settings);
    fake.change(|world| {
        let mut own = deployment("api", 1, "api:node-0");
        own["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] =
            1.into();
        world.store(own);
    });
    comes_to(&fake, "a probe that fails", |world| {
        let told = messages(world, "Unhealthy");
        told.iter().any(|words| words.ends_with(":8000: connect: connection refused"))
            && ready(world, "Deployment", "api") == 0
    });
    comes_to(&fake, "its end", |world| ready(world, "Deployment", "api") == 1);
    let pods = fake.change(|world| world.objects("Pod"));
    assert_eq!(pods[0]["status"]["containerStatuses"][0]["imageID"], id);
}
