//! simdeck: manage SIM estates from a terminal.
//!
//! The binary's rooms: [`cli`] (commands), [`tui`] (the screen), [`server`] (the same over HTTP),
//! [`notify`] (what goes out), [`keeper`] (what happens by itself), [`config`] and [`connect`]
//! (which estate). What is true without a screen lives in the `estate` library.

pub mod cli;
pub mod config;
pub mod connect;
pub mod credentials;
pub mod doctor;
pub mod failure;
pub mod files;
pub mod folders;
pub mod keeper;
pub mod markdown;
pub mod notify;
pub mod probe;
pub mod remote;
pub mod server;
pub mod support;
pub mod tls;
pub mod tui;
pub mod wire;
pub mod zone;
