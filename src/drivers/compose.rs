//! `docker compose` v2: its command lines and the parts of its output that are not the model.
//! Nothing here runs anything.
//!
//! Only `--ansi never` is set for output: without a terminal every v2 prints plain lines, while
//! `--progress` changed its place and its values between 2.19 and 2.30.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::host::cmd::Cmd;
use crate::redact::Secret;

/// How one compose project is addressed: the flags before the verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Absolute paths of the compose files, weakest first.
    pub files: Vec<PathBuf>,
    /// Env files for interpolation; none leaves compose its own `.env`.
    pub env_files: Vec<PathBuf>,
    /// Profiles to enable.
    pub profiles: Vec<String>,
    /// The project's name, where the files set none.
    pub project: Option<String>,
    /// Working folder of the command.
    pub cwd: PathBuf,
    /// Variables that lead the docker CLI to the engine that mlup talks to.
    pub env: BTreeMap<String, String>,
    /// The plugin's program, where it is known. Reading through it takes half the time: the docker
    /// CLI asks every plugin for its name first (docker/cli 28: 60 ms against 24 ms).
    pub plugin: Option<PathBuf>,
    /// A further compose file as text, for making services while an external network that they do
    /// not use may be missing: compose 2.26 checks the networks of all services. See [`stand_in`].
    pub stand_in: Option<String>,
}

/// Which containers `create` replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Those whose configuration or image changed.
    Changed,
    /// All of the named services.
    Named,
}

impl Invocation {
    /// `config --format json`: the resolved model.
    #[must_use]
    pub fn config(&self) -> Cmd {
        self.reading(["config", "--format", "json"])
    }

    /// `config --hash '*'`: the hash of each service, as compose labels its containers with.
    #[must_use]
    pub fn hashes(&self) -> Cmd {
        self.reading(["config", "--hash", "*"])
    }

    /// `config --no-normalize --hash '*'` of a resolved model on standard input. It is normalized
    /// already: doing it again would take the id of a container for the name of a service.
    #[must_use]
    pub fn hashes_of(&self, project: &str, folder: &Path, model: Secret) -> Cmd {
        let resolved = Self {
            files: vec![PathBuf::from("-")],
            project: Some(project.to_owned()),
            ..self.clone()
        };
        let folder = folder.to_string_lossy();
        let mut cmd = resolved.reading([
            "--project-directory",
            &folder,
            "config",
            "--no-normalize",
            "--hash",
            "*",
        ]);
        cmd.stdin = Some(model);
        cmd
    }

    /// `create`: networks, volumes and containers are made or replaced; nothing is started, built
    /// or pulled. No services means all.
    #[must_use]
    pub fn create(&self, replace: Replace, services: &[String]) -> Cmd {
        let cmd = self.making(["create", "--no-build", "--pull", "never"]);
        let cmd = match replace {
            Replace::Changed => cmd,
            Replace::Named => cmd.arg("--force-recreate"),
        };
        cmd.args(services)
    }

    /// `up` of services that are created: for those with hooks, which only compose runs.
    #[must_use]
    pub fn start(&self, service: &str) -> Cmd {
        let verb = ["up", "-d", "--no-build", "--pull", "never", "--no-deps", "--no-recreate"];
        self.making(verb).arg(service)
    }

    /// `pull` of the named services.
    #[must_use]
    pub fn pull(&self, services: &[String]) -> Cmd {
        self.command(["pull"]).args(services)
    }

    /// `build` of the named services.
    #[must_use]
    pub fn build(&self, services: &[String]) -> Cmd {
        self.command(["build"]).args(services)
    }

    /// `stop`: containers stay.
    #[must_use]
    pub fn stop(&self) -> Cmd {
        self.command(["stop"])
    }

    /// `down`: containers and the project's networks go, volumes stay.
    #[must_use]
    pub fn down(&self) -> Cmd {
        self.command(["down"])
    }

    /// `down --volumes`: the project's volumes go too; external ones never do.
    #[must_use]
    pub fn down_with_volumes(&self) -> Cmd {
        self.command(["down", "--volumes"])
    }

    /// A command that changes nothing and asks no engine.
    fn reading<const N: usize>(&self, verb: [&str; N]) -> Cmd {
        match &self.plugin {
            // Called by itself the plugin is `docker-compose`, with the same flags (2.0 on).
            Some(plugin) => self.addressed(Cmd::new(plugin.to_string_lossy()), verb),
            None => self.command(verb),
        }
    }

    /// A command that makes or starts containers, past the networks that are stood in for.
    fn making<const N: usize>(&self, verb: [&str; N]) -> Cmd {
        let Some(stand_in) = &self.stand_in else { return self.command(verb) };
        let mut lenient = self.clone();
        lenient.files.push(PathBuf::from("-"));
        let mut cmd = lenient.command(verb);
        cmd.stdin = Some(Secret::new(stand_in.as_str()));
        cmd
    }

    fn command<const N: usize>(&self, verb: [&str; N]) -> Cmd {
        self.addressed(Cmd::new("docker").arg("compose"), verb)
    }

    fn addressed<const N: usize>(&self, program: Cmd, verb: [&str; N]) -> Cmd {
        let mut cmd = program.args(["--ansi", "never"]).cwd(&self.cwd);
        if let Some(project) = &self.project {
            cmd = cmd.args(["--project-name", project]);
        }
        for file in &self.files {
            cmd = cmd.arg("--file").arg(file.to_string_lossy());
        }
        for file in &self.env_files {
            cmd = cmd.arg("--env-file").arg(file.to_string_lossy());
        }
        for profile in &self.profiles {
            cmd = cmd.args(["--profile", profile]);
        }
        for (name, value) in &self.env {
            cmd = cmd.env(name, Secret::new(value.as_str()));
        }
        cmd.args(verb)
    }
}

/// A compose file that puts the engine's own network, which is always there, in the place of these
/// networks. Nothing without any. The services that use them must not be made with it.
#[must_use]
pub fn stand_in<'a>(keys: impl Iterator<Item = &'a str>) -> Option<String> {
    let bridge = json!({"external": true, "name": "bridge"});
    let networks: Map<String, Value> = keys.map(|key| (key.to_owned(), bridge.clone())).collect();
    (!networks.is_empty()).then(|| json!({ "networks": networks }).to_string())
}

/// A project name that compose accepts: lower case letters, digits, `-` and `_`, beginning with a
/// letter or digit; anything else is dropped, as compose does with folder names.
#[must_use]
pub fn project_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        .collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}

/// Whether the text of a compose file sets the project's name. The output of `config` cannot tell:
/// there a name from the file and one from the folder look the same.
#[must_use]
pub fn sets_name(yaml: &str) -> bool {
    #[derive(Deserialize)]
    struct Top {
        name: Option<String>,
    }
    serde_norway::from_str::<Top>(yaml).is_ok_and(|top| top.name.is_some())
}

/// Service to hash, from the output of `config --hash '*'`.
#[must_use]
pub fn parse_hashes(stdout: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (service, hash) = line.trim().split_once(char::is_whitespace)?;
        Some((service.to_owned(), hash.trim().to_owned()))
    };
    stdout.lines().filter_map(pair).collect()
}

/// Variables that the compose files use and nobody sets, each once, from standard error.
#[must_use]
pub fn unset_variables(stderr: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in stderr.lines().filter(|line| line.contains("variable is not set")) {
        let plain = line.replace('\\', "");
        let name = plain.split("The \"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// What compose complains about: standard error without its warnings and progress lines.
#[must_use]
pub fn complaints(stderr: &str) -> Vec<String> {
    let noise =
        |line: &str| line.is_empty() || line.contains("level=warning") || line.starts_with("WARN[");
    stderr.lines().map(str::trim).filter(|line| !noise(line)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation() -> Invocation {
        Invocation {
            files: vec!["/p/compose.yml".into(), "/p/dev.yml".into()],
            env_files: vec!["/p/.env".into()],
            profiles: vec!["gpu".to_owned()],
            project: Some("demo".to_owned()),
            cwd: "/p".into(),
            env: BTreeMap::from([("DOCKER_HOST".to_owned(), "unix:///run/d.sock".to_owned())]),
            plugin: None,
            stand_in: None,
        }
    }

    #[test]
    fn a_missing_network_is_stood_in_for_where_services_are_made_and_nowhere_else() {
        let text = stand_in(["mk"].into_iter()).unwrap();
        assert_eq!(text, r#"{"networks":{"mk":{"external":true,"name":"bridge"}}}"#);
        assert_eq!(stand_in(std::iter::empty()), None);
        let lenient = Invocation { stand_in: Some(text.clone()), ..invocation() };
        for cmd in [lenient.create(Replace::Changed, &[]), lenient.start("api")] {
            let files = "--file /p/compose.yml --file /p/dev.yml --file - --env-file /p/.env";
            assert!(cmd.to_string().contains(files), "{cmd}");
            assert_eq!(cmd.stdin.unwrap().expose(), text);
        }
        for cmd in [lenient.config(), lenient.hashes(), lenient.stop(), lenient.down()] {
            assert!(!cmd.to_string().contains("--file -") && cmd.stdin.is_none(), "{cmd}");
        }
    }

    #[test]
    fn only_reading_goes_to_the_plugin_itself() {
        let direct = Invocation { plugin: Some("/x/docker-compose".into()), ..invocation() };
        let flags = FLAGS.strip_prefix("docker compose").unwrap();
        assert_eq!(
            direct.config().to_string(),
            format!("/x/docker-compose{flags} config --format json")
        );
        assert_eq!(direct.stop().to_string(), format!("{FLAGS} stop"));
    }

    const FLAGS: &str = "docker compose --ansi never --project-name demo --file /p/compose.yml \
                         --file /p/dev.yml --env-file /p/.env --profile gpu";

    #[test]
    fn every_verb_carries_the_same_flags() {
        let services = ["api".to_owned()];
        let calls = [
            (invocation().config(), "config --format json"),
            (invocation().hashes(), "config --hash '*'"),
            (invocation().pull(&services), "pull api"),
            (invocation().build(&services), "build api"),
            (invocation().stop(), "stop"),
            (invocation().down(), "down"),
            (invocation().down_with_volumes(), "down --volumes"),
        ];
        for (cmd, verb) in calls {
            assert_eq!(cmd.to_string(), format!("{FLAGS} {verb}"));
        }
    }

    #[test]
    fn create_neither_builds_nor_pulls_nor_removes_orphans() {
        let changed = invocation().create(Replace::Changed, &[]);
        assert_eq!(changed.to_string(), format!("{FLAGS} create --no-build --pull never"));
        let named = invocation().create(Replace::Named, &["api".to_owned()]);
        assert!(named.to_string().ends_with("--pull never --force-recreate api"), "{named}");
    }

    #[test]
    fn the_engine_is_named_in_the_environment_not_on_the_command_line() {
        let cmd = invocation().config();
        assert_eq!(cmd.env["DOCKER_HOST"].expose(), "unix:///run/d.sock");
        assert!(!cmd.to_string().contains("d.sock"));
    }

    #[test]
    fn a_name_in_the_file_wins_over_the_environment_name() {
        assert!(sets_name("name: demo\nservices: {}\n"));
        assert!(sets_name("name: ${X:-demo}\n"));
        assert!(!sets_name("services:\n  name:\n    image: x\n"));
        assert!(!sets_name("services: [\n"));
    }

    #[test]
    fn project_names_are_made_acceptable() {
        assert_eq!(project_name("Health Predict"), "healthpredict");
        assert_eq!(project_name("_my-env_2"), "my-env_2");
    }

    #[test]
    fn hashes_are_read_line_by_line() {
        let hashes = parse_hashes("api 5477ae\ndb 943676\n");
        assert_eq!(hashes["api"], "5477ae");
        assert_eq!(hashes.len(), 2);
    }

    #[test]
    fn unset_variables_are_named_once_in_both_log_formats() {
        let stderr = "time=\"x\" level=warning msg=\"The \\\"TAG\\\" variable is not set. Defaulting \
                      to a blank string.\"\nWARN[0000] The \"TAG\" variable is not set.\nWARN[0000] \
                      The \"PORT\" variable is not set.";
        assert_eq!(unset_variables(stderr), ["TAG", "PORT"]);
    }

    #[test]
    fn complaints_leave_warnings_out() {
        let stderr = "time=\"x\" level=warning msg=\"a\"\nservices.api.ports must be a list\n";
        assert_eq!(complaints(stderr), ["services.api.ports must be a list"]);
    }
}
