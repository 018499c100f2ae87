//! A blueprint file as it is written, before anything is checked. The doc comments become the descriptions of
//! the JSON Schema, so they speak to people who write blueprints.

use super::words::*;
use super::yaml::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// A documented deployment: topology, seal, TLS, engines, policies, auth, audit and objectives, as its
/// document has them, with every deviation named.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `kind: blueprint`, `name`, `nodes` and so on")]
#[schemars(rename = "blueprint")]
pub(super) struct RawBlueprint {
    /// `blueprint`.
    #[schemars(with = "String", extend("enum" = ["blueprint"]))]
    #[expect(dead_code, reason = "looked at before the rest of the file is read")]
    pub kind: Text,
    /// How scenarios call it.
    #[schemars(with = "NameText")]
    pub name: Text,
    /// What it is, in a sentence.
    #[schemars(with = "String")]
    pub summary: Text,
    /// The document it follows.
    #[schemars(with = "String")]
    pub source: Text,
    /// How many nodes; they are called n1 to nN.
    #[schemars(with = "u8", range(min = 1, max = 9))]
    pub nodes: Text,
    /// How the cluster is sealed.
    pub seal: RawSeal,
    /// How clients and nodes speak to one another.
    pub tls: RawTls,
    /// Audit devices, declared in the configuration of every node.
    #[serde(default)]
    pub audit: Vec<RawAudit>,
    /// How many tenants are set up, each with its own paths, policy and AppRole role.
    #[schemars(with = "u16", range(min = 1, max = 1000))]
    pub tenants: Text,
    /// Secret engines.
    #[schemars(with = "Vec<RawMount>", length(min = 1))]
    pub mounts: Spanned<Vec<RawMount>>,
    /// Policies.
    pub policies: Vec<RawPolicy>,
    /// How applications log in.
    pub approle: RawAppRole,
    /// What the document promises.
    #[schemars(with = "Vec<RawObjective>", length(min = 1))]
    pub objectives: Spanned<Vec<RawObjective>>,
    /// What a monitoring system has to tell of: rules for Prometheus.
    #[serde(default)]
    #[schemars(with = "Option<Vec<RawAlert>>")]
    pub alerts: Vec<Spanned<RawAlert>>,
    /// How often a failure like the tested one is assumed to happen: turns one measured outage into a month.
    #[schemars(with = "f64", range(min = 0))]
    pub assumed_failures_per_month: Text,
    /// Where the test knowingly differs from the document; printed in every report.
    #[serde(default)]
    pub deviations: Vec<RawDeviation>,
}

/// How the cluster is sealed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ kind: shamir, shares: 5, threshold: 3 }`")]
#[schemars(rename = "seal")]
pub(super) struct RawSeal {
    /// `shamir`: unsealed by hand with key shares.
    #[schemars(with = "String", extend("enum" = ["shamir"]))]
    pub kind: Text,
    /// How many key shares there are.
    #[schemars(with = "u8", range(min = 1, max = 10))]
    pub shares: Text,
    /// How many of them unseal a node.
    #[schemars(with = "u8", range(min = 1, max = 10))]
    pub threshold: Text,
}

/// How clients and nodes speak to one another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ enabled: true, min_version: tls13 }`")]
#[schemars(rename = "tls")]
pub(super) struct RawTls {
    /// `false` for plain HTTP.
    pub enabled: bool,
    /// The oldest version that is accepted; `tls13` when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["tls12", "tls13"]))]
    pub min_version: Option<Text>,
}

/// One audit device.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ kind: file, name: main }`")]
#[schemars(rename = "audit")]
pub(super) struct RawAudit {
    /// `file`.
    #[schemars(with = "String", extend("enum" = ["file"]))]
    pub kind: Text,
    /// Its name.
    #[schemars(with = "NameText")]
    pub name: Text,
}

/// One secret engine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ path: secret, engine: kv, version: 2 }`")]
#[schemars(rename = "mount")]
pub(super) struct RawMount {
    /// Where it is mounted, without slashes at the ends.
    #[schemars(with = "String")]
    pub path: Text,
    /// `kv`, `transit`, `pki` or `database`.
    #[schemars(with = "String", extend("enum" = ["kv", "transit", "pki", "database"]))]
    pub engine: Text,
    /// For `kv`: 2, the version whose acknowledged writes can be read back one by one.
    #[serde(default)]
    #[schemars(with = "Option<u8>", extend("enum" = [2]))]
    pub version: Option<Text>,
    /// For `kv`: the folders in which the load's secrets stand, used in turn; `{tenant_id}` is replaced. A folder for
    /// each tenant when absent: `tenants/{tenant_id}/exchanges`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub folders: Option<Spanned<Vec<Text>>>,
    /// For `kv`: who writes secrets. `tenant` when absent; `operator` where the policy lets applications only read.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("enum" = ["tenant", "operator"]))]
    pub writer: Option<Text>,
    /// For `transit` and `pki`: `true` where the document names the engine and sets nothing up in it.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    pub empty: Option<Spanned<bool>>,
    /// For `transit`: the key that is made, and that everybody encrypts with.
    #[serde(default)]
    #[schemars(with = "Option<NameText>")]
    pub key: Option<Text>,
    /// For `pki`: the certificate authority that is made.
    #[serde(default)]
    #[schemars(with = "Option<RawAuthority>")]
    pub ca: Option<Spanned<RawAuthority>>,
    /// For `pki`: the role that issues certificates.
    #[serde(default)]
    #[schemars(with = "Option<RawPkiRole>")]
    pub role: Option<Spanned<RawPkiRole>>,
    /// For `database`: the name of its connection, which is to a PostgreSQL that is started with the run.
    #[serde(default)]
    #[schemars(with = "Option<NameText>")]
    pub connection: Option<Text>,
    /// For `database`: how long credentials live unless they are renewed.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub default_ttl: Option<Text>,
    /// For `database`: how long they can live at most.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub max_ttl: Option<Text>,
    /// For `database`: the kinds of credentials.
    #[serde(default)]
    #[schemars(with = "Option<Vec<RawDatabaseRole>>", length(min = 1))]
    pub roles: Option<Spanned<Vec<RawDatabaseRole>>>,
}

/// One kind of credentials of a database.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ name: app-readonly, grants: SELECT ON ALL TABLES IN SCHEMA public }`"
)]
#[schemars(rename = "database-role")]
pub(super) struct RawDatabaseRole {
    /// Its name.
    #[schemars(with = "NameText")]
    pub name: Text,
    /// What the credentials may do: what stands between GRANT and TO. Without it they log in and no more.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub grants: Option<Text>,
}

/// A certificate authority that the server makes for itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ common_name: Example Root CA, ttl: 87600h }`")]
#[schemars(rename = "certificate-authority")]
pub(super) struct RawAuthority {
    /// Its name.
    #[schemars(with = "String")]
    pub common_name: Text,
    /// How long it is valid.
    #[schemars(with = "DurationText")]
    pub ttl: Text,
}

/// Who may have which certificates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ name: service, domain: service.example.com, ttl: 24h, max_ttl: 720h }`"
)]
#[schemars(rename = "pki-role")]
pub(super) struct RawPkiRole {
    /// Its name.
    #[schemars(with = "NameText")]
    pub name: Text,
    /// The one name that its certificates are for.
    #[schemars(with = "String")]
    pub domain: Text,
    /// How long a certificate is valid unless less is asked for.
    #[schemars(with = "DurationText")]
    pub ttl: Text,
    /// How long it can be valid at most.
    #[schemars(with = "DurationText")]
    pub max_ttl: Text,
}

/// A policy; one per tenant when its name contains `{tenant_id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `name` and `rules`")]
#[schemars(rename = "policy")]
pub(super) struct RawPolicy {
    /// Its name.
    #[schemars(with = "String")]
    pub name: Text,
    /// HCL; `{tenant_id}` is replaced.
    #[schemars(with = "String")]
    pub rules: Text,
}

/// How applications log in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `role`, `policies` and `token_ttl`")]
#[schemars(rename = "approle")]
pub(super) struct RawAppRole {
    /// Where the auth method is mounted; `approle` when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub mount: Option<Text>,
    /// The role's name; one role per tenant when it contains `{tenant_id}`.
    #[schemars(with = "String")]
    pub role: Text,
    /// The policies of its tokens, by the names above.
    #[schemars(with = "Vec<String>")]
    pub policies: Vec<Text>,
    /// How long a token lives unless it is renewed.
    #[schemars(with = "DurationText")]
    pub token_ttl: Text,
    /// How long it can live at most; the server's default when absent.
    #[serde(default)]
    #[schemars(with = "Option<DurationText>")]
    pub token_max_ttl: Option<Text>,
}

/// One promise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ id: read.p99, target: \"< 5 ms\" }`")]
#[schemars(rename = "objective")]
pub(super) struct RawObjective {
    /// Which figure.
    #[schemars(with = "ObjectiveText")]
    pub id: Text,
    /// The bound.
    #[schemars(with = "BoundText")]
    pub target: Text,
    /// The document that promises it; the blueprint's own when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub source: Option<Text>,
    /// The document's own words.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub words: Option<Text>,
}

/// One alert.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping such as `{ name: VaultSealed, expr: vault_core_unsealed == 0, for: 1m }`"
)]
#[schemars(rename = "alert")]
pub(super) struct RawAlert {
    /// Its name, as scenarios call it.
    #[schemars(with = "String")]
    pub name: Text,
    /// The document's expression, as it is written there. Absent where the document only says what is to be told of.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub expr: Option<Text>,
    /// What works on a real server, where that is another expression or the document has none; it is loaded beside the
    /// document's, and the alert is judged by it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub working: Option<Text>,
    /// Why the document's expression does not do, or how its words were read.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub why: Option<Text>,
    /// How long the expression holds before the alert fires.
    #[serde(rename = "for")]
    #[schemars(with = "DurationText")]
    pub wait: Text,
    /// The document that asks for it; the blueprint's own when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub source: Option<Text>,
}

/// A known difference between the document and the test.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `documented`, `tested` and `why`")]
#[schemars(rename = "deviation")]
pub(super) struct RawDeviation {
    /// What the document says.
    #[schemars(with = "String")]
    pub documented: Text,
    /// What is tested.
    #[schemars(with = "String")]
    pub tested: Text,
    /// Why.
    #[schemars(with = "String")]
    pub why: Text,
}
