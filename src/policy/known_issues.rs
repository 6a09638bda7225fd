//! What tools say when something well known is wrong: a table, one row an issue. Matched only after
//! exit code and status have said nothing. A new row needs a fixture below.

mod clouds;
mod helm;
mod kustomize;
mod ssh;
#[cfg(test)]
mod ssh_tests;
#[cfg(test)]
mod tool_tests;

use regex::{Captures, Regex, RegexBuilder};

use crate::event::{Fix, Safety};
use crate::policy::Class;
use crate::policy::tool::Tool;

/// One well-known issue.
#[derive(Debug)]
pub struct KnownIssue {
    /// Stable identifier of the failure.
    pub code: &'static str,
    /// Who says it.
    pub tools: &'static [Tool],
    /// Matches one line, upper and lower case alike. Named groups fill the templates.
    pub pattern: &'static str,
    /// What it means for the run.
    pub class: Class,
    /// Completes "could not ...: "; `{group}` stands for what the pattern's group matched.
    pub cause: &'static str,
    /// What the reader can do, and whether it can lose anything; a template too.
    pub fix: (&'static str, Safety),
}

impl KnownIssue {
    /// Whether the tool is one of those whose words this row knows.
    #[must_use]
    pub fn is_said_by(&self, tool: Tool) -> bool {
        self.tools.contains(&tool)
    }

    /// The line that tells of the issue, and what the named groups matched in it.
    #[must_use]
    pub fn find(&self, words: &str) -> Option<(String, Vec<(String, String)>)> {
        let pattern = RegexBuilder::new(self.pattern).case_insensitive(true).build().ok()?;
        let line = words.lines().find(|line| pattern.is_match(line))?;
        let found = pattern.captures(line).map(|found| groups(&pattern, &found));
        Some((line.trim().to_owned(), found.unwrap_or_default()))
    }

    /// The fix, its template not filled in.
    #[must_use]
    pub fn fix(&self) -> Fix {
        Fix::written(self.fix.0, self.fix.1)
    }
}

fn groups(pattern: &Regex, found: &Captures<'_>) -> Vec<(String, String)> {
    let value = |name: &str| found.name(name).map_or("", |group| group.as_str()).to_owned();
    pattern.capture_names().flatten().map(|name| (name.to_owned(), value(name))).collect()
}

/// All rows, those of one tool in the order in which they are tried.
pub fn all() -> impl Iterator<Item = &'static KnownIssue> {
    KNOWN_ISSUES
        .iter()
        .chain(clouds::ISSUES)
        .chain(helm::ISSUES)
        .chain(kustomize::ISSUES)
        .chain(ssh::ISSUES)
}

const ANY: &[Tool] = &[Tool::Compose, Tool::Docker];
const COMPOSE: &[Tool] = &[Tool::Compose];

/// The rows of Docker and compose. The first that matches wins, so causes come before what follows
/// from them.
const KNOWN_ISSUES: &[KnownIssue] = &[
    KnownIssue {
        code: "PORT_TAKEN",
        tools: ANY,
        pattern: r"bind for \S+:(?P<port>\d+) failed: port is already allocated",
        class: Class::Refused,
        cause: "port {port} is published by another container",
        fix: ("docker ps --filter publish={port}", Safety::Safe),
    },
    KnownIssue {
        code: "PORT_TAKEN",
        tools: ANY,
        pattern: r"(listen (tcp|udp)[46]? \S*:|exposing port \S+ \S*:|failed to bind host port \S*:)(?P<port>\d+)\b.*address already in use",
        class: Class::Refused,
        cause: "port {port} is held by another program on this machine",
        fix: ("sudo ss -ltnp 'sport = :{port}'", Safety::Safe),
    },
    KnownIssue {
        code: "DISK_FULL",
        tools: ANY,
        pattern: r"no space left on device",
        class: Class::Prerequisite,
        cause: "the disk that Docker keeps its data on is full",
        fix: (
            "docker system df   # then: docker builder prune, docker image prune -a",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "SUBNET_OVERLAP",
        tools: ANY,
        pattern: r"pool overlaps with other one on this address space|invalid pool request|networks have overlapping ipv[46]",
        class: Class::Refused,
        cause: "the subnet overlaps with another network of this machine",
        fix: (
            "docker network inspect $(docker network ls -q) -f '{{.Name}} {{range .IPAM.Config}}{{.Subnet}}{{end}}'; ip route   # then choose a free `subnet`",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "ADDRESS_POOLS_EXHAUSTED",
        tools: ANY,
        pattern: r"all predefined address pools have been fully subnetted|could not find an available, non-overlapping ipv4 address pool",
        class: Class::Prerequisite,
        cause: "Docker has no free address range left for one more network",
        fix: (
            "docker network prune   # removes networks that no container uses",
            Safety::Destructive,
        ),
    },
    KnownIssue {
        code: "DOCKER_API_MISMATCH",
        tools: ANY,
        pattern: r"client version (?P<client>[\d.]+) is too (old|new)\. (minimum supported|maximum supported)? ?api version is (?P<server>[\d.]+)",
        class: Class::Prerequisite,
        cause: "the client speaks Docker API {client} and the engine's limit is {server}",
        fix: ("docker version   # then upgrade the older of client and engine", Safety::Safe),
    },
    KnownIssue {
        code: "DOCKER_UNREACHABLE",
        tools: ANY,
        pattern: r"cannot connect to the docker daemon|failed to connect to the docker api",
        class: Class::Prerequisite,
        cause: "the Docker Engine cannot be reached",
        fix: ("sudo systemctl start docker   # or open Docker Desktop", Safety::Safe),
    },
    KnownIssue {
        code: "DOCKER_PERMISSION",
        tools: ANY,
        pattern: r"permission denied while trying to connect to the docker",
        class: Class::Prerequisite,
        cause: "this user may not open Docker's socket; members of the group `docker` may",
        fix: ("sudo usermod -aG docker $USER   # then log in again", Safety::Safe),
    },
    KnownIssue {
        code: "DAEMON_CONFIG_INVALID",
        tools: ANY,
        pattern: r"unable to configure the docker daemon with file (?P<file>[^\s:]+)",
        class: Class::Prerequisite,
        cause: "the Docker daemon refuses its configuration `{file}`",
        fix: ("dockerd --validate --config-file {file}", Safety::Safe),
    },
    KnownIssue {
        code: "CREDENTIAL_HELPER_MISSING",
        tools: ANY,
        pattern: r#"error getting credentials - err: exec: "(?P<helper>[^"]+)": executable file not found"#,
        class: Class::Prerequisite,
        cause: "Docker's configuration names the credential helper `{helper}`, which is not on PATH",
        fix: (
            "remove `credsStore` from ~/.docker/config.json, or install the helper",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "RATE_LIMITED",
        tools: ANY,
        pattern: r"toomanyrequests|429 too many requests|pull rate limit",
        class: Class::Prerequisite,
        cause: "the registry's pull limit for this address is used up",
        fix: ("docker login   # or wait for some hours, or use a mirror", Safety::Safe),
    },
    KnownIssue {
        code: "CLOCK_WRONG",
        tools: ANY,
        pattern: r"certificate has expired or is not yet valid: current time|requesttimetooskewed|signature expired",
        class: Class::Prerequisite,
        cause: "a certificate is not valid at this machine's time; its clock may be wrong",
        fix: ("sudo timedatectl set-ntp true   # in WSL: sudo hwclock -s", Safety::Safe),
    },
    KnownIssue {
        code: "IMAGE_PLATFORM",
        tools: ANY,
        pattern: r"exec format error",
        class: Class::Permanent,
        cause: "a program in the image is built for another processor",
        fix: (
            "docker image inspect -f '{{.Os}}/{{.Architecture}}' ...   # the image",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "ENTRYPOINT_MISSING",
        tools: ANY,
        pattern: r#"(process: exec: |caused: exec: |(^|\| *)exec )"?(?P<file>[^\s":]+)"?: (stat \S+ )?(no such file or directory|executable file not found)"#,
        class: Class::Permanent,
        cause: "the image cannot run `{file}`: it is not there, its interpreter is not, or its lines end in CRLF",
        fix: ("sed -i 's/\\r$//' {file}   # in the build context, then build again", Safety::Safe),
    },
    KnownIssue {
        code: "SERVICE_OOM",
        tools: ANY,
        pattern: r"exit(ed)? (code:? )?\(?137\)?|oomkilled",
        class: Class::Permanent,
        cause: "a container was killed, most often because memory ran out",
        fix: ("docker stats --no-stream; journalctl -k -g 'Out of memory'", Safety::Safe),
    },
    KnownIssue {
        code: "NETWORK_EXTERNAL_MISSING",
        tools: COMPOSE,
        pattern: r#"network "?(?P<network>\S+?)"? declared as external,? but could not be found"#,
        class: Class::Prerequisite,
        cause: "the external network `{network}` does not exist, and no `[[network]]` of `mlup.toml` makes it",
        fix: ("add `[[network]]` with `name = \"{network}\"` to mlup.toml", Safety::Safe),
    },
    KnownIssue {
        code: "NETWORK_STALE",
        tools: ANY,
        pattern: r"network (?P<network>[0-9a-f]{64}) not found",
        class: Class::Transient,
        cause: "a container still holds the id of a network that was removed",
        fix: ("docker compose up -d --force-recreate", Safety::Safe),
    },
    KnownIssue {
        code: "NETWORK_IN_USE",
        tools: ANY,
        pattern: r"network (?P<network>\S+) (id \S+ )?has active endpoints",
        class: Class::Refused,
        cause: "containers are still attached to the network `{network}`",
        fix: (
            "docker network inspect {network} -f '{{range .Containers}}{{.Name}} {{end}}'   # then stop them",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "ADDRESS_TAKEN",
        tools: ANY,
        pattern: r"can't create with that ip, address already in use|\baddress already in use$",
        class: Class::Refused,
        cause: "the address that a container must have is held by another one",
        fix: (
            "docker network inspect ...   # the network; then stop the container that holds it",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "COMPOSE_V1_ONLY",
        tools: ANY,
        pattern: r"keyerror: 'containerconfig'",
        class: Class::Prerequisite,
        cause: "`docker-compose` version 1 ran, which newer engines break; its life is over",
        fix: ("sudo apt-get install docker-compose-v2   # or docker-compose-plugin", Safety::Safe),
    },
    KnownIssue {
        code: "ONE_SHOT_FAILED",
        tools: COMPOSE,
        pattern: r#"service "(?P<service>[^"]+)" didn't complete successfully: exit (?P<exit>\d+)"#,
        class: Class::Permanent,
        cause: "the one-shot service `{service}` exited {exit}",
        fix: ("mlup logs {service}", Safety::Safe),
    },
    KnownIssue {
        code: "HEALTHCHECK_MISSING",
        tools: COMPOSE,
        pattern: r"container (?P<container>\S+) has no healthcheck configured",
        class: Class::Config,
        cause: "a service waits for `{container}` to be healthy, which has no healthcheck",
        fix: (
            "add a `healthcheck` to that service, or wait with `condition: service_started`",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "DEPENDENCY_FAILED",
        tools: COMPOSE,
        pattern: r"dependency failed to start: container (?P<container>\S+) (?P<why>is unhealthy|exited \(\d+\))",
        class: Class::Permanent,
        cause: "`{container}`, which others wait for, {why}",
        fix: ("docker logs --tail 50 {container}", Safety::Safe),
    },
    KnownIssue {
        code: "COMPOSE_FILE_MISSING",
        tools: COMPOSE,
        pattern: r"no configuration file provided: not found|open (?P<file>\S+\.ya?ml): no such file",
        class: Class::Config,
        cause: "the compose file is not there",
        fix: ("name it in `compose` of the `[[deploy]]` in mlup.toml", Safety::Safe),
    },
    KnownIssue {
        code: "VARIABLE_UNSET",
        tools: COMPOSE,
        pattern: r#"required variable (?P<name>\w+) is missing a value|the "(?P<blank>\w+)" variable is not set"#,
        class: Class::Config,
        cause: "the compose file uses the variable `{name}{blank}`, which is not set",
        fix: ("set {name}{blank} in the env file", Safety::Safe),
    },
    KnownIssue {
        code: "ORPHAN_CONTAINERS",
        tools: COMPOSE,
        pattern: r"found orphan containers \(\[(?P<containers>[^\]]*)\]\)",
        class: Class::Refused,
        cause: "the project has containers of services that its file no longer names: {containers}",
        fix: ("docker compose up -d --remove-orphans", Safety::Destructive),
    },
    KnownIssue {
        code: "REGISTRY_UNREACHABLE",
        tools: ANY,
        pattern: r"dial tcp:? .*(no such host|i/o timeout|connection refused|network is unreachable|server misbehaving)|tls handshake timeout|net/http: request canceled",
        class: Class::Transient,
        cause: "a registry could not be reached",
        fix: ("check network and proxy, or build the image on this machine", Safety::Safe),
    },
    KnownIssue {
        code: "IMAGE_MISSING",
        tools: ANY,
        pattern: r"pull access denied for (?P<image>[^\s,]+)|manifest for (?P<manifest>\S+) not found|no such image: (?P<local>\S+)",
        class: Class::Prerequisite,
        cause: "the image `{image}{manifest}{local}` is neither on this machine nor in its registry",
        fix: (
            "docker image ls   # then correct the name, build it with `[[image]]`, or docker login",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "REGISTRY_DENIED",
        tools: ANY,
        pattern: r#""https?://(?P<registry>[^/"]+)/[^"]*": no basic auth credentials"#,
        class: Class::Prerequisite,
        cause: "the registry `{registry}` wants a login, and this machine keeps none for it",
        fix: ("docker login {registry}", Safety::Safe),
    },
    KnownIssue {
        code: "REGISTRY_DENIED",
        tools: ANY,
        pattern: r"unauthorized: (authentication required|incorrect username or password)|your authorization token has expired",
        class: Class::Prerequisite,
        cause: "a registry does not accept the login that this machine keeps for it",
        fix: (
            "docker login   # followed by the registry that the image's name begins with",
            Safety::Safe,
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "a3f1c2d4e5b60718293a4b5c6d7e8f90a3f1c2d4e5b60718293a4b5c6d7e8f90";

    /// What the tools print, and the code that it must give.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn fixtures() -> Vec<(&'static str, String)> {
        let stale = format!("Error response from daemon: network {HEX} not found");
        let fixed: &[(&str, &str)] = &[
            (
                "PORT_TAKEN",
                "Error response from daemon: driver failed programming external connectivity on endpoint web (4f): Bind for 0.0.0.0:5000 failed: port is already allocated",
            ),
            (
                "PORT_TAKEN",
                "Error starting userland proxy: listen tcp4 0.0.0.0:5000: bind: address already in use",
            ),
            ("PORT_TAKEN", "failed to bind host port 0.0.0.0:8080/tcp: address already in use"),
            ("DISK_FULL", "failed to register layer: write /usr/lib/x.so: no space left on device"),
            (
                "SUBNET_OVERLAP",
                "Error response from daemon: Pool overlaps with other one on this address space",
            ),
            (
                "ADDRESS_POOLS_EXHAUSTED",
                "Error response from daemon: all predefined address pools have been fully subnetted",
            ),
            (
                "DOCKER_API_MISMATCH",
                "Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version",
            ),
            (
                "DOCKER_UNREACHABLE",
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            ),
            (
                "DOCKER_UNREACHABLE",
                "failed to connect to the docker API at unix:///x.sock; check if the path is correct and if the daemon is running: dial unix /x.sock: connect: no such file or directory",
            ),
            (
                "DOCKER_PERMISSION",
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            ),
            (
                "DAEMON_CONFIG_INVALID",
                "unable to configure the Docker daemon with file /etc/docker/daemon.json: invalid character '}'",
            ),
            (
                "CREDENTIAL_HELPER_MISSING",
                r#"error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ``"#,
            ),
            (
                "RATE_LIMITED",
                "toomanyrequests: You have reached your unauthenticated pull rate limit.",
            ),
            (
                "CLOCK_WRONG",
                "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2024-01-01T00:00:00Z",
            ),
            ("IMAGE_PLATFORM", "exec /bin/app: exec format error"),
            ("ENTRYPOINT_MISSING", "exec /entrypoint.sh: no such file or directory"),
            (
                "ENTRYPOINT_MISSING",
                r#"runc create failed: unable to start container process: exec: "server": executable file not found in $PATH: unknown"#,
            ),
            ("SERVICE_OOM", "container api exited (137)"),
            (
                "NETWORK_EXTERNAL_MISSING",
                "network minikube declared as external, but could not be found",
            ),
            (
                "NETWORK_IN_USE",
                "error while removing network: network mlnet id 5f4dcc3b5aa7 has active endpoints",
            ),
            ("ADDRESS_TAKEN", "Error response from daemon: Address already in use"),
            ("COMPOSE_V1_ONLY", "KeyError: 'ContainerConfig'"),
            ("ONE_SHOT_FAILED", r#"service "migrate" didn't complete successfully: exit 1"#),
            (
                "HEALTHCHECK_MISSING",
                "dependency failed to start: container stack-db-1 has no healthcheck configured",
            ),
            ("DEPENDENCY_FAILED", "dependency failed to start: container stack-db-1 is unhealthy"),
            ("DEPENDENCY_FAILED", "dependency failed to start: container stack-db-1 exited (1)"),
            ("COMPOSE_FILE_MISSING", "no configuration file provided: not found"),
            (
                "VARIABLE_UNSET",
                r#"time="2026-11-21T10:00:00Z" level=warning msg="The "BUCKET" variable is not set. Defaulting to a blank string.""#,
            ),
            (
                "VARIABLE_UNSET",
                "error while interpolating services.a.image: required variable TAG is missing a value: set it",
            ),
            (
                "ORPHAN_CONTAINERS",
                "Found orphan containers ([stack-old-1]) for this project. If you removed or renamed this service",
            ),
            (
                "REGISTRY_UNREACHABLE",
                r#"Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host"#,
            ),
            (
                "IMAGE_MISSING",
                "pull access denied for nothing/here, repository does not exist or may require 'docker login'",
            ),
            (
                "IMAGE_MISSING",
                "Error response from daemon: manifest for nothing:here not found: manifest unknown",
            ),
            (
                "REGISTRY_DENIED",
                r#"Error response from daemon: Head "http://127.0.0.1:5000/v2/team/app/manifests/1": no basic auth credentials"#,
            ),
            (
                "REGISTRY_DENIED",
                "Error response from daemon: unauthorized: authentication required",
            ),
            (
                "REGISTRY_DENIED",
                "Error response from daemon: denied: Your authorization token has expired. Reauthenticate and try again.",
            ),
        ];
        let owned = fixed.iter().map(|(code, words)| (*code, (*words).to_owned()));
        owned.chain([("NETWORK_STALE", stale)]).collect()
    }

    #[test]
    fn each_fixture_matches_the_rows_of_its_code_alone() {
        for (code, words) in fixtures() {
            let matching: Vec<_> = KNOWN_ISSUES
                .iter()
                .filter(|issue| issue.find(&words).is_some())
                .map(|issue| issue.code)
                .collect();
            assert_eq!(matching.first(), Some(&code), "{words}");
            // Compose's line for `PORT_TAKEN` ends in the words of `ADDRESS_TAKEN`: order decides.
            let others = matching.iter().filter(|other| **other != code);
            let others: Vec<_> = others.filter(|other| **other != "ADDRESS_TAKEN").collect();
            assert!(others.is_empty(), "{words}: also {others:?}");
        }
    }

    #[test]
    fn each_row_has_a_fixture() {
        for issue in KNOWN_ISSUES {
            assert!(
                fixtures().iter().any(|(_, words)| issue.find(words).is_some()),
                "no fixture for {} {}",
                issue.code,
                issue.pattern
            );
        }
    }

    #[test]
    fn each_pattern_is_valid() {
        for issue in KNOWN_ISSUES {
            assert!(Regex::new(issue.pattern).is_ok(), "{}", issue.pattern);
        }
    }

    #[test]
    fn templates_name_only_groups_of_their_pattern() {
        let group = Regex::new(r"(?:^|[^{])\{([a-z]+)\}").unwrap();
        for issue in KNOWN_ISSUES {
            for text in [issue.cause, issue.fix.0] {
                for name in group.captures_iter(text).map(|found| found[1].to_owned()) {
                    let known = issue.pattern.contains(&format!("(?P<{name}>"));
                    assert!(known, "{}: {{{name}}} in {text}", issue.code);
                }
            }
        }
    }

    #[test]
    fn other_words_match_no_row() {
        for words in
            ["", "Error response from daemon: something new", "Container stack-db-1  Healthy"]
        {
            assert!(KNOWN_ISSUES.iter().all(|issue| issue.find(words).is_none()), "{words}");
        }
    }
}
