//! Wiring for the functions.
