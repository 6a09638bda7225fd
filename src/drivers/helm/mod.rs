//! Helm: its command lines, what its output means, and what mlup writes on a release to know it
//! again. Which release is upgraded when is decided by the step of its deploy.

pub mod argv;
pub mod release;
pub mod rendering;
pub mod set;
pub mod tool;
mod words;
#[cfg(test)]
mod words_tests;

pub use words::failure;
