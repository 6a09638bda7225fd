//! Checks against real containers. Each test has a network and containers of its own, labelled as
//! compose labels them.

use std::sync::OnceLock;

use super::*;
use crate::host::files;
use crate::host::testing::engine::{busybox_context, clean_up, docker, unique};

const IMAGE: &str = "mlup-test-check:1";

/// The image twice: with busybox's programs, and with `httpd` alone, as images without a shell are.
const DOCKERFILE: &str = "\
FROM scratch AS bare
COPY busybox /srv/httpd
COPY index /www/index.html
FROM bare
COPY busybox /bin/busybox
RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]
ENV PATH=/bin
";

fn build_images() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = busybox_context(DOCKERFILE);
        files::write(&folder.path().join("index"), b"welcome", 0o644).unwrap();
        let context = folder.path().display().to_string();
        docker(&["build", "--quiet", "--tag", IMAGE, &context]);
        docker(&[
            "build",
            "--quiet",
            "--target",
            "bare",
            "--tag",
            "mlup-test-check:bare",
            &context,
        ]);
    });
}

/// A network and what runs on it; gone with this value.
struct Stack {
    name: String,
    folder: tempfile::TempDir,
}

impl Stack {
    fn new() -> Self {
        build_images();
        let name = unique("check");
        let folder = tempfile::tempdir().unwrap();
        docker(&["network", "create", &name]);
        Self { name, folder }
    }

    fn run(&self, service: &str, image: &str, command: &[&str]) -> String {
        let labels = [
            format!("com.docker.compose.service={service}"),
            format!("com.docker.compose.project={}", self.name),
            "com.docker.compose.oneoff=False".to_owned(),
            format!("com.docker.compose.project.working_dir={}", self.folder.path().display()),
        ];
        let name = format!("{}-{service}", self.name);
        let mut args = vec!["run", "--detach", "--init=false", "--name", &name];
        args.extend(["--network", &self.name, "--network-alias", service]);
        for label in &labels {
            args.extend(["--label", label]);
        }
        args.push(image);
        args.extend(command);
        docker(&args)
    }

    fn web(&self, image: &str) -> String {
        let busybox = if image == IMAGE { "httpd" } else { "/srv/httpd" };
        self.run("web", image, &[busybox, "-f", "-p", "80", "-h", "/www"])
    }

    fn context(&self, time: Duration) -> (StepCtx, Said) {
        context(self.folder.path().to_path_buf(), time)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let ids = clean_up(&["ps", "-aq", "--filter", &label]);
        clean_up(&["rm", "-f", "-v"].into_iter().chain(ids.split_whitespace()).collect::<Vec<_>>());
        clean_up(&["network", "rm", &self.name]);
    }
}

fn inside(probe: CheckProbe) -> Check {
    check(probe, Vantage::Compose("api".into()))
}

#[tokio::test]
async fn http_and_tcp_are_asked_by_a_program_inside() {
    let stack = Stack::new();
    stack.run("api", IMAGE, &["sleep", "600"]);
    stack.web(IMAGE);
    let (ctx, mut said) = stack.context(LONG);
    let body = Some("welcome".to_owned());
    let http = HttpProbe { body, ..get("http://web/index.html") };
    assert!(attempt(&inside(CheckProbe::Http(http)), &ctx).await.is_ok());
    assert_eq!(probes(&mut said).pop().unwrap().2, "http 200");
    assert!(attempt(&inside(tcp("web:80")), &ctx).await.is_ok());
    assert_eq!(probes(&mut said).pop().unwrap().2, "connected");
    for (what, wanted) in [
        (tcp("web:81"), "connection refused"),
        (CheckProbe::Http(get("http://web/none")), "http 404"),
        (CheckProbe::Http(get("http://web:81/")), "connection refused"),
        (CheckProbe::Http(get("http://nobody/")), "the host name does not resolve"),
    ] {
        assert!(matches!(probe(&inside(what), &ctx).await.unwrap(), Probed::Needed(_)));
        assert_eq!(probes(&mut said).pop().unwrap().2, wanted);
    }
}

#[tokio::test]
async fn without_a_program_inside_the_host_asks_on_the_network() {
    let stack = Stack::new();
    stack.run("api", "mlup-test-check:bare", &["/srv/httpd", "-f", "-p", "80"]);
    let web = stack.web("mlup-test-check:bare");
    let (ctx, mut said) = stack.context(LONG);
    assert!(attempt(&inside(CheckProbe::Http(get("http://web/index.html"))), &ctx).await.is_ok());
    assert_eq!(probes(&mut said).pop().unwrap().2, "http 200");
    assert!(attempt(&inside(tcp(format!("{}:80", &web[..12]))), &ctx).await.is_ok());
    assert!(matches!(probe(&inside(tcp("nobody:80")), &ctx).await.unwrap(), Probed::Needed(_)));
    let failure =
        probe(&inside(CheckProbe::Http(get("http://localhost/"))), &ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "CHECK_NO_CLIENT"));
}

#[tokio::test]
async fn a_command_runs_in_the_services_container() {
    let stack = Stack::new();
    let (ctx, mut said) = stack.context(Duration::from_secs(3));
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let check = inside(CheckProbe::Exec(words("test -e /www/index.html")));
    assert!(matches!(probe(&check, &ctx).await.unwrap(), Probed::Needed(_)));
    assert_eq!(probes(&mut said).pop().unwrap().2, "`api` has no running container");
    stack.run("api", IMAGE, &["sleep", "600"]);
    assert!(attempt(&check, &ctx).await.is_ok());
    let check = inside(CheckProbe::Exec(words("cat /nothing")));
    let failure = attempt(&check, &ctx).await.unwrap_err();
    let seen: Vec<&str> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
    assert!(seen[0].starts_with("exit 1 ×"), "{seen:?}");
    assert_eq!(seen[1], "cat: can't open '/nothing': No such file or directory");
    assert_eq!(failure.fix, Some(Fix::safe("mlup logs api")));
}

fn log_check(pattern: &str) -> Check {
    let pattern = regex::Regex::new(pattern).unwrap();
    check(CheckProbe::Log { service: "api".into(), pattern }, Vantage::Host)
}

#[tokio::test]
async fn a_line_in_the_log_is_found_when_it_comes() {
    let stack = Stack::new();
    let script = "echo booting; sleep 1; echo model 7 ready >&2; sleep 600";
    stack.run("api", IMAGE, &["sh", "-c", script]);
    let (ctx, _said) = stack.context(LONG);
    let settled = attempt(&log_check(r"^model \d ready$"), &ctx).await.unwrap();
    assert_eq!(settled.detail, "model 7 ready");
    let again = probe(&log_check("booting"), &ctx).await.unwrap();
    assert!(matches!(again, Probed::Satisfied(_)));
}

#[tokio::test]
async fn a_log_is_picked_up_again_when_its_container_restarts() {
    let stack = Stack::new();
    let script =
        "if [ -e /seen ]; then sleep 1; echo second; sleep 600; fi; touch /seen; echo first";
    let id = stack.run("api", IMAGE, &["sh", "-c", script]);
    docker(&["wait", &id]);
    let (ctx, mut said) = stack.context(LONG);
    let check = log_check("second");
    let waiting = tokio::spawn(async move { verify(&check, &ctx).await });
    while !matches!(said.recv().await, Some((_, Progress::Probe(_)))) {}
    docker(&["start", &id]);
    assert_eq!(waiting.await.unwrap().unwrap().detail, "second");
    let (ctx, _said) = stack.context(LONG);
    let old = probe(&log_check("first"), &ctx).await.unwrap();
    assert!(matches!(old, Probed::Needed(_)), "a line of the run before does not count");
}

#[tokio::test]
async fn a_line_that_never_comes_ends_with_the_last_lines() {
    let stack = Stack::new();
    stack.run("api", IMAGE, &["sh", "-c", "for n in 1 2 3 4; do echo line $n; done; sleep 600"]);
    let (ctx, _said) = stack.context(Duration::from_secs(2));
    let failure = attempt(&log_check("never"), &ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Timeout, "CHECK_FAILED"));
    let seen: Vec<&str> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(seen, ["no such line ×1", "line 2", "line 3", "line 4"]);
}
