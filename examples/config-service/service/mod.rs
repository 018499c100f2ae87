//! The service: configurations live in KV v2 of a cluster and nowhere else; Redis keeps copies of those that are not
//! encrypted, and carries the events.
//!
//!     api ─▶ configurations ─▶ kv      the cluster, through whichever node leads
//!                          ├─▶ cache   Redis, guarded so that an acknowledged write is never followed by an older value
//!                          └─▶ events  a channel in Redis

mod api;
mod broken;
mod cache;
mod configurations;
mod events;
mod kv;
mod nodes;
mod settings;

use broken::Broken;
use clap::Parser;
use configurations::Configurations;
use settings::Settings;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

/// Settings of the cluster and of Redis come from the environment: VAULT_ADDR (several, with commas), VAULT_TOKEN or
/// VAULT_TOKEN_FILE, VAULT_CACERT, VAULT_MOUNT_POINT, VAULT_KV_VERSION, REDIS_URL, REDIS_PASSWORD_FILE.
#[derive(Parser)]
#[command(name = "config-service")]
struct Arguments {
    /// Where it listens; port 0 takes a free one, and the line on stdout says which
    #[arg(long, default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    /// Plant a bug, so that the conformance cases can show that they notice
    #[arg(long, value_enum)]
    broken: Option<Broken>,
}

/// The whole program, for `main` and for tests that start themselves as the service.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(64);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve(arguments)),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("config-service: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let settings = Settings::from_env()?;
    let configurations = Arc::new(Configurations::new(&settings, arguments.broken)?);
    let listener = tokio::net::TcpListener::bind(arguments.listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("listening on http://{address}");
    axum::serve(listener, api::router(configurations)).await.map_err(|error| error.to_string())
}
