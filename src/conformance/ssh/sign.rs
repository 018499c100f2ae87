//! Signing a key, and what a role does not sign.

use super::certificate::{new_public_key, read};
use super::mount::{ROLE, Ssh, USER};
use crate::conformance::{Cases, Source};
use serde_json::{Value, json};

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "ssh/sign/host-takes-it",
        source,
        "a host that trusts the authority takes the signed key for the user that it was signed for, as long as the role says",
        |lab| async move {
            let (ssh, authority) = lab.ssh_with_role().await?;
            let key = new_public_key()?;
            let signed = ssh.sign(&key, json!({ "valid_principals": USER })).await?;
            let signed = signed.is(200)?.text("/data/signed_key")?;
            let seen = lab.seen("the certificate by ssh-key", read(&signed, &authority, &key)?);
            seen.has("/taken", true)?.has("/of_this_key", true)?.has("/user", true)?;
            seen.has("/principals", json!([USER]))?.has("/extensions", json!(["permit-pty"]))?;
            seen.has("/taken_in_two_hours", false)?;
            seen.that("/life_s", "is 30 minutes", |life| {
                life.as_f64().is_some_and(|life| (1680.0..=1830.0).contains(&life))
            })?;
            Ok(())
        },
    );
    cases.add(
        "ssh/sign/other-authority-does-not-vouch",
        source,
        "a host that trusts another authority does not take the signed key",
        |lab| async move {
            let (ssh, authority) = lab.ssh_with_role().await?;
            let key = new_public_key()?;
            let signed =
                ssh.sign(&key, json!({ "valid_principals": USER })).await?.text("/data/signed_key")?;
            let seen = lab.seen("by its own authority", read(&signed, &authority, &key)?);
            seen.has("/taken", true)?;
            let seen = lab.seen("by another authority", read(&signed, &new_public_key()?, &key)?);
            seen.has("/taken", false)?;
            Ok(())
        },
    );
    cases.add(
        "ssh/authority/public-key-is-public",
        source,
        "the authority's public key is served without a token; its private key is not in any answer",
        |lab| async move {
            let ssh = lab.ssh().await?;
            let made = ssh.make_authority().await?;
            let public = made.is(200)?.lacks("/data/private_key")?.text("/data/public_key")?;
            let served = lab.anonymous().get(&ssh.at("public_key")).await?.is(200)?.text("")?;
            lab.seen("the served key", json!({ "same": served.trim() == public.trim() }))
                .has("/same", true)?;
            lab.get(&ssh.at("config/ca")).await?.is(200)?.lacks("/data/private_key")?;
            Ok(())
        },
    );
    cases.add(
        "ssh/role/read-back",
        source,
        "a role can be read back as it was written, and is listed",
        |lab| async move {
            let (ssh, _) = lab.ssh_with_role().await?;
            let role = lab.get(&ssh.at(&format!("roles/{ROLE}"))).await?;
            role.is(200)?.has("/data/allowed_users", USER)?.has("/data/key_type", "ca")?;
            role.has("/data/ttl", 1800)?.has("/data/max_ttl", 3600)?;
            lab.list(&ssh.at("roles")).await?.is(200)?.lists("/data/keys", ROLE)?;
            Ok(())
        },
    );
    let refused: [(_, _, Value, _); 5] = [
        (
            "ssh/refused/wrong-principal",
            "a key is not signed for a user that the role does not allow",
            json!({ "valid_principals": "root" }),
            "not a valid value for valid_principals",
        ),
        (
            "ssh/refused/one-wrong-among-right",
            "one principal that is not allowed spoils the request, whatever stands beside it",
            json!({ "valid_principals": "deploy,root" }),
            "not a valid value for valid_principals",
        ),
        (
            "ssh/refused/host-certificate",
            "a role for users' certificates signs no host's",
            json!({ "valid_principals": USER, "cert_type": "host" }),
            "not allowed by role",
        ),
        (
            "ssh/refused/longer-than-the-maximum",
            "a key is not signed for longer than the role's maximum",
            json!({ "valid_principals": USER, "ttl": "2h" }),
            "larger than maximum",
        ),
        (
            "ssh/refused/other-extension",
            "an extension that the role does not allow is not signed",
            json!({ "valid_principals": USER, "extensions": { "permit-port-forwarding": "" } }),
            "not on allowed list",
        ),
    ];
    for (id, meaning, more, words) in refused {
        cases.add(id, source, meaning, move |lab| {
            let more = more.clone();
            async move {
                let (ssh, _) = lab.ssh_with_role().await?;
                let refused = ssh.sign(&new_public_key()?, more).await?;
                refused.is(400)?.error_has(words)?.lacks("/data/signed_key")?;
                Ok(())
            }
        });
    }
    cases.add("ssh/refused/no-key", source, "what is no public key is not signed", |lab| async move {
        let (ssh, _) = lab.ssh_with_role().await?;
        let refused = ssh.sign("not a key", json!({ "valid_principals": USER })).await?;
        refused.is(400)?.error_has("public_key")?.lacks("/data/signed_key")?;
        Ok(())
    });
    cases.add(
        "ssh/refused/no-authority",
        source,
        "a role signs nothing before there is an authority",
        |lab| async move {
            let ssh = lab.ssh().await?;
            let quiet = Ssh { lab: lab.quietly(), path: ssh.path.clone() };
            quiet.role().await?.succeeds()?;
            let refused = ssh.sign(&new_public_key()?, json!({ "valid_principals": USER })).await?;
            refused.is_one_of(&[400, 500])?.lacks("/data/signed_key")?;
            Ok(())
        },
    );
    cases.add(
        "ssh/policy/sign-and-nothing-else",
        source,
        "who may only sign with a role neither changes it nor replaces the authority",
        |lab| async move {
            let (ssh, authority) = lab.ssh_with_role().await?;
            let sign = ssh.at(&format!("sign/{ROLE}"));
            let rules = format!("path \"{sign}\" {{\n  capabilities = [\"update\"]\n}}\n");
            let policy = lab.policy("sign", &rules).await?;
            let person = Ssh { lab: lab.as_token(&lab.token(&[&policy]).await?), path: ssh.path.clone() };
            person.sign(&new_public_key()?, json!({ "valid_principals": USER })).await?.is(200)?;
            person.role().await?.is(403)?;
            person.make_authority().await?.is(403)?;
            let still = lab.anonymous().get(&ssh.at("public_key")).await?.text("")?;
            lab.seen("the authority", json!({ "same": still.trim() == authority.trim() }))
                .has("/same", true)?;
            Ok(())
        },
    );
}
