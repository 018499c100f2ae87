//! A program that speaks the API of AWS KMS: `moto_server`, found on PATH or in a virtual environment in the cache. It keeps
//! keys in memory only, so it lives as long as whoever was sealed with them.

use crate::machine::ports::{self, ReservedPort};
use crate::machine::{ChildProcess, describe};
use crate::server::{ProvisionOptions, find_in_path};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PROGRAM: &str = "moto_server";
/// Where it stands in the cache.
const IN_CACHE: &str = "kms/venv/bin/moto_server";
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// By it the program knows which service is meant; it checks no signature.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=testing/20250101/us-east-1/kms/aws4_request, SignedHeaders=host, \
                      Signature=0";

#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    #[error("a program with the API of AWS KMS (moto_server): pip install 'moto[server]'")]
    Missing,
    #[error("moto_server: {0}")]
    Failed(String),
}

/// It ends when this is dropped.
pub struct Kms {
    process: ChildProcess,
    port: ReservedPort,
    http: reqwest::Client,
}

/// What is here already; downloads nothing.
pub fn find_kms(options: &ProvisionOptions) -> Option<PathBuf> {
    let kept = options.cache.join(IN_CACHE);
    find_in_path(PROGRAM, &options.search_path).or_else(|| kept.is_file().then_some(kept))
}

fn failed(why: impl std::fmt::Display) -> KmsError {
    KmsError::Failed(why.to_string())
}

impl Kms {
    /// Starts the one of this machine with one key under this alias. Its output goes into the private folder.
    pub async fn start(private: &Path, alias: &str) -> Result<Self, KmsError> {
        let options = ProvisionOptions::from_env().map_err(failed)?;
        let program = find_kms(&options).ok_or(KmsError::Missing)?;
        let port = ports::reserve(1).map_err(failed)?.remove(0);
        let mut log = OpenOptions::new();
        let log = log.create(true).append(true).mode(0o600).open(private.join("kms.log")).map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.port().to_string()]);
        command.stdout(log.try_clone().map_err(failed)?).stderr(log).current_dir(private);
        let process = ChildProcess::spawn(command, Signal::KILL).map_err(failed)?;
        // Without a configuration of ours reqwest looks for one of the whole program, and panics: http too.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(failed)?.with_root_certificates(rustls::RootCertStore::empty());
        let builder = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN);
        let http = builder.tls_backend_preconfigured(tls.with_no_client_auth()).build().map_err(failed)?;
        let mut kms = Self { process, port, http };
        let key = kms.first_key().await?;
        kms.call("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": key })).await?;
        Ok(kms)
    }

    /// Where it is reached on this machine.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.port())
    }

    /// Asks for a key until it answers.
    async fn first_key(&mut self) -> Result<String, KmsError> {
        let began = Instant::now();
        loop {
            match self.call("CreateKey", json!({})).await {
                Ok(made) => {
                    let id = made["KeyMetadata"]["KeyId"].as_str();
                    return id.map(str::to_owned).ok_or_else(|| failed("its answer names no key"));
                }
                Err(error) if began.elapsed() >= ANSWERS_WITHIN => return Err(error),
                Err(_) => {}
            }
            if let Some(status) = self.process.ended() {
                return Err(failed(format!("it ended with {}", describe(status))));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn call(&self, action: &str, body: Value) -> Result<Value, KmsError> {
        let request =
            self.http.post(self.endpoint()).header("X-Amz-Target", format!("TrentService.{action}"));
        let request =
            request.header(CONTENT_TYPE, "application/x-amz-json-1.1").header(AUTHORIZATION, SIGNED);
        let answer = request.body(body.to_string()).send().await.map_err(failed)?;
        let status = answer.status();
        let text = answer.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(failed(format!("{action} was answered {status}")));
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}
