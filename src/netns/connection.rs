//! The way to one agent: how it is started, and how it is asked.

use super::protocol::{Answer, Answered, Asked, Request};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, Lines};
use tokio::sync::Mutex;

/// An agent answers in milliseconds, and is ready in tenths of a second when it must be started in a container.
const WITHIN: Duration = Duration::from_secs(20);

/// Both ends of an agent that was started. Dropping it ends the agent.
pub struct Pipe {
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    pub output: Box<dyn AsyncBufRead + Send + Unpin>,
    /// What must live as long as the agent.
    pub keep: Box<dyn Send>,
}

/// A way into one node's network namespace.
#[async_trait]
pub trait Entrance: Send + Sync {
    /// Starts an agent in there. The error says what is missing.
    async fn open(&self) -> Result<Pipe, String>;
}

/// What an agent said when it was ready.
#[derive(Clone, Debug)]
pub struct Abilities {
    pub probe_port: u16,
    pub holds: Result<String, String>,
}

pub struct Connection {
    /// None once it is closed.
    open: Mutex<Option<Open>>,
    lost: AtomicBool,
}

enum Trouble {
    /// The agent says so.
    Refused(String),
    /// There is no agent any more that one could talk to.
    Lost(String),
}

impl Trouble {
    fn why(self) -> String {
        match self {
            Trouble::Refused(why) | Trouble::Lost(why) => why,
        }
    }
}

struct Open {
    input: Box<dyn AsyncWrite + Send + Unpin>,
    lines: Lines<Box<dyn AsyncBufRead + Send + Unpin>>,
    asked: u64,
    _keep: Box<dyn Send>,
}

impl Connection {
    pub async fn open(entrance: &dyn Entrance) -> Result<(Self, Abilities), String> {
        let Pipe { input, output, keep } = entrance.open().await?;
        let mut open = Open { input, lines: output.lines(), asked: 0, _keep: keep };
        match open.answer(0).await.map_err(Trouble::why)? {
            Answer::Ready { probe_port, holds } => Ok((
                Self { open: Mutex::new(Some(open)), lost: AtomicBool::new(false) },
                Abilities { probe_port, holds },
            )),
            other => Err(unexpected(&other)),
        }
    }

    /// One answer to one request. A request that is given up leaves the connection whole.
    pub async fn ask(&self, request: Request) -> Result<Answer, String> {
        let mut open = self.open.lock().await;
        let Some(open) = open.as_mut() else { return Err("the link agent was ended".to_owned()) };
        open.asked += 1;
        let number = open.asked;
        let asked = serde_json::to_vec(&Asked { number, request }).map_err(|error| error.to_string())?;
        let line = [asked, b"\n".to_vec()].concat();
        let written = tokio::time::timeout(WITHIN, async {
            open.input.write_all(&line).await?;
            open.input.flush().await
        });
        let answer = match written.await {
            Ok(Ok(())) => open.answer(number).await,
            Ok(Err(error)) => Err(Trouble::Lost(format!("the link agent has ended: {error}"))),
            Err(_) => Err(Trouble::Lost("the link agent does not listen".to_owned())),
        };
        answer.map_err(|trouble| {
            if matches!(trouble, Trouble::Lost(_)) {
                self.lost.store(true, Ordering::Relaxed);
            }
            trouble.why()
        })
    }

    /// Whether the agent was found to be gone; its rules may still stand.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Has the agent end, which takes its rules away, and waits for that.
    pub async fn close(&self) {
        let Some(Open { mut input, mut lines, .. }) = self.open.lock().await.take() else { return };
        let _ = input.shutdown().await;
        drop(input);
        let ended = async { while let Ok(Some(_)) = lines.next_line().await {} };
        let _ = tokio::time::timeout(WITHIN, ended).await;
    }
}

impl Open {
    /// The answer of this number; older ones belong to requests that were given up.
    async fn answer(&mut self, number: u64) -> Result<Answer, Trouble> {
        let wait = async {
            loop {
                let line = match self.lines.next_line().await {
                    Ok(Some(line)) => line,
                    Ok(None) => return Err(Trouble::Lost("the link agent has ended".to_owned())),
                    Err(error) => {
                        return Err(Trouble::Lost(format!("the link agent cannot be heard: {error}")));
                    }
                };
                let Answered { number: of, answer } = serde_json::from_str(&line)
                    .map_err(|error| Trouble::Lost(format!("the link agent said something else: {error}")))?;
                match answer {
                    Answer::Failed(why) if of == number || of == 0 => return Err(Trouble::Refused(why)),
                    answer if of == number => return Ok(answer),
                    _ => {}
                }
            }
        };
        let late = || Trouble::Lost(format!("the link agent did not answer within {} s", WITHIN.as_secs()));
        tokio::time::timeout(WITHIN, wait).await.unwrap_or_else(|_| Err(late()))
    }
}

pub fn unexpected(answer: &Answer) -> String {
    format!("the link agent answered something else: {answer:?}")
}
