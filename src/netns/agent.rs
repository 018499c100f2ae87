//! The agent as a process: it stands in one node's network namespace and does what its controller asks.
//!
//! Its rules go when it goes: at the end of its input, at SIGTERM, or when nobody reads its answers.

use super::clock::now_ns;
use super::hold;
use super::part::Part;
use super::probes::Probes;
use super::protocol::{Answer, Answered, Asked, Request};
use super::queue::Queue;
use super::{rules, table};
use crate::machine::priority;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What the hidden subcommand `link-agent` does: in the network namespace it was started in.
pub fn main() -> ExitCode {
    // A packet that is due must not wait for a core; what is done is little.
    priority::be_prompt();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = say(0, Answer::Failed(format!("no runtime: {error}")));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(live()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = say(0, Answer::Failed(why));
            ExitCode::FAILURE
        }
    }
}

struct Agent {
    queue: Result<Queue, String>,
    probes: Probes,
}

async fn live() -> Result<(), String> {
    let mut terminated = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    table::apply(&rules::prepare()).await?;
    let served = tokio::select! {
        served = serve() => served,
        _ = terminated.recv() => Ok(()),
    };
    table::apply(&rules::remove()).await?;
    served
}

async fn serve() -> Result<(), String> {
    let probes = Probes::start().map_err(|error| format!("no socket for probes: {error}"))?;
    let (queue, holds) = match start_holding().await {
        Ok((queue, means)) => (Ok(queue), Ok(means)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    let agent = Agent { queue, probes };
    say(0, Answer::Ready { probe_port: agent.probes.port(), holds }).map_err(|error| error.to_string())?;
    let mut lines = input();
    while let Some(line) = lines.recv().await {
        let (number, answer) = match serde_json::from_str::<Asked>(&line) {
            Ok(Asked { number, request }) => (number, agent.answer(request).await),
            Err(error) => (0, Answer::Failed(format!("this is no request: {error}"))),
        };
        if say(number, answer).is_err() {
            break;
        }
    }
    Ok(())
}

/// Our input by lines, until it ends. The thread that waits for them does not keep us from ending.
fn input() -> mpsc::UnboundedReceiver<String> {
    let (lines, received) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    received
}

/// The listener first: a rule without one lets all pass.
async fn start_holding() -> Result<(Queue, String), String> {
    let queue = Queue::start().map_err(|error| format!("packets cannot be held back here: {error}"))?;
    Ok((queue, hold::fill().await?))
}

impl Agent {
    async fn answer(&self, request: Request) -> Answer {
        let answer = match request {
            Request::Set(part) => self.set(&part).await,
            Request::ProbeListen { probe } => {
                self.probes.listen(probe);
                Ok(Answer::Listening)
            }
            Request::ProbeSend { probe, to, packets, every_ms } => {
                let sending = self.probes.send(probe, to, packets, Duration::from_millis(every_ms));
                sending.map(|()| Answer::Sending).map_err(|error| error.to_string())
            }
            Request::ProbeSeen { probe } => Ok(Answer::Seen { packets: self.probes.seen(probe) }),
            Request::Show => table::show().await.map(Answer::Table),
        };
        answer.unwrap_or_else(Answer::Failed)
    }

    async fn set(&self, part: &Part) -> Result<Answer, String> {
        // The holder first, so that no packet meets terms that are past. What waits is judged anew with this.
        match &self.queue {
            Ok(queue) => queue.set(part)?,
            Err(why) if rules::needs_hold(part) => return Err(why.clone()),
            Err(_) => {}
        }
        table::apply(&rules::set(part, self.queue.is_ok())).await?;
        let at_ns = now_ns();
        let stands = table::show().await?;
        let rules = stands.lines().filter(|line| line.contains("counter")).count();
        Ok(Answer::Set { at_ns, rules })
    }
}

fn say(number: u64, answer: Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Answered { number, answer })?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}
