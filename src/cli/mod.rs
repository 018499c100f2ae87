//! The bodies of the commands, one file each, as functions that return what the caller prints or exits with.

pub mod doctor;
pub mod server;
