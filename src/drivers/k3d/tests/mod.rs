//! The driver against recordings of the real tool.
