//! Container images of servers: made of a binary, or somebody's by name.

use super::subject::NoSubject;
use crate::docker::{DockerError, Engine, Image, ImageSource, Owner};
use crate::machine::drawn_mark;
use crate::model::Server;
use crate::server::{Product, ServerBinary, read_version};

/// An image, and what server is in it.
pub struct ServerImage {
    pub image: Image,
    pub server: Server,
    /// The server's program, as the image's PATH finds it.
    pub program: String,
}

impl From<DockerError> for NoSubject {
    fn from(error: DockerError) -> Self {
        NoSubject::trouble(error)
    }
}

/// Makes the image of a binary, unless the engine has it.
pub fn image_of(binary: &ServerBinary, say: &mut dyn FnMut(&str)) -> Result<ServerImage, NoSubject> {
    let program = binary.product.binary().to_owned();
    let source = ImageSource {
        product: binary.product.to_string(),
        version: binary.version.clone(),
        binary: binary.path.clone(),
        sha256: binary.sha256.clone(),
        program: program.clone(),
    };
    let image =
        wait(async { Engine::connect().await?.build_image(&source, say).await.map_err(NoSubject::from) })?;
    let server = Server { product: source.product, version: source.version };
    Ok(ServerImage { image, server, program })
}

/// Finds or pulls the image, and asks it which server it holds.
pub fn image_named(reference: &str, say: &mut dyn FnMut(&str)) -> Result<ServerImage, NoSubject> {
    wait(async {
        let engine = Engine::connect().await?;
        let image = engine.named_image(reference, say).await?;
        let scratch = tempfile::tempdir().map_err(NoSubject::trouble)?;
        let run_id = drawn_mark();
        // Nobody holds the lock: whether we live is told by our process.
        let owner = Owner { run_id, lock: scratch.path().join("lock") };
        for product in Product::ALL {
            let said = engine.ask_image(&owner, &image, product.binary(), "version").await?;
            if let Some((product, version)) = said.as_deref().and_then(read_version) {
                let server = Server { product: product.to_string(), version };
                return Ok(ServerImage { image, server, program: product.binary().to_owned() });
            }
        }
        let programs = Product::ALL.map(Product::binary).join("` nor `");
        Err(NoSubject::trouble(format!(
            "the image {reference} holds no server: neither `{programs}` is on its PATH and says its version"
        )))
    })
}

fn wait<T>(work: impl Future<Output = Result<T, NoSubject>>) -> Result<T, NoSubject> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(NoSubject::trouble)?.block_on(work)
}
