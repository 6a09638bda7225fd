//! What minikube does and prints, as far as a bootstrapper meets it. The start is in `start`, the
//! deletion in `remove`, the state in `status`.

mod home;
mod remove;
mod start;
mod status;
mod voice;

use serde_json::{Value, json};

use crate::engine;
use crate::flags::{Flags, Grammar, parse};
use crate::{Call, Ended};
use home::{Home, Profile};
use voice::Voice;

/// Exit code of a flag that minikube does not know.
const USAGE: u8 = 14;

/// The commands that the stand-in knows.
pub(crate) const COMMANDS: [&str; 15] = [
    "start",
    "status",
    "stop",
    "delete",
    "profile list",
    "update-context",
    "ip",
    "version",
    "image load",
    "image ls",
    "addons enable",
    "unpause",
    "pause",
    "ssh-host",
    "addons list",
];

/// Flags of everything but `start`.
const GENERAL: Grammar = Grammar {
    values: &["profile", "output", "format", "node", "layout"],
    switches: &[
        "all",
        "purge",
        "light",
        "keep-context-active",
        "daemon",
        "remote",
        "overwrite",
        "pull",
        "short",
        "interactive",
        "refresh",
        "alsologtostderr",
    ],
    letters: &[('p', "profile"), ('o', "output"), ('n', "node"), ('l', "layout"), ('A', "all")],
};

/// Answers a call.
pub(crate) fn run(call: &mut Call) -> Ended {
    let words = call.command.split(' ').count();
    let grammar = if call.command == "start" { &start::GRAMMAR } else { &GENERAL };
    let flags = match parse(grammar, &call.argv[words..]) {
        Ok(flags) => flags,
        Err(message) => {
            let answer = crate::Answer {
                stderr: format!(
                    "Error: {message}\nSee 'minikube {} --help' for usage.\n",
                    call.command
                ),
                exit: USAGE,
                ..Default::default()
            };
            crate::say(&answer)?;
            return Ok(USAGE);
        }
    };
    let home = Home::of_user()?;
    let profile = home.profile(flags.get("profile").unwrap_or("minikube"));
    let voice =
        Voice { is_json: flags.get("output") == Some("json"), version: call.minikube_version() };
    call.relieve(flags.is_on("force", false), profile.is_gone());
    if !matches!(call.command.as_str(), "start" | "delete") {
        // An image is brought before the call that hangs.
        if call.command != "image load" {
            call.hang();
        }
        std::thread::sleep(call.own_duration());
        if let Some(code) = call.scripted(false, &profile.containers())? {
            return Ok(code);
        }
    }
    let ended = match call.command.as_str() {
        "start" => return start::run(call, flags, &home, &profile, &voice),
        "delete" => return remove::run(call, &flags, &home, &profile, &voice),
        "status" => status::run(&flags, &profile, &voice),
        "profile list" => status::list(call, &home),
        "version" => {
            let version = json!({"commit": "eb25dbc7", "minikubeVersion": voice.version});
            voice::print(&format!("{version}\n"))?;
            Ok(0)
        }
        _ => with_profile(call, &flags, &profile, &voice),
    };
    call.scripted(true, &profile.containers())?.map_or(ended, Ok)
}

impl Call {
    fn minikube_version(&self) -> String {
        self.script.minikube.clone().unwrap_or_else(|| "v1.38.1".to_owned())
    }
}

/// Commands that need the profile.
fn with_profile(call: &Call, flags: &Flags, profile: &Profile, voice: &Voice) -> Ended {
    let mut config = match profile.config() {
        Ok(Some(config)) => config,
        Ok(None) => return voice.profile_not_found(&profile.name),
        Err(error) => return voice.exit("HOST_CONFIG_LOAD", 38, &error.to_string()),
    };
    match call.command.as_str() {
        "stop" => stop(flags, profile, voice),
        "update-context" => update_context(profile, voice),
        "ip" => match engine::state(&profile.name).as_deref() {
            Some("running") => {
                voice::print(&format!("{}\n", engine::address(&profile.name).unwrap_or_default()))?;
                Ok(0)
            }
            Some(_) => voice.exit("GUEST_NOT_RUNNING", 83, "The control-plane node is not running"),
            None => voice.exit("GUEST_NOT_FOUND", 85, "The control-plane node does not exist"),
        },
        "addons enable" => {
            for addon in &flags.operands {
                config["Addons"][addon] = json!(true);
            }
            profile.save_config(&config)?;
            voice.info("The addon is enabled")?;
            Ok(0)
        }
        "pause" | "unpause" => {
            let mut machine = profile.machine().unwrap_or_default();
            machine["Paused"] = json!(call.command == "pause");
            profile.save_machine(&machine)?;
            voice.step("Unpausing", "Unpausing node", 0)?;
            Ok(0)
        }
        "image load" => {
            load(call, flags, profile);
            call.hang();
            Ok(0)
        }
        _ => images(profile),
    }
}

fn stop(flags: &Flags, profile: &Profile, voice: &Voice) -> Ended {
    voice.step("Stopping", &format!("Stopping node \"{}\"  ...", profile.name), 0)?;
    for container in profile.containers() {
        engine::docker(&["stop", &container])?;
    }
    if !flags.is_on("keep-context-active", false) {
        crate::kubeconfig::drop_current(&crate::kubeconfig::default_file()?, &profile.name)?;
    }
    voice.step("Done", "1 node stopped.", 2)?;
    Ok(0)
}

fn update_context(profile: &Profile, voice: &Voice) -> Ended {
    let entry = profile.kubeconfig_entry().ok_or("a profile without a machine")?;
    crate::kubeconfig::write(&crate::kubeconfig::default_file()?, &entry, true)?;
    voice.info(&format!("\"{}\" context has been updated", profile.name))?;
    Ok(0)
}

/// Says nothing when an image does not arrive, as the real one.
fn load(call: &Call, flags: &Flags, profile: &Profile) {
    if call.fault.as_ref().is_some_and(|fault| fault.lies) {
        return;
    }
    for container in profile.containers() {
        let _ = engine::add_images(&container, &flags.operands);
    }
}

fn images(profile: &Profile) -> Ended {
    let images = engine::images(&profile.name)?;
    let listed: Vec<Value> = images["images"].as_array().into_iter().flatten().map(|image| {
        json!({"id": image["id"], "repoDigests": [], "repoTags": image["repoTags"], "size": image["size"]})
    }).collect();
    voice::print(&format!("{}\n", Value::from(listed)))?;
    Ok(0)
}
