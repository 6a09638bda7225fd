//! `minikube delete`: by profile, or with `--all` everything that carries minikube's label,
//! whoever owns it.

use super::home::{Home, Profile};
use super::voice::Voice;
use crate::flags::Flags;
use crate::{Call, Ended, engine, kubeconfig};

/// Deletes as the flags say.
pub(crate) fn run(
    call: &Call,
    flags: &Flags,
    home: &Home,
    profile: &Profile,
    voice: &Voice,
) -> Ended {
    let _lock = home.lock()?;
    call.hang();
    if let Some(code) = call.scripted(false, &profile.containers())? {
        return Ok(code);
    }
    let (all, purge) = (flags.is_on("all", false), flags.is_on("purge", false));
    let profiles = home.profiles();
    if purge && !all && profiles.len() > 1 {
        return voice.exit("MK_USAGE", 14, "Multiple minikube profiles were found - ");
    }
    if all {
        for each in &profiles {
            delete(call, each, voice)?;
        }
        // Not those of this home alone: the label is all that is asked.
        for kind in ["container", "volume"] {
            for name in engine::labelled(kind, "created_by.minikube.sigs.k8s.io=true")? {
                if call.is_family(&name) {
                    let _ = engine::docker(&[kind, "rm", "--force", &name]);
                }
            }
        }
        voice.step("Done", "Successfully deleted all profiles", 2)?;
    } else {
        if !profile.folder().exists() && profile.containers().is_empty() {
            let message = format!("\"{}\" profile does not exist, trying anyways.", profile.name);
            voice.info(&message)?;
        }
        delete(call, profile, voice)?;
    }
    if purge {
        let _ = std::fs::remove_dir_all(&home.folder);
        voice.step("Puring home dir", "Successfully purged minikube directory", 3)?;
    }
    call.scripted(true, &profile.containers())?.map_or(Ok(0), Ok)
}

fn delete(call: &Call, profile: &Profile, voice: &Voice) -> Result<(), Box<dyn std::error::Error>> {
    let name = &profile.name;
    voice.step("Deleting", &format!("Deleting \"{name}\" in docker ..."), 0)?;
    let leaves_rubbish = call.fault.as_ref().is_some_and(|fault| fault.leaves_rubbish);
    // With a configuration that cannot be read, the entry in the kubeconfig is not found.
    let is_readable = profile.config().is_ok();
    for container in profile.containers() {
        voice.step("Deleting", &format!("Deleting container \"{container}\" ..."), 0)?;
        engine::docker(&["rm", "--force", &container])?;
    }
    let label = format!("name.minikube.sigs.k8s.io={name}");
    if !leaves_rubbish {
        for volume in engine::labelled("volume", &label)? {
            let _ = engine::docker(&["volume", "rm", "--force", &volume]);
        }
        let _ = std::fs::remove_dir_all(profile.machine_folder());
    }
    for network in engine::labelled("network", &label)? {
        // Active endpoints are logged; the network stays, the exit code is 0.
        if network == *name {
            let _ = engine::docker(&["network", "rm", &network]);
        }
    }
    let _ = std::fs::remove_dir_all(profile.folder());
    if is_readable {
        kubeconfig::remove(&kubeconfig::default_file()?, name, name)?;
    }
    voice.step("Done", &format!("Removed all traces of the \"{name}\" cluster."), 2)?;
    Ok(())
}
