//! Everything that can be wrong outside of the configuration: Docker, ports, networks, the disk,
//! services that do not come up. The exit code of the design, one cause, the fix.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use crate::bad_config::refuses;
use crate::support::stack::{Stack, docker};
use crate::support::{DockerGuard, IMAGE, Sandbox, on, require_docker};

const ONE_SERVICE: &str =
    "name = \"demo\"\n[[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n";

fn one_service() -> Sandbox {
    let compose = "services: {a: {image: mlup-test-none:1}}\n";
    Sandbox::new().file("mlup.toml", ONE_SERVICE).file("compose.yml", compose)
}

#[test]
fn docker_down_is_told_once_with_the_endpoint_that_was_tried() {
    require_docker!();
    let sandbox = one_service().real_docker().env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let ran = sandbox.run(&["start"]);
    refuses(&ran, 4, &["DOCKER_UNREACHABLE", "/nonexistent/docker.sock", "fix"]);
    assert_eq!(ran.stderr.matches("\nDOCKER_UNREACHABLE  ").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_socket_without_permission_names_the_group() {
    require_docker!();
    let sandbox = one_service().real_docker();
    let socket = sandbox.root().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    let sandbox = sandbox.env("DOCKER_HOST", &format!("unix://{}", socket.display()));
    let ran = sandbox.spawn_unprivileged(&["start"]).wait();
    refuses(&ran, 4, &["DOCKER_PERMISSION", "usermod -aG docker"]);
}

#[test]
fn missing_compose_plugin_says_how_to_get_it() {
    require_docker!();
    let missing = on(["compose", "version", "--short"])
        .stderr("docker: 'compose' is not a docker command.\nSee 'docker --help'\n")
        .exit(1);
    let ran = one_service().tool("docker", &[missing]).run(&["start"]);
    refuses(&ran, 4, &["COMPOSE_MISSING", "no compose plugin", "docker-compose"]);
}

#[test]
fn compose_v1_alone_is_told_apart() {
    require_docker!();
    let missing = on(["compose", "version", "--short"])
        .stderr("docker: 'compose' is not a docker command.\nSee 'docker --help'\n")
        .exit(1);
    let sandbox = one_service()
        .tool("docker", &[missing])
        .tool("docker-compose", &[on(["version", "--short"]).stdout("1.29.2\n")]);
    refuses(&sandbox.run(&["start"]), 4, &["COMPOSE_V1_ONLY", "end of life"]);
}

#[test]
fn missing_docker_command_is_a_missing_prerequisite() {
    require_docker!();
    refuses(&one_service().run(&["start"]), 4, &["DOCKER_CLI_MISSING"]);
}

#[test]
fn missing_compose_file_is_a_configuration_error() {
    require_docker!();
    let sandbox = Sandbox::new().real_docker().file("mlup.toml", ONE_SERVICE);
    refuses(&sandbox.run(&["start"]), 3, &["compose.yml"]);
}

#[test]
fn unreadable_compose_file_is_a_configuration_error() {
    require_docker!();
    let sandbox = Sandbox::new().real_docker().file("mlup.toml", ONE_SERVICE);
    // A folder cannot be read as a file by anybody, root included.
    fs::create_dir(sandbox.project().join("compose.yml")).unwrap();
    refuses(&sandbox.run(&["start"]), 3, &["compose.yml", "directory"]);
}

#[test]
fn invalid_service_passes_the_words_of_compose_on() {
    require_docker!();
    let sandbox =
        one_service().real_docker().file("compose.yml", "services:\n  a:\n    imagee: x\n");
    refuses(&sandbox.run(&["start"]), 3, &["COMPOSE_INVALID", "imagee"]);
}

#[test]
fn a_taken_port_names_its_process() {
    require_docker!();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stack =
        Stack::new(&format!("  a:\n    image: IMAGE\n    ports: [\"127.0.0.1:{port}:80\"]\n"));
    let pid = std::process::id().to_string();
    refuses(&stack.sandbox.run(&["start"]), 7, &["PORT_TAKEN", &port.to_string(), &pid]);
    assert_eq!(stack.guard.list("container"), Vec::<String>::new());
}

#[test]
fn a_taken_port_names_its_container() {
    require_docker!();
    let holder = DockerGuard::new();
    let args = ["run", "-d", "--name", holder.name(), "-p", "127.0.0.1::80", IMAGE, "sleep", "600"];
    docker(&args).unwrap();
    let published = docker(&["port", holder.name(), "80/tcp"]).unwrap();
    let port = published.trim().rsplit(':').next().unwrap();
    let stack =
        Stack::new(&format!("  a:\n    image: IMAGE\n    ports: [\"127.0.0.1:{port}:80\"]\n"));
    refuses(&stack.sandbox.run(&["start"]), 7, &["PORT_TAKEN", port, holder.name()]);
    assert_eq!(stack.guard.list("container"), Vec::<String>::new());
}

#[test]
fn a_missing_external_network_says_both_ways_out() {
    require_docker!();
    let stack = Stack::new(
        "  a:\n    image: IMAGE\n    networks: [out]\n\
         networks:\n  out:\n    name: NAME-nowhere\n    external: true\n",
    );
    let network = format!("{}-nowhere", stack.guard.name());
    let ran = stack.sandbox.run(&["start"]);
    refuses(&ran, 4, &["NETWORK_EXTERNAL_MISSING", &network, "[[network]]"]);
}

#[test]
fn a_network_with_other_settings_shows_the_difference() {
    require_docker!();
    let guard = DockerGuard::new();
    docker(&["network", "create", "--subnet", "10.214.7.0/24", guard.name()]).unwrap();
    let config = format!(
        "name = \"demo\"\n[[network]]\nname = \"{}\"\nowner = \"mlup\"\nsubnet = \"10.214.8.0/24\"\n",
        guard.name()
    );
    let ran = Sandbox::new().real_docker().file("mlup.toml", &config).run(&["start"]);
    refuses(&ran, 7, &["NETWORK_DIFFERS", "10.214.8.0/24", "10.214.7.0/24"]);
}

#[test]
fn a_full_disk_is_found_before_anything_is_done() {
    let sandbox = Sandbox::new().file(
        "mlup.toml",
        "name = \"demo\"\n[[task]]\nname = \"t\"\nrun = [\"/bin/touch\", \"done\"]\n",
    );
    let ran = sandbox.spawn_on_full_disk(&["start"]).wait();
    refuses(&ran, 4, &["UNWRITABLE", "o space left", "XDG_STATE_HOME"]);
    assert!(!sandbox.project().join("done").exists());
}

#[test]
fn a_task_that_hangs_is_stopped_at_its_timeout() {
    let sandbox = Sandbox::new().file(
        "mlup.toml",
        "name = \"demo\"\n[[task]]\nname = \"t\"\ntimeout = \"300ms\"\n\
         run = [\"/bin/sh\", \"-c\", \"echo begun; exec /bin/sleep 600\"]\n",
    );
    refuses(&sandbox.run(&["start"]), 5, &["TASK_TIMEOUT", "task/t", "begun"]);
}

#[test]
fn a_one_shot_that_exits_1_shows_its_last_words() {
    require_docker!();
    let stack = Stack::new(
        "  migrate:\n    image: IMAGE\n    command: [sh, -c, 'echo relation missing; exit 1']\n  \
         api:\n    image: IMAGE\n    command: [sleep, '600']\n    stop_signal: SIGKILL\n    \
         depends_on: {migrate: {condition: service_completed_successfully}}\n",
    );
    let ran = stack.sandbox.run(&["start"]);
    refuses(&ran, 1, &["ONE_SHOT_FAILED", "migrate", "relation missing"]);
}

#[test]
fn a_service_that_never_gets_healthy_is_named_at_the_deadline() {
    require_docker!();
    let stack = Stack::new(
        "  api:\n    image: IMAGE\n    command: [sh, -c, 'echo warming up; exec sleep 600']\n    \
         stop_signal: SIGKILL\n    \
         healthcheck: {test: [CMD-SHELL, 'echo no model yet; exit 1'], interval: 300ms, retries: 2}\n",
    );
    // Long enough for a slow machine to have the container up and its first word in the log.
    let ran = stack.sandbox.run(&["start", "--timeout", "25s"]);
    refuses(&ran, 5, &["api", "no model yet", "warming up"]);
}

#[test]
fn a_service_that_restarts_again_and_again_is_final_with_its_last_words() {
    require_docker!();
    let stack = Stack::new(
        "  api:\n    image: IMAGE\n    command: [sh, -c, 'echo no database url; exit 1']\n    \
         restart: always\n",
    );
    let ran = stack.sandbox.run(&["start", "--timeout", "60s"]);
    refuses(&ran, 1, &["SERVICE_CRASH_LOOP", "api", "no database url"]);
}
