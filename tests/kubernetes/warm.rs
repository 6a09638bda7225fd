//! A second start of what is deployed and runs: it says so, writes nothing, and asks little.

use mlup::event::EventKind;
use serde_json::json;

use crate::commands::changed;
use crate::support::kube::FakeKube;
use crate::support::kubernetes::Kubernetes;
use crate::support::simulated::Settings;

/// Most requests of a start that finds everything as it should be: five of them are the cluster's, one
/// is a list of each of four kinds, and three are of what these make.
const FEW: usize = 12;

const OBJECTS: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - name: web
        image: 127.0.0.1:1/web:1
        ports: [{ containerPort: 8000 }]
        envFrom: [{ configMapRef: { name: settings } }]
        env:
        - name: TOKEN
          valueFrom: { secretKeyRef: { name: keys, key: token } }
        resources: { requests: { cpu: 10m } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8000 }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { mode: dev }
---
apiVersion: v1
kind: Secret
metadata: { name: keys }
stringData: { token: t0ken }
";

/// A simulated cluster, and a namespace that is there.
fn site() -> (Kubernetes, String) {
    let site = Kubernetes::fake();
    api(&site).change(|world| {
        let mut node = world.objects("Node").remove(0);
        node["status"]["allocatable"] = json!({ "cpu": "2", "memory": "4Gi", "pods": "110" });
        world.store(node);
        world.simulate(Settings::default());
    });
    let namespace = site.made_namespace("shop");
    (site, namespace)
}

fn api(site: &Kubernetes) -> &FakeKube {
    site.fake_api().unwrap()
}

fn deploys(site: &Kubernetes, namespace: &str, names: &[&str]) {
    let one = |name: &&str| {
        let text = OBJECTS.replace("web", name).replace("settings", &format!("settings-{name}"));
        site.sandbox.write(&format!("{name}.yaml"), &text.replace("keys", &format!("keys-{name}")));
        format!(
            "[[deploy]]\nname = \"{name}\"\nmanifests = \"{name}.yaml\"\nnamespace = \"{namespace}\"\n"
        )
    };
    site.config(&names.iter().map(one).collect::<String>());
}

#[test]
fn what_is_deployed_and_runs_is_left_alone_and_few_questions_are_asked() {
    for names in [&["web"][..], &["web", "api"]] {
        let (site, namespace) = site();
        deploys(&site, &namespace, names);
        let start = || site.sandbox.run(&["start", "--progress", "json"]).exits(0);
        let cold = start();
        assert_eq!(changed(&cold).len(), names.len(), "{}", cold.report());
        let (writes, asked) = (site.writes(), api(&site).calls().len());
        let warm = start();
        let calls = api(&site).calls().split_off(asked);
        assert!(calls.len() <= FEW, "{calls:#?}");
        assert_eq!(site.writes(), writes);
        assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
        let told = warm.kinds().into_iter().filter(|kind| match kind {
            EventKind::StepState(state) => state.reason.as_deref() == Some("4 of 4 ready"),
            _ => false,
        });
        assert_eq!(told.count(), names.len(), "{}", warm.report());
    }
}
