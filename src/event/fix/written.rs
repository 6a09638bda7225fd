//! Fixes that were written down as a text: whether the text is a command line, and of which cluster
//! and namespace.

use super::{BLANK, Context, Form};

/// Programs, and words of the shell, with which a text begins that can be typed.
const PROGRAMS: [&str; 34] = [
    "aws",
    "az",
    "cd",
    "chmod",
    "curl",
    "df",
    "docker",
    "dockerd",
    "export",
    "gcloud",
    "getent",
    "helm",
    "ip",
    "journalctl",
    "k3d",
    "kill",
    "kubectl",
    "kustomize",
    "minikube",
    "mkdir",
    "mlup",
    "ps",
    "rm",
    "sed",
    "ss",
    "ssh",
    "ssh-add",
    "ssh-copy-id",
    "ssh-keygen",
    "sudo",
    "sysctl",
    "systemctl",
    "timedatectl",
    "unset",
];

/// What needs no cluster of the programs that mostly do.
const LOCAL: [&str; 7] =
    ["config", "dependency", "kustomize", "lint", "repo", "template", "version"];

/// How a text is to be read.
pub(super) fn form(text: &str) -> Form {
    let line = without_comment(text);
    let first = line.split([' ', ';']).next().unwrap_or_default();
    if !PROGRAMS.contains(&first) {
        Form::Advice
    } else if line.contains(BLANK) {
        Form::Template
    } else {
        Form::Command
    }
}

/// How the command takes the context of a cluster, where it asks one and names none.
pub(super) fn lacking(text: &str) -> Option<Context> {
    let line = without_comment(text);
    let mut words = line.split(' ');
    let context = match words.next()? {
        "kubectl" => Context::Kubectl,
        "helm" => Context::Helm,
        _ => return None,
    };
    let (_, option) = context.words();
    let is_local = words.next().is_none_or(|verb| LOCAL.contains(&verb));
    (!is_local && !line.contains(option)).then_some(context)
}

/// Words of a command that says which namespace, or that asks for what is in none.
const PLACED: [&str; 9] = [
    "--all-namespaces",
    "--namespace",
    "-A",
    "-n",
    "api-resources",
    "namespace",
    "namespaces",
    "node",
    "storageclass",
];

/// Whether the command says which namespace, or needs none.
pub(super) fn names_place(text: &str) -> bool {
    let says = |word: &str| PLACED.contains(&word) || word.contains("webhookconfigurations");
    without_comment(text).split(' ').any(says)
}

/// The text with more words behind each call of the program.
pub(super) fn with(text: &str, program: &str, words: &str) -> String {
    let called = format!("{program} ");
    let more = format!("{called}{words} ");
    let (line, comment) = text.split_at(without_comment(text).len());
    let first = line.replacen(&called, &more, 1);
    first.replace(&format!(" && {called}"), &format!(" && {more}")) + comment
}

/// The text up to the words that a shell takes as a comment.
fn without_comment(text: &str) -> &str {
    text.find("   # ").map_or(text, |at| &text[..at])
}

#[cfg(test)]
mod tests {
    use crate::event::{Fix, Form};

    #[test]
    fn a_text_that_begins_with_a_program_is_a_command() {
        for (text, form) in [
            ("sudo systemctl start docker   # or open Docker Desktop", Form::Command),
            ("helm history ...   # then helm rollback", Form::Template),
            ("docker system df   # then remove ...", Form::Command),
            ("install k3d: https://k3d.io", Form::Advice),
            ("set `release` of the `[[deploy]]`", Form::Advice),
        ] {
            assert_eq!(Fix::safe(text).form, Some(form), "{text}");
        }
    }

    #[test]
    fn a_command_for_a_cluster_takes_its_context_and_namespace_once() {
        for (text, placed) in [
            (
                "kubectl get jobs   # kubectl logs",
                "kubectl --context c -n shop get jobs   # kubectl logs",
            ),
            ("helm uninstall web", "helm --kube-context c -n shop uninstall web"),
            ("kubectl -n a get pods", "kubectl --context c -n a get pods"),
            ("kubectl get services -A", "kubectl --context c get services -A"),
            (
                "kubectl create role a && kubectl create rolebinding b",
                "kubectl --context c -n shop create role a && kubectl --context c -n shop create rolebinding b",
            ),
            ("kubectl create namespace b", "kubectl --context c create namespace b"),
            ("kubectl config get-contexts", "kubectl config get-contexts"),
            ("helm lint .", "helm lint ."),
            ("helm version", "helm version"),
            ("docker ps", "docker ps"),
            ("ask kubectl", "ask kubectl"),
        ] {
            let fix = Fix::destructive(text).within("shop").pinned("c");
            assert_eq!(fix.clone().within("other").pinned("d"), fix, "{text}");
            assert_eq!(fix.command, placed);
        }
        let quoted = Fix::safe("kubectl get pods").within("").pinned("it's");
        assert_eq!(quoted.command, r"kubectl --context 'it'\''s' get pods");
    }
}
