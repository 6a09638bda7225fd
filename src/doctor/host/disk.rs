//! Rules on disks: room for bytes and for files, where Docker keeps its data and where mlup works.

use super::draft::draft;
use super::facts::{Disk, Facts};
use crate::config::size;
use crate::doctor::finding::Finding;

const GIB: u64 = 1 << 30;

/// Below this a single image may not fit.
const LEAST_FOR_IMAGES: u64 = 2 * GIB;

/// A tenth of a large disk is still room enough.
const ENOUGH_FOR_IMAGES: u64 = 10 * GIB;

/// Below this mlup cannot be sure to write its files.
const LEAST_FOR_FILES: u64 = 64 << 20;

/// Fewest files that may still be made.
const FEWEST_FILES: u64 = 5000;

/// `DOC-04`, and `K3D-04` where the disk is only too full for the kubelet of k3d.
pub(super) fn space(facts: &Facts) -> Vec<Finding> {
    let mut told: Vec<&Disk> = Vec::new();
    let mut found = Vec::new();
    for disk in &facts.disks {
        // Several folders may lie on one disk.
        let is_told = told.iter().any(|one| one.size == disk.size && one.files == disk.files);
        let finding = if is_told { None } else { of_disk(disk, facts) };
        if let Some(finding) = finding {
            told.push(disk);
            found.push(finding);
        }
    }
    found
}

fn of_disk(disk: &Disk, facts: &Facts) -> Option<Finding> {
    if disk.size == 0 {
        return None;
    }
    let percent = disk.free.saturating_mul(100) / disk.size;
    let is_full = if disk.is_dockers {
        disk.free < LEAST_FOR_IMAGES || (percent < 10 && disk.free < ENOUGH_FOR_IMAGES)
    } else {
        disk.free < LEAST_FOR_FILES
    };
    let source = format!("statvfs {}", disk.path);
    if is_full {
        let summary = format!("the disk with {} is almost full", disk.what);
        let text = format!("{} of {} free ({percent} %)", size(disk.free), size(disk.size));
        return Some(told("DOC-04", disk, summary).because(source, text));
    }
    if disk.files > 0 && disk.free_files < FEWEST_FILES {
        let summary = format!("the disk with {} has no room for more files", disk.what);
        let text = format!("{} of {} inodes free", disk.free_files, disk.files);
        return Some(told("DOC-04", disk, summary).because(source, text));
    }
    let is_k3d = facts.cluster.as_ref().is_some_and(|cluster| cluster.tool == "k3d");
    if disk.is_dockers && is_k3d && percent < 5 {
        let summary = "the disk with Docker's data is too full for the nodes of k3d: below 5 % free \
                       they evict pods";
        let text = format!("{} of {} free ({percent} %)", size(disk.free), size(disk.size));
        return Some(told("K3D-04", disk, summary.to_owned()).because(source, text));
    }
    None
}

fn told(rule: &str, disk: &Disk, summary: String) -> Finding {
    let finding = draft(rule, "disk", &disk.path, summary);
    if disk.is_dockers {
        finding.mended_by_removal(
            "docker system df   # then: docker builder prune, docker image prune -a",
        )
    } else {
        finding.mended_by(format!("df -h {0}; df -i {0}", crate::quote::quote(&disk.path)))
    }
}
