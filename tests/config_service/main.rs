//! The configuration service's cases against its reference implementation and each broken variant of it, in front of a
//! real cluster and a real Redis. Skipped by name where one of these is missing. Each takes the machine for the better part
//! of a minute, so the reference and one broken variant stand for all; `VQ_CONFIG_SERVICE=all` runs the others and the
//! proof that every case can fail.

#[path = "../skips/default_server.rs"]
mod default_server;
#[path = "../../examples/config-service/service/mod.rs"]
mod service;
#[path = "../skips/mod.rs"]
mod skips;
mod variants;

use libtest_mimic::{Arguments, Trial};
use std::ffi::OsString;
use std::process::ExitCode;

/// The test starts itself as the service: so the service is always the one of this source.
pub const AS_SERVICE: &str = "as-config-service";

/// What every `cargo test` runs.
const ALWAYS: [&str; 2] = ["reference", "stale-after-put"];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let own = arguments.next().unwrap_or_default();
    if arguments.next().is_some_and(|first| first == AS_SERVICE) {
        return service::run([own].into_iter().chain(arguments).collect::<Vec<OsString>>());
    }
    let mut arguments = Arguments::from_args();
    // Each has a cluster of its own, and takes the machine for it.
    arguments.test_threads.get_or_insert(1);
    let all = std::env::var("VQ_CONFIG_SERVICE").as_deref() == Ok("all");
    let asked = variants::ALL.iter().filter(move |variant| all || ALWAYS.contains(&variant.name));
    let variants = asked.map(|variant| {
        skips::trial(format!("variants::{}", variant.name), variants::ground, move |ground| {
            variants::judge(variant, ground)
        })
    });
    let proof = skips::trial("proof::every_case_can_fail", variants::ground, variants::prove);
    let trials: Vec<Trial> = variants.chain(all.then_some(proof)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
