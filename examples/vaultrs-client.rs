//! One request with the crate vaultrs, as a program that Vaultquake runs: `read` or `write` the secret that VQ_MOUNT and
//! VQ_PATH name.
//!
//! Address, token and certificate come from the environment that the crate itself reads (VAULT_ADDR, VAULT_TOKEN,
//! VAULT_CACERT); what to write comes on standard input. What the crate returns as an error is exit code 1.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use vaultrs::client::{VaultClient, VaultClientSettingsBuilder};
use vaultrs::kv2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        Some("read") => read().await,
        Some("write") => write().await,
        Some("help") => {
            println!("vaultrs-client read|write: one request for the secret that VQ_MOUNT and VQ_PATH name");
            Ok(())
        }
        _ => Err("say `read` or `write`".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vaultrs-client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn client() -> Result<VaultClient, Box<dyn Error>> {
    // The crate is built without a provider of its own, so that there is only one in the whole tree.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(VaultClient::new(VaultClientSettingsBuilder::default().build()?)?)
}

async fn read() -> Result<(), Box<dyn Error>> {
    let (mount, path) = (env::var("VQ_MOUNT")?, env::var("VQ_PATH")?);
    let secret: serde_json::Value = kv2::read(&client()?, &mount, &path).await?;
    secret["api_secret"].as_str().map(drop).ok_or_else(|| "the secret has no api_secret".into())
}

async fn write() -> Result<(), Box<dyn Error>> {
    let (mount, path) = (env::var("VQ_MOUNT")?, env::var("VQ_PATH")?);
    let secret: serde_json::Value = serde_json::from_reader(std::io::stdin())?;
    kv2::set(&client()?, &mount, &path, &secret).await?;
    Ok(())
}
