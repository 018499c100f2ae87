//! A configuration service in front of a cluster: the reference implementation of the HTTP API that the conformance
//! cases `config-service/…` describe. See `service/mod.rs`.

mod service;

fn main() -> std::process::ExitCode {
    service::run(std::env::args_os())
}
