//! A fresh AppRole token, as the server itself describes it.

use crate::model::Event;
use crate::record::Journal;
use crate::vault::{Client, ClientError};

pub async fn look_up_token(client: &Client, token: &str, journal: &Journal) -> Result<(), ClientError> {
    let answer = client.with_token(token).get("auth/token/lookup-self").await?;
    let data = &answer.body["data"];
    if let (Some(ttl_s), Some(renewable)) = (data["creation_ttl"].as_f64(), data["renewable"].as_bool()) {
        journal.write(Event::TokenLookup { ttl_s, renewable });
    }
    Ok(())
}
