//! Each way in which ssh fails, provoked with the real client and a real sshd: what it is called and
//! what it says.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use mlup::policy::ssh::HostKey;
use mlup::policy::{Class, Failure};

use super::Site;
use crate::support::sshd::Sshd;
use crate::support::wire::Wire;

impl Site {
    /// Why the machine is not reached.
    async fn refused(&self) -> Failure {
        self.run("echo reached").await.unwrap_err()
    }

    fn fix_of(failure: &Failure) -> String {
        failure.fix.as_ref().unwrap().command.clone()
    }
}

/// A port of this machine at which nobody listens.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_name_that_nobody_knows() {
    let site = Site::new();
    site.sshd.write("config", "Host vm\n  HostName nosuch.invalid\n");
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_HOST_UNKNOWN", "{failure:?}");
    assert!(failure.summary.contains("nosuch.invalid"), "{}", failure.summary);
}

#[tokio::test]
async fn a_port_at_which_nobody_listens() {
    let site = Site::new();
    let port = free_port();
    site.sshd.write("config", &site.sshd.client_config("vm", port));
    let failure = site.refused().await;
    assert_eq!((failure.code, failure.class), ("SSH_REFUSED", Class::Transient), "{failure:?}");
    assert!(failure.summary.contains(&format!("port {port} of `127.0.0.1`")), "{failure:?}");
}

#[tokio::test]
async fn a_machine_that_does_not_answer() {
    let site = Site::new();
    let wire = Wire::to(site.sshd.port());
    wire.freeze();
    site.sshd.write("config", &site.sshd.client_config("vm", wire.port()));
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_TIMEOUT", "{failure:?}");
}

#[tokio::test]
async fn a_machine_that_hangs_up() {
    let site = Site::new();
    let wire = Wire::to(site.sshd.port());
    wire.cut();
    site.sshd.write("config", &site.sshd.client_config("vm", wire.port()));
    let failure = site.refused().await;
    assert_eq!((failure.code, failure.class), ("SSH_CLOSED", Class::Transient), "{failure:?}");
}

#[tokio::test]
async fn a_key_that_the_machine_does_not_take() {
    let site = Site::new();
    site.sshd.write("service/authorized_keys", "");
    let failure = site.refused().await;
    assert_eq!((failure.code, failure.class), ("SSH_DENIED", Class::Prerequisite), "{failure:?}");
    assert!(failure.summary.contains("(publickey)"), "{}", failure.summary);
}

#[tokio::test]
async fn a_machine_that_would_take_a_password() {
    let site = Site::at(Sshd::with("PasswordAuthentication yes"));
    site.sshd.write("service/authorized_keys", "");
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_DENIED", "{failure:?}");
    assert_eq!(Site::fix_of(&failure), "ssh-copy-id vm");
}

#[tokio::test]
async fn a_host_key_that_nobody_has_accepted() {
    let site = Site::new();
    site.sshd.write("known_hosts", "");
    let failure = site.refused().await;
    assert_eq!((failure.code, failure.class), ("SSH_HOST_KEY_UNKNOWN", Class::Refused));
    let shown = format!("ssh-ed25519 {}", site.sshd.fingerprint());
    assert!(failure.evidence.iter().any(|line| line.text == shown), "{failure:?}");
    assert!(Site::fix_of(&failure).starts_with("ssh vm true "));
    assert_eq!(fs::read_to_string(site.sshd.path("known_hosts")).unwrap(), "");
}

#[tokio::test]
async fn a_host_key_that_somebody_agrees_to_is_known_from_then_on() {
    let site = Site::new();
    site.sshd.write("known_hosts", "");
    let failure = site.ssh().connect().await.unwrap_err();
    let key = HostKey::of(&failure).unwrap();
    assert_eq!(key.fingerprint, site.sshd.fingerprint());
    let other = HostKey { fingerprint: "SHA256:other".to_owned(), ..key.clone() };
    let refused = site.ssh().accept(&other).await.unwrap_err();
    assert_eq!(refused.code, "SSH_HOST_KEY_CHANGED");
    assert_eq!(fs::read_to_string(site.sshd.path("known_hosts")).unwrap(), "");
    site.ssh().accept(&key).await.unwrap();
    site.ssh().connect().await.unwrap();
    // Each connection is logged by a process of its own: those before this one have told by now.
    site.run("true").await.unwrap();
    site.sshd.wait_log("Accepted publickey");
    let before = site.sshd.connections();
    assert_eq!(site.run("echo reached").await.unwrap().stdout, "reached\n");
    assert_eq!(site.sshd.connections(), before, "the connection is shared");
    site.close().await;
}

#[tokio::test]
async fn a_host_key_that_has_changed() {
    let mut sshd = Sshd::start();
    sshd.renew_host_key();
    let site = Site::at(sshd);
    let failure = site.refused().await;
    assert_eq!((failure.code, failure.class), ("SSH_HOST_KEY_CHANGED", Class::Refused));
    let shown = format!("it shows {}", site.sshd.fingerprint());
    assert!(failure.evidence.iter().any(|line| line.text == shown), "{failure:?}");
    // The fix does what it says: the key is unknown then, no longer wrong.
    let fix = Command::new("sh").args(["-c", &Site::fix_of(&failure)]).output().unwrap();
    assert!(fix.status.success(), "{fix:?}");
    assert_eq!(site.refused().await.code, "SSH_HOST_KEY_UNKNOWN");
}

#[tokio::test]
async fn a_host_key_that_was_revoked() {
    let site = Site::new();
    let revoked = site.sshd.path("service/host_key.pub");
    site.configure(&format!("Host vm\n  RevokedHostKeys {}", revoked.display()));
    let failure = site.refused().await;
    assert_eq!((failure.code, failure.class), ("SSH_HOST_KEY_REVOKED", Class::Refused));
}

#[tokio::test]
async fn more_keys_than_the_machine_looks_at() {
    let site = Site::at(Sshd::with("MaxAuthTries 2"));
    let mut lines = "Host vm\n".to_owned();
    for name in ["one", "two", "three"] {
        site.sshd.make_key(name);
        let _ = writeln!(lines, "  IdentityFile {}", site.sshd.path(name).display());
    }
    site.configure(&lines);
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_TOO_MANY_KEYS", "{failure:?}");
    assert!(Site::fix_of(&failure).contains("IdentitiesOnly yes"));
}

/// An agent that wants to ask somebody before it signs, and finds nobody.
struct ShyAgent(Child);

impl ShyAgent {
    fn of(site: &Site) -> Self {
        let socket = site.sshd.path("agent");
        let agent = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .env("SSH_ASKPASS", "/bin/false")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut agent = Self(agent);
        // It names its socket once it listens there.
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(agent.0.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
        let mut add = Command::new("ssh-add");
        add.arg("-c").arg(site.sshd.path("key")).env("SSH_AUTH_SOCK", &socket);
        assert!(add.stderr(Stdio::null()).status().unwrap().success());
        agent
    }
}

impl Drop for ShyAgent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn an_agent_that_does_not_sign() {
    let site = Site::new();
    let _agent = ShyAgent::of(&site);
    let (public, key) = (site.sshd.path("key.pub"), site.sshd.path("key"));
    // The public half names the key; the agent alone has the other one.
    fs::remove_file(key).unwrap();
    let socket = site.sshd.path("agent");
    let lines = format!(
        "Host vm\n  IdentityAgent {}\n  IdentityFile {}",
        socket.display(),
        public.display()
    );
    site.configure(&lines);
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_AGENT_REFUSED", "{failure:?}");
}

#[tokio::test]
async fn a_key_file_that_others_may_read() {
    let site = Site::new();
    let key = site.sshd.path("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_KEY_UNUSABLE", "{failure:?}");
    assert!(Site::fix_of(&failure).contains(&format!("chmod 600 {}", key.display())));
}

#[tokio::test]
async fn a_configuration_that_the_client_refuses() {
    let site = Site::new();
    site.configure("Host vm\n  Frobnicate yes");
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_CONFIG_INVALID", "{failure:?}");
    assert!(failure.evidence[0].text.contains("line 2"), "{failure:?}");
    assert_eq!(site.ssh().setting("hostname").await.unwrap_err().code, "SSH_CONFIG_INVALID");
}

#[tokio::test]
async fn a_jump_host_that_is_not_there() {
    let site = Site::new();
    site.configure(&format!("Host vm\n  ProxyJump dev@127.0.0.1:{}", free_port()));
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_JUMP_FAILED", "{failure:?}");
    assert!(failure.evidence[0].text.contains("Connection refused"), "{failure:?}");
}

#[tokio::test]
async fn a_jump_host_whose_key_nobody_has_accepted_asks_nobody() {
    let site = Site::new();
    let port = site.sshd.port();
    site.sshd.write("empty", "");
    let empty = site.sshd.path("empty");
    let jump = format!("Host jump\n  UserKnownHostsFile {}\n", empty.display());
    let jump = jump + &site.sshd.client_config("jump", port);
    site.configure(&format!("{jump}\nHost vm\n  ProxyJump jump"));
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_JUMP_FAILED", "{failure:?}");
    let key = failure.evidence.iter().any(|line| line.text == "Host key verification failed.");
    assert!(key, "{failure:?}");
}

#[tokio::test]
async fn a_jump_host_that_leads_there() {
    let site = Site::new();
    site.configure(&format!(
        "{}\nHost vm\n  ProxyJump jump",
        site.sshd.client_config("jump", site.sshd.port())
    ));
    assert_eq!(site.run("echo reached").await.unwrap().stdout, "reached\n");
}

#[tokio::test]
async fn no_algorithm_in_common() {
    let site = Site::at(Sshd::with("Ciphers aes128-ctr"));
    site.configure("Host vm\n  Ciphers aes256-ctr");
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_ALGORITHMS", "{failure:?}");
    assert!(failure.summary.contains("the machine offers aes128-ctr"), "{}", failure.summary);
}

#[tokio::test]
async fn an_account_without_a_shell() {
    let site = Site::at(Sshd::with("ForceCommand /usr/sbin/nologin"));
    let failure = site.refused().await;
    assert_eq!(failure.code, "SSH_SHELL_UNUSABLE", "{failure:?}");
    let said = "This account is currently not available.";
    assert_eq!(failure.evidence[0].text, said, "{failure:?}");
}
