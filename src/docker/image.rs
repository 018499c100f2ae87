//! Images: made here from a server's program, or somebody's by name.

use super::archive::{Recipe, check_static, hex, write};
use super::{ContainerPlan, DockerError, Engine, Owner};
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptions, ImportImageOptions};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// A program to make an image from.
#[derive(Clone, Debug)]
pub struct ImageSource {
    /// `openbao` or `vault`.
    pub product: String,
    pub version: String,
    pub binary: PathBuf,
    /// Of the binary as it is now; 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The program's name in the image.
    pub program: String,
}

/// An image that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Name and tag.
    pub name: String,
    /// `sha256:…`
    pub id: String,
    /// Whether it was made or pulled just now.
    pub is_new: bool,
}

/// Changes with what the image holds beside the program.
const RECIPE: &str = "1";
const BINARY: &str = "vaultquake.binary-sha256";
/// A version is printed at once; a pull may have just ended, and the disk be busy.
const ASKED_WITHIN: Duration = Duration::from_secs(60);
const CHUNK_LEN: usize = 1 << 20;

/// `vaultquake/openbao:2.7.2-…`: the version for people, the hash of the content for us.
pub fn image_name(source: &ImageSource) -> String {
    let content = Sha256::new_with_prefix(format!("{RECIPE} {} {}", source.program, source.sha256));
    // A tag knows no `+`, which versions may have.
    let version = source.version.replace('+', "_");
    format!("vaultquake/{}:{version}-{}", source.product, &hex(content)[..12])
}

impl Engine {
    /// Makes the image, unless it is there. `say` is told before it takes long.
    pub async fn build_image(
        &self,
        source: &ImageSource,
        say: &mut dyn FnMut(&str),
    ) -> Result<Image, DockerError> {
        let name = image_name(source);
        if let Some((id, binary)) = self.find_image(&name).await?
            && binary.as_deref() == Some(source.sha256.as_str())
        {
            return Ok(Image { name, id, is_new: false });
        }
        check_static(&source.binary)?;
        say(&format!("making the image {name}"));
        let archive = archive_stream(source.clone(), name.clone());
        let options = ImportImageOptions { quiet: true, ..ImportImageOptions::default() };
        let answers = self.api.import_image(options, bollard::body_try_stream(archive), None);
        let answers: Result<Vec<_>, _> = answers.try_collect().await;
        answers.map_err(DockerError::failed(format!("load the image {name}")))?;
        let (id, _) = self.find_image(&name).await?.ok_or_else(|| DockerError::Failed {
            doing: format!("load the image {name}"),
            why: "it was taken, and is not there".to_owned(),
            status: None,
        })?;
        Ok(Image { name, id, is_new: true })
    }

    /// An image by the name that a person gave; pulled when it is not there.
    pub async fn named_image(
        &self,
        reference: &str,
        say: &mut dyn FnMut(&str),
    ) -> Result<Image, DockerError> {
        if let Some((id, _)) = self.find_image(reference).await? {
            return Ok(Image { name: reference.to_owned(), id, is_new: false });
        }
        say(&format!("pulling {reference}"));
        let no_image = |why: String| DockerError::NoImage { reference: reference.to_owned(), why };
        let options =
            CreateImageOptions { from_image: Some(with_tag(reference)), ..CreateImageOptions::default() };
        let mut pulled = self.api.create_image(Some(options), None, None);
        while let Some(step) = pulled.next().await {
            let told: Result<CreateImageInfo, _> = step;
            let told = told.map_err(|error| no_image(DockerError::why(error)))?;
            if let Some(why) = told.error_detail.and_then(|detail| detail.message) {
                return Err(no_image(why));
            }
        }
        let found = self.find_image(reference).await?;
        let (id, _) = found.ok_or_else(|| no_image("the registry has none for this platform".to_owned()))?;
        Ok(Image { name: reference.to_owned(), id, is_new: true })
    }

    /// What `program argument` prints in the image; `None` when the image has no such program.
    pub async fn ask_image(
        &self,
        owner: &Owner,
        image: &Image,
        program: &str,
        argument: &str,
    ) -> Result<Option<String>, DockerError> {
        let plan = ContainerPlan {
            name: owner.name(&format!("ask-{program}")),
            image: image.id.clone(),
            command: vec![program.to_owned(), argument.to_owned()],
            user: "65534:65534".to_owned(),
            working_dir: None,
            env: Vec::new(),
            binds: Vec::new(),
            network: None,
        };
        self.create_container(owner, &plan).await?;
        let asked = tokio::time::timeout(ASKED_WITHIN, self.answer(&plan.name)).await;
        let (_, trouble) = self.remove_run(&owner.run_id).await;
        let asked = asked.unwrap_or_else(|_| {
            let why = format!("it did not end within {} s", ASKED_WITHIN.as_secs());
            Err(DockerError::Failed { doing: format!("run `{program} {argument}`"), why, status: None })
        })?;
        match trouble.into_iter().next() {
            None => Ok(asked),
            Some(why) => Err(DockerError::Failed { doing: "clean up".to_owned(), why, status: None }),
        }
    }

    async fn answer(&self, name: &str) -> Result<Option<String>, DockerError> {
        match self.start_container(name).await {
            Ok(()) => {}
            // The program is not there, or may not be executed.
            Err(error) if matches!(error.status(), Some(400 | 404)) => return Ok(None),
            Err(error) => return Err(error),
        }
        let output: Vec<Bytes> = self.output(name, true).try_collect().await?;
        Ok(Some(String::from_utf8_lossy(&output.concat()).into_owned()))
    }

    /// Its id, and the program it was made from if it is one of ours.
    async fn find_image(&self, name: &str) -> Result<Option<(String, Option<String>)>, DockerError> {
        let seen = self.api.inspect_image(name).await;
        match seen.map_err(DockerError::failed(format!("look for the image {name}"))) {
            Ok(image) => {
                let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
                Ok(Some((image.id.unwrap_or_default(), labels.get(BINARY).cloned())))
            }
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Without a tag the engine would pull every one there is.
fn with_tag(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

/// The archive as it is written, by a thread that may wait for the disk.
fn archive_stream(
    source: ImageSource,
    name: String,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let recipe = Recipe {
            binary: &source.binary,
            program: &source.program,
            name: &name,
            labels: vec![
                (BINARY, source.sha256.clone()),
                ("org.opencontainers.image.title", source.product.clone()),
                ("org.opencontainers.image.version", source.version.clone()),
            ],
        };
        let to = io::BufWriter::with_capacity(CHUNK_LEN, ToChannel(&sender));
        if let Err(error) = write(&recipe, to) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    })
}

struct ToChannel<'a>(&'a tokio::sync::mpsc::Sender<io::Result<Bytes>>);

impl Write for ToChannel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Ok(Bytes::copy_from_slice(bytes));
        self.0.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(version: &str, sha256: &str) -> ImageSource {
        ImageSource {
            product: "openbao".into(),
            version: version.into(),
            binary: "/x/bao".into(),
            sha256: sha256.into(),
            program: "bao".into(),
        }
    }

    #[test]
    fn the_tag_carries_the_version_and_the_content() {
        let name = image_name(&source("2.7.2", "aa"));
        assert!(name.starts_with("vaultquake/openbao:2.7.2-"), "{name}");
        assert_eq!(name, image_name(&source("2.7.2", "aa")));
        assert_ne!(name, image_name(&source("2.7.2", "bb")));
        assert!(!image_name(&source("1.20.0+ent", "aa")).contains('+'));
    }

    #[test]
    fn only_a_bare_name_gets_a_tag() {
        assert_eq!(with_tag("openbao/openbao"), "openbao/openbao:latest");
        for reference in ["a/b:1", "localhost:5000/a:1", "a@sha256:00"] {
            assert_eq!(with_tag(reference), reference);
        }
        assert_eq!(with_tag("localhost:5000/a"), "localhost:5000/a:latest");
    }
}
