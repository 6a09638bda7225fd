//! The configuration after parsing: typed and checked, so that no later layer validates again.
//! How it is read from files is `raw`, `layers` and `rules`; nothing here touches a file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use super::address::{Address, ServicePort};
use super::destination::Destination;
use super::subnet::Subnet;
use crate::redact::Secret;

/// One environment, as wanted.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the environment; also the compose project's name unless the compose file sets one.
    pub name: String,
    /// The active profile.
    pub profile: String,
    /// Folder of `mlup.toml`; every relative path starts here.
    pub root: PathBuf,
    /// Absolute paths of the env files that exist, weakest first.
    pub env_files: Vec<PathBuf>,
    /// What the env files say, process environment not included; each value is treated as secret.
    pub env: BTreeMap<String, Secret>,
    /// Default Kubernetes namespace.
    pub namespace: Option<String>,
    /// The overall deadline of a run.
    pub deadline: Duration,
    /// `[cluster]`, unless its provider is `none`.
    pub cluster: Option<Cluster>,
    /// `[[network]]` in order.
    pub networks: Vec<Network>,
    /// `[[file]]` in order.
    pub files: Vec<File>,
    /// `[[registry]]` in order.
    pub registries: Vec<Registry>,
    /// `[[secret]]` in order.
    pub secrets: Vec<KubeSecret>,
    /// `[[image]]` in order.
    pub images: Vec<Image>,
    /// `[[deploy]]` in order, which is also the order of deployment.
    pub deploys: Vec<Deploy>,
    /// `[[check]]` in order.
    pub checks: Vec<Check>,
    /// `[[task]]` in order.
    pub tasks: Vec<Task>,
    /// Every value that must never be printed, for the scrubber.
    pub secrets_to_scrub: Vec<Secret>,
}

/// `[cluster]`: which cluster and how to make it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The tool that owns the cluster.
    pub provider: Provider,
    /// Cluster or tool-profile name.
    pub name: Option<String>,
    /// Kubeconfig context.
    pub context: Option<String>,
    /// Version of Kubernetes, such as `v1.34.0`.
    pub kubernetes_version: Option<String>,
    /// CPUs of a node.
    pub cpus: Option<u32>,
    /// Memory of a node in bytes.
    pub memory: Option<u64>,
    /// Server nodes.
    pub nodes: Option<u32>,
    /// Agent nodes.
    pub agents: Option<u32>,
    /// Further arguments for the tool.
    pub args: Vec<String>,
    /// Add-ons to enable.
    pub addons: Vec<String>,
    /// Docker network that the cluster joins.
    pub network: Option<String>,
    /// NodePorts published on localhost.
    pub ports: Vec<u16>,
    /// Port of the API server on the host.
    pub api_port: Option<u16>,
    /// Whether to make the cluster's context the current one.
    pub switch_context: Option<bool>,
    /// How far recovery may go.
    pub recover: Recover,
    /// The fields that only `k3s` has.
    pub k3s: K3s,
}

/// The tool that owns a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Docker Desktop's own Kubernetes.
    DockerDesktop,
    /// A context that somebody else owns.
    Existing,
    /// k3d.
    K3d,
    /// K3s on a machine reached by ssh.
    K3s,
    /// minikube.
    Minikube,
}

/// `recover`: how often, how patiently and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recover {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// First delay.
    pub backoff_min: Duration,
    /// Longest delay.
    pub backoff_max: Duration,
    /// The strongest rung.
    pub purge: Purge,
}

/// The strongest rung that recovery may take without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// Everything of the tool.
    All,
    /// Nothing is purged.
    Never,
    /// This cluster only.
    Profile,
}

/// The fields of `[cluster]` that only `provider = "k3s"` has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct K3s {
    /// ssh destination.
    pub host: Option<Destination>,
    /// Version of K3s, such as `v1.33.5+k3s1`.
    pub version: Option<String>,
    /// Pod network.
    pub cluster_cidr: Option<Subnet>,
    /// Service network.
    pub service_cidr: Option<Subnet>,
    /// Address of the cluster's DNS.
    pub dns: Option<IpAddr>,
    /// Bundled components to leave out.
    pub disable: Vec<String>,
    /// Where K3s comes from.
    pub install: Install,
    /// Opt-in preparations of the machine.
    pub prepare: Vec<Prepare>,
    /// Whether API and NodePorts go through ssh.
    pub tunnel: bool,
}

/// Where K3s comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Install {
    /// The machine downloads it, by the project's own installer.
    #[default]
    Script,
    /// A binary of this machine, or a folder with binary, installer and images.
    Local(PathBuf),
}

/// What mlup does to the machine beside K3s, where it is asked to. Nothing switches a guard off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prepare {
    /// The ports and networks that K3s needs are let through firewalld.
    Firewalld,
    /// The packages of iSCSI, and its service: Longhorn needs them.
    Iscsid,
    /// The kernel modules that K3s loads, and the package that has them.
    KernelModules,
    /// The client packages of NFS.
    Nfs,
    /// The `SELinux` policy of K3s.
    Selinux,
}

impl Prepare {
    /// As `prepare` names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firewalld => "firewalld",
            Self::Iscsid => "iscsid",
            Self::KernelModules => "kernel-modules",
            Self::Nfs => "nfs",
            Self::Selinux => "selinux",
        }
    }
}

/// `[[network]]`: a Docker network that outlives compose projects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Who makes it.
    pub owner: NetworkOwner,
    /// Docker driver; `bridge` unless set.
    pub driver: String,
    /// Subnet in CIDR form.
    pub subnet: Option<String>,
    /// Gateway address.
    pub gateway: Option<String>,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
}

/// Who makes a Docker network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkOwner {
    /// The cluster's tool.
    Cluster,
    /// mlup.
    Mlup,
}

/// `[[file]]`: a file that mlup writes.
#[derive(Clone, Debug)]
pub struct File {
    /// Absolute path.
    pub path: PathBuf,
    /// What it holds.
    pub content: FileContent,
    /// Permission bits, `0o600` unless set.
    pub mode: u32,
}

/// What a `[[file]]` holds.
#[derive(Clone, Debug)]
pub enum FileContent {
    /// A flattened kubeconfig of the cluster.
    Kubeconfig,
    /// The text of the template with `${VAR}` expanded; may hold secrets.
    Rendered(Secret),
}

/// `[[registry]]`: a pull secret and where its password comes from.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Registry host.
    pub server: String,
    /// Name of the Kubernetes secret.
    pub secret: String,
    /// Namespaces that get it.
    pub namespaces: Vec<String>,
    /// Service accounts to patch.
    pub service_accounts: Vec<String>,
    /// Where the password comes from.
    pub credential: Credential,
}

/// Where a registry password comes from.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The user's Docker configuration.
    DockerConfig,
    /// AWS ECR.
    Ecr {
        /// AWS region.
        region: Option<String>,
        /// AWS profile.
        profile: Option<String>,
        /// API endpoint.
        endpoint: Option<String>,
    },
    /// A command that prints the password.
    Exec {
        /// Program and arguments.
        command: Vec<String>,
        /// User name.
        username: String,
        /// How long the password lives.
        ttl: Option<Duration>,
    },
    /// A fixed pair.
    Static {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
}

/// `[[secret]]`: a Kubernetes secret.
#[derive(Clone, Debug)]
pub struct KubeSecret {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its type; `Opaque` unless set.
    pub kind: Option<String>,
    /// Key to value.
    pub keys: BTreeMap<String, SecretValue>,
}

/// Where the value of a secret's key comes from.
#[derive(Clone, Debug)]
pub enum SecretValue {
    /// A file, read when it is needed.
    File(PathBuf),
    /// Made once and kept.
    Generate(Generator),
    /// A literal.
    Literal(Secret),
}

/// How to make a secret value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// 32 random bytes in base64.
    Base64,
    /// A fernet key: 32 random bytes in URL-safe base64.
    Fernet,
    /// 32 random bytes in hex.
    Hex32,
}

/// `[[image]]`: an image that must be on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Reference, such as `api:dev`.
    pub name: String,
    /// How it gets there.
    pub source: ImageSource,
    /// Wanted platform, such as `linux/amd64`.
    pub platform: Option<String>,
}

/// How an image gets onto this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A second name of a local image.
    Alias(String),
    /// Built from a context.
    Build {
        /// Absolute path of the context.
        context: PathBuf,
        /// Path of the Dockerfile inside the context; `Dockerfile` unless set.
        dockerfile: Option<String>,
    },
    /// It must exist already.
    Present,
}

/// `[[deploy]]`: one thing that is deployed.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DeployKind,
    /// Namespace for Kubernetes objects.
    pub namespace: Option<String>,
    /// Parts that may stay unready.
    pub optional: Vec<String>,
    /// Field paths that are left alone.
    pub keep: Vec<String>,
    /// Explicit needs; `None` means "after the deploy above".
    pub needs: Option<Vec<String>>,
    /// Its own time limit.
    pub timeout: Option<Duration>,
}

/// What a `[[deploy]]` is.
#[derive(Clone, Debug)]
pub enum DeployKind {
    /// Argo CD applications.
    Argocd(Vec<String>),
    /// A docker compose project.
    Compose(Compose),
    /// A Helm chart.
    Helm(Chart),
    /// A kustomization folder.
    Kustomize(PathBuf),
    /// Manifest files or folders.
    Manifests(Manifests),
}

/// A Helm chart as `mlup.toml` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// Chart path or reference.
    pub chart: String,
    /// Release name; the deploy's name unless set.
    pub release: Option<String>,
    /// Absolute paths of the values files, weakest first.
    pub values: Vec<PathBuf>,
    /// Single values by their dotted paths; they may hold secrets.
    pub set: BTreeMap<String, String>,
}

/// Manifest files as `mlup.toml` names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifests {
    /// Absolute paths of files and folders, in order.
    pub paths: Vec<PathBuf>,
    /// What stands for `${NAME}` in their text; other dollar signs stay. They may hold secrets.
    pub vars: BTreeMap<String, String>,
}

/// A docker compose project as `mlup.toml` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compose {
    /// Absolute paths of the compose files, weakest first.
    pub files: Vec<PathBuf>,
    /// Compose profiles to enable.
    pub profiles: Vec<String>,
    /// Services to run; empty means all.
    pub services: Vec<String>,
}

/// `[[check]]`: what must answer before the environment counts as up.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What is asked.
    pub probe: CheckProbe,
    /// From where.
    pub from: Vantage,
    /// Whether the environment counts as up without it.
    pub optional: bool,
    /// Its own time limit.
    pub timeout: Option<Duration>,
    /// How a person logs in there.
    pub login: Option<Login>,
}

/// What a check asks; placeholders are kept until a try fills them in.
#[derive(Clone, Debug)]
pub enum CheckProbe<A = Address> {
    /// A command that must exit 0.
    Exec(Vec<String>),
    /// An HTTP request.
    Http(HttpProbe<A>),
    /// A line in a compose service's log.
    Log {
        /// The service.
        service: String,
        /// What a line must match.
        pattern: Regex,
    },
    /// A TCP connection to `host:port`.
    Tcp(A),
}

/// An HTTP request and what its answer must be.
#[derive(Clone, Debug)]
pub struct HttpProbe<A = Address> {
    /// The address.
    pub url: A,
    /// Statuses that count; empty means 200 to 399.
    pub status: Vec<u16>,
    /// Dotted path to wanted value.
    pub json: BTreeMap<String, String>,
    /// Text that the body must contain.
    pub body: Option<String>,
    /// Body of a POST; without it the request is a GET.
    pub post: Option<String>,
    /// Request headers; values may be secret.
    pub headers: BTreeMap<String, Secret>,
    /// Whether a certificate that does not verify is accepted.
    pub insecure: bool,
}

impl<A> HttpProbe<A> {
    /// The same request at another address.
    pub fn at<B>(&self, url: B) -> HttpProbe<B> {
        HttpProbe {
            url,
            status: self.status.clone(),
            json: self.json.clone(),
            body: self.body.clone(),
            post: self.post.clone(),
            headers: self.headers.clone(),
            insecure: self.insecure,
        }
    }
}

/// Where a check is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// Inside a compose service's container.
    Compose(String),
    /// This machine.
    Host,
    /// Inside of the cluster, at this port of a service.
    Pod(ServicePort),
}

/// How a person logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub user: LoginValue,
    /// Password, shown by `mlup urls` alone.
    pub password: LoginValue,
}

/// Where a user name or a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginValue {
    /// In the configuration.
    Given(Secret),
    /// In a Kubernetes secret.
    Kept {
        /// Namespace of the secret.
        namespace: Option<String>,
        /// Name of the secret.
        secret: String,
        /// The key in it.
        key: String,
    },
}

/// `[[task]]`: a host command.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Program and arguments.
    pub run: Vec<String>,
    /// Exits 0 when there is nothing to do.
    pub unless: Option<Vec<String>>,
    /// Steps that must be ready first.
    pub needs: Vec<String>,
    /// Absolute working folder.
    pub cwd: PathBuf,
    /// Environment beside the process's own.
    pub env: BTreeMap<String, Secret>,
    /// Its own time limit.
    pub timeout: Option<Duration>,
    /// Takes its effect back on `reset`.
    pub undo: Option<Vec<String>>,
}
