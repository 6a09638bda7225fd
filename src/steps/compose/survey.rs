//! A compose project as `mlup doctor` looks at it: what it wants of the machine, and what in its files
//! cannot come to anything. Reads only.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::model::{Model, PullPolicy};
use super::project::Project;
use crate::config::subnet::Subnet;
use crate::doctor::host::addresses::private_places;
use crate::doctor::host::facts::{self, Address, Unset, WantedNetwork};
use crate::doctor::host::unset::uses;
use crate::drivers::compose::Invocation;
use crate::host::files::read_text;
use crate::host::ports::{self, Protocol};
use crate::host::reach;
use crate::plan::ComposeDeploy;
use crate::policy::Failure;
use crate::quote::quote;
use crate::steps::StepCtx;

/// How long an address may take to answer.
const REACH: Duration = Duration::from_millis(1500);

/// Most addresses that are tried.
const MOST_ADDRESSES: usize = 16;

/// What a project wants and what it is.
pub(in crate::steps) struct Surveyed {
    /// The project.
    pub(in crate::steps) project: facts::Project,
    /// Host ports of its services.
    pub(in crate::steps) ports: Vec<WantedPort>,
    /// Networks that compose makes for it.
    pub(in crate::steps) networks: Vec<WantedNetwork>,
    /// Images that compose would pull.
    pub(in crate::steps) images: Vec<String>,
}

/// A host port of a service.
pub(in crate::steps) struct WantedPort {
    /// The service.
    pub(in crate::steps) service: String,
    /// The file that says so, as it is named in `mlup.toml`.
    pub(in crate::steps) file: String,
    /// The port.
    pub(in crate::steps) port: u16,
    /// Its transport.
    pub(in crate::steps) protocol: Protocol,
}

/// Looks at the project of a deploy.
///
/// # Errors
/// Compose is missing or does not accept the files.
pub(in crate::steps) async fn of(
    deploy: &ComposeDeploy,
    ctx: &StepCtx,
) -> Result<Surveyed, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let shown =
        |path: &Path| path.strip_prefix(&ctx.config.root).unwrap_or(path).display().to_string();
    let file = project.invocation.files.first().map(|file| shown(file)).unwrap_or_default();
    let unset = project.unset_variables.iter().map(|name| {
        let files = project.invocation.files.iter();
        let texts = files.filter_map(|file| Some((shown(file), read_text(file).ok()?)));
        Unset {
            name: name.clone(),
            places: texts.flat_map(|(file, text)| uses(name, &file, &text)).collect(),
        }
    });
    Ok(Surveyed {
        ports: ports_of(&project, &file),
        networks: networks_of(&project),
        images: images_of(&project),
        project: facts::Project {
            deploy: deploy.name.clone(),
            name: project.model.name.clone(),
            command: command(&project.invocation, &project.model.name),
            unset: unset.collect(),
            addresses: addresses(&project).await,
        },
    })
}

fn ports_of(project: &Project, file: &str) -> Vec<WantedPort> {
    let selected = project.selected.iter();
    let services = selected.filter_map(|name| Some((name, project.model.services.get(name)?)));
    let ports = services.flat_map(|(name, service)| {
        service.ports.iter().map(|port| WantedPort {
            service: name.clone(),
            file: file.to_owned(),
            port: port.port,
            protocol: port.protocol,
        })
    });
    ports.collect()
}

/// Those that a selected service is on and that compose makes itself.
fn networks_of(project: &Project) -> Vec<WantedNetwork> {
    let Model { name, services, networks, .. } = &project.model;
    let is_used = |key: &String| {
        let mut selected = project.selected.iter().filter_map(|name| services.get(name));
        selected.any(|service| service.networks.contains(key))
    };
    let own = networks.iter().filter(|(key, network)| !network.external && is_used(key));
    own.map(|(_, network)| WantedNetwork {
        name: network.name.clone(),
        subnet: None,
        by: format!("compose project `{name}`"),
    })
    .collect()
}

fn images_of(project: &Project) -> Vec<String> {
    let services = project.selected.iter().filter_map(|name| project.model.services.get(name));
    let pulled = services.filter(|service| !service.build && service.pull != PullPolicy::Never);
    pulled.map(|service| service.image.clone()).collect()
}

/// How a person calls compose for this project.
fn command(invocation: &Invocation, name: &str) -> String {
    let mut words = vec!["docker compose".to_owned(), format!("-p {}", quote(name))];
    let path = |path: &Path| quote(&path.display().to_string());
    words.extend(invocation.env_files.iter().map(|file| format!("--env-file {}", path(file))));
    words.extend(invocation.files.iter().map(|file| format!("-f {}", path(file))));
    words.extend(invocation.profiles.iter().map(|name| format!("--profile {}", quote(name))));
    words.join(" ")
}

/// Private addresses in the environment of services, those of this machine left out; each is tried.
async fn addresses(project: &Project) -> Vec<Address> {
    let resolved: Value = serde_json::from_str(project.resolved.expose()).unwrap_or_default();
    let own = declared(&resolved);
    let mut found: Vec<(Address, (std::net::Ipv4Addr, u16))> = Vec::new();
    for service in &project.selected {
        let environment = resolved.pointer(&format!("/services/{service}/environment"));
        let variables = environment.and_then(Value::as_object).into_iter().flatten();
        for (variable, value) in variables {
            for (ip, port) in private_places(value.as_str().unwrap_or_default()) {
                let is_declared = own.iter().any(|own| own.holds(&Subnet::of(ip.into())));
                if is_declared || ports::is_own_address(ip.into()) {
                    continue;
                }
                let address = Address {
                    service: service.clone(),
                    variable: variable.clone(),
                    place: format!("{ip}:{port}"),
                    silence: None,
                };
                found.push((address, (ip, port)));
            }
        }
    }
    found.truncate(MOST_ADDRESSES);
    let tried = found.into_iter().map(|(mut address, place)| async move {
        address.silence = reach::silence(place.into(), REACH).await;
        address
    });
    futures_util::future::join_all(tried).await
}

/// The subnets that the files give to networks: addresses of these are containers'.
fn declared(resolved: &Value) -> Vec<Subnet> {
    let networks = resolved.get("networks").and_then(Value::as_object).into_iter().flatten();
    let pools = networks.filter_map(|(_, network)| network.pointer("/ipam/config")?.as_array());
    let subnets = pools.flatten().filter_map(|pool| pool.get("subnet")?.as_str());
    subnets.filter_map(Subnet::parse).collect()
}
