//! The transit engine of another server keeps the key.

use super::auto;
use crate::conformance::{Cases, Checked, Lab, Source, Spare, SpareConfig, Storage};
use serde_json::{Value, json};

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "seals/transit/gives-recovery-keys",
        source,
        "under auto-unseal by another server initialisation gives recovery keys instead of unseal keys",
        |lab| async move { auto::gives_recovery_keys(&lab, &shared_keeper(&lab).await?).await },
    );
    cases.add(
        "seals/transit/gives-no-unseal-keys",
        source,
        "under auto-unseal by another server unseal keys cannot be asked for",
        |lab| async move { auto::gives_no_unseal_keys(&lab, &shared_keeper(&lab).await?).await },
    );
    cases.add(
        "seals/transit/says-its-kind",
        source,
        "a server under another server's key is unsealed once initialised, and says what seals it",
        |lab| async move { auto::says_its_kind(&lab, &shared_keeper(&lab).await?, "transit").await },
    );
    cases.add(
        "seals/transit/opens-itself",
        source,
        "under auto-unseal by another server no manual unsealing is required after a restart",
        |lab| async move { auto::opens_itself(&lab, &shared_keeper(&lab).await?).await },
    );
    cases.add(
        "seals/transit/goes-on-without",
        source,
        "a server that runs goes on serving while its key's keeper is away",
        |lab| async move {
            let (keeper, seal) = own_keeper(&lab).await?;
            let spare = auto::sealed_by(&lab, &seal).await?;
            let root = lab.self_unsealing(&spare).await?.root();
            let kv = root.kv2().await?;
            keeper.kill();
            kv.put("a", json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "seals/transit/restart-needs-the-keeper",
        source,
        "a server that is restarted while its key's keeper is away serves nothing",
        |lab| async move {
            let (keeper, seal) = own_keeper(&lab).await?;
            let spare = auto::sealed_by(&lab, &seal).await?;
            lab.self_unsealing(&spare).await?;
            keeper.kill();
            spare.kill();
            let started = spare.start().await.is_ok();
            let serves = match started {
                // It listens and stays sealed, or it does not listen at all: both serve nothing.
                true => lab.quietly().of(&spare).get("sys/health").await?.is(200).is_ok(),
                false => false,
            };
            let said = spare.said();
            let seen =
                lab.seen("restart", json!({ "serves": serves, "says_refused": said.contains("refused") }));
            seen.has("/serves", false)?.has("/says_refused", true)?;
            Ok(())
        },
    );
}

/// A server that keeps keys for several cases.
async fn shared_keeper(lab: &Lab) -> Checked<String> {
    let (keeper, root) = lab.common("keeper", SpareConfig::new(Storage::Memory)).await?;
    stanza(&keeper, &root).await
}

/// One that may be taken away.
async fn own_keeper(lab: &Lab) -> Checked<(Spare, String)> {
    let keeper = lab.spare(SpareConfig::new(Storage::Memory)).await?;
    let root = lab.opened(&keeper).await?;
    let seal = stanza(&keeper, &root).await?;
    Ok((keeper, seal))
}

/// A key, and a token that may encrypt and decrypt with it and nothing else.
async fn stanza(keeper: &Spare, root: &Lab) -> Checked<String> {
    let mount = root.mount("transit", "transit", Value::Null).await?;
    root.quietly().post(&format!("{mount}/keys/autounseal"), Value::Null).await?.succeeds()?;
    let rules = format!(
        "path \"{mount}/encrypt/autounseal\" {{ capabilities = [\"update\"] }}\n\
         path \"{mount}/decrypt/autounseal\" {{ capabilities = [\"update\"] }}"
    );
    let policy = root.policy("autounseal", &rules).await?;
    let token = root.token(&[&policy]).await?;
    let address = &keeper.endpoint.url;
    Ok(format!(
        "seal \"transit\" {{\n  address = \"{address}\"\n  token = \"{token}\"\n  disable_renewal = \"true\"\n  \
         key_name = \"autounseal\"\n  mount_path = \"{mount}/\"\n}}"
    ))
}
