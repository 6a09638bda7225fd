//! How minikube speaks: events on standard output, or plain lines.

use std::io::Write;

use serde_json::{Value, json};

use crate::Ended;

/// The steps of a start in the order in which minikube registers them.
const STEPS: [&str; 20] = [
    "Initial Minikube Setup",
    "Selecting Driver",
    "Downloading Artifacts",
    "Starting Node",
    "Updating Driver",
    "Pulling Base Image",
    "Running on Localhost",
    "Local OS Release",
    "Creating Container",
    "Creating VM",
    "Running Remotely",
    "Preparing Kubernetes",
    "Generating certificates",
    "Booting control plane",
    "Configuring RBAC rules",
    "Configuring CNI",
    "Configuring Localhost Environment",
    "Verifying Kubernetes",
    "Enabling Addons",
    "Done",
];

/// Speaks in the form that the call asked for.
pub(crate) struct Voice {
    pub(crate) is_json: bool,
    pub(crate) version: String,
}

impl Voice {
    /// A step of a start.
    pub(crate) fn start_step(&self, name: &str, message: &str) -> std::io::Result<()> {
        let number = STEPS.iter().position(|step| *step == name).unwrap_or(0);
        self.event(
            "step",
            &json!({"currentstep": number.to_string(), "message": message,
            "name": name, "totalsteps": "19"}),
            &format!("* {message}"),
        )
    }

    /// A step of another command.
    pub(crate) fn step(&self, name: &str, message: &str, number: usize) -> std::io::Result<()> {
        self.event(
            "step",
            &json!({"currentstep": number.to_string(), "message": message,
            "name": name, "totalsteps": "2"}),
            &format!("* {message}"),
        )
    }

    /// Something worth knowing.
    pub(crate) fn info(&self, message: &str) -> std::io::Result<()> {
        self.event("info", &json!({"message": message}), &format!("* {message}"))
    }

    /// Something that does not stop it.
    pub(crate) fn warning(&self, message: &str) -> std::io::Result<()> {
        self.event("warning", &json!({"message": message}), &format!("! {message}"))
    }

    /// The end of a command that failed.
    pub(crate) fn exit(&self, reason: &str, code: u8, message: &str) -> Ended {
        if self.is_json {
            self.event(
                "error",
                &json!({"advice": "", "exitcode": code.to_string(), "issues": "",
                "message": message, "name": reason, "url": ""}),
                "",
            )?;
        } else {
            writeln!(std::io::stderr(), "\nX Exiting due to {reason}: {message}")?;
        }
        Ok(code)
    }

    /// The words about a profile that is not there: no error event, exit 85.
    pub(crate) fn profile_not_found(&self, name: &str) -> Ended {
        self.info(&format!(
            "Profile \"{name}\" not found. Run \"minikube profile list\" to view all profiles."
        ))?;
        self.info(&format!("To start a cluster, run: \"minikube start -p {name}\""))?;
        Ok(85)
    }

    fn event(&self, kind: &str, data: &Value, plain: &str) -> std::io::Result<()> {
        if !self.is_json {
            return print(&format!("{plain}\n"));
        }
        let event = json!({
            "specversion": "1.0", "id": format!("{:032x}", std::process::id()),
            "source": "https://minikube.sigs.k8s.io/", "type": format!("io.k8s.sigs.minikube.{kind}"),
            "datacontenttype": "application/json", "data": data,
        });
        print(&format!("{event}\n"))
    }
}

/// Prints on standard output at once.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
