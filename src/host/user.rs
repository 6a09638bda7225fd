//! Who runs this process.

/// Whether this is root, whose files a cluster tool would leave to nobody else.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The number of the user who runs this process.
#[must_use]
pub fn id() -> u32 {
    rustix::process::geteuid().as_raw()
}
