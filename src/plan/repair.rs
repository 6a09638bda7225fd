//! What `mlup doctor --fix` does beyond the steps of a start. What calls for it is decided in
//! `doctor/treatment`; carrying it out is `steps/repair`.

use serde::{Deserialize, Serialize};

use crate::manifest::ObjectId;
use crate::plan::pull_secret::PullSecret;

/// One repair.
#[derive(Clone, Debug)]
pub enum Repair {
    /// Writes the pull secret in the places that are left of it, where it is mlup's.
    PullSecret(PullSecret, Standing),
    /// Adds a storage class of this name that does what the default one does.
    StorageClass(String),
    /// Removes pods that failed and whose place others took.
    Leftovers(Vec<Leftover>),
    /// Waits until these are ready.
    Recovery(Vec<ObjectId>),
    /// Looks what is left. Whoever asked for the repair does it.
    Look,
}

/// How a registry takes the login of a pull secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody asked: the secret says itself whether it is good.
    Unknown,
    /// It refuses it and takes a fresh one, whatever the secret says of itself.
    Refused,
}

/// A pod that failed, and without which its workload is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// This very pod, and none of the same name.
    pub uid: String,
    /// Why it failed, in one word.
    pub reason: String,
    /// The workload that it was of, as `kind/namespace/name`.
    pub owner: String,
}
