//! A row for each rule: the facts that fire it, and what it says. What is told for one fact alone is
//! told once; a healthy machine gives nothing.

use super::facts::*;
use super::*;
use crate::doctor::finding::path;
use crate::event::{Evidence, Finding as Said, Fix, Form};

const GIB: u64 = 1 << 30;

fn text(text: &str) -> String {
    text.to_owned()
}

fn said(code: &str, summary: &str) -> Said {
    Said {
        code: text(code),
        rule: None,
        summary: text(summary),
        evidence: vec![Evidence::new("endpoint", "unix:///var/run/docker.sock (the default)")],
        fix: Some(Fix::safe("sudo systemctl start docker")),
    }
}

fn network(name: &str, id: &str, subnet: &str, maker: Option<&str>) -> Network {
    let (name, id, subnets) = (text(name), text(id), vec![text(subnet)]);
    Network { id, name, subnets, maker: maker.map(text) }
}

fn container(name: &str, project: &str, network: (&str, &str), runs: bool) -> Container {
    Container {
        name: text(name),
        project: Some(text(project)),
        service: Some(text("web")),
        runs,
        networks: vec![(text(network.0), text(network.1))],
        ..Container::default()
    }
}

fn disk(free: u64, size: u64) -> Disk {
    Disk {
        what: text("Docker's data"),
        path: text("/var/lib/docker"),
        is_dockers: true,
        size,
        free,
        files: 1_000_000,
        free_files: 900_000,
    }
}

/// A machine on which all is well, with a compose project and a cluster of this tool.
fn healthy(tool: &str) -> Facts {
    let pools = [("172.17.0.0/16", 16), ("172.18.0.0/16", 16), ("172.28.0.0/14", 16)];
    Facts {
        taken: 1_800_000_000,
        cluster: Some(WantedCluster {
            tool: text(tool),
            name: text("lab"),
            context: text("lab"),
            version: Some(text("v1.36.0")),
            memory: Some(4 * GIB),
            nodes: 1,
        }),
        engine: Look::Seen(Engine {
            endpoint: text("unix:///var/run/docker.sock"),
            version: text("28.2.2"),
            api: text("1.50"),
            oldest_api: text("1.24"),
            cgroups: text("2"),
            pools: pools.iter().map(|(base, length)| (text(base), *length)).collect(),
            is_here: true,
        }),
        client: Look::Seen(text("1.50")),
        compose: Look::Seen(text("2.26.1")),
        networks: Look::Seen(vec![
            network("bridge", "b0", "172.17.0.0/16", None),
            network("stack_default", "n1", "172.18.0.0/16", Some("compose project `stack`")),
        ]),
        containers: Look::Seen(vec![container(
            "stack-web-1",
            "stack",
            ("stack_default", "n1"),
            true,
        )]),
        wanted_networks: vec![WantedNetwork {
            name: text("stack_default"),
            subnet: None,
            by: text("compose project `stack`"),
        }],
        routes: vec![(text("10.0.0.0/24"), text("eth0"))],
        projects: vec![Project {
            deploy: text("stack"),
            name: text("stack"),
            command: text("docker compose -p stack -f /p/compose.yml"),
            unset: vec![Unset { name: text("LABEL"), places: Vec::new() }],
            addresses: vec![Address { place: text("10.0.0.7:5432"), ..Address::default() }],
        }],
        ports: vec![
            port(8080, Holder::Own),
            port(8081, Holder::Nobody),
            port(8082, Holder::Docker),
        ],
        disks: vec![disk(100 * GIB, 1000 * GIB)],
        memory_available: Some(8 * GIB),
        inotify: Some((1_048_576, 128)),
        clocks: vec![(text("the Docker Engine"), 1)],
        tools: vec![Tool { name: text("docker"), by: text("a compose project"), is_there: true }],
        sight: Look::Seen(Sight::Up),
        access: Look::Seen(Access {
            server: text("https://127.0.0.1:6443"),
            plugin: None,
            certificate_end: Some(1_900_000_000),
        }),
        api: Look::Seen(text("v1.36.2")),
        ..Facts::default()
    }
}

fn port(number: u16, holder: Holder) -> Port {
    Port {
        port: number,
        protocol: text("tcp"),
        by: text("service `web` of `stack`"),
        place: text("compose.yml"),
        holder,
    }
}

/// Facts, and what keeps steps from their work.
struct Case {
    facts: Facts,
    steps: Vec<Hindrance>,
}

impl std::ops::Deref for Case {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl std::ops::DerefMut for Case {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }
}

/// A step that cannot do its work.
fn stuck(step: &str, finding: Said) -> Hindrance {
    Hindrance { step: text(step), finding }
}

/// The rules and objects that a change of a healthy machine gives, with all that is said.
fn after(tool: &str, change: impl FnOnce(&mut Case)) -> (Vec<String>, String) {
    let mut case = Case { facts: healthy(tool), steps: Vec::new() };
    change(&mut case);
    let judged = judge(&case.facts, &case.steps);
    let found = &judged.findings;
    for fix in found.iter().filter_map(|one| one.fix.as_ref()).filter(|fix| fix.form.is_some()) {
        let is_line = shlex::split(&fix.command).is_some();
        assert!(is_line || fix.form == Some(Form::Advice), "{fix:?}");
    }
    let told = found.iter().map(|one| format!("{} {}", one.rule.id, path(&one.root))).collect();
    (told, format!("{judged:#?}"))
}

#[track_caller]
fn fires(tool: &str, wanted: &str, words: &[&str], change: impl FnOnce(&mut Case)) {
    let (told, all) = after(tool, change);
    assert_eq!(told, [wanted], "{all}");
    for word in words {
        assert!(all.contains(word), "no {word:?} in {all}");
    }
}

#[track_caller]
fn is_silent(tool: &str, change: impl FnOnce(&mut Case)) {
    let (told, all) = after(tool, change);
    assert!(told.is_empty(), "{all}");
}

#[test]
fn a_healthy_machine_gives_nothing_with_any_tool_and_survives_the_way_through_json() {
    for tool in ["minikube", "k3d", "k3s", "existing", "docker-desktop"] {
        let facts = healthy(tool);
        assert_eq!(judge(&facts, &[]), Judged::default(), "{tool}");
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
    }
    assert_eq!(judge(&Facts::default(), &[]), Judged::default());
}

#[test]
fn docker_that_does_not_answer_is_the_one_cause_and_the_rest_is_unchecked() {
    let down = |code: &'static str| {
        move |facts: &mut Case| {
            facts.engine = Look::Refused(said(code, "the Docker Engine cannot be reached"));
            (facts.networks, facts.containers) = (Look::Unneeded, Look::Unneeded);
            facts.sight = Look::Seen(Sight::Stopped);
            facts.api = Look::Refused(said("API_UNREACHABLE", "connection refused"));
            facts.steps.push(stuck("docker", said(code, "the Docker Engine cannot be reached")));
            facts.steps.push(stuck("cluster", said("DOCKER_TIMEOUT", "said nothing for 10 s")));
        }
    };
    fires(
        "minikube",
        "DOC-01 docker//engine",
        &["docker.sock", "start docker", "networks, containers"],
        down("DOCKER_UNREACHABLE"),
    );
    fires("k3d", "DOC-02 docker//engine", &["docker.sock"], down("DOCKER_PERMISSION"));
    fires("k3d", "DOC-07 docker//engine", &[], |facts| {
        facts.engine = Look::Refused(said("DOCKER_TOO_OLD", "speaks API 1.20"));
    });
    fires("k3d", "DOC-13 docker//engine", &["/etc/docker/daemon.json", "--validate"], |facts| {
        facts.engine = Look::Refused(said("DOCKER_UNREACHABLE", "nothing answers there"));
        facts.daemon_file = Some(Evidence::new("/etc/docker/daemon.json", "line 3 is no JSON"));
    });
    // A cluster that is elsewhere has a cause of its own.
    let (told, all) = after("existing", |facts| {
        facts.engine = Look::Refused(said("DOCKER_UNREACHABLE", "nothing answers there"));
        facts.api = Look::Refused(said("API_UNREACHABLE", "connection refused"));
    });
    assert_eq!(told, ["DOC-01 docker//engine", "API-01 context//lab"], "{all}");
    let (told, all) = after("k3d", |facts| facts.engine = Look::Unclear(text("no answer in 2 s")));
    assert!(told.is_empty() && all.contains("no answer in 2 s"), "{all}");
}

#[test]
fn the_docker_command_line_and_compose_have_to_fit() {
    fires("k3d", "DOC-07 docker//client", &["1.41", "1.44"], |facts| {
        facts.client = Look::Seen(text("1.41"));
        if let Look::Seen(engine) = &mut facts.engine {
            engine.oldest_api = text("1.44");
        }
    });
    fires("k3d", "DOC-07 docker//client", &["too new"], |facts| {
        facts.client = Look::Refused(said("DOCKER_API_MISMATCH", "client version 1.52 is too new"));
    });
    for code in ["COMPOSE_MISSING", "COMPOSE_V1_ONLY", "COMPOSE_TOO_OLD"] {
        fires("k3d", "CMP-05 docker//compose", &["version 1"], |facts| {
            facts.compose = Look::Refused(said(code, "only version 1 is there"));
            facts.steps.push(stuck("preflight/stack", said(code, "only version 1 is there")));
        });
    }
}

#[test]
fn disks_are_full_by_bytes_and_by_files_and_a_tenth_of_a_large_one_is_not() {
    let with = |disk: Disk| move |facts: &mut Case| facts.disks = vec![disk];
    fires(
        "minikube",
        "DOC-04 disk///var/lib/docker",
        &["9 %", "docker system df"],
        with(disk(9 * GIB, 100 * GIB)),
    );
    fires(
        "minikube",
        "DOC-04 disk///var/lib/docker",
        &["inodes"],
        with(Disk { free_files: 3, ..disk(50 * GIB, 100 * GIB) }),
    );
    fires("k3d", "K3D-04 disk///var/lib/docker", &["4 %"], with(disk(40 * GIB, 1000 * GIB)));
    is_silent("minikube", with(disk(40 * GIB, 1000 * GIB)));
    is_silent("minikube", with(Disk { files: 0, free_files: 0, ..disk(50 * GIB, 100 * GIB) }));
    is_silent("minikube", with(Disk { is_dockers: false, ..disk(GIB, 100 * GIB) }));
    fires("minikube", "DOC-04 disk///p", &["the project", "df -h"], |facts| {
        let own = Disk {
            what: text("the project"),
            path: text("/p"),
            is_dockers: false,
            ..disk(1, 100 * GIB)
        };
        // Both folders lie on the same disk: it is told once.
        facts.disks = vec![own.clone(), Disk { path: text("/state"), ..own }];
    });
}

#[test]
fn the_machine_is_judged_by_what_the_cluster_wants_of_it() {
    fires("minikube", "DOC-12 clock//machine", &["600 s behind", "timedatectl"], |facts| {
        facts.clocks.push((text("the API server"), -600));
    });
    is_silent("minikube", |facts| facts.clocks.push((text("the API server"), 100)));
    let starved = |facts: &mut Case| {
        facts.sight = Look::Seen(Sight::Absent);
        facts.memory_available = Some(4 * GIB);
    };
    fires("minikube", "MK-01 machine//memory", &["MemAvailable", "Likely"], starved);
    fires("k3d", "DOC-08 machine//memory", &["MemAvailable"], starved);
    is_silent("existing", starved);
    is_silent("minikube", |facts| facts.memory_available = Some(GIB));
    let many = |facts: &mut Case| {
        facts.sight = Look::Seen(Sight::Absent);
        if let Some(cluster) = &mut facts.cluster {
            cluster.nodes = 4;
        }
    };
    fires("k3d", "K3D-05 machine//inotify", &["max_user_instances=512", "sudo sysctl"], many);
    is_silent("minikube", many);
    let old = |facts: &mut Case| {
        if let Look::Seen(engine) = &mut facts.engine {
            engine.cgroups = text("1");
        }
    };
    fires("k3d", "MK-12 machine//cgroups", &["v1.36.0", "cgroup version 1"], old);
    is_silent("minikube", old);
    fires("k3d", "TOOL_MISSING tool//helm", &["[[deploy]] `a`", "install helm"], |facts| {
        facts.tools.push(Tool { name: text("helm"), by: text("[[deploy]] `a`"), is_there: false });
        facts.steps.push(stuck("deploy/a", said("TOOL_MISSING", "`helm` was not found on PATH")));
    });
}

#[test]
fn a_subnet_that_another_network_or_a_route_has_is_told_with_who_has_it() {
    let wants = |subnet: &str| WantedNetwork {
        name: text("mlnet"),
        subnet: Some(text(subnet)),
        by: text("[[network]]"),
    };
    fires(
        "k3d",
        "DOC-05 network//mlnet",
        &["docker network rm old_default", "no container"],
        |facts| {
            facts.wanted_networks.push(wants("172.30.0.0/24"));
            if let Look::Seen(networks) = &mut facts.networks {
                networks.push(network(
                    "old_default",
                    "n9",
                    "172.30.0.0/16",
                    Some("compose project `old`"),
                ));
            }
        },
    );
    fires("k3d", "DOC-05 network//mlnet", &["stack-web-1", "choose another `subnet`"], |facts| {
        facts.wanted_networks.push(wants("172.18.5.0/24"));
    });
    fires("k3d", "DOC-05 network//mlnet", &["10.0.0.0/24", "eth0", "ip route"], |facts| {
        facts.wanted_networks.push(wants("10.0.0.0/16"));
    });
    is_silent("k3d", |facts| facts.wanted_networks.push(wants("172.29.0.0/16")));
    is_silent("k3d", |facts| {
        facts.wanted_networks.push(wants("172.30.0.0/24"));
        if let Look::Seen(networks) = &mut facts.networks {
            networks.push(network("mlnet", "n9", "172.30.0.0/24", None));
        }
    });
}

#[test]
fn address_ranges_that_are_used_up_are_told_with_the_networks_that_were_left_behind() {
    let wanted = |name: &str| WantedNetwork { name: text(name), subnet: None, by: text("k3d") };
    let full = |facts: &mut Case| {
        facts.wanted_networks.push(wanted("k3d-lab"));
        if let Look::Seen(engine) = &mut facts.engine {
            engine.pools = vec![(text("172.17.0.0/16"), 16), (text("172.18.0.0/15"), 16)];
        }
        if let Look::Seen(networks) = &mut facts.networks {
            networks.push(network("old", "n9", "172.19.0.0/16", Some("minikube")));
        }
    };
    fires(
        "k3d",
        "DOC-06 docker//address pools",
        &["`k3d-lab`", "docker network rm old", "minikube"],
        full,
    );
    // Who needs no network more does not care.
    is_silent("k3d", |facts| {
        full(facts);
        facts.wanted_networks.pop();
    });
    is_silent("k3d", |facts| facts.wanted_networks.push(wanted("k3d-lab")));
}

#[test]
fn containers_on_a_network_that_is_gone_are_one_finding() {
    fires(
        "k3d",
        "CMP-02 network//stack_default",
        &["--force-recreate web", "dead00000000", "n1"],
        |facts| {
            let dead = "dead000000001111";
            facts.containers = Look::Seen(vec![
                container("stack-web-1", "stack", ("stack_default", dead), false),
                container("stack-web-2", "stack", ("stack_default", dead), false),
                container("other-web-1", "other", ("gone", dead), false),
            ]);
        },
    );
    is_silent("k3d", |facts| {
        let never = container("stack-web-1", "stack", ("stack_default", ""), false);
        facts.containers = Look::Seen(vec![never]);
    });
}

#[test]
fn variables_and_addresses_of_compose_files_are_told_where_they_stand() {
    fires("k3d", "CMP-10 deploy//stack", &["compose.yml:3", "set TAG in the env file"], |facts| {
        let place = Evidence::new("compose.yml:3", "image: api:${TAG}");
        facts.projects[0].unset.push(Unset { name: text("TAG"), places: vec![place] });
    });
    let silent = |place: &'static str| {
        move |facts: &mut Case| {
            facts.projects[0].addresses.push(Address {
                service: text("web"),
                variable: text("DB_URL"),
                place: text(place),
                silence: Some(text("no answer within 1500 ms")),
            });
        }
    };
    fires(
        "k3d",
        "CMP-11 address//10.9.1.17:5432",
        &["DB_URL", "no answer"],
        silent("10.9.1.17:5432"),
    );
    is_silent("k3d", silent("172.18.0.9:5432"));
}

#[test]
fn ports_are_told_with_their_holder_and_the_way_out() {
    for (holder, words) in [
        (
            Holder::Container { name: text("db"), project: Some(text("shop")) },
            ["container `db` of the compose project `shop`", "docker stop db"],
        ),
        (
            Holder::Process { pid: 7, command: text("nginx") },
            ["`nginx` (pid 7)", "sudo ss -ltnp 'sport = :9000'"],
        ),
        (Holder::Hidden, ["another user's process", "sudo ss -ltnp"]),
    ] {
        fires("k3d", "DOC-03 port//9000", &words, |facts| {
            facts.ports.push(port(9000, holder));
            let summary = "port 9000, which `web` publishes, is held by somebody";
            facts.steps.push(stuck("preflight/stack", said("PORT_TAKEN", summary)));
        });
    }
}

#[test]
fn a_cluster_that_is_halted_or_misled_is_why_its_api_does_not_answer() {
    let sight = |sight: Sight| {
        move |facts: &mut Case| {
            facts.sight = Look::Seen(sight);
            facts.api = Look::Refused(said("API_UNREACHABLE", "tcp connect: connection refused"));
            facts.steps.push(stuck("cluster", said("API_UNREACHABLE", "connection refused")));
        }
    };
    fires("minikube", "MK-07 cluster//lab", &["minikube start -p lab"], sight(Sight::Stopped));
    fires("minikube", "MK-07 cluster//lab", &["minikube unpause -p lab"], sight(Sight::Paused));
    fires(
        "minikube",
        "MK-06 cluster//lab",
        &["update-context -p lab", "32769"],
        sight(Sight::Misled(text("port 32769"))),
    );
    fires("minikube", "MK-05 cluster//lab", &["`kvm2`"], sight(Sight::OtherDriver(text("kvm2"))));
    fires(
        "minikube",
        "MK-08 cluster//lab",
        &["its node is gone"],
        sight(Sight::Broken(text("its node is gone"))),
    );
    fires("k3d", "K3D-08 cluster//lab", &["k3d cluster start lab"], sight(Sight::Stopped));
    fires(
        "k3d",
        "K3D-08 cluster//lab",
        &["k3d kubeconfig merge lab"],
        sight(Sight::Misled(text("port 1"))),
    );
    fires("k3d", "CLUSTER_BROKEN cluster//lab", &["gone"], sight(Sight::Broken(text("gone"))));
    fires("k3d", "API-01 context//lab", &["connection refused"], sight(Sight::Up));
    is_silent("k3d", |facts| facts.sight = Look::Seen(Sight::Absent));
}

#[test]
fn the_api_server_and_the_kubeconfig_tell_their_causes_apart() {
    let api = |code: &'static str, summary: &'static str| {
        move |facts: &mut Case| facts.api = Look::Refused(said(code, summary))
    };
    for (tool, rule, code, summary, words) in [
        (
            "existing",
            "API-01",
            "API_UNREACHABLE",
            "does not answer: connection refused",
            "cluster-info",
        ),
        (
            "existing",
            "API-02",
            "API_UNREACHABLE",
            "does not answer: its host name does not resolve",
            "delete-context lab",
        ),
        (
            "existing",
            "API-03",
            "API_UNREACHABLE",
            "does not answer: no answer within 10 s",
            "curl -vk",
        ),
        ("existing", "API-04", "API_UNAUTHORIZED", "does not accept the credentials", "again"),
        ("existing", "API-09", "API_CERTIFICATE_UNKNOWN", "is for another address", "again"),
        ("k3s", "K3S-07", "API_CERTIFICATE_UNKNOWN", "is for another address", "tls-san"),
        ("k3s", "K3S-13", "API_CERTIFICATE_EXPIRED", "has expired", "restart k3s"),
        (
            "existing",
            "API-07",
            "EXEC_PLUGIN_FAILED",
            "gcloud: no active account",
            "gcloud auth login",
        ),
    ] {
        fires(tool, &format!("{rule} context//lab"), &[words, summary], api(code, summary));
    }
    // Nobody but its owner starts a cluster that mlup only uses.
    for (tool, is_by_hand) in [("existing", true), ("k3d", false)] {
        let mut case = Case { facts: healthy(tool), steps: Vec::new() };
        api("API_UNREACHABLE", "connection refused")(&mut case);
        assert_eq!(judge(&case.facts, &[]).findings[0].is_by_hand, is_by_hand, "{tool}");
    }
    fires("existing", "API-10 context//lab", &["did you mean"], |facts| {
        facts.access =
            Look::Refused(said("CONTEXT_MISSING", "no context `lab`; did you mean `lap`?"));
        facts.api = Look::Unneeded;
        facts.steps.push(stuck("cluster", said("CONTEXT_MISSING", "no context `lab`")));
    });
    fires("existing", "API-04 context//lab", &["notAfter 2001-09-09T01:46:40Z"], |facts| {
        let access = Access { certificate_end: Some(1_000_000_000), ..Access::default() };
        facts.access = Look::Seen(access);
        facts.api = Look::Refused(said("API_UNAUTHORIZED", "does not accept the credentials"));
    });
    let plugin = |is_there: bool, version: &'static str| {
        move |facts: &mut Case| {
            let plugin = Plugin {
                command: text("gke-gcloud-auth-plugin"),
                is_there,
                api_version: text(version),
                hint: Some(text("Install gke-gcloud-auth-plugin")),
            };
            facts.access = Look::Seen(Access { plugin: Some(plugin), ..Access::default() });
        }
    };
    let v1 = "client.authentication.k8s.io/v1";
    fires("existing", "API-06 context//lab", &["gcloud components install"], plugin(false, v1));
    fires(
        "existing",
        "API-08 context//lab",
        &["v1alpha1"],
        plugin(true, "client.authentication.k8s.io/v1alpha1"),
    );
    is_silent("existing", plugin(true, v1));
    fires("existing", "API-13 tool//kubectl", &["4 minor versions"], |facts| {
        facts.kubectl = Look::Seen(text("v1.32.4"));
    });
    is_silent("existing", |facts| facts.kubectl = Look::Seen(text("v1.35.0")));
}

#[test]
fn fixes_name_the_cloud_that_an_address_or_a_context_is_of() {
    let refused = |context: &'static str, server: &'static str| {
        move |facts: &mut Case| {
            if let Some(cluster) = &mut facts.cluster {
                cluster.context = text(context);
            }
            facts.access = Look::Seen(Access { server: text(server), ..Access::default() });
            facts.api = Look::Refused(said("API_UNAUTHORIZED", "does not accept the credentials"));
        }
    };
    for (context, server, command) in [
        (
            "gke_iris-week6_us-central1_iris",
            "https://1.2.3.4",
            "gcloud container clusters get-credentials iris --location us-central1 --project iris-week6",
        ),
        (
            "arn:aws:eks:eu-west-1:111122223333:cluster/ml",
            "https://x.eks.amazonaws.com",
            "aws eks update-kubeconfig --name ml --region eu-west-1",
        ),
        (
            "aks",
            "https://a.hcp.westeurope.azmk8s.io:443",
            "az aks get-credentials --overwrite-existing --name aks",
        ),
    ] {
        let wanted = format!("API-04 context//{context}");
        fires("existing", &wanted, &[command], refused(context, server));
    }
}

#[test]
fn accounts_are_told_apart_by_what_they_lack() {
    let cloud = |code: &'static str| {
        move |facts: &mut Case| {
            let servers = vec![text("123456789012.dkr.ecr.us-east-1.amazonaws.com")];
            let identity = Look::Refused(said(code, "what AWS says"));
            facts.clouds = vec![Cloud { servers, identity, token: Look::Unneeded }];
        }
    };
    let object = "registry//123456789012.dkr.ecr.us-east-1.amazonaws.com";
    for (code, rule) in [
        ("ECR_CREDENTIALS_MISSING", "CLD-01"),
        ("ECR_PROFILE_INVALID", "CLD-01"),
        ("ECR_CREDENTIALS_EXPIRED", "CLD-02"),
        ("ECR_CREDENTIALS_REJECTED", "CLD-03"),
        ("ECR_ACCESS_DENIED", "CLD-04"),
        ("CLOCK_WRONG", "CLD-05"),
        ("ECR_REGION_MISSING", "CLD-07"),
        ("ECR_REQUEST_FAILED", "unknown"),
    ] {
        fires("k3d", &format!("{rule} {object}"), &["what AWS says"], cloud(code));
    }
    fires("k3d", &format!("CLD-04 {object}"), &["arn:aws:iam::1:user/ann"], |facts| {
        cloud("x")(facts);
        facts.clouds[0].identity = Look::Seen(text("arn:aws:iam::1:user/ann"));
        facts.clouds[0].token = Look::Refused(said("ECR_ACCESS_DENIED", "may not"));
    });
    let helper = |is_there: bool| {
        move |facts: &mut Case| {
            facts.helpers = vec![Helper {
                program: text("docker-credential-desktop"),
                file: text("/home/ann/.docker/config.json"),
                servers: vec![text("docker.io")],
                is_there,
            }];
            facts.logins = vec![(text("ghcr.io"), said("CREDENTIAL_HELPER_FAILED", "locked"))];
        }
    };
    fires("k3d", "DOC-10 tool//docker-credential-desktop", &["keep a copy"], helper(false));
    fires("k3d", "REG-04 registry//ghcr.io", &["locked"], helper(true));
}

#[test]
fn what_a_step_says_is_a_rule_by_its_code_or_its_words_or_is_handed_on() {
    fires("k3d", "CMP-01 step//preflight/stack", &["shared"], |facts| {
        let summary = "external network `shared` does not exist";
        facts.steps.push(stuck("preflight/stack", said("NETWORK_EXTERNAL_MISSING", summary)));
    });
    fires("k3d", "MK-04 step//cluster", &["more than Docker has"], |facts| {
        facts
            .steps
            .push(stuck("cluster", said("CLUSTER_MEMORY_TOO_LARGE", "more than Docker has")));
    });
    for (words, rule) in [
        ("You do not currently have an active account selected: gcloud auth login", "CLD-09"),
        ("Please run 'az login' to setup account", "CLD-08"),
        ("Error loading SSO Token", "CLD-02"),
    ] {
        fires("k3d", &format!("{rule} step//registry/pull"), &[words], |case| {
            case.steps.push(stuck("registry/pull", said("CLOUD_LOGIN_NEEDED", words)));
        });
    }
    fires("k3d", "API-15 step//task/apply", &["not found"], |facts| {
        let mut failed = said("TASK_FAILED", "task `apply` failed");
        failed.evidence = vec![Evidence::new("stderr", "namespaces \"ml\" not found")];
        facts.steps.push(stuck("task/apply", failed));
    });
    let mut facts = healthy("k3d");
    let one = said("MANIFEST_MISSING", "`a.yaml` is not there");
    let steps = [stuck("deploy/a", one.clone()), stuck("deploy/b", one.clone())];
    facts.overdue = vec![(text("deploy/c"), text("no answer within 10 s"))];
    let judged = judge(&facts, &steps);
    assert!(judged.findings.is_empty(), "{judged:#?}");
    assert_eq!(judged.steps, [stuck("deploy/a", one)]);
    assert_eq!(judged.unchecked, [Unchecked::new("step deploy/c", "no answer within 10 s")]);
}
