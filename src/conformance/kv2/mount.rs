//! A KV version 2 mount of a case's own, and its paths.

use crate::conformance::{Answer, Checked, Lab, Stop};
use serde_json::{Value, json};

pub struct Kv2 {
    pub lab: Lab,
    /// The mount's path.
    pub path: String,
}

impl Lab {
    /// A KV version 2 mount of this case's own.
    pub async fn kv2(&self) -> Checked<Kv2> {
        self.kv2_at("kv").await
    }

    /// The same, with a name that ends as a document's mount is called.
    pub async fn kv2_at(&self, what: &str) -> Checked<Kv2> {
        let path = self.mount(what, "kv", json!({ "options": { "version": "2" } })).await?;
        // A fresh mount is prepared behind the answer; until then it refuses.
        let quiet = Kv2 { lab: self.quietly(), path: path.clone() };
        // What is only being prepared says so, with 400; where there is no such path there is only version 1.
        if quiet.config().await?.status() == 404 {
            return Err(Stop::NotApplicable(
                "a mount of kv with version 2 was granted, and its path config, which only version 2 has, was answered 404"
                    .into(),
            ));
        }
        let within = std::time::Duration::from_secs(10);
        self.quietly().eventually(within, || async { quiet.config().await?.is(200).map(drop) }).await?;
        Ok(Kv2 { lab: self.clone(), path })
    }
}

impl Kv2 {
    pub fn data(&self, secret: &str) -> String {
        format!("{}/data/{secret}", self.path)
    }

    pub fn metadata(&self, secret: &str) -> String {
        format!("{}/metadata/{secret}", self.path)
    }

    pub async fn config(&self) -> Checked<Answer> {
        self.lab.get(&format!("{}/config", self.path)).await
    }

    /// Writes a new version.
    pub async fn put(&self, secret: &str, data: Value) -> Checked<Answer> {
        self.lab.post(&self.data(secret), json!({ "data": data })).await
    }

    /// Writes a new version in preparation of what the case is about.
    pub async fn quiet_put(&self, secret: &str, data: Value) -> Checked {
        self.quietly().put(secret, data).await?.is(200).map(drop)
    }

    /// Writes these colours one after the other, as versions 1, 2, … of a secret.
    pub async fn quiet_colors(&self, secret: &str, colors: &[&str]) -> Checked {
        for color in colors {
            self.quiet_put(secret, json!({ "color": color })).await?;
        }
        Ok(())
    }

    /// Writes a new version if the newest one is `version`.
    pub async fn put_if(&self, secret: &str, version: u32, data: Value) -> Checked<Answer> {
        let body = json!({ "data": data, "options": { "cas": version } });
        self.lab.post(&self.data(secret), body).await
    }

    /// Reads the newest version.
    pub async fn get(&self, secret: &str) -> Checked<Answer> {
        self.lab.get(&self.data(secret)).await
    }

    pub async fn get_version(&self, secret: &str, version: u32) -> Checked<Answer> {
        self.lab.get(&format!("{}?version={version}", self.data(secret))).await
    }

    /// `delete`, `undelete` or `destroy` of versions.
    pub async fn versions(&self, verb: &str, secret: &str, versions: &[u32]) -> Checked<Answer> {
        self.lab.post(&format!("{}/{verb}/{secret}", self.path), json!({ "versions": versions })).await
    }

    /// Merges into the newest version.
    pub async fn patch(&self, secret: &str, data: Value) -> Checked<Answer> {
        self.lab.patch(&self.data(secret), json!({ "data": data })).await
    }

    /// Deletes the newest version, softly.
    pub async fn delete(&self, secret: &str) -> Checked<Answer> {
        self.lab.delete(&self.data(secret)).await
    }

    /// Deletes all versions and the metadata.
    pub async fn delete_all(&self, secret: &str) -> Checked<Answer> {
        self.lab.delete(&self.metadata(secret)).await
    }

    pub async fn read_metadata(&self, secret: &str) -> Checked<Answer> {
        self.lab.get(&self.metadata(secret)).await
    }

    pub async fn set_metadata(&self, secret: &str, settings: Value) -> Checked<Answer> {
        self.lab.post(&self.metadata(secret), settings).await
    }

    pub async fn list(&self, folder: &str) -> Checked<Answer> {
        self.lab.list(&self.metadata(folder)).await
    }

    /// The same mount, asked by somebody else, or at another node.
    pub fn by(&self, lab: &Lab) -> Self {
        Self { lab: lab.clone(), path: self.path.clone() }
    }

    /// The same mount, but what is asked is a preparation.
    pub fn quietly(&self) -> Self {
        self.by(&self.lab.quietly())
    }
}

/// Whether it is a point in time as the server writes them.
pub fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok())
}
