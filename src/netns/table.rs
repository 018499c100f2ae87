//! `nft`: applies rules as one transaction and reads them back.

use super::rules::TABLE;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// It takes milliseconds; this is for a machine in trouble.
const WITHIN: Duration = Duration::from_secs(10);

/// All of it, or nothing.
pub async fn apply(script: &str) -> Result<(), String> {
    nft(&["-f", "-"], script).await.map(drop)
}

/// The rules that stand in the kernel, as `nft` writes them, with how many packets each has met.
pub async fn show() -> Result<String, String> {
    let words: Vec<&str> = ["list", "table"].into_iter().chain(TABLE.split_whitespace()).collect();
    let printed = nft(&words, "").await?;
    // It has a library remark among the rules on a target that belongs to no address family.
    let rules = printed.lines().filter(|line| !line.trim_start().starts_with("libxtables:"));
    Ok(rules.map(|line| format!("{line}\n")).collect())
}

async fn nft(words: &[&str], script: &str) -> Result<String, String> {
    let mut child = Command::new("nft")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start nft: {error}; install nftables"))?;
    let done = async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(script.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(WITHIN, done).await {
        Ok(output) => output.map_err(|error| format!("nft: {error}"))?,
        Err(_) => return Err(format!("nft did not end within {} s", WITHIN.as_secs())),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("nft refused: {}", said.trim().lines().next().unwrap_or("it did not say why")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
