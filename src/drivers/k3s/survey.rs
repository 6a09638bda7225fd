//! From what the survey prints to typed facts. A fact that is missing or reads strangely is unknown,
//! never an error: the machine is somebody else's world. Pure.

use std::collections::BTreeMap;

use crate::drivers::k3s::facts::{Cgroups, Disk, Facts, Os, Reach, Sudo};
use crate::drivers::k3s::installed::{Installed, Mark, Unit};
use crate::drivers::k3s::survey_network as network;
use crate::redact::Secret;

/// The lines of each fact by its name.
pub(super) struct Answers(BTreeMap<String, Vec<String>>);

impl Answers {
    /// The lines of a fact.
    pub(super) fn lines(&self, fact: &str) -> &[String] {
        self.0.get(fact).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first line of a fact that is not empty.
    pub(super) fn text(&self, fact: &str) -> Option<&str> {
        self.lines(fact).iter().map(|line| line.trim()).find(|line| !line.is_empty())
    }

    /// The words of all lines.
    pub(super) fn words(&self, fact: &str) -> Vec<String> {
        let words = self.lines(fact).iter().flat_map(|line| line.split_whitespace());
        words.map(str::to_owned).collect()
    }

    fn number<N: std::str::FromStr>(&self, fact: &str) -> Option<N> {
        self.text(fact)?.parse().ok()
    }
}

/// The facts; nothing for an answer that is no survey's.
pub(super) fn parse(json: &str) -> Option<Facts> {
    let answers = Answers(serde_json::from_str(json.trim()).ok()?);
    // Every machine has an architecture.
    let arch = answers.text("arch")?.to_owned();
    Some(Facts {
        sudo: sudo(&answers),
        os: os(&answers),
        arch,
        kernel: answers.text("kernel").unwrap_or_default().to_owned(),
        hostname: answers.text("hostname").unwrap_or_default().to_owned(),
        init: answers.text("init").unwrap_or_default().to_owned(),
        cpus: answers.number("cpus"),
        memory: memory(&answers, "MemTotal:"),
        swap: memory(&answers, "SwapTotal:"),
        clock: answers.number("clock"),
        disk: disk(&answers),
        missing_modules: answers.words("modules_missing"),
        cgroups: cgroups(&answers),
        address: answers
            .text("connection")
            .and_then(|line| line.split_whitespace().nth(2)?.parse().ok()),
        network: network::network(&answers),
        guards: network::guards(&answers),
        prepared: answers.words("prepared"),
        downloads: !answers.lines("downloaders").is_empty(),
        egress: answers.lines("egress").iter().filter_map(|line| reach(line)).collect(),
        k3s: installed(&answers),
        others: answers.lines("others").to_vec(),
    })
}

fn sudo(answers: &Answers) -> Sudo {
    match answers.text("sudo") {
        None => Sudo::Unknown,
        Some("root") => Sudo::Root,
        Some("free") => Sudo::Free,
        Some(words) => Sudo::Refused(words.to_owned()),
    }
}

fn os(answers: &Answers) -> Os {
    let value = |key: &str| {
        let line = answers.lines("os").iter().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.strip_prefix('='))
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned()
    };
    Os { id: value("ID"), like: value("ID_LIKE"), name: value("PRETTY_NAME") }
}

/// `MemTotal: 24684096`, in KiB.
fn memory(answers: &Answers, name: &str) -> Option<u64> {
    let rest = answers.lines("memory").iter().find_map(|line| line.strip_prefix(name))?;
    rest.trim().parse().ok()
}

fn disk(answers: &Answers) -> Disk {
    let room = answers.lines("room").iter().filter_map(|line| {
        let (folder, free) = line.split_once(' ')?;
        Some((folder.to_owned(), free.trim().parse().ok()?))
    });
    // btrfs counts none: 0 of 0 are free.
    let inodes = answers.text("inodes").and_then(|line| {
        let (all, free) = line.split_once(' ')?;
        let (all, free): (u64, u64) = (all.parse().ok()?, free.trim().parse().ok()?);
        (all > 0).then_some(free)
    });
    let options = answers.text("mounted").unwrap_or_default();
    Disk { room: room.collect(), inodes, is_noexec: options.split(',').any(|one| one == "noexec") }
}

fn cgroups(answers: &Answers) -> Option<Cgroups> {
    Some(match answers.text("cgroup")? {
        "cgroup2fs" => {
            let memory = answers.words("cgroup_controllers").iter().any(|name| name == "memory");
            Cgroups::V2 { memory }
        }
        _ => Cgroups::V1,
    })
}

/// `github.com 200`, `github.com curl: (6) Could not resolve host: github.com 000`: any status is an
/// answer.
fn reach(line: &str) -> Option<Reach> {
    let (host, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let (words, status) = rest.rsplit_once(' ').unwrap_or(("", rest));
    let answered = status.parse::<u16>().is_ok_and(|status| status > 0);
    let trouble = match words.trim() {
        _ if answered => None,
        "" => Some("no answer".to_owned()),
        words => Some(words.to_owned()),
    };
    (!host.is_empty()).then(|| Reach { host: host.to_owned(), trouble })
}

fn installed(answers: &Answers) -> Installed {
    let text = |fact: &str| answers.text(fact).map(str::to_owned);
    let is = |fact: &str| answers.text(fact).is_some();
    let version = answers.text("k3s_version").and_then(|line| {
        // `k3s version v1.33.5+k3s1 (f8b4b8a1)`
        line.split_whitespace().find(|word| word.starts_with('v') && word.contains('.'))
    });
    Installed {
        version: version.map(str::to_owned),
        unit: unit(answers),
        is_agent: answers.lines("k3s_agent").iter().any(|line| line == "LoadState=loaded"),
        flags: answers.words("k3s_flags"),
        config: is("k3s_has_config").then(|| Secret::new(answers.lines("k3s_config").join("\n"))),
        marker: mark(answers),
        has_data: is("k3s_data"),
        has_registries: is("k3s_registries"),
        server: text("k3s_server"),
        authority: text("k3s_authority"),
        client: text("k3s_client"),
        journal: answers.lines("k3s_journal").to_vec(),
    }
}

/// What `systemctl show` says; a service that ends again and again is `activating (auto-restart)`.
fn unit(answers: &Answers) -> Unit {
    let value = |key: &str| {
        let lines = answers.lines("k3s_unit").iter();
        lines.filter_map(|line| line.split_once('=')).find(|(name, _)| *name == key)
    };
    let value = |key: &str| value(key).map(|(_, value)| value).unwrap_or_default();
    let restarts = value("NRestarts").parse().unwrap_or(0);
    if value("LoadState") != "loaded" {
        return Unit::Missing;
    }
    match (value("ActiveState"), value("SubState")) {
        ("active", _) => Unit::Active,
        ("failed", _) | (_, "auto-restart") => Unit::Failing { restarts },
        // The first start takes a while; a later one follows a crash.
        ("activating", _) if restarts > 2 => Unit::Failing { restarts },
        ("activating" | "deactivating" | "reloading", _) => Unit::Changing,
        _ => Unit::Inactive,
    }
}

fn mark(answers: &Answers) -> Mark {
    let text = answers.lines("k3s_marker").join("\n");
    if text.trim().is_empty() {
        return Mark::None;
    }
    serde_json::from_str(&text).map_or(Mark::Unreadable, Mark::Read)
}
