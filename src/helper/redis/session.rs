//! A connection to a Redis as one who looks into it: everything that it holds, whoever put it there.

use super::RedisError;
use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, Value};

/// Where a Redis is, and the password to it. Cheap to clone; the password is never shown.
#[derive(Clone)]
pub struct RedisAddress(ConnectionInfo);

/// One key with all that is behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    pub key: Vec<u8>,
    /// Values, fields, members, one after the other.
    pub parts: Vec<Vec<u8>>,
}

/// Kinds of keys, with the command that shows everything behind one.
const KINDS: [(&str, &[&str]); 6] = [
    ("string", &["GET"]),
    ("hash", &["HGETALL"]),
    ("list", &["LRANGE", "0", "-1"]),
    ("set", &["SMEMBERS"]),
    ("zset", &["ZRANGE", "0", "-1"]),
    ("stream", &["XRANGE", "-", "+"]),
];
const KEYS_AT_A_TIME: &str = "1000";

impl RedisAddress {
    /// `url` holds no password; it would stand in command lines.
    pub fn new(url: &str, password: Option<&str>) -> Result<Self, RedisError> {
        let info = url.into_connection_info().map_err(|error| RedisError::failed("use its URL", error))?;
        let mut login = info.redis_settings().clone();
        if let Some(password) = password {
            login = login.set_password(password);
        }
        Ok(Self(info.set_redis_settings(login)))
    }

    pub(super) fn client(&self) -> Result<Client, RedisError> {
        Client::open(self.0.clone()).map_err(|error| RedisError::failed("use its URL", error))
    }
}

pub struct RedisSession {
    connection: MultiplexedConnection,
}

impl RedisSession {
    /// Connects and asks for a sign of life.
    pub async fn open(address: &RedisAddress) -> Result<Self, RedisError> {
        let connection = address.client()?.get_multiplexed_async_connection().await;
        let connection = connection.map_err(|error| RedisError::failed("reach it", error))?;
        let mut session = Self { connection };
        session.send(&["PING"]).await?;
        Ok(session)
    }

    /// One command in its words.
    pub async fn send(&mut self, words: &[&str]) -> Result<Value, RedisError> {
        let (name, arguments) = words.split_first().ok_or_else(|| RedisError::failed("ask", "nothing"))?;
        let mut command = redis::cmd(name);
        for argument in arguments {
            command.arg(*argument);
        }
        self.run(command).await
    }

    async fn run(&mut self, command: redis::Cmd) -> Result<Value, RedisError> {
        command.query_async(&mut self.connection).await.map_err(|error| RedisError::failed("ask it", error))
    }

    /// Every key of every database, with all that is behind it.
    pub async fn everything(&mut self) -> Result<Vec<Stored>, RedisError> {
        let about = self.send(&["INFO", "keyspace"]).await?;
        let about = String::from_utf8_lossy(&flatten(about).concat()).into_owned();
        let databases = about.lines().filter_map(|line| line.strip_prefix("db")?.split(':').next());
        let mut all = Vec::new();
        for database in databases {
            self.send(&["SELECT", database]).await?;
            self.of_this_database(&mut all).await?;
        }
        Ok(all)
    }

    async fn of_this_database(&mut self, all: &mut Vec<Stored>) -> Result<(), RedisError> {
        let mut cursor = "0".to_owned();
        loop {
            let page = self.send(&["SCAN", &cursor, "COUNT", KEYS_AT_A_TIME]).await?;
            let mut words = flatten(page).into_iter();
            let next = words.next().ok_or_else(|| RedisError::failed("ask it", "SCAN tells no cursor"))?;
            for key in words {
                // `None` is a key that has gone since.
                if let Some(stored) = self.behind(key).await? {
                    all.push(stored);
                }
            }
            cursor = String::from_utf8_lossy(&next).into_owned();
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    async fn behind(&mut self, key: Vec<u8>) -> Result<Option<Stored>, RedisError> {
        let mut ask = redis::cmd("TYPE");
        ask.arg(&key);
        let kind = self.run(ask).await?;
        let kind = String::from_utf8_lossy(&flatten(kind).concat()).into_owned();
        if kind == "none" {
            return Ok(None);
        }
        let known = KINDS.iter().find(|(name, _)| *name == kind);
        let (_, show) =
            known.ok_or_else(|| RedisError::failed("look at a key", format!("its kind is {kind}")))?;
        let (name, rest) = show.split_first().ok_or_else(|| RedisError::failed("look at a key", "how"))?;
        let mut ask = redis::cmd(name);
        ask.arg(&key);
        for argument in rest {
            ask.arg(*argument);
        }
        let parts = flatten(self.run(ask).await?);
        Ok(Some(Stored { key, parts }))
    }
}

impl Stored {
    /// Whether the key or anything behind it contains these bytes.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let contains = |text: &[u8]| text.windows(bytes.len().max(1)).any(|part| part == bytes);
        contains(&self.key) || self.parts.iter().any(|part| contains(part))
    }
}

impl std::fmt::Debug for Stored {
    /// The key alone: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} parts)", String::from_utf8_lossy(&self.key), self.parts.len())
    }
}

/// All strings of an answer, in order.
pub(super) fn flatten(value: Value) -> Vec<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => vec![bytes],
        Value::SimpleString(text) => vec![text.into_bytes()],
        Value::VerbatimString { text, .. } => vec![text.into_bytes()],
        Value::Int(number) => vec![number.to_string().into_bytes()],
        Value::Array(values) | Value::Set(values) => values.into_iter().flat_map(flatten).collect(),
        Value::Map(pairs) => {
            pairs.into_iter().flat_map(|(key, value)| [flatten(key), flatten(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}
