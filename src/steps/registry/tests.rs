//! Tests of pull secrets.
