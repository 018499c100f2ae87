//! Copies of values in Redis, such that no acknowledged write is followed by an older one.
//!
//! A read that was slow could put the older value into the cache after a write took it out. So a write announces itself
//! first: from then until it is settled nothing is served from the cache and nothing is put there. And a read gets a
//! number when it finds nothing, which every write changes: what it puts in counts only when the number is still the same.
//! A writer that dies leaves its announcement; it ends after longer than any request of the server can take.

use super::configurations::Configuration;
use super::kv::Mark;
use redis::aio::MultiplexedConnection;
use redis::{Client, FromRedisValue, IntoConnectionInfo, RedisError, RedisResult, Script};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long a copy may stand.
const COPY_S: u64 = 300;
/// Longer than a read can take.
const NUMBER_S: u64 = 3_600;
/// Longer than the server's longest request, which is 90 s.
const ANNOUNCED_MS: u64 = 120_000;

/// KEYS: copy, number, writers, mark.
const LOOK_UP: &str = "
local mark = redis.call('HMGET', KEYS[4], 'index', 'cluster', 'header')
return {redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or '0',
        mark[1] or '', mark[2] or '', mark[3] or ''}";

/// ARGV: number, copy, seconds.
const FILL: &str = "
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
if redis.call('ZCARD', KEYS[3]) > 0 then return 0 end
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1";

/// ARGV: writer, milliseconds, seconds.
const ANNOUNCE: &str = "
local time = redis.call('TIME')
redis.call('DEL', KEYS[1])
redis.call('INCR', KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('ZADD', KEYS[3], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1";

/// ARGV: writer, seconds, index, cluster, header.
const SETTLE: &str = "
redis.call('DEL', KEYS[1])
redis.call('INCR', KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[1])
if ARGV[3] ~= '' then
  local mark = redis.call('HMGET', KEYS[4], 'index', 'cluster')
  if mark[2] ~= ARGV[4] or tonumber(mark[1]) < tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[4], 'index', ARGV[3], 'cluster', ARGV[4], 'header', ARGV[5])
  end
end
return 1";

/// A Redis that is connected to when it is needed, and again when it was lost.
#[derive(Clone)]
pub struct Store {
    client: Client,
    connection: Arc<Mutex<Option<MultiplexedConnection>>>,
}

impl Store {
    pub fn new(url: &str, password: Option<&str>) -> RedisResult<Self> {
        let info = url.into_connection_info()?;
        let mut login = info.redis_settings().clone();
        if let Some(password) = password {
            login = login.set_password(password);
        }
        let client = Client::open(info.set_redis_settings(login))?;
        Ok(Self { client, connection: Arc::default() })
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut known = self.connection.lock().await;
        if let Some(connection) = known.as_ref() {
            return Ok(connection.clone());
        }
        let connection = self.client.get_multiplexed_async_connection().await?;
        Ok(known.insert(connection).clone())
    }

    async fn lost(&self, error: &RedisError) {
        if error.is_io_error() || error.is_timeout() {
            *self.connection.lock().await = None;
        }
    }

    pub async fn run<T: FromRedisValue>(&self, command: &redis::Cmd) -> RedisResult<T> {
        let mut connection = self.connection().await?;
        let ran = command.query_async(&mut connection).await;
        if let Err(error) = &ran {
            self.lost(error).await;
        }
        ran
    }
}

/// What a look into the cache brings.
pub struct LookedUp {
    pub copy: Option<Configuration>,
    /// For the copy that a read may leave.
    pub number: String,
    /// How far the cluster is known to be, by whichever instance of the service.
    pub mark: Option<Mark>,
}

pub struct Cache {
    store: Store,
    look_up: Script,
    fill: Script,
    announce: Script,
    settle: Script,
}

impl Cache {
    pub fn new(store: Store) -> Self {
        let [look_up, fill, announce, settle] = [LOOK_UP, FILL, ANNOUNCE, SETTLE].map(Script::new);
        Self { store, look_up, fill, announce, settle }
    }

    pub async fn look_up(&self, path: &str) -> RedisResult<LookedUp> {
        let (copy, number, index, cluster, header): (String, String, String, String, String) =
            self.call(&self.look_up, path, &[]).await?;
        let mark = index.parse().ok().map(|index| Mark { index, cluster, header });
        Ok(LookedUp { copy: serde_json::from_str(&copy).ok(), number, mark })
    }

    /// Leaves a copy, unless anything was written since the number was given out.
    pub async fn fill(&self, path: &str, number: &str, copy: &Configuration) -> RedisResult<()> {
        let text = serde_json::to_string(copy).unwrap_or_default();
        self.call::<u64>(&self.fill, path, &[number, &text, &COPY_S.to_string()]).await.map(drop)
    }

    /// From here on there is no copy, until [`Cache::settle`] is called with the same writer.
    pub async fn announce(&self, path: &str, writer: &str) -> RedisResult<()> {
        let arguments = [writer, &ANNOUNCED_MS.to_string(), &NUMBER_S.to_string()];
        self.call::<u64>(&self.announce, path, &arguments).await.map(drop)
    }

    /// It is known what became of the write.
    pub async fn settle(&self, path: &str, writer: &str, mark: Option<&Mark>) -> RedisResult<()> {
        let index = mark.map(|mark| mark.index.to_string()).unwrap_or_default();
        let (cluster, header) = mark.map_or(("", ""), |mark| (&*mark.cluster, &*mark.header));
        let arguments = [writer, &NUMBER_S.to_string(), &index, cluster, header];
        self.call::<u64>(&self.settle, path, &arguments).await.map(drop)
    }

    /// Leaves a copy whatever happens: what broken variants do.
    pub async fn put_unguarded(&self, path: &str, copy: &Configuration) -> RedisResult<()> {
        let text = serde_json::to_string(copy).unwrap_or_default();
        let mut command = redis::cmd("SET");
        command.arg(format!("config-service:copy:{path}")).arg(text).arg("EX").arg(COPY_S);
        self.store.run::<()>(&command).await
    }

    async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        path: &str,
        arguments: &[&str],
    ) -> RedisResult<T> {
        let mut connection = self.store.connection().await?;
        let mut invocation = script.prepare_invoke();
        for kind in ["copy", "number", "writers"] {
            invocation.key(format!("config-service:{kind}:{path}"));
        }
        invocation.key("config-service:mark");
        for argument in arguments {
            invocation.arg(*argument);
        }
        let called = invocation.invoke_async(&mut connection).await;
        if let Err(error) = &called {
            self.store.lost(error).await;
        }
        called
    }
}
