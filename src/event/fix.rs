//! What a reader can do about a cause: a command line as it is typed, or words where no command does
//! it. One place renders the lines; the cluster's context is added once it is known.

mod written;

use serde::{Deserialize, Serialize};

use crate::quote::quote;

/// What stands in a command for what only a person knows.
pub const BLANK: &str = "...";

/// What the reader can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Told")]
pub struct Fix {
    /// A command to type, or an instruction where no command does it.
    pub command: String,
    /// Whether it can lose anything.
    pub safety: Safety,
    /// Whether `command` can be typed as it stands; none where nobody has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// How the command takes the context that it has not got yet.
    #[serde(skip)]
    lacks: Option<Context>,
}

/// A fix as it is written into events and bundles.
#[derive(Deserialize)]
struct Told {
    command: String,
    safety: Safety,
    #[serde(default)]
    form: Option<Form>,
}

impl From<Told> for Fix {
    fn from(Told { command, safety, form }: Told) -> Self {
        let is_command = form != Some(Form::Advice);
        let lacks = is_command.then(|| written::lacking(&command)).flatten();
        Self { command, safety, form, lacks }
    }
}

/// How a fix is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A command line for a POSIX shell, as it stands.
    Command,
    /// One in which each [`BLANK`] has to be filled in before.
    Template,
    /// Words: something is done by hand.
    Advice,
}

/// Whether a fix can lose anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Loses nothing.
    Safe,
    /// Removes something.
    Destructive,
}

impl Fix {
    /// A fix that loses nothing, as it was written down.
    pub fn safe(command: impl Into<String>) -> Self {
        Self::written(command, Safety::Safe)
    }

    /// A fix that removes something, as it was written down.
    pub fn destructive(command: impl Into<String>) -> Self {
        Self::written(command, Safety::Destructive)
    }

    /// A fix as it was written down: a line for a shell where it begins with a program, words
    /// otherwise.
    pub fn written(command: impl Into<String>, safety: Safety) -> Self {
        let command = command.into();
        let (form, lacks) = (Some(written::form(&command)), written::lacking(&command));
        Self { command, safety, form, lacks }
    }

    /// Something that is done by hand and loses nothing.
    pub fn advice(words: impl Into<String>) -> Self {
        let form = Some(Form::Advice);
        Self { command: words.into(), safety: Safety::Safe, form, lacks: None }
    }

    /// A command that loses nothing.
    #[must_use]
    pub fn run(line: CommandLine) -> Self {
        let (form, lacks) = (Some(line.form()), line.context);
        Self { command: line.into_text(), safety: Safety::Safe, form, lacks }
    }

    /// A command that removes something.
    #[must_use]
    pub fn run_destructive(line: CommandLine) -> Self {
        Self { safety: Safety::Destructive, ..Self::run(line) }
    }

    /// The fix for the cluster of this context, whatever the context is that `kubectl` has chosen.
    #[must_use]
    pub fn pinned(mut self, context: &str) -> Self {
        if let Some(lacking) = self.lacks.take_if(|_| !context.is_empty()) {
            let (program, option) = lacking.words();
            self.command =
                written::with(&self.command, program, &format!("{option} {}", quote(context)));
        }
        self
    }

    /// The fix for objects of this namespace, where its command names none.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        if let Some(lacking) =
            self.lacks.filter(|_| !namespace.is_empty() && !written::names_place(&self.command))
        {
            let (program, _) = lacking.words();
            self.command =
                written::with(&self.command, program, &format!("-n {}", quote(namespace)));
        }
        self
    }
}

/// How a program takes the context of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Kubectl,
    Helm,
}

impl Context {
    /// The program, and its option.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Kubectl => ("kubectl", "--context"),
            Self::Helm => ("helm", "--kube-context"),
        }
    }
}

/// A command line of which every word is known, apart from the cluster's context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    program: &'static str,
    context: Option<Context>,
    namespace: String,
    args: Vec<String>,
    comment: String,
}

impl CommandLine {
    /// `kubectl` for objects of this namespace; none where it is empty.
    #[must_use]
    pub fn kubectl(namespace: &str) -> Self {
        Self { context: Some(Context::Kubectl), ..Self::of("kubectl", namespace) }
    }

    /// `helm` for releases of this namespace.
    #[must_use]
    pub fn helm(namespace: &str) -> Self {
        Self { context: Some(Context::Helm), ..Self::of("helm", namespace) }
    }

    /// A program that knows nothing of clusters.
    #[must_use]
    pub fn tool(program: &'static str) -> Self {
        Self::of(program, "")
    }

    fn of(program: &'static str, namespace: &str) -> Self {
        Self {
            program,
            context: None,
            namespace: namespace.to_owned(),
            args: Vec::new(),
            comment: String::new(),
        }
    }

    /// With one more word.
    #[must_use]
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.args.push(word.into());
        self
    }

    /// With more words.
    #[must_use]
    pub fn args<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.args.extend(words.map(str::to_owned));
        self
    }

    /// With words behind it that a shell takes as a comment.
    #[must_use]
    pub fn comment(mut self, words: impl Into<String>) -> Self {
        self.comment = words.into().replace(['\n', '\r'], " ");
        self
    }

    fn form(&self) -> Form {
        let is_blank = |word: &String| word.contains(BLANK);
        if self.args.iter().any(is_blank) { Form::Template } else { Form::Command }
    }

    /// The line for a POSIX shell, without a context.
    fn into_text(self) -> String {
        let mut words = vec![self.program.to_owned()];
        if !self.namespace.is_empty() {
            words.extend(["-n".to_owned(), quote(&self.namespace)]);
        }
        words.extend(self.args.iter().map(|word| quote(word)));
        let line = words.join(" ");
        if self.comment.is_empty() { line } else { format!("{line}   # {}", self.comment) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_quoted_and_has_its_context_once_that_is_known() {
        let delete = || CommandLine::kubectl("my ns").args(["delete", "pod", "api-0"]);
        let fix = Fix::run_destructive(delete());
        assert_eq!(fix.command, "kubectl -n 'my ns' delete pod api-0");
        let fix = fix.pinned("arn:aws/dev one");
        assert_eq!(fix.command, "kubectl --context 'arn:aws/dev one' -n 'my ns' delete pod api-0");
        assert_eq!((fix.safety, fix.form), (Safety::Destructive, Some(Form::Command)));
        let fix = Fix::run(CommandLine::helm("a").args(["get", "values", "r"])).pinned("c");
        assert_eq!(fix.command, "helm --kube-context c -n a get values r");
        let prune = CommandLine::tool("docker").args(["builder", "prune"]).comment("frees\ndisk");
        assert_eq!(Fix::run(prune).pinned("c").command, "docker builder prune   # frees disk");
    }

    #[test]
    fn programs_are_told_what_they_can_run() {
        let label = |node: &str| CommandLine::kubectl("").args(["label", "node"]).arg(node);
        for (fix, form) in [
            (Fix::run(label("n")), Some("command")),
            (Fix::run(label(BLANK)), Some("template")),
            (Fix::advice("look again"), Some("advice")),
            (Fix::safe("look again"), Some("advice")),
            (Fix::safe("docker login   # or wait"), Some("command")),
            (Fix::safe("kubectl uncordon ..."), Some("template")),
        ] {
            let told = serde_json::to_value(fix.pinned("c")).unwrap();
            assert_eq!(told.get("form").and_then(|form| form.as_str()), form, "{told}");
            assert!(told["command"].is_string(), "{told}");
        }
    }
}
