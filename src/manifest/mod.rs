//! Kubernetes objects as text and as data: read from files, put in order, held against what a
//! cluster has. Pure: files are read and clusters asked elsewhere.

pub mod images;
pub mod keep;
pub mod labels;
pub mod missing;
pub mod node_ports;
pub mod object;
pub mod order;
pub mod parse;
mod pod_spec;
pub mod quantity;
pub mod read;
pub mod references;
pub mod requests;

pub use object::{Object, ObjectId, Place, Scope};
pub use pod_spec::pod_spec;
