//! The guard, the look for lost nodes and the wait for the cluster's network, on a real engine:
//! containers of busybox stand for nodes, services and strangers.

use std::sync::OnceLock;

use crate::config::fixture;
use crate::config::model::{Deploy, DeployKind, Provider};
use crate::drivers::fixture::spec;
use crate::drivers::spec::Spec;
use crate::host::files;
use crate::host::testing::engine::{busybox_context, clean_up, docker, unique};
use crate::plan::StepKind;
use crate::plan::change::{Op, Probed};
use crate::policy::Class;
use crate::policy::escalate::Onset;
use crate::steps::cluster::guard::{Purpose, clear};
use crate::steps::cluster::lost;
use crate::steps::testing::TestBed;
use crate::steps::{self, compose};

const IMAGE: &str = "mlup-test-cluster:1";

fn image() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let context = busybox_context(
            "FROM scratch\nCOPY busybox /bin/sleep\nSTOPSIGNAL SIGKILL\nCMD [\"sleep\", \"600\"]\n",
        );
        docker(&["build", "--quiet", "--tag", IMAGE, &context.path().display().to_string()]);
    });
}

/// A network as minikube makes one, an environment with a compose project, and what is on it.
struct Site {
    name: String,
    spec: Spec,
    bed: TestBed,
    folder: tempfile::TempDir,
    subnet: String,
}

impl Site {
    /// Subnets differ between tests of one process; `third` picks one.
    fn new(third: u8) -> Self {
        image();
        let name = unique("guard");
        let subnet = format!("10.214.{third}");
        docker(&[
            "network",
            "create",
            "--subnet",
            &format!("{subnet}.0/24"),
            "--gateway",
            &format!("{subnet}.1"),
            &name,
        ]);
        let spec = spec(Provider::Minikube, &name);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compose.yml");
        let text = format!("name: {name}\nservices:\n  api:\n    image: {IMAGE}\n");
        files::write(&file, text.as_bytes(), 0o644).unwrap();
        let mut bed = TestBed::new();
        let kind = DeployKind::Compose(fixture::compose(file));
        let deploy = Deploy { kind, ..fixture::deploy("stack", None) };
        let root = folder.path().to_path_buf();
        bed.config(|config| {
            config.root = root;
            config.deploys = vec![deploy];
            config.cluster = Some(fixture::cluster(Provider::Minikube));
            config.networks = vec![fixture::cluster_network(&name)];
        });
        Self { name, spec, bed, folder, subnet }
    }

    fn address(&self, last: u8) -> String {
        format!("{}.{last}", self.subnet)
    }

    /// Runs a container on the network; its name.
    fn run(&self, role: &str, address: u8, labels: &[String]) -> String {
        let name = format!("{}-{role}", self.name);
        let address = self.address(address);
        let mut args = vec!["run", "--detach", "--restart", "always", "--name", &name];
        args.extend(["--network", &self.name, "--ip", &address]);
        args.extend(labels.iter().flat_map(|label| ["--label", label]));
        args.push(IMAGE);
        docker(&args);
        name
    }

    fn service(&self, role: &str, address: u8) -> String {
        self.run(role, address, &self.compose_labels(&self.folder.path().display().to_string()))
    }

    fn compose_labels(&self, folder: &str) -> Vec<String> {
        let prefix = "com.docker.compose";
        vec![
            format!("{prefix}.project={}", self.name),
            format!("{prefix}.service=api"),
            format!("{prefix}.oneoff=False"),
            format!("{prefix}.project.working_dir={folder}"),
        ]
    }

    fn node(&self, address: u8) -> String {
        self.run("node", address, &[format!("name.minikube.sigs.k8s.io={}", self.name)])
    }
}

fn state(container: &str) -> String {
    docker(&["inspect", "--format", "{{.State.Status}}", container])
}

impl Drop for Site {
    fn drop(&mut self) {
        let filter = format!("name={}", self.name);
        let ids = clean_up(&["ps", "--all", "--quiet", "--filter", &filter]);
        for id in ids.split_whitespace() {
            clean_up(&["rm", "--force", "--volumes", id]);
        }
        clean_up(&["network", "rm", &self.name]);
    }
}

#[tokio::test]
async fn own_services_make_way_for_the_node_and_are_kept() {
    let mut site = Site::new(1);
    // It has the very address that the node will ask for.
    let (service, node) = (site.service("api", 2), site.node(9));
    clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap();
    assert_eq!((state(&service).as_str(), state(&node).as_str()), ("exited", "running"));
    assert_eq!(site.bed.warnings(), ["SERVICES_INTERRUPTED"]);
    let attached = compose::attached(&site.bed.ctx, &site.name).await.unwrap();
    assert!(attached.iter().all(|one| one.name != service || !one.up));
    docker(&["network", "disconnect", &site.name, &service]);
    clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap();
    assert!(site.bed.warnings().is_empty());
}

#[tokio::test]
async fn a_stranger_with_the_nodes_address_is_refused_and_untouched() {
    let site = Site::new(2);
    let stranger = site.run("stranger", 2, &[]);
    let failure = clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "NODE_ADDRESS_HELD"));
    assert!(failure.summary.contains(&stranger) && failure.summary.contains(&site.address(2)));
    assert_eq!(state(&stranger), "running");
}

#[tokio::test]
async fn the_same_project_name_from_another_folder_is_a_stranger() {
    let mut site = Site::new(3);
    let stranger = site.run("other", 7, &site.compose_labels("/elsewhere"));
    clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap();
    assert_eq!(state(&stranger), "running");
    assert_eq!(site.bed.warnings(), ["NETWORK_SHARED"]);
}

#[tokio::test]
async fn a_delete_is_not_refused_for_an_address() {
    let mut site = Site::new(4);
    let (stranger, service) = (site.run("stranger", 2, &[]), site.service("api", 5));
    clear(&site.bed.ctx, &site.spec, Purpose::Remove).await.unwrap();
    assert_eq!((state(&stranger).as_str(), state(&service).as_str()), ("running", "exited"));
    assert_eq!(site.bed.warnings(), ["SERVICES_INTERRUPTED", "NETWORK_SHARED"]);
}

#[tokio::test]
async fn the_address_of_a_node_that_is_pinned_elsewhere_counts() {
    let site = Site::new(5);
    let node = site.node(200);
    docker(&["stop", &node]);
    site.run("beside", 2, &[]);
    clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap();
    site.run("stranger", 200, &[]);
    let failure = clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap_err();
    assert!(failure.summary.contains(&site.address(200)), "{}", failure.summary);
}

#[tokio::test]
async fn a_network_that_is_not_there_holds_nobody_up() {
    let mut site = Site::new(6);
    docker(&["network", "rm", &site.name]);
    clear(&site.bed.ctx, &site.spec, Purpose::Start).await.unwrap();
    assert!(site.bed.warnings().is_empty());
}

#[tokio::test]
async fn a_node_that_is_gone_or_down_is_a_loss() {
    let site = Site::new(7);
    let gone = lost::look(&site.bed.ctx, &site.spec).await.unwrap();
    assert_eq!((gone.code, gone.onset), ("NODE_VANISHED", Some(Onset::Transient)));
    let node = site.node(2);
    assert_eq!(lost::look(&site.bed.ctx, &site.spec).await, None);
    docker(&["stop", &node]);
    let down = lost::look(&site.bed.ctx, &site.spec).await.unwrap();
    assert_eq!(down.evidence[0].text, "the container is exited");
}

#[tokio::test]
async fn the_clusters_network_is_waited_for_and_its_absence_explained() {
    let site = Site::new(8);
    let mut wanted = fixture::cluster_network(&site.name);
    let kind = StepKind::Network(wanted.clone());
    let probed = steps::probe(&kind, &site.bed.ctx).await.unwrap();
    assert!(matches!(probed, Probed::Satisfied(_)), "{probed:?}");
    wanted.name = format!("{}-not", site.name);
    let kind = StepKind::Network(wanted);
    let Probed::Needed(changes) = steps::probe(&kind, &site.bed.ctx).await.unwrap() else {
        panic!("a network that does not exist is satisfied")
    };
    assert_eq!(changes[0].op, Op::Wait);
    let node = site.node(2);
    let instead = steps::cluster::instead(&site.bed.ctx).await;
    assert_eq!(instead, [format!("{node} is on network `{}`", site.name)]);
}
