//! The tools whose words are known, and how a tool ends. What their words mean is `classify`.

/// A tool whose words are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `aws`.
    Aws,
    /// `az`, the command line of Azure.
    Az,
    /// `docker compose`, version 2.
    Compose,
    /// The docker command line, and the engine behind it.
    Docker,
    /// Programs of a machine that a script of mlup's own runs on.
    FarSide,
    /// `gcloud`, the command line of Google Cloud.
    Gcloud,
    /// helm, and the API server behind it.
    Helm,
    /// `kustomize`, or `kubectl kustomize`.
    Kustomize,
    /// Anything else, such as the program of a task.
    Other,
    /// The ssh client.
    Ssh,
}

impl Tool {
    /// The tool behind a program, where its words are known.
    #[must_use]
    pub fn of(program: &str) -> Self {
        match program.rsplit('/').next() {
            Some("aws") => Self::Aws,
            Some("az") => Self::Az,
            Some("docker") => Self::Docker,
            Some("gcloud") => Self::Gcloud,
            _ => Self::Other,
        }
    }

    /// The tool's name as evidence gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Az => "az",
            Self::Compose => "docker compose",
            Self::Docker => "docker",
            Self::Gcloud => "gcloud",
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
            Self::FarSide | Self::Other => "stderr",
            Self::Ssh => "ssh",
        }
    }
}

/// How a tool ended that did not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolEnd {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Stopped by mlup, because its time was over.
    TimedOut,
}

impl std::fmt::Display for ToolEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::TimedOut => f.write_str("its time was over"),
        }
    }
}
