//! Where the services of a project answer on this machine. Reads only.

use super::observe::not_foreign;
use crate::event::Url;
use crate::host::containers::{self, Container, PublishedPort, Status};
use crate::plan::ComposeDeploy;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Ports inside a container that by custom do not speak HTTP: ssh, smtp, dns, ldap, mqtt, mssql,
/// mysql, postgres, amqp, nats, redis, zookeeper, cassandra, kafka, memcached, mongodb, bolt.
const NOT_HTTP: [u16; 17] = [
    22, 25, 53, 389, 1883, 1433, 3306, 5432, 5672, 4222, 6379, 2181, 9042, 9092, 11211, 27017, 7687,
];

/// The addresses of the published ports of running services.
///
/// # Errors
/// The compose files are wrong, or the engine could not be asked.
pub async fn urls(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Vec<Url>, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let own = containers::of_project(&ctx.host.docker, &project.model.name).await?;
    not_foreign(&project, &own)?;
    let selected = own.iter().filter(|container| project.selected.contains(&container.service));
    Ok(selected.flat_map(of_container).collect())
}

fn of_container(container: &Container) -> Vec<Url> {
    if container.status != Status::Running {
        return Vec::new();
    }
    let ports = container.ports.iter().filter(|port| port.protocol == "tcp");
    ports
        .map(|port| Url { name: container.service.clone(), url: address(port), login: None })
        .collect()
}

/// Guessed from the port inside: what publishes 15432 for 5432 is still a database.
fn address(port: &PublishedPort) -> String {
    let scheme = match port.container {
        443 | 8443 => "https",
        inside if NOT_HTTP.contains(&inside) => "tcp",
        _ => "http",
    };
    format!("{scheme}://localhost:{}", port.host)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::container;
    use super::*;

    #[test]
    fn schemes_follow_the_port_inside() {
        let mut web = container("web");
        let port = |host, container| PublishedPort { host, container, protocol: "tcp".to_owned() };
        web.ports = vec![port(8080, 80), port(15432, 5432), port(9443, 8443)];
        let urls: Vec<String> = of_container(&web).into_iter().map(|url| url.url).collect();
        assert_eq!(
            urls,
            ["http://localhost:8080", "tcp://localhost:15432", "https://localhost:9443"]
        );
    }

    #[test]
    fn a_service_that_is_over_has_no_address() {
        let mut web = container("web");
        web.ports = vec![PublishedPort { host: 1, container: 1, protocol: "tcp".to_owned() }];
        web.status = Status::Exited;
        assert_eq!(of_container(&web), []);
    }
}
