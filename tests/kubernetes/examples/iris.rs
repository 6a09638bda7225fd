//! `examples/iris`: a deployment behind a load balancer, its image from a registry whose password
//! lives for an hour.

use std::sync::mpsc::Receiver;

use mlup::event::State;
use serde_json::{Value, json};

use super::{answering, goes_away, site, there};
use crate::commands::{changed, last_state};
use crate::kubernetes::{CANARY, SERVER};
use crate::support::document::run_marked;
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/iris";

/// The example with an image that only the password of `gcloud` pulls, a model that answers, and
/// the bodies that the model was sent.
fn iris() -> (Kubernetes, Receiver<String>) {
    let (port, bodies) = answering(|line| match line {
        "POST /predict/ HTTP/1.1" => (200, "{\"species\":\"setosa\"}"),
        _ => (404, ""),
    });
    let token = on(["auth", "print-access-token"]).stdout(&format!("{CANARY}\n"));
    let site = site("iris", SERVER, "oauth2accesstoken", CANARY)
        .tool("gcloud", &[token])
        .env("GAR_HOST", SERVER)
        .env("IMAGE_URL", &format!("{SERVER}/team/iris:1"))
        .env("PREDICT_PORT", &port.to_string());
    (site, bodies)
}

#[test]
fn commands_of_the_readme_of_iris_work() {
    let (site, _bodies) = iris();
    run_marked(&site.sandbox, "examples/iris/README.md", "cluster");
    goes_away(&site);
}

#[test]
fn iris_predicts_stays_as_it_is_and_goes_without_a_trace() {
    let (site, bodies) = iris();
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    for step in ["deploy/iris", "check/predict"] {
        assert_eq!(last_state(&cold, step), Some(State::Ready), "{}", cold.report());
    }
    let deployment = site.get(DEPLOYMENT).unwrap();
    assert_eq!(deployment["status"]["readyReplicas"], 1, "{deployment}");
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, json!(format!("{SERVER}/team/iris:1")));
    let body: Value = serde_json::from_str(&bodies.try_recv().unwrap()).unwrap();
    assert_eq!(body["petal_length"], 1.4);

    let (writes, objects) = (site.writes(), there(&site));
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    assert_eq!((site.writes(), there(&site)), (writes, objects));
    assert!(site.sandbox.calls("gcloud").len() <= 2, "a password is asked for once a start");
    assert!(![&cold, &warm].iter().any(|ran| ran.report().contains(CANARY)));

    site.sandbox.run(&["reset", "--yes"]).exits(0);
    goes_away(&site);
}

#[test]
fn iris_without_an_image_is_refused_before_anything_is_asked() {
    let (site, bodies) = iris();
    let site = site.env("IMAGE_URL", "");
    for verb in [["start"].as_slice(), &["plan"], &["status"]] {
        let ran = site.sandbox.run(verb).exits(3);
        let text = ran.report();
        assert!(text.contains("IMAGE_URL"), "{text}");
        assert!(text.contains("the pipeline that builds the image says which"), "{text}");
    }
    assert_eq!(site.fake_api().unwrap().calls(), Vec::<String>::new());
    assert!(site.sandbox.calls("gcloud").is_empty() && bodies.try_recv().is_err());
}

#[test]
fn iris_with_an_old_password_is_told_which_registry_refuses_it() {
    let (site, _bodies) = iris();
    site.sandbox.write("mlup.local.toml", "deadline = \"20s\"\n");
    let site = site.env("GAR_HOST", "127.0.0.1:2");
    let ran = site.sandbox.run(&["start"]);
    assert_ne!(ran.code, Some(0), "the secret is for another host: {}", ran.report());
    assert!(ran.stderr.contains(SERVER), "{}", ran.report());
    assert!(!ran.report().contains(CANARY), "{}", ran.report());
}
