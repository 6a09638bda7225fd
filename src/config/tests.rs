//! Whole loads: files on disk to configuration or errors.

use std::time::Duration;

use super::model::{CheckProbe, DeployKind, FileContent, ImageSource, LoginValue, Vantage};
use super::*;
use crate::redact::Secret;

/// A project folder with files in it.
struct Project {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("project").tempdir().unwrap();
        let mut sources = Sources { cwd: folder.path().to_path_buf(), ..Sources::default() };
        sources.env.insert("HOME".to_owned(), "/home/me".to_owned());
        let project = Self { folder, sources };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    #[expect(clippy::disallowed_methods, reason = "a fixture needs neither mode nor atomicity")]
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn profile(mut self, name: &str) -> Self {
        self.sources.profile = Some(name.to_owned());
        self
    }

    fn set(mut self, pair: &str) -> Self {
        self.sources.set.push(pair.to_owned());
        self
    }

    fn load(&self) -> Loaded {
        load(&self.sources).unwrap_or_else(|error| panic!("{error}"))
    }

    fn error(&self) -> ConfigError {
        load(&self.sources).expect_err("this configuration is wrong")
    }

    /// Code and place of each problem.
    fn problems(&self) -> Vec<(&'static str, String)> {
        let place = |problem: &Problem| problem.place.as_ref().map(Place::file_and_line);
        self.error()
            .problems
            .iter()
            .map(|problem| (problem.code, place(problem).unwrap_or_default()))
            .collect()
    }
}

fn only(text: &str) -> Project {
    Project::new(&[("mlup.toml", text)])
}

/// The text of the only problem of a configuration.
fn message(text: &str) -> String {
    let error = only(text).error();
    assert_eq!(error.problems.len(), 1, "{error}");
    error.to_string()
}

#[test]
fn an_empty_file_is_a_configuration() {
    let loaded = only("").load();
    let config = &loaded.config;
    assert!(config.name.starts_with("project"), "{}", config.name);
    assert_eq!((config.profile.as_str(), config.deadline), ("compose", Duration::from_secs(900)));
    assert!(config.cluster.is_none() && config.deploys.is_empty());
}

#[test]
fn the_file_is_found_above_the_working_directory() {
    let mut project = Project::new(&[("mlup.toml", "name = 'up'"), ("a/b/x", "")]);
    project.sources.cwd = project.folder.path().join("a/b");
    assert_eq!(project.load().config.root, project.folder.path());
}

#[test]
fn a_missing_file_says_where_it_was_looked_for_and_how_to_begin() {
    let error = Project::new(&[]).error();
    assert_eq!(error.problems[0].code, "CONFIG_NOT_FOUND");
    assert!(error.to_string().contains("in any folder above"), "{error}");
    assert!(error.to_string().contains("compose = \"compose.yml\""), "{error}");
}

#[test]
fn a_file_that_is_named_is_read_in_place_of_the_search() {
    let mut project = Project::new(&[("conf/env.toml", "name = 'named'\ndeadline = '1m'")]);
    project.sources.file = Some(PathBuf::from("conf/../conf/env.toml"));
    let config = project.load().config;
    assert_eq!((config.name.as_str(), config.root), ("named", project.folder.path().join("conf")));
    project.sources.file = Some(PathBuf::from("nowhere.toml"));
    assert!(project.error().to_string().contains("nowhere.toml` cannot be read"));
}

#[test]
fn each_layer_is_stronger_than_the_one_below() {
    let texts = [
        ("mlup.toml", "deadline = '2m'"),
        ("profiles/own.toml", "deadline = '3m'"),
        ("mlup.local.toml", "deadline = '4m'"),
        (".env", "MLUP_DEADLINE=5m"),
    ];
    for count in 1..=texts.len() {
        let mut files = texts[..count].to_vec();
        if count == 1 {
            files.push(("profiles/own.toml", ""));
        }
        let loaded = Project::new(&files).profile("own").load();
        let row = loaded.origins.iter().find(|row| row.path == "deadline").unwrap();
        assert_eq!(row.value, format!("{}m", count + 1));
        assert_eq!(row.layer, texts[count - 1].0);
        assert_eq!(row.place.as_deref(), Some(format!("{}:1", texts[count - 1].0).as_str()));
    }
    let mut project = Project::new(&texts).profile("own").env("MLUP_DEADLINE", "6m");
    assert_eq!(project.load().config.deadline, Duration::from_secs(360));
    project = project.set("deadline=7m");
    assert_eq!(project.load().config.deadline, Duration::from_secs(420));
    project.sources.deadline = Some("8m".to_owned());
    let loaded = project.load();
    assert_eq!(loaded.config.deadline, Duration::from_secs(480));
    let row = loaded.origins.iter().find(|row| row.path == "deadline").unwrap();
    assert_eq!((row.layer.as_str(), row.place.as_deref()), ("flags", Some("--timeout")));
}

#[test]
fn the_profile_comes_from_flag_then_variable_then_env_file_then_files() {
    let files = [
        ("mlup.toml", "profile = 'main'"),
        ("mlup.local.toml", "profile = 'local'"),
        (".env", "MLUP_PROFILE=dotenv"),
        ("profiles/main.toml", ""),
        ("profiles/local.toml", ""),
        ("profiles/dotenv.toml", ""),
        ("profiles/process.toml", ""),
        ("profiles/flag.toml", ""),
    ];
    let without = |left_out: &[&str]| {
        let kept: Vec<_> =
            files.iter().filter(|(path, _)| !left_out.contains(path)).copied().collect();
        Project::new(&kept)
    };
    let profile = |project: Project| project.load().config.profile;
    assert_eq!(profile(without(&[".env", "mlup.local.toml"])), "main");
    assert_eq!(profile(without(&[".env"])), "local");
    assert_eq!(profile(without(&[])), "dotenv");
    assert_eq!(profile(without(&[]).env("MLUP_PROFILE", "process")), "process");
    let flagged = without(&[]).env("MLUP_PROFILE", "process").profile("flag");
    assert_eq!(profile(flagged), "flag");
}

#[test]
fn an_unknown_profile_lists_those_that_exist() {
    let error = Project::new(&[("mlup.toml", ""), ("profiles/gpu.toml", "")])
        .profile("minikub")
        .error()
        .to_string();
    assert!(error.contains("there is no profile `minikub`"), "{error}");
    assert!(error.contains("did you mean `minikube`?"), "{error}");
    assert!(error.contains("`existing`, `gpu`, `k3d`"), "{error}");
    assert_eq!(only("profile = '../x'").problems()[0].1, "mlup.toml:1");
}

#[test]
fn entries_merge_by_name_field_by_field_and_new_ones_append() {
    let project = Project::new(&[
        ("compose.yml", ""),
        (
            "mlup.toml",
            "[[deploy]]\nname='a'\ncompose='compose.yml'\nprofiles=['x']\n[[deploy]]\nname='b'\ncompose='compose.yml'",
        ),
        (
            "mlup.local.toml",
            "[[deploy]]\nname='c'\ncompose='compose.yml'\n[[deploy]]\nname='a'\nprofiles=['y','z']",
        ),
    ]);
    let loaded = project.load();
    let names: Vec<_> = loaded.config.deploys.iter().map(|deploy| deploy.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let DeployKind::Compose(compose) = &loaded.config.deploys[0].kind else { panic!() };
    assert_eq!(compose.files, [project.folder.path().join("compose.yml")]);
    assert_eq!(compose.profiles, ["y", "z"]);
}

#[test]
fn variables_reach_nested_settings_and_entries() {
    let config = Project::new(&[
        ("mlup.toml", "[[check]]\nname = 'model-api'\nhttp = 'http://x/'\n"),
        (".env", "MLUP_CLUSTER__MEMORY=4g\nMLUP_CLUSTER__CPUS=3\n"),
    ])
    .profile("minikube")
    .env("MLUP_CLUSTER__CPUS", "4")
    .env("MLUP_CLUSTER__PORTS", "30080, 30081")
    .env("MLUP_CHECK__MODEL_API__OPTIONAL", "true")
    .env("MLUP_CHECK__MODEL_API__STATUS", "[200, 204]")
    .env("MLUP_REQUIRE", "HOME")
    .env("MLUP_TEST_KUBECONFIG", "/x")
    .env("MLUP_PROGRESS", "plain")
    .env("MLUP_NAMESPACE", "")
    .load()
    .config;
    let cluster = config.cluster.unwrap();
    assert_eq!((cluster.cpus, cluster.memory), (Some(4), Some(4 << 30)));
    assert_eq!(cluster.ports, [30080, 30081]);
    assert!(config.checks[0].optional);
    assert_eq!(config.namespace, None);
}

#[test]
fn a_misspelt_variable_is_an_error_with_advice() {
    let error = only("").env("MLUP_DEADLNE", "1m").error().to_string();
    assert!(error.contains("did you mean `deadline`?"), "{error}");
    assert!(error.contains("--> environment variable MLUP_DEADLNE"), "{error}");
    let error = only("").env("MLUP_CLUSTER__MEMRY", "1g").error().to_string();
    assert!(error.contains("unknown key `memry` of [cluster]"), "{error}");
    let error = only("").set("deploy.web.timeout=1m").error().to_string();
    assert!(error.contains("there is no `[[deploy]]` `web`"), "{error}");
}

#[test]
fn an_unknown_key_is_underlined_with_advice() {
    assert_eq!(
        message("name = 'x'\n\n[[check]]\nname = 'web'\nhttp = 'http://x'\ntimout = '5s'\n"),
        "error[CONFIG_UNKNOWN_KEY]: unknown key `timout` of [[check]] `web`\n \
         --> mlup.toml:6:1\n  |\n6 | timout = '5s'\n  | ^^^^^^\n  = help: did you mean `timeout`?"
    );
    assert!(message("nmae = 'x'").contains("did you mean `name`?"));
    assert!(message("[clutser]\ncpus = 1").contains("did you mean `cluster`?"));
    assert!(message("[cluster]\nprovider = 'minicube'").contains("did you mean `minikube`?"));
    let nested = "[cluster]\nrecover = { attemps = 3 }";
    assert!(message(nested).contains("mlup.toml:2:13"), "{}", message(nested));
}

#[test]
fn wrong_types_and_values_stand_at_the_value() {
    for (text, place, part) in [
        ("deadline = 15", "1:12", "must be a string, not an integer"),
        ("deadline = '15'", "1:12", "write it like `90s`"),
        ("[cluster]\ncpus = 'two'", "2:8", "must be a whole number, not a string"),
        ("[cluster]\nports = [80, 70000]", "2:14", "ports are 1 to 65535"),
        ("[cluster]\nmemory = '4x'", "2:10", "no size"),
        ("[cluster]\nrecover = { backoff = '5s' }", "2:23", "`5s..60s`"),
        ("[[network]]\nname='n'\nsubnet = 'x'", "3:10", "172.28.0.0/16"),
        ("[[file]]\npath='f'\ntemplate='t'\nmode = '0999'", "4:8", "octal"),
        ("[[check]]\nname='c'\nhttp='ftp://x'", "3:6", "http://localhost"),
        ("[[check]]\nname='c'\ntcp='x'", "3:5", "localhost:5432"),
        ("[[check]]\nname='c'\nlog={service='a',pattern='('}", "3:26", "regular expression"),
        ("[[check]]\nname='c'\nhttp='http://x'\nstatus=99", "4:8", "100 to 599"),
        ("[[check]]\nname='c'\nexec='true'", "3:6", "a list of program and arguments"),
        ("[[task]]\nname='t'\nrun=[]", "3:5", "begin with a program"),
        ("env_file = 3", "1:12", "a string or a list of strings"),
        ("name = 1979-05-27", "1:8", "not a date"),
        ("name = 'Big Name'", "1:8", "call it `big-name`"),
        ("cluster = 3", "1:11", "must be a table"),
    ] {
        let error = only(text).error();
        let found = error.problems.iter().any(|problem| {
            let shown = problem.to_string();
            shown.contains(&format!("mlup.toml:{place}")) && shown.contains(part)
        });
        assert!(found, "{text}\n{error}");
    }
}

#[test]
fn broken_toml_shows_where_the_parser_stopped() {
    let shown = message("name = 'x'\ndeadline = \n");
    assert!(shown.contains("error[CONFIG_SYNTAX]"), "{shown}");
    assert!(shown.contains("mlup.toml:2:"), "{shown}");
}

#[test]
fn many_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = "colour = 1\nrequire = ['ONE', 'TWO']\n[[deploy]]\nname = 'a'\ncompse = 'x'\ntimeout = 5\n\
                [[check]]\nname = 'c'\nhttp = 'x'\ntcp = 'y'\n[[task]]\nrun = ['x']\n";
    let places: Vec<String> = only(text).problems().into_iter().map(|(_, place)| place).collect();
    let lines = [1, 2, 2, 5, 6, 9, 10, 11].map(|line| format!("mlup.toml:{line}"));
    assert_eq!(places, lines, "{}", only(text).error());
}

#[test]
fn exactly_one_kind_is_wanted() {
    let both = message("[[check]]\nname='c'\nhttp='http://x'\ntcp='x:1'");
    assert!(both.contains("has `http`, `tcp`, which exclude each other"), "{both}");
    assert!(both.contains("first given here") && both.contains("mlup.toml:4:1"), "{both}");
    assert!(message("[[check]]\nname='c'").contains("exactly one of `http`, `tcp`"));
    assert!(message("[[deploy]]\nname='d'").contains("exactly one of `compose`"));
    assert!(message("[[image]]\nname='i'\nfrom='x'\nbuild='.'").contains("exclude each other"));
    let stray = message("[[check]]\nname='c'\ntcp='x:1'\njson={a='b'}");
    assert!(stray.contains("`json` of [[check]] `c` only goes with `http`"), "{stray}");
}

#[test]
fn variables_expand_from_the_process_over_env_files() {
    let config = Project::new(&[
        (
            "mlup.toml",
            "name='${NAME}'\n[[check]]\nname='c'\nhttp='http://${HOST:-localhost}:${PORT}/$$x'",
        ),
        (".env", "NAME=fromfile\nPORT=81\n"),
    ])
    .env("NAME", "fromprocess")
    .load()
    .config;
    assert_eq!(config.name, "fromprocess");
    let CheckProbe::Http(http) = &config.checks[0].probe else { panic!() };
    assert_eq!(http.url.to_string(), "http://localhost:81/$x");
    assert_eq!(config.env.keys().collect::<Vec<_>>(), ["NAME", "PORT"]);
}

#[test]
fn an_unset_variable_names_itself_its_place_and_the_files_that_were_read() {
    let project = Project::new(&[
        ("mlup.toml", "[[check]]\nname = 'c'\nhttp = 'http://${HOTS}/'"),
        (".env", "HOSTS=a\n"),
    ]);
    let shown = project.error().to_string();
    assert!(shown.contains("`HOTS` is not set"), "{shown}");
    assert!(shown.contains("mlup.toml:3:16\n"), "{shown}");
    assert!(shown.contains("^^^^^^^\n"), "{shown}");
    assert!(shown.contains("`.env`; did you mean `HOSTS`?"), "{shown}");
    assert!(message("namespace = '${NS:?say where}'").contains("say where"));
}

#[test]
fn a_value_that_is_overridden_needs_no_variable() {
    let project = Project::new(&[
        ("mlup.toml", "namespace = '${UNSET}'"),
        ("mlup.local.toml", "namespace = 'ns'"),
    ]);
    assert_eq!(project.load().config.namespace.as_deref(), Some("ns"));
}

#[test]
fn env_files_may_be_named_and_must_then_be_there() {
    let files = [
        ("mlup.toml", "env_file = ['a.env', 'b.env']\nnamespace = '${NS}'"),
        ("a.env", "NS=a"),
        ("b.env", "NS=b"),
    ];
    let config = Project::new(&files).load().config;
    assert_eq!(config.namespace.as_deref(), Some("b"));
    assert_eq!(config.env_files.len(), 2);
    let shown = message("env_file = 'gone.env'");
    assert!(shown.contains("env file `gone.env` is not there"), "{shown}");
    assert!(shown.contains("mlup.toml:1:12"), "{shown}");
}

#[test]
fn a_bad_line_of_an_env_file_is_named_but_not_shown() {
    let project = Project::new(&[("mlup.toml", ""), (".env", "A=1\nTOKEN=hunter2 hunter3\n")]);
    let shown = project.error().to_string();
    assert!(shown.contains("--> .env:2:1"), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn all_required_variables_that_are_missing_are_told_at_once() {
    let project =
        Project::new(&[("mlup.toml", "require = ['A', 'B', 'C', 'D']"), (".env", "B=\nD=1")])
            .env("A", "set");
    let error = project.error();
    let messages: Vec<_> = error.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        ["required variable `B` is not set or empty", "required variable `C` is not set or empty"]
    );
}

#[test]
fn needs_become_full_identifiers() {
    let text =
        "[[task]]\nname='seed'\nrun=['x']\n[[deploy]]\nname='a'\ncompose='c'\nneeds=['seed']";
    assert_eq!(only(text).load().config.deploys[0].needs.as_deref().unwrap(), ["task/seed"]);
    let wrong = message("[[task]]\nname='seed'\nrun=['x']\nneeds=['deploy/x']");
    assert!(
        wrong.contains("there is no step `deploy/x`") && wrong.contains("mlup.toml:4:8"),
        "{wrong}"
    );
    assert!(message("[[task]]\nname='a'\nrun=['x']\nneeds=['a']").contains("needs itself"));
}

#[test]
fn templates_are_rendered_with_variables_and_their_errors_stand_in_the_template() {
    let toml = "[[file]]\npath = '~/out.conf'\ntemplate = 'in.conf'\nmode = '0644'";
    let project = Project::new(&[("mlup.toml", toml), ("in.conf", "a=${A:-1}\nhost $host\n")]);
    let config = project.load().config;
    assert_eq!(config.files[0].path, PathBuf::from("/home/me/out.conf"));
    assert_eq!(config.files[0].mode, 0o644);
    let FileContent::Rendered(text) = &config.files[0].content else { panic!() };
    assert_eq!(text.expose(), "a=1\nhost $host\n");
    project.write("in.conf", "a=1\nb=${UNSET_HERE}\n");
    assert_eq!(project.problems(), [("CONFIG_VARIABLE_UNSET", "in.conf:2".to_owned())]);
    assert!(message(toml).contains("template `in.conf`"));
}

#[test]
fn images_and_checks_become_what_they_say() {
    let text = "[[image]]\nname='a:1'\nfrom='b:1'\n[[image]]\nname='c:1'\nbuild={context='ctx',dockerfile='D'}\n\
        platform='linux/amd64'\n[[image]]\nname='d:1'\n[[check]]\nname='e'\nexec=['x']\nfrom='compose:api'\n\
        [[check]]\nname='j'\nhttp='http://x/'\njson={ a.b = 1, 'c.d' = true }\nstatus=[200]\n";
    let text = text.replace("a.b = 1", "'a.b' = 1");
    let project = only(&text);
    let config = project.load().config;
    assert_eq!(config.images[0].source, ImageSource::Alias("b:1".to_owned()));
    let context = project.folder.path().join("ctx");
    let built = ImageSource::Build { context, dockerfile: Some("D".to_owned()) };
    assert_eq!(config.images[1].source, built);
    assert_eq!(config.images[2].source, ImageSource::Present);
    assert_eq!(config.checks[0].from, Vantage::Compose("api".to_owned()));
    let CheckProbe::Http(http) = &config.checks[1].probe else { panic!() };
    assert_eq!((http.json["a.b"].as_str(), http.json["c.d"].as_str()), ("1", "true"));
}

#[test]
fn a_missing_compose_file_stands_where_it_is_named() {
    let shown = message("[[deploy]]\nname='a'\ncompose=['gone.yml']");
    assert!(shown.contains("`gone.yml`") && shown.contains("mlup.toml:3:10"), "{shown}");
}

#[test]
fn what_a_section_lacks_or_cannot_have_is_said() {
    let text = "[cluster]\nprovider = 'k3s'\nhost = 'me@box'\ntunnel = true\n[[registry]]\nserver='r'\nsecret='s'\necr=true\n\
        [[secret]]\nname='k'\nkeys={a={generate='fernet'},b='x',c={file='f'}}\n\
        [[deploy]]\nname='m'\nkustomize='k8s/'\n[[deploy]]\nname='h'\nhelm='chart'\nset={'a.b'=1}";
    let loaded = only(text).load();
    assert!(loaded.config.cluster.unwrap().k3s.tunnel);
    assert!(
        message("[cluster]\nprovider='k3d'\n[[secret]]\nname='k'\nkeys={a={generate='md5'}}")
            .contains("possible: `fernet`")
    );
    assert!(
        message("[cluster]\nprovider='k3d'\n[[registry]]\nserver='r'\nsecret='s'\nexec=['x']")
            .contains("without `username`")
    );
    assert!(message("[cluster]\nprovider='existing'").contains("no `context`"));
    assert!(
        message("[cluster]\nprovider='k3d'\nhost='x'").contains("only goes with provider `k3s`")
    );
}

#[test]
fn checks_that_ask_the_cluster_need_one_and_say_what_they_cannot_be() {
    let checks = "[[check]]\nname='p'\nhttp='http://{nodeport:svc:80}/'\n\
        login={user='a',password={secret='argocd/admin.v1',key='password'}}\n\
        [[check]]\nname='q'\ntcp='db.shop:1'\nfrom='pod'";
    let loaded = only(&format!("[cluster]\nprovider='k3d'\n{checks}")).load();
    let [by_port, by_pod] = loaded.config.checks.as_slice() else { panic!() };
    let CheckProbe::Http(http) = &by_port.probe else { panic!() };
    assert!(http.url.is_live());
    let Vantage::Pod(port) = &by_pod.from else { panic!() };
    assert_eq!((port.service.to_string().as_str(), port.port), ("shop/db", 1));
    let login = by_port.login.clone().unwrap();
    assert_eq!(login.user, LoginValue::Given(Secret::new("a")));
    let (namespace, secret) = (Some("argocd".to_owned()), "admin.v1".to_owned());
    assert_eq!(login.password, LoginValue::Kept { namespace, secret, key: "password".to_owned() });
    assert!(loaded.config.secrets_to_scrub.iter().all(|secret| secret.expose() != "password"));
    let places = ["mlup.toml:3", "mlup.toml:8"].map(|at| ("CONFIG_INVALID", at.to_owned()));
    assert_eq!(only(checks).problems(), places);

    let pod =
        |check: &str| message(&format!("[cluster]\nprovider='k3d'\n[[check]]\nname='c'\n{check}"));
    for (check, part) in [
        ("exec=['x']\nfrom='pod'", "`exec` of [[check]] `c` cannot be made `from = \"pod\"`"),
        ("http='http://1.2.3.4/'\nfrom='pod'", "`1.2.3.4` is no service"),
        ("http='http://x/'\nfrom='pod'\nheaders={Authorization='t'}", "the API server keeps it"),
        ("http='http://x/'\nlogin={user='a',password={secret='A',key='k'}}", "`A` names no secret"),
        ("http='http://x/'\nlogin={user='a',password={secret='a'}}", "missing"),
        ("tcp='{lb:a:1}'", "write `{lb:a}:1`"),
    ] {
        let shown = pod(check);
        assert!(shown.contains(part) && shown.contains("mlup.toml:"), "{shown}");
    }
}

#[test]
fn manifests_need_a_cluster_their_files_and_values_for_their_variables() {
    let text = "name='x'\n[[deploy]]\nname='m'\nmanifests=['a.yaml', 'gone']\nvars={TAG=''}";
    let project = |cluster: &str| {
        Project::new(&[("mlup.toml", &format!("{text}\n{cluster}")), ("a.yaml", "")])
    };
    let cluster = "[cluster]\nprovider='k3d'";
    let shown = project(cluster).error().to_string();
    assert!(shown.contains("manifest `gone` of") && shown.contains("mlup.toml:4:"), "{shown}");
    assert!(shown.contains("`TAG` in `vars` of") && shown.contains("is empty"), "{shown}");
    let whole = text.replace("'gone'", "'a.yaml'").replace("TAG=''", "TAG='1'");
    let files = [("mlup.toml", &*format!("{whole}\n{cluster}")), ("a.yaml", "")];
    Project::new(&files).load();
    let shown = Project::new(&[("mlup.toml", &whole), ("a.yaml", "")]).error().to_string();
    assert!(shown.contains("[[deploy]] `m` with `manifests` needs a `[cluster]`"), "{shown}");
}

#[test]
fn registries_and_secrets_run_with_a_cluster_and_are_refused_without_one() {
    let sections = "[[registry]]\nserver='r'\nsecret='s'\necr=true\n[[secret]]\nname='k'\n\
        keys={a='b'}\n[[task]]\nname='t'\nrun=['x']\nneeds=['registry/s', 'k']";
    let loaded = only(&format!("[cluster]\nprovider='k3d'\n{sections}")).load();
    assert_eq!(loaded.config.tasks[0].needs, ["registry/s", "secret/k"]);
    for cluster in ["", "[cluster]\nprovider='none'\n"] {
        let shown = only(&format!("{cluster}{sections}")).error().to_string();
        assert!(shown.contains("[[registry]] `r` needs a `[cluster]`"), "{shown}");
        assert!(shown.contains("[[secret]] `k` needs a `[cluster]`"), "{shown}");
        assert!(shown.contains("move this into the profile of a cluster"), "{shown}");
    }
}

#[test]
fn registries_may_share_a_secret_that_a_task_needs() {
    let text = "[cluster]\nprovider='k3d'\n[[registry]]\nserver='a'\nsecret='s'\necr=true\n\
        [[registry]]\nserver='b'\nsecret='s'\necr=true\n[[task]]\nname='t'\nrun=['x']\n\
        needs=['s']";
    assert_eq!(only(text).load().config.tasks[0].needs, ["registry/s"]);
}

#[test]
fn a_cluster_with_its_network_and_kubeconfig_runs() {
    let text = "[cluster]\nprovider='minikube'\nmemory='3900MiB'\n[[network]]\nname='minikube'\n\
        owner='cluster'\n[[file]]\npath='k'\ncontent='kubeconfig'\n[[task]]\nname='t'\nrun=['x']\n\
        needs=['cluster']";
    let loaded = only(text).load();
    assert_eq!(loaded.config.tasks[0].needs, ["cluster"]);
}

#[test]
fn a_cluster_that_its_tool_could_not_make_is_refused_with_its_place() {
    for (cluster, place, part) in [
        ("provider='minikube'\nmemory='1g'", "3:8", "minikube needs at least 1800 MiB"),
        ("provider='k3d'\nmemory='256m'", "3:8", "k3d needs at least 512 MiB"),
        ("provider='minikube'\ncpus=1", "3:6", "minikube needs at least 2"),
        ("provider='minikube'\napi_port=6443", "3:1", "does not go with provider `minikube`"),
        ("provider='k3d'\ncpus=2", "3:1", "does not go with provider `k3d`"),
        ("provider='k3d'\naddons=['x']", "3:1", "does not go with provider `k3d`"),
        ("provider='docker-desktop'\nnodes=2", "3:1", "whose cluster mlup does not make"),
        ("provider='existing'\ncontext='c'\nports=[30080]", "4:1", "does not make"),
        ("provider='k3d'\nports=[30080, 30081, 30080]", "3:22", "has 30080 twice"),
        ("provider='k3d'\nports=[6443]\napi_port=6443", "3:8", "both want 6443"),
        ("provider='k3d'\ncontext='k3d-a'", "3:9", "write `name = \"a\"` in place of"),
        ("provider='minikube'\nname='a'\ncontext='b'", "4:9", "not `b`"),
        ("provider='minikube'\nports=[0]", "3:8", "ports are 1 to 65535"),
        ("provider='k3s'\nhost='x'\ncluster_cidr='10.42'", "4:14", "no network"),
        ("provider='k3s'\nhost='x'\nagents=2", "4:1", "does not go with provider `k3s`"),
        ("provider='k3s'\nhost='x'\nversion='1.33'", "4:9", "`v1.33.5+k3s1`"),
        ("provider='k3s'\nhost='x'\nprepare=['selinux-permissive']", "4:10", "`selinux`"),
        (
            "provider='k3s'\nhost='x'\ncluster_cidr='10.43.0.0/16'",
            "4:14",
            "cluster_cidr = \"10.44.0.0/16\"",
        ),
        ("provider='k3s'\nhost='rocky@10.43.100.94'", "1:1", "service_cidr = \"10.44.0.0/16\""),
        (
            "provider='k3s'\nhost='x'\nservice_cidr='10.45.0.0/16'\ndns='10.43.0.10'",
            "5:5",
            "dns = \"10.45.0.10\"",
        ),
        (
            "provider='k3s'\nhost='x'\n[[network]]\nname='n'\nsubnet='10.42.9.0/24'",
            "1:1",
            "[[network]] `n` is in the network of the pods",
        ),
    ] {
        let shown = message(&format!("[cluster]\n{cluster}"));
        assert!(shown.contains(&format!("mlup.toml:{place}")) && shown.contains(part), "{shown}");
    }
}

#[test]
fn what_waits_for_a_cluster_needs_one_that_makes_it() {
    const NETWORK: &str = "[[network]]\nname='net'\nowner='cluster'";
    for (text, part) in [
        (NETWORK.to_owned(), "there is no cluster"),
        ("[[file]]\npath='k'\ncontent='kubeconfig'".to_owned(), "needs a `[cluster]`"),
        (format!("[cluster]\nprovider='docker-desktop'\n{NETWORK}"), "makes no Docker network"),
        (format!("[cluster]\nprovider='minikube'\nname='dev'\n{NETWORK}"), "minikube makes `dev`"),
        (format!("[cluster]\nprovider='k3d'\n{NETWORK}"), "k3d makes `k3d-NAME`"),
        (format!("[cluster]\nprovider='k3d'\nnetwork='other'\n{NETWORK}"), "k3d makes `other`"),
        (
            "[cluster]\nprovider='minikube'\n[[deploy]]\nname='cluster'\ncompose='c.yml'"
                .to_owned(),
            "cannot be called `cluster`",
        ),
    ] {
        let project = Project::new(&[("mlup.toml", &text), ("c.yml", "services: {}")]);
        let shown = project.error().to_string();
        assert!(shown.contains(part) && shown.contains("mlup.toml:"), "{shown}");
    }
    for fine in [
        format!("[cluster]\nprovider='minikube'\n{NETWORK}"),
        format!("[cluster]\nprovider='minikube'\nname='net'\n{NETWORK}"),
        format!("[cluster]\nprovider='k3d'\nnetwork='net'\n{NETWORK}"),
    ] {
        only(&fine).load();
    }
}

#[test]
fn settings_of_another_profiles_cluster_do_no_harm() {
    let project = Project::new(&[
        ("mlup.toml", "[cluster]\ncpus=4\naddons=['ingress']\ncontext='dev'\nnodes=3"),
        ("profiles/colleague.toml", "[cluster]\nprovider='existing'"),
    ]);
    project.profile("colleague").load();
    only("[cluster]\ncpus=4\ncontext='x'").profile("k3d").load();
}

#[test]
fn every_built_in_profile_loads() {
    for (name, _) in profile::BUILT_IN {
        let needed = "[cluster]\nhost='me@box'\ncontext='ctx'";
        let loaded = only(needed).profile(name).load();
        assert_eq!(loaded.config.cluster.is_none(), name == "compose", "{name}");
    }
}

#[test]
fn secrets_are_known_to_the_scrubber_and_absent_from_everything_shown() {
    let text = "require = ['API_TOKEN']\n[cluster]\nprovider='k3d'\n[[check]]\nname='web'\nhttp='http://x/?u=${PLAIN}'\n\
        login={user='admin',password='c4n4ry-login'}\nheaders={Authorization='Bearer ${BEARER}',Accept='a/b'}\n\
        [[task]]\nname='t'\nrun=['x']\nenv={DB_PASSWORD='c4n4ry-task',MODE='dev'}\n\
        [[registry]]\nserver='r'\nsecret='regcred'\nusername='u'\npassword='c4n4ry-reg'\n\
        [[secret]]\nname='s'\nkeys={user='c4n4ry-key'}\n";
    let env =
        "PLAIN=c4n4ry-plain\nBEARER=c4n4ry-bearer\nDB=postgres://u:c4n4ry-url@h/db\nSHORT=abc\n";
    let loaded = Project::new(&[("mlup.toml", text), (".env", env)])
        .env("API_TOKEN", "c4n4ry-process")
        .load();
    let scrubber = crate::redact::Scrubber::new(&loaded.config.secrets_to_scrub);
    for kind in ["login", "bearer", "task", "reg", "key", "plain", "url", "process"] {
        let value = format!("c4n4ry-{kind}");
        assert!(!scrubber.scrub(&value).contains("c4n4ry"), "{kind}");
    }
    assert_eq!(scrubber.scrub("dev abc a/b regcred"), "dev abc a/b regcred");
    let shown = format!("{:?} {}", loaded.origins, loaded.show());
    assert!(!shown.contains("c4n4ry"), "{shown}");
    assert!(shown.contains("regcred") && shown.contains("a/b"), "{shown}");
}

#[test]
fn errors_do_not_show_secrets() {
    let text = "[[check]]\nname='web'\nhttp='${API_TOKEN}'\nlogin={usr='u',password='c4n4ry-a'}\n\
        [[registry]]\nserver='r'\nsecret='s'\nusername='u'\npassword='c4n4ry-b'\necr=true\n\
        [[task]]\nname='t'\nrun=['x']\nenv={DB_PASSWORD=12,OTHER_TOKEN='c4n4ry-c'}\n\
        [[secret]]\nname='s'\nkeys={user='c4n4ry-d',b=3}\n";
    let shown = only(text).env("API_TOKEN", "c4n4ry-e").error().to_string();
    assert!(!shown.contains("c4n4ry"), "{shown}");
    assert!(shown.contains("mlup.toml:4:"), "{shown}");
}

#[test]
fn a_secret_on_a_command_line_is_an_error_with_a_way_out() {
    let text =
        "[[task]]\nname='t'\nrun=['x', '--token=${MY_TOKEN}', '${HOME}']\nenv={T='${MY_TOKEN}'}";
    let error = only(text).env("MY_TOKEN", "c4n4ry").error();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert_eq!(error.problems[0].code, "CONFIG_SECRET_IN_ARGV");
    let shown = error.to_string();
    assert!(shown.contains("`MY_TOKEN`") && shown.contains("mlup.toml:3:11"), "{shown}");
    assert!(shown.contains("env = { MY_TOKEN = \"${MY_TOKEN}\" }"), "{shown}");
}

#[test]
fn the_whole_is_shown_in_the_order_of_the_schema() {
    let text = "[[check]]\ntcp='x:1'\nname='c'\n[cluster]\ncpus=2\n";
    let project = Project::new(&[("mlup.toml", text), ("mlup.local.toml", "name='x'")]);
    let loaded = project.load();
    assert_eq!(
        loaded.show().to_string(),
        r#"{"name":"x","profile":"compose","deadline":"15m","cluster":{"provider":"none","cpus":2,"recover":{"attempts":5,"backoff":"5s..60s","purge":"profile"}},"check":[{"name":"c","tcp":"x:1"}]}"#
    );
    let rows: Vec<String> = loaded
        .origins
        .iter()
        .map(|row| format!("{} {} {}", row.path, row.layer, row.place.clone().unwrap_or_default()))
        .collect();
    assert_eq!(rows[0], "name mlup.local.toml mlup.local.toml:1");
    assert!(rows.contains(&"cluster.cpus mlup.toml mlup.toml:5".to_owned()), "{rows:?}");
    assert!(rows.contains(&"check.c.tcp mlup.toml mlup.toml:2".to_owned()), "{rows:?}");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    let project = Project::new(&[
        ("mlup.toml", "name = 'x'\r\nnamespace = '${NS}'\r\n"),
        (".env", "\u{FEFF}NS=\"a b\"\r\nOTHER=1\r\n"),
    ]);
    let config = project.load().config;
    assert_eq!(config.namespace.as_deref(), Some("a b"));
    assert_eq!(config.env["OTHER"].expose(), "1");
}

#[test]
fn two_names_that_become_one_by_expanding_name_both_places() {
    let text = "[[task]]\nname='${A}'\nrun=['x']\n[[task]]\nname='one'\nrun=['x']";
    let error = only(text).env("A", "one").error();
    assert_eq!(error.problems[0].code, "CONFIG_DUPLICATE");
    assert!(error.to_string().contains("mlup.toml:2:6"), "{error}");
}
