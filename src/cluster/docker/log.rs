//! What a container prints, in the node's log, across its restarts.

use crate::docker::Engine;
use futures_util::StreamExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

/// Follows one container into one file.
pub struct LogCopy {
    engine: Engine,
    container: String,
    file: PathBuf,
    /// What of the file is from containers before this one, in bytes.
    earlier: Mutex<usize>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// The last words of a container that ended are there at once.
const ENDS_WITHIN: Duration = Duration::from_secs(3);
const AGAIN_AFTER: Duration = Duration::from_millis(200);

impl LogCopy {
    pub fn new(engine: Engine, container: String, file: PathBuf) -> Self {
        Self { engine, container, file, earlier: Mutex::default(), task: Mutex::default() }
    }

    /// To be called after each start of the container.
    pub async fn follow(&self) {
        self.finish().await;
        let (engine, container, file) = (self.engine.clone(), self.container.clone(), self.file.clone());
        let earlier = *self.earlier.lock().unwrap();
        let task = tokio::spawn(async move {
            // The engine may drop us while the container runs; it keeps all output, so nothing is lost.
            loop {
                match copy(&engine, &container, &file, earlier).await {
                    Err(Broken::File) => return,
                    Ok(()) if !is_running(&engine, &container).await => return,
                    Ok(()) | Err(Broken::Engine) => tokio::time::sleep(AGAIN_AFTER).await,
                }
            }
        });
        *self.task.lock().unwrap() = Some(task);
    }

    /// To be called between a container that ended and another of the same name.
    pub async fn begin_anew(&self) {
        self.finish().await;
        let len = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        *self.earlier.lock().unwrap() = len as usize;
    }

    /// Waits until the end of a container that ended is in the file.
    pub async fn finish(&self) {
        let task = self.task.lock().unwrap().take();
        if let Some(mut task) = task
            && tokio::time::timeout(ENDS_WITHIN, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for LogCopy {
    fn drop(&mut self) {
        if let Ok(Some(task)) = self.task.get_mut().map(Option::take) {
            task.abort();
        }
    }
}

enum Broken {
    Engine,
    /// Cannot be written; the journal, on the same disk, will say so.
    File,
}

/// Appends what the file does not have yet: the engine tells everything since the container was made.
async fn copy(engine: &Engine, container: &str, file: &Path, earlier: usize) -> Result<(), Broken> {
    let to = OpenOptions::new().create(true).append(true).open(file).await;
    let mut to = to.map_err(|_| Broken::File)?;
    let mut had = to.metadata().await.map_err(|_| Broken::File)?.len() as usize;
    had = had.saturating_sub(earlier);
    let mut output = engine.output(container, true);
    while let Some(chunk) = output.next().await {
        let chunk = chunk.map_err(|_| Broken::Engine)?;
        let new = &chunk[had.min(chunk.len())..];
        had -= chunk.len() - new.len();
        to.write_all(new).await.map_err(|_| Broken::File)?;
        to.flush().await.map_err(|_| Broken::File)?;
    }
    Ok(())
}

async fn is_running(engine: &Engine, container: &str) -> bool {
    engine.inspect_container(container).await.is_ok_and(|state| state.running)
}
