//! Programs that the tests cannot run: their subcommands with the flags that mlup may advise, as their
//! manuals have them. What is not here is refused.

/// Subcommand, then flags. A flag that ends in `=` takes a value, in the same word or the next.
const TABLE: &[(&str, &[&str])] = &[
    ("aws configure sso", &["--profile="]),
    ("aws configure", &["--profile="]),
    ("aws eks list-clusters", &["--region="]),
    ("aws eks update-kubeconfig", &["--name=", "--region="]),
    ("aws sso login", &["--profile="]),
    ("aws sts get-caller-identity", &["--profile="]),
    ("aws ecr create-repository", &["--repository-name=", "--region="]),
    ("az account list", &["-o="]),
    ("az acr update", &["-n=", "--admin-enabled="]),
    ("az ad app credential reset", &["--id="]),
    ("az aks get-credentials", &["--name=", "--overwrite-existing", "--resource-group="]),
    ("az aks install-cli", &[]),
    ("az aks list", &["-o="]),
    ("az login", &[]),
    ("docker buildx build", &["--platform=", "--push", "-t="]),
    ("docker desktop kubernetes reset-cluster", &[]),
    ("docker desktop logs", &[]),
    ("docker desktop restart", &[]),
    ("gcloud auth login", &[]),
    ("gcloud components install", &[]),
    ("gcloud container clusters get-credentials", &["--location=", "--project="]),
    ("gcloud container clusters list", &[]),
    ("k3d cluster delete", &["--all"]),
    ("k3d cluster list", &[]),
    ("k3d cluster start", &[]),
    ("k3d kubeconfig merge", &["-d", "--kubeconfig-merge-default"]),
    ("k3d node edit", &["--port-add="]),
    ("k3d version", &[]),
    ("minikube image load", &["-p="]),
    ("minikube image ls", &["-p="]),
    ("minikube status", &["-p="]),
    ("minikube version", &[]),
    ("minikube addons enable", &["-p="]),
    ("minikube addons list", &["-p="]),
    ("minikube config defaults", &[]),
    ("minikube delete", &["-p=", "--all", "--purge"]),
    ("minikube logs", &["-p=", "--file="]),
    ("minikube start", &["-p=", "--memory="]),
    ("minikube tunnel", &["-p="]),
    ("minikube unpause", &["-p="]),
    ("minikube update-context", &["-p="]),
    ("systemctl disable", &["--now"]),
    ("systemctl show", &[]),
    ("systemctl stop", &[]),
    ("systemctl restart", &[]),
    ("systemctl start", &[]),
    ("systemctl status", &[]),
    ("timedatectl set-ntp", &[]),
    ("ip addr add", &[]),
    ("ip link add", &[]),
    ("ip link set", &[]),
    ("ip route", &[]),
    ("hostnamectl set-hostname", &[]),
    ("ufw allow", &[]),
    ("swapoff", &["-a"]),
    ("grubby", &["--update-kernel=", "--args="]),
    ("update-ca-certificates", &[]),
    ("update-ca-trust", &[]),
    ("x install", &["-y"]),
    ("getent hosts", &[]),
    ("apt-get install", &["-t="]),
    ("dnf install", &["-y"]),
    ("pacman", &["-S"]),
    ("cd", &[]),
    ("chmod", &["-R"]),
    ("chown", &["-R"]),
    ("curl", &["-I", "-S", "-s", "-v", "-k", "--max-time="]),
    ("command", &["-v"]),
    ("df", &["-h", "-i"]),
    ("du", &["-x", "-h", "-d="]),
    ("dockerd", &["--validate", "--config-file="]),
    ("export", &[]),
    ("grep", &["-i"]),
    ("journalctl", &["-g=", "-k", "-n=", "-u="]),
    ("kill", &[]),
    ("kubelogin convert-kubeconfig", &["-l="]),
    ("ln", &["-s"]),
    ("mkdir", &["-p"]),
    ("mount", &["-o="]),
    ("ps", &["-C=", "-o="]),
    ("reboot", &[]),
    ("rm", &[]),
    ("sed", &["-i"]),
    ("sort", &["-h"]),
    ("sudoedit", &[]),
    ("tail", &[]),
    ("true", &[]),
    ("uname", &["-a"]),
    ("ss", &["-l", "-t", "-n", "-p"]),
    ("ssh", &["-G", "-L=", "-N", "-T", "-n", "-t", "-v"]),
    ("ssh-add", &["-D", "-l"]),
    ("ssh-copy-id", &[]),
    ("ssh-keygen", &["-F=", "-R=", "-f=", "-y"]),
    ("ssh-keyscan", &[]),
    ("sysctl", &[]),
    ("unset", &[]),
    ("usermod", &["-G=", "-a"]),
    // What the sources fill in as a whole.
    ("x", &[]),
];

/// Why the tables do not have these words.
pub(super) fn objection(words: &[String]) -> Option<String> {
    // Whose services are meant stands before what is done with them.
    let own: Vec<&String> = words.iter().filter(|word| *word != "--user").collect();
    let of = |row: &&(&str, &[&str])| {
        let path: Vec<&str> = row.0.split(' ').collect();
        path.len() <= own.len()
            && path.iter().zip(&own).all(|(known, word)| *known == word.as_str())
    };
    let Some((path, flags)) = TABLE.iter().filter(of).max_by_key(|row| row.0.len()) else {
        return Some(format!("no row has {own:?}"));
    };
    let mut rest = own[path.split(' ').count()..].iter();
    if path.starts_with("ssh") && !path.starts_with("ssh-") {
        return of_ssh(&words[1..], flags);
    }
    while let Some(word) = rest.next() {
        if word.starts_with('-') && word.len() > 1 {
            match flag(word, flags) {
                None => return Some(format!("`{path}` has no {word}")),
                Some(Takes::Next) if rest.next().is_none() => {
                    return Some(format!("{word} of `{path}` wants a value"));
                }
                Some(_) => {}
            }
        }
    }
    None
}

/// What ssh runs over there is a line of its own.
fn of_ssh(words: &[String], flags: &[&str]) -> Option<String> {
    let mut rest = words.iter();
    loop {
        let word = rest.next()?;
        match word.starts_with('-').then(|| flag(word, flags)) {
            None => break,
            Some(None) => return Some(format!("ssh has no {word}")),
            Some(Some(Takes::Next)) => drop(rest.next()?),
            Some(Some(Takes::Nothing)) => {}
        }
    }
    let far: Vec<&str> = rest.map(String::as_str).collect();
    let far = far.join(" ");
    let plain = ["true", "id", "echo", "dmesg", "sh", "tail", "k3s", "tee", "iptables-save"];
    super::line::commands(&far).iter().find_map(|words| {
        let words = super::without_sudo(words);
        if plain.contains(&words.first()?.as_str()) { None } else { objection(words) }
    })
}

/// What a flag takes.
enum Takes {
    Next,
    Nothing,
}

/// What the flag takes; none for one that is not known. Letters stand behind one dash together.
fn flag(word: &str, flags: &[&str]) -> Option<Takes> {
    let (name, is_given) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
    let of = |name: &str| {
        let with_value = format!("{name}=");
        if flags.contains(&with_value.as_str()) {
            Some(if is_given { Takes::Nothing } else { Takes::Next })
        } else {
            flags.contains(&name).then_some(Takes::Nothing)
        }
    };
    if name.starts_with("--") || name.len() == 2 {
        return of(name);
    }
    let letters: Option<Vec<Takes>> =
        name[1..].chars().map(|letter| of(&format!("-{letter}"))).collect();
    letters?.pop()
}

#[test]
fn what_no_row_has_is_refused() {
    for (line, is_known) in [
        ("minikube start -p dev", true),
        ("minikube start -p", false),
        ("minikube begin -p dev", false),
        ("minikube start --bogus", false),
        ("minikube", false),
        ("systemctl --user start docker", true),
        ("systemctl --user begin docker", false),
        ("systemctl", false),
        ("k3d cluster start dev", true),
        ("k3d cluster begin dev", false),
        ("sudo ss -ltnp 'sport = :80'", true),
        ("ss -ltnz", false),
        ("az aks list -o table", true),
        ("az aks lists", false),
        ("ssh -t dev@host 'sudo systemctl status k3s'", true),
        ("ssh -t dev@host 'sudo systemctl begin k3s'", false),
        ("frobnicate", false),
    ] {
        let words = shlex::split(line).unwrap();
        let objection = objection(super::without_sudo(&words));
        assert_eq!(objection.is_none(), is_known, "{line}: {objection:?}");
    }
}
