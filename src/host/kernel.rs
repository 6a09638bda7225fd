//! The kernel that this machine runs, in its own words. What follows from them is not decided here.

/// Its release, such as `6.1.0-18-amd64`; Microsoft's for WSL says `microsoft`. Nothing where the kernel
/// is not Linux.
#[must_use]
pub fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()
}
