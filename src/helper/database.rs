//! The database of a run: our own, or the one that an attach file names.

use super::instance::{Instance, SUPERUSER};
use super::session::{Session, try_login};
use super::{Installation, Login, PostgresError};
use crate::machine::drawn_mark;
use crate::model::AttachPostgres;
use rand::RngExt;
use rustix::process::Signal;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_postgres::Config;

/// As the document calls them.
const NAME: &str = "workflow_db";
const SERVER_USER: &str = "vault_admin";
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(20);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How the server under test reaches the database.
#[derive(Clone)]
pub struct ServerAccess {
    /// With `{{username}}:{{password}}` where the server puts them.
    pub connection_url: String,
    pub username: String,
    pub password: String,
}

impl ServerAccess {
    /// The same for another database of the instance; `None` when the URL is not one of ours.
    pub(super) fn in_database(&self, name: &str) -> Option<String> {
        let (before, after) = self.connection_url.split_once(&format!("/{NAME}?"))?;
        Some(format!("{before}/{name}?{after}"))
    }
}

pub struct Database {
    /// As the operator who watches it.
    operator: Config,
    server: ServerAccess,
    mark: String,
    /// `None` when it is somebody else's.
    own: Option<Mutex<Instance>>,
}

impl Database {
    /// Makes and starts one of our own, ready for the server: with a role for it that may make roles, in a database that
    /// belongs to this role. `gateway` is where containers reach this machine; without one it is reached on loopback.
    pub async fn start(
        installation: &Installation,
        private: &Path,
        gateway: Option<Ipv4Addr>,
    ) -> Result<Self, PostgresError> {
        let (password, server_password) = (secret(), secret());
        let instance = Instance::make(installation, private, gateway, &password).await?;
        let port = instance.port();
        let mut operator = Config::new();
        operator
            .host("127.0.0.1")
            .port(port)
            .user(SUPERUSER)
            .password(&password)
            .dbname("postgres")
            .connect_timeout(CONNECT_WITHIN);
        let host = gateway.unwrap_or(Ipv4Addr::LOCALHOST);
        let server = ServerAccess {
            connection_url: format!(
                "postgresql://{{{{username}}}}:{{{{password}}}}@{host}:{port}/{NAME}?sslmode=disable"
            ),
            username: SERVER_USER.to_owned(),
            password: server_password.clone(),
        };
        let mut database = Self { operator, server, mark: drawn_mark(), own: Some(Mutex::new(instance)) };
        database.bring_back().await?;
        let session = database.session().await.map_err(|error| PostgresError::failed("reach it", error))?;
        let statements = [
            format!("CREATE ROLE {SERVER_USER} LOGIN CREATEROLE PASSWORD '{server_password}'"),
            format!("CREATE DATABASE {NAME} OWNER {SERVER_USER}"),
        ];
        for statement in statements {
            session.execute(&statement).await.map_err(|error| PostgresError::failed("set it up", error))?;
        }
        database.operator.dbname(NAME);
        Ok(database)
    }

    /// The one of an attach file.
    pub async fn attach(file: &AttachPostgres) -> Result<Self, PostgresError> {
        let path = file.password_file.display();
        let password = std::fs::read_to_string(&file.password_file)
            .map_err(|error| PostgresError::failed(&format!("read {path}"), error))?;
        let password = password.trim_end().to_owned();
        let no_url = |error| PostgresError::failed("use the URL of the attach file", error);
        let mut operator: Config = file.url.parse().map_err(no_url)?;
        operator.password(&password).connect_timeout(CONNECT_WITHIN);
        let (username, place) = user_and_place(&file.server_url)
            .ok_or_else(|| PostgresError::Failed("the attach file's server_url names no user".to_owned()))?;
        let server = ServerAccess {
            connection_url: format!("postgresql://{{{{username}}}}:{{{{password}}}}@{place}"),
            username,
            password,
        };
        let database = Self { operator, server, mark: drawn_mark(), own: None };
        let reached = database.session().await;
        reached.map_err(|error| PostgresError::failed("reach the database of the attach file", error))?;
        Ok(database)
    }

    pub fn server_access(&self) -> &ServerAccess {
        &self.server
    }

    pub(super) fn operator_config(&self) -> Config {
        self.operator.clone()
    }

    /// Has to stand in the name of every role that the server makes.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Opens a connection as the operator.
    pub async fn session(&self) -> Result<Session, String> {
        Session::open(&self.operator, &self.mark).await.map_err(|error| reason(&error))
    }

    /// Tries credentials that the server gave out.
    pub async fn log_in(&self, username: &str, password: &str) -> Login {
        let mut config = self.operator.clone();
        config.user(username).password(password);
        try_login(&config).await
    }

    /// Takes it away at once, without a word to anybody.
    pub async fn kill(&self) -> Result<(Instant, String), PostgresError> {
        self.end(Signal::KILL).await
    }

    /// Takes it away in good order; connections are closed, not waited for.
    pub async fn stop(&self) -> Result<(Instant, String), PostgresError> {
        self.end(Signal::INT).await
    }

    async fn end(&self, signal: Signal) -> Result<(Instant, String), PostgresError> {
        let own = self.own.as_ref().ok_or_else(|| {
            PostgresError::Failed("the database of an attach file is not ours to take away".to_owned())
        })?;
        let (asked, ended) = own.lock().await.end(signal).await?;
        match self.session().await {
            Err(why) => Ok((asked, format!("{ended}; then {why}"))),
            Ok(_) => Err(PostgresError::failed("end it", "it still takes connections")),
        }
    }

    /// Starts it again and waits until it answers.
    pub async fn bring_back(&self) -> Result<String, PostgresError> {
        let own =
            self.own.as_ref().ok_or_else(|| PostgresError::Failed("it is not ours to start".to_owned()))?;
        let mut instance = own.lock().await;
        let began = Instant::now();
        let mut pid = instance.start()?;
        loop {
            let why = match self.session().await {
                Ok(_) => {
                    return Ok(format!("process {pid} answers after {} ms", began.elapsed().as_millis()));
                }
                Err(why) => why,
            };
            if began.elapsed() >= ANSWERS_WITHIN {
                let said = instance.last_words();
                return Err(PostgresError::failed("start it", format!("{why}; the last of its log: {said}")));
            }
            // Children of one that was killed may still have held its shared memory.
            if instance.ended().is_some() {
                pid = instance.start()?;
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// A password that needs no quoting anywhere.
pub(super) fn secret() -> String {
    let random: u128 = rand::rng().random();
    format!("{random:032x}")
}

/// The user of a URL, and everything after the `@`.
fn user_and_place(url: &str) -> Option<(String, &str)> {
    let (user, place) = url.split_once("://")?.1.split_once('@')?;
    (!user.is_empty() && !place.is_empty()).then(|| (user.to_owned(), place))
}

/// The innermost cause: the outer texts only say that connecting failed.
fn reason(error: &tokio_postgres::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helper::find;
    use crate::server::ProvisionOptions;

    #[test]
    fn the_user_is_taken_out_of_the_servers_url() {
        let (user, place) = user_and_place("postgres://app@db.example:5432/x?sslmode=require").unwrap();
        assert_eq!((user.as_str(), place), ("app", "db.example:5432/x?sslmode=require"));
        assert_eq!(user_and_place("postgres://db.example/x"), None);
    }

    /// Of what is at hand, which may be nothing: the tests on real servers skip by name.
    #[tokio::test]
    async fn a_database_comes_goes_and_comes_back() {
        let Ok(options) = ProvisionOptions::from_env() else { return };
        let wheel = crate::helper::wheel::kept(&options.cache).map(Installation::Wheel);
        for installation in find(&options).into_iter().chain(wheel) {
            comes_goes_and_comes_back(&installation).await;
        }
    }

    async fn comes_goes_and_comes_back(installation: &Installation) {
        let private = tempfile::tempdir().unwrap();
        let database = Database::start(installation, private.path(), None).await.unwrap();
        let session = database.session().await.unwrap();
        assert_eq!(session.roles().await.unwrap(), [""; 0]);
        let name = format!("v-x-{}-1", database.mark());
        session.execute(&format!("CREATE ROLE \"{name}\" LOGIN PASSWORD 'right'")).await.unwrap();
        assert_eq!(session.roles().await.unwrap(), std::slice::from_ref(&name));
        assert_eq!(database.log_in(&name, "right").await, Login::Worked);
        assert!(matches!(database.log_in(&name, "wrong").await, Login::Refused(_)));
        let (_, evidence) = database.kill().await.unwrap();
        assert!(evidence.contains("signal 9") && evidence.contains("refused"), "{evidence}");
        assert!(session.roles().await.is_err());
        assert!(matches!(database.log_in(&name, "right").await, Login::Unclear(_)));
        database.bring_back().await.unwrap();
        a_database_of_ones_own(&database).await;
        assert_eq!(database.session().await.unwrap().roles().await.unwrap(), [name]);
        drop(database);
        assert!(std::fs::symlink_metadata(private.path().join("postgres")).is_err());
        let log = std::fs::read_to_string(private.path().join("postgres.log")).unwrap();
        assert!(!log.contains("right"), "{log}");
    }

    async fn a_database_of_ones_own(database: &Database) {
        use crate::helper::{Ran, RoleFacts};
        let scratch = database.scratch().await.unwrap();
        let access = scratch.server_access();
        let read = "SELECT * FROM orders";
        assert_eq!(scratch.run_as(&access.username, &access.password, read).await, Ran::Done);
        let wrong = scratch.run_as(&access.username, "wrong", read).await;
        assert_eq!(wrong, Ran::NoLogin("28P01".to_owned()));
        let guest = "CREATE ROLE guest LOGIN PASSWORD 'g' VALID UNTIL '1970-01-01 00:01:00Z'";
        scratch.execute(guest).await.unwrap();
        assert_eq!(scratch.guests().await.unwrap(), [""; 0]);
        scratch.execute("GRANT SELECT ON orders TO guest").await.unwrap();
        assert_eq!(scratch.guests().await.unwrap(), ["guest"]);
        let facts = scratch.role("guest").await.unwrap();
        assert_eq!(facts, Some(RoleFacts { valid_until_s: Some(60.0) }));
        scratch.execute("ALTER ROLE guest VALID UNTIL 'infinity'").await.unwrap();
        let write = "INSERT INTO orders VALUES (1, 'x')";
        assert_eq!(scratch.run_as("guest", "g", write).await, Ran::Refused("42501".to_owned()));
        let username = access.username.clone();
        scratch.give_back().await;
        assert_eq!(scratch.execute(read).await.map_err(drop), Err(()));
        assert!(matches!(database.log_in(&username, &access.password).await, Login::Refused(_)));
    }
}
