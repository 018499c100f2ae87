//! A static key in a file: auto-unseal without another system.

use super::auto;
use crate::conformance::{Cases, Checked, Keyed, Lab, Source, Stop};
use serde_json::json;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "seals/static/gives-recovery-keys",
        source,
        "under auto-unseal by a static key initialisation gives recovery keys instead of unseal keys",
        |lab| async move { auto::gives_recovery_keys(&lab, &seal(&lab)?.0).await },
    );
    cases.add(
        "seals/static/gives-no-unseal-keys",
        source,
        "under auto-unseal by a static key unseal keys cannot be asked for",
        |lab| async move { auto::gives_no_unseal_keys(&lab, &seal(&lab)?.0).await },
    );
    cases.add(
        "seals/static/says-its-kind",
        source,
        "a server under a static key is unsealed once initialised, and says what seals it",
        |lab| async move { auto::says_its_kind(&lab, &seal(&lab)?.0, "static").await },
    );
    cases.add(
        "seals/static/opens-itself",
        source,
        "under auto-unseal by a static key no manual unsealing is required after a restart",
        |lab| async move { auto::opens_itself(&lab, &seal(&lab)?.0).await },
    );
    cases.add(
        "seals/static/another-key-stays-closed",
        source,
        "a server whose static key was exchanged stays sealed",
        |lab| async move {
            let keyed = exchanged(&lab).await?;
            auto::stays_closed(&lab, &keyed.spare).await
        },
    );
    cases.add(
        "seals/static/recovery-keys-do-not-open",
        source,
        "recovery keys do not unseal a server whose seal cannot open it",
        |lab| async move {
            let keyed = exchanged(&lab).await?;
            for number in [0, 1] {
                let key = json!({ "key": keyed.keys[number] });
                keyed.lab.quietly().put("sys/unseal", key).await?;
            }
            keyed.give(2).await?.is_one_of(&[400, 500])?;
            keyed.lab.get("sys/health").await?.is(503)?.has("/sealed", true)?;
            Ok(())
        },
    );
}

/// The stanza, and the file of its key.
fn seal(lab: &Lab) -> Checked<(String, PathBuf)> {
    let file = lab.folder()?.join("static.key");
    write_key(&file)?;
    let path = format!("file://{}", file.display());
    Ok((format!("seal \"static\" {{\n  current_key_id = \"first\"\n  current_key = {path:?}\n}}"), file))
}

fn write_key(file: &Path) -> Checked {
    let key: [u8; 32] = rand::random();
    let mut options = std::fs::File::options();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file);
    opened.and_then(|mut file| file.write_all(&key)).map_err(Stop::broken)
}

/// Restarted with another key under the same name.
async fn exchanged(lab: &Lab) -> Checked<Keyed> {
    let (seal, file) = seal(lab)?;
    let spare = auto::sealed_by(lab, &seal).await?;
    let keyed = lab.self_unsealing(&spare).await?;
    spare.kill();
    write_key(&file)?;
    spare.start().await.map_err(Stop::Broken)?;
    Ok(keyed)
}
