//! The connection of a database engine and its roles, as the document writes them.

use super::deployment::seconds;
use super::{BootstrapError, Progress};
use crate::helper::Database;
use crate::model::{Blueprint, Span};
use crate::vault::Client;
use serde_json::json;
use std::time::Instant;

/// Connects the blueprint's database engine, if it has one, with `database`. `lease_ttl` takes the place of the
/// documented time to live.
pub async fn set_up_database(
    operator: &Client,
    blueprint: &Blueprint,
    prefix: &str,
    database: &Database,
    lease_ttl: Option<Span>,
    progress: &dyn Progress,
) -> Result<(), BootstrapError> {
    let Some((path, engine)) = blueprint.database() else { return Ok(()) };
    let began = Instant::now();
    let mount = format!("{prefix}{path}");
    let access = database.server_access();
    let names: Vec<&str> = engine.roles.iter().map(|role| role.name.as_str()).collect();
    let connection = json!({
        "plugin_name": "postgresql-database-plugin",
        "allowed_roles": names,
        "connection_url": access.connection_url,
        "username": access.username,
        "password": access.password,
        "username_template": username_template(database.mark()),
    });
    operator.post(&format!("{mount}/config/{}", engine.connection), connection).await?;
    let ttl = lease_ttl.unwrap_or(engine.default_ttl);
    for role in &engine.roles {
        let made = json!({
            "db_name": engine.connection,
            "creation_statements": creation_statements(role.grants.as_deref()),
            "default_ttl": seconds(ttl),
            "max_ttl": seconds(engine.max_ttl),
        });
        operator.post(&format!("{mount}/roles/{}", role.name), made).await?;
    }
    let scaled = match ttl == engine.default_ttl {
        true => String::new(),
        false => format!(" (documented: {})", engine.default_ttl),
    };
    let step = format!("{mount}/ with {} roles, leases of {ttl}{scaled}", names.len());
    progress.step(&step, began.elapsed());
    Ok(())
}

/// The server's own, with a mark of this run, by which the database tells its roles from others'.
fn username_template(mark: &str) -> String {
    format!(
        "{{{{ printf \"v-%s-{mark}-%s-%s\" (.DisplayName | truncate 8) (random 20) (unix_time) | truncate 63 }}}}"
    )
}

fn creation_statements(grants: Option<&str>) -> String {
    let made = r#"CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';"#;
    let granted = grants.map(|grants| format!(" GRANT {grants} TO \"{{{{name}}}}\";"));
    made.to_owned() + &granted.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_fills_in_stands_in_double_braces() {
        let template = username_template("0a1b2c");
        assert!(
            template.starts_with("{{ printf \"v-%s-0a1b2c-%s-%s\"") && template.ends_with("truncate 63 }}")
        );
        let statements = creation_statements(Some("SELECT ON ALL TABLES IN SCHEMA public"));
        assert!(statements.starts_with("CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}'"));
        assert!(statements.ends_with("GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"{{name}}\";"));
        assert!(creation_statements(None).ends_with("VALID UNTIL '{{expiration}}';"));
    }
}
