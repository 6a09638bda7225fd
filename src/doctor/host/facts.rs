//! What is known of the machine, the tools and the accounts that an environment stands on: plain
//! values, gathered by a step and judged beside this file. They hold no secret, so that they can be
//! handed on.

use serde::{Deserialize, Serialize};

use crate::event::{Evidence, Finding};

/// What a look at one thing gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look<T> {
    /// The configuration has no use for it.
    #[default]
    Unneeded,
    /// This is what it is.
    Seen(T),
    /// It was asked, and this is wrong with it.
    Refused(Finding),
    /// It could not be found out, for this reason.
    Unclear(String),
}

impl<T> Look<T> {
    /// What was seen.
    #[must_use]
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(seen) => Some(seen),
            _ => None,
        }
    }

    /// What is wrong with the thing itself.
    #[must_use]
    pub fn refused(&self) -> Option<&Finding> {
        match self {
            Self::Refused(finding) => Some(finding),
            _ => None,
        }
    }

    /// Why it is not known.
    #[must_use]
    pub fn unclear(&self) -> Option<&str> {
        match self {
            Self::Unclear(why) => Some(why),
            _ => None,
        }
    }
}

/// All that was seen below Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When, in seconds since 1970.
    pub taken: i64,
    /// Whether this is root.
    pub is_root: bool,
    /// The cluster that the configuration wants.
    pub cluster: Option<WantedCluster>,
    /// The Docker Engine.
    pub engine: Look<Engine>,
    /// What is wrong with the engine's own configuration file, where the engine does not run.
    pub daemon_file: Option<Evidence>,
    /// The newest API that the docker command line speaks, such as `1.50`, or that it was refused.
    pub client: Look<String>,
    /// Version of the compose plugin.
    pub compose: Look<String>,
    /// Networks of the engine.
    pub networks: Look<Vec<Network>>,
    /// Containers of the engine, stopped ones included.
    pub containers: Look<Vec<Container>>,
    /// Networks that a start has to make where they are not there.
    pub wanted_networks: Vec<WantedNetwork>,
    /// Networks that this machine reaches by a route of its own, each with its device.
    pub routes: Vec<(String, String)>,
    /// Compose projects.
    pub projects: Vec<Project>,
    /// Compose projects that could not be read, each with the reason.
    pub unread_projects: Vec<(String, String)>,
    /// Host ports that the configuration wants.
    pub ports: Vec<Port>,
    /// File systems that matter.
    pub disks: Vec<Disk>,
    /// Memory of this machine that is available, in bytes.
    pub memory_available: Option<u64>,
    /// The limits of inotify for one user: watches, instances.
    pub inotify: Option<(u64, u64)>,
    /// Other clocks: whose, and how many seconds it is ahead of this machine's.
    pub clocks: Vec<(String, i64)>,
    /// Programs that the configuration needs.
    pub tools: Vec<Tool>,
    /// Where the cluster stands by its tool.
    pub sight: Look<Sight>,
    /// Version of kubectl, where the configuration runs it.
    pub kubectl: Look<String>,
    /// The way to the cluster's API server.
    pub access: Look<Access>,
    /// Version of the API server.
    pub api: Look<String>,
    /// AWS accounts that registries need.
    pub clouds: Vec<Cloud>,
    /// Helpers that Docker's configuration names for registries of the configuration.
    pub helpers: Vec<Helper>,
    /// Logins of registries that cannot be had.
    pub logins: Vec<(String, Finding)>,
    /// Steps that could not be looked at in time.
    pub overdue: Vec<(String, String)>,
}

/// `[cluster]`, as far as the machine is judged by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedCluster {
    /// The tool, as `provider` has it.
    pub tool: String,
    /// Its name, or that of the profile.
    pub name: String,
    /// The kubeconfig context.
    pub context: String,
    /// Version of Kubernetes, such as `v1.34.0`.
    pub version: Option<String>,
    /// Memory of a node in bytes.
    pub memory: Option<u64>,
    /// Servers and agents.
    pub nodes: u32,
}

/// The Docker Engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// Where it was asked.
    pub endpoint: String,
    /// Its version.
    pub version: String,
    /// The newest API that it speaks.
    pub api: String,
    /// The oldest API that it speaks.
    pub oldest_api: String,
    /// The version of cgroups of its kernel, `1` or `2`.
    pub cgroups: String,
    /// Address ranges that networks are cut from: the range, and the length of a network's prefix.
    pub pools: Vec<(String, u8)>,
    /// Whether it runs on this machine's own kernel.
    pub is_here: bool,
}

/// A network of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its subnets in CIDR form.
    pub subnets: Vec<String>,
    /// Who made it, where its labels say so: `compose project x`, `minikube`, `k3d`.
    pub maker: Option<String>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its compose project.
    pub project: Option<String>,
    /// Its compose service.
    pub service: Option<String>,
    /// Whether it runs.
    pub runs: bool,
    /// Whether it belongs to the configuration's cluster.
    pub is_node: bool,
    /// Name and id of each network that it is on.
    pub networks: Vec<(String, String)>,
    /// Host ports that it publishes, with their protocol.
    pub ports: Vec<(u16, String)>,
}

/// A network that a start has to make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedNetwork {
    /// Its name.
    pub name: String,
    /// Its subnet, where the configuration says one.
    pub subnet: Option<String>,
    /// Who wants it: `[[network]]`, `compose project x`.
    pub by: String,
}

/// A compose project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// The deploy.
    pub deploy: String,
    /// The project's name.
    pub name: String,
    /// The command that compose is called by for it, up to its own command.
    pub command: String,
    /// Variables that are not set and that an image, a port or a build is made of.
    pub unset: Vec<Unset>,
    /// Private addresses in variables of services.
    pub addresses: Vec<Address>,
}

/// A variable that the compose files use and nobody sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unset {
    /// Its name.
    pub name: String,
    /// The lines that use it where nothing cannot be right.
    pub places: Vec<Evidence>,
}

/// A private address in the environment of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The service.
    pub service: String,
    /// The variable.
    pub variable: String,
    /// Address and port.
    pub place: String,
    /// Why nothing is reached there; none where something answers or was not asked.
    pub silence: Option<String>,
}

/// A host port that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Who wants it: ``service `web` of `stack` ``.
    pub by: String,
    /// Where it is said: a file, or `mlup.toml`.
    pub place: String,
    /// Who holds it.
    pub holder: Holder,
}

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// Who wants it.
    Own,
    /// Another container.
    Container {
        /// Its name.
        name: String,
        /// Its compose project.
        project: Option<String>,
    },
    /// A process.
    Process {
        /// Its number.
        pid: u32,
        /// Its program.
        command: String,
    },
    /// A process of another user.
    Hidden,
    /// Something of Docker, which cannot be asked now.
    Docker,
}

/// A file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// What is on it: `Docker's data`, `the project`.
    pub what: String,
    /// The folder that was asked about.
    pub path: String,
    /// Whether Docker keeps images and containers on it.
    pub is_dockers: bool,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that this user may still write.
    pub free: u64,
    /// Files that there may be in all; 0 where the file system sets no limit.
    pub files: u64,
    /// Files that may still be made.
    pub free_files: u64,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What needs it.
    pub by: String,
    /// Whether it is on PATH.
    pub is_there: bool,
}

/// Where a cluster stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// There is none.
    Absent,
    /// Halted.
    Stopped,
    /// Frozen.
    Paused,
    /// It comes up, or runs.
    Up,
    /// The kubeconfig does not lead to it.
    Misled(String),
    /// What is there does not work.
    Broken(String),
    /// It was made by another driver.
    OtherDriver(String),
}

/// The way to an API server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Its address.
    pub server: String,
    /// The program that fetches credentials.
    pub plugin: Option<Plugin>,
    /// When the client certificate ends, in seconds since 1970.
    pub certificate_end: Option<i64>,
}

/// A program that fetches credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// Its name or path.
    pub command: String,
    /// Whether it is there.
    pub is_there: bool,
    /// The version of the protocol.
    pub api_version: String,
    /// How to get it, in the words of the kubeconfig.
    pub hint: Option<String>,
}

/// An account of AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cloud {
    /// The registries that need it.
    pub servers: Vec<String>,
    /// Whose account it is, by AWS itself: the name of the identity.
    pub identity: Look<String>,
    /// Whether it may have a token.
    pub token: Look<()>,
}

/// A program that keeps Docker's logins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helper {
    /// The program, such as `docker-credential-desktop`.
    pub program: String,
    /// The file that names it.
    pub file: String,
    /// The registries that it is asked for.
    pub servers: Vec<String>,
    /// Whether it is on PATH.
    pub is_there: bool,
}
