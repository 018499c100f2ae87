//! A connection to the database, as the operator who watches it or as a holder of credentials who tries them.

use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    /// Stands in every name that the server under test gives to a role of this run.
    mark: String,
}

/// What became of an attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    Worked,
    /// The database knows no such user, or not with this password.
    Refused(String),
    /// Nothing follows from it: it could not be asked.
    Unclear(String),
}

impl Session {
    pub(super) async fn open(config: &Config, mark: &str) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = connect(config).await?;
        Ok(Self { client, connection, mark: mark.to_owned() })
    }

    /// The roles of this run that are there.
    pub async fn roles(&self) -> Result<Vec<String>, String> {
        let pattern = format!("v-%-{}-%", self.mark);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&pattern];
        let rows = self.rows("SELECT rolname::text FROM pg_roles WHERE rolname LIKE $1", &parameters).await?;
        rows.iter().map(|row| row.try_get(0).map_err(|error| error.to_string())).collect()
    }

    pub(super) async fn rows(
        &self,
        query: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, String> {
        let asked = tokio::time::timeout(ANSWER_WITHIN, self.client.query(query, parameters)).await;
        asked.map_err(|_| "no answer in time")?.map_err(|error| error.to_string())
    }

    pub(super) async fn execute(&self, statements: &str) -> Result<(), String> {
        self.client.batch_execute(statements).await.map_err(|error| error.to_string())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

async fn connect(config: &Config) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // How it ends is seen by whoever asks next.
    Ok((client, tokio::spawn(async move { drop(connection.await) })))
}

/// Logs in and asks for something that only a session can answer.
pub(super) async fn try_login(config: &Config) -> Login {
    let tried = tokio::time::timeout(CONNECT_WITHIN + ANSWER_WITHIN, async {
        let (client, connection) = connect(config).await?;
        let answered = client.simple_query("SELECT 1").await;
        connection.abort();
        answered.map(drop)
    });
    match tried.await {
        Ok(Ok(())) => Login::Worked,
        Ok(Err(error)) => match error.code() {
            // Class 28: invalid authorization.
            Some(code) if code.code().starts_with("28") => {
                Login::Refused(format!("SQLSTATE {}", code.code()))
            }
            _ => Login::Unclear(error.to_string()),
        },
        Err(_) => Login::Unclear("no answer in time".to_owned()),
    }
}
