//! Kubernetes objects as text and as data: read from files, put in order, held against what a
//! cluster has. Pure: files are read and clusters asked elsewhere.

pub mod affinity;
pub mod compare;
pub mod difference;
pub mod images;
pub mod keep;
pub mod keyring;
pub mod labels;
pub mod makers;
pub mod missing;
pub mod node_ports;
pub mod object;
pub mod order;
pub mod owned;
pub mod parse;
pub mod placeholders;
pub mod platform;
mod pod_spec;
pub mod quantity;
pub mod read;
pub mod references;
pub mod requests;
pub mod room;
pub mod served;
pub mod storage;
pub mod vars;
pub mod wanted;

pub use object::{Object, ObjectId, Place, Scope};
pub use pod_spec::{containers, pod_spec};
pub use served::Served;
