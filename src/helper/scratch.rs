//! A database of somebody's own inside an instance that others share: with an owner as whom the server under test works, and
//! a table with one row.

use super::PostgresError;
use super::database::{Database, ServerAccess, secret};
use super::session::Session;
use rand::RngExt;
use std::time::Duration;
use tokio_postgres::{Config, NoTls};

/// The table in it.
pub const TABLE: &str = "orders";
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub struct Scratch {
    /// As the operator, in this database.
    operator: Config,
    /// As the operator, beside it.
    beside: Config,
    name: String,
    access: ServerAccess,
}

/// What became of statements under somebody's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    Done,
    /// The login worked; the statement was refused. The SQLSTATE.
    Refused(String),
    /// The login was refused. The SQLSTATE.
    NoLogin(String),
    /// Nothing follows from it: the database could not be asked.
    Unclear(String),
}

/// What the database knows of a role.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoleFacts {
    /// Seconds since 1970; `None` when it is for ever.
    pub valid_until_s: Option<f64>,
}

impl Database {
    /// Makes a database of the caller's own, to be given back with [`Scratch::give_back`].
    pub async fn scratch(&self) -> Result<Scratch, PostgresError> {
        let failed = |error: String| PostgresError::failed("make a database of its own", error);
        let number: u64 = rand::rng().random();
        let (name, password) = (format!("vq_{number:016x}"), secret());
        let beside = self.operator_config();
        let mut operator = beside.clone();
        operator.dbname(&name);
        let session = Session::open(&beside, "").await.map_err(|error| failed(error.to_string()))?;
        let statements = [
            format!("CREATE ROLE {name} LOGIN CREATEROLE PASSWORD '{password}'"),
            format!("CREATE DATABASE {name} OWNER {name}"),
        ];
        for statement in statements {
            session.execute(&statement).await.map_err(failed)?;
        }
        let access = self.server_access();
        let access = ServerAccess {
            connection_url: access
                .in_database(&name)
                .ok_or_else(|| failed("of an unknown URL".to_owned()))?,
            username: name.clone(),
            password,
        };
        let scratch = Scratch { operator, beside, name, access };
        let owner = &scratch.name;
        let table = format!(
            "CREATE TABLE public.{TABLE} (id integer PRIMARY KEY, item text); \
             INSERT INTO public.{TABLE} VALUES (0, 'first'); ALTER TABLE public.{TABLE} OWNER TO {owner}"
        );
        scratch.execute(&table).await.map_err(failed)?;
        Ok(scratch)
    }
}

impl Scratch {
    pub fn server_access(&self) -> &ServerAccess {
        &self.access
    }

    /// Runs statements as the operator.
    pub async fn execute(&self, statements: &str) -> Result<(), String> {
        let session = Session::open(&self.operator, "").await.map_err(|error| error.to_string())?;
        session.execute(statements).await
    }

    /// Logs in with these credentials and runs statements.
    pub async fn run_as(&self, username: &str, password: &str, statements: &str) -> Ran {
        let mut config = self.operator.clone();
        config.user(username).password(password);
        let ran = async {
            let (client, connection) = match config.connect(NoTls).await {
                Ok(connected) => connected,
                Err(error) => {
                    return match error.code() {
                        // Class 28: invalid authorization.
                        Some(code) if code.code().starts_with("28") => Ran::NoLogin(code.code().to_owned()),
                        _ => Ran::Unclear(error.to_string()),
                    };
                }
            };
            let connection = tokio::spawn(async move { drop(connection.await) });
            let ran = client.batch_execute(statements).await;
            connection.abort();
            match ran {
                Ok(()) => Ran::Done,
                Err(error) => match error.code() {
                    Some(code) => Ran::Refused(code.code().to_owned()),
                    None => Ran::Unclear(error.to_string()),
                },
            }
        };
        let unclear = |_| Ran::Unclear("no answer in time".to_owned());
        tokio::time::timeout(ANSWER_WITHIN, ran).await.unwrap_or_else(unclear)
    }

    /// What the database knows of this role; `None` when there is no such role.
    pub async fn role(&self, name: &str) -> Result<Option<RoleFacts>, String> {
        let session = Session::open(&self.operator, "").await.map_err(|error| error.to_string())?;
        let query = "SELECT extract(epoch FROM rolvaliduntil)::float8 FROM pg_roles WHERE rolname = $1";
        let rows = session.rows(query, &[&name]).await?;
        match rows.first() {
            Some(row) => {
                let valid_until_s = row.try_get(0).map_err(|error| error.to_string())?;
                Ok(Some(RoleFacts { valid_until_s }))
            }
            None => Ok(None),
        }
    }

    /// The roles, other than its owner, that may do anything with its table.
    pub async fn guests(&self) -> Result<Vec<String>, String> {
        let session = Session::open(&self.operator, "").await.map_err(|error| error.to_string())?;
        let query = "SELECT DISTINCT grantee::text FROM information_schema.role_table_grants \
                     WHERE table_name = $1 AND grantee <> $2";
        let rows = session.rows(query, &[&TABLE, &self.name]).await?;
        rows.iter().map(|row| row.try_get(0).map_err(|error| error.to_string())).collect()
    }

    /// Removes it from the instance; who is still connected is cut off.
    pub async fn give_back(&self) {
        let Ok(session) = Session::open(&self.beside, "").await else { return };
        let name = &self.name;
        // What stays goes with the instance.
        let _ = session.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        let _ = session.execute(&format!("DROP ROLE {name}")).await;
    }
}
